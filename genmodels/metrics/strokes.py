r"""What can be measured on a picture of handwriting: how it leans, how wide it is, how much ink there is.

All three come from moments of the ink. With :math:`\mu_{ab}` the mean of :math:`u^av^b` over the ink, u to the right
and v upwards from its centre, a shear :math:`u\to u+sv` adds exactly s to the slant and leaves width and ink alone.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor


class Strokes(NamedTuple):
    """Slant (to the right per unit upwards), width in pixels once the slant is taken out, and ink from 0 to 1."""

    slant: Float[Tensor, " n"]
    width: Float[Tensor, " n"]
    ink: Float[Tensor, " n"]


def strokes(images: Float[Tensor, "n channels height width"]) -> Strokes:
    r"""Slant :math:`\mu_{11}/\mu_{02}`, width :math:`\sqrt{\mu_{20}-\mu_{11}^2/\mu_{02}}` and mean ink of each image.

    Images lie in [-1, 1], where -1 is paper. The width is the standard deviation of what is left of u when it is
    predicted from v. Source: the slant is the one that deskews MNIST digits, LeCun et al. 1998, section III.

    Raises
    ------
    ValueError
        If an image holds no ink, or all of it in one row: it has no slant.
    """
    ink = ((images + 1) / 2).mean(dim=1)
    total = ink.sum(dim=(1, 2))
    if bool((total <= 0).any()):
        raise ValueError(f"image {int((total <= 0).nonzero()[0])} is blank, so it has no centre: leave it out.")
    height, width = ink.shape[1:]
    u, v = torch.arange(width) - (width - 1) / 2, (height - 1) / 2 - torch.arange(height)

    def mean(of: Tensor) -> Tensor:
        return (ink * of).sum(dim=(1, 2)) / total

    u = u - mean(u)[:, None, None]
    v = v[:, None] - mean(v[:, None])[:, None, None]
    lean, tall = mean(u * v), mean(v * v)
    if bool((tall <= 0).any()):
        raise ValueError(f"all ink of image {int((tall <= 0).nonzero()[0])} lies in one row: it has no slant.")
    slant = lean / tall
    return Strokes(slant, (mean(u * u) - slant * lean).clamp_min(0).sqrt(), ink.mean(dim=(1, 2)))
