r"""BiGAN and ALI: an encoder plays on the generator's side, and the critic judges pairs.

Data show :math:`(x,E(x))`, the generator shows :math:`(G(z),z)`. Where the critic cannot tell them apart, encoder and
generator invert each other. Two rivals without a critic of pairs, the latent regressor and the autoencoder, come last.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache

import torch
from jaxtyping import Float
from torch import Tensor, nn

from .. import training
from ..batches import Batch
from .game import OptimizerFactory, Sampler, adam, score
from .networks import Generator
from .objectives import NON_SATURATING, Loss, Objective

Table = Float[Tensor, " points"]


class Bidirectional(Generator):
    """A generator with the encoder that is to invert it; both move in the generator's step.

    `network` maps z to x, `encoder` maps x to z; either may be random.
    Source: Donahue, Krähenbühl, Darrell 2017, eq. 3; Dumoulin et al. 2017, section 2.
    """

    def __init__(self, network: nn.Module, encoder: nn.Module, *, latent: int) -> None:
        super().__init__(network, latent=latent)
        self.encoder = encoder

    def forward(self, z: Float[Tensor, "n latent"]) -> tuple[Tensor, Tensor]:
        return self.network(z), z

    def complete(self, real: Batch) -> tuple[Tensor, Tensor]:
        """A real sample with its inferred latent vector: (x, E(x)).

        Raises
        ------
        ValueError
            If the data come in pairs already, or the encoder's output is not the size of z.
        """
        if not isinstance(real, Tensor):
            raise ValueError("the data come as pairs; an encoder makes its own, so give it samples alone.")
        inferred = self.encoder(real)
        if inferred.shape != (len(real), self.latent):
            raise ValueError(
                f"the encoder returned shape {tuple(inferred.shape)}; beside z of {self.latent} numbers it must be "
                f"{(len(real), self.latent)}."
            )
        return real, inferred

    def encode(self, x: Float[Tensor, "n ..."]) -> Float[Tensor, "n latent"]:
        """E(x) in evaluation mode and without gradients; of a random encoder, one draw."""
        with training.evaluating(self):
            return self.encoder(x)

    def reconstruct(self, x: Float[Tensor, "n ..."]) -> Float[Tensor, "n ..."]:
        """There and back, G(E(x)), in evaluation mode and without gradients."""
        with training.evaluating(self):
            return self.network(self.encoder(x))


class GaussianEncoder(nn.Module):
    """A random encoder, as in ALI: `network` returns mean and logarithm of the standard deviation, side by side.

    Noise is added to the mean, so that the gradient reaches both. Random decoders are made the same way.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def moments(self, x: Float[Tensor, "n ..."]) -> tuple[Float[Tensor, "n latent"], Float[Tensor, "n latent"]]:
        """Mean and standard deviation of q(z | x)."""
        mean, log_std = self.network(x).chunk(2, dim=1)
        return mean, log_std.exp()

    def forward(self, x: Float[Tensor, "n ..."]) -> Float[Tensor, "n latent"]:
        mean, std = self.moments(x)
        return mean + std * torch.randn_like(mean)


@cache
def exchangeable(objective: Objective) -> bool:
    """Whether exchanging the roles of data and samples only changes a score's sign: loss(r, f) = loss(-f, -r)."""
    real, fake = torch.tensor([[-1.3, 0.2, 2.1], [0.7, -0.4, 1.9]], dtype=torch.float64)
    return bool(torch.isclose(objective.critic(real, fake), objective.critic(-fake, -real)))


def inversion(
    critic: nn.Module, real: Batch, fake: Batch, *, rng: torch.Generator, objective: Objective = NON_SATURATING
) -> Loss:
    """The encoder's half of the generator's loss: its pairs are to pass for generated ones, so the roles are exchanged.

    `objective` is the one that the game is played with. Source: Donahue et al. 2017, sections 3 and 3.4.

    Raises
    ------
    ValueError
        If the objective treats data and samples differently by more than a sign: least squares to 0 and 1 does.
    """
    if not exchangeable(objective):
        raise ValueError(
            f"with data and samples exchanged the objective {objective.name!r} changes by more than a score's sign; "
            "choose one that does not, such as non-saturating, hinge, or least_squares(a=-1, b=1, c=1)."
        )
    return objective.generator(-score(critic, real))


