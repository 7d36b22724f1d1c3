"""Section 3.4: the lecture's grid on small images, judged by a Fréchet distance in a classifier's features.

    python -m experiments.robustness_images digits [--seeds 3]
    python -m experiments.robustness_images fashion_mnist [--seeds 1]

Writes `results/robustness_images_<data>.json` and, beside it, a picture of samples of seed 0. May be interrupted:
finished cells are kept under `_build/runs`.
"""

from __future__ import annotations

import argparse
import base64
import time
from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import Any, NamedTuple, cast

import torch
from torch import nn

from genmodels import data, metrics, training
from genmodels.adversarial import (
    LEAST_SQUARES,
    NON_SATURATING,
    WASSERSTEIN,
    Generator,
    adam,
    clip,
    dcgan_critic,
    dcgan_generator,
    gradient_penalty,
    layer_norm,
    mlp,
    play,
    score,
    slopes,
)
from genmodels.adversarial.convolutional import Norm
from genmodels.adversarial.residual import depth, he_weights, residual_critic, residual_generator, residual_mlp
from genmodels.data.images import FASHION_MNIST

from . import cells, record
from .robustness_ring import rmsprop

LATENT, BATCH = 32, 64
METRIC = (
    "distance: squared Fréchet distance between the features of 1,000 samples and of the training images, in a "
    "classifier trained on them (metrics.classifier); slope: 10 %, 50 % and 90 % quantile of the critic's gradient "
    "norm at 256 samples; pull: the median norm of the gradient of the generator's loss in a sample, times 256; reach: "
    "the norm of that gradient in all of the generator's weights"
)


class Size(NamedTuple):
    """How large the networks are on one data set."""

    width: int
    crippled: int
    blocks: Sequence[int]
    residual: int
    updates: tuple[int, int, int, int]


SIZES = {
    "digits": Size(width=24, crippled=8, blocks=(), residual=64, updates=(1_000, 1_000, 800, 800)),
    "fashion_mnist": Size(width=16, crippled=16, blocks=(3, 3, 3), residual=8, updates=(1_500, 1_500, 600, 500)),
}


def sets(name: str) -> tuple[data.ImageSet, data.ImageSet]:
    """Training and held-out images."""
    if name == "digits":
        return metrics.held_out(data.digits())
    return data.fashion_mnist(), data.fashion_mnist("test")


# --- rows: pairs of networks; the critic's normalisation is the method's ---------------------------------------------

Players = Callable[[tuple[int, int, int], Size, Norm], tuple[Generator, nn.Module]]


def good(shape: tuple[int, int, int], size: Size, norm: Norm) -> tuple[Generator, nn.Module]:
    return dcgan_generator(shape, latent=LATENT, width=size.width), dcgan_critic(shape, width=size.width, norm=norm)


def bad_structure(shape: tuple[int, int, int], size: Size, norm: Norm) -> tuple[Generator, nn.Module]:
    """Correction E-54: the generator has no batch normalisation and the same, small number of filters everywhere.

    As in the paper's code its weights are then drawn by He's rule, DCGAN's being too small without a normalisation.
    """
    generator = dcgan_generator(shape, latent=LATENT, width=size.crippled, constant=True, norm=None)
    he_weights(cast(nn.Sequential, generator.network))
    return generator, dcgan_critic(shape, width=size.width, norm=norm)


def tanh_everywhere(shape: tuple[int, int, int], size: Size, norm: Norm) -> tuple[Generator, nn.Module]:
    make: dict[str, Any] = {"width": size.width, "activation": nn.Tanh}
    return dcgan_generator(shape, latent=LATENT, **make), dcgan_critic(shape, norm=norm, **make)


def mlp_generator(shape: tuple[int, int, int], size: Size, norm: Norm) -> tuple[Generator, nn.Module]:
    """Four layers of ReLU without a normalisation and with He's weights, as in the paper, 256 wide (there 512)."""
    network = he_weights(mlp(LATENT, shape[0] * shape[1] * shape[2], width=256, depth=4, activation=nn.ReLU))
    generator = Generator(nn.Sequential(network, nn.Tanh(), nn.Unflatten(1, shape)), latent=LATENT)
    return generator, dcgan_critic(shape, width=size.width, norm=norm)


def very_deep(shape: tuple[int, int, int], size: Size, norm: Norm) -> tuple[Generator, nn.Module]:
    """Convolutions where there is room for them; 8 x 8 pixels are one vector, and the stack is fully connected."""
    if not size.blocks:
        network = residual_mlp(LATENT, shape[0] * shape[1] * shape[2], width=size.residual)
        generator = Generator(nn.Sequential(network, nn.Tanh(), nn.Unflatten(1, shape)), latent=LATENT)
        return generator, nn.Sequential(
            nn.Flatten(), residual_mlp(shape[0] * shape[1] * shape[2], 1, width=size.residual)
        )
    make: dict[str, Any] = {"width": size.residual, "blocks": size.blocks}
    return residual_generator(shape, latent=LATENT, **make), residual_critic(shape, norm=norm, **make)


