"""The one adversarial training loop of this repository: Algorithm 13.1, resumable, with its players as arguments."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from .. import training
from ..batches import Batch, moved, parts
from ..runs import Run, describe, digest, look
from .networks import Generator
from .objectives import NON_SATURATING, Loss, Objective, Scores


@runtime_checkable
class Sampler(Protocol):
    """Anything data can be drawn from: a world, a set of images, pairs of images and labels, another generator."""

    def sample(self, sample_shape: Sequence[int], *, rng: torch.Generator) -> Batch: ...


OptimizerFactory = Callable[[Iterable[nn.Parameter]], torch.optim.Optimizer]
Watch = Callable[[Generator, nn.Module], dict[str, Tensor]]
Projector = Callable[[nn.Module], None]
"""Puts the critic back into the set it must not leave, after each of its steps: `clip`."""


@runtime_checkable
class Term(Protocol):
    """A number added to a player's loss, from the critic and the two batches it is shown.

    Charged to the critic it is a penalty. The same term charged to both players is what they agree on.
    """

    def __call__(self, critic: Any, real: Any, fake: Any, *, rng: torch.Generator) -> Tensor: ...


def adam(*, lr: float = 1e-3, betas: tuple[float, float] = (0.5, 0.999)) -> OptimizerFactory:
    """Adam with the momentum that GANs like (0.5): an average over many steps would point where the game has been.

    Fused: one pass over each parameter where the plain one makes a dozen, which small networks feel.
    """
    return lambda parameters: torch.optim.Adam(parameters, lr=lr, betas=betas, fused=True)


@dataclass
class History:
    """What a game left behind: the losses that were back-propagated, and what was watched at chosen steps."""

    losses: Float[Tensor, "steps 2"]
    watched: dict[int, dict[str, Tensor]] = field(default_factory=dict)

    @property
    def critic(self) -> Float[Tensor, " steps"]:
        return self.losses[:, 0]

    @property
    def generator(self) -> Float[Tensor, " steps"]:
        return self.losses[:, 1]


def score(critic: nn.Module, x: Batch) -> Scores:
    """The critic's scores as a vector, one per row; anything else would broadcast silently and is refused.

    A critic of pairs is called with both parts, `critic(x, y)`.
    """
    shown = parts(x)
    scores, n = critic(*shown), len(shown[0])
    if scores.numel() != n:
        raise ValueError(
            f"the critic returned shape {tuple(scores.shape)} for {n} rows; it must return one score per row."
        )
    return scores.reshape(n)


def critic_step(
    generator: Generator,
    critic: nn.Module,
    objective: Objective,
    optimizer: torch.optim.Optimizer,
    real: Batch,
    z: Batch,
    *,
    penalties: Sequence[Term] = (),
    project: Projector | None = None,
    rng: torch.Generator | None = None,
) -> Loss:
    """Move the critic once; the objective's own loss is returned, without the penalties.

    The generator's parameters are only read; its batch statistics see the batch. Penalties draw from `rng`.
    """
    with torch.no_grad():
        real, fake = generator.complete(real), generator(*parts(z))
    optimizer.zero_grad()
    loss = objective.critic(score(critic, real), score(critic, fake))
    charged = [penalty(critic, real, fake, rng=rng or torch.default_generator) for penalty in penalties]
    torch.stack([loss, *charged]).sum().backward()
    optimizer.step()
    if project:
        project(critic)
    return loss.detach()


def generator_step(
    generator: Generator,
    critic: nn.Module,
    objective: Objective,
    optimizer: torch.optim.Optimizer,
    z: Batch,
    *,
    real: Batch | None = None,
    terms: Sequence[Term] = (),
    rng: torch.Generator | None = None,
) -> Loss:
    """Move the generator once; the critic hands its gradient on and keeps none of it.

    Only `terms` look at `real`; the objective's own loss is returned, without them.
    """
    if terms and real is None:
        raise ValueError("terms of the generator's loss look at data too: give `real`, the critic's last batch.")
    optimizer.zero_grad()
    fake = generator(*parts(z))
    loss = objective.generator(score(critic, fake))
    shown = None if real is None else generator.complete(real)
    charged = [term(critic, shown, fake, rng=rng or torch.default_generator) for term in terms]
    torch.stack([loss, *charged]).sum().backward(inputs=[p for p in generator.parameters() if p.requires_grad])
    optimizer.step()
    return loss.detach()


def play(
    generator: Generator,
    critic: nn.Module,
    data: Sampler,
    objective: Objective = NON_SATURATING,
    *,
    steps: int,
    critic_steps: int | Callable[[int], int] = 1,
    batch: int = 256,
    optimizer: OptimizerFactory = adam(),  # noqa: B008 (a pure factory)
    critic_optimizer: OptimizerFactory | None = None,
    penalties: Sequence[Term] = (),
    generator_terms: Sequence[Term] = (),
    project: Projector | None = None,
    seed: int = 0,
    watch: Watch | None = None,
    watch_at: Collection[int] = (),
    checkpoint: str | os.PathLike[str] | None = None,
    checkpoint_every: int = 500,
) -> History:
    r"""Play the game of Algorithm 13.1: `critic_steps` moves of the critic, one of the generator, `steps` times.

    Parameters
    ----------
    generator, critic
        The players, changed in place; the critic returns one score per row. If the generator makes pairs, the critic
        reads pairs.
    data
        Where real batches are drawn from, with replacement, by `data.sample((batch,), rng=...)`: samples or pairs.
    objective
        The two losses. `MINIMAX` is the zero-sum game, `NON_SATURATING` what everybody uses.
    steps, critic_steps, batch
        Moves of the generator, moves of the critic before each (a number, or a function of the step), and samples
        per move.
    optimizer, critic_optimizer
        Makes one optimiser per player from its parameters; the critic's may be another one.
    penalties, project
        Lipschitz control of two kinds: what is added to the critic's loss, and what is done to it after each step. The
        third kind, a reparametrisation, is done to the critic before it plays.
    generator_terms
        What is added to the generator's loss; these terms see the last real batch that the critic saw.
    seed
        Of the run's own stream. Evaluation never draws from it.
    watch, watch_at
        `watch(generator, critic)` is called in evaluation mode before the given steps (and after the last one, if
        `steps` is among them); the tensors it names are kept in `History.watched`.
    checkpoint, checkpoint_every
        A file that holds the whole run. If it exists the run goes on from there, and ends bit for bit (on the CPU)
        where an uninterrupted one would have ended.

    Raises
    ------
    CheckpointError
        If the file belongs to a run with other settings.
    FloatingPointError
        If a loss is no longer finite; a saved checkpoint is then left as it was.

    Source: nndl, Algorithm 13.1, with the logarithm of correction E-32; Goodfellow et al. 2014, Algorithm 1.
    """
    where = next(generator.parameters()).device
    stream = training.rng(seed)
    by_critic = (critic_optimizer or optimizer)(critic.parameters())
    by_generator = optimizer(generator.parameters())
    history = History(torch.full((steps, 2), math.nan, device=where))
    settings = {
        "objective": objective.name,
        "critic_steps": describe(critic_steps),
        "batch": batch,
        "seed": seed,
        "optimizers": [f"{type(by).__name__}{by.defaults}" for by in (by_critic, by_generator)],
        "control": [describe(control) for control in (*penalties, project)],
        "terms": [describe(term) for term in generator_terms],
        "players": [digest(repr(player).encode()) for player in (generator, critic)],
    }
    if checkpoint:  # what a few draws look like tells one data set from another
        settings["data"] = digest(
            b"".join(part.cpu().numpy().tobytes() for part in parts(data.sample((16,), rng=training.rng(0))))
        )
    control: dict[str, Any] = {"penalties": penalties, "project": project, "rng": stream}
    players = {"generator": generator, "critic": critic, "by_generator": by_generator, "by_critic": by_critic}
    run = Run(players, stream, history.losses, settings, history.watched)

    with training.isolated(training.apart(seed)):
        start = run.resume(Path(checkpoint)) if checkpoint and Path(checkpoint).exists() else 0
        for step in training.progress(range(start, steps), label=objective.name):
            if watch and step in watch_at:
                history.watched[step] = look(watch, generator, critic)
            real: Batch | None = None
            for _ in range(critic_steps(step) if callable(critic_steps) else critic_steps):
                real = moved(data.sample((batch,), rng=stream), where)
                z = generator.noise(batch, rng=stream)
                history.losses[step, 0] = critic_step(generator, critic, objective, by_critic, real, z, **control)
            z = generator.noise(batch, rng=stream)
            history.losses[step, 1] = generator_step(
                generator, critic, objective, by_generator, z, real=real, terms=generator_terms, rng=stream
            )
            if checkpoint and (step + 1) % checkpoint_every == 0:
                run.save(Path(checkpoint), step + 1)
        run.check(steps)
        if watch and steps in watch_at:
            history.watched[steps] = look(watch, generator, critic)
    return history
