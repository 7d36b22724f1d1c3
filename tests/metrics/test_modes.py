"""Counting modes: what perfect, collapsed, scattered and borderline samples score."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from genmodels.data import World, ring
from genmodels.metrics import Coverage, coverage
from genmodels.training import rng
from mutants import mutants, rejects

Metric = Callable[[Tensor, World], Coverage]


def check_anchors(metric: Metric) -> None:
    world = ring()
    perfect = metric(world.sample((10_000,), rng=rng(0)), world)
    assert perfect[:2] == (8, 8)
    assert abs(perfect.quality - (1 - math.exp(-8))) < 1e-3  # |x| <= 4 sigma in the plane; 5 standard errors: 9e-4
    one_mode = metric(world.centres[3].repeat(500, 1), world)
    assert one_mode == (1, 8, 1.0)
    nowhere = metric(torch.full((500, 2), 50.0), world)
    assert nowhere == (0, 8, 0.0)
    between = metric(torch.zeros(500, 2), world)  # the middle of the ring: the nearest mode is two units away
    assert between == (0, 8, 0.0)


def check_thresholds(metric: Metric) -> None:
    """2,500 samples: 20 good ones reach a mode, 19 do not, and those just outside four standard deviations are none."""
    world = ring()
    x = world.centres[0].repeat(2_500, 1)
    for count, reached in ((20, 2), (19, 1)):
        y = x.clone()
        y[:count] = world.centres[4]
        assert metric(y, world) == (reached, 8, 1.0)
    for distance, reached in ((0.399, 2), (0.401, 1)):
        y = x.clone()
        y[:100] = world.centres[4] + torch.tensor([0.0, distance])
        quality = 1.0 if reached == 2 else 0.96
        assert metric(y, world) == (reached, 8, quality)


def any_nearest_point(x: Tensor, world: World) -> Coverage:
    right = coverage(x, world)
    nearest = torch.cdist(x, world.centres).argmin(dim=1)
    return Coverage(len(nearest.unique()), right.modes, right.quality)


def one_point_is_enough(x: Tensor, world: World) -> Coverage:
    return coverage(x, world, share=1e-9)


def of_the_good_ones(x: Tensor, world: World) -> Coverage:
    return coverage(x, world)._replace(quality=1.0)


def of_any_mode(x: Tensor, world: World) -> Coverage:
    distance = torch.cdist(x, world.centres)
    near = distance <= 4 * world.std
    return Coverage(int(near.any(dim=0).sum()), len(world.centres), near.double().mean().item())


def one_standard_deviation(x: Tensor, world: World) -> Coverage:
    return coverage(x, world, radius=1.0)


def in_variances(x: Tensor, world: World) -> Coverage:
    return coverage(x, World(world.centres, world.std**2))


def in_units(x: Tensor, world: World) -> Coverage:
    return coverage(x, World(world.centres, 1.0))


WRONG = {
    f.__name__: f
    for f in (any_nearest_point, of_the_good_ones, of_any_mode, one_standard_deviation, in_variances, in_units)
}


def test_coverage_at_its_anchors() -> None:
    check_anchors(coverage)


@mutants(WRONG)
def test_coverage_at_its_anchors_rejects(mutant: Metric) -> None:
    rejects(check_anchors, mutant)


def test_coverage_at_its_thresholds() -> None:
    check_thresholds(coverage)


@mutants(WRONG | {"one_point_is_enough": one_point_is_enough})
def test_coverage_at_its_thresholds_rejects(mutant: Metric) -> None:
    rejects(check_thresholds, mutant)


def test_the_order_of_samples_does_not_matter() -> None:
    x = ring().sample((300,), rng=rng(0)) * 1.1
    assert coverage(x, ring()) == coverage(x.flip(0), ring())
