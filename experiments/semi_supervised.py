"""Section 4.2: how many labels a semi-supervised GAN replaces, beside the same network without unlabelled images.

    python -m experiments.semi_supervised [--data digits] [--seeds 5]

Writes `results/semi_supervised_DATA.json`. `--data mnist` and `fashion_mnist` want GENMODELS_DATA, or the network.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from genmodels import data, metrics, training
from genmodels.adversarial import FEATURES_ONLY, Generator, SemiSupervised, adam, class_loss, play, supervised
from genmodels.adversarial.classes import feature_matching
from genmodels.adversarial.pathologies import Blur

from . import cells, record

METRIC = (
    "accuracy on test images, by the weights averaged over steps. supervised: the same network, noise, optimiser "
    "and average, batches of the same size from the same labelled images, without unlabelled images, after several "
    "numbers of steps. graph: scikit-learn's "
    "LabelSpreading (k nearest neighbours, k = 7). per_class: labels per class. pool: where unlabelled images come "
    "from, all training images or only the labelled ones. wrong: share of labels replaced by another class"
)
AT = (250, 500, 1_000, 2_000)
BATCH, DECAY, LR = 64, 0.995, 3e-3  # chosen on a validation set of the digits, with two other draws of labels
STEPS = {"digits": 1_000, "mnist": 2_000, "fashion_mnist": 2_000}
GRIDS: dict[str, list[tuple[str, str, str]]] = {
    "digits": [
        *((per_class, "all", "0") for per_class in ("1", "2", "5", "10", "20", "all")),
        *(("5", "labelled", "0"), ("20", "all", "0.4")),
    ],
    "mnist": [("10", "all", "0")],
    "fashion_mnist": [("10", "all", "0")],
}


def splits(name: str) -> tuple[data.ImageSet, data.ImageSet]:
    """Images to learn from, and test images that nothing was chosen by."""
    if name == "digits":
        return metrics.held_out(data.digits(), share=0.25, seed=0)
    load = {"mnist": data.mnist, "fashion_mnist": data.fashion_mnist}[name]
    return load("train"), load("test")


def critic(pixels: int, *, width: int = 256) -> SemiSupervised:
    """Three hidden layers with Gaussian noise at the input and behind the first two."""
    layers = [nn.Flatten(), Blur(0.3), nn.Linear(pixels, width), nn.ReLU(), Blur(0.5)]
    layers += [nn.Linear(width, width), nn.ReLU(), Blur(0.5), nn.Linear(width, width // 2), nn.ReLU()]
    return SemiSupervised(nn.Sequential(*layers), width=width // 2, classes=10)


def generator(shape: tuple[int, int, int], *, width: int = 128, latent: int = 32) -> Generator:
    """Two hidden layers with batch normalisation and softplus."""
    hidden = [nn.Linear(latent, width), nn.BatchNorm1d(width), nn.Softplus()]
    hidden += [nn.Linear(width, width), nn.BatchNorm1d(width), nn.Softplus()]
    output = [nn.Linear(width, torch.Size(shape).numel()), nn.Tanh(), nn.Unflatten(1, shape)]
    return Generator(nn.Sequential(*hidden, *output), latent=latent)


def with_wrong_labels(labelled: data.Pairs, *, share: float, rng: torch.Generator) -> data.Pairs:
    """The same images; a `share` of the labels is replaced by one of the nine others."""
    which = torch.randperm(len(labelled), generator=rng)[: round(share * len(labelled))]
    labels = labelled.y.clone()
    labels[which] = (labels[which] + torch.randint(1, 10, (len(which),), generator=rng)) % 10
    return data.Pairs(labelled.x, labels)


def accuracy(network: SemiSupervised, test: data.ImageSet) -> Tensor:
    with training.evaluating(network):
        return (network.infer(test.images).argmax(dim=1) == test.labels).double().mean()


def averaged(network: nn.Module) -> AveragedModel:
    return AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(DECAY))


def semi(pool: data.ImageSet, labelled: data.Pairs, test: data.ImageSet, *, steps: int, seed: int) -> dict[str, float]:
    """Salimans' game, and the test accuracy of the critic on the way."""
    with training.isolated(seed):
        players = generator(pool.shape), critic(pool.images[0].numel())
    average = averaged(players[1])
    history = play(
        *players,
        pool,
        FEATURES_ONLY,
        steps=steps,
        batch=BATCH,
        optimizer=adam(lr=LR),
        penalties=[partial(supervised, labelled=labelled, batch=BATCH)],
        generator_terms=[feature_matching],
        project=average.update_parameters,
        seed=seed,
        watch=lambda *_: {"accuracy": accuracy(average.module, test)},
        watch_at=AT,
    )
    return {str(step): round(seen["accuracy"].item(), 4) for step, seen in history.watched.items()}


