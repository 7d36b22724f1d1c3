"""EM on Gaussian mixtures: how many times longer does scikit-learn take? `python -m benchmarks.mixtures [--rounds 9]`.

Both make the same number of EM steps from the same start, on the same data in double precision, with one thread, and
reach the same likelihood, which is checked. They alternate in one process; printed are the processor's seconds and the
median of the ratio (scikit-learn / ours) per round, so that a machine that slows down slows both.
"""

from __future__ import annotations

import argparse
import statistics
import warnings

import torch
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]
from torch import Tensor

from benchmarks.timing import seconds
from genmodels import training
from genmodels.density import Gaussian, Mixture, em

FLOOR = 1e-6
SIZES = ((1_500, 2, 3), (20_000, 8, 10), (1_797, 64, 10))
"""Points, dimensions and parts; the last is the size of scikit-learn's digits."""


def problem(*, points: int, dim: int, parts: int) -> tuple[Tensor, Mixture]:
    """Data from as many Gaussians as there are parts, and a start: equal weights, data points as means."""
    rng = training.rng(0)
    normal = lambda *shape: torch.randn(*shape, generator=rng, dtype=torch.float64)  # noqa: E731
    clusters = [normal(points // parts, dim) @ normal(dim, dim) + 4 * normal(dim) for _ in range(parts)]
    x = torch.cat(clusters)
    about = x.var() * torch.eye(dim, dtype=torch.float64)
    gaussians = tuple(Gaussian(x[7 * k], about, floor=FLOOR) for k in range(parts))
    return x, Mixture(torch.full((parts,), 1 / parts, dtype=torch.float64), gaussians)


def ours(x: Tensor, start: Mixture, *, steps: int) -> float:
    """The mean log-likelihood behind so many steps."""
    *_, (_last, likelihood) = em(start, x, steps=steps, tolerance=-torch.inf)
    return likelihood


def peer(x: Tensor, start: Mixture, *, steps: int) -> GaussianMixture:
    """scikit-learn's mixture behind so many steps from the same start; with tol=0 it does not stop before."""
    gaussians = [part for part in start.parts if isinstance(part, Gaussian)]
    mixture = GaussianMixture(
        len(gaussians),
        tol=0.0,
        reg_covar=FLOOR,
        max_iter=steps,
        weights_init=start.weights.numpy(),
        means_init=torch.stack([part.mean for part in gaussians]).numpy(),
        precisions_init=torch.stack([part.covariance.inverse() for part in gaussians]).numpy(),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return mixture.fit(x.numpy())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--steps", type=int, default=30)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    print(f"{'points':>7} {'dim':>4} {'parts':>6} {'ours':>9} {'scikit-learn':>13} {'ratio':>6}   one EM step")
    for points, dim, parts in SIZES:
        x, start = problem(points=points, dim=dim, parts=parts)
        gap = abs(ours(x, start, steps=arguments.steps) - peer(x, start, steps=arguments.steps).score(x.numpy()))
        assert gap < 1e-6, f"the two differ by {gap:.1e} nats a point"
        pairs = [
            (
                seconds(lambda: ours(x, start, steps=arguments.steps)),  # noqa: B023
                seconds(lambda: peer(x, start, steps=arguments.steps)),  # noqa: B023
            )
            for _ in range(arguments.rounds)
        ]
        mine, theirs = (statistics.median(column) / arguments.steps * 1e3 for column in zip(*pairs, strict=True))
        ratio = statistics.median(b / a for a, b in pairs)
        print(f"{points:7} {dim:4} {parts:6} {mine:6.2f} ms {theirs:10.2f} ms {ratio:6.2f}", flush=True)


if __name__ == "__main__":
    with threadpool_limits(limits=1):
        main()
