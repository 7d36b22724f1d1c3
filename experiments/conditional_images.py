"""Section 4.1 at full scale: class-conditional images by three ways of telling the critic the label, one seed or more.

    python -m experiments.conditional_images mnist [--seeds 3]
    python -m experiments.conditional_images fashion_mnist [--seeds 2]

Writes `results/conditional_images_<data>.json`. The training images are divided: the game is played on the first
30,000, and the judge, a classifier, learns on the others; neither sees the test images. Finished cells are kept under
`_build/runs`.
"""

from __future__ import annotations

import argparse
import time
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

from genmodels import data, metrics, training
from genmodels.adversarial import HINGE, Conditional, Joint, Labels, Projection, adam, mlp, play, spectral
from genmodels.data.images import FASHION_MNIST, MNIST

from . import cells, record

SETS = {"mnist": (data.mnist, MNIST), "fashion_mnist": (data.fashion_mnist, FASHION_MNIST)}
WAYS = ("concatenation", "embedding", "projection")
CLASSES, LATENT, WIDTH, BATCH, PER_CLASS = 10, 64, 256, 128, 1_000
UPDATES, LR = 6_000, 5e-4
METRIC = (
    "obedience: share of 1,000 samples per class that the judge recognises as the class that was asked for; by_class: "
    "the same for each class; variety: mean pixel distance of two of 100 samples of a class over that of two of the "
    "first 2,000 test images of it, per class; distance: squared Fréchet distance in the judge's features between 100 "
    "samples per class and 9,000 test images; floor: the same for the other 1,000 test images; accuracy: of the judge "
    "on all test images"
)


@cache
def parts(name: str) -> tuple[data.ImageSet, data.ImageSet, data.ImageSet]:
    """Images for the game, for the judge, and for the test of both."""
    load, _ = SETS[name]
    images = load()
    half = len(images) // 2
    game, judge = (data.ImageSet(images.images[p], images.labels[p]) for p in (slice(half), slice(half, None)))
    return game, judge, load("test")


@cache
def judge_of(name: str) -> metrics.Classifier:
    _, learn, test = parts(name)
    return metrics.classifier(learn, test, steps=1_500)


def players(way: str, *, seed: int) -> tuple[Conditional, nn.Module]:
    """One generator for all, the label one-hot beside the noise. The critics differ in how they read it."""
    size, pixels = WIDTH, 28 * 28
    layers: list[nn.Module] = [nn.Linear(LATENT + CLASSES, size), nn.BatchNorm1d(size), nn.ReLU()]
    layers += [nn.Linear(size, size), nn.BatchNorm1d(size), nn.ReLU()]
    layers += [nn.Linear(size, pixels), nn.Tanh(), nn.Unflatten(1, (1, 28, 28))]
    with training.isolated(seed):
        generator = Conditional(nn.Sequential(*layers), Labels(CLASSES), latent=LATENT)
        return generator, spectral(critic(way, pixels, size))


def critic(way: str, pixels: int, size: int) -> nn.Module:
    if way == "projection":
        body = nn.Sequential(nn.Flatten(), *mlp(pixels, 1, width=size)[:-1])
        return Projection(body, width=size, classes=CLASSES)
    labels = Labels(CLASSES, width=32 if way == "embedding" else None)
    return Joint(mlp(pixels + labels.width, 1, width=size), labels)


def run(name: str, way: str, seed: str) -> dict[str, Any]:
    """One game: `UPDATES` at full step size, then a quarter as many at a fifth of it, in which it comes to rest."""
    began, (game, _, _) = time.perf_counter(), parts(name)
    generator, judged_by = players(way, seed=int(seed))
    for steps, lr in ((UPDATES, LR), (UPDATES // 4, LR / 5)):
        rates = {"optimizer": adam(lr=lr), "critic_optimizer": adam(lr=2 * lr)}
        play(generator, judged_by, data.pairs(game), HINGE, steps=steps, batch=BATCH, seed=int(seed) + steps, **rates)
    seconds = round(time.perf_counter() - began)
    return {"way": way, "seed": int(seed), **measure(generator, name), "seconds": seconds}


def measure(generator: Conditional, name: str) -> dict[str, Any]:
    judge, (_, _, test) = judge_of(name), parts(name)
    asked = torch.arange(CLASSES).repeat_interleave(PER_CLASS)
    x = generator.given(asked, rng=training.rng(5))
    obeys = metrics.obedience(judge.probabilities(x), asked)
    some = slice(None, None, PER_CLASS // 100)  # 100 of each class
    varies = metrics.variety(x[some], asked[some], test.images[:2_000], test.labels[:2_000])
    _, rest = held_out(name)
    distance = metrics.frechet_distance(judge.features(x[some]), judge.features(rest)).value
    return {
        "obedience": round(obeys.value, 4),
        "by_class": rounded(obeys.by_class),
        "variety": rounded(varies),
        "distance": round(distance, 4),
    }


def floor(name: str) -> dict[str, Any]:
    """What test images reach, that were neither learned from nor compared with: scores to set the samples' beside."""
    judge = judge_of(name)
    thousand, rest = held_out(name)
    right = metrics.obedience(judge.probabilities(parts(name)[2].images), parts(name)[2].labels)
    return {
        "accuracy": round(judge.accuracy, 4),
        "accuracy_by_class": rounded(right.by_class),
        "floor": round(metrics.frechet_distance(judge.features(thousand), judge.features(rest)).value, 4),
    }


def held_out(name: str) -> tuple[Tensor, Tensor]:
    """1,000 test images and the other 9,000, divided at random: the first test images of MNIST are the easier ones."""
    test = parts(name)[2]
    order = torch.randperm(len(test), generator=training.rng(0))
    return test.images[order[:1_000]], test.images[order[1_000:]]


def rounded(values: Tensor) -> list[float]:
    return [round(value, 4) for value in values.tolist()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", choices=SETS)
    parser.add_argument("--seeds", type=int, default=2)
    arguments = parser.parse_args()
    name, seeds = arguments.data, arguments.seeds
    torch.set_num_threads(1)
    command = f"python -m experiments.conditional_images {name} --seeds {seeds}"
    grid = [(name, way, str(seed)) for seed in range(seeds) for way in WAYS]
    about, rows = cells.run(__file__, command, grid, run)
    hashes = {file: source.sha256 for file, source in SETS[name][1].items()}
    setting = {"updates": UPDATES + UPDATES // 4, "width": WIDTH, "latent": LATENT, "batch": BATCH, "lr": LR}
    result = {"metric": METRIC, "setting": setting, "data_sha256": hashes, **about, **floor(name), "rows": rows}
    print(record.write(f"conditional_images_{name}", result))


if __name__ == "__main__":
    main()