def alone(
    shape: tuple[int, ...], labelled: data.Pairs, test: data.ImageSet, *, steps: int, seed: int
) -> dict[str, float]:
    """The same network, from the same weights, on the labels alone."""
    stream, reached = training.rng(seed), {}
    with training.isolated(seed):
        generator(shape)  # type: ignore[arg-type]  # draws what it draws in `semi`, so that both critics begin alike
        network = critic(torch.Size(shape).numel())
        average, optimizer = averaged(network), adam(lr=LR)(network.parameters())
        for step in range(1, steps + 1):
            x, y = labelled.sample((BATCH,), rng=stream)
            optimizer.zero_grad()
            class_loss(network.infer(x), y).backward()
            optimizer.step()
            average.update_parameters(network)
            if step in AT:
                reached[str(step)] = round(accuracy(average.module, test).item(), 4)  # type: ignore[arg-type]
    return reached


def graph(pool: data.ImageSet, labelled: data.Pairs, test: data.ImageSet) -> float:
    """Label spreading over nearest neighbours: semi-supervised learning without any network."""
    from sklearn.semi_supervised import LabelSpreading

    x = torch.cat([labelled.x, pool.images]).flatten(1).numpy()
    y = torch.cat([labelled.y, torch.full((len(pool),), data.MISSING)]).numpy()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # an image that no label reaches has probabilities 0 / 0
        model = LabelSpreading(kernel="knn", n_neighbors=7, max_iter=100).fit(x, y)
    return round(float(model.score(test.images.flatten(1).numpy(), test.labels.numpy())), 4)


def measure(
    name: str, per_class: str, pool: str, wrong: str, seed: str, *, split: Callable[[str], Any] = splits
) -> dict[str, Any]:
    began, stream = time.process_time(), training.rng(int(seed))
    train, test = split(name)
    labelled = data.pairs(train)
    if per_class != "all":
        labelled = data.few_labels(labelled, per_class=int(per_class), rng=stream)
    labelled = with_wrong_labels(labelled, share=float(wrong), rng=stream)
    unlabelled = train if pool == "all" else data.ImageSet(labelled.x, labelled.y)
    row: dict[str, Any] = {"per_class": per_class, "pool": pool, "wrong": float(wrong), "seed": int(seed)}
    row["semi"] = semi(unlabelled, labelled, test, steps=STEPS[name], seed=int(seed))
    row["supervised"] = alone(train.shape, labelled, test, steps=STEPS[name], seed=int(seed))
    if name == "digits":
        row["graph"] = graph(unlabelled, labelled, test)
    return row | {"seconds": round(time.process_time() - began, 1)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="digits", choices=list(GRIDS))
    parser.add_argument("--seeds", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(1)
    grid = [(options.data, *cell, str(seed)) for seed in range(options.seeds) for cell in GRIDS[options.data]]
    command = f"python -m experiments.semi_supervised --data {options.data} --seeds {options.seeds}"
    about, rows = cells.run(__file__, command, grid, measure)
    settings = {"steps": STEPS[options.data], "batch": BATCH, "decay": DECAY, "lr": LR}
    print(record.write(f"semi_supervised_{options.data}", {"metric": METRIC, **about, **settings, "rows": rows}))


if __name__ == "__main__":
    main()
