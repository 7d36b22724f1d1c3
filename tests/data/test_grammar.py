"""The grammar world: its table, its parser and its samples are three ways to one distribution."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from genmodels import training
from genmodels.data.grammar import Automaton, Belief, Grammar, Stack, captions
from genmodels.data.text import EOS
from mutants import mutants, refusal, rejects

SMALL = Grammar({"S": {"A b A": 1, "A": 2}, "A": {"x": 1, "x y": 3}})
AMBIGUOUS = Grammar({"S": {"A B": 1, "B A": 3}, "A": {"x": 1, "x x": 1}, "B": {"x": 2, "y": 1}})
WORLDS = {"small": SMALL, "ambiguous": AMBIGUOUS}


@pytest.mark.parametrize("grammar", WORLDS.values(), ids=WORLDS)
def test_everything_by_enumeration(grammar: Grammar) -> None:
    world = grammar.automaton()
    found = list(world.sentences())
    p = torch.tensor([q for _, q in found], dtype=torch.float64)
    assert_close(p.sum().item(), 1.0)
    assert world.support == len(found) == len({said for said, _ in found})
    assert_close(world.entropy, -(p * p.log()).sum().item())
    assert_close(world.mean_length, sum(q * (len(said) - 1) for said, q in found))
    assert world.longest == max(len(said) - 1 for said, _ in found)
    for said, q in found:
        assert_close(float(grammar.probability(grammar.vocabulary.decode(said))), q)


def test_the_parser_sums_over_derivations() -> None:
    """`x x` from A B in two ways of the choice, and from B A; by hand with fractions."""
    half, third = Fraction(1, 2), Fraction(2, 3)
    assert AMBIGUOUS.probability("x x") == Fraction(1, 4) * half * third + Fraction(3, 4) * third * half
    assert AMBIGUOUS.probability("y") == 0
    assert AMBIGUOUS.probability("x x x") == Fraction(1, 4) * half * third + Fraction(3, 4) * third * half


def test_captions_parse_as_they_were_drawn() -> None:
    grammar = captions()
    world = grammar.automaton()
    drawn = world.sample((200,), rng=training.rng(0))
    by_parser = [math.log(grammar.probability(grammar.vocabulary.decode(row))) for row in drawn]
    assert_close(world.log_prob(drawn), torch.tensor(by_parser, dtype=torch.float64))


def test_captions_have_the_entropy_that_their_samples_show() -> None:
    world = captions().automaton()
    surprise = -world.log_prob(world.sample((20_000,), rng=training.rng(1)))
    assert abs(surprise.mean().item() - world.entropy) < 5 * surprise.std().item() / math.sqrt(20_000)


def test_agreement_is_part_of_the_world() -> None:
    world = captions()
    assert world.probability("a man is holding his phone near the street") > 0
    assert world.probability("a man is holding her phone near the street") == 0
    assert world.probability("two children is holding their phone near the street") == 0
    assert world.probability("a man is holding his phone near the street while") == 0


def test_what_is_impossible_or_unfinished() -> None:
    world, encode = SMALL.automaton(), SMALL.vocabulary.encode
    y_first, unended = encode("y x"), encode("x b x")[:-1]
    assert world.log_prob(y_first[None]).item() == -math.inf
    assert world.log_prob(unended[None]).item() == -math.inf
    longer = torch.nn.functional.pad(encode("x"), (0, 3), value=2)
    assert_close(world.log_prob(longer[None]), world.log_prob(encode("x")[None]))  # behind the end nothing counts


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ({"S": {"a S": 1, "a": 1}}, "S leads back to itself"),
        ({"S": {"A B": 1}, "A": {"B": 1}, "B": {"A": 1}}, "leads back to itself"),
        ({"S": {"the NOUN": 1}}, "NOUN is in capitals and has no rule"),
        ({"S": {"a": 1, "b": 0}}, "must be positive"),
    ],
)
def test_rules_that_make_no_world(rules: dict[str, dict[str, int]], said: str) -> None:
    assert said in refusal(ValueError, lambda: Grammar(rules))


# --- three ways to one distribution, and the bugs that separate them -------------------------------------------------

Rules = Mapping[str, Mapping[str, int]]
BEHIND = {"S": {"a c": 1, "a d": 1, "b c": 1, "b d": 3}}  # the same two ways on behind a and b, weighed otherwise
TWICE = {
    "S": {"A B": 1, "B A": 3},
    "A": {"x": 1, "x x": 1},
    "B": {"x": 2, "y": 1},
}  # x x and x x x have two derivations
BY_HAND = {
    "behind": (BEHIND, {"a c": Fraction(1, 6), "a d": Fraction(1, 6), "b c": Fraction(1, 6), "b d": Fraction(1, 2)}),
    "twice": (
        TWICE,
        {
            "x x": Fraction(1, 3), "x x x": Fraction(1, 3), "x y": Fraction(1, 24), "x x y": Fraction(1, 24),
            "y x": Fraction(1, 8), "y x x": Fraction(1, 8),
        },
    ),
}  # fmt: skip


def check_world(make: Callable[[Rules], Grammar]) -> None:
    """Parser and table give the fractions found by hand, and every state's probabilities sum to one."""
    for rules, exact in BY_HAND.values():
        grammar = make(rules)
        world, decode = grammar.automaton(), grammar.vocabulary.decode
        assert {text: grammar.probability(text) for text in exact} == exact
        total = world.prob.sum(dim=1)
        assert (((total - 1).abs() < 1e-12) | (total == 0)).all()
        found = {decode(torch.tensor(said)): p for said, p in world.sentences()}
        assert found.keys() == exact.keys()
        for text, p in found.items():
            assert_close(p, float(exact[text]))


