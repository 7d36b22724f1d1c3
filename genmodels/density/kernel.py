r"""Kernel density estimates: a small Gaussian around each of the points, all of them kept."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import torch
from jaxtyping import Float
from torch import Tensor

from .base import Density, indices
from .gaussian import LOG_2PI

ROWS, COLUMNS = 256, 512
"""Pairs of points treated at a time: 1 MB of numbers, which stays in a processor's cache whatever the sizes."""


@dataclass(frozen=True, eq=False)
class KernelDensity(Density):
    r"""A Gaussian around each point, :math:`p(x)=\frac1{\sum_nw_n}\sum_nw_n\,N(x;x_n,h^2I)` with bandwidth h.

    The `fit` keeps the bandwidth and takes the points, and their weights, as they are: it maximises nothing. Inside,
    numbers are in double precision and squared distances come from a matrix product about the points' mean; their
    logarithms are exact to about 1e-16 times the square of (spread of the points / h). Source: nndl, section 9.2.2,
    with a Gaussian in place of the hypercube; Rosenblatt 1956, Parzen 1962.

    Raises
    ------
    ValueError
        If the bandwidth or a weight is not above 0, there is no point, or one is not finite or in whole numbers.
    """

    points: Float[Tensor, "n ..."]
    weights: Float[Tensor, " weights"] | None = None
    bandwidth: float = field(kw_only=True)

    def __post_init__(self) -> None:
        if not 0 < self.bandwidth < math.inf:
            raise ValueError(f"a bandwidth is a length above 0, and {self.bandwidth:g} was given.")
        if self.points.ndim < 1 or not self.points.numel():
            raise ValueError("there is no point to put a kernel on: points is empty.")
        if not self.points.is_floating_point():  # all else is in the precision of the points
            raise ValueError(f"a kernel lies on real numbers, and points is {self.points.dtype}: give points.float().")
        if not bool(self.points.isfinite().all()):
            raise ValueError("points has entries that are NaN or infinite; remove those points.")
        if self.weights is not None and self.weights.shape != self.points.shape[:1]:
            raise ValueError(f"{len(self.points)} points want one weight each; got {tuple(self.weights.shape)}.")
        if self.weights is not None and not bool((self.weights.isfinite() & (self.weights > 0)).all()):
            raise ValueError("weights say how often a point counts: give numbers above 0, and drop the other points.")

    @classmethod
    def standard(cls, *event_shape: int, bandwidth: float) -> KernelDensity:
        """One kernel at the origin: where a `fit` may start."""
        return cls(torch.zeros(1, *event_shape), bandwidth=bandwidth)

    @property
    def event_shape(self) -> tuple[int, ...]:
        return tuple(self.points.shape[1:])

    def leave_one_out(self) -> Float[Tensor, " n"]:
        r"""The log-density of each point under the kernels of the others; a point takes all of its weight along.

        :math:`\log\frac1{\sum_{m\ne n}w_m}\sum_{m\ne n}w_mN(x_n;x_m,h^2I)`.

        Raises
        ------
        ValueError
            For a single point, which leaves none.
        """
        if len(self.points) < 2:
            raise ValueError("leaving one out takes two points or more.")
        shares = self._weights()
        return self._normalised(self.points, shares.sum() - shares, itself=False)

    def _log_prob(self, x: Tensor) -> Tensor:
        return self._normalised(x, self._weights().sum())

    def _sample(self, n: int, *, rng: torch.Generator) -> Tensor:
        which = indices(self._weights(), n, rng=rng)
        noise = torch.randn(n, *self.event_shape, generator=rng).to(self.points)
        return self.points[which] + self.bandwidth * noise

    def _fit(self, x: Tensor, weights: Tensor) -> KernelDensity:
        counts = weights > 0  # in a mixture with labels seen, most points count nothing for a part
        alike = bool((weights == 1).all())
        return replace(self, points=x[counts].to(self.points), weights=None if alike else weights[counts])

    def _weights(self) -> Float[Tensor, " n"]:
        shares = self.points.new_ones(len(self.points)) if self.weights is None else self.weights
        return shares.double()

    def _normalised(self, x: Tensor, total: Tensor, *, itself: bool = True) -> Float[Tensor, " m"]:
        dim = self.points[0].numel()
        volume = dim * (LOG_2PI / 2 + math.log(self.bandwidth))
        return (self._log_sums(x, itself=itself) - total.log() - volume).to(self.points)

    def _log_sums(self, x: Tensor, *, itself: bool) -> Float[Tensor, " m"]:
        r""":math:`\log\sum_nw_ne^{-|x-x_n|^2/2h^2}` of each row, block by block.

        Without its own kernel if not `itself`. The exponent :math:`a^\top b-|a|^2/2-|b|^2/2+\log w` is one product of
        vectors with two more entries.
        """
        points = self.points.flatten(1) if self.points.ndim > 1 else self.points[:, None]
        points = points.double()
        centre = points.mean(dim=0)
        a = (x.double().reshape(len(x), points.shape[1]) - centre) / self.bandwidth
        b = (points - centre) / self.bandwidth
        left = torch.cat([a, -a.square().sum(dim=1, keepdim=True) / 2, torch.ones_like(a[:, :1])], dim=1)
        last = (self._weights().log() - b.square().sum(dim=1) / 2)[:, None]
        right = torch.cat([b, torch.ones_like(last), last], dim=1).T.contiguous()
        rows = [_log_sum(left[i : i + ROWS], right, None if itself else i) for i in range(0, len(left), ROWS)]
        return torch.cat(rows) if rows else a.new_zeros(0)


def _log_sum(left: Tensor, right: Tensor, first: int | None) -> Float[Tensor, " rows"]:
    total = left.new_full((len(left),), -torch.inf)
    for j in range(0, right.shape[1], COLUMNS):
        exponents = left @ right[:, j : j + COLUMNS]
        if first is not None:  # row r is column r of the whole: the diagonal that begins at first - j
            exponents.diagonal(first - j).fill_(-torch.inf)
        total = torch.logaddexp(total, exponents.logsumexp(dim=1))
    return total
