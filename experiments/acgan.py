"""Section 4.2: what the weight of AC-GAN's class term buys and costs on real images, beside a critic of pairs.

    python -m experiments.acgan [--data digits] [--seeds 3]

Writes `results/acgan_DATA.json`. `--data fashion_mnist` wants GENMODELS_DATA, or the network.
"""

from __future__ import annotations

import argparse
import time
from functools import cache, partial
from typing import Any

import torch
from torch import nn

from genmodels import data, metrics, training
from genmodels.adversarial import Auxiliary, Conditional, Joint, Labels, adam, classification, mlp, play

from . import cells, record

METRIC = (
    "obedience: share of samples that a judge, trained on other images, sees as the class that was asked for; within: "
    "variance within classes in pixels, over that of test images; distance: Fréchet distance in the judge's features "
    "to the test images. 100 samples per class. weight joint: no class term, a critic of pairs"
)
WEIGHTS = ("0", "0.1", "1", "10", "joint")
SETTINGS: dict[str, dict[str, int]] = {
    "digits": {"steps": 1_500, "batch": 128, "width": 128, "judge": 400},
    "fashion_mnist": {"steps": 2_500, "batch": 64, "width": 256, "judge": 1_000},
}


def splits(name: str) -> tuple[data.ImageSet, data.ImageSet]:
    """Images to learn from, and images that judge: 40 % of the digits, because there are few."""
    if name == "digits":
        return metrics.held_out(data.digits(), share=0.4, seed=0)
    return data.fashion_mnist("train"), data.fashion_mnist("test")


@cache
def judge(name: str) -> metrics.Classifier:
    """A classifier that learned from the judging images, and was tested on the others."""
    train, test = splits(name)
    return metrics.classifier(test, train, steps=SETTINGS[name]["judge"])


def generator(shape: tuple[int, int, int], *, width: int, latent: int = 16) -> Conditional:
    layers: list[nn.Module] = []
    for inputs in (latent + 10, width):
        layers += [nn.Linear(inputs, width), nn.BatchNorm1d(width), nn.ReLU()]
    layers += [nn.Linear(width, torch.Size(shape).numel()), nn.Tanh(), nn.Unflatten(1, shape)]
    return Conditional(nn.Sequential(*layers), Labels(10), latent=latent)


def critic(pixels: int, *, weight: str, width: int) -> nn.Module:
    if weight == "joint":
        return Joint(mlp(pixels + 10, 1, width=width), Labels(10))
    layers = [nn.Flatten(), nn.Linear(pixels, width), nn.LeakyReLU(0.2), nn.Linear(width, width), nn.LeakyReLU(0.2)]
    return Auxiliary(nn.Sequential(*layers), width=width, outputs=10)


def measure(name: str, weight: str, seed: str) -> dict[str, Any]:
    train, test = splits(name)
    eye, settings, began = judge(name), SETTINGS[name], time.process_time()
    with training.isolated(int(seed)):
        makes = generator(train.shape, width=settings["width"])
        judges = critic(train.images[0].numel(), weight=weight, width=settings["width"])
    terms = [] if weight == "joint" else [partial(classification, weight=float(weight))]
    play(
        makes,
        judges,
        data.pairs(train),
        steps=settings["steps"],
        batch=settings["batch"],
        optimizer=adam(lr=1e-3),
        penalties=terms,
        generator_terms=terms,
        seed=int(seed),
    )
    asked = torch.arange(10).repeat_interleave(100)
    made = makes.given(asked, rng=training.rng(99))
    obeyed = (eye.probabilities(made).argmax(dim=1) == asked).double().mean().item()
    distance = metrics.frechet_distance(eye.features(test.images[:1_000]), eye.features(made)).value
    return {
        "weight": weight,
        "seed": int(seed),
        "obedience": round(obeyed, 4),
        "within": round(metrics.within_classes(made, asked) / metrics.within_classes(test.images, test.labels), 4),
        "distance": round(distance, 3),
        "seconds": round(time.process_time() - began, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="digits", choices=list(SETTINGS))
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    grid = [(options.data, weight, str(seed)) for weight in WEIGHTS for seed in range(options.seeds)]
    command = f"python -m experiments.acgan --data {options.data} --seeds {options.seeds}"
    about, rows = cells.run(__file__, command, grid, measure)
    judged = {"judge accuracy": round(judge(options.data).accuracy, 4), **SETTINGS[options.data]}
    print(record.write(f"acgan_{options.data}", {"metric": METRIC, **about, **judged, "rows": rows}))


if __name__ == "__main__":
    main()
