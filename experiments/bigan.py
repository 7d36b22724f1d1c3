"""Section 4.4: BiGAN beside its rivals, on the 8 x 8 digits (also ALI), MNIST and Fashion-MNIST, several seeds.

    python -m experiments.bigan [--seeds 5] [--full-seeds 2]

Writes `results/bigan.json`. No picture is stored.
"""

from __future__ import annotations

import argparse
import copy
import time
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from genmodels import data, metrics, training
from genmodels.adversarial import (
    Bidirectional,
    GaussianEncoder,
    Joint,
    adam,
    autoencoder,
    inversion,
    latent_regressor,
    mlp,
    play,
)  # fmt: skip
from genmodels.data.images import FASHION_MNIST, MNIST

from . import cells, record


class Setting(NamedTuple):
    latent: int
    width: int
    critic: int
    steps: int
    rivals: int


SETTINGS = {
    "digits": Setting(latent=10, width=128, critic=256, steps=3_000, rivals=3_000),
    "mnist": Setting(latent=50, width=256, critic=256, steps=6_000, rivals=3_000),
    "fashion_mnist": Setting(latent=50, width=256, critic=256, steps=6_000, rivals=3_000),
}
METRIC = (
    "one_nn: share of test images whose nearest training image in the features has their label; reconstruction: mean "
    "Euclidean distance of a test image and G(E(x)), pixels in [-1, 1]; shuffled: the same after G(E(x)) moved on by "
    "one row, and of the mean image to the training set's mean; latent: root mean square of E(G(z)) - z per number; "
    "correlation: of E(G(z)) with z, mean over the latent variables; digits are split 1,437 to 360 by seed 0"
)


def images(name: str) -> tuple[data.ImageSet, data.ImageSet]:
    """What to learn from, and what to test with."""
    if name == "digits":
        return metrics.held_out(data.digits())
    load = data.mnist if name == "mnist" else data.fashion_mnist
    return load("train"), load("test")


def players(shape: tuple[int, int, int], of: Setting, *, random: bool = False) -> tuple[Bidirectional, Joint]:
    """Two hidden layers each, batch normalisation in generator and encoder; the encoder's output is normalised too."""
    pixels = shape[0] * shape[1] * shape[2]

    def stack(inputs: int, outputs: int) -> list[nn.Module]:
        hidden = [(inputs, of.width), (of.width, of.width)]
        layers = [layer for a, b in hidden for layer in (nn.Linear(a, b), nn.BatchNorm1d(b), nn.ReLU())]
        return [*layers, nn.Linear(of.width, outputs)]

    generator = nn.Sequential(*stack(of.latent, pixels), nn.Tanh(), nn.Unflatten(1, shape))
    if random:
        encoder: nn.Module = GaussianEncoder(nn.Sequential(nn.Flatten(), *stack(pixels, 2 * of.latent)))
    else:
        encoder = nn.Sequential(nn.Flatten(), *stack(pixels, of.latent), nn.BatchNorm1d(of.latent, affine=False))
    return Bidirectional(generator, encoder, latent=of.latent), Joint(mlp(pixels + of.latent, 1, width=of.critic))


def one_nn(train: Tensor, labels: Tensor, test: Tensor, truth: Tensor) -> float:
    which = torch.cat([metrics.nearest(part, train).which for part in test.split(500)])
    return (labels[which] == truth).double().mean().item()


def correlation(a: Tensor, b: Tensor) -> float:
    """Pearson's, column by column, averaged."""
    a, b = (part - part.mean(dim=0) for part in (a, b))
    return ((a * b).sum(dim=0) / (a.norm(dim=0) * b.norm(dim=0)).clamp_min(1e-12)).mean().item()


def measure(
    model: Bidirectional, train: data.ImageSet, test: data.ImageSet, *, decodes: bool = True
) -> dict[str, float]:
    """Features alone, or with `decodes` the way there and back in both directions."""
    with training.isolated(0):
        found = {"one_nn": one_nn(model.encode(train.images), train.labels, model.encode(test.images), test.labels)}
        if decodes:
            again = model.reconstruct(test.images).flatten(1)
            z = model.noise(2_000, rng=training.rng(1))
            with training.evaluating(model):
                back = model.encoder(model.network(z))
            found["reconstruction"] = (again - test.images.flatten(1)).norm(dim=1).mean().item()
            found["shuffled"] = (again.roll(1, 0) - test.images.flatten(1)).norm(dim=1).mean().item()
            found["latent"] = (back - z).square().mean().sqrt().item()
            found["correlation"] = correlation(back, z)
    return found


def trained(name: str, of: Setting, train: data.ImageSet, *, seed: int, random: bool = False) -> Bidirectional:
    with training.isolated(seed):
        model, critic = players(train.shape, of, random=random)
    play(
        model, critic, train, steps=of.steps, batch=64, seed=seed,
        optimizer=adam(lr=1e-3), critic_optimizer=adam(lr=2e-3), generator_terms=[inversion],
    )  # fmt: skip
    return model


def run(name: str, seed_name: str) -> dict[str, Any]:
    """All models on one data set from one seed."""
    began, of, seed = time.process_time(), SETTINGS[name], int(seed_name)
    train, test = images(name)
    with training.isolated(seed):
        untrained, _ = players(train.shape, of)
    flat = one_nn(train.images.flatten(1), train.labels, test.images.flatten(1), test.labels)
    found: dict[str, dict[str, float]] = {"pixels": {"one_nn": flat}}
    found["mean image"] = {
        "reconstruction": (test.images - train.images.mean(dim=0)).flatten(1).norm(dim=1).mean().item()
    }
    found["random features"] = measure(untrained, train, test, decodes=False)
    bigan = trained(name, of, train, seed=seed)
    found["BiGAN"] = measure(bigan, train, test)
    if name == "digits":
        found["ALI"] = measure(trained(name, of, train, seed=seed, random=True), train, test)
    regressor = Bidirectional(bigan.network, copy.deepcopy(untrained.encoder), latent=of.latent)
    latent_regressor(regressor, steps=of.rivals, seed=seed)
    found["latent regressor"] = measure(regressor, train, test)
    auto = copy.deepcopy(untrained)
    autoencoder(auto, train, steps=of.rivals, seed=seed)
    found["autoencoder"] = measure(auto, train, test)
    rounded = {model: {key: round(value, 4) for key, value in row.items()} for model, row in found.items()}
    seconds = round(time.process_time() - began)
    updates = {"updates": of.steps, "rival_updates": of.rivals}
    return {"data": name, "seed": seed, "seconds": seconds, **updates, "models": rounded}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--full-seeds", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    grid = [("digits", str(seed)) for seed in range(arguments.seeds)]
    grid += [(name, str(seed)) for seed in range(arguments.full_seeds) for name in ("mnist", "fashion_mnist")]
    command = f"python -m experiments.bigan --seeds {arguments.seeds} --full-seeds {arguments.full_seeds}"
    about, rows = cells.run(__file__, command, grid, run)
    hashes = {
        f"{folder}/{name}": source.sha256
        for folder, sources in (("mnist", MNIST), ("fashion-mnist", FASHION_MNIST))
        for name, source in sources.items()
    }
    print(record.write("bigan", {"metric": METRIC, "data_sha256": hashes, **about, "rows": rows}))


if __name__ == "__main__":
    main()
