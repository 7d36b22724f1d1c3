"""How long something takes: by the processor's clock, or by the wall's where several threads share the work."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def timed(run: Callable[[], T], *, runs: int = 1, clock: Callable[[], float] = time.process_time) -> tuple[T, float]:
    """What `run` returned, and its seconds: the fewest of so many runs."""
    spent = []
    for _ in range(runs):
        began = clock()
        value = run()
        spent.append(clock() - began)
    return value, min(spent)


def seconds(run: Callable[[], object]) -> float:
    """The processor's seconds of one run."""
    return timed(run)[1]


def wall_seconds(run: Callable[[], object]) -> float:
    """The wall's seconds of one run."""
    return timed(run, clock=time.perf_counter)[1]
