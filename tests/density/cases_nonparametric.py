"""Histograms and kernel densities, as cases of the properties of every density."""

from __future__ import annotations

import torch
from density.properties import Case

from genmodels.density import Mixture
from genmodels.density.histogram import Histogram
from genmodels.density.kernel import KernelDensity

UNEVEN = (torch.tensor([-4.0, -1.75, -0.4, 0.5, 2.75, 5.0]),)
CORNERS = torch.tensor([[-1.0, -1.0], [0.5, 1.5], [1.0, 0.0], [1.0, 0.2]])

CASES = [
    Case("histogram", Histogram(torch.tensor([0.1, 0.3, 0.0, 0.4, 0.2]), UNEVEN), box=((-4.0, 5.0),)),
    Case(
        "histogram of 2",
        Histogram(
            torch.tensor([[0.1, 0.2], [0.0, 0.3], [0.15, 0.25]]),
            (torch.tensor([-2.0, -1.0, 0.0, 2.0]), torch.tensor([0.0, 1.0, 4.0])),
            pseudo=0.5,
        ),
        box=((-2.0, 2.0), (0.0, 4.0)),
        likelihood=False,  # the pseudo-counts
    ),
    Case(
        "kernel",
        KernelDensity(torch.tensor([-1.0, 0.2, 0.3, 2.0]), torch.tensor([1.0, 2.0, 1.0, 3.0]), bandwidth=0.4),
        box=((-4.0, 5.0),),
        likelihood=False,
    ),
    Case("kernel of 2", KernelDensity(CORNERS, bandwidth=0.5), box=((-4.0, 4.0), (-4.0, 4.5)), likelihood=False),
    Case(
        "mixture of kernels",
        Mixture(
            torch.tensor([0.3, 0.7]),
            (KernelDensity(CORNERS[:2], bandwidth=0.5), KernelDensity(CORNERS[2:], bandwidth=0.8)),
            steps=3,
        ),
        box=((-4.0, 4.5), (-4.0, 4.5)),
        likelihood=False,
    ),
]
