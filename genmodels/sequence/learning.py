"""The one loop in which sequence models learn: resumable like the game of chapter 2, with the loss as an argument."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from .. import training
from ..batches import Batch, moved, parts
from ..runs import Run, Watched, describe, digest, look
from .steps import StepModel, nll


@runtime_checkable
class Loss(Protocol):
    """A number to be minimised, from the model and a batch of texts, or of pairs (source, target)."""

    def __call__(self, model: Any, batch: Any, *, step: int, rng: torch.Generator) -> Tensor: ...


def teacher_forcing(model: StepModel, batch: Int[Tensor, "n length"], *, step: int, rng: torch.Generator) -> Tensor:
    """Maximum likelihood: every token is predicted from the true ones before it."""
    return nll(model, batch)


@dataclass(frozen=True)
class Texts:
    """Texts of one tensor, drawn with replacement: the empirical distribution."""

    tokens: Int[Tensor, "n length"]

    def __post_init__(self) -> None:
        if not len(self.tokens):
            raise ValueError("there are no texts: is the file empty?")

    def __len__(self) -> int:
        return len(self.tokens)

    def sample(self, sample_shape: Sequence[int], *, rng: torch.Generator) -> Int[Tensor, ...]:
        return self.tokens[torch.randint(len(self), tuple(sample_shape), generator=rng)]


@dataclass(frozen=True)
class Windows:
    """Pieces of one long text, each beginning anywhere in it with equal probability: for models without an end."""

    text: Int[Tensor, " characters"]
    length: int

    def __post_init__(self) -> None:
        if len(self.text) < self.length:
            raise ValueError(f"the text has {len(self.text)} tokens, too few for windows of {self.length}.")

    def __len__(self) -> int:
        return len(self.text) - self.length + 1

    def sample(self, sample_shape: Sequence[int], *, rng: torch.Generator) -> Int[Tensor, ...]:
        first = torch.randint(len(self), tuple(sample_shape), generator=rng)
        return self.text[first.unsqueeze(-1) + torch.arange(self.length)]


@dataclass
class History:
    """The losses that were back-propagated, in nats per token, and what was watched."""

    losses: Float[Tensor, " steps"]
    watched: Watched = field(default_factory=dict)


Rate = Callable[[int], float]
"""Step -> learning rate.

:meta hide-value:
"""


def warm_then_cosine(step: int, *, peak: float, warm: int, steps: int) -> float:
    """A rate that rises linearly for `warm` steps, then falls along half a cosine to a tenth. Source: minGPT."""
    if step < warm:
        return peak * (step + 1) / warm
    fallen = (1 + math.cos(math.pi * (step - warm) / max(steps - warm, 1))) / 2
    return peak * (0.1 + 0.9 * fallen)


Clip = Callable[[Iterable[Tensor]], object]
"""Shortens the gradient in place: torch's `clip_grad_norm_` or `clip_grad_value_` with its bound.

:meta hide-value:
"""


def fit(
    model: nn.Module,
    data: Any,
    *,
    loss: Loss = teacher_forcing,
    steps: int,
    batch: int = 64,
    lr: float | Rate = 3e-3,
    clip: Clip | None = partial(nn.utils.clip_grad_norm_, max_norm=1.0),  # noqa: B008 (a pure function)
    seed: int = 0,
    watch: Callable[[Any], dict[str, Tensor]] | None = None,
    watch_at: Collection[int] = (),
    checkpoint: str | os.PathLike[str] | None = None,
    checkpoint_every: int = 500,
) -> History:
    """Adam on `loss`, the gradient clipped by its norm; `data.sample((batch,), rng=)` gives texts or pairs.

    `lr` is a number, or a function of the step.
    `watch(model)` is called in evaluation mode before the steps of `watch_at`. With a `checkpoint` the run can be
    interrupted, and ends bit for bit (on the CPU) where an uninterrupted one would have ended.

    Raises
    ------
    CheckpointError
        If the file belongs to a run with other settings.
    FloatingPointError
        If a loss is no longer finite.
    """
    where = next(model.parameters()).device
    rate: Rate = lr if callable(lr) else lambda step: lr
    stream, optimizer = training.rng(seed), torch.optim.Adam(model.parameters(), lr=rate(0), fused=True)
    history = History(torch.full((steps,), math.nan, device=where))
    settings = {"loss": describe(loss), "batch": batch, "lr": describe(lr), "clip": describe(clip), "seed": seed}
    settings["model"] = digest(repr(model).encode())
    if checkpoint:
        settings["data"] = digest(_bytes(data.sample((16,), rng=training.rng(0))))
    run = Run({"model": model, "optimizer": optimizer}, stream, history.losses, settings, history.watched)

    with training.isolated(training.apart(seed)):
        start = run.resume(Path(checkpoint)) if checkpoint and Path(checkpoint).exists() else 0
        for step in training.progress(range(start, steps), label=describe(loss)):
            if watch and step in watch_at:
                history.watched[step] = look(watch, model)
            optimizer.param_groups[0]["lr"] = rate(step)
            optimizer.zero_grad()
            value = loss(model, moved(data.sample((batch,), rng=stream), where), step=step, rng=stream)
            value.backward()
            if clip:
                clip(model.parameters())
            optimizer.step()
            history.losses[step] = value.detach()
            if checkpoint and (step + 1) % checkpoint_every == 0:
                run.save(Path(checkpoint), step + 1)
        run.check(steps)
        if watch and steps in watch_at:
            history.watched[steps] = look(watch, model)
    return history


def _bytes(batch: Batch) -> bytes:
    return b"".join(part.cpu().numpy().tobytes() for part in parts(batch))
