"""What every training run needs: seeds, a device that was checked, checkpoints one can trust, quiet progress."""

from __future__ import annotations

import os
import sys
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import nn

T = TypeVar("T")

PARITY = 1e-3
"""Largest relative difference from the CPU, in any probe, at which a device is still trusted."""


# --- randomness ------------------------------------------------------------------------------------------------------


def rng(seed: int) -> torch.Generator:
    """A stream of random numbers of its own, always on the CPU: the same numbers on every machine and device."""
    return torch.Generator().manual_seed(seed)


def apart(seed: int) -> int:
    """Another seed, for what draws beside `rng(seed)`: from the same one, a noisy layer would draw its own target.

    Only the lower 32 bits of a seed count on a CPU: adding 2^32 changes nothing, so the highest of them is flipped.
    """
    return (seed + 2**31) % 2**32


@contextmanager
def isolated(seed: int) -> Iterator[None]:
    """Seed torch's global stream inside the block and put it back afterwards.

    Layers such as dropout draw from the global stream and take no generator. Inside this block they too are
    reproducible, and the caller's stream is left as it was.
    """
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        yield


@contextmanager
def evaluating(*modules: nn.Module) -> Iterator[None]:
    """Evaluation mode without gradients; every submodule's mode and the random stream are as before afterwards.

    Plain `eval()` ... `train()` would switch on layers that were frozen on purpose, and a dropout in between would
    consume the training stream, so that a run with evaluation would differ from a run without.
    """
    modes = [(m, m.training) for module in modules for m in module.modules()]
    for module in modules:
        module.eval()
    try:
        with torch.no_grad(), torch.random.fork_rng():
            yield
    finally:
        for m, training in modes:
            m.training = training


# --- devices ---------------------------------------------------------------------------------------------------------


def _probe(where: torch.device) -> list[torch.Tensor]:
    """Outputs and gradients of the layer types the book uses, computed on `where` from the same numbers."""
    stream = rng(0)
    layers: list[tuple[nn.Module, tuple[int, ...]]] = [
        (nn.Linear(16, 16), (9, 16)),  # batch 9: where one accelerator's matrix product once went wrong
        (nn.Conv2d(3, 8, 3, stride=2, padding=1), (4, 3, 8, 8)),
        (nn.ConvTranspose2d(3, 8, 4, stride=2, padding=1), (4, 3, 8, 8)),
        (nn.BatchNorm1d(16), (32, 16)),
    ]
    found = []
    for layer, shape in layers:
        for p in layer.parameters():
            p.data.copy_(torch.randn(p.shape, generator=stream))
        x = torch.randn(shape, generator=stream).to(where).requires_grad_()
        y = layer.to(where)(x)
        y.square().mean().backward()
        found += [y.detach().cpu(), x.grad.cpu()]  # type: ignore[union-attr]
    return found


def parity(where: torch.device) -> float:
    """Largest relative difference between `where` and the CPU over forward and backward probes (0 is exact)."""
    pairs = zip(_probe(torch.device("cpu")), _probe(where), strict=True)
    gaps = [((a - b).abs().max() / a.abs().max()).item() for a, b in pairs]
    return max(gap if gap == gap else float("inf") for gap in gaps)  # a NaN is a difference too


@cache
def device(prefer: str | None = None) -> torch.device:
    """Choose where to compute, say so, and trust it only if it agrees with the CPU.

    Parameters
    ----------
    prefer
        `"cuda"`, `"mps"` or `"cpu"`; without it the first accelerator that is there.

    Raises
    ------
    RuntimeError
        If the preferred device is not there: a silent fall-back would cost hours.
    """
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if prefer is not None and not there.get(prefer, False):
        raise RuntimeError(f"device {prefer!r} is not available here; choose one of {[k for k in there if there[k]]}.")
    name = prefer or next(k for k in there if there[k])
    chosen = torch.device(name)
    if name == "cpu":
        print(f"device: cpu ({torch.get_num_threads()} threads)")
        return chosen
    gap = parity(chosen)
    if not gap <= PARITY:
        print(f"device: cpu, because {name} differs from it by {gap:.1e} (more than {PARITY:.0e}) on a probe")
        return torch.device("cpu")
    print(f"device: {name} (differs from the CPU by {gap:.1e} on a probe)")
    return chosen


# --- checkpoints -----------------------------------------------------------------------------------------------------


class CheckpointError(RuntimeError):
    """A checkpoint that cannot be read, or that belongs to another run."""


def save(path: str | os.PathLike[str], state: dict[str, Any]) -> None:
    """Write tensors and plain values so that the file is either the old one or the new one, never half of either."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with open(part, "wb") as file:
            torch.save(state, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except (OSError, RuntimeError) as error:  # where the disk is full, torch hides the first behind the second
        cause = error.__context__ if isinstance(error.__context__, OSError) else error
        reason = getattr(cause, "strerror", None) or cause
        raise CheckpointError(f"{path} could not be written ({reason}): free some space or name another.") from error
    finally:
        part.unlink(missing_ok=True)


def load(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read a checkpoint; nothing in it is executed (`weights_only=True`), whatever somebody put there.

    Raises
    ------
    CheckpointError
        If the file is truncated, not a checkpoint, or holds anything but tensors and plain values.
    """
    remedy = f"delete {path} to start again, or restore it from a copy"
    with open(path, "rb") as file:
        if not zipfile.is_zipfile(file):
            raise CheckpointError(
                f"{path} is not a complete checkpoint (truncated, or another kind of file): {remedy}."
            )
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise CheckpointError(
            f"{path} holds more than tensors and plain values, or is damaged; it was not executed: {remedy}."
        ) from error


# --- progress --------------------------------------------------------------------------------------------------------


def progress(steps: Iterable[T], *, label: str) -> Iterable[T]:
    """A progress bar where somebody is watching: a terminal or a live notebook, never the rendered book or a log.

    `GENMODELS_PROGRESS=0` switches it off; the book's own executions set it.
    """
    live = "ipykernel" in sys.modules or sys.stderr.isatty()
    if os.environ.get("GENMODELS_PROGRESS") == "0" or not live:
        return steps
    from tqdm.auto import tqdm  # the field's progress bar; imported late because few runs need it

    return tqdm(steps, desc=label, leave=False)
