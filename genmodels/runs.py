"""A training run that may be interrupted: all that decides how it goes on, in one file, for every loop of the book."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from . import training

Losses = Float[Tensor, "steps *players"]
Watched = dict[int, dict[str, Tensor]]


def describe(setting: object) -> str:
    """A setting by name and numbers: two runs with the same description do the same."""
    if isinstance(setting, partial):
        return f"{describe(setting.func)}{setting.keywords}"
    return getattr(setting, "__qualname__", None) or str(setting)


def digest(content: bytes) -> str:
    """Eight hexadecimal digits that tell one content from another."""
    return hashlib.sha256(content).hexdigest()[:8]


def look(watch: Callable[..., Mapping[str, Tensor]], *modules: nn.Module) -> dict[str, Tensor]:
    """What a watch sees, in evaluation mode; copied, because a parameter would change later."""
    with training.evaluating(*modules):
        return {name: x.detach().to("cpu", copy=True) for name, x in watch(*modules).items()}


@dataclass
class Run:
    """What is missing here is what makes a resumed run a different one.

    `parts` are the modules and optimizers by name; `losses` has one row per step, not a number until it is played.
    """

    parts: dict[str, Any]
    stream: torch.Generator
    losses: Losses
    settings: dict[str, Any]
    watched: Watched = field(default_factory=dict)

    def check(self, steps: int) -> None:
        """Refuse to go on with a loss that is not finite."""
        bad = (~self.losses[:steps].reshape(steps, -1).isfinite().all(dim=1)).nonzero()
        if len(bad):
            raise FloatingPointError(
                f"a loss is not finite from step {bad[0].item()} on: lower the learning rate, or look at the data."
            )

    def save(self, path: Path, step: int) -> None:
        """Write everything after `step` steps."""
        self.check(step)
        state = {name: part.state_dict() for name, part in self.parts.items()}
        streams = {
            "own": self.stream.get_state(),
            "torch": torch.get_rng_state(),
            "cuda": torch.cuda.get_rng_state_all(),
        }
        past = {"losses": self.losses[:step].cpu(), "watched": self.watched}
        training.save(path, {"step": step, "settings": self.settings, "streams": streams, **past, **state})

    def resume(self, path: Path) -> int:
        """Take up a saved run; returns how many steps it had.

        Raises
        ------
        CheckpointError
            If the file belongs to a run with other settings, or is beyond this one's end.
        """
        saved = training.load(path)
        differ = [
            f"{name} was {saved['settings'].get(name)}, is {value}"
            for name, value in self.settings.items()
            if saved["settings"].get(name) != value
        ]
        if saved["step"] > len(self.losses):
            differ.append(f"it is at step {saved['step']}, this run ends at {len(self.losses)}")
        if differ:
            raise training.CheckpointError(
                f"{path} belongs to another run ({'; '.join(differ)}): give the same settings, or another file."
            )
        for name, part in self.parts.items():
            part.load_state_dict(saved[name])
        self.stream.set_state(saved["streams"]["own"])
        torch.set_rng_state(saved["streams"]["torch"])
        if torch.cuda.is_available():
            torch.cuda.set_rng_state_all(saved["streams"]["cuda"])
        self.losses[: saved["step"]] = saved["losses"].to(self.losses.device)
        self.watched.update(saved["watched"])
        return saved["step"]