ARCHITECTURES: dict[str, Players] = {
    "CNN": good,
    "bad structure": bad_structure,
    "tanh everywhere": tanh_everywhere,
    "MLP generator": mlp_generator,
    "very deep": very_deep,
}

METHODS: dict[str, dict[str, Any]] = {
    "DCGAN": {"objective": NON_SATURATING, "optimizer": adam(lr=1e-3)},
    "LSGAN": {"objective": LEAST_SQUARES, "optimizer": rmsprop(5e-4)},
    "WGAN": {
        "objective": WASSERSTEIN,
        "optimizer": rmsprop(2.5e-4),
        "critic_steps": 5,
        "project": partial(clip, bound=0.01),
    },
    "WGAN-GP": {
        "objective": WASSERSTEIN,
        "optimizer": adam(lr=5e-4, betas=(0.5, 0.9)),
        "critic_steps": 5,
        "penalties": (gradient_penalty,),
    },
}
"""One setting per method for all rows: the paper's (Adam 2e-4, RMSProp 1e-4, RMSProp 5e-5 with clipping at 0.01, Adam
1e-4 with a penalty of weight 10), every rate five times as large, since there are a hundred times fewer updates."""


# --- one cell --------------------------------------------------------------------------------------------------------


@cache
def judge(name: str) -> tuple[metrics.Classifier, torch.Tensor]:
    """The classifier of a data set, and the features of the training images."""
    train, test = sets(name)
    steps = 400 if name == "digits" else 1_000
    classifier = metrics.classifier(train, test, steps=steps)
    return classifier, classifier.features(train.images[:10_000])


def distance(name: str, images: torch.Tensor) -> float:
    classifier, reference = judge(name)
    return round(metrics.frechet_distance(classifier.features(images), reference).value, 4)


def look(generator: Generator, critic: nn.Module, objective: Any) -> dict[str, torch.Tensor]:
    z = generator.noise(1_000, rng=training.rng(9))
    with torch.enable_grad():
        x = generator(z[:256])
        at_sample, *at_weights = torch.autograd.grad(
            objective.generator(score(critic, x)), [x, *generator.parameters()]
        )
        slope = slopes(critic, x).detach()
    return {
        "samples": generator(z),
        "slope": slope.quantile(torch.tensor([0.1, 0.5, 0.9])),
        "pull": at_sample.flatten(1).norm(dim=1).median() * len(x),
        "reach": torch.stack([g.norm() for g in at_weights]).norm(),
    }


def measure(name: str, architecture: str, method: str, seed: str) -> dict[str, Any]:
    """One cell: its name, its size, and its curve."""
    images, size = sets(name)[0], SIZES[name]
    norm: Norm = layer_norm if method == "WGAN-GP" else nn.BatchNorm2d
    with training.isolated(int(seed)):
        generator, critic = ARCHITECTURES[architecture](images.shape, size, norm)
    steps = size.updates[list(METHODS).index(method)]
    at = [steps * i // 8 for i in range(9)]
    row = {"architecture": architecture, "method": method, "seed": int(seed), "updates": steps}
    row["layers"] = [depth(generator), depth(critic)]
    watch = partial(look, objective=METHODS[method]["objective"])
    began = time.process_time()
    try:
        history = play(
            generator,
            critic,
            images,
            batch=BATCH,
            steps=steps,
            seed=int(seed),
            watch=watch,
            watch_at=at,
            **METHODS[method],
        )
    except FloatingPointError as error:
        return {**row, "diverged": str(error)}
    row["seconds"] = round(time.process_time() - began, 1)
    curve = [point(name, history.watched[step], step) for step in at]
    row |= {"distance": curve[-1]["distance"], "curve": curve}
    last = history.watched[at[-1]]["samples"][:12]
    return row | {"samples": base64.b64encode(((last + 1) * 127.5).round().byte().numpy().tobytes()).decode()}


def point(name: str, seen: dict[str, torch.Tensor], step: int) -> dict[str, Any]:
    numbers = {key: [float(f"{v:.3g}") for v in seen[key].flatten().tolist()] for key in ("slope", "pull", "reach")}
    return {"updates": step, "distance": distance(name, seen["samples"]), **numbers}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", choices=SIZES)
    parser.add_argument("--seeds", type=int, default=3)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    command = f"python -m experiments.robustness_images {arguments.data} --seeds {arguments.seeds}"
    seeds = range(arguments.seeds)
    grid = [(arguments.data, row, column, str(s)) for s in seeds for row in ARCHITECTURES for column in METHODS]
    about, rows = cells.run(__file__, command, grid, measure)
    train, test = sets(arguments.data)
    classifier, _ = judge(arguments.data)
    about |= {"metric": METRIC, "shape": list(train.shape), "classifier_accuracy": round(classifier.accuracy, 4)}
    about["held_out"] = distance(arguments.data, test.images[:1_000])
    if arguments.data == "fashion_mnist":
        about["data_sha256"] = {name: source.sha256 for name, source in FASHION_MNIST.items()}
    print(record.write(f"robustness_images_{arguments.data}", {**about, "rows": rows}))


if __name__ == "__main__":
    main()
