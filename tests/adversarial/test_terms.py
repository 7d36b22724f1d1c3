"""The grammar of chapter 4: batches may be pairs, and a term is charged to the critic, the generator, or both."""

from __future__ import annotations

import ast
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
import torch
from torch import Tensor, nn
from torch.optim import SGD
from torch.testing import assert_close

from genmodels import training
from genmodels.adversarial import (
    NON_SATURATING,
    WASSERSTEIN,
    Auxiliary,
    Bidirectional,
    Conditional,
    Joint,
    Labels,
    classification,
    critic_step,
    game,
    generator_step,
    gradient_penalty,
    inversion,
    mlp,
    play,
    r1,
    score,
    slopes,
)
from genmodels.adversarial.lipschitz import between
from genmodels.batches import moved, parts, reshaped, samples
from genmodels.data import labelled_ring, ring
from mutants import mutants, refusal, rejects

Players = tuple[Any, nn.Module]
Step = Callable[..., Tensor]


def pair_players(seed: int = 0) -> Players:
    """A conditional generator and a critic of pairs, on the ring with four labels."""
    with training.isolated(seed):
        return Conditional(mlp(2 + 4, 2, width=16), Labels(4), latent=2), Joint(mlp(2 + 4, 1, width=16), Labels(4))


def auxiliary_players() -> Players:
    with training.isolated(0):
        generator = Conditional(mlp(2 + 4, 2, width=16), Labels(4), latent=2)
        return generator, Auxiliary(mlp(2, 8, width=16), width=8, outputs=4)


def encoder_players() -> Players:
    with training.isolated(0):
        generator = Bidirectional(mlp(2, 2, width=16), mlp(2, 2, width=16), latent=2)
        return generator, Joint(mlp(4, 1, width=16))


def moves(player: nn.Module, change: Callable[[], object]) -> list[Tensor]:
    """By how much each parameter of a player moves."""
    before = [p.detach().clone() for p in player.parameters()]
    change()
    return [p.detach() - b for p, b in zip(player.parameters(), before, strict=True)]


# --- batches ---------------------------------------------------------------------------------------------------------


def test_a_batch_is_a_tensor_or_a_tuple() -> None:
    x, y = torch.randn(6, 3), torch.arange(6)
    assert parts(x)[0] is x
    assert parts((x, y)) == (x, y)
    assert samples(x) is x
    assert samples((x, y)) is x
    shaped = reshaped((x, y), (2, 3))
    assert isinstance(shaped, tuple)
    assert [tuple(part.shape) for part in shaped] == [(2, 3, 3), (2, 3)]
    assert isinstance(moved((x, y), torch.device("cpu")), tuple)
    assert isinstance(moved(x, torch.device("cpu")), Tensor)


def test_a_generator_of_pairs_is_sampled_in_any_shape() -> None:
    """The second part is what made the first: given again, with the same noise, it makes the same sample."""
    generator, _ = pair_players()
    x, y = generator.sample((2, 5), rng=training.rng(3))
    assert (x.shape, y.shape) == ((2, 5, 2), (2, 5))
    z, asked = generator.noise(10, rng=training.rng(3))
    assert torch.equal(asked, y.flatten())
    assert_close(generator(z, asked)[0].detach(), x.flatten(0, 1))


# --- who is charged --------------------------------------------------------------------------------------------------


def weights_squared(critic: nn.Module, real: Any, fake: Any, *, rng: torch.Generator) -> Tensor:
    """A term with a known gradient in the critic, w, and none in the generator."""
    return sum((p.square().sum() for p in critic.parameters()), torch.zeros(())) / 2


def lengths_squared(critic: nn.Module, real: Any, fake: Any, *, rng: torch.Generator) -> Tensor:
    """A term with a known gradient in the samples, x / n, and none in the critic."""
    return samples(fake).square().sum(dim=1).mean() / 2


def check_generator_terms(step: Step) -> None:
    """One step of gradient descent moves the generator down the sum of both losses; the loss alone is returned."""
    (generator, critic), real = pair_players(), labelled_ring().sample((16,), rng=training.rng(1))
    z = generator.noise(16, rng=training.rng(2))
    own, term = (
        NON_SATURATING.generator(score(critic, generator(*z))),
        lengths_squared(critic, real, generator(*z), rng=training.rng(0)),
    )
    slopes_of = torch.autograd.grad(own + 3 * term, list(generator.parameters()))
    by = SGD(generator.parameters(), lr=0.1)
    three = partial(_times, term=lengths_squared, factor=3.0)
    still = moves(critic, lambda: None)
    told: list[Tensor] = []
    charged = moves(
        generator, lambda: told.append(step(generator, critic, NON_SATURATING, by, z, real=real, terms=(three,)))
    )
    assert_close(charged, [-0.1 * slope for slope in slopes_of])
    assert_close(told[0], own.detach())
    assert all(bool((move == 0).all()) for move in still)
    assert all(p.grad is None for p in critic.parameters()), "the critic kept a gradient of the generator's step"


