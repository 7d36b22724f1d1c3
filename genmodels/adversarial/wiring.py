"""Who is told what: the wiring of a model, measured while it takes its steps, not read off a drawing.

Every network is a box. One box's output is exchanged for another while the outputs of all others are held; whatever
arrives elsewhere changed has a wire from that box. Labels, which have no gradient, are treated like everything else.
What a term reads of a network by its *derivative* shows no wire: an exchanged output is the old one plus a constant.
"""

from __future__ import annotations

import ast
import copy
import inspect
import sys
import textwrap
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from types import FunctionType
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from .. import training
from ..batches import Batch, parts
from ..data import Pairs
from .game import Sampler, Term, critic_step, generator_step, play
from .networks import Generator
from .objectives import NON_SATURATING, Objective


class Model(NamedTuple):
    """A model as the arguments of `play`: two players, data, an objective, and the terms either player is charged."""

    name: str
    generator: Generator
    critic: nn.Module
    data: Sampler
    objective: Objective = NON_SATURATING
    penalties: tuple[Term, ...] = ()
    generator_terms: tuple[Term, ...] = ()


@dataclass(frozen=True)
class Wiring:
    """A model as a graph: what feeds what, and which loss moves which network.

    Nodes are sources (`noise.z`, `data.x`), networks (`generator.network`, `critic.head`), the `score`, and losses:
    the `objective` and the terms by name. An edge is a *direct* connection, with everything else held fixed.
    """

    name: str
    sources: tuple[str, ...]
    networks: tuple[str, ...]
    losses: tuple[str, ...]
    edges: frozenset[tuple[str, str]]
    moves: frozenset[tuple[str, str]]

    def into(self, node: str) -> set[str]:
        """What enters a node directly."""
        return {start for start, goal in self.edges if goal == node}

    def reaches(self, start: str, goal: str, *, held: Iterable[str] = ()) -> bool:
        """Whether a change of `start` can change `goal` while the nodes in `held` keep what they give."""
        seen, fresh, blocked = {start}, {start}, set(held) - {start}
        while fresh:
            fresh = {b for a, b in self.edges if a in fresh - blocked} - seen
            seen |= fresh
        return goal in seen


def wiring(model: Model, *, rows: int = 32, seed: int = 0) -> Wiring:
    """Measure the wiring in one step of the critic and one of the generator, on copies: the model stays as it is."""
    calm = _Probe()
    _both_steps(model, calm, rows=rows, seed=seed)
    edges = set()
    for node, values in calm.left.items():
        stirred = _Probe(held={**calm.left, node: [_another(value, call=k) for k, value in enumerate(values)]})
        _both_steps(model, stirred, rows=rows, seed=seed)
        edges |= {(node, goal) for goal in calm.entered if _differ(calm.entered[goal], stirred.entered[goal])}
    boxes = [*networks(model.generator, "generator"), *networks(model.critic, "critic")]
    sources = [node for node in calm.left if node not in (*boxes, "score")]
    losses = [node for node in calm.entered if node not in (*boxes, "score")]
    moves = set(_moves(model, rows=rows, seed=seed))
    return Wiring(model.name, tuple(sources), tuple(boxes), tuple(losses), frozenset(edges), frozenset(moves))


def networks(module: nn.Module, name: str) -> dict[str, nn.Module]:
    """The boxes: the largest parts that are plain `torch.nn` modules, or own parameters; what has none is a wire."""
    if not any(True for _ in module.parameters()):
        return {}
    plain = type(module).__module__.startswith("torch.nn") and not isinstance(module, nn.ModuleDict | nn.ModuleList)
    if plain or any(True for _ in module.parameters(recurse=False)):
        return {name: module}
    children = [networks(child, f"{name}.{path}") for path, child in module.named_children()]
    return {path: box for child in children for path, box in child.items()}


