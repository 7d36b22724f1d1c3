"""The picture comparison: the same figure passes, another one does not."""

from __future__ import annotations

import base64
import io
from typing import Any

import matplotlib.pyplot as plt
from notebooks.pictures import TOLERANCE, difference, pictures


def output(height: float, *, noise: float = 0.0) -> list[Any]:
    """A notebook output with a bar of that height."""
    figure, ax = plt.subplots(figsize=(4, 2))
    ax.bar([0], [height], color=str(0.2 + noise))
    ax.set_ylim(0, 1)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    plt.close(figure)
    return [{"data": {"image/png": base64.b64encode(buffer.getvalue()).decode()}}]


def test_the_same_figure_passes_and_so_does_a_faintly_different_one() -> None:
    assert difference(pictures(output(0.5)), pictures(output(0.5))) == 0.0
    assert difference(pictures(output(0.5)), pictures(output(0.5, noise=0.01))) < TOLERANCE


def test_another_figure_or_a_missing_one_is_rejected() -> None:
    assert difference(pictures(output(0.5)), pictures(output(0.9))) > TOLERANCE
    assert difference(pictures(output(0.5)), pictures([])) > TOLERANCE
