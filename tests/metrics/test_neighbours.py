"""Nearest neighbours: enumeration on a small set, and what a copy and a lattice must give."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from genmodels import training
from genmodels.metrics import nearest, spacing
from mutants import mutants, rejects

Spacing = Callable[[Tensor], float]


def test_nearest_agrees_with_looking_at_every_pair() -> None:
    x, reference = (
        torch.randn(7, 1, 2, 2, generator=training.rng(0)),
        torch.randn(9, 1, 2, 2, generator=training.rng(1)),
    )
    distance, which = nearest(x, reference)
    for i, point in enumerate(x):
        every = torch.stack([(point - other).square().sum().sqrt() for other in reference])
        assert which[i] == every.argmin()
        torch.testing.assert_close(distance[i], every.min())


def test_a_copy_is_at_distance_zero_from_its_original() -> None:
    reference = torch.randn(9, 4, generator=training.rng(2))
    distance, which = nearest(reference[[3, 5]], reference)
    assert which.tolist() == [3, 5] and distance.max() < 1e-6


def on_a_lattice(spacing: Spacing) -> None:
    """Points two apart, and one far from all others: its neighbour is 10 away."""
    lattice = torch.tensor([[0.0, 0.0], [2.0, 0.0], [4.0, 0.0], [14.0, 0.0]])
    assert spacing(lattice) == pytest.approx((2 + 2 + 2 + 10) / 4)


def itself_counts(reference: Tensor) -> float:
    return torch.cdist(reference, reference).min(dim=1).values.mean().item()


def mean_of_all_pairs(reference: Tensor) -> float:
    return torch.cdist(reference, reference).mean().item()


def squared(reference: Tensor) -> float:
    distances = torch.cdist(reference, reference).square()
    return distances.fill_diagonal_(torch.inf).min(dim=1).values.mean().item()


def test_spacing() -> None:
    on_a_lattice(spacing)


@mutants({"itself counts": itself_counts, "mean of all pairs": mean_of_all_pairs, "squared": squared})
def test_spacing_mutants(mutant: Spacing) -> None:
    rejects(on_a_lattice, mutant)
