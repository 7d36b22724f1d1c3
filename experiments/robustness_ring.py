"""Section 3.4: does one setting train every architecture? Four methods, five architectures, eight Gaussians.

    python -m experiments.robustness_ring [--seeds 3]

Writes `results/robustness_ring.json`. May be interrupted: finished cells are kept under `_build/runs`.
"""

from __future__ import annotations

import argparse
import time
from functools import partial
from typing import Any

import torch
from torch import nn

from genmodels import data, metrics, training
from genmodels.adversarial import (
    LEAST_SQUARES,
    NON_SATURATING,
    WASSERSTEIN,
    Generator,
    Objective,
    adam,
    clip,
    gradient_penalty,
    mlp,
    play,
    score,
    slopes,
)
from genmodels.adversarial.game import OptimizerFactory
from genmodels.adversarial.residual import depth, residual_mlp

from . import cells, record

WIDTH, BATCH = 64, 128
METRIC = (
    "modes: of 8, reached by at least 0.8 % of 2,500 samples within 4 standard deviations; quality: share of samples "
    "within 4 standard deviations of any mode; slope: 10 %, 50 % and 90 % quantile of the critic's gradient norm at "
    "500 samples; pull: the median norm of the gradient of the generator's loss in a sample, times 500; reach: the "
    "norm of that gradient in all of the generator's weights, and (first) in its first layer"
)

ARCHITECTURES: dict[str, tuple[Any, Any]] = {
    "ReLU x 3": (partial(mlp, depth=3, activation=nn.ReLU),) * 2,
    "tanh x 3": (partial(mlp, depth=3, activation=nn.Tanh),) * 2,
    "ReLU x 8": (partial(mlp, depth=8, activation=nn.ReLU),) * 2,
    "weak generator": (partial(mlp, depth=1, activation=nn.Tanh), partial(mlp, depth=3, activation=nn.ReLU)),
    "residual": (partial(residual_mlp, blocks=6),) * 2,
}
"""Generator and critic of each row, all 64 wide; none has a normalisation."""


def rmsprop(lr: float) -> OptimizerFactory:
    return lambda parameters: torch.optim.RMSprop(parameters, lr=lr)


METHODS: dict[str, dict[str, Any]] = {
    "GAN": {"objective": NON_SATURATING, "optimizer": adam(lr=1e-3), "steps": 3_000},
    "LSGAN": {"objective": LEAST_SQUARES, "optimizer": rmsprop(5e-4), "steps": 3_000},
    "WGAN": {
        "objective": WASSERSTEIN,
        "optimizer": rmsprop(5e-4),
        "steps": 1_500,
        "critic_steps": 5,
        "project": partial(clip, bound=0.1),
    },
    "WGAN-GP": {
        "objective": WASSERSTEIN,
        "optimizer": adam(lr=5e-4, betas=(0.5, 0.9)),
        "steps": 1_200,
        "critic_steps": 5,
        "penalties": (partial(gradient_penalty, weight=0.1),),
    },
}
"""One setting per method for all rows. Optimisers and their proportions are the paper's (Adam 2e-4, RMSProp 1e-4,
RMSProp 5e-5, Adam 1e-4), the rates five times as large (clipping: ten times), the penalty's weight that of its toys."""


def players(architecture: str, *, seed: int) -> tuple[Generator, nn.Module]:
    make_generator, make_critic = ARCHITECTURES[architecture]
    with training.isolated(seed):
        return Generator(make_generator(2, 2, width=WIDTH), latent=2), make_critic(2, 1, width=WIDTH)


def look(generator: Generator, critic: nn.Module, objective: Objective) -> dict[str, torch.Tensor]:
    """Samples, and what the critic's gradient is worth: at the samples, and when it arrives in the weights."""
    z = generator.noise(2_500, rng=training.rng(9))
    samples = generator(z)
    with torch.enable_grad():
        x = generator(z[:500])
        weights = [p for p in generator.parameters() if p.requires_grad]
        at_sample, *at_weights = torch.autograd.grad(objective.generator(score(critic, x)), [x, *weights])
        slope = slopes(critic, x).detach()
    reach = torch.stack([g.norm() for g in at_weights])
    return {
        "samples": samples,
        "slope": slope.quantile(torch.tensor([0.1, 0.5, 0.9])),
        "pull": at_sample.norm(dim=1).median() * len(x),
        "reach": torch.stack([reach.norm(), reach[0]]),
    }


def measure(architecture: str, method: str, seed: str) -> dict[str, Any]:
    """One cell: its name, its size, and its curve."""
    generator, critic = players(architecture, seed=int(seed))
    setting = METHODS[method]
    at = [setting["steps"] * i // 10 for i in range(11)]
    name = {"architecture": architecture, "method": method, "seed": int(seed)}
    size = {"layers": [depth(generator), depth(critic)], "updates": setting["steps"]}
    began, ring = time.process_time(), data.ring(modes=8)
    watch = partial(look, objective=setting["objective"])
    try:
        history = play(generator, critic, ring, batch=BATCH, seed=int(seed), watch=watch, watch_at=at, **setting)
    except FloatingPointError as error:
        return {**name, **size, "diverged": str(error), "modes": 0, "quality": 0.0}
    curve = [point(history.watched[step], step, ring) for step in at]
    last = history.watched[at[-1]]["samples"][:250]
    samples = " ".join(f"{v:.2f}" for v in last.flatten().tolist())
    final = {"modes": curve[-1]["modes"], "quality": curve[-1]["quality"]}
    return {
        **name,
        **size,
        **final,
        "seconds": round(time.process_time() - began, 1),
        "curve": curve,
        "samples": samples,
    }


def point(seen: dict[str, torch.Tensor], step: int, ring: data.World) -> dict[str, Any]:
    modes, _, quality = metrics.coverage(seen["samples"], ring)
    numbers = {name: [float(f"{v:.3g}") for v in seen[name].flatten().tolist()] for name in ("slope", "pull", "reach")}
    return {"updates": step, "modes": modes, "quality": round(quality, 4), **numbers}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    grid = [(row, column, str(seed)) for seed in range(arguments.seeds) for row in ARCHITECTURES for column in METHODS]
    command = f"python -m experiments.robustness_ring --seeds {arguments.seeds}"
    about, rows = cells.run(__file__, command, grid, measure)
    print(record.write("robustness_ring", {"metric": METRIC, **about, "rows": rows}))


if __name__ == "__main__":
    main()
