"""Section 1.7: a VAE on MNIST, fully connected, 784-512-(20)-512-784.

    python -m experiments.vae_mnist [--seeds 3] [--epochs 40]

Writes `results/vae_mnist.json`. No picture is stored.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import torch
from torch import Tensor

from genmodels import data, training
from genmodels.data.images import MNIST
from genmodels.density import Bernoulli
from genmodels.density.vae import VAE, active, networks

from . import cells

LATENT, WIDTH, BATCH, LR = 20, 512, 128, 1e-3
SAMPLES, JUDGED = 500, 2_000
METRIC = (
    "nats a picture on test images, each pixel drawn once to be on with the probability of its grey level (seed 0 for "
    "training, 1 for test images); elbo and kl: all 10,000, one draw; bound: importance-weighted, 500 samples, the "
    "first 2,000; elbo_same: of these 2,000, 50 draws; active: latent variables whose mean varies by more than .01"
)


def bits(split: Any, *, seed: int) -> Tensor:
    """Pictures of bits, (n, 784), drawn once from the grey levels."""
    grey = (data.mnist(split).images.flatten(1) + 1) / 2
    return (torch.rand(grey.shape, generator=training.rng(seed)) < grey).float()


@torch.no_grad()
def judged(model: VAE, x: Tensor) -> dict[str, Any]:
    """What the metric says, in batches of rows: 500 samples of 2,000 pictures do not fit into memory."""
    stream = training.rng(7)
    belief = model.infer(x)
    few = x[:JUDGED]
    bound = torch.cat([model.bound(part, samples=SAMPLES, rng=stream) for part in few.split(20)])
    same = torch.cat([model.elbo(part, samples=50, rng=stream) for part in few.split(200)])
    found = {
        "elbo": model.elbo(x, rng=stream).mean(), "kl": belief.kl().sum(dim=1).mean(),
        "elbo_same": same.mean(), "bound": bound.mean(), "spread": bound.std(),
    }  # fmt: skip
    each = belief.kl().mean(dim=0).sort(descending=True).values
    return {name: round(value.item(), 3) for name, value in found.items()} | {
        "active": int(active(belief)), "kl_each": [round(value, 3) for value in each.tolist()],
    }  # fmt: skip


def run(seed_name: str, epochs_name: str) -> dict[str, Any]:
    """Train from one seed, the test ELBO watched at epochs 1, 2, 4, 8, ... and the last."""
    began, seed, epochs = time.process_time(), int(seed_name), int(epochs_name)
    train, test = bits("train", seed=0), bits("test", seed=1)
    a_pass = len(train) // BATCH
    moments = {2**k * a_pass for k in range(10)} | {epochs * a_pass}
    curve = []

    def watch(step: int, model: VAE) -> None:
        if step in moments:
            with torch.no_grad():
                curve.append([step, round(model.elbo(test, rng=training.rng(5)).mean().item(), 3)])

    with training.isolated(seed):
        start = VAE(*networks(dim=784, latent=LATENT, width=WIDTH), latent=LATENT)
    model = start.fit(train, steps=epochs * a_pass, batch=BATCH, lr=LR, seed=seed, watch=watch)
    row: dict[str, Any] = {"seed": seed, "epochs": epochs, "steps": epochs * a_pass, "curve": curve}
    row |= judged(model, test)
    row["independent"] = round(Bernoulli.fair(784, pseudo=1.0).fit(train).log_prob(test).mean().item(), 3)
    return row | {"seconds": round(time.process_time() - began, 1)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=40)
    given = parser.parse_args()
    torch.set_num_threads(1)
    command = f"python -m experiments.vae_mnist --seeds {given.seeds} --epochs {given.epochs}"
    grid = [(str(seed), str(given.epochs)) for seed in range(given.seeds)]
    about, rows = cells.run(__file__, command, grid, run)
    data_sha256 = {name: source.sha256 for name, source in MNIST.items()}
    print(cells.record.write("vae_mnist", {"metric": METRIC, **about, "data_sha256": data_sha256, "rows": rows}))


if __name__ == "__main__":
    main()
