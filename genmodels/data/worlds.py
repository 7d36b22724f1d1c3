"""Worlds: small distributions whose density, modes and samples are all known."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from .pairs import checked


@dataclass(frozen=True)
class World:
    r"""A mixture of equally likely round Gaussians, :math:`\frac1K\sum_kN(x;\mu_k,\sigma^2I)`.

    `torch.distributions` has this mixture too, but its `sample` takes no generator.
    """

    centres: Float[Tensor, "modes dim"]
    std: float

    def sample(self, sample_shape: Sequence[int], *, rng: torch.Generator) -> Float[Tensor, ...]:
        """Pick a centre, add noise."""
        which = torch.randint(len(self.centres), tuple(sample_shape), generator=rng)
        noise = torch.randn(*sample_shape, self.centres.shape[1], generator=rng)
        return self.centres[which] + self.std * noise

    def log_prob(self, x: Float[Tensor, "... dim"]) -> Float[Tensor, ...]:
        """Logarithm of the density, in nats."""
        dim = self.centres.shape[1]
        square = (x.unsqueeze(-2) - self.centres.to(x)).square().sum(-1) / self.std**2
        constant = math.log(len(self.centres)) + dim * math.log(self.std * math.sqrt(2 * math.pi))
        return torch.logsumexp(-square / 2, dim=-1) - constant


def ring(*, modes: int = 8, radius: float = 2.0, std: float = 0.1) -> World:
    """`modes` Gaussians on a circle, the first at angle 0 and none of them twice."""
    angle = torch.arange(modes) * (2 * math.pi / modes)
    return World(radius * torch.stack([angle.cos(), angle.sin()], dim=1), std)


def grid(*, side: int = 5, spacing: float = 2.0, std: float = 0.05) -> World:
    """`side` x `side` Gaussians on a square grid around the origin; the defaults are the 25 Gaussians of WGAN-GP's toy.

    Source: Gulrajani et al. 2017 (their code divides data by 2.828 afterwards; coordinates here are undivided).
    """
    line = (torch.arange(side) - (side - 1) / 2) * spacing
    return World(torch.cartesian_prod(line, line), std)


@dataclass(frozen=True)
class LabelledWorld:
    r"""A mixture whose parts have labels: :math:`p(x,y)=p(y)\,p(x\mid y)` with equally likely labels, all known."""

    centres: Float[Tensor, "classes modes dim"]
    std: float

    def given(self, label: int) -> World:
        r"""The conditional :math:`p(x\mid y)`, itself a world.

        Raises
        ------
        ValueError
            If there is no such label.
        """
        checked(torch.tensor([label]), classes=len(self.centres))
        return World(self.centres[label], self.std)

    @property
    def marginal(self) -> World:
        """:math:`p(x)`, the world without its labels."""
        return World(self.centres.flatten(0, 1), self.std)

    def sample(self, sample_shape: Sequence[int], *, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        """Pick a label, then one of its centres, add noise; the pair (x, y)."""
        classes, modes, dim = self.centres.shape
        y = torch.randint(classes, tuple(sample_shape), generator=rng)
        which = torch.randint(modes, tuple(sample_shape), generator=rng)
        return self.centres[y, which] + self.std * torch.randn(*sample_shape, dim, generator=rng), y

    def log_prob(self, x: Float[Tensor, "*n dim"], y: Int[Tensor, "*n"]) -> Float[Tensor, "*n"]:
        """Logarithm of :math:`p(x,y)`, in nats.

        Raises
        ------
        ValueError
            If a label is none of the classes.
        """
        classes = len(self.centres)
        y = checked(y, classes=classes)
        given = torch.stack([self.given(k).log_prob(x) for k in range(classes)], dim=-1)
        return given.gather(-1, y.unsqueeze(-1)).squeeze(-1) - math.log(classes)

    def posterior(self, x: Float[Tensor, "*n dim"]) -> Float[Tensor, "*n classes"]:
        r""":math:`p(y\mid x)`, what the best classifier knows."""
        classes = len(self.centres)
        return torch.stack([self.given(k).log_prob(x) for k in range(classes)], dim=-1).softmax(dim=-1)


def labelled_ring(*, classes: int = 4, modes: int = 8, radius: float = 2.0, std: float = 0.1) -> LabelledWorld:
    """The ring with a label on every mode, opposite ones alike: with four classes each has two modes far apart.

    Raises
    ------
    ValueError
        If the classes do not divide the modes.
    """
    if modes % classes:
        raise ValueError(f"{modes} modes cannot be shared equally by {classes} classes: choose a divisor.")
    centres = ring(modes=modes, radius=radius).centres
    return LabelledWorld(centres.reshape(modes // classes, classes, 2).transpose(0, 1), std)
