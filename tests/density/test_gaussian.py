"""Gaussians: against torch and scikit-learn, far from the origin, singular, and with a constant coordinate."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from genmodels.density import Gaussian, Normal
from genmodels.density.base import mean
from genmodels.training import rng
from mutants import mutants, refusal, rejects


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=rng(seed), dtype=torch.float64)


# --- the density -----------------------------------------------------------------------------------------------------


def check_density(family: type[Gaussian]) -> None:
    mix = normal(4, 4)
    ours = family(normal(4, seed=1), mix @ mix.T)
    x = 3 * normal(50, 4, seed=2)
    peer = torch.distributions.MultivariateNormal(ours.mean, ours.covariance)
    assert_close(ours.log_prob(x), peer.log_prob(x))


class UpperFactor(Gaussian):
    """The inverse factor from the wrong side."""

    def _log_prob(self, x: Tensor) -> Tensor:
        right = super()._log_prob(self.mean[None])  # at the mean no factor matters
        return right - (self.whitener.T @ (x - self.mean).T).square().sum(dim=0) / 2


class WholeVolume(Gaussian):
    """The logarithm of the determinant of the covariance, of which half is due."""

    def _log_prob(self, x: Tensor) -> Tensor:
        return super()._log_prob(x) - self.factor.diagonal().log().sum()


class FloorOnThePrecision(Gaussian):
    """The floor added to the inverse covariance: it raises no variance."""

    def _fit(self, x: Tensor, weights: Tensor) -> Gaussian:
        fitted = replace(super()._fit(x, weights), floor=0.0)
        eye = torch.eye(len(fitted.mean)).to(x)
        bare = fitted.covariance - self.floor * eye
        return replace(fitted, covariance=(bare.inverse() + self.floor * eye).inverse())


class Uncentred(Gaussian):
    """The second moment less the squared mean: equal on paper, and wrong far from 0 (scikit-learn, issue 6666)."""

    def _fit(self, x: Tensor, weights: Tensor) -> Gaussian:
        shares = weights / weights.sum()
        centre = shares @ x
        covariance = (shares * x.T) @ x - torch.outer(centre, centre) + self.floor * torch.eye(len(centre)).to(x)
        return replace(self, mean=centre, covariance=covariance)


class NotCentred(Gaussian):
    """The second moment about 0."""

    def _fit(self, x: Tensor, weights: Tensor) -> Gaussian:
        fitted = super()._fit(x, weights)
        return replace(fitted, covariance=fitted.covariance + torch.outer(fitted.mean, fitted.mean))


class OldMean(Gaussian):
    """The covariance about the mean before the step."""

    def _fit(self, x: Tensor, weights: Tensor) -> Gaussian:
        fitted, gap = super()._fit(x, weights), super()._fit(x, weights).mean - self.mean
        return replace(fitted, covariance=fitted.covariance + torch.outer(gap, gap))


class Unbiased(Gaussian):
    """Divided by n - 1: the estimate of least bias, not of greatest likelihood."""

    def _fit(self, x: Tensor, weights: Tensor) -> Gaussian:
        fitted = super()._fit(x, weights)
        return replace(fitted, covariance=fitted.covariance * weights.sum() / (weights.sum() - 1))


class SharesSquared(Gaussian):
    """The weights applied to both factors of the product."""

    def _fit(self, x: Tensor, weights: Tensor) -> Gaussian:
        return replace(super()._fit(x, weights.square()), mean=super()._fit(x, weights).mean)


def test_density_is_torch_s() -> None:
    check_density(Gaussian)


@mutants({"upper factor": UpperFactor, "whole volume": WholeVolume})
def test_density_rejects(mutant: type[Gaussian]) -> None:
    rejects(check_density, mutant)


# --- the fit ---------------------------------------------------------------------------------------------------------


def check_fit(family: type[Gaussian]) -> None:
    """Against NumPy's weighted covariance, in single precision and a hundred standard deviations from the origin."""
    x, weights = normal(400, 3) @ normal(3, 3, seed=1) + 100, torch.rand(400, generator=rng(2)).double()
    fitted = family.standard(3, floor=0.5).fit(x.float(), weights=weights.float())
    single = x.float().double()  # what was given, exactly
    share = weights / weights.sum()
    centre = share @ single
    covariance = sum(s * torch.outer(row - centre, row - centre) for s, row in zip(share, single, strict=True))
    assert_close(fitted.mean.double(), centre, rtol=1e-6, atol=0)
    assert_close(fitted.covariance.double(), covariance + 0.5 * torch.eye(3).double(), rtol=1e-5, atol=1e-5)


