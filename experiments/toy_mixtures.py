"""Section 3.3: every objective with every Lipschitz control on the ring and on the grid of 25 Gaussians.

    python -m experiments.toy_mixtures [--seeds 3] [--updates 7200]

Writes `results/toy_mixtures.json`. Every game gets the same number of *updates*, of one network or the other: 3,600
moves of the generator where the critic moves once between them, 1,200 where it moves five times. Finished games are
kept in `_build/runs`, so that an interrupted recipe goes on where it was, as long as the commit is the same.

The seeds of one game are played side by side by `Members`, which takes one batched product where separate networks
take several: the losses are means over the members, so each member's gradient is its own, divided by the number of
members, and neither Adam nor RMSprop feels a constant factor.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu, normalize

from genmodels import data, metrics, training, transport
from genmodels.adversarial import (
    HINGE,
    LEAST_SQUARES,
    MINIMAX,
    NON_SATURATING,
    WASSERSTEIN,
    Generator,
    Objective,
    adam,
    clip,
    gradient_penalty,
    mlp,
    play,
    r1,
    spectral,
)

from . import record

# Both worlds with unit variance per coordinate, as in WGAN-GP's code: the ring's radius 2 and the grid's 4 are divided.
WORLDS = {"ring": data.ring(radius=2**0.5, std=0.1 / 2**0.5), "grid": data.grid(spacing=2 / 8**0.5, std=0.05 / 8**0.5)}
OBJECTIVES = (MINIMAX, NON_SATURATING, LEAST_SQUARES, HINGE, WASSERSTEIN)
PENALTY = 0.1  # the weight in WGAN-GP's toy code, for both penalties
CONTROLS: dict[str, dict[str, Any]] = {
    "none": {},
    "clip": {"project": partial(clip, bound=0.1)},
    "gradient penalty": {"penalties": (partial(gradient_penalty, weight=PENALTY),)},
    "R1": {"penalties": (partial(r1, weight=PENALTY),)},
    "spectral": {},
}
SETTING = (
    "generator and critic: three hidden layers of 64 leaky ReLUs, noise in two dimensions, batch 128; Adam 1e-3 with "
    "betas (.5, .9), under clipping RMSprop 5e-4; Wasserstein: five moves of the critic per move of the generator, "
    "else one; clip at 0.1, both penalties with weight 0.1; worlds with unit variance per coordinate"
)
METRIC = (
    "quality: share of 2,500 samples within 4 standard deviations of a centre; modes: components that get at least 20 "
    "of them that near; covered: components that are the nearest one to at least a quarter of their fair share of "
    "samples, however far; distance: exact W1 of 1,000 samples and 1,000 data points; games whose loss stopped being "
    "finite have no distance and count as 0 in the others"
)


class Members(nn.Module):
    """Several networks of one shape as one: row i of a batch belongs to network i modulo their number."""

    def __init__(self, networks: Sequence[nn.Sequential], *, unit: bool = False) -> None:
        super().__init__()
        layers = zip(*([m for m in network if isinstance(m, nn.Linear)] for network in networks), strict=True)
        stacks = [(torch.stack([m.weight.T for m in ms]), torch.stack([m.bias[None] for m in ms])) for ms in layers]
        self.weights = nn.ParameterList(weight.detach() for weight, _ in stacks)
        self.biases = nn.ParameterList(bias.detach() for _, bias in stacks)
        self.unit = unit  # every weight matrix divided by its largest singular value, as `spectral` does
        self.directions = [normalize(torch.ones_like(weight[:, :, :1]), dim=1) for weight in self.weights]
        for _ in range(50 if unit else 0):
            self(torch.zeros(len(networks), len(self.weights[0][0])))

    def forward(self, x: Tensor) -> Tensor:
        members, last = len(self.weights[0]), len(self.weights) - 1
        h = x.reshape(-1, members, x.shape[1]).transpose(0, 1)
        for i, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            h = torch.baddbmm(bias, h, weight / self._size(i, weight) if self.unit else weight)
            h = h if i == last else leaky_relu(h, 0.2)
        return h.transpose(0, 1).reshape(len(x), -1)

    def _size(self, i: int, weight: Tensor) -> Tensor:
        """The largest singular values by one power iteration, from where the last one ended."""
        with torch.no_grad():
            right = normalize(weight.mT @ self.directions[i], dim=1)
            left = normalize(weight @ right, dim=1)
            if self.training:
                self.directions[i] = left
        return left.mT @ weight @ right


def check_members() -> None:
    """Before anything is recorded: the members are the networks they were made from, `spectral` included."""
    networks = [mlp(2, 3, width=16, depth=3) for _ in range(3)]
    x = torch.randn(30, 2)
    for unit in (False, True):
        members = Members(networks, unit=unit)
        for _ in range(500 if unit else 1):  # each call in training mode is one power iteration
            together = members(x)
        for i, network in enumerate(spectral(n) if unit else n for n in networks):
            for _ in range(500 if unit else 1):
                alone = network(x[i::3])
            torch.testing.assert_close(together[i::3], alone, rtol=1e-3, atol=1e-4)


def run(world: data.World, objective: Objective, control: str, *, seeds: int, updates: int) -> list[dict[str, Any]]:
    """One game per seed, side by side, and what each one's samples are worth."""
    critic_steps = 5 if objective is WASSERSTEIN else 1
    generators, critics = [], []
    for seed in range(seeds):
        with training.isolated(seed):
            generators.append(mlp(2, 2, width=64, depth=3))
            critics.append(mlp(2, 1, width=64, depth=3))
    generator = Generator(Members(generators), latent=2)
    settings: dict[str, Any] = {
        "steps": updates // (critic_steps + 1),
        "critic_steps": critic_steps,
        "batch": 128 * seeds,
        "optimizer": rmsprop if control == "clip" else adam(lr=1e-3, betas=(0.5, 0.9)),
    }
    try:
        play(generator, Members(critics, unit=control == "spectral"), world, objective, **settings, **CONTROLS[control])
    except FloatingPointError:
        return [{"modes": 0, "covered": 0, "quality": 0.0, "distance": None}] * seeds
    samples = generator.sample((2_500 * seeds,), rng=training.rng(99))
    return [measure(samples[seed::seeds], world) for seed in range(seeds)]


