"""Distances to the nearest data point: how close samples come, and whether they are copies."""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor


class Neighbours(NamedTuple):
    """For each sample, the Euclidean distance to its nearest reference point, and which one that is."""

    distance: Float[Tensor, " n"]
    which: Int[Tensor, " n"]


def nearest(x: Float[Tensor, "n ..."], reference: Float[Tensor, "m ..."]) -> Neighbours:
    """The nearest reference point of each row; images are compared pixel by pixel."""
    distance, which = torch.cdist(x.flatten(1), reference.flatten(1)).min(dim=1)
    return Neighbours(distance, which)


def spacing(reference: Float[Tensor, "m ..."], *, n: int = 1_000) -> float:
    """Mean distance from each of the first `n` reference points to the nearest *other* one: the scale for `nearest`."""
    distances = torch.cdist(reference[:n].flatten(1), reference.flatten(1))
    distances.fill_diagonal_(torch.inf)
    return distances.min(dim=1).values.mean().item()