class _Probe:
    """Writes down what enters and what leaves every node, call by call; what is `held` leaves as it is told."""

    def __init__(self, held: Mapping[str, list[Tensor]] | None = None) -> None:
        self.entered: dict[str, list[Tensor]] = defaultdict(list)
        self.left: dict[str, list[Tensor]] = defaultdict(list)
        self.held = held or {}

    def enters(self, node: str, *values: Tensor) -> None:
        self.entered[node] += [value.detach().clone() for value in values]

    def leaves(self, node: str, value: Tensor) -> Tensor:
        call = len(self.left[node])
        self.left[node].append(value.detach().clone())
        if node not in self.held:
            return value
        told = self.held[node][call]
        return told + (value - value.detach()) if value.is_floating_point() else told  # the gradient still flows

    def batch(self, source: str, names: Sequence[str], batch: Batch) -> Batch:
        told = tuple(self.leaves(f"{source}.{name}", part) for name, part in zip(names, parts(batch), strict=True))
        return told if isinstance(batch, tuple) else told[0]

    def objective(self, objective: Objective) -> Objective:
        def tapped(loss: Any) -> Any:
            def value(*scores: Tensor) -> Tensor:
                found = loss(*scores)
                self.enters("objective", found)
                return found

            return value

        return replace(objective, critic=tapped(objective.critic), generator=tapped(objective.generator))

    def term(self, term: Term) -> Term:
        name = term_name(term)
        if isinstance(term, partial):  # a term may have brought data of its own
            own = {k: _Tapped(v.x, v.y, self, k) for k, v in term.keywords.items() if isinstance(v, Pairs)}
            term = partial(term, **own)

        def value(critic: Any, real: Any, fake: Any, *, rng: torch.Generator) -> Tensor:
            found = term(critic, real, fake, rng=rng)
            self.enters(name, found)
            return found

        return value


