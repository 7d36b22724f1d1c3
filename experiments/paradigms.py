"""Section 1.1: learning curves of generative and discriminative classifiers, on known worlds and on real data.

    python -m experiments.paradigms [--repetitions 1000] [--splits 100]

Writes `results/paradigms.json`.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from typing import Any

import torch
from sklearn.datasets import load_breast_cancer
from torch import Tensor

from genmodels import data, training
from genmodels.density import Bernoulli, Gaussian, Mixture, Normal
from genmodels.density.classifiers import Logistic, as_logistic, linear_error, tied

from . import record

SIZES = (10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000)
PENALTIES = (0.001, 0.01, 0.1, 1.0, 10.0, 100.0, 1_000.0, 10_000.0)
DIM, GAP, CHUNK = 10, 2.5, 50
METRIC = (
    "error: on known worlds the exact probability of a wrong answer, of linear rules, half of the N points from each "
    "class; on real data the share of wrong answers on all points that were not drawn for training. se: standard "
    "error of the mean over repetitions or splits"
)


def worlds() -> dict[str, Mixture]:
    """Two classes in ten dimensions: the assumption holds, breaks for naive Bayes, breaks for every Gaussian."""
    eye, half = torch.eye(DIM).double(), torch.tensor([0.5, 0.5]).double()
    along = torch.ones(DIM).double() / DIM**0.5
    pairs = torch.block_diag(*[torch.tensor([[1.0, 0.6], [0.6, 1.0]]).double()] * (DIM // 2))
    uneven = torch.tensor([1.0, 0.2] * (DIM // 2)).double() / 2
    near, far = Gaussian(GAP / 2 * along, eye), Gaussian((GAP / 2 + 8) * along, eye)
    stragglers = Mixture(torch.tensor([0.8, 0.2]).double(), (near, far))
    other = Gaussian(-GAP / 2 * along, eye)
    return {
        "independent": Mixture(half, (other, near)),
        "correlated": Mixture(half, (Gaussian(-uneven, pairs), Gaussian(uneven, pairs))),
        "stragglers": Mixture(half, (other, stragglers)),
    }


def draws(world: Mixture, *, size: int, sets: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    """Training sets side by side, (sets, size, dim) and (sets, size): half of each from either class."""
    x = torch.cat([part.sample((sets, size // 2), rng=rng) for part in world.parts], dim=1)
    return x, torch.arange(2).repeat_interleave(size // 2).expand(sets, -1)


def generative(start: Mixture, x: Tensor, y: Tensor) -> Logistic:
    """The tied fit to each of the sets, as linear rules side by side."""
    rules = [as_logistic(tied(start.labelled(points, labels))) for points, labels in zip(x, y, strict=True)]
    return Logistic(torch.stack([rule.weight for rule in rules]), torch.stack([rule.bias for rule in rules]))


def starts(dim: int, *, floor: float) -> dict[str, Mixture]:
    half, normal, gaussian = (
        torch.full((2,), 0.5),
        Normal.standard(dim, floor=floor),
        Gaussian.standard(dim, floor=floor),
    )
    return {"naive Bayes": Mixture(half, (normal,) * 2), "discriminant analysis": Mixture(half, (gaussian,) * 2)}


def crossover(*, repetitions: int) -> Iterator[dict[str, Any]]:
    for name, world in worlds().items():
        for size in SIZES:
            errors: dict[str, list[Tensor]] = {}
            for chunk in range(repetitions // CHUNK):
                x, y = draws(world, size=size, sets=CHUNK, rng=training.rng(1_000 * size + chunk))
                rules = {key: generative(start, x, y) for key, start in starts(DIM, floor=1e-3).items()}
                penalties = PENALTIES if size <= 200 else (0.01,)
                rules |= {f"logistic {p:g}": Logistic.zero(DIM, 2, penalty=p).labelled(x, y) for p in penalties}
                for key, rule in rules.items():
                    errors.setdefault(key, []).append(linear_error(rule, world))
            for key, parts in errors.items():
                yield {"part": "worlds", "data": name, "size": size, "model": key, **summary(torch.cat(parts))}


def real() -> dict[str, tuple[Tensor, Tensor, dict[str, Any], tuple[int, ...]]]:
    """Bits of digits, and measurements of breast tumours; for each, models with several constants, and sizes."""
    digits, cancer = data.digits(), load_breast_cancer()
    tenth = torch.full((10,), 0.1)
    bits = {
        f"naive Bayes {a:g}": Mixture(tenth, (Bernoulli.fair(64, pseudo=a),) * 10) for a in (0.001, 0.01, 0.1, 1.0, 3.0)
    }
    ten = {f"logistic {p:g}": Logistic.zero(64, 10, penalty=p) for p in (0.001, 0.01, 0.1, 1.0, 10.0)}
    both = {f"{name} {a:g}": start for a in (0.001, 0.01, 0.1, 1.0, 3.0) for name, start in starts(30, floor=a).items()}
    two = {f"logistic {p:g}": Logistic.zero(30, 2, penalty=p) for p in (0.01, 0.1, 1.0, 10.0, 100.0)}
    return {
        "digits": ((digits.images.flatten(1) > 0).double(), digits.labels, bits | ten, (20, 50, 100, 200, 500, 1_000)),
        "breast cancer": (
            torch.tensor(cancer.data),
            torch.tensor(cancer.target),
            both | two,
            (10, 20, 50, 100, 200, 400),
        ),
    }


def learning_curves(*, splits: int) -> Iterator[dict[str, Any]]:
    for name, (x, y, models, sizes) in real().items():
        for size in sizes:
            errors: dict[str, list[Tensor]] = {key: [] for key in models}
            for split in range(splits):
                order = torch.randperm(len(x), generator=training.rng(split))
                first = torch.stack([order[y[order] == k][0] for k in y.unique()])  # every class is seen at least once
                train = torch.cat([first, order[~torch.isin(order, first)][: size - len(first)]])
                test = order[~torch.isin(order, train)]
                points, shift = x[train], x.new_tensor(0.0)
                scale = x.new_tensor(1.0)
                if name == "breast cancer":  # by what the training set shows
                    shift, scale = points.mean(dim=0), points.std(dim=0) + 1e-9
                for key, model in models.items():
                    fitted = model.labelled((points - shift) / scale, y[train])
                    if key.startswith("discriminant analysis"):
                        fitted = tied(fitted)
                    answer = fitted.responsibilities((x[test] - shift) / scale).argmax(dim=1)
                    errors[key].append((answer != y[test]).double().mean())
            for key, values in errors.items():
                yield {"part": "real", "data": name, "size": size, "model": key, **summary(torch.stack(values))}


def summary(errors: Tensor) -> dict[str, float]:
    return {"error": round(errors.mean().item(), 6), "se": round((errors.std() / len(errors) ** 0.5).item(), 6)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=1_000)
    parser.add_argument("--splits", type=int, default=100)
    given = parser.parse_args()
    torch.set_num_threads(1)
    command = f"python -m experiments.paradigms --repetitions {given.repetitions} --splits {given.splits}"
    about = {"metric": METRIC, "repetitions": given.repetitions, "splits": given.splits, **record.provenance(command)}
    began, rows = time.perf_counter(), []
    for row in (*crossover(repetitions=given.repetitions), *learning_curves(splits=given.splits)):
        rows.append(row)
    print(record.write("paradigms", {**about, "seconds": round(time.perf_counter() - began), "rows": rows}))


if __name__ == "__main__":
    main()
