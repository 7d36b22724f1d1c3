"""How much faster than scikit-learn's is a kernel density? `python -m benchmarks.kernel_density`.

Both give the log-density of 1,000 places under n points, in double precision, and the numbers agree. scikit-learn walks
a tree, here with its default settings and with all points in one leaf, in which it adds all kernels as we do; the
faster of the two counts. With `rtol` it may stop early; that column lets it be wrong by a millionth, and we are not.
The two alternate in one process; printed is the median of the ratio (scikit-learn / ours) per round.
"""

from __future__ import annotations

import argparse
import statistics

import torch
from sklearn.neighbors import KernelDensity as Peer
from torch import Tensor

from benchmarks.timing import seconds
from genmodels import training
from genmodels.density.kernel import KernelDensity

BANDWIDTHS = {2: 0.3, 16: 1.5, 64: 3.0}
"""Wide enough that scikit-learn's tree gives the right numbers, too."""


def clouds(*, n: int, dim: int, places: int = 1_000) -> tuple[Tensor, Tensor]:
    """Points and places from the same Gaussian."""
    stream = training.rng(dim)
    return tuple(torch.randn(size, dim, generator=stream, dtype=torch.float64) for size in (n, places))  # type: ignore[return-value]


def ours(points: Tensor, x: Tensor) -> Tensor:
    return KernelDensity(points, bandwidth=BANDWIDTHS[points.shape[1]]).log_prob(x)


def peer(points: Tensor, x: Tensor, *, leaf: int = 40, rtol: float = 0.0) -> Tensor:
    """Building the tree counts, as our preparation of the points does."""
    model = Peer(bandwidth=BANDWIDTHS[points.shape[1]], leaf_size=leaf, rtol=rtol).fit(points.numpy())
    return torch.from_numpy(model.score_samples(x.numpy()))


def ratio(*, n: int, dim: int, rounds: int, rtol: float = 0.0) -> float:
    points, x = clouds(n=n, dim=dim)
    found = []
    for _ in range(rounds):
        mine = seconds(lambda: ours(points, x))
        theirs = seconds(lambda: peer(points, x, rtol=rtol))
        if not rtol:
            theirs = min(theirs, seconds(lambda: peer(points, x, leaf=n)))
        found.append(theirs / mine)
    return statistics.median(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    print("seconds of scikit-learn / seconds of ours")
    print(f"{'dimensions':>10} {'points':>7} {'exact':>7} {'rtol 1e-6':>10}")
    for dim in BANDWIDTHS:
        for n in (1_000, 5_000, 20_000):
            ratio(n=n, dim=dim, rounds=1)  # warm
            both = [ratio(n=n, dim=dim, rounds=arguments.rounds, rtol=rtol) for rtol in (0.0, 1e-6)]
            print(f"{dim:10} {n:7,} {both[0]:7.1f} {both[1]:10.1f}", flush=True)


if __name__ == "__main__":
    main()
