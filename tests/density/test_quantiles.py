"""Inverse transform, the Gumbel-max trick, and quantile functions that are learned."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from scipy import stats
from torch import Tensor
from torch.testing import assert_close

from genmodels.density import quantiles
from genmodels.density.quantiles import Monotone, categorical, cauchy, exponential, gumbel_max, pinball, quantile
from genmodels.training import isolated, rng
from mutants import mutants, refusal, rejects

U = torch.rand(2000, generator=rng(0), dtype=torch.float64)

# --- closed forms, against scipy -------------------------------------------------------------------------------------


def check_exponential(f: Callable[..., Tensor]) -> None:
    assert_close(f(U, rate=2.5), torch.tensor(stats.expon(scale=1 / 2.5).ppf(U)))
    assert_close(
        f(torch.tensor([1e-20]), rate=1.0), torch.tensor([1e-20]), rtol=1e-5, atol=0
    )  # a small u is not rounded away
    assert f(torch.tensor([0.0])).isfinite().all()


def check_cauchy(f: Callable[..., Tensor]) -> None:
    assert_close(f(U, location=1.0, scale=2.0), torch.tensor(stats.cauchy(1, 2).ppf(U)))


def test_closed_forms() -> None:
    check_exponential(exponential)
    check_cauchy(cauchy)
    assert stats.kstest(exponential(U, rate=2.0), stats.expon(scale=0.5).cdf).pvalue > 1e-3
    assert stats.kstest(cauchy(U), "cauchy").pvalue > 1e-3


@mutants(
    {
        "of u, not of 1 - u": lambda u, *, rate=1.0: -u.log() / rate,  # a sample of the same law, and no quantile
        "rate for scale": lambda u, *, rate=1.0: -torch.log1p(-u) * rate,
        "no log1p": lambda u, *, rate=1.0: -(1 - u).log() / rate,
    }
)
def test_exponential_rejects(mutant: Callable[..., Tensor]) -> None:
    rejects(check_exponential, mutant)


@mutants(
    {
        "not centred": lambda u, *, location, scale: location + scale * torch.tan(torch.pi * u),
        "no pi": lambda u, *, location, scale: location + scale * torch.tan(u - 0.5),
    }
)
def test_cauchy_rejects(mutant: Callable[..., Tensor]) -> None:
    rejects(check_cauchy, mutant)


# --- categorical: cumulative sums ------------------------------------------------------------------------------------

WEIGHTS = torch.tensor([0.0, 3.0, 0.0, 1.0, 4.0, 0.0], dtype=torch.float64)  # not normalised, with empty things


def check_categorical(draw: Callable[[Tensor, Tensor], Tensor]) -> None:
    """Every u of a regular grid, boundaries included: each thing gets exactly its share, an empty one nothing."""
    u = torch.arange(800, dtype=torch.float64) / 800
    assert_close(torch.bincount(draw(u, WEIGHTS), minlength=6), torch.tensor([0, 300, 0, 100, 400, 0]))
    assert bool((draw(u, WEIGHTS).diff() >= 0).all())


def by_searchsorted(*, right: bool, shift: int = 0, normalised: bool = True) -> Callable[[Tensor, Tensor], Tensor]:
    def draw(u: Tensor, weights: Tensor) -> Tensor:
        ends = weights.cumsum(dim=0)
        found = torch.searchsorted(ends / ends[-1] if normalised else ends, u, right=right) + shift
        return found.clamp(0, len(weights) - 1)

    return draw


def test_categorical() -> None:
    check_categorical(categorical)
    drawn = categorical(U, WEIGHTS)
    assert stats.chisquare(torch.bincount(drawn, minlength=6)[WEIGHTS > 0], 250 * WEIGHTS[WEIGHTS > 0]).pvalue > 1e-3


@mutants(
    {
        "the other side": by_searchsorted(right=False),  # u = 0 draws the empty thing 0
        "one too far": by_searchsorted(right=True, shift=1),
        "one too near": by_searchsorted(right=True, shift=-1),
        "not normalised": by_searchsorted(right=True, normalised=False),
        "softmax of weights": lambda u, w: categorical(u, w.softmax(0)),
        "backwards": lambda u, w: len(w) - 1 - categorical(u, w.flip(0)),
        "nearest": lambda u, w: (w.cumsum(0) / w.sum() - u[:, None]).abs().argmin(dim=1),
    }
)
def test_categorical_rejects(mutant: Callable[[Tensor, Tensor], Tensor]) -> None:
    rejects(check_categorical, mutant)


def test_categorical_refuses() -> None:
    assert "u is a uniform number" in refusal(ValueError, lambda: categorical(torch.tensor([1.0]), torch.ones(2)))
    for bad in (torch.zeros(3), torch.tensor([1.0, -1.0]), torch.tensor([1.0, torch.nan])):
        assert "weights are" in refusal(ValueError, lambda bad=bad: categorical(torch.tensor([0.5]), bad))


# --- any distribution function ---------------------------------------------------------------------------------------


def test_quantile_inverts() -> None:
    assert_close(quantile(torch.special.ndtr, U, low=-10.0, high=10.0), torch.tensor(stats.norm.ppf(U)))
    steps = lambda x: (x >= 1).double() / 4 + (x >= 2).double() * 3 / 4  # noqa: E731  a distribution on {1, 2}
    found = quantile(steps, torch.tensor([0.1, 0.25, 0.26, 0.9]), low=0.0, high=3.0)
    assert_close(found, torch.tensor([1.0, 1.0, 2.0, 2.0]).double())
    for bad in (0.0, -0.1, 1.1, torch.nan):
        wrong = torch.tensor([0.5, bad])
        assert "(0, 1]" in refusal(ValueError, lambda u=wrong: quantile(torch.special.ndtr, u, low=-9.0, high=9.0))
    assert float(quantile(lambda x: x.clamp(0, 1), torch.ones(1), low=-1.0, high=3.0)) == 1.0
    assert "outside of [-1, 1]" in refusal(ValueError, lambda: quantile(torch.special.ndtr, U, low=-1.0, high=1.0))


# --- Gumbel-max ------------------------------------------------------------------------------------------------------


def check_gumbel(draw: Callable[..., Tensor]) -> None:
    """Chi-square against the softmax of logits that are neither normalised nor small."""
    logits = torch.tensor([1000.0, 1001.0, 998.5, 999.0, 1000.5])
    counts = torch.bincount(draw(logits, 20_000, rng=rng(1)), minlength=5)
    assert stats.chisquare(counts, 20_000 * logits.double().softmax(0)).pvalue > 1e-3


def with_noise(noise: Callable[[Tensor], Tensor]) -> Callable[..., Tensor]:
    def draw(logits: Tensor, n: int, *, rng: torch.Generator) -> Tensor:
        u = torch.rand(n, len(logits), generator=rng, dtype=torch.float64)
        return (logits + noise(u)).argmax(dim=1)

    return draw


def test_gumbel_max_draws_the_softmax() -> None:
    check_gumbel(gumbel_max)


@mutants(
    {
        "one logarithm": with_noise(lambda u: -u.log()),
        "sign flipped": with_noise(lambda u: (-u.log()).log()),
        "normal noise": with_noise(torch.special.ndtri),
        "no noise": with_noise(torch.zeros_like),
    }
)
def test_gumbel_max_rejects(mutant: Callable[..., Tensor]) -> None:
    rejects(check_gumbel, mutant)


# --- learned ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(5))
def test_monotone_is_increasing_whatever_its_weights(seed: int) -> None:
    with isolated(seed):
        network = Monotone(8)
        for parameter in network.parameters():
            torch.nn.init.normal_(parameter, std=3.0)
    assert bool((network.double()(torch.linspace(-9, 9, 400, dtype=torch.float64)).diff() > 0).all())


def check_pinball(loss: Callable[[Tensor, Tensor, Tensor], Tensor]) -> None:
    """Over a fine grid of guesses, the smallest loss is at the sample's own quantile."""
    x = U[:501].sort().values
    for u in (0.1, 0.5, 0.8):
        guesses = torch.linspace(0, 1, 2001, dtype=torch.float64)
        losses = torch.stack([loss(g.expand(501), x, torch.full((501,), u).double()) for g in guesses])
        assert abs(float(guesses[losses.argmin()]) - float(x[round(500 * u)])) < 0.005


def test_pinball_is_smallest_at_the_quantile() -> None:
    check_pinball(pinball)


@mutants(
    {
        "1 - u": lambda g, x, u: pinball(g, x, 1 - u),
        "squared": lambda g, x, u: (torch.where(x > g, u, 1 - u) * (x - g).square()).mean(),
        "absolute": lambda g, x, u: (x - g).abs().mean(),
        "minimum": lambda g, x, u: torch.minimum(u * (x - g), (u - 1) * (x - g)).mean(),
    }
)
def test_pinball_rejects(mutant: Callable[[Tensor, Tensor, Tensor], Tensor]) -> None:
    rejects(check_pinball, mutant)


def test_the_module_draws_nothing_by_itself() -> None:
    """Randomness enters as u or as rng: the global stream is left alone."""
    before = torch.get_rng_state()
    quantiles.gumbel_max(torch.zeros(3), 5, rng=rng(0))
    categorical(U, WEIGHTS)
    assert torch.equal(torch.get_rng_state(), before)
