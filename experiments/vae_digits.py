"""Section 1.7: VAEs on scikit-learn's digits, binarised: objectives, weights of the divergence, decoders that read.

    python -m experiments.vae_digits [--seeds 5]

Writes `results/vae_digits.json`.
"""

from __future__ import annotations

import argparse
import time
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor

from genmodels import data, metrics, training
from genmodels.density.vae import VAE, Before, Loss, PixelVAE, active, negative_elbo, networks

from . import cells

DIM = 64
METRIC = (
    "nats a picture on 360 held-out digits (split by seed 0; a pixel is on above half of the grey levels); elbo: "
    "100 draws; bound: importance-weighted, 1,000 samples; kl: of q and the prior; active: latent variables whose mean "
    "varies by more than .01; exact: log p(x) by quadrature, with two latent variables"
)


def prior_objective(vae: VAE, x: Tensor, *, step: int, rng: torch.Generator) -> Tensor:
    """What correction E-25 is about: the code drawn from the prior and not from q(z | x)."""
    belief = vae.infer(x)
    z = torch.randn(belief.mean.shape, generator=rng)
    return -(vae.log_likelihood(x, z) - belief.kl().sum(dim=1)).mean()


class Setting(NamedTuple):
    steps: int
    loss: Loss = negative_elbo
    latent: int = 8
    units: int = 0
    """Of a decoder that reads the pixels before, for each pixel; 0: it reads none."""


SETTINGS = {
    "elbo": Setting(3_000),
    "prior": Setting(3_000, prior_objective),
    "plane": Setting(3_000, latent=2),
    **{f"beta {b:g}": Setting(1_500, partial(negative_elbo, beta=b)) for b in (0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0)},
    "beta 3, warm-up": Setting(1_500, partial(negative_elbo, beta=3.0, warm=750)),
    "beta 3, free bits": Setting(1_500, partial(negative_elbo, beta=3.0, free=0.25)),
    **{f"units {u}": Setting(1_000, units=u) for u in (0, 1, 2, 4, 8, 16)},
    "units 16, warm-up": Setting(1_000, partial(negative_elbo, warm=500), units=16),
    "units 16, free bits": Setting(1_000, partial(negative_elbo, free=0.25), units=16),
}


def bits() -> tuple[Tensor, Tensor]:
    """Pictures of 64 bits to learn from, and to test with."""
    train, test = (part.images.flatten(1) for part in metrics.held_out(data.digits()))
    return (train > 0).float(), (test > 0).float()


def untrained(of: Setting, *, seed: int) -> VAE:
    """The model of a setting with the initial weights of a seed."""
    with training.isolated(seed):
        encoder, decoder = networks(dim=DIM, latent=of.latent)
        if not of.units:
            return VAE(encoder, decoder, latent=of.latent)
        return PixelVAE(encoder, decoder, Before(DIM, units=of.units), latent=of.latent)


@torch.no_grad()
def judged(model: VAE, x: Tensor) -> dict[str, float]:
    """ELBO, divergence, importance-weighted bound and active units, in nats a picture."""
    belief = model.infer(x)
    bound = torch.cat([model.bound(part, samples=1_000, rng=training.rng(2)) for part in x.split(40)])
    found = {
        "elbo": model.elbo(x, samples=100, rng=training.rng(1)).mean().item(),
        "kl": belief.kl().sum(dim=1).mean().item(),
        "bound": bound.mean().item(),
        "active": float(active(belief)),
    }
    if model.latent == 2:
        found["exact"] = model.quadrature(x, points=400, half=6.0).mean().item()
    return {name: round(value, 3) for name, value in found.items()}


def run(name: str, seed_name: str) -> dict[str, Any]:
    """One setting from one seed."""
    began, of, seed = time.process_time(), SETTINGS[name], int(seed_name)
    train, test = bits()
    model = untrained(of, seed=seed).fit(train, steps=of.steps, loss=of.loss, seed=seed)
    row: dict[str, Any] = {"setting": name, "seed": seed, "steps": of.steps, **judged(model, test)}
    return row | {"seconds": round(time.process_time() - began, 1)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    seeds = parser.parse_args().seeds
    torch.set_num_threads(1)
    command = f"python -m experiments.vae_digits --seeds {seeds}"
    grid = [(name, str(seed)) for name in SETTINGS for seed in range(seeds)]
    about, rows = cells.run(__file__, command, grid, run)
    print(cells.record.write("vae_digits", {"metric": METRIC, **about, "rows": rows}))


if __name__ == "__main__":
    main()
