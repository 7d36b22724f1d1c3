"""Section 2.4 at full scale: DCGAN on Fashion-MNIST, MNIST, or any folder (or zip) of pictures at 64 x 64.

    python -m experiments.dcgan fashion_mnist [--seeds 3] [--updates 2000] [--width 32] [--batch 64] [--lr 2e-4]
    python -m experiments.dcgan path/to/pictures --seeds 1

Writes `results/dcgan_<name>.json` and a picture of samples over training time; no picture of MNIST, whose origin states
no licence. An interrupted run goes on from its checkpoint. Sets with labels are judged by a classifier trained on them,
others by their 32 largest principal components.
"""

from __future__ import annotations

import argparse
import hashlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from sklearn.decomposition import PCA
from torch import Tensor

from genmodels import data, metrics, plots, training
from genmodels.adversarial import adam, dcgan_critic, dcgan_generator, play
from genmodels.data.images import FASHION_MNIST, MNIST

from . import record

SETS = {"mnist": (data.mnist, MNIST), "fashion_mnist": (data.fashion_mnist, FASHION_MNIST)}
SAMPLES, REFERENCE = 1_000, 10_000
METRIC = (
    f"Frechet distance of {SAMPLES:,} samples, in evaluation mode and from the same noise at every moment, from the "
    f"first {REFERENCE:,} training images (or all); floor: the same of {SAMPLES:,} held-out images (for MNIST and "
    "Fashion-MNIST the first test images, else of a sixth of the set); IS: exp E KL(p(y|x) || p(y)) of the classifier"
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", help=f"one of {', '.join(SETS)}, or a path")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--updates", type=int, default=2_000)
    parser.add_argument("--width", type=int, default=32)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--lr", type=float, default=2e-4)
    chosen = parser.parse_args()
    name, train, test, hashes = load(chosen.data)
    options = [f"--{key} {getattr(chosen, key)}" for key in ("seeds", "updates", "width", "batch", "lr")]
    about = {"metric": METRIC, "data_sha256": hashes, "images": len(train), "shape": list(train.shape)}
    about |= record.provenance(" ".join(["python -m experiments.dcgan", name, *options]))
    measure, seen = eye(train, test)
    about |= {"classifier": seen, "floor": measure(test.images[:SAMPLES])}
    moments = [0, *(chosen.updates * k // 20 for k in (1, 2, 4, 8, 12, 16, 20))]
    rows: list[dict[str, Any]] = []
    for seed in range(chosen.seeds):
        samples, seconds = run(train, name, moments, seed=seed, chosen=chosen)
        rows += [{"seed": seed, "updates": step, **measure(images)} for step, images in samples.items()]
        rows.append({"seed": seed, "seconds": seconds})
        print(f"seed {seed}: {rows[-2]}, {seconds} s", flush=True)
        if seed == 0 and name != "mnist":
            picture(name, samples, train)
        print(record.write(f"dcgan_{name}", {**about, "rows": rows}), flush=True)


def load(chosen: str) -> tuple[str, data.ImageSet, data.ImageSet, dict[str, str]]:
    """Name, images to learn from, images to test with, and the hashes of the files they came from."""
    if chosen in SETS:
        read, sources = SETS[chosen]
        return chosen, read("train"), read("test"), {key: source.sha256 for key, source in sources.items()}
    path = Path(chosen)
    train, test = metrics.held_out(data.folder(path), share=1 / 6)
    hashes = {path.name: hashlib.sha256(path.read_bytes()).hexdigest()} if path.is_file() else {}
    return path.stem, train, test, hashes


def eye(train: data.ImageSet, test: data.ImageSet) -> tuple[Callable[[Tensor], dict[str, Any]], str]:
    """What measures a set of images, and how good its sight is."""
    real = train.images[:REFERENCE]
    if train.labels.max() == 0:
        components = PCA(32, svd_solver="randomized", random_state=0).fit(real.flatten(1).numpy())

        def project(x: Tensor) -> Tensor:
            return torch.from_numpy(components.transform(x.flatten(1).numpy()))

        reference = project(real)
        share = components.explained_variance_ratio_.sum()
        seen = f"32 principal components of the pixels, {share:.1%} of their variance"
        return lambda x: scores(metrics.frechet_distance(project(x), reference, features="32-components")), seen

    judge = metrics.classifier(train, test, steps=1_500)
    reference = judge.features(real)

    def both(x: Tensor) -> dict[str, Any]:
        return scores(
            metrics.frechet_distance(judge.features(x), reference),
            metrics.inception_style_score(judge.probabilities(x)),
        )

    return both, f"three convolutions, held-out accuracy {judge.accuracy:.1%}"


def scores(*found: metrics.Score) -> dict[str, Any]:
    return {score.name: round(score.value, 4) for score in found}


def run(
    train: data.ImageSet, name: str, moments: list[int], *, seed: int, chosen: argparse.Namespace
) -> tuple[dict[int, Tensor], int]:
    """One game; the samples at each moment, and its seconds. Its checkpoint serves until it is done."""
    began = time.perf_counter()
    checkpoint = record.ROOT / "_build/runs" / f"dcgan_{name}_{seed}.pt"
    where = training.device()
    with training.isolated(seed):
        generator = dcgan_generator(train.shape, width=chosen.width).to(where)
        critic = dcgan_critic(train.shape, width=chosen.width).to(where)
    history = play(
        generator,
        critic,
        train,
        steps=moments[-1],
        batch=chosen.batch,
        optimizer=adam(lr=chosen.lr),
        seed=seed,
        watch=lambda G, _: {"samples": draw(G)},
        watch_at=moments,
        checkpoint=checkpoint,
        checkpoint_every=100,
    )
    checkpoint.unlink(missing_ok=True)
    return {step: seen["samples"] for step, seen in history.watched.items()}, round(time.perf_counter() - began)


def draw(generator: torch.nn.Module) -> Tensor:
    """The same noise at every moment, in parts that fit a small memory."""
    return torch.cat([generator(z) for z in generator.noise(SAMPLES, rng=training.rng(5)).split(100)])  # type: ignore[operator]


def picture(name: str, samples: dict[int, Tensor], train: data.ImageSet) -> None:
    plots.use_style()
    steps = [step for k, step in enumerate(samples) if k in (1, 3, 4, 7)]
    panels = {f"{step:,} updates": samples[step][:20] for step in steps}
    figure = plots.strips(panels | {"data": train.images[:20]})
    figure.savefig(record.RESULTS / f"dcgan_{name}.png", dpi=150, metadata={"Software": None})


if __name__ == "__main__":
    main()
