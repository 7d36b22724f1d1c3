"""Counting modes where they are known."""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from ..data.worlds import World


class Coverage(NamedTuple):
    """Modes that were reached, modes there are, and the share of samples that lie near any mode (0 to 1)."""

    reached: int
    modes: int
    quality: float


def coverage(x: Float[Tensor, "n dim"], world: World, *, radius: float = 4.0, share: float = 0.008) -> Coverage:
    """How many modes of `world` the samples reach, and how many samples are good.

    A sample is good within `radius` standard deviations of its nearest centre; a mode is reached if at least `share`
    of all samples are good and nearest to it (0.008: 20 of 2,500). Both numbers belong together: a run can cover
    every mode with poor samples, or sit on one mode with perfect ones.
    """
    distance, nearest = torch.cdist(x, world.centres.to(x)).min(dim=1)
    good = distance <= radius * world.std
    hits = torch.bincount(nearest[good], minlength=len(world.centres))
    return Coverage(int((hits >= share * len(x)).sum()), len(world.centres), good.double().mean().item())
