r"""Gaussians: independent coordinates (`Normal`), or any covariance (`Gaussian`)."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from jaxtyping import Float
from torch import Tensor

from .base import Density, mean, summed

LOG_2PI = math.log(2 * math.pi)


@dataclass(frozen=True, eq=False)
class Normal(Density):
    r"""Independent normal coordinates, :math:`\prod_iN(x_i;\mu_i,\sigma_i^2)`. The event has the shape of the mean.

    The `fit` is maximum likelihood: the mean, and the mean square about it (divided by n, not n - 1); then `floor` is
    added to the variance. Without a floor a constant coordinate is refused; but EM shrinks a part onto one point little
    by little, and only a floor prevents that.

    Raises
    ------
    ValueError
        If a standard deviation is not above 0 (after a `fit`: a coordinate was constant, and the likelihood has no
        maximum), if a parameter is not finite, or if mean and standard deviation differ in shape.
    """

    mean: Float[Tensor, "*event"]
    std: Float[Tensor, "*event"]
    floor: float = 0.0

    def __post_init__(self) -> None:
        if self.mean.shape != self.std.shape:
            raise ValueError(
                f"mean and std have shapes {tuple(self.mean.shape)} and {tuple(self.std.shape)}: give both the same."
            )
        if not bool(self.mean.isfinite().all() & self.std.isfinite().all()):
            raise ValueError("mean and std are finite, and here are other entries: look for overflow in x.")
        if not bool((self.std.detach() >= 0).all()):
            raise ValueError("a standard deviation is a number above 0, and std has other entries.")
        if not bool((self.std.detach() > 0).all()):
            raise ValueError(
                "a standard deviation is 0: in one coordinate all points are alike, and the likelihood is unbounded. "
                "Drop that coordinate, or set floor=1e-6."
            )

    @classmethod
    def standard(cls, *event_shape: int, floor: float = 0.0) -> Normal:
        """Mean 0, standard deviation 1: where a `fit` may start."""
        return cls(torch.zeros(event_shape), torch.ones(event_shape), floor)

    @property
    def event_shape(self) -> tuple[int, ...]:
        return tuple(self.mean.shape)

    def _log_prob(self, x: Tensor) -> Tensor:
        return summed(-((x - self.mean) / self.std).square() / 2 - self.std.log() - LOG_2PI / 2)

    def _sample(self, n: int, *, rng: torch.Generator) -> Tensor:
        noise = torch.randn(n, *self.event_shape, generator=rng, device=rng.device)
        return self.mean + self.std * noise.to(self.mean)

    def _fit(self, x: Tensor, weights: Tensor) -> Normal:
        centre = mean(x, weights)
        counted = x[weights > 0]
        # Rounding of the mean would leave a constant coordinate a tiny variance.
        constant = (counted == counted[:1]).all(dim=0)
        variance = mean((x - centre).square(), weights).masked_fill(constant, 0.0) + self.floor
        return replace(self, mean=centre, std=variance.sqrt())


@dataclass(frozen=True, eq=False)
class Gaussian(Density):
    r"""The Gaussian :math:`N(x;\mu,\Sigma)=(2\pi)^{-d/2}|\Sigma|^{-1/2}e^{-\frac12(x-\mu)^\top\Sigma^{-1}(x-\mu)}`.

    The `fit` is maximum likelihood, the mean and :math:`\frac1N\sum_n(x_n-\hat\mu)(x_n-\hat\mu)^\top`; then `floor` is
    added to its diagonal. Source: nndl, appendix D; the lecture's slide leaves out the indices (E-30).

    Raises
    ------
    ValueError
        If the covariance is not symmetric, or singular, or of another shape than the mean asks for, or if a parameter
        is not finite.
    """

    mean: Float[Tensor, " dim"]
    covariance: Float[Tensor, "dim dim"]
    floor: float = 0.0

    def __post_init__(self) -> None:
        sigma, dim = self.covariance.detach(), self.mean.numel()
        if self.mean.ndim != 1 or sigma.shape != (dim, dim):
            raise ValueError(
                f"mean and covariance have shapes {tuple(self.mean.shape)} and {tuple(sigma.shape)}: "
                f"give (d,) and (d, d)."
            )
        if not bool(self.mean.isfinite().all() & sigma.isfinite().all()):
            raise ValueError("mean and covariance are finite, and here are other entries: look for overflow in x.")
        if not torch.equal(sigma, sigma.T) and bool((sigma - sigma.T).abs().max() > 1e-4 * sigma.abs().max()):
            raise ValueError("a covariance is symmetric, and this matrix is not: give (A + A.T) / 2 if it almost is.")
        # tr(S) tr(S^-1) / dim is large if S is badly conditioned. Of n points in d > n - 1 dimensions rounding makes
        # eigenvalues of about eps, some of them above 0: then S can be decomposed, and this number is about 1 / eps.
        condition = float(sigma.trace()) * float(torch.linalg.vector_norm(self.whitener.detach())) ** 2 / dim
        if not condition * torch.finfo(sigma.dtype).eps < 1 / 16:
            raise ValueError(self._singular())

    @classmethod
    def standard(cls, dim: int, *, floor: float = 0.0) -> Gaussian:
        """Mean 0, covariance 1: where a `fit` may start."""
        return cls(torch.zeros(dim), torch.eye(dim), floor)

    @property
    def event_shape(self) -> tuple[int, ...]:
        return tuple(self.mean.shape)

    @cached_property
    def factor(self) -> Float[Tensor, "dim dim"]:
        r"""The lower triangle L with :math:`LL^\top=\Sigma`: standard noise times L has covariance :math:`\Sigma`."""
        factor, failed = torch.linalg.cholesky_ex(self.covariance)
        if bool(failed):
            raise ValueError(self._singular())
        return factor

    @cached_property
    def whitener(self) -> Float[Tensor, "dim dim"]:
        r"""The inverse of the factor: it turns points of this Gaussian, less their mean, into standard noise."""
        return torch.linalg.solve_triangular(self.factor, torch.eye(len(self.mean)).to(self.factor), upper=False)

    def _log_prob(self, x: Tensor) -> Tensor:
        standard = self.whitener @ (x - self.mean).T
        volume = self.factor.diagonal().log().sum() + len(self.mean) * LOG_2PI / 2
        return -(standard.square().sum(dim=0) / 2 + volume)

    def _sample(self, n: int, *, rng: torch.Generator) -> Tensor:
        noise = torch.randn(n, len(self.mean), generator=rng, device=rng.device)
        return self.mean + noise.to(self.mean) @ self.factor.T

    def _fit(self, x: Tensor, weights: Tensor) -> Gaussian:
        shares = weights / weights.sum()
        centre = shares @ x.to(shares)
        centred = (x - centre).mul_(shares.sqrt()[:, None])
        covariance = centred.T @ centred
        covariance.diagonal().add_(self.floor)
        return replace(self, mean=centre, covariance=covariance)

    def _singular(self) -> str:
        sigma = self.covariance.detach()
        # At rank 1 a floor f makes the condition number below about tr(S) / f; twice what passes the test above.
        floor = max(1e-6, 32 * torch.finfo(sigma.dtype).eps * float(sigma.trace()))
        return (
            f"this covariance is singular within the rounding of {sigma.dtype}: the points (in a mixture: those of one "
            f"part) lie in fewer than {len(sigma)} dimensions, where the likelihood is unbounded, or the units of the "
            f"coordinates differ too much. Give more points, drop or rescale a coordinate, use double precision, or "
            f"set floor={floor:.0e} or more."
        )