class Unweighted(Grammar):
    """Every option alike: table, parser and samples still agree with each other."""

    def options(self, symbol: str) -> list[tuple[Stack, Fraction]]:
        found = super().options(symbol)
        return [(stack, Fraction(1, len(found))) for stack, _ in found]


class OneDerivation(Grammar):
    """The likeliest derivation for the sum over all (Viterbi for inside)."""

    def probability(self, sentence: str) -> Fraction:
        def ways(stack: Stack, said: Stack) -> Fraction:
            if not stack or stack[0] not in self.rules:
                same = bool(stack) and bool(said) and stack[0] == said[0]
                return ways(stack[1:], said[1:]) if same else Fraction(not stack and not said)
            return max(p * ways((*option, *stack[1:]), said) for option, p in self.options(stack[0]))

        return ways((self.start,), tuple(sentence.split()))


class Overwrites(Grammar):
    """Of two derivations that leave the same rest, the table keeps one."""

    def successors(self, belief: Belief) -> dict[str, Belief]:
        found: dict[str, Belief] = {}
        waiting = list(belief.items())
        while waiting:
            stack, p = waiting.pop()
            if stack and stack[0] in self.rules:
                waiting += [((*option, *stack[1:]), p * q) for option, q in self.options(stack[0])]
            else:
                word, rest = (stack[0], stack[1:]) if stack else (EOS, ())
                found.setdefault(word, {})[rest] = p
        return found


class Merges(Grammar):
    """States are told apart by what may follow, not by how probable it is."""

    def automaton(self) -> Automaton:
        numbers = self.vocabulary.numbers
        beginning: Belief = {(self.start,): Fraction(1)}
        states: dict[frozenset[Stack], int] = {frozenset(beginning): 0}
        edges: list[tuple[int, int, int, Fraction]] = []
        waiting: list[tuple[int, Belief]] = [(0, beginning)]
        while waiting:
            here, belief = waiting.pop()
            for word, left in self.successors(belief).items():
                p = sum(left.values(), Fraction(0))
                rest = {} if word == EOS else {stack: q / p for stack, q in left.items()}
                if (key := frozenset(rest)) not in states:
                    states[key] = len(states)
                    waiting.append((states[key], rest))
                edges.append((here, numbers[word], states[key], p))
        return Automaton.of(edges, states=len(states), vocabulary=self.vocabulary)


def test_the_world_by_hand() -> None:
    check_world(Grammar)


@mutants({f.__name__: f for f in (Unweighted, OneDerivation, Overwrites, Merges)})
def test_the_world_by_hand_rejects(mutant: Callable[[Rules], Grammar]) -> None:
    rejects(check_world, mutant)


Sampler = Callable[..., Tensor]


def check_samples(sample: Sampler) -> None:
    """Every sentence as often as its probability says, word for word up to its end: not the mean surprise alone."""
    n = 20_000
    for rules, exact in BY_HAND.values():
        grammar = Grammar(rules)
        world = grammar.automaton()
        drawn = sample(world, (n,), rng=training.rng(2))
        assert drawn.shape == (n, world.longest + 1)
        rows, counts = drawn.unique(dim=0, return_counts=True)
        said = {grammar.vocabulary.decode(row): int(k) for row, k in zip(rows, counts, strict=True)}
        assert said.keys() <= exact.keys()
        for text, p in exact.items():
            assert abs(said.get(text, 0) / n - p) < 4.5 * math.sqrt(p * (1 - p) / n)


def changed(table: Callable[[Tensor], Tensor]) -> Sampler:
    def sample(world: Automaton, shape: tuple[int, ...], *, rng: torch.Generator) -> Tensor:
        return Automaton(world.follow, table(world.prob), world.vocabulary).sample(shape, rng=rng)

    return sample


