r"""Distances between two samples.

A distance between samples is not the distance between the distributions: it also depends on how many points were
drawn. So every value here carries the sample size in its name, and two values compare only under one name.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from .. import transport
from .score import Score


def wasserstein(x: Float[Tensor, "n ..."], y: Float[Tensor, "m ..."]) -> Score:
    r"""The exact :math:`W_1` between the samples, in Euclidean distance: `W1 (n=256)`.

    Two samples of the *same* distribution are apart as well, in :math:`d\ge3` dimensions by an order of
    :math:`n^{-1/d}` (Dudley 1969): measure that floor too.
    """
    return Score(transport.wasserstein_1(x.flatten(1), y.flatten(1)), f"W1 ({_sizes(x, y)})")


def sliced_wasserstein(
    x: Float[Tensor, "n ..."], y: Float[Tensor, "m ..."], *, directions: int = 128, rng: torch.Generator
) -> Score:
    r"""The mean :math:`W_1` of one-dimensional projections, :math:`\mathbb E_uW_1(u^\top x,u^\top y)\le W_1(x,y)`.

    The directions `u` are uniform on the unit sphere (Rabin et al. 2011; Bonneel et al. 2015).
    """
    x, y = x.flatten(1).double(), y.flatten(1).double()
    u = torch.randn(x.shape[1], directions, generator=rng, dtype=torch.float64)
    u = u / u.norm(dim=0)
    along = [transport.wasserstein_1d(x @ line, y @ line).item() for line in u.T]
    return Score(sum(along) / directions, f"sliced W1 ({_sizes(x, y)}, {directions} directions)")


def mmd(x: Float[Tensor, "n ..."], y: Float[Tensor, "m ..."], *, bandwidth: float) -> Score:
    r"""The squared maximum mean discrepancy, estimated without bias.

    .. math:: \mathbb E\,k(x,x')+\mathbb E\,k(y,y')-2\,\mathbb E\,k(x,y)

    The kernel is Gaussian, :math:`k(x,y)=e^{-\|x-y\|^2/2h^2}` with bandwidth h. No point is paired with itself, so
    that the mean over samples of one distribution is 0, and single values fall below it (Gretton et al. 2012, eq. 3).
    """

    def kernel(s: Tensor, t: Tensor) -> Tensor:
        return (-transport.distances(s.flatten(1), t.flatten(1)).square() / (2 * bandwidth**2)).exp()

    def within(s: Tensor) -> Tensor:
        n = len(s)
        return (kernel(s, s).sum() - n) / (n * (n - 1))  # the diagonal is n ones

    value = within(x) + within(y) - 2 * kernel(x, y).mean()
    return Score(value.item(), f"squared MMD ({_sizes(x, y)}, bandwidth {bandwidth:.3g})")


def median_distance(x: Float[Tensor, "n ..."]) -> float:
    """The median distance of two different points of a sample: a common choice of the bandwidth."""
    between = transport.distances(x.flatten(1), x.flatten(1))
    upper = torch.triu_indices(len(x), len(x), offset=1)
    return between[upper[0], upper[1]].median().item()


def _sizes(x: Tensor, y: Tensor) -> str:
    return f"n={len(x)}" if len(x) == len(y) else f"n={len(x)}, {len(y)}"
