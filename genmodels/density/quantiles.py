r"""Inverse transform: a uniform number, pushed through a quantile function, is a sample.

From here it is one step to a generator: in one dimension a quantile function is an exact generator, and `Monotone`
learns it from samples.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import softplus


def exponential(u: Float[Tensor, "*n"], *, rate: float = 1.0) -> Float[Tensor, "*n"]:
    r"""The quantile function of :math:`F(x)=1-e^{-\lambda x}`, which is :math:`-\log(1-u)/\lambda`.

    `log1p` keeps the small u exact, and 1 - u is never 0 because `torch.rand` never returns 1.
    """
    return -torch.log1p(-u) / rate


def cauchy(u: Float[Tensor, "*n"], *, location: float = 0.0, scale: float = 1.0) -> Float[Tensor, "*n"]:
    r"""The quantile function of the Cauchy distribution, :math:`x_0+\gamma\tan\pi(u-\frac12)`."""
    return location + scale * torch.tan(math.pi * (u - 0.5))


def categorical(u: Float[Tensor, " n"], weights: Float[Tensor, " things"]) -> Int[Tensor, " n"]:
    r"""The thing k in whose interval :math:`[c_{k-1},c_k)` u falls, where c are the cumulative sums of the weights.

    The weights need not add up to 1. A thing of weight 0 has an empty interval, and is never drawn.

    Raises
    ------
    ValueError
        If a weight is negative or all are 0, or if u is outside of [0, 1).
    """
    if not bool((weights.isfinite() & (weights >= 0)).all()) or not bool((weights > 0).any()):
        raise ValueError("weights are finite numbers of 0 or more, and not all of them 0.")
    if not bool(((u >= 0) & (u < 1)).all()):
        raise ValueError("u is a uniform number of [0, 1), as torch.rand draws it.")
    ends = weights.to(u).cumsum(dim=0)
    return torch.searchsorted(ends, u * ends[-1], right=True)  # right: u on a boundary belongs to the next interval


def quantile(
    cdf: Callable[[Tensor], Tensor], u: Float[Tensor, " n"], *, low: float, high: float
) -> Float[Tensor, " n"]:
    r"""Any quantile function, :math:`F^{-1}(u)=\min\{x:F(x)\ge u\}`, by halving an interval until it is a number.

    In double precision. `cdf` takes and returns a tensor; `low` and `high` must enclose the answers.

    Raises
    ------
    ValueError
        If some u is outside of (0, 1]: at 0 the formula says :math:`-\infty`.
        If some answer lies outside of [low, high].
    """
    u = u.double()
    if not bool(((u > 0) & (u <= 1)).all()):
        raise ValueError(
            "u is a number of (0, 1], and another was given: of v = torch.rand(n), which may be 0, use 1 - v."
        )
    left, right = torch.full_like(u, low), torch.full_like(u, high)
    if bool((cdf(left) >= u).any()) or bool((cdf(right) < u).any()):
        raise ValueError(f"some quantiles lie outside of [{low:g}, {high:g}]: lower `low` or raise `high`.")
    for _ in range(64):
        middle = (left + right) / 2
        below = cdf(middle) < u
        left, right = torch.where(below, middle, left), torch.where(below, right, middle)
    return right


def gumbel_max(logits: Float[Tensor, " things"], n: int, *, rng: torch.Generator) -> Int[Tensor, " n"]:
    r"""Draws of :math:`\mathrm{softmax}(\ell)`: the largest of :math:`\ell_k+g_k`, where :math:`g_k=-\log(-\log u_k)`.

    The logits need no normalisation. Source: Maddison, Tarlow and Minka 2014.
    """
    u = torch.rand(n, len(logits), generator=rng, dtype=torch.float64).clamp_min(1e-300)
    return (logits.double() - (-u.log()).log()).argmax(dim=1)


# --- learned ---------------------------------------------------------------------------------------------------------


class Monotone(nn.Module):
    r"""An increasing function of one number, :math:`G(z)=b+az+\sum_kc_k\tanh(s_kz+t_k)` with positive a, c and s."""

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.shift, self.slope = nn.Parameter(torch.zeros(())), nn.Parameter(torch.zeros(()))
        self.heights = nn.Parameter(torch.full((width,), -2.0))
        self.steepness = nn.Parameter(torch.full((width,), 4.0))  # gentle steps cannot follow a gap between modes
        self.places = nn.Parameter(torch.linspace(-3, 3, width))

    def forward(self, z: Float[Tensor, " n"]) -> Float[Tensor, " n"]:
        steps = torch.tanh(softplus(self.steepness) * (z[:, None] - self.places))
        return self.shift + softplus(self.slope) * z + steps @ softplus(self.heights)


def pinball(guess: Float[Tensor, " n"], x: Float[Tensor, " n"], u: Float[Tensor, " n"]) -> Float[Tensor, ""]:
    r"""The loss of quantile regression, the mean of :math:`\max\bigl(u\,(x-g),\,(u-1)(x-g)\bigr)`.

    Among all numbers g, the u-quantile of x has the smallest expected loss. Source: Koenker and Bassett 1978.
    """
    missed = x - guess
    return torch.maximum(u * missed, (u - 1) * missed).mean()
