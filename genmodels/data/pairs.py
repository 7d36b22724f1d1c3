"""Samples with labels: what a conditional model learns from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from .images import ImageSet
from .store import DataError

MISSING = -1
"""The label of a sample whose label nobody wrote down."""


def checked(labels: Tensor, *, classes: int) -> Int[Tensor, "*n"]:
    """The labels as they are, if each is a whole number from 0 to `classes` - 1.

    Raises
    ------
    ValueError
        If not. Left alone, -1 would be the last class to an index, and an error without a name on a GPU.
    """
    if labels.is_floating_point() or labels.dtype == torch.bool:
        raise ValueError(f"labels must be whole numbers, not {str(labels.dtype).removeprefix('torch.')}: number them.")
    outside = labels[(labels < 0) | (labels >= classes)]
    if outside.numel():
        remedy = "number the classes from 0"
        if bool((outside == MISSING).any()):
            remedy = f"{MISSING} stands for a missing label: leave such rows out (`Pairs.known`)"
        raise ValueError(f"label {outside[0].item()} is none of the {classes} classes 0..{classes - 1}; {remedy}.")
    return labels


@dataclass(frozen=True)
class Pairs:
    """Samples and labels; `sample` draws pairs with replacement, each sample with its own label.

    Raises
    ------
    DataError
        If there is no pair, numbers of samples and labels differ, or a label is not a whole number from 0 on (or
        `MISSING`).
    """

    x: Float[Tensor, "n ..."]
    y: Int[Tensor, " n"]

    def __post_init__(self) -> None:
        if self.y.shape != (len(self.x),):
            raise DataError(
                f"{len(self.x)} samples have labels of shape {tuple(self.y.shape)}: give one label per sample."
            )
        if not len(self):
            raise DataError("there is no pair to draw: give at least one sample with its label.")
        if self.y.is_floating_point() or self.y.dtype == torch.bool or bool((self.y < MISSING).any()):
            raise DataError(
                f"labels must be whole numbers from 0 on, and {MISSING} where one is missing; these are "
                f"{str(self.y.dtype).removeprefix('torch.')} from {self.y.min():g}: number the classes first."
            )

    def __len__(self) -> int:
        return len(self.x)

    @property
    def known(self) -> Pairs:
        """The pairs that have a label."""
        there = self.y != MISSING
        return Pairs(self.x[there], self.y[there])

    def sample(self, sample_shape: Sequence[int], *, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        which = torch.randint(len(self), tuple(sample_shape), generator=rng)
        return self.x[which], self.y[which]


def pairs(images: ImageSet) -> Pairs:
    """A set of images as pairs (x, y)."""
    return Pairs(images.images, images.labels)


def few_labels(data: Pairs, *, per_class: int, rng: torch.Generator) -> Pairs:
    """`per_class` pairs of every class, drawn without replacement: what a supervised learner gets.

    Raises
    ------
    ValueError
        If a class has fewer.
    """
    classes = data.y[data.y != MISSING].unique().tolist()
    members = {c: (data.y == c).nonzero().squeeze(1) for c in classes}
    poor = {c: len(m) for c, m in members.items() if len(m) < per_class}
    if poor:
        raise ValueError(f"{per_class} labels per class were asked for, and of some classes there are fewer: {poor}.")
    kept = torch.cat([m[torch.randperm(len(m), generator=rng)[:per_class]] for m in members.values()])
    return Pairs(data.x[kept], data.y[kept])
