"""Professor forcing: a critic compares how a model behaves while it is led and while it is free."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from .. import training
from ..adversarial.game import score
from ..adversarial.objectives import NON_SATURATING, Objective, Scores
from .exposure import hidden
from .learning import teacher_forcing
from .steps import Policy, State, StepModel, Tokens, forced, free, unroll, within

States = Float[Tensor, "n length dim"]
Behaviour = tuple[States, Bool[Tensor, "n length"]]
"""Hidden states, and which positions belong to the text.

:meta hide-value:
"""


class Listener(nn.Module):
    """A critic of behaviours: a GRU in both directions over the states, the mean over the text, and two layers.

    Source: Lamb et al. 2016, section 3.3, smaller.
    """

    def __init__(self, dim: int, *, width: int = 32) -> None:
        super().__init__()
        self.read = nn.GRU(dim, width, batch_first=True, bidirectional=True)
        self.judge = nn.Sequential(nn.Linear(2 * width, width), nn.LeakyReLU(0.2), nn.Linear(width, 1))

    def forward(self, states: States, real: Bool[Tensor, "n length"]) -> Float[Tensor, "n 1"]:
        """What lies behind the end is hidden: before reading, so that its length is all it tells, and after."""
        heard, _ = self.read(states * real.unsqueeze(2))
        mean = (heard * real.unsqueeze(2)).sum(dim=1) / real.sum(dim=1, keepdim=True)
        return self.judge(mean)


def behaviour(
    model: StepModel, policy: Policy, *, like: Tokens, keep: Callable[[State], Tensor], rng: torch.Generator
) -> Behaviour:
    """The states through which a policy leads the model; tokens are constants, so gradients take the states alone."""
    trace = unroll(model, policy, steps=like.shape[1], n=len(like), rng=rng, keep=keep, stop=False)
    assert trace.kept is not None
    return trace.kept, within(trace.tokens, eos=model.eos)


def accuracy(real: Scores, fake: Float[Tensor, " m"]) -> float:
    """Share of behaviours that the critic names rightly."""
    return (((real > 0).double().mean() + (fake < 0).double().mean()) / 2).item()


@dataclass(eq=False)
class Professor:
    """The loss of professor forcing: teacher forcing, plus `weight` times what the critic says of free behaviour.

    Led behaviour plays the data and free behaviour the samples in an `Objective` of chapter 2. The critic learns while
    its accuracy is below `teach`, the model listens where it is above `listen`; otherwise the step is teacher forcing
    alone. It draws from a stream of its own: with weight 0, training is that of maximum likelihood, bit for bit. The
    critic lives here, so a checkpoint of `fit` does not hold it.

    Source: Lamb et al. 2016, section 3 (without the optional loss on led behaviour).
    """

    critic: nn.Module
    weight: float = 1.0
    objective: Objective = NON_SATURATING
    teach: float = 0.99
    listen: float = 0.75
    lr: float = 1e-3
    compared: int = 32
    """How many texts of a batch are led, and how many are written freely: these take most of the time."""
    keep: Callable[[State], Tensor] = hidden
    seed: int = 0
    heard: list[float] = field(default_factory=list, repr=False)
    """The critic's accuracy at every step, before it learned from it."""

    def __post_init__(self) -> None:
        self.by_critic = torch.optim.Adam(self.critic.parameters(), lr=self.lr, betas=(0.5, 0.999), fused=True)
        self.stream = training.rng(self.seed)

    def __call__(self, model: StepModel, batch: Tokens, *, step: int, rng: torch.Generator) -> Tensor:
        likelihood = teacher_forcing(model, batch, step=step, rng=rng)
        shown = batch[: self.compared]
        led, loose = (
            behaviour(model, policy, like=shown, keep=self.keep, rng=self.stream) for policy in (forced(shown), free())
        )
        said = score(self.critic, loose)
        self.heard.append(accuracy(score(self.critic, led), said))
        loss = likelihood
        if self.heard[-1] > self.listen:
            loss = likelihood + self.weight * self.objective.generator(said)
        if self.heard[-1] < self.teach:
            self._learn(led, loose)
        return loss

    def _learn(self, led: Behaviour, loose: Behaviour) -> None:
        real, fake = (score(self.critic, (states.detach(), counts)) for states, counts in (led, loose))
        self.by_critic.zero_grad()
        self.objective.critic(real, fake).backward()
        self.by_critic.step()
