"""Variance within classes: against the law of total variance, and what it must not count."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from genmodels.metrics import within_classes
from mutants import mutants, refusal, rejects

Y = torch.arange(3).repeat_interleave(torch.tensor([4, 6, 10]))


def check_within(within: Callable[[Tensor, Tensor], float]) -> None:
    x = torch.randn(20, 2, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    shift = torch.tensor([0.0, 50.0, -7.0], dtype=torch.float64)[Y]
    by_hand = sum(torch.cov(x[k == Y].flatten(1).T).trace().item() for k in range(3)) / 3
    assert_close(within(x, Y), by_hand)
    assert_close(within(x + shift[:, None, None], Y), by_hand, msg="where a class lies is not its variance")
    assert_close(within(2 * x, Y), 4 * by_hand)
    assert within(shift[:, None], Y) == 0


def total(x: Tensor, y: Tensor) -> float:
    return x.flatten(1).var(dim=0).sum().item()


def weighted(x: Tensor, y: Tensor) -> float:
    parts = [(x[y == k].flatten(1).var(dim=0).sum() * (y == k).sum()).item() for k in y.unique()]
    return sum(parts) / len(x)


def deviations(x: Tensor, y: Tensor) -> float:
    return sum(x[y == k].flatten(1).std(dim=0).sum().item() for k in y.unique()) / 3


def test_within_classes() -> None:
    check_within(within_classes)


@mutants({f.__name__: f for f in (total, weighted, deviations)})
def test_within_classes_rejects(mutant: Callable[[Tensor, Tensor], float]) -> None:
    rejects(check_within, mutant)


def test_one_row_has_no_variance() -> None:
    said = refusal(ValueError, lambda: within_classes(torch.zeros(3, 2), torch.tensor([0, 0, 1])))
    assert "single row" in said


@pytest.mark.parametrize("n", [2, 5])
def test_copies_have_none(n: int) -> None:
    assert within_classes(torch.ones(2 * n, 4), torch.arange(2).repeat(n)) == 0
