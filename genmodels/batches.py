"""What a player is shown: a tensor, or several that belong together row by row: (x, y), (x, c), (x, z)."""

from __future__ import annotations

import torch
from torch import Tensor

Batch = Tensor | tuple[Tensor, ...]
"""Samples alone, or samples with what comes with them: labels, codes, latent variables.

:meta hide-value:
"""


def parts(batch: Batch) -> tuple[Tensor, ...]:
    """The tensors of a batch, so that `network(*parts(batch))` works for samples and for pairs."""
    return batch if isinstance(batch, tuple) else (batch,)


def samples(batch: Batch) -> Tensor:
    """The samples themselves, without what comes with them."""
    return parts(batch)[0]


def moved(batch: Batch, where: torch.device) -> Batch:
    """The same batch on another device."""
    return tuple(part.to(where) for part in batch) if isinstance(batch, tuple) else batch.to(where)


def reshaped(batch: Batch, sample_shape: tuple[int, ...]) -> Batch:
    """A batch of n rows as `sample_shape`, whose sizes multiply to n; every row keeps its shape."""
    shaped = tuple(part.reshape(*sample_shape, *part.shape[1:]) for part in parts(batch))
    return shaped if isinstance(batch, tuple) else shaped[0]
