"""Pairs: every sample keeps its label; worlds with labels: their joint, their conditionals, their posterior."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from genmodels.data import MISSING, DataError, ImageSet, LabelledWorld, Pairs, few_labels, labelled_ring, pairs, ring
from genmodels.training import rng
from mutants import mutants, refusal, rejects

LOPSIDED = LabelledWorld(
    torch.tensor([[[0.0, 1.0], [2.0, 0.0]], [[1.0, 1.0], [-1.0, 0.5]], [[0.0, 0.0], [3.0, 3.0]]]), 0.6
)


# --- pairs -----------------------------------------------------------------------------------------------------------


def legible() -> Pairs:
    """Samples in which the label can be read."""
    y = torch.arange(60).remainder(5)
    return Pairs(torch.stack([y.float(), torch.arange(60).float()], dim=1), y)


def check_sample(sample: Callable[..., tuple[Tensor, Tensor]]) -> None:
    source = legible()
    state = torch.get_rng_state()
    x, y = sample(source, (30, 40), rng=rng(0))
    assert (x.shape, y.shape) == ((30, 40, 2), (30, 40))
    assert torch.equal(x[..., 0], y.float()), "a sample lost its label"
    assert len(x[..., 1].unique()) == 60, "some pairs are never drawn"
    assert torch.equal(torch.get_rng_state(), state), "the global stream was used"


def drawn_apart(source: Pairs, sample_shape: tuple[int, ...], *, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    which, other = (torch.randint(len(source), sample_shape, generator=rng) for _ in range(2))
    return source.x[which], source.y[other]


def the_first_rows(source: Pairs, sample_shape: tuple[int, ...], *, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    which = torch.randint(len(source) - 1, sample_shape, generator=rng)
    return source.x[which], source.y[which]


def from_the_global_stream(
    source: Pairs, sample_shape: tuple[int, ...], *, rng: torch.Generator
) -> tuple[Tensor, Tensor]:
    which = torch.randint(len(source), sample_shape)
    return source.x[which], source.y[which]


def test_a_sample_keeps_its_label() -> None:
    check_sample(Pairs.sample)


@mutants({f.__name__: f for f in (drawn_apart, the_first_rows, from_the_global_stream)})
def test_a_sample_keeps_its_label_rejects(mutant: Callable[..., Any]) -> None:
    rejects(check_sample, mutant)


@pytest.mark.parametrize(
    ("y", "says"),
    [
        (torch.zeros(3, dtype=torch.long), "one label per sample"),
        (torch.zeros(4, 1, dtype=torch.long), "one label per sample"),
        (torch.zeros(4), "whole numbers from 0 on"),
        (torch.tensor([0, 1, -2, 0]), "from -2"),
        (torch.tensor([True, False, True, True]), "these are bool"),
    ],
)
def test_what_is_no_label_is_refused(y: Tensor, says: str) -> None:
    raw = object.__new__(Pairs)  # past the tests' own check of types, which a reader does not have
    for name, value in (("x", torch.zeros(4, 2)), ("y", y)):
        object.__setattr__(raw, name, value)
    assert says in refusal(DataError, raw.__post_init__)


def test_no_pair_at_all_is_refused() -> None:
    says = "there is no pair"
    assert says in refusal(DataError, lambda: Pairs(torch.zeros(0, 2), torch.zeros(0, dtype=torch.long)))
    unknown = Pairs(torch.zeros(2, 2), torch.full((2,), MISSING))
    assert says in refusal(DataError, lambda: unknown.known)


def test_pairs_with_a_label_are_known() -> None:
    whole = Pairs(torch.arange(5.0)[:, None], torch.tensor([1, MISSING, 0, MISSING, 2]))
    known = whole.known
    assert known.x.flatten().tolist() == [0.0, 2.0, 4.0]
    assert known.y.tolist() == [1, 0, 2]


def test_images_are_pairs() -> None:
    images = ImageSet(torch.rand(7, 1, 2, 2), torch.arange(7))
    assert torch.equal(pairs(images).x, images.images)
    assert torch.equal(pairs(images).y, images.labels)


Few = Callable[..., Pairs]


def check_few(few_of: Few) -> None:
    """So many of every class, none twice, each with its own label, others from another stream; none without a label."""
    source = legible()
    partly = Pairs(source.x, torch.where(source.x[:, 1] >= 50, MISSING, source.y))
    few, other = (few_of(partly, per_class=4, rng=rng(seed)) for seed in range(2))
    assert (few.y != MISSING).all(), "a sample without a label"
    assert few.y.bincount(minlength=5).tolist() == [4] * 5
    assert len(few.x[:, 1].unique()) == 20, "a pair came twice"
    assert torch.equal(few.x[:, 0], few.y.float()), "a sample lost its label"
    assert set(few.x[:, 1].tolist()) != set(other.x[:, 1].tolist()), "the same ones from every stream"


def with_replacement(source: Pairs, *, per_class: int, rng: torch.Generator) -> Pairs:
    members = [(source.y == k).nonzero().squeeze(1) for k in range(5)]
    kept = torch.cat([m[torch.randint(len(m), (per_class,), generator=rng)] for m in members])
    return Pairs(source.x[kept], source.y[kept])


def the_first_of_every_class(source: Pairs, *, per_class: int, rng: torch.Generator) -> Pairs:
    kept = torch.cat([(source.y == k).nonzero().squeeze(1)[:per_class] for k in range(5)])
    return Pairs(source.x[kept], source.y[kept])


def so_many_of_all(source: Pairs, *, per_class: int, rng: torch.Generator) -> Pairs:
    kept = torch.randperm(len(source.known), generator=rng)[: 5 * per_class]
    return Pairs(source.known.x[kept], source.known.y[kept])


def labels_in_another_order(source: Pairs, *, per_class: int, rng: torch.Generator) -> Pairs:
    few = few_labels(source, per_class=per_class, rng=rng)
    return Pairs(few.x, few.y[torch.randperm(len(few), generator=rng)])


def missing_is_a_class(source: Pairs, *, per_class: int, rng: torch.Generator) -> Pairs:
    few = few_labels(Pairs(source.x, source.y + 1), per_class=per_class, rng=rng)
    return Pairs(few.x, few.y - 1)


FEW = (with_replacement, the_first_of_every_class, so_many_of_all, labels_in_another_order, missing_is_a_class)


@mutants({f.__name__: f for f in FEW})
def test_few_labels_rejects(mutant: Few) -> None:
    rejects(check_few, mutant)


def test_few_labels_are_so_many_of_every_class_and_none_twice() -> None:
    check_few(few_labels)
    assert "there are fewer" in refusal(ValueError, lambda: few_labels(legible(), per_class=13, rng=rng(0)))


# --- worlds with labels ----------------------------------------------------------------------------------------------

Density = Callable[[LabelledWorld, Tensor, Tensor], Tensor]


def check_joint(log_prob: Density) -> None:
    """Over all labels and a fine grid the mass is 1, and summed over labels it is the marginal."""
    edge = torch.linspace(-5, 7, 241, dtype=torch.float64)
    points = torch.cartesian_prod(edge, edge)
    each = torch.stack([log_prob(LOPSIDED, points, torch.full((len(points),), k)) for k in range(3)])
    assert_close(each.exp().sum().item() * 0.05**2, 1.0, rtol=0, atol=1e-3)
    assert_close(each.logsumexp(dim=0), LOPSIDED.marginal.log_prob(points), rtol=1e-6, atol=1e-6)
    assert_close(each[1], LOPSIDED.given(1).log_prob(points) - math.log(3))


def conditional_only(world: LabelledWorld, x: Tensor, y: Tensor) -> Tensor:
    return world.log_prob(x, y) + math.log(len(world.centres))


def marginal_only(world: LabelledWorld, x: Tensor, y: Tensor) -> Tensor:
    return world.marginal.log_prob(x)


def of_the_next_label(world: LabelledWorld, x: Tensor, y: Tensor) -> Tensor:
    return world.log_prob(x, (y + 1) % len(world.centres))


def test_the_joint_density() -> None:
    check_joint(LabelledWorld.log_prob)


@mutants({f.__name__: f for f in (conditional_only, marginal_only, of_the_next_label)})
def test_the_joint_density_rejects(mutant: Density) -> None:
    rejects(check_joint, mutant)


def check_posterior(posterior: Callable[[LabelledWorld, Tensor], Tensor]) -> None:
    """The joint, divided by its sum over labels."""
    x = 2 * torch.randn(50, 2, generator=rng(0), dtype=torch.float64)
    joint = torch.stack([LOPSIDED.log_prob(x, torch.full((50,), k)).exp() for k in range(3)], dim=1)
    assert_close(posterior(LOPSIDED, x), joint / joint.sum(dim=1, keepdim=True))


def likelihood(world: LabelledWorld, x: Tensor) -> Tensor:
    return torch.stack([world.given(k).log_prob(x).exp() for k in range(3)], dim=1)


def over_the_batch(world: LabelledWorld, x: Tensor) -> Tensor:
    return likelihood(world, x) / likelihood(world, x).sum(dim=0)


def of_the_nearest_centre(world: LabelledWorld, x: Tensor) -> Tensor:
    """One Gaussian per label, the nearest, in place of the mixture."""
    square = (x[:, None, None] - world.centres.to(x)).square().sum(dim=-1).amin(dim=2)
    return (-square / (2 * world.std**2)).softmax(dim=1)


def without_the_width(world: LabelledWorld, x: Tensor) -> Tensor:
    return LabelledWorld(world.centres, 1.0).posterior(x)


def test_the_posterior_is_bayes_rule() -> None:
    check_posterior(LabelledWorld.posterior)


@mutants({f.__name__: f for f in (likelihood, over_the_batch, of_the_nearest_centre, without_the_width)})
def test_the_posterior_is_bayes_rule_rejects(mutant: Callable[[LabelledWorld, Tensor], Tensor]) -> None:
    rejects(check_posterior, mutant)


def check_labelled_samples(sample: Callable[..., tuple[Tensor, Tensor]]) -> None:
    """Labels are equally likely, and samples of a label have the moments of its conditional."""
    x, y = sample(LOPSIDED, (100, 300), rng=rng(0))
    assert (x.shape, y.shape) == ((100, 300, 2), (100, 300))
    assert ((y.flatten().bincount(minlength=3) / 30_000 - 1 / 3).abs() < 0.015).all()
    for k, centres in enumerate(LOPSIDED.centres):
        assert_close(x[y == k].mean(dim=0), centres.mean(dim=0), rtol=0, atol=0.06)
        spread = centres.var(dim=0, correction=0) + LOPSIDED.std**2
        assert_close(x[y == k].var(dim=0), spread, rtol=0.06, atol=0.02)


def with_other_labels(
    world: LabelledWorld, sample_shape: tuple[int, ...], *, rng: torch.Generator
) -> tuple[Tensor, Tensor]:
    x, y = world.sample(sample_shape, rng=rng)
    return x, y.flatten().roll(1).reshape(y.shape)


def one_centre_per_label(
    world: LabelledWorld, sample_shape: tuple[int, ...], *, rng: torch.Generator
) -> tuple[Tensor, Tensor]:
    return LabelledWorld(world.centres[:, :1], world.std).sample(sample_shape, rng=rng)


def test_samples_with_labels() -> None:
    check_labelled_samples(LabelledWorld.sample)


@mutants({f.__name__: f for f in (with_other_labels, one_centre_per_label)})
def test_samples_with_labels_rejects(mutant: Callable[..., Any]) -> None:
    rejects(check_labelled_samples, mutant)


@pytest.mark.parametrize("label", [-1, 3])
def test_a_label_that_is_not_there_is_refused(label: int) -> None:
    """Left alone, -1 would be the last class."""
    assert "none of the 3 classes" in refusal(ValueError, lambda: LOPSIDED.given(label))
    one = torch.tensor([label])
    assert "none of the 3 classes" in refusal(ValueError, lambda: LOPSIDED.log_prob(torch.zeros(1, 2), one))


def test_the_labelled_ring_is_the_ring_with_opposite_modes_alike() -> None:
    labelled = labelled_ring(classes=4, modes=8)
    assert labelled.centres.shape == (4, 2, 2)
    assert_close(labelled.centres[:, 0], -labelled.centres[:, 1], atol=1e-6, rtol=0)
    found = {tuple(round(v, 4) for v in c) for c in labelled.marginal.centres.tolist()}
    assert found == {tuple(round(v, 4) for v in c) for c in ring(modes=8).centres.tolist()}
    assert "choose a divisor" in refusal(ValueError, lambda: labelled_ring(classes=3, modes=8))
