"""Section 1.8: Boltzmann machines of 784 visible and 200 hidden units on MNIST, trained in three ways.

    python -m experiments.rbm_mnist [--updates 12000] [--seeds 3]

The images are binarised once, each pixel at random with its grey level as probability. Held-out log-likelihoods rest on
annealed importance sampling with 100 chains and 5,000 temperatures, after half of the updates and at the end with
20,000 too. A seed decides where a machine starts, and which images and states it draws.
Writes `results/rbm_mnist.json`. No image is stored.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import torch
from torch import Tensor

from genmodels import data, training
from genmodels.density.annealing import ais
from genmodels.density.boltzmann import RBM, bits, divergences

from . import record

HIDDEN, BATCH, RATE = 200, 100, 0.05
METHODS: dict[str, dict[str, Any]] = {
    "CD-1": {"k": 1},
    "CD-10": {"k": 10},
    "persistent CD": {"k": 1, "persistent": True},
}
METRIC = (
    "train, test: nats an image, the mean of -F(x) over 10,000 images minus log Z by AIS; error: its standard error; "
    "reconstruction: wrong pixels an image after one sweep, 10,000 test images"
)


def binary(split: Any, *, seed: int) -> Tensor:
    """The images as bits, (n, 784): each 1 with its grey level as probability."""
    return bits((data.mnist(split).images.flatten(1) + 1) / 2, rng=training.rng(seed))


def log_odds(x: Tensor) -> Tensor:
    """The biases of independent bits with the frequencies of x, one picture of each value added."""
    p = (x.sum(dim=0) + 1) / (len(x) + 2)
    return torch.logit(p)


def measured(machine: RBM, train: Tensor, test: Tensor, *, temperatures: int, seed: int) -> dict[str, float]:
    """Estimated log-likelihoods with their error, and the error of reconstruction."""
    log_z = ais(machine, temperatures=temperatures, base=log_odds(train), rng=training.rng(seed))
    seen, unseen = (float((-machine.free_energy(x[:10_000])).double().mean() - log_z.value) for x in (train, test))
    back = machine.gibbs(test, sweeps=1, rng=training.rng(seed))
    wrong = float((back != test).sum(dim=1).double().mean())
    return {
        "train": round(seen, 2),
        "test": round(unseen, 2),
        "error": round(float(log_z.error), 3),
        "log_z": round(float(log_z.value), 2),
        "reconstruction": round(wrong, 2),
    }


def run(method: str, train: Tensor, test: Tensor, *, updates: int, seed: int) -> list[dict[str, Any]]:
    """A machine that learns, measured after a 20th, a tenth, a quarter, a half and all of its updates."""
    began = time.process_time()
    machine = RBM(
        784,
        HIDDEN,
        steps=updates,
        batch=BATCH,
        lr=lambda step: RATE * (1 - step / updates),
        seed=seed,
        **METHODS[method],
    ).requires_grad_(False)
    machine.a.copy_(log_odds(train))
    moments = {updates // part: part for part in (20, 10, 4, 2, 1)}
    rows: list[dict[str, Any]] = []
    for step, learner in enumerate(divergences(machine, train)):
        if step in moments:
            for temperatures in (5_000, 20_000) if moments[step] <= 2 else (5_000,):
                row = measured(learner, train, test, temperatures=temperatures, seed=step)
                spent = {"updates": step, "seconds": round(time.process_time() - began, 1)}
                rows.append({"method": method, "seed": seed, **row, "temperatures": temperatures, **spent})
                print(rows[-1], flush=True)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--updates", type=int, default=12_000)
    parser.add_argument("--seeds", type=int, default=3)
    arguments = parser.parse_args()
    updates, seeds = arguments.updates, arguments.seeds
    torch.set_num_threads(1)
    command = f"python -m experiments.rbm_mnist --updates {updates} --seeds {seeds}"
    about = {"metric": METRIC, **record.provenance(command)}
    train, test = binary("train", seed=0), binary("test", seed=1)
    independent = torch.distributions.Bernoulli(logits=log_odds(train)).log_prob(test).sum(dim=1).mean()
    settings = {"hidden": HIDDEN, "batch": BATCH, "rate": RATE, "independent": round(float(independent), 2)}
    rows = []
    for seed in range(seeds):
        for method in METHODS:
            rows += run(method, train, test, updates=updates, seed=seed)
        print(record.write("rbm_mnist", {**about, **settings, "rows": rows}))


if __name__ == "__main__":
    main()