# --- what the theory is about ----------------------------------------------------------------------------------------


def joint_tables(
    p_x: Float[Tensor, " x"], encoder: Float[Tensor, "x z"], p_z: Float[Tensor, " z"], generator: Float[Tensor, "z x"]
) -> tuple[Table, Table]:
    r"""The two joints, :math:`p(x)E(z\mid x)` and :math:`p(z)G(x\mid z)`, as flat tables of the same cells (x, z).

    Rows of `encoder` and `generator` are conditionals. Whatever is known of :math:`p_r` and :math:`p_\theta` holds for
    these two: best critic, value, Jensen-Shannon divergence. Source: Donahue et al. 2017, propositions 1 and 2.

    Raises
    ------
    ValueError
        If a row of a conditional does not sum to 1.
    """
    for name, rows in (("encoder", encoder), ("generator", generator)):
        if not torch.allclose(rows.sum(dim=1), torch.ones_like(rows[:, 0])):
            raise ValueError(f"a row of the {name} does not sum to 1: rows are conditional distributions.")
    return (p_x[:, None] * encoder).flatten(), (p_z[:, None] * generator).T.flatten()


# --- rivals ----------------------------------------------------------------------------------------------------------


def latent_regressor(
    model: Bidirectional,
    *,
    steps: int,
    batch: int = 64,
    optimizer: OptimizerFactory = adam(),  # noqa: B008 (a pure factory)
    seed: int = 0,
) -> None:
    r"""Train the encoder alone to find z again, :math:`\mathbb E_z\|E(G(z))-z\|^2`: it never sees data.

    The generator is in evaluation mode meanwhile: its batch statistics stay as they are.

    Source: the baseline of Donahue et al. 2017, section 4.1.
    """

    def loss(stream: torch.Generator) -> Loss:
        z = model.noise(batch, rng=stream)
        with torch.no_grad():
            x = model.network(z)
        return (model.encoder(x) - z).square().mean()

    # Once around all steps: each `evaluating` puts the random stream back, a noisy generator would repeat its draws.
    with training.evaluating(model.network), torch.enable_grad():
        _descend(model.encoder.parameters(), loss, steps=steps, optimizer=optimizer, seed=seed)


def autoencoder(
    model: Bidirectional,
    data: Sampler,
    *,
    steps: int,
    batch: int = 64,
    optimizer: OptimizerFactory = adam(),  # noqa: B008 (a pure factory)
    seed: int = 0,
) -> None:
    r"""Train encoder and generator to reconstruct, :math:`\mathbb E_x\|G(E(x))-x\|^2`: there is no critic.

    Nothing asks E(x) to look like z, so that its generator makes no samples.

    Raises
    ------
    ValueError
        If the data come in pairs.
    """

    def loss(stream: torch.Generator) -> Loss:
        x = data.sample((batch,), rng=stream)
        if not isinstance(x, Tensor):
            raise ValueError("the data come as pairs; an autoencoder reconstructs samples alone, so give it those.")
        return (model.network(model.encoder(x)) - x).square().mean()

    _descend(model.parameters(), loss, steps=steps, optimizer=optimizer, seed=seed)


def _descend(
    parameters: Iterable[nn.Parameter],
    loss: Callable[[torch.Generator], Loss],
    *,
    steps: int,
    optimizer: OptimizerFactory,
    seed: int,
) -> None:
    by, stream = optimizer(parameters), training.rng(seed)
    with training.isolated(training.apart(seed)):
        for _ in training.progress(range(steps), label="least squares"):
            by.zero_grad()
            loss(stream).backward()
            by.step()
