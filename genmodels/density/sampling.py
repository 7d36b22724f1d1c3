r"""Samples from a density of which only the logarithm is known, up to a constant: by rejecting, and by weighing.

`log_density` is any function of points: the `log_prob` of a density, or that plus a constant nobody knows. All ratios
are taken in the logarithm, where nothing overflows. What comes next to these two is in `chains`.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from .base import Density

LogDensity = Callable[[Tensor], Tensor]


def rejection(
    log_density: LogDensity, proposal: Density, *, log_bound: float, tries: int, rng: torch.Generator
) -> Shaped[Tensor, "accepted ..."]:
    r"""Draw x from the proposal q and keep it with probability :math:`f(x)/(Mq(x))`; what is kept is distributed as f.

    `log_bound` is :math:`\log M`, with :math:`f\le Mq` everywhere. Of the `tries`, a share of :math:`Z/M` is kept,
    where Z is the integral of f.

    Raises
    ------
    ValueError
        If :math:`f>Mq` at a point that was tried: what is kept would not be distributed as f.
    """
    x = proposal.sample((tries,), rng=rng)
    log_height = log_density(x) - proposal.log_prob(x) - log_bound
    if bool((log_height > 1e-6).any()) or bool(log_height.isnan().any()):
        worst = int(log_height.nan_to_num(nan=math.inf).argmax())
        raise ValueError(
            f"the envelope is too low: at x = {x[worst].tolist()} the density is e^{log_height[worst]:.3g} times the "
            f"bound. Raise log_bound by that, or take a proposal with heavier tails."
        )
    return x[torch.rand(tries, generator=rng).to(log_height).log() < log_height]


def log_weights(log_density: LogDensity, proposal: Density, x: Shaped[Tensor, "n ..."]) -> Float[Tensor, " n"]:
    r""":math:`\log w(x)=\log f(x)-\log q(x)` of points that were drawn from the proposal q."""
    return log_density(x) - proposal.log_prob(x)


def weighted_mean(values: Float[Tensor, "n ..."], log_weights: Float[Tensor, " n"]) -> Float[Tensor, ...]:
    r"""The self-normalised estimate :math:`\sum_nw_nh_n/\sum_nw_n` of :math:`\mathbb E_f[h]`; a constant in w cancels.

    Its bias falls like 1/n.
    """
    return torch.tensordot(log_weights.softmax(dim=0), values, dims=1)


def log_normaliser(log_weights: Float[Tensor, " n"]) -> Float[Tensor, ""]:
    r"""The logarithm of :math:`\frac1n\sum_nw_n`, an unbiased estimate of the integral of f."""
    return log_weights.logsumexp(dim=0) - math.log(len(log_weights))


def effective_size(log_weights: Float[Tensor, " n"]) -> Float[Tensor, ""]:
    r""":math:`(\sum_nw_n)^2/\sum_nw_n^2`: from 1, where one point has all the weight, to n (Kong, Liu and Wong 1994).

    About as many independent samples of f as these n weighted points are worth.
    """
    return (2 * log_weights.logsumexp(dim=0) - (2 * log_weights).logsumexp(dim=0)).exp()
