"""Choosing what the likelihood of the training points cannot choose: a bandwidth, a number of bins or of neighbours."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TypeVar

V = TypeVar("V", int, float)


def best_inside(values: Sequence[V], score: Callable[[V], float]) -> V:
    """The value with the highest score, which must not be the first or the last: a better one may lie beyond.

    Raises
    ------
    ValueError
        If the best value is at the edge of the grid, or a score is NaN.
    """
    scores = [score(value) for value in values]
    if any(math.isnan(s) for s in scores):
        raise ValueError("a score is NaN: look at the value it belongs to.")
    best = scores.index(max(scores))
    if best in (0, len(values) - 1):
        raise ValueError(f"the best value, {values[best]:g}, is at the edge of the grid: widen the grid.")
    return values[best]
