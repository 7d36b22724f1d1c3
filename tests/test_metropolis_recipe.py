"""The recipe of section 1.6: what it measures is what it says, and what was recorded is complete."""

from __future__ import annotations

import math

from experiments import metropolis_scaling
from genmodels import lab


def test_one_dimension_accepts_as_often_as_it_should() -> None:
    row = metropolis_scaling.run(1, length=2.4, seed=0, steps=500)
    assert abs(row["acceptance"] - 2 / math.pi * math.atan(2 / 2.4)) < 0.02
    assert 0.15 < row["efficiency"] < 0.3


def test_every_cell_was_recorded() -> None:
    recorded = lab.results("metropolis_scaling")
    cells = {(row["dimension"], row["length"], row["seed"]) for row in recorded["rows"]}
    wanted = {(d, l, s) for d in metropolis_scaling.DIMENSIONS for l in metropolis_scaling.LENGTHS for s in range(5)}  # noqa: E741
    assert cells == wanted and "changes" not in recorded["commit"]
