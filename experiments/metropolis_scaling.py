"""Section 1.6: random-walk Metropolis on a standard normal, by step size and dimension, several seeds.

    python -m experiments.metropolis_scaling [--seeds 5]

Writes `results/metropolis_scaling.json`. Step sizes are length / sqrt(dimension) (Roberts, Gelman and Gilks 1997).
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import torch

from genmodels import training
from genmodels.density.chains import chain_size, metropolis_hastings, random_walk

from . import record

DIMENSIONS = (1, 2, 3, 5, 10, 20)
LENGTHS = (0.8, 1.2, 1.6, 1.9, 2.2, 2.5, 2.8, 3.2, 3.8, 4.6, 5.6)
CHAINS, STEPS = 100, 10_000
METRIC = (
    f"{CHAINS} chains of {STEPS:,} steps, started at samples of the target; efficiency: effective samples of the mean "
    "per step, averaged over the coordinates"
)


def run(dimension: int, *, length: float, seed: int, steps: int = STEPS) -> dict[str, Any]:
    began, rng = time.perf_counter(), training.rng(seed)
    start = torch.randn(CHAINS, dimension, generator=rng)
    propose = random_walk(step=length / dimension**0.5)
    chains = metropolis_hastings(lambda x: -x.square().sum(dim=1) / 2, start, propose, steps=steps, rng=rng)
    sizes = [chain_size(x) for x in chains.points.unbind(dim=2)]
    return {
        "dimension": dimension,
        "length": length,
        "seed": seed,
        "acceptance": round(chains.accepted.double().mean().item(), 4),
        "efficiency": round(sum(sizes) / dimension / (CHAINS * steps), 5),
        "seconds": round(time.perf_counter() - began, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    seeds = parser.parse_args().seeds
    torch.set_num_threads(1)
    about = {"metric": METRIC, **record.provenance(f"python -m experiments.metropolis_scaling --seeds {seeds}")}
    rows: list[dict[str, Any]] = []
    for dimension in DIMENSIONS:
        for length in LENGTHS:
            rows += [run(dimension, length=length, seed=seed) for seed in range(seeds)]
            print(rows[-1], flush=True)
    print(record.write("metropolis_scaling", {**about, "rows": rows}))


if __name__ == "__main__":
    main()