def _times(critic: nn.Module, real: Any, fake: Any, *, rng: torch.Generator, term: Any, factor: float) -> Tensor:
    return factor * term(critic, real, fake, rng=rng)


def own_step_for_the_term(
    generator: Any, critic: nn.Module, objective: Any, by: Any, z: Any, *, real: Any, terms: Any
) -> Tensor:
    told = generator_step(generator, critic, objective, by, z)
    by.zero_grad()
    terms[0](critic, real, generator(*parts(z)), rng=training.rng(0)).backward()
    by.step()
    return told


def term_without_gradient(
    generator: Any, critic: nn.Module, objective: Any, by: Any, z: Any, *, real: Any, terms: Any
) -> Tensor:
    """torchgan's mutual information penalty: a new tensor is made of the value, and the graph is gone."""
    dropped = [lambda *a, rng, term=term: torch.tensor([float(term(*a, rng=rng).detach())]).sum() for term in terms]
    return generator_step(generator, critic, objective, by, z, real=real, terms=dropped)


def term_returned_too(
    generator: Any, critic: nn.Module, objective: Any, by: Any, z: Any, *, real: Any, terms: Any
) -> Tensor:
    term = terms[0](critic, real, generator(*parts(z)), rng=training.rng(0)).detach()
    return generator_step(generator, critic, objective, by, z, real=real, terms=terms) + term


def critic_collects(
    generator: Any, critic: nn.Module, objective: Any, by: Any, z: Any, *, real: Any, terms: Any
) -> Tensor:
    """A plain `backward()`: the critic's gradients grow in the generator's step (Lightning issue 591)."""
    by.zero_grad()
    fake = generator(*parts(z))
    loss = objective.generator(score(critic, fake))
    (loss + sum(term(critic, real, fake, rng=training.rng(0)) for term in terms)).backward()
    by.step()
    return loss.detach()


def test_terms_of_the_generator() -> None:
    check_generator_terms(generator_step)


@mutants(
    {
        "forgotten": lambda *a, real, terms: generator_step(*a),
        "a step of its own": own_step_for_the_term,
        "its graph dropped": term_without_gradient,
        "part of the loss that is told": term_returned_too,
        "the critic collects": critic_collects,
    }
)
def test_terms_of_the_generator_rejects(mutant: Step) -> None:
    rejects(check_generator_terms, mutant)


def check_who_is_charged(game_of: Callable[..., object]) -> None:
    """In one round, penalties change where the critic goes; terms of the generator change where it goes, alone."""

    def after(**terms: Any) -> tuple[Tensor, Tensor]:
        generator, critic = auxiliary_players()
        game_of(generator, critic, labelled_ring(), steps=1, batch=32, optimizer=partial(SGD, lr=0.1), **terms)
        ends = (torch.cat([p.detach().flatten() for p in player.parameters()]) for player in (generator, critic))
        return tuple(ends)  # type: ignore[return-value]

    generator, critic = after()
    assert not torch.equal(after(penalties=(weights_squared,))[1], critic), "the critic does not pay"
    charged = after(generator_terms=(lengths_squared,))
    assert not torch.equal(charged[0], generator), "the generator does not pay"
    assert torch.equal(charged[1], critic), "the critic pays what the generator owes"


def test_who_is_charged() -> None:
    check_who_is_charged(play)


@mutants(
    {
        "penalties forgotten": lambda *a, penalties=(), **o: play(*a, **o),
        "generator's terms forgotten": lambda *a, generator_terms=(), **o: play(*a, **o),
        "all to the critic": lambda *a, penalties=(), generator_terms=(), **o: play(
            *a, penalties=(*penalties, *(weights_squared for _ in generator_terms)), **o
        ),
        "all to the generator": lambda *a, penalties=(), generator_terms=(), **o: play(
            *a, generator_terms=(*penalties, *generator_terms), **o
        ),
    }
)
def test_who_is_charged_rejects(mutant: Callable[..., object]) -> None:
    rejects(check_who_is_charged, mutant)


# --- what a term is shown --------------------------------------------------------------------------------------------


