"""How often the critic moves before each move of the generator: a function of the step, for `play`."""

from __future__ import annotations


def well_trained(step: int, *, usual: int = 5, many: int = 100, start: int = 25, every: int = 500) -> int:
    """The schedule of WGAN's published code: `many` moves in the first `start` steps and at every `every`-th one.

    Else `usual`. A fresh critic knows no distance yet, so it is trained first, and again from time to time. The paper's
    Algorithm 1 has `usual` alone; its repository says that the rest was left out. `step` counts from 0.

    Raises
    ------
    ValueError
        If the critic would not move at all, or `every` is not positive.

    Source: the code that accompanies Arjovsky et al. 2017 (`main.py`).
    """
    if min(usual, many, every) < 1:
        raise ValueError(
            f"usual={usual}, many={many}, every={every}: each must be at least 1, or the critic never moves; "
            "leave `start` at 0 for no long beginning."
        )
    return many if step < start or step % every == 0 else usual