def by_sentences(world: Automaton, shape: tuple[int, ...], *, rng: torch.Generator) -> Tensor:
    """Every different sentence equally often."""
    said = [row for row, _ in world.sentences()]
    rows = torch.tensor([(*row, *[0] * (world.longest + 1 - len(row))) for row in said])
    return rows[torch.randint(len(rows), shape, generator=rng)]


def one_for_all(world: Automaton, shape: tuple[int, ...], *, rng: torch.Generator) -> Tensor:
    """One draw, repeated: as if a batch shared its random numbers."""
    return world.sample((1,), rng=rng).expand(*shape, -1)


def test_samples_are_as_frequent_as_they_are_probable() -> None:
    check_samples(Automaton.sample)


@mutants(
    {
        "every possible word alike": changed(lambda p: (p > 0).double()),
        "sharpened": changed(lambda p: p.square()),
        "every sentence alike": by_sentences,
        "one for all": one_for_all,
    }
)
def test_samples_are_as_frequent_as_they_are_probable_rejects(mutant: Sampler) -> None:
    rejects(check_samples, mutant)


Score = Callable[[Automaton, Tensor], Tensor]


def check_log_prob(log_prob: Score) -> None:
    """Up to the first end, that one too; minus infinity for the impossible and for what has no end."""
    grammar = Grammar(TWICE)
    world, encode = grammar.automaton(), grammar.vocabulary.encode
    x = int(encode("x")[0])
    ended = torch.tensor([[x, x, 0, 0], [x, x, 0, x], [x, x, x, 0]])
    assert_close(log_prob(world, ended), torch.full((3,), math.log(1 / 3), dtype=torch.float64))
    assert log_prob(world, torch.tensor([[x, x, x], [x, 0, 0]])).tolist() == [-math.inf, -math.inf]


def each(world: Automaton, tokens: Tensor) -> Tensor:
    return world.prob[world.states(tokens), tokens].log()


def before_the_end(tokens: Tensor) -> Tensor:
    return (tokens == 0).cumsum(dim=1) == 0


@mutants(
    {
        "counts what is behind the end": lambda world, tokens: each(world, tokens).sum(1),
        "the end itself is free": lambda world, tokens: torch.where(
            before_the_end(tokens), each(world, tokens), 0.0
        ).sum(1),
        "needs no end": lambda world, tokens: torch.where(
            before_the_end(tokens).roll(1, dims=1) | (torch.arange(tokens.shape[1]) == 0), each(world, tokens), 0.0
        ).sum(1),
    }
)
def test_the_probability_of_a_sentence_rejects(mutant: Score) -> None:
    rejects(check_log_prob, mutant)


def test_the_probability_of_a_sentence() -> None:
    check_log_prob(Automaton.log_prob)


def numbers(world: Automaton) -> dict[str, float]:
    return {name: getattr(world, name) for name in ("support", "entropy", "mean_length", "longest")}


def check_numbers(measured: Callable[[Automaton], dict[str, float]]) -> None:
    """By hand from the six sentences of TWICE."""
    exact = BY_HAND["twice"][1]
    found = measured(Grammar(TWICE).automaton())
    assert found["support"] == 6 and found["longest"] == 3
    assert_close(found["entropy"], -sum(float(p) * math.log(p) for p in exact.values()))
    assert_close(found["mean_length"], 2.5)


@mutants(
    {
        "bits": lambda world: {**numbers(world), "entropy": world.entropy / math.log(2)},
        "the end is a word": lambda world: {
            **numbers(world), "mean_length": world.mean_length + 1, "longest": world.longest + 1,
        },
        "one step only": lambda world: {**numbers(world), "entropy": -world.prob[0].xlogy(world.prob[0]).sum().item()},
    }
)  # fmt: skip
def test_the_numbers_of_a_world_rejects(mutant: Callable[[Automaton], dict[str, Any]]) -> None:
    rejects(check_numbers, mutant)


def test_the_numbers_of_a_world() -> None:
    check_numbers(numbers)


def test_captions_sum_to_one() -> None:
    """Fifteen million captions are not enumerated: every living state's row, and the mass that reaches the end."""
    world = captions().automaton()
    living = world.prob.sum(dim=1) > 0
    assert_close(world.prob.sum(dim=1)[living], torch.ones(int(living.sum()), dtype=torch.float64))
    assert (world.prob[:, 0] > 0).any() and not living[world.dead]
    mass, ended = torch.zeros(len(world.prob), dtype=torch.float64), 0.0
    mass[0] = 1.0
    for _ in range(world.longest + 1):
        spread = mass[:, None] * world.prob
        ended += spread[:, 0].sum().item()
        spread[:, 0] = 0
        mass = torch.zeros_like(mass).scatter_add_(0, world.follow.flatten(), spread.flatten())
    assert_close(ended, 1.0)
