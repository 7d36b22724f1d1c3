r"""Optimal transport: the cheapest way to turn one distribution into another, and its price.

The solvers are POT's (Flamary et al. 2021); what is written here is what a page needs to see.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor


def wasserstein_1(x: Float[Tensor, "n dim"], y: Float[Tensor, "m dim"]) -> float:
    r"""The exact :math:`W_1` of two samples of equal masses: :math:`\min_\gamma\sum\gamma_{ij}\|x_i-y_j\|_2`."""
    import ot  # late: it imports half of scipy

    cost = torch.cdist(x.double(), y.double()).numpy()
    uniform = [torch.full((len(z),), 1 / len(z), dtype=torch.float64).numpy() for z in (x, y)]
    return float(ot.emd2(*uniform, cost))
