r"""Annealed importance sampling: the partition function of a Boltzmann machine too large to enumerate."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import softplus

from .base import bits
from .boltzmann import RBM
from .sampling import log_normaliser


class LogZ(NamedTuple):
    r"""An estimate of :math:`\log Z`."""

    value: Float[Tensor, ""]
    error: Float[Tensor, ""]
    """Standard error of the estimate of Z, relative to it: that of log Z where it is small."""
    log_weights: Float[Tensor, " chains"]
    """Of each chain: Z is estimated by the mean of their exponentials."""


@torch.no_grad()
def ais(
    machine: RBM,
    *,
    temperatures: int,
    chains: int = 100,
    base: Float[Tensor, " visible"] | None = None,
    rng: torch.Generator,
) -> LogZ:
    r"""Annealed importance sampling: chains walk from independent bits to the machine, through `temperatures` between.

    At inverse temperature :math:`\beta` the machine has weights :math:`\beta W` and biases
    :math:`(1-\beta)a_0+\beta a` and :math:`\beta b`. Each step multiplies a chain's weight by the ratio of the new
    and the old unnormalised probability of where it stands, then makes one sweep at the new temperature. The mean of
    the weights is an estimate of Z without bias; its logarithm is, on average, too low.

    `temperatures` counts the steps from :math:`\beta=0` to 1; one step is plain importance sampling. `base` holds the
    biases :math:`a_0` of the independent bits, 0 without it; log-odds of the data's bits are a good choice.

    Source: Neal 2001; Salakhutdinov and Murray 2008, section 4.1.

    Raises
    ------
    ValueError
        Without a step, or with fewer than two chains, which tell nothing about the error.
    """
    if temperatures < 1 or chains < 2:
        raise ValueError(f"{temperatures} temperatures and {chains} chains: give 1 or more, and 2 chains or more.")
    W, a, b = machine.W, machine.a, machine.b
    base = torch.zeros_like(a) if base is None else base.to(a)
    v = bits(torch.sigmoid(base).expand(chains, -1), rng=rng)
    log_z = softplus(base).double().sum() + len(b) * math.log(2)
    weights = torch.full((chains,), float(log_z), dtype=torch.float64)
    for before, now in pairwise(torch.linspace(0, 1, temperatures + 1).tolist()):
        inner = b + v @ W
        risen = softplus(now * inner).sum(dim=1) - softplus(before * inner).sum(dim=1)
        weights += ((now - before) * (v @ (a - base)) + risen).double().cpu()
        h = bits(torch.sigmoid(now * inner), rng=rng)
        v = bits(torch.sigmoid((1 - now) * base + now * (a + h @ W.T)), rng=rng)
    value = log_normaliser(weights)
    relative = (weights - value).exp()  # their mean is 1
    return LogZ(value, relative.std() / math.sqrt(chains), weights)
