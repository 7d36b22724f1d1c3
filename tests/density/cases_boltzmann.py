"""Machines small enough to be enumerated, as cases of the properties of every density."""

from __future__ import annotations

import itertools

import torch
from density.properties import Case

from genmodels.density.belief import DBN
from genmodels.density.boltzmann import RBM
from genmodels.training import rng

BITS = torch.tensor(list(itertools.product((0.0, 1.0), repeat=4)))


def machine(visible: int, hidden: int, *, scale: float = 1.0, seed: int = 0) -> RBM:
    """A machine with parameters that matter; its gradient is never asked for."""
    random = rng(seed)
    W, a, b = (scale * torch.randn(n, generator=random) for n in ((visible, hidden), (visible,), (hidden,)))
    return RBM.of(W, a, b).requires_grad_(False)


def patient(density: RBM) -> RBM:
    """Ten sweeps an update, and a rate that falls to 0: close enough to the maximum to lie above the start."""
    density.steps, density.k, density.lr = 200, 10, lambda step: 0.05 * (1 - step / 200)
    return density


CASES = [
    # Weights mean copies: the rows of an update are drawn by the inverse of the weights' distribution function.
    Case("boltzmann, more visible", patient(machine(4, 2)), support=BITS),
    Case("boltzmann, more hidden", patient(machine(4, 6)), support=BITS),
    # The bits that the top learns from are drawn at random, and copies of a point draw their own.
    Case(
        "deep belief network",
        DBN(patient(machine(4, 3)), patient(machine(3, 2, seed=1))),
        support=BITS,
        likelihood=False,
        weighted=False,
    ),
]
