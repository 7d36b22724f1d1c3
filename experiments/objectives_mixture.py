"""Section 2.3: one Gaussian fitted to a mixture of two by the game of each f-divergence, several seeds.

    python -m experiments.objectives_mixture [--seeds 5]

Writes `results/objectives_mixture.json`.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import torch

from genmodels import data, training
from genmodels.adversarial import F_DIVERGENCES, FDivergence, Generator, adam, mlp, play, score

from . import record

STEPS = 1_500
GRID = torch.linspace(-16, 16, 1_601, dtype=torch.float64)
CELL = 0.02
TARGET = data.World(centres=torch.tensor([-3.0] + [1.0] * 9)[:, None], std=1.0)
METRIC = (
    "mean, std: of the fitted Gaussian, averaged over every tenth of the last quarter of the updates; bound, value: of "
    "the bound at the trained critic and of the divergence itself, both by quadrature, averaged over the same moments"
)


def run(row: FDivergence, *, seed: int) -> dict[str, Any]:
    began = time.perf_counter()
    with training.isolated(seed):
        line, critic = torch.nn.Linear(1, 1), mlp(1, 1, width=64, activation=torch.nn.Tanh)
    torch.nn.init.constant_(line.weight, 1.5)
    torch.nn.init.constant_(line.bias, 0.0)
    history = play(
        Generator(line, latent=1),
        critic,
        TARGET,
        row.objective(),
        steps=STEPS,
        critic_steps=2,
        batch=512,
        optimizer=adam(lr=2e-3),
        critic_optimizer=adam(lr=3e-3, betas=(0.5, 0.99)),
        seed=seed,
        watch=lambda _, C: {"line": torch.cat([line.bias, line.weight[0].abs()]), "v": score(C, GRID[:, None].float())},
        watch_at=range(STEPS * 3 // 4, STEPS + 1, 10),
    )
    found = torch.stack([torch.cat([seen["line"].double(), judge(row, seen)]) for seen in history.watched.values()])
    values = [round(value, 5) for value in found.mean(dim=0).tolist()]
    names = ("mean", "std", "bound", "value")
    return {"name": row.name, "seed": seed, **dict(zip(names, values, strict=True))} | {
        "seconds": round(time.perf_counter() - began, 1)
    }


def judge(row: FDivergence, seen: dict[str, torch.Tensor]) -> torch.Tensor:
    """The bound at the trained critic and the divergence itself, by quadrature: no sampling error in either."""
    p = data.World(TARGET.centres.double(), TARGET.std).log_prob(GRID[:, None]).exp()
    q = torch.distributions.Normal(*seen["line"].double()).log_prob(GRID).exp()
    bound = row.bound(row.activation(seen["v"].double()), p, q, cell=CELL)
    return torch.stack([bound, row.divergence(p, q, cell=CELL)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    seeds = parser.parse_args().seeds
    torch.set_num_threads(1)
    about = {"metric": METRIC, **record.provenance(f"python -m experiments.objectives_mixture --seeds {seeds}")}
    rows: list[dict[str, Any]] = []
    for row in F_DIVERGENCES:
        rows += [run(row, seed=seed) for seed in range(seeds)]
        print(rows[-1], flush=True)
    print(record.write("objectives_mixture", {**about, "rows": rows}))


if __name__ == "__main__":
    main()