def rmsprop(parameters: Any) -> torch.optim.Optimizer:
    return torch.optim.RMSprop(parameters, lr=5e-4)


def measure(samples: Tensor, world: data.World) -> dict[str, Any]:
    modes, _, quality = metrics.coverage(samples, world)
    hits = torch.cdist(samples, world.centres).argmin(dim=1).bincount(minlength=len(world.centres))
    covered = int((hits * len(hits) >= len(samples) / 4).sum())
    distance = transport.wasserstein_1(samples[:1_000], world.sample((1_000,), rng=training.rng(98)))
    return {"modes": modes, "covered": covered, "quality": round(quality, 4), "distance": round(distance, 4)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--updates", type=int, default=7_200)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    check_members()
    budget = {"seeds": arguments.seeds, "updates": arguments.updates}
    command = "python -m experiments.toy_mixtures --seeds {seeds} --updates {updates}".format(**budget)
    about = {"setting": SETTING, "metric": METRIC, **budget, **record.provenance(command)}
    finished = record.ROOT / "_build/runs/toy_mixtures_{seeds}_{updates}_{commit}.jsonl".format(**about)
    finished.parent.mkdir(parents=True, exist_ok=True)
    games = [json.loads(line) for line in finished.read_text().splitlines()] if finished.exists() else []
    for world in WORLDS:
        for control in CONTROLS:
            for objective in OBJECTIVES:
                key = {"world": world, "objective": objective.name, "control": control}
                if any(key.items() <= game.items() for game in games):
                    continue
                began = time.process_time()
                runs = run(WORLDS[world], objective, control, **budget)
                games.append(key | {"runs": runs, "cpu_seconds": round(time.process_time() - began, 1)})
                with finished.open("a") as file:
                    file.write(json.dumps(games[-1]) + "\n")
                print(games[-1], flush=True)
    print(record.write("toy_mixtures", {**about, "rows": games}))


if __name__ == "__main__":
    main()
