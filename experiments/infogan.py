"""Section 4.3: InfoGAN, and the same game whose generator is not charged, on digits and clothing, several seeds.

    python -m experiments.infogan digits [--seeds 10]
    python -m experiments.infogan mnist [--seeds 3]

Writes `results/infogan_<data>.json`, for Fashion-MNIST, whose licence (MIT) allows it, also a picture. May be
interrupted: finished games are kept under `_build/runs`.
"""

from __future__ import annotations

import argparse
import time
from functools import cache, partial
from typing import Any, NamedTuple

import matplotlib.pyplot as plt
import torch
from scipy.stats import spearmanr
from torch import Tensor, nn

from genmodels import data, metrics, plots, training
from genmodels.adversarial import (
    Auxiliary,
    Codes,
    Conditional,
    adam,
    fitted,
    information,
    information_bound,
    mlp,
    play,
)
from genmodels.data.images import FASHION_MNIST, MNIST
from genmodels.plots.figures import tile

from . import cells, record

GAMES = ("InfoGAN", "not charged")
CODES = Codes(10, continuous=2)
METRIC = (
    "L1: bound on I(c1; x) in nats by the critic's head, of 5,000 fresh samples; L23: the same for both continuous "
    "codes, std fitted on other samples; reader: bound on I(c1; x) by a new network trained on the finished generator; "
    "made: share of samples whose class, says a classifier, is the one matched to c1; nats: mutual information of c1 "
    "and that class; real: share of held-out images whose class is the one matched to the head's opinion; rank: "
    "Spearman's correlation of c2 and c3 with slant, width and ink, per category; explained: share of the variance of "
    "slant, width and ink between values of c1, and within a category between ten bins of c2 and of c3; beyond: for "
    "the code set to +-1, +-1.5, +-2, the share of samples still in the class they had at 0, and the classifier's "
    "confidence; distance: squared Fréchet distance of 5,000 samples from the training images in that classifier"
)


class Size(NamedTuple):
    """How large networks and games are on one data set."""

    width: int
    latent: int
    steps: int
    judge: int


SIZES = {
    "digits": Size(width=128, latent=16, steps=1_500, judge=400),
    "mnist": Size(width=256, latent=32, steps=3_000, judge=800),
    "fashion_mnist": Size(width=256, latent=32, steps=3_000, judge=800),
}


@cache
def sets(name: str) -> tuple[data.ImageSet, data.ImageSet]:
    """Training and held-out images."""
    if name == "digits":
        return metrics.held_out(data.digits())
    load = data.mnist if name == "mnist" else data.fashion_mnist
    return load(), load("test")


@cache
def judge(name: str) -> metrics.Classifier:
    train, test = sets(name)
    return metrics.classifier(train, test, steps=SIZES[name].judge)


# --- players ---------------------------------------------------------------------------------------------------------


def players(shape: tuple[int, int, int], size: Size, *, seed: int) -> tuple[Conditional, Auxiliary]:
    pixels, width = shape[0] * shape[1] * shape[2], size.width
    with training.isolated(seed):
        layers: list[nn.Module] = []
        for inputs in (size.latent + CODES.width, width):
            layers += [nn.Linear(inputs, width), nn.BatchNorm1d(width), nn.ReLU()]
        network = nn.Sequential(*layers, nn.Linear(width, pixels), nn.Tanh(), nn.Unflatten(1, shape))
        body = nn.Sequential(nn.Flatten(), mlp(pixels, width, width=width, depth=1), nn.LeakyReLU(0.2))
        return Conditional(network, CODES, latent=size.latent), Auxiliary(body, width=width, outputs=CODES.width)


def game(name: str, which: str, *, seed: int, steps: int) -> tuple[Conditional, Auxiliary]:
    """The head always learns to read the codes; only InfoGAN's generator learns to write them."""
    train, _ = sets(name)
    generator, critic = players(train.shape, SIZES[name], seed=seed)
    term = partial(information, codes=CODES)
    charged = [term] if which == "InfoGAN" else []
    play(generator, critic, train, steps=steps, batch=128, seed=seed, penalties=[term], generator_terms=charged)
    return generator, critic


# --- what is measured ------------------------------------------------------------------------------------------------


def drawn(generator: Conditional, n: int, *, seed: int) -> tuple[Tensor, Tensor]:
    """n samples with their codes."""
    with training.evaluating(generator):
        return generator(*generator.noise(n, rng=training.rng(seed)))


def infer(critic: Auxiliary, x: Tensor) -> Tensor:
    with training.evaluating(critic):
        return critic.infer(x)


def reader(generator: Conditional, *, width: int, steps: int) -> float:
    """What a new Q, trained on the finished generator, reads of c1: a bound in nats, on fresh samples."""
    pixels, stream = drawn(generator, 1, seed=0)[0].numel(), training.rng(3)
    with training.isolated(4):
        network = nn.Sequential(nn.Flatten(), mlp(pixels, CODES.width, width=width))
    optimizer = adam()(network.parameters())
    for _ in range(steps):
        with training.evaluating(generator):
            x, c = generator(*generator.noise(128, rng=stream))
        optimizer.zero_grad()
        (-sum(information_bound(CODES, network(x), c), torch.zeros(()))).backward()
        optimizer.step()
    x, c = drawn(generator, 5_000, seed=5)
    with torch.no_grad():
        return information_bound(CODES, network(x), c)[0].item()


