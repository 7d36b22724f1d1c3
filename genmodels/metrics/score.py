"""A number with its name: what every metric that depends on a sample size or a judge returns."""

from __future__ import annotations

from typing import NamedTuple


class Score(NamedTuple):
    """A number that must not be compared without its name: what was measured, in which features, from how many."""

    value: float
    name: str
