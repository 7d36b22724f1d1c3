"""Section 1.3: how many points does a kernel density need in 1 to 8 dimensions, and how many a Gaussian mixture?

    python -m experiments.kernel_rates [--seeds 5] [--most 31623]

Writes `results/kernel_rates.json`. The truth is a mixture of two Gaussians with means at -1.5 and 1.5 on the first axis
and covariance 1. From N points of it: a kernel density, whose bandwidth is the best of a grid on 2,000 further points,
and a mixture of two Gaussians, by EM. The score is KL(truth || model) in nats, estimated on 10,000 fresh points.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import torch
from torch import Tensor

from genmodels import training
from genmodels.density import Density, Gaussian, Mixture
from genmodels.density.kernel import KernelDensity
from genmodels.density.selection import best_inside

from . import record

DIMS = (1, 2, 3, 4, 6, 8)
SIZES = (100, 316, 1_000, 3_162, 10_000, 31_623)
STEPS = tuple(1.25**k for k in range(-8, 5))


def truth(dim: int, *, apart: float = 1.5) -> Mixture:
    """Two Gaussians with covariance 1, side by side on the first axis."""
    side = apart * torch.eye(dim, dtype=torch.float64)[0]
    parts = tuple(Gaussian(mean, torch.eye(dim, dtype=torch.float64)) for mean in (-side, side))
    return Mixture(torch.tensor([0.5, 0.5], dtype=torch.float64), parts)


def scott(n: int, dim: int) -> float:
    """How the best bandwidth falls with the number of points, for data with a standard deviation of about 1."""
    return n ** (-1 / (dim + 4))


def kernel(x: Tensor, further: Tensor) -> tuple[KernelDensity, float]:
    """The kernel density whose bandwidth suits further points best, and that bandwidth."""
    unit = scott(len(x), x.shape[1])
    value = best_inside(
        [unit * step for step in STEPS], lambda h: KernelDensity(x, bandwidth=h).log_prob(further).mean().item()
    )
    return KernelDensity(x, bandwidth=value), value


def gaussians(x: Tensor) -> Mixture:
    """Two Gaussians by EM, started side by side on the axis on which the two groups lie."""
    start = truth(x.shape[1], apart=1.0)
    return Mixture(start.weights, start.parts, tolerance=1e-6).fit(x)


def divergence(p: Density, q: Density, fresh: Tensor) -> float:
    """KL(p || q) in nats, by points of p."""
    return float((p.log_prob(fresh) - q.log_prob(fresh)).mean())


def cell(*, dim: int, n: int, seed: int, fresh: int = 10_000) -> dict[str, Any]:
    """One training set, both models."""
    began, world, stream = time.process_time(), truth(dim), training.rng(seed)
    x, further, test = (world.sample((size,), rng=stream) for size in (n, 2_000, fresh))
    density, bandwidth = kernel(x, further)
    found = {"kernel": divergence(world, density, test), "gaussians": divergence(world, gaussians(x), test)}
    seconds = round(time.process_time() - began, 2)
    return {"dim": dim, "n": n, "seed": seed, "bandwidth": bandwidth, **found, "seconds": seconds}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--most", type=int, default=SIZES[-1])
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    head = record.provenance(f"python -m experiments.kernel_rates --seeds {arguments.seeds} --most {arguments.most}")
    rows = []
    for dim in DIMS:
        for n in (n for n in SIZES if n <= arguments.most):
            for seed in range(arguments.seeds):
                rows.append(cell(dim=dim, n=n, seed=seed))
                print(rows[-1], flush=True)
    record.write("kernel_rates", {**head, "setting": __doc__.split("\n\n")[2], "rows": rows})


if __name__ == "__main__":
    main()
