"""Rejection and importance sampling: exact rates, unknown constants, and logarithms that never overflow."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from scipy import integrate, stats
from torch import Tensor
from torch.testing import assert_close

from genmodels.density import Mixture, Normal
from genmodels.density.sampling import effective_size, log_normaliser, log_weights, rejection, weighted_mean
from genmodels.training import rng
from mutants import mutants, refusal, rejects

PARTS = (Normal(torch.tensor(-2.0), torch.tensor(0.6)), Normal(torch.tensor(1.5), torch.tensor(0.8)))
TARGET = Mixture(torch.tensor([0.3, 0.7]), PARTS)
WIDE = Normal(torch.tensor(0.0), torch.tensor(2.5))
GRID = torch.linspace(-12, 12, 24_001, dtype=torch.float64)
LOG_M = float((TARGET.log_prob(GRID) - WIDE.log_prob(GRID)).max()) + 1e-4
TRIES = 40_000


def cdf(x: Any) -> Any:
    return 0.3 * stats.norm(-2, 0.6).cdf(x) + 0.7 * stats.norm(1.5, 0.8).cdf(x)


# --- rejection -------------------------------------------------------------------------------------------------------


def check_rejection(sample: Callable[..., Tensor]) -> None:
    """With a constant of e^7 that nobody knows: the share kept is Z / M to five standard errors, and KS on what is."""
    f = lambda x: TARGET.log_prob(x) + 7  # noqa: E731
    kept = sample(f, WIDE, log_bound=LOG_M + 7, tries=TRIES, rng=rng(0))
    rate = math.exp(-LOG_M)
    assert abs(len(kept) / TRIES - rate) < 5 * math.sqrt(rate * (1 - rate) / TRIES)
    assert stats.kstest(kept, cdf).pvalue > 1e-3


def keeping(height: Callable[[Tensor, Tensor, float], Tensor], logarithm: bool = True) -> Callable[..., Tensor]:
    def sample(
        f: Callable[[Tensor], Tensor], q: Normal, *, log_bound: float, tries: int, rng: torch.Generator
    ) -> Tensor:
        x = q.sample((tries,), rng=rng)
        u = torch.rand(tries, generator=rng)
        return x[(u.log() if logarithm else u) < height(f(x), q.log_prob(x), log_bound)]

    return sample


def test_rejection_keeps_the_target() -> None:
    check_rejection(rejection)


@mutants(
    {
        "proposal forgotten": keeping(lambda f, q, m: f - m),
        "bound forgotten": keeping(lambda f, q, m: f - q),
        "bound not a logarithm": keeping(lambda f, q, m: f - q - math.exp(m)),
        "u against a logarithm": keeping(lambda f, q, m: f - q - m, logarithm=False),
        "what is rejected": keeping(lambda f, q, m: torch.log1p(-(f - q - m).exp())),
        "height, not share": keeping(lambda f, q, m: f - 7),
    }
)
def test_rejection_rejects(mutant: Callable[..., Tensor]) -> None:
    rejects(check_rejection, mutant)


def test_an_envelope_that_is_too_low_is_refused() -> None:
    narrow = Normal(torch.tensor(0.0), torch.tensor(0.5))
    for proposal, log_bound in ((WIDE, LOG_M - 0.5), (narrow, LOG_M)):
        call = lambda q=proposal, m=log_bound: rejection(TARGET.log_prob, q, log_bound=m, tries=5_000, rng=rng(0))  # noqa: E731
        assert "envelope is too low" in refusal(ValueError, call)
    broken = lambda x: x * math.nan  # noqa: E731
    assert "envelope" in refusal(ValueError, lambda: rejection(broken, WIDE, log_bound=9.0, tries=10, rng=rng(0)))


# --- importance ------------------------------------------------------------------------------------------------------


def check_weighted_mean(mean: Callable[[Tensor, Tensor], Tensor]) -> None:
    """By hand, and with a constant added to the log-weights that no float could exponentiate."""
    values, weights = torch.tensor([1.0, 5.0, -2.0]), torch.tensor([1.0, 2.0, 5.0])
    for constant in (0.0, 900.0, -900.0):
        assert_close(mean(values, weights.log() + constant), torch.tensor(1 / 8), rtol=1e-3, atol=1e-4)
    assert_close(mean(torch.stack([values, 2 * values], dim=1), weights.log()), torch.tensor([1 / 8, 2 / 8]))


def test_weighted_mean() -> None:
    check_weighted_mean(weighted_mean)


@mutants(
    {
        "not normalised": lambda h, w: torch.tensordot(w.exp(), h, dims=1) / len(w),
        "overflows": lambda h, w: torch.tensordot(w.exp(), h, dims=1) / w.exp().sum(),
        "logarithms as weights": lambda h, w: torch.tensordot(w / w.sum(), h, dims=1),
        "no weights": lambda h, w: h.mean(dim=0),
        "upside down": lambda h, w: torch.tensordot((-w).softmax(0), h, dims=1),
    }
)
def test_weighted_mean_rejects(mutant: Callable[[Tensor, Tensor], Tensor]) -> None:
    rejects(check_weighted_mean, mutant)


def check_effective_size(size: Callable[[Tensor], Tensor]) -> None:
    for constant in (0.0, 900.0, -900.0):
        one = torch.tensor([0.0] + [-500.0] * 9) + constant
        assert_close(size(torch.zeros(10) + constant), torch.tensor(10.0), rtol=1e-4, atol=0)
        assert_close(size(one), torch.tensor(1.0), rtol=1e-4, atol=0)
        assert_close(size(torch.tensor([1.0, 2.0, 3.0]).log() + constant), torch.tensor(36 / 14), rtol=1e-3, atol=0)


def test_effective_size() -> None:
    check_effective_size(effective_size)


@mutants(
    {
        "of the log-weights": lambda w: w.sum().square() / w.square().sum().clamp_min(1e-9),
        "overflows": lambda w: w.exp().sum().square() / w.exp().square().sum(),
        "entropy": lambda w: (-(w.softmax(0) * w.log_softmax(0)).sum()).exp(),
        "a share": lambda w: effective_size(w) / len(w),
        "not squared": lambda w: 1 / w.softmax(0).sum(),
        "variance of log-weights": lambda w: len(w) / (1 + w.var()),
    }
)
def test_effective_size_rejects(mutant: Callable[[Tensor], Tensor]) -> None:
    rejects(check_effective_size, mutant)


@pytest.mark.parametrize("std", [1.0, 3.0, 10.0])
def test_effective_size_of_normal_log_weights(std: float) -> None:
    """128 points: as its definition says, in double precision, where e^(4 std) can be held."""
    for log_w in std * torch.randn(200, 128, generator=rng(0), dtype=torch.float64):
        w = log_w.exp()
        assert_close(effective_size(log_w), w.sum().square() / w.square().sum())


def test_importance_weights_have_mean_z_and_the_estimate_is_unbiased() -> None:
    x = WIDE.sample((100_000,), rng=rng(1)).double()
    w = log_weights(lambda x: TARGET.log_prob(x) + 3, WIDE, x)
    error = float((w - 3).exp().std()) / len(x) ** 0.5
    assert abs(math.exp(float(log_normaliser(w)) - 3) - 1) < 5 * error
    mean = 0.3 * -2 + 0.7 * 1.5
    simple = (w - 3).exp() * x  # with the constant known, the plain mean is unbiased
    assert abs(float(simple.mean()) - mean) < 5 * float(simple.std()) / len(x) ** 0.5
    assert abs(float(weighted_mean(x, w)) - mean) < 0.05
    second, _ = integrate.quad(
        lambda t: math.exp(2 * TARGET.log_prob(_at(t)) - WIDE.log_prob(_at(t))), -12, 12, limit=200
    )
    assert abs(float(effective_size(w)) / len(x) * second - 1) < 0.02  # ESS / n is 1 / E_q[w^2]


def _at(t: float) -> Tensor:
    return torch.tensor(t, dtype=torch.float64)