def test_the_generators_terms_see_the_last_batch_that_the_critic_saw() -> None:
    seen: dict[str, list[Tensor]] = {"critic": [], "generator": []}

    def note(critic: nn.Module, real: Any, fake: Any, *, rng: torch.Generator, who: str) -> Tensor:
        seen[who].append(samples(real).detach().clone())
        return torch.zeros(())

    terms: dict[str, Any] = {
        "penalties": (partial(note, who="critic"),),
        "generator_terms": (partial(note, who="generator"),),
    }
    play(*pair_players(), labelled_ring(), steps=3, critic_steps=2, batch=8, **terms)
    assert len(seen["critic"]) == 6
    assert [torch.equal(g, seen["critic"][2 * i + 1]) for i, g in enumerate(seen["generator"])] == [True] * 3


def test_terms_without_data_are_refused() -> None:
    generator, critic = pair_players()
    z, by = generator.noise(4, rng=training.rng(0)), SGD(generator.parameters(), lr=0.1)
    said = refusal(
        ValueError, lambda: generator_step(generator, critic, NON_SATURATING, by, z, terms=(lengths_squared,))
    )
    assert "give `real`" in said


def test_a_critic_that_never_moves_leaves_no_data_for_terms() -> None:
    said = refusal(
        ValueError,
        lambda: play(
            *pair_players(), labelled_ring(), steps=1, critic_steps=0, generator_terms=(lengths_squared,), batch=4
        ),
    )
    assert "give `real`" in said


def test_terms_do_not_disturb_a_game_that_has_none() -> None:
    """A term that is always 0 changes no bit: no draw is made for it."""
    runs = []
    for terms in ((), (lambda critic, real, fake, *, rng: torch.zeros(()),)):
        generator, critic = pair_players()
        play(generator, critic, labelled_ring(), steps=3, batch=8, generator_terms=terms)
        runs.append(torch.cat([p.detach().flatten() for p in (*generator.parameters(), *critic.parameters())]))
    assert torch.equal(*runs)


# --- the encoder's side ----------------------------------------------------------------------------------------------


def check_completion(step: Step) -> None:
    """The critic is shown (x, E(x)), scores that as real, and moves neither generator nor encoder."""
    generator, critic = encoder_players()
    real, z = ring().sample((8,), rng=training.rng(0)), generator.noise(8, rng=training.rng(1))
    expected = NON_SATURATING.critic(
        score(critic, (real, generator.encoder(real))), score(critic, generator(z))
    ).detach()
    told: list[Tensor] = []
    by = SGD(critic.parameters(), lr=0.1)
    still = moves(generator, lambda: told.append(step(generator, critic, NON_SATURATING, by, real, z)))
    assert_close(told[0], expected)
    assert all(bool((move == 0).all()) for move in still)
    assert all(p.grad is None for p in generator.parameters())


def real_with_noise(generator: Any, critic: nn.Module, objective: Any, by: Any, real: Any, z: Any) -> Tensor:
    with patch.object(type(generator), "complete", lambda self, x: (x, z)):
        return critic_step(generator, critic, objective, by, real, z)


def encoder_keeps_its_graph(generator: Any, critic: nn.Module, objective: Any, by: Any, real: Any, z: Any) -> Tensor:
    by.zero_grad()
    loss = objective.critic(score(critic, generator.complete(real)), score(critic, generator(z)))
    loss.backward()
    by.step()
    return loss.detach()


def test_the_critic_is_shown_completed_data() -> None:
    check_completion(critic_step)


@mutants({"the samples' latent vectors": real_with_noise, "no detach": encoder_keeps_its_graph})
def test_the_critic_is_shown_completed_data_rejects(mutant: Step) -> None:
    rejects(check_completion, mutant)


# --- runs of pairs are resumed like all others -----------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["labels", "auxiliary", "encoder"])
def test_pairs_are_resumed_bit_for_bit(tmp_path: Path, kind: str) -> None:
    make = {"labels": pair_players, "auxiliary": auxiliary_players, "encoder": encoder_players}[kind]
    world: Any = ring() if kind == "encoder" else labelled_ring()
    terms: dict[str, Any] = {
        "labels": {},
        "auxiliary": {"penalties": (classification,), "generator_terms": (classification,)},
        "encoder": {"generator_terms": (inversion,)},
    }[kind]
    ends = []
    for pieces in ((8,), (4, 8)):
        for steps in pieces:
            players = make()
            play(*players, world, steps=steps, batch=8, checkpoint=tmp_path / str(pieces), checkpoint_every=4, **terms)
        ends.append(torch.cat([p.detach().flatten() for player in players for p in player.parameters()]))
    assert torch.equal(*ends)


