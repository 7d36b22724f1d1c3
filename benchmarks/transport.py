"""How much faster is a network simplex than a general linear program? `python -m benchmarks.transport`.

Both solve the same problem, W1 between two samples of a Gaussian in the plane, to the same value. Seconds are those of
the processor, best of three.
"""

from __future__ import annotations

import torch

from benchmarks.timing import timed
from genmodels import training
from genmodels.transport import distances, primal, wasserstein_1


def main() -> None:
    torch.set_num_threads(1)
    print(f"{'n':>5}  {'linear program':>15}  {'network simplex':>15}  {'ratio':>6}")
    for n in (50, 100, 200, 400, 800):
        x, y = (torch.randn(n, 2, generator=training.rng(seed), dtype=torch.float64) for seed in (0, 1))
        uniform = torch.full((n,), 1 / n, dtype=torch.float64)
        cost = distances(x, y)
        general, slow = timed(lambda: primal(cost, uniform, uniform).cost, runs=3)  # noqa: B023
        special, fast = timed(lambda: wasserstein_1(x, y), runs=3)  # noqa: B023
        assert abs(general - special) < 1e-9, "the two solvers disagree"
        print(f"{n:5}  {slow:13.4f} s  {fast:13.4f} s  {slow / fast:6.0f}")


if __name__ == "__main__":
    main()
