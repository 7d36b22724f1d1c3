r"""BiGAN and ALI: an encoder plays on the generator's side, and the critic judges pairs.

Data show :math:`(x,E(x))`, the generator shows :math:`(G(z),z)`. Where the critic cannot tell them apart, encoder and
generator invert each other.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from .batches import Batch
from .game import score
from .networks import Generator
from .objectives import NON_SATURATING, Loss, Objective


class Bidirectional(Generator):
    """A generator with the encoder that is to invert it; both move in the generator's step.

    Source: Donahue, Krähenbühl, Darrell 2017, eq. 3; Dumoulin et al. 2017, eq. 2.
    """

    def __init__(self, network: nn.Module, encoder: nn.Module, *, latent: int) -> None:
        super().__init__(network, latent=latent)
        self.encoder = encoder

    def forward(self, z: Float[Tensor, "n latent"]) -> tuple[Tensor, Tensor]:
        return self.network(z), z

    def complete(self, real: Batch) -> tuple[Tensor, Tensor]:
        """A real sample with its inferred latent vector: (x, E(x))."""
        assert isinstance(real, Tensor)
        return real, self.encoder(real)


class GaussianEncoder(nn.Module):
    """A random encoder, as in ALI: `network` returns mean and logarithm of the standard deviation, side by side."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Float[Tensor, "n ..."]) -> Float[Tensor, "n latent"]:
        mean, log_std = self.network(x).chunk(2, dim=1)
        return mean + log_std.exp() * torch.randn_like(mean)


def inversion(
    critic: nn.Module, real: Batch, fake: Batch, *, rng: torch.Generator, objective: Objective = NON_SATURATING
) -> Loss:
    """The encoder's half of the generator's loss: its pairs are to pass for generated ones, so the roles are exchanged.

    With the roles of data and samples exchanged, a score changes its sign and nothing else (for the objectives whose
    critic is a classifier). Source: Donahue et al. 2017, section 3.4.
    """
    return objective.generator(-score(critic, real))
