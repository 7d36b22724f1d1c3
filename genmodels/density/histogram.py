r"""Histograms: the space cut into cells that do not depend on the data, and the share of the points in each."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int
from torch import Tensor

from .base import Density, checked_weights, indices, pseudo_count

MOST = 2**24
"""Cells of a histogram: 16.8 million, which is what `torch.multinomial` draws from."""


@dataclass(frozen=True, eq=False)
class Histogram(Density):
    r"""A density that is constant in every cell of a grid, :math:`p(x)=\frac{K_x}{N\,V_x}`, and 0 outside.

    `edges` holds the increasing edges of one axis after another, and `mass` the probability of each cell, with an axis
    for each coordinate. With one axis a point is a number (event shape ()), with d axes a vector (d,). A cell has its
    lower edge and not its upper one, except the last, as in numpy.

    The `fit` is the share of the points in each cell, :math:`(K+a)/(N+Ca)` with a pseudo-count a for each of the C
    cells (0: maximum likelihood). Source: nndl, section 9.2.2.

    Raises
    ------
    ValueError
        If edges do not increase or are not finite, `mass` does not fit them or does not add up to 1, the pseudo-count
        is negative, or a point to fit to is outside.
    """

    mass: Float[Tensor, "*cells"]
    edges: tuple[Float[Tensor, " _"], ...]
    pseudo: float = 0.0

    def __post_init__(self) -> None:
        shape = tuple(len(axis) - 1 for axis in self.edges)
        rising = all(bool(axis.isfinite().all() & (axis.diff() > 0).all()) for axis in self.edges)
        if not shape or min(shape) < 1 or not rising:
            raise ValueError("the edges of an axis are two or more increasing numbers, all of them finite.")
        if tuple(self.mass.shape) != shape:
            raise ValueError(f"these edges make cells of shape {shape}, and mass has shape {tuple(self.mass.shape)}.")
        adds_up = abs(float(self.mass.double().sum()) - 1) <= 1e-4  # false for NaN as well
        if not adds_up or bool((self.mass < 0).any()):
            raise ValueError("the mass of a cell is its probability: give numbers of 0 or more that add up to 1.")
        pseudo_count(self.pseudo)

    @classmethod
    def uniform(
        cls,
        *axes: tuple[float, float],
        bins: int | Sequence[int],
        pseudo: float = 0.0,
        dtype: torch.dtype | None = None,
    ) -> Histogram:
        """Equal cells with equal mass, where a `fit` may start: `Histogram.uniform((-4, 5), (0, 1), bins=20)`."""
        counts = [bins] * len(axes) if isinstance(bins, int) else list(bins)
        if len(counts) != len(axes) or min(counts, default=0) < 1:
            raise ValueError(f"{len(axes)} axes want a number of bins for each, 1 or more; got {counts}.")
        cells = math.prod(counts)
        if cells > MOST:
            raise ValueError(
                f"{cells:.3g} cells are too many: they multiply with every axis. Give fewer bins or fewer axes."
            )
        edges = tuple(torch.linspace(*axis, n + 1, dtype=dtype) for axis, n in zip(axes, counts, strict=True))
        return cls(torch.full(counts, 1 / cells, dtype=dtype), edges, pseudo)

    @property
    def event_shape(self) -> tuple[int, ...]:
        return () if len(self.edges) == 1 else (len(self.edges),)

    @property
    def volumes(self) -> Float[Tensor, "*cells"]:
        """Length, area, ... of each cell."""
        volume = self.mass.new_ones(())
        for axis in self.edges:
            volume = volume[..., None] * axis.to(self.mass).diff()
        return volume

    def leave_one_out(
        self, x: Float[Tensor, "n ..."], *, weights: Float[Tensor, " n"] | None = None
    ) -> Float[Tensor, " n"]:
        r"""The log-density of each point under the histogram of the others, :math:`\log\frac{K_x-1+a}{(N-1+Ca)V_x}`.

        Raises
        ------
        ValueError
            Where `fit` does, and if a single point counts, which leaves none.
        """
        rows = self._rows(x)
        like, share = self.like(x), checked_weights(weights, rows).double()
        if int((share > 0).sum()) < 2:
            raise ValueError("leaving one out takes two points or more that count.")
        counts, at = like._counts(rows, share)
        others = counts[at] - share + self.pseudo
        total = share.sum() - share + self.mass.numel() * self.pseudo
        return (others / total / like.volumes.flatten()[at]).log().to(like.mass)

    def _log_prob(self, x: Tensor) -> Tensor:
        at = self._cells(x.to(self.mass))
        inside = (self.mass / self.volumes).flatten()[at.clamp_min(0)].log()
        return torch.where(at < 0, -torch.inf, inside)

    def _sample(self, n: int, *, rng: torch.Generator) -> Tensor:
        places = torch.unravel_index(indices(self.mass.flatten(), n, rng=rng), self.mass.shape)
        columns = []
        for axis, place in zip(self.edges, places, strict=True):
            low, high = axis.to(self.mass)[place], axis.to(self.mass)[place + 1]
            drawn = torch.lerp(low, high, torch.rand(n, generator=rng).to(self.mass))
            columns.append(torch.minimum(drawn, torch.nextafter(high, low)))  # rounding may reach the next cell
        return torch.stack(columns, dim=1).reshape(n, *self.event_shape)

    def _fit(self, x: Tensor, weights: Tensor) -> Histogram:
        counts = self._counts(x, weights)[0] + self.pseudo
        return replace(self, mass=(counts / counts.sum()).reshape(self.mass.shape).to(weights))

    def _counts(self, x: Tensor, weights: Tensor) -> tuple[Float[Tensor, " cells"], Int[Tensor, " n"]]:
        """What each cell holds, and the number of each point's cell."""
        at = self._cells(x.to(self.mass))
        outside = (at < 0) & (weights > 0)
        if bool(outside.any()):
            raise ValueError(f"{int(outside.sum())} points lie outside the histogram: widen its edges, or drop them.")
        # In double precision: a single-precision number of 2^24 does not grow when 1 is added to it.
        counts = torch.zeros(self.mass.numel(), dtype=torch.float64, device=x.device)
        return counts.index_add_(0, at.clamp_min(0), weights.double()), at.clamp_min(0)

    def _cells(self, x: Float[Tensor, "n ..."]) -> Int[Tensor, " n"]:
        """The number of each point's cell, row by row; -1 outside."""
        number = torch.zeros(len(x), dtype=torch.long, device=x.device)
        inside = torch.ones_like(number, dtype=torch.bool)
        for axis, column in zip(self.edges, x.reshape(len(x), len(self.edges)).T, strict=True):
            edges, column = axis.to(x), column.contiguous()
            place = torch.searchsorted(edges, column, right=True) - 1
            place = torch.where(column == edges[-1], len(edges) - 2, place)
            inside &= (place >= 0) & (place < len(edges) - 1)
            number = number * (len(edges) - 1) + place
        return torch.where(inside, number, -1)
