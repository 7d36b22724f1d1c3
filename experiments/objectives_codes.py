"""Section 2.3: the ring by least squares, with three codings of the labels, several seeds.

    python -m experiments.objectives_codes [--seeds 10]

Writes `results/objectives_codes.json`.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import torch

from genmodels import data, metrics, training
from genmodels.adversarial import Generator, least_squares, mlp, play

from . import record

CODES = ((0.0, 1.0, 1.0), (-1.0, 1.0, 1.0), (-1.0, 1.0, 0.0))
STEPS = 1_500
METRIC = "modes: of 8, as in section 2.1; quality: share of 2,500 samples within 4 standard deviations of a mode"


def run(code: tuple[float, float, float], *, critic_steps: int, seed: int) -> dict[str, Any]:
    began = time.perf_counter()
    ring = data.ring(modes=8)
    with training.isolated(seed):
        generator, critic = Generator(mlp(2, 2), latent=2), mlp(2, 1)
    a, b, c = code
    objective = least_squares(a=a, b=b, c=c)
    play(generator, critic, ring, objective, steps=STEPS, critic_steps=critic_steps, seed=seed)
    modes, _, quality = metrics.coverage(generator.sample((2_500,), rng=training.rng(99)), ring)
    row = {"code": list(code), "critic_steps": critic_steps, "seed": seed, "modes": modes, "quality": round(quality, 4)}
    return row | {"seconds": round(time.perf_counter() - began, 1)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=10)
    seeds = parser.parse_args().seeds
    torch.set_num_threads(1)
    about = {"metric": METRIC, **record.provenance(f"python -m experiments.objectives_codes --seeds {seeds}")}
    rows: list[dict[str, Any]] = []
    for critic_steps in (1, 5):
        for code in CODES:
            rows += [run(code, critic_steps=critic_steps, seed=seed) for seed in range(seeds)]
            print(code, critic_steps, [(row["modes"], row["quality"]) for row in rows[-seeds:]], flush=True)
    print(record.write("objectives_codes", {**about, "rows": rows}))


if __name__ == "__main__":
    main()
