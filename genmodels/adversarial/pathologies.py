r"""What goes wrong in the game, taken apart: a critic too good for its generator, a blurred one, two that circle."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from .. import training
from ..batches import moved
from .game import OptimizerFactory, Sampler, Term, adam, critic_step, score
from .networks import Generator
from .objectives import NON_SATURATING, Objective


def best_response(
    generator: Generator,
    critic: nn.Module,
    data: Sampler,
    objective: Objective = NON_SATURATING,
    *,
    steps: int,
    batch: int = 256,
    optimizer: OptimizerFactory = adam(),  # noqa: B008 (a pure factory)
    penalties: Sequence[Term] = (),
    seed: int = 0,
) -> nn.Module:
    """Train the critic, in place, against a generator that stands still; it is returned.

    The theory's critic is the best one for the present generator; `steps` moves bring a network closer to it.
    """
    where, stream = next(generator.parameters()).device, training.rng(seed)
    by_critic = optimizer(critic.parameters())
    with training.isolated(training.apart(seed)):
        for _ in range(steps):
            real, z = moved(data.sample((batch,), rng=stream), where), generator.noise(batch, rng=stream)
            critic_step(generator, critic, objective, by_critic, real, z, penalties=penalties, rng=stream)
    return critic


def generator_gradient(
    generator: Generator, critic: nn.Module, objective: Objective, z: Float[Tensor, "n latent"]
) -> Float[Tensor, " parameters"]:
    """What the generator would step against: the gradient of its loss in all parameters that learn, as one vector.

    The critic is held fixed and keeps no gradient, as in `generator_step`; nothing moves.
    """
    learning = [p for p in generator.parameters() if p.requires_grad]
    loss = objective.generator(score(critic, generator(z)))
    return torch.cat([gradient.flatten() for gradient in torch.autograd.grad(loss, learning)])


class Blur(nn.Module):
    """Adds N(0, std^2) to what passes in training mode; `std` is part of the state, so a resumed run has it."""

    def __init__(self, std: float) -> None:
        super().__init__()
        if not std >= 0:
            raise ValueError(f"the noise has standard deviation {std}: it must be 0 or more.")
        self.std: Tensor
        self.register_buffer("std", torch.tensor(float(std)))

    def forward(self, x: Float[Tensor, "n ..."]) -> Float[Tensor, "n ..."]:
        return x + self.std * torch.randn_like(x) if self.training else x


def instance_noise(critic: nn.Module, *, std: float) -> nn.Module:
    r"""The critic behind a `Blur`: it sees data *and* samples with fresh noise, so their supports always overlap.

    The game is then played between :math:`p_r*N(0,\sigma^2I)` and :math:`p_\theta*N(0,\sigma^2I)`, which are equal only
    if :math:`p_r=p_\theta`: the fixed point stays. The noise is drawn from torch's global stream, which `play` seeds.
    Source: Sønderby et al. 2017; Arjovsky and Bottou 2017, section 3.
    """
    return nn.Sequential(Blur(std), critic)


def fade(critic: nn.Module, *, factor: float) -> None:
    """Shrink the instance noise a little: `project=partial(fade, factor=0.999)` does so after each critic step.

    Raises
    ------
    ValueError
        If the critic has no instance noise.
    """
    blurs = [layer for layer in critic.modules() if isinstance(layer, Blur)]
    if not blurs:
        raise ValueError("this critic has no instance noise that could fade: make it with instance_noise(critic, ...).")
    for blur in blurs:
        blur.std *= factor


def dirac_game(
    objective: Objective,
    *,
    start: tuple[float, float] = (1.0, 0.0),
    steps: int,
    lr: float,
    penalty: float = 0.0,
) -> Float[Tensor, "steps_and_one 2"]:
    r"""The smallest game: data at 0, the model at :math:`\theta`, the critic :math:`a(x)=\psi x`; the path of (θ, ψ).

    Both players make one step of gradient descent *at the same time*. Around the solution (0, 0) that is a linear map
    with eigenvalues :math:`1\pm i\,\eta/2` for `MINIMAX` and `NON_SATURATING`: longer than 1, so the players spiral
    outwards. `penalty` adds :math:`\frac\gamma2\psi^2`, which is what R1 is for this critic, to its loss.
    Source: Mescheder et al. 2018, section 2.
    """
    point = torch.tensor(start, dtype=torch.float64)
    path = [point]
    for _ in range(steps):
        theta, psi = point.clone().requires_grad_()
        on_fake = (psi * theta).reshape(1)
        by_generator = torch.autograd.grad(objective.generator(on_fake), theta, retain_graph=True)[0]
        by_critic = torch.autograd.grad(objective.critic(0 * on_fake, on_fake) + penalty / 2 * psi**2, psi)[0]
        point = point - lr * torch.stack([by_generator, by_critic])
        path.append(point)
    return torch.stack(path)