def meaning(x: Tensor, c: Tensor) -> dict[str, Any]:
    """What the codes do to slant, width and ink: ranks per category, and shares of variance."""
    kind, measured = c[:, :10].argmax(dim=1), metrics.strokes(x)
    rank, explained = [], [[metrics.explained(kind, value) for value in measured]]
    for code in c[:, 10:].T:
        each = [[float(spearmanr(code[kind == k], v[kind == k])[0]) for k in range(10)] for v in measured]
        rank.append([[round(r, 3) for r in row] for row in each])
        bins = ((code + 1) * 5).long().clamp(0, 9)
        inside = [v - torch.stack([v[kind == k].mean() for k in range(10)])[kind] for v in measured]
        explained.append([metrics.explained(bins, value) for value in inside])
    return {"rank": rank, "explained": [[round(share, 4) for share in row] for row in explained]}


def beyond(generator: Conditional, classifier: metrics.Classifier) -> list[dict[str, Any]]:
    """Correction E-60: both continuous codes inside, at the edge of, and outside the range that was trained."""
    z, c = generator.noise(1_000, rng=training.rng(6))
    rows = []
    for size in (0.0, 0.5, 1.0, 1.5, 2.0):
        kept, sure = [], []
        for code, sign in ((10, -1), (10, 1), (11, -1), (11, 1)):
            at, zero = c.clone(), c.clone()
            at[:, code], zero[:, code] = sign * size, 0.0
            with training.evaluating(generator):
                before, after = (classifier.probabilities(generator(z, set_to)[0]) for set_to in (zero, at))
            kept.append((before.argmax(1) == after.argmax(1)).double().mean().item())
            sure.append(after.amax(dim=1).mean().item())
        rows.append({"size": size, "kept": round(sum(kept) / 4, 4), "confidence": round(sum(sure) / 4, 4)})
    return rows


def measure(name: str, which: str, seed: str) -> dict[str, Any]:
    (train, test), classifier, began = sets(name), judge(name), time.process_time()
    generator, critic = game(name, which, seed=int(seed), steps=SIZES[name].steps)
    seconds = time.process_time() - began
    x, c = drawn(generator, 5_000, seed=1)
    other, their_codes = drawn(generator, 5_000, seed=2)
    codes = fitted(CODES, infer(critic, other), their_codes)
    kinds, rest = information_bound(codes, infer(critic, x), c)
    count = partial(metrics.contingency, groups=10, classes=10)
    made = count(c[:, :10].argmax(dim=1), classifier.probabilities(x).argmax(dim=1))
    real = count(infer(critic, test.images)[:, :10].argmax(dim=1), test.labels)
    features = classifier.features(train.images[:10_000]), classifier.features(x)
    numbers = {
        "L1": kinds.item(),
        "L23": rest.item(),
        "std": codes.std,
        "reader": reader(generator, width=SIZES[name].width, steps=1_000),
        "made": metrics.matching(made).share,
        "nats": metrics.mutual_information(made),
        "real": metrics.matching(real).share,
        "distance": metrics.frechet_distance(*features).value,
    }
    if name == "fashion_mnist" and seed == "0":
        picture(generator, which)
    row = {"game": which, "seed": int(seed), "seconds": round(seconds, 1)}
    row |= {key: round(value, 4) for key, value in numbers.items()}
    return {**row, **meaning(x, c), "beyond": beyond(generator, classifier), "table": made.tolist()}


def sweep(generator: Conditional, *, code: int, rows: int = 4) -> Tensor:
    """Ten pictures in a row that differ in one code: all categories, or a continuous code from -2 to 2."""
    z, c = generator.noise(rows, rng=training.rng(8))
    z, c = (part.repeat_interleave(10, dim=0) for part in (z, c))
    if code == 0:
        c[:, :10] = torch.eye(10).repeat(rows, 1)
    else:
        c[:, 9 + code] = torch.linspace(-2, 2, 10).repeat(rows)
    with training.evaluating(generator):
        return generator(z, c)[0]


def picture(generator: Conditional, which: str) -> None:
    """Seed 0: c1 over all categories, c2 and c3 from -2 to 2, at four noise vectors."""
    plots.use_style()
    figure, axes = plt.subplots(1, 3, figsize=(7.2, 1.2))
    for code, ax in enumerate(axes):
        ax.imshow(tile(sweep(generator, code=code), columns=10).squeeze(-1).numpy(), vmin=0, vmax=1)
        ax.set_title(["$c_1$: ten categories", "$c_2$ from -2 to 2", "$c_3$ from -2 to 2"][code])
        ax.axis("off")
    name = f"infogan_fashion_mnist_{which.replace(' ', '_').lower()}.png"
    figure.savefig(record.RESULTS / name, dpi=150, metadata={"Software": None})
    plt.close(figure)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", choices=SIZES)
    parser.add_argument("--seeds", type=int, default=3)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    name, size = arguments.data, SIZES[arguments.data]
    command = f"python -m experiments.infogan {name} --seeds {arguments.seeds}"
    grid = [(name, which, str(seed)) for seed in range(arguments.seeds) for which in GAMES]
    about, rows = cells.run(__file__, command, grid, measure)
    sources = {"mnist": MNIST, "fashion_mnist": FASHION_MNIST}.get(name, {})
    about |= {"metric": METRIC, "size": size._asdict(), "classifier_accuracy": round(judge(name).accuracy, 4)}
    about["data_sha256"] = {file: source.sha256 for file, source in sources.items()}
    print(record.write(f"infogan_{name}", {**about, "rows": rows}))


if __name__ == "__main__":
    main()
