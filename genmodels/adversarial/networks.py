"""Generators and critics. A generator can be sampled and has no density; a critic returns one score per row."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ..batches import Batch, parts, reshaped
from ..training import evaluating


class Generator(nn.Module):
    """A network that pushes noise forward: the model of an implicit density.

    It has `sample` and, unlike everything with a likelihood, no `log_prob`. What it makes is shown to the critic as it
    is; a generator of pairs (conditional, bidirectional) makes tuples.
    """

    def __init__(self, network: nn.Module, *, latent: int) -> None:
        super().__init__()
        self.network, self.latent = network, latent

    def forward(self, z: Float[Tensor, "n latent"]) -> Any:
        return self.network(z)

    def complete(self, real: Batch) -> Batch:
        """What the critic is shown of a real batch: the batch. An encoder would add to it (`Bidirectional`)."""
        return real

    def noise(self, n: int, *, rng: torch.Generator) -> Any:
        """Draw z from N(0, I) on the CPU and move it: the same noise on every device."""
        return torch.randn(n, self.latent, generator=rng).to(next(self.parameters()).device)

    def sample(self, sample_shape: Sequence[int], *, rng: torch.Generator) -> Any:
        """Draw samples in evaluation mode (batch normalisation uses its running statistics), without gradients."""
        with evaluating(self):
            x = self(*parts(self.noise(math.prod(sample_shape), rng=rng)))
        return reshaped(x, tuple(sample_shape))


leaky_relu = partial(nn.LeakyReLU, 0.2)
"""Makes a leaky ReLU of slope 0.2 on the left, the field's usual choice in critics.

:meta hide-value:
"""


def mlp(
    inputs: int,
    outputs: int,
    *,
    width: int = 128,
    depth: int = 2,
    activation: Callable[[], nn.Module] = leaky_relu,
) -> nn.Sequential:
    """`depth` hidden layers of `width` units, each followed by `activation()`, and a linear output."""
    sizes = [inputs, *[width] * depth]
    hidden = [layer for a, b in pairwise(sizes) for layer in (nn.Linear(a, b), activation())]
    return nn.Sequential(*hidden, nn.Linear(width, outputs))


def image_generator(shape: Sequence[int], *, latent: int = 100, widths: Sequence[int] = (256, 512)) -> Generator:
    """Fully connected generator for images in [-1, 1], hence the final tanh: linear, batch normalisation, ReLU.

    Source: the `GeneratorNet` of the course's PyTorch example, 561,168 parameters at 28 x 28.
    """
    sizes = [latent, *widths]
    hidden: list[nn.Module] = []
    for a, b in pairwise(sizes):
        hidden += [nn.Linear(a, b), nn.BatchNorm1d(b), nn.ReLU()]
    output = nn.Linear(widths[-1], math.prod(shape))
    return Generator(nn.Sequential(*hidden, output, nn.Tanh(), nn.Unflatten(1, tuple(shape))), latent=latent)


def image_critic(shape: Sequence[int], *, widths: Sequence[int] = (512, 256), dropout: float = 0.5) -> nn.Sequential:
    """Fully connected critic: linear, leaky ReLU, dropout; its last layer is a score, where the source has a sigmoid.

    Source: the `DiscriminatorNet` of the course's PyTorch example, 533,505 parameters at 28 x 28.
    """
    sizes = [math.prod(shape), *widths]
    layers: list[nn.Module] = [nn.Flatten()]
    for a, b in pairwise(sizes):
        layers += [nn.Linear(a, b), nn.LeakyReLU(0.2), nn.Dropout(dropout)]
    return nn.Sequential(*layers, nn.Linear(widths[-1], 1))