@dataclass(frozen=True)
class _Tapped(Pairs):
    """Labelled data that a term draws from, watched."""

    probe: _Probe
    name: str

    def sample(self, sample_shape: Sequence[int], *, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        x, y = parts(self.probe.batch(self.name, "xy", super().sample(sample_shape, rng=rng)))
        return x, y


def term_name(term: Any) -> str:
    """A term's name, also when some of its arguments are given."""
    return term_name(term.func) if isinstance(term, partial) else term.__name__


def _both_steps(model: Model, probe: _Probe, *, rows: int, seed: int) -> None:
    """One real step of either player; the learning rate 0 keeps the second from seeing what the first one learned."""
    generator, critic = copy.deepcopy((model.generator, model.critic))
    for player, name in ((generator, "generator"), (critic, "critic")):
        for path, box in networks(player, name).items():
            box.register_forward_pre_hook(lambda _, given, path=path: probe.enters(path, *given))
            box.register_forward_hook(lambda _, __, out, path=path: probe.leaves(path, out))

    def scored(_: nn.Module, __: Any, out: Tensor) -> Tensor:
        probe.enters("score", out)
        return probe.leaves("score", out)

    critic.register_forward_hook(scored)
    real, z = _first_batch(model, rows=rows, seed=seed)
    real = probe.batch("data", ["x", *_symbols(real)], real)
    z = probe.batch("noise", ["z", *_symbols(z)], z)
    model = model._replace(
        generator=generator,
        critic=critic,
        objective=probe.objective(model.objective),
        penalties=tuple(probe.term(term) for term in model.penalties),
        generator_terms=tuple(probe.term(term) for term in model.generator_terms),
    )
    _step("critic", model, real, z, lr=0.0, seed=seed)
    _step("generator", model, real, z, lr=0.0, seed=seed)


def _first_batch(model: Model, *, rows: int, seed: int) -> tuple[Batch, Batch]:
    stream = training.rng(seed)
    return model.data.sample((rows,), rng=stream), model.generator.noise(rows, rng=stream)


def _symbols(batch: Batch) -> list[str]:
    """What comes with a sample: a label y if whole numbers, else a code c."""
    return ["c" if part.is_floating_point() else "y" for part in parts(batch)[1:]]


def _step(player: str, model: Model, real: Batch, z: Batch, *, lr: float, seed: int) -> None:
    with training.isolated(training.apart(seed)):  # networks with noise of their own draw the same one each time
        stream = training.rng(seed)
        moving = model.critic if player == "critic" else model.generator
        optimizer = torch.optim.SGD(moving.parameters(), lr=lr)
        game = model.generator, model.critic, model.objective, optimizer
        if player == "critic":
            critic_step(*game, real, z, penalties=model.penalties, rng=stream)
        else:
            generator_step(*game, z, real=real, terms=model.generator_terms, rng=stream)


_SILENT = Objective(
    "none", critic=lambda real, fake: 0 * (real.sum() + fake.sum()), generator=lambda fake: 0 * fake.sum()
)


def _moves(model: Model, *, rows: int, seed: int) -> Iterator[tuple[str, str]]:
    """(loss, network) for each network whose weights change in a real step that is charged this loss alone."""
    for player, terms in (("critic", model.penalties), ("generator", model.generator_terms)):
        alone = [("objective", model.objective, ()), *((term_name(term), _SILENT, (term,)) for term in terms)]
        for loss, objective, charged in alone:
            generator, critic = copy.deepcopy((model.generator, model.critic))
            copied = Model(model.name, generator, critic, model.data, objective, charged, charged)
            boxes = {**networks(generator, "generator"), **networks(critic, "critic")}
            before = copy.deepcopy({path: list(box.parameters()) for path, box in boxes.items()})
            _step(player, copied, *_first_batch(model, rows=rows, seed=seed), lr=1.0, seed=seed)
            yield from ((loss, path) for path, box in boxes.items() if _differ(before[path], list(box.parameters())))


def _another(value: Tensor, *, call: int) -> Tensor:
    """Other values of the same kind: labels all become one of them, numbers get noise, in each call another.

    With the same noise in both, a difference of two calls (feature matching) would not change.
    """
    if not value.is_floating_point():
        return value[[call % len(value)]].expand_as(value).clone()
    return value + torch.randn(value.shape, generator=training.rng(call)).to(value)


def _differ(one: Sequence[Tensor], other: Sequence[Tensor]) -> bool:
    return any(not torch.equal(a, b) for a, b in zip(one, other, strict=True))


# --- how much code a model is ----------------------------------------------------------------------------------------


def pieces(model: Model) -> set[Any]:
    """The functions and classes of this room that a model is made of, with all that these use in turn, and `play`."""
    modules = {type(part) for player in (model.generator, model.critic) for part in player.modules()}
    terms = {term.func if isinstance(term, partial) else term for term in (*model.penalties, *model.generator_terms)}
    found: set[Any] = set()
    fresh: set[Any] = {play, *(piece for piece in modules | terms if _ours(piece))}
    while fresh:
        found |= fresh
        fresh = {name for piece in fresh for name in _named(piece) if _ours(name)} - found
    return found


def _ours(thing: Any) -> bool:
    return isinstance(thing, type | FunctionType) and thing.__module__.startswith(__package__ or "genmodels")


def _named(piece: Any) -> list[Any]:
    """What the source of a function or class names, as far as its module knows it."""
    names = {node.id for node in ast.walk(_parsed(piece)) if isinstance(node, ast.Name)}
    return [vars(sys.modules[piece.__module__]).get(name) for name in names]


def _parsed(piece: Any) -> ast.Module:
    return ast.parse(textwrap.dedent(inspect.getsource(piece)))


def code_lines(piece: Any) -> int:
    """Lines of code of a function or class: without docstrings, comments and blank lines."""
    tree = _parsed(piece)
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [line for line in body if not _is_text(line)] or [ast.Pass()]  # type: ignore[attr-defined]
    lines = {number for node in ast.walk(tree) for number in _lines(node)}
    return len(lines)


def _is_text(line: ast.AST) -> bool:
    return isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant) and isinstance(line.value.value, str)


def _lines(node: ast.AST) -> set[int]:
    """First and last line of a node: between the two lie only lines of its parts."""
    return {node.lineno, node.end_lineno or node.lineno} if isinstance(node, ast.stmt | ast.expr | ast.arg) else set()
