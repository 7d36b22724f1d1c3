r"""Nearest neighbours: the number of points is fixed, and the volume that holds them is measured.

What comes out is no density, because it does not integrate to 1. So there is no `log_prob` here, and no `sample`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import torch
from jaxtyping import Float, Shaped
from torch import Tensor

PAIRS = 2**22
"""Distances held at a time."""


@dataclass(frozen=True, eq=False)
class Neighbours:
    r"""The k-nearest-neighbour estimate :math:`\frac K{N\,V_K(x)}`, with the volume of the ball that reaches K points.

    Source: nndl, section 9.2.2; Loftsgaarden and Quesenberry 1965.

    Raises
    ------
    ValueError
        If k is not between 1 and the number of points, or a point is not finite.
    """

    points: Shaped[Tensor, "n ..."]
    k: int = field(kw_only=True)

    def __post_init__(self) -> None:
        if self.points.ndim not in (1, 2):
            raise ValueError(f"points has shape {tuple(self.points.shape)}: give numbers (n,) or vectors (n, d).")
        if not 1 <= self.k <= len(self.points):
            raise ValueError(
                f"k = {self.k} neighbours of {len(self.points)} points: give 1 <= k <= {len(self.points)}."
            )
        if not bool(self.points.isfinite().all()):
            raise ValueError("points has entries that are NaN or infinite; remove those points.")

    def radius(self, x: Shaped[Tensor, ...]) -> Float[Tensor, ...]:
        """The distance from each x to its k-th nearest point.

        Raises
        ------
        ValueError
            If x has another shape than the points, or a NaN.
        """
        return self._radius(x, k=self.k)

    def log_estimate(self, x: Shaped[Tensor, ...]) -> Float[Tensor, ...]:
        r""":math:`\log K-\log N-\log V`, not the logarithm of a density: its exponential integrates to infinity.

        Raises
        ------
        ValueError
            If k points lie exactly on an x, so that the ball has no volume.
        """
        return self._estimate(self.radius(x), n=len(self.points))

    def leave_one_out(self) -> Float[Tensor, " n"]:
        r"""The same at each point, from the :math:`N-1` others.

        Raises
        ------
        ValueError
            If fewer than k others are left, or k of them coincide with a point.
        """
        others = len(self.points) - 1
        if self.k > others:
            raise ValueError(f"k = {self.k} neighbours, but leaving one out leaves {others}: give a smaller k.")
        # A point is its own nearest neighbour, at distance 0.
        return self._estimate(self._radius(self.points, k=self.k + 1), n=others)

    def _estimate(self, radius: Tensor, *, n: int) -> Tensor:
        if not bool((radius > 0).all()):
            at = int((radius <= 0).sum())
            raise ValueError(
                f"radius 0 at {at} of {radius.numel()} places: {self.k} or more of the {n} points lie exactly there. "
                "Take a larger k, or remove copies."
            )
        dim = 1 if self.points.ndim == 1 else self.points.shape[1]
        return math.log(self.k / n) - log_ball(dim) - dim * radius.log()

    def _radius(self, x: Tensor, *, k: int) -> Tensor:
        event = tuple(self.points.shape[1:])
        if x.ndim < len(event) or tuple(x.shape[x.ndim - len(event) :]) != event:
            raise ValueError(f"x has shape {tuple(x.shape)}, but each of the points has shape {event}.")
        if bool(x.isnan().any()):
            raise ValueError(f"x has {int(x.isnan().sum())} entries that are NaN; remove those points.")
        # In the higher of the two precisions, as in a `Density`; whole numbers become floating ones.
        wide = torch.promote_types(torch.promote_types(x.dtype, self.points.dtype), torch.get_default_dtype())
        points = self.points.to(x.device, wide).reshape(len(self.points), -1)
        rows = x.to(wide).reshape(-1, points.shape[1])
        # Differences, not a matrix product: two equal points are at distance 0 and not at the root of a rounding error.
        near = [
            torch.cdist(part, points, compute_mode="donot_use_mm_for_euclid_dist").kthvalue(k, dim=1).values
            for part in rows.split(max(1, PAIRS // len(points)))
        ]
        radius = torch.cat(near).reshape(x.shape[: x.ndim - len(event)])
        return radius.to(x.dtype) if x.is_floating_point() else radius


def log_ball(dim: int) -> float:
    r"""The logarithm of the volume of the unit ball, :math:`\frac{\pi^{d/2}}{\Gamma(d/2+1)}`: 2, :math:`\pi`, ..."""
    return dim / 2 * math.log(math.pi) - math.lgamma(dim / 2 + 1)
