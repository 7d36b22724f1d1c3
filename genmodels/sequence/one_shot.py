"""Sentences for chapters 2 and 3: a generator that writes all words at once, as rows of probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import one_hot

from ..adversarial import Generator, Labels
from ..batches import Batch
from ..training import evaluating
from .steps import Tokens


def soft_writer(inputs: int, *, length: int, vocab: int, width: int) -> nn.Sequential:
    """From `inputs` numbers to `length` rows of `vocab` probabilities; two hidden layers with batch normalisation."""
    hidden: list[nn.Module] = []
    for a, b in ((inputs, width), (width, width)):
        hidden += [nn.Linear(a, b), nn.BatchNorm1d(b), nn.ReLU()]
    return nn.Sequential(*hidden, nn.Linear(width, length * vocab), nn.Unflatten(1, (length, vocab)), nn.Softmax(dim=2))


def spoken(rows: Float[Tensor, "n length vocab"]) -> Tokens:
    """The most probable word of each row."""
    return rows.argmax(dim=-1)


def said(generator: Generator, n: int, *, rng: torch.Generator, scale: float = 1.0) -> Tokens:
    """`n` sentences, from noise that is multiplied by `scale`."""
    with evaluating(generator):
        return spoken(generator(scale * generator.noise(n, rng=rng)))


@dataclass(frozen=True)
class OneHot:
    """Sentences as one-hot rows, drawn with replacement; with `labels`, one-hot too, the pairs of both."""

    tokens: Tokens
    vocab: int
    labels: Float[Tensor, "n classes"] | None = None

    def sample(self, sample_shape: Sequence[int], *, rng: torch.Generator) -> Batch:
        which = torch.randint(len(self.tokens), tuple(sample_shape), generator=rng)
        rows = one_hot(self.tokens[which], self.vocab).float()
        return rows if self.labels is None else (rows, self.labels[which])


class OneHotLabels(Labels):
    """Labels that are one-hot vectors already when drawn: numbers between which a gradient penalty can interpolate."""

    def sample(self, sample_shape: Sequence[int], *, rng: torch.Generator) -> Tensor:
        return one_hot(super().sample(sample_shape, rng=rng), self.classes).float()

    def forward(self, y: Float[Tensor, "n classes"]) -> Float[Tensor, "n classes"]:
        return y