def test_fit_is_the_weighted_mean_and_covariance() -> None:
    check_fit(Gaussian)


@mutants(
    {
        "floor on the precision": FloorOnThePrecision,
        "uncentred": Uncentred,
        "not centred": NotCentred,
        "old mean": OldMean,
        "n - 1": Unbiased,
        "shares squared": SharesSquared,
    }
)
def test_fit_rejects(mutant: type[Gaussian]) -> None:
    rejects(check_fit, mutant)


def test_log_prob_far_from_the_origin() -> None:
    """The mean is taken off before anything is multiplied: a billion standard deviations away nothing is lost."""
    near, far = Gaussian.standard(2), Gaussian(torch.full((2,), 2.0**30).double(), torch.eye(2).double())
    x = (normal(10, 2) * 1024).round() / 1024  # exact after the shift, too
    assert_close(far.log_prob(x + 2.0**30), near.log_prob(x), rtol=1e-12, atol=0)


# --- singular --------------------------------------------------------------------------------------------------------


@dataclass
class Points:
    make: Callable[[int, int], Tensor]
    """From a seed and a dimension."""


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["single", "double"])
@mutants(
    {
        "as many as dimensions": Points(lambda seed, d: normal(d, d, seed=seed)),
        "half as many": Points(lambda seed, d: normal(max(2, d // 2), d, seed=seed)),
        "on a line": Points(lambda seed, d: normal(300, 1, seed=seed) * normal(d, seed=seed + 1)),
        "in a plane, far": Points(lambda seed, d: normal(300, d - 1, seed=seed) @ normal(d - 1, d, seed=seed + 1) + 5),
        "one point": Points(lambda seed, d: normal(1, d, seed=seed).expand(5, d)),
        "constant": Points(lambda seed, d: torch.cat([normal(300, d - 1, seed=seed), torch.ones(300, 1) * 3.7], dim=1)),
    }
)
def test_singular_is_one_clear_sentence(mutant: Points, dtype: torch.dtype) -> None:
    for seed in range(3):
        for dim in (2, 8, 64):
            x = mutant.make(seed, dim).to(dtype)
            said = refusal(ValueError, lambda x=x: Gaussian.standard(x.shape[1]).fit(x))
            assert "singular" in said
            advised = float(said.split("floor=")[1].split()[0])
            assert Gaussian.standard(x.shape[1], floor=advised).fit(x).log_prob(x).isfinite().all()


def test_a_floor_heals_it_and_scales_may_differ() -> None:
    x = normal(5, 3).float()
    fitted = Gaussian.standard(3, floor=1e-4).fit(x[:2])
    assert fitted.log_prob(x).isfinite().all()
    scales = torch.tensor([1e-2, 1.0, 1e1])
    assert Gaussian.standard(3).fit(normal(50, 3).float() * scales).log_prob(x).isfinite().all()


def test_other_matrices_are_refused() -> None:
    eye = torch.eye(2)
    assert "symmetric" in refusal(ValueError, lambda: Gaussian(torch.zeros(2), torch.tensor([[1.0, 0.5], [0.0, 1.0]])))
    for bad in (-eye, torch.tensor([[1.0, 2.0], [2.0, 1.0]]), 0 * eye):
        assert "singular" in refusal(ValueError, lambda bad=bad: Gaussian(torch.zeros(2), bad))
    for bad in (eye * torch.nan, torch.tensor([[torch.inf, 0.0], [0.0, 1.0]])):
        assert "finite" in refusal(ValueError, lambda bad=bad: Gaussian(torch.zeros(2), bad))
    assert "finite" in refusal(ValueError, lambda: Gaussian(torch.tensor([0.0, torch.nan]), eye))
    for centre in (torch.zeros(3), torch.zeros(2, 1)):
        with pytest.raises((ValueError, TypeError)):  # jaxtyping, which reads the annotations in tests, comes first
            Gaussian(centre, eye)


def test_units_that_differ_too_much_are_not_called_too_few_points_only() -> None:
    said = refusal(ValueError, lambda: Gaussian.standard(2).fit(normal(100, 2).float() * torch.tensor([1.0, 1e5])))
    assert "units" in said and "float32" in said and "double precision" in said
    assert Gaussian.standard(2).fit(normal(100, 2) * torch.tensor([1.0, 1e5])).covariance.isfinite().all()


# --- independent coordinates -----------------------------------------------------------------------------------------


def check_constant(family: type[Normal], value: float, dtype: torch.dtype) -> None:
    """A constant column beside another one: refused, with a floor healed; points that do not count do not matter."""
    x = torch.stack([normal(178), torch.full((178,), value)], dim=1).to(dtype)
    assert "all points are alike" in refusal(ValueError, lambda: family.standard(2).fit(x))
    x[0], weights = 7.0, (torch.arange(178) > 0).to(dtype)
    assert "all points are alike" in refusal(ValueError, lambda: family.standard(2).fit(x, weights=weights))
    healed = family.standard(2, floor=1e-2).fit(x, weights=weights)
    assert_close(healed.std[1], torch.tensor(0.1, dtype=dtype))
    assert_close(healed.std[0].square(), x[1:, 0].var(correction=0) + 1e-2)


class RoundingLeft(Normal):
    """The variance about a rounded mean: a constant coordinate is left some of it (this book, before its review)."""

    def _fit(self, x: Tensor, weights: Tensor) -> Normal:
        centre = mean(x, weights)
        variance = mean((x - centre).square(), weights) + self.floor
        return replace(self, mean=centre, std=variance.sqrt())


class UncountedPointsSeen(Normal):
    """Points of weight 0 asked whether a coordinate is constant."""

    def _fit(self, x: Tensor, weights: Tensor) -> Normal:
        return super()._fit(x, torch.where(weights > 0, weights, 1e-30))


CONSTANTS = [(value, dtype) for value in (0.1, 0.3, 3.3, 13.05) for dtype in (torch.float32, torch.float64)]


def check_constants(family: type[Normal]) -> None:
    for value, dtype in CONSTANTS:
        check_constant(family, value, dtype)


def test_a_constant_coordinate_is_refused() -> None:
    check_constants(Normal)


@mutants({"rounding left": RoundingLeft, "uncounted points seen": UncountedPointsSeen})
def test_a_constant_coordinate_is_refused_rejects(mutant: type[Normal]) -> None:
    rejects(check_constants, mutant)


def test_other_parameters_of_a_normal_are_refused() -> None:
    assert "number above 0" in refusal(ValueError, lambda: Normal(torch.zeros(2), torch.tensor([-1.0, 1.0])))
    for bad in (torch.nan, torch.inf):
        assert "finite" in refusal(ValueError, lambda bad=bad: Normal(torch.tensor(bad), torch.tensor(1.0)))
        assert "finite" in refusal(ValueError, lambda bad=bad: Normal(torch.tensor(0.0), torch.tensor(bad)))
    assert "overflow" in refusal(ValueError, lambda: Normal.standard().fit(torch.tensor([1e30, -1e30, 0.0])))
    with pytest.raises((ValueError, TypeError)):
        Normal(torch.tensor(0.0), torch.ones(3))