def test_a_checkpoint_belongs_to_its_terms(tmp_path: Path) -> None:
    options: dict[str, Any] = {"batch": 8, "checkpoint": tmp_path / "run", "checkpoint_every": 2}
    play(*encoder_players(), ring(), steps=2, generator_terms=(inversion,), **options)
    said = refusal(training.CheckpointError, lambda: play(*encoder_players(), ring(), steps=4, **options))
    assert "terms was ['inversion'], is []" in said


# --- Lipschitz control of critics that read pairs --------------------------------------------------------------------


def test_slopes_of_a_critic_of_pairs() -> None:
    """A linear critic of (x, z): the norm of all its weights. Of (x, y) with a label: of those of x alone."""
    linear = Joint(nn.Linear(4, 1))
    x, z = torch.randn(2, 5, 2, generator=training.rng(0))
    assert_close(slopes(linear, (x, z)), linear.network.weight.norm().expand(5))  # type: ignore[union-attr, operator]
    labelled = Joint(nn.Linear(2 + 3, 1), Labels(3))
    of_x = labelled.network.weight[0, :2].norm()  # type: ignore[union-attr, index]
    assert_close(slopes(labelled, (x, torch.tensor([0, 1, 2, 0, 1]))), of_x.expand(5))


def check_one_share_per_row(mix: Callable[..., Any]) -> None:
    """Both parts of a row are mixed with one number: the point stays on the segment between the two pairs."""
    real, fake = torch.zeros(64, 2), torch.ones(64, 2)
    a, b = mix((real, real), (fake, fake), rng=training.rng(0))
    assert_close(a, b)
    assert_close(a[:, 0], a[:, 1])
    assert len(a[:, 0].unique()) == 64
    assert bool((a >= 0).all() and (a <= 1).all())


def apart(real: Any, fake: Any, *, rng: torch.Generator) -> Any:
    return tuple(between(a, b, rng=rng) for a, b in zip(real, fake, strict=True))


def second_part_kept(real: Any, fake: Any, *, rng: torch.Generator) -> Any:
    return between(real[0], fake[0], rng=rng), real[1]


def test_pairs_are_mixed_with_one_share() -> None:
    check_one_share_per_row(between)


@mutants({"each part by itself": apart, "only the samples": second_part_kept})
def test_pairs_are_mixed_with_one_share_rejects(mutant: Callable[..., Any]) -> None:
    rejects(check_one_share_per_row, mutant)


def test_a_code_that_only_samples_have_is_left_out() -> None:
    x, made, code = (torch.randn(5, 2, generator=training.rng(seed)) for seed in range(3))
    assert torch.equal(between(x, (made, code), rng=training.rng(0)), between(x, made, rng=training.rng(0)))
    said = refusal(ValueError, lambda: between((x, code), made, rng=training.rng(0)))
    assert "data come in 2 parts, samples in 1" in said


def test_labels_cannot_be_mixed_but_r1_holds() -> None:
    (_, critic), pair = pair_players(), labelled_ring().sample((6,), rng=training.rng(0))
    said = refusal(ValueError, lambda: gradient_penalty(critic, pair, pair, rng=training.rng(0)))
    assert "nothing between two labels" in said
    assert_close(r1(critic, pair, pair, rng=training.rng(0)), slopes(critic, pair).square().mean() / 2)


def test_a_critic_of_pairs_under_a_gradient_penalty_plays() -> None:
    generator, critic = encoder_players()
    history = play(
        generator,
        critic,
        ring(),
        WASSERSTEIN,
        steps=2,
        batch=8,
        penalties=(gradient_penalty,),
        generator_terms=(inversion_of_scores,),
    )
    assert history.losses.isfinite().all()


inversion_of_scores = partial(inversion, objective=WASSERSTEIN)


def test_the_loop_knows_no_model_by_name() -> None:
    """The chapter's promise: the five models are arguments, none of them is known to the loop."""
    tree = ast.parse(Path(game.__file__).read_text(encoding="utf-8"))
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    names |= {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    models = {"Conditional", "Joint", "Projection", "Labels", "Auxiliary", "SemiSupervised", "Codes", "Bidirectional"}
    terms = {"classification", "supervised", "feature_matching", "information", "inversion", "encoder", "infer"}
    assert names & (models | terms) == set()
    assert "complete" in names  # the one thing it asks of every generator
