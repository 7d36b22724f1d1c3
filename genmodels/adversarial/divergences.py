r"""Divergences of densities that are known, and the game's value at a known critic.

Every function takes densities tabulated on the same points and the `cell` that one point stands for: 1 for a discrete
distribution, the grid's spacing (or area) for a density. The sums are then exact, respectively Riemann sums.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor

Table = Float[Tensor, " points"]
Number = Float[Tensor, ""]


def _weighted_log(weight: Table, x: Table) -> Table:
    """`weight` log `x`; where the weight is exactly 0, the value is 0 and so is what flows back, whatever `x` is."""
    return torch.xlogy(weight, torch.where(weight == 0, 1.0, x))  # xlogy alone gives 0, and a gradient of 0/0


def _held(mass: Table) -> Table:
    return torch.where(mass == 0, 0.0, mass)  # the same numbers; a mass of exactly 0 no longer hears gradients


def kl(p: Table, q: Table, *, cell: float = 1.0) -> Number:
    r""":math:`\mathrm{KL}(p\|q)=\int p\log\frac pq\ge0`; infinite where `q` misses mass of `p`, and 0 log 0 = 0.

    A cell where `p` is exactly 0 takes no part in the gradient either: its mass is taken to stay 0.
    """
    return (_weighted_log(p, p) - _weighted_log(p, q)).sum() * cell


def jensen_shannon(p: Table, q: Table, *, cell: float = 1.0) -> Number:
    r""":math:`\frac12\mathrm{KL}(p\|\frac{p+q}2)+\frac12\mathrm{KL}(q\|\frac{p+q}2)\in[0,\log2]`; nndl, eq. 13.41.

    As in `kl`, a mass of exactly 0 is taken to stay 0: its gradient is 0, where the slope of the formula is infinite.
    """
    middle = (_held(p) + _held(q)) / 2
    return (kl(p, middle, cell=cell) + kl(q, middle, cell=cell)) / 2


def optimal_critic(p: Table, q: Table) -> Table:
    r""":math:`D^*=\frac{p_r}{p_r+p_\theta}`, which no critic beats; 1/2 where there is no mass (nndl, eq. 13.37)."""
    total = p + q
    return torch.where(total > 0, p / total.clamp_min(torch.finfo(p.dtype).tiny), 0.5)


def game_value(critic: Table, p: Table, q: Table, *, cell: float = 1.0) -> Number:
    r""":math:`V(D,G)=\mathbb E_{p_r}\log D+\mathbb E_{p_\theta}\log(1-D)` for a tabulated :math:`D\in[0,1]`.

    At :math:`D^*` it is :math:`2\,\mathrm{JSD}-\log4`, between :math:`-\log 4` (equal) and 0 (disjoint supports).
    """
    nothing = torch.where(q == 0, 0.0, critic)  # as in _weighted_log, for log(1 - D)
    return (_weighted_log(p, critic) + torch.special.xlog1py(q, -nothing)).sum() * cell


def optimal_value(p: Table, q: Table, *, cell: float = 1.0) -> Number:
    r""":math:`\max_DV=2\,\mathrm{JSD}(p_r,p_\theta)-\log4`: a number, where :math:`D^*` is a function (E-46)."""
    return 2 * jensen_shannon(p, q, cell=cell) - math.log(4)
