"""The figures that more than one page draws."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import torch
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from .style import FIELD, PALETTE


def points(ax: Axes, x: Float[Tensor, "n 2"], *, kind: str, label: str | None = None, size: float = 3.0) -> None:
    """A cloud of samples; `kind` is a name of the palette, so that data and generated points never change colour."""
    ax.scatter(x[:, 0], x[:, 1], s=size, color=PALETTE[kind], alpha=0.55, linewidths=0, label=label)


def square(ax: Axes, *, half: float) -> None:
    """A bare square window around the origin."""
    ax.set(xlim=(-half, half), ylim=(-half, half), xticks=[], yticks=[], aspect="equal")
    for spine in ax.spines.values():
        spine.set_visible(False)


def mesh(*, half: float, points: int) -> Float[Tensor, "cells 2"]:
    """The centres of a `points` x `points` grid over the square window, row by row from below."""
    edge = (torch.arange(points) + 0.5) * (2 * half / points) - half
    return torch.cartesian_prod(edge, edge).flip(1)


def field(ax: Axes, probability: Float[Tensor, " cells"], *, half: float) -> None:
    """What the critic believes on `mesh`, as a probability of being real: blue real, orange generated."""
    side = round(len(probability) ** 0.5)
    extent = (-half, half, -half, half)
    ax.imshow(
        probability.reshape(side, side).numpy(),
        origin="lower",
        extent=extent,
        cmap=FIELD,
        vmin=0,
        vmax=1,
        interpolation="bilinear",
    )


def tile(
    images: Float[Tensor, "n channels height width"], *, columns: int
) -> Float[Tensor, "rows_px columns_px channels"]:
    """Images in [-1, 1] side by side with a gap of one pixel, scaled to [0, 1] for drawing."""
    padded = torch.nn.functional.pad((images + 1) / 2, (1, 1, 1, 1))
    rows = [torch.cat(list(padded[i : i + columns]), dim=2) for i in range(0, len(padded), columns)]
    return torch.cat(rows, dim=1).permute(1, 2, 0)


def strips(panels: Mapping[str, Float[Tensor, "n channels height width"]], *, columns: int = 4) -> Figure:
    """One block of images per title, from left to right: samples over training time, with the data last."""
    figure, axes = plt.subplots(1, len(panels), figsize=(7.2, 2.2), squeeze=False)
    for ax, (title, images) in zip(axes[0], panels.items(), strict=True):
        ax.imshow(tile(images, columns=columns).squeeze(-1).numpy(), vmin=0, vmax=1)
        ax.set_title(title)
        ax.axis("off")
    return figure
