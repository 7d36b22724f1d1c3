"""Section 4.5: all conditional models with the same networks and budget, on three labelled worlds, several seeds.

    python -m experiments.conditional_family [--seeds 3]

Writes `results/conditional_family.json`. Finished runs are kept in `_build/runs`.
"""

from __future__ import annotations

import argparse
import time
from functools import partial
from typing import Any

import torch

from genmodels import data, training, transport
from genmodels.adversarial import adam, class_loss, play, r1
from genmodels.adversarial.family import family, judged, obedience

from . import cells, record

STEPS, BATCH, RATE, WIDTH, SLOPE, FEW = 1_500, 128, 1e-3, 64, 0.1, 4
WORLDS = {
    "two modes per label": data.labelled_ring(classes=4, modes=8, std=0.2),
    "one mode, apart": data.labelled_ring(classes=4, modes=4, std=0.2),
    "one mode, overlapping": data.labelled_ring(classes=4, modes=4, std=1.0),
}
METRIC = (
    "see genmodels.adversarial.family.judged; 2,000 samples, W1 on 500; 'data': a second draw of data in their place"
)


def few_labels(world: data.LabelledWorld, *, seed: int) -> data.Pairs:
    """The few labels of the semi-supervised model: `FEW` of each class."""
    many = data.Pairs(*world.sample((1_000,), rng=training.rng(seed)))
    return data.few_labels(many, per_class=FEW, rng=training.rng(seed))


def train(world: data.LabelledWorld, name: str, *, seed: int, steps: int) -> Any:
    """The model of that name, trained; all are made, so that each has the same initial weights whatever else runs."""
    with training.isolated(seed):
        models = family(world, few_labels(world, seed=seed), width=WIDTH)
    model = next(model for model in models if model.name == name)
    terms = {"generator_terms": model.generator_terms, "penalties": (*model.penalties, partial(r1, weight=SLOPE))}
    players = model.generator, model.critic, model.data, model.objective
    play(*players, steps=steps, batch=BATCH, optimizer=adam(lr=RATE), seed=seed, **terms)
    return model


def measure(where: str, name: str, seed: str, *, steps: int = STEPS) -> dict[str, Any]:
    began, world = time.perf_counter(), WORLDS[where]
    if name == "data":
        found = perfect(world, rng=training.rng(100 + int(seed)))
    elif name == "few labels alone":
        found = supervised_only(world, seed=int(seed))
    else:
        model = train(world, name, seed=int(seed), steps=steps)
        found = judged(model, world, rng=training.rng(100 + int(seed)))
    rounded = {key: round(value, 4) for key, value in found.items()}
    return {
        "world": where,
        "model": name,
        "seed": int(seed),
        **rounded,
        "seconds": round(time.perf_counter() - began, 1),
    }


def supervised_only(world: data.LabelledWorld, *, seed: int, steps: int = 500) -> dict[str, float]:
    """The semi-supervised model's classifier without its game: trained on the few labels and nothing else."""
    few = few_labels(world, seed=seed)
    with training.isolated(seed):
        classifier: Any = next(m for m in family(world, few, width=WIDTH) if m.name == "semi-supervised GAN").critic
    optimizer = torch.optim.Adam(classifier.parameters(), lr=RATE)
    for _ in range(steps):
        optimizer.zero_grad()
        class_loss(classifier.infer(few.x), few.y).backward()
        optimizer.step()
    x, y = world.sample((2_000,), rng=training.rng(100 + seed))
    return {"recognised": (classifier.infer(x).argmax(dim=1) == y).double().mean().item()}


def perfect(world: data.LabelledWorld, *, rng: torch.Generator, rows: int = 2_000) -> dict[str, float]:
    """What `judged` says of data in the place of samples, and of the best classifier in the place of a head."""
    (x, y), (other, _) = (world.sample((rows,), rng=rng) for _ in range(2))
    seen = world.posterior(x).argmax(dim=1)
    found = obedience(x, y, seen, world, rng=rng)
    marginal = transport.wasserstein_1(x[: rows // 4], other[: rows // 4])
    return {"marginal": marginal, **found, "recognised": found["obeyed"]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    seeds = parser.parse_args().seeds
    torch.set_num_threads(1)
    with training.isolated(0):
        some = WORLDS["one mode, apart"]
        models = family(some, few_labels(some, seed=0), width=WIDTH)
    names = ["data", "few labels alone", *(model.name for model in models if model.name != "GAN")]
    grid = [(where, name, str(seed)) for seed in range(seeds) for where in WORLDS for name in names]
    about, rows = cells.run(__file__, f"python -m experiments.conditional_family --seeds {seeds}", grid, measure)
    settings = {"steps": STEPS, "batch": BATCH, "rate": RATE, "width": WIDTH, "r1": SLOPE, "labels per class": FEW}
    print(record.write("conditional_family", {"metric": METRIC, "settings": settings, **about, "rows": rows}))


if __name__ == "__main__":
    main()
