"""Section 2.2: a ring on which the game collapses, and what each remedy does about it, over several seeds.

    python -m experiments.mode_collapse [--seeds 5] [--steps 3000]

Writes `results/mode_collapse.json`. Every run has the same players, data and noise; a row changes what its name says.
"""

from __future__ import annotations

import argparse
import math
import time
from functools import partial
from typing import Any

import torch

from genmodels import data, metrics, training
from genmodels.adversarial import (
    HINGE,
    LEAST_SQUARES,
    MINIMAX,
    NON_SATURATING,
    WASSERSTEIN,
    Generator,
    adam,
    gradient_penalty,
    label_smoothing,
    mlp,
    play,
    r1,
)
from genmodels.adversarial.pathologies import fade, instance_noise

from . import record

RING = data.ring(modes=16, std=0.05)
SLOW, FAST = 1e-4, 1e-3
METRIC = (
    "of 2,500 samples: modes with at least 20 samples within 4 standard deviations (modes), the share of such samples "
    "(quality), and modes that are the nearest one to at least 20 samples at any distance (served)"
)


def recipes(steps: int) -> dict[str, dict[str, Any]]:
    """Name of the row -> what differs from: non-saturating loss, one critic step, critic's learning rate 1e-4."""
    gone = partial(fade, factor=0.01 ** (1 / steps))  # to a hundredth by the end
    penalised = {"objective": WASSERSTEIN, "penalties": (gradient_penalty,)}
    return {
        "baseline": {},
        "weaker critic: learning rate / 4": {"critic_lr": SLOW / 4},
        "stronger critic: learning rate x 10": {"critic_lr": FAST},
        "stronger critic: 5 steps": {"critic_steps": 5},
        "instance noise 0.3": {"noise": 0.3},
        "instance noise 1, fading": {"noise": 1.0, "project": gone},
        "label smoothing 0.9": {"objective": label_smoothing()},
        "minimax loss": {"objective": MINIMAX},
        "least squares": {"objective": LEAST_SQUARES},
        "hinge": {"objective": HINGE},
        "R1 penalty": {"penalties": (r1,)},
        "WGAN-GP": penalised,
        "WGAN-GP, 5 steps": {"critic_steps": 5, **penalised},
        "WGAN-GP, 5 steps, learning rate x 10": {"critic_steps": 5, "critic_lr": FAST, **penalised},
    }


def run(*, seed: int, steps: int, critic_lr: float = SLOW, noise: float = 0.0, **settings: Any) -> dict[str, Any]:
    """One game of the generator's learning rate 1e-3 against `critic_lr`, and what its samples are worth."""
    began = time.perf_counter()
    with training.isolated(seed):
        generator, critic = Generator(mlp(2, 2, width=64), latent=2), mlp(2, 1, width=64)
    watched = instance_noise(critic, std=noise) if noise else critic
    objective = settings.pop("objective", NON_SATURATING)
    rates = {"optimizer": adam(lr=FAST), "critic_optimizer": adam(lr=critic_lr)}
    play(generator, watched, RING, objective, steps=steps, batch=128, seed=seed, **rates, **settings)
    samples = generator.sample((2_500,), rng=training.rng(99))
    modes, _, quality = metrics.coverage(samples, RING)
    served = metrics.coverage(samples, RING, radius=math.inf).reached
    seconds = round(time.perf_counter() - began, 1)
    return {"seed": seed, "modes": modes, "quality": round(quality, 4), "served": served, "seconds": seconds}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=3_000)
    arguments = parser.parse_args()
    torch.set_num_threads(1)  # the networks are small: a second thread would only wait
    command = f"python -m experiments.mode_collapse --seeds {arguments.seeds} --steps {arguments.steps}"
    about = {"metric": METRIC, "steps": arguments.steps, **record.provenance(command)}
    rows = []
    for name, changes in recipes(arguments.steps).items():
        for seed in range(arguments.seeds):
            rows.append({"row": name, **run(seed=seed, steps=arguments.steps, **changes)})
            print(rows[-1], flush=True)
    print(record.write("mode_collapse", {**about, "rows": rows}))


if __name__ == "__main__":
    main()
