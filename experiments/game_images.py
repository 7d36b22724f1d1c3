"""Section 2.1 at full scale: the game on MNIST and Fashion-MNIST, several seeds.

    python -m experiments.game_images mnist [--seeds 3]

Writes `results/game_images_<data>.json`. For Fashion-MNIST, whose licence (MIT) allows it, also a picture of
samples over training time; MNIST's origin states no licence, so no picture made from it is stored.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import torch

from genmodels import data, metrics, plots, training
from genmodels.adversarial import NON_SATURATING, image_critic, image_generator, play
from genmodels.data.images import FASHION_MNIST, MNIST

from . import record

SETS = {"mnist": (data.mnist, MNIST), "fashion_mnist": (data.fashion_mnist, FASHION_MNIST)}
UPDATES = (0, 100, 1_000, 5_000, 10_000)
METRIC = (
    "there: mean Euclidean distance of 1,000 samples to the nearest of the 60,000 training images; back: of the first "
    "1,000 training images to the nearest sample; both divided by the mean distance of the first 1,000 training images "
    "to their nearest other one; closest: the smallest distance there; rarest: share of the rarest class by the label "
    "of the nearest image"
)


def run(images: data.ImageSet, *, seed: int, checkpoint: Path) -> tuple[list[dict[str, Any]], dict[int, torch.Tensor]]:
    """One game; what was measured at each of `UPDATES`, and the samples."""
    began = time.perf_counter()
    where = training.device()
    with training.isolated(seed):
        generator = image_generator(images.shape, latent=32).to(where)
        critic = image_critic(images.shape, dropout=0.3).to(where)
    history = play(
        generator,
        critic,
        images,
        NON_SATURATING,
        steps=UPDATES[-1],
        batch=64,
        seed=seed,
        watch=lambda G, _: {"samples": G(G.noise(1_000, rng=training.rng(5)))},
        watch_at=UPDATES,
        checkpoint=checkpoint,
    )
    seconds = time.perf_counter() - began
    samples = {step: seen["samples"] for step, seen in history.watched.items()}
    return [{"seed": seed, "updates": step, **measure(samples[step], images)} for step in UPDATES] + [
        {"seed": seed, "seconds": round(seconds)}
    ], samples


def measure(samples: torch.Tensor, images: data.ImageSet) -> dict[str, float]:
    there, which = metrics.nearest(samples, images.images)
    back, _ = metrics.nearest(images.images[:1_000], samples)
    share = images.labels[which].bincount(minlength=10) / len(samples)
    ratios = torch.stack([there.mean(), back.mean(), there.min()]) / metrics.spacing(images.images)
    values = [*ratios.tolist(), share.min().item()]
    return {name: round(value, 4) for name, value in zip(("there", "back", "closest", "rarest"), values, strict=True)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", choices=SETS)
    parser.add_argument("--seeds", type=int, default=3)
    arguments = parser.parse_args()
    load, sources = SETS[arguments.data]
    images = load()
    command = f"python -m experiments.game_images {arguments.data} --seeds {arguments.seeds}"
    hashes = {name: source.sha256 for name, source in sources.items() if name.startswith("train")}
    about = {"metric": METRIC, "data_sha256": hashes, **record.provenance(command)}
    rows: list[dict[str, Any]] = []
    for seed in range(arguments.seeds):
        checkpoint = record.ROOT / "_build/runs" / f"game_images_{arguments.data}_{seed}.pt"
        found, samples = run(images, seed=seed, checkpoint=checkpoint)
        rows += found
        checkpoint.unlink()  # it served its run; the next one may be of other code
        if seed == 0 and arguments.data == "fashion_mnist":
            picture(samples, images)
        print(f"seed {seed}: {found[-2]}", flush=True)
    print(record.write(f"game_images_{arguments.data}", {**about, "rows": rows}))


def picture(samples: dict[int, torch.Tensor], images: data.ImageSet) -> None:
    plots.use_style()
    panels = {f"{step:,} updates": samples[step][:20] for step in UPDATES[1:]}
    figure = plots.strips(panels | {"data": images.images[:20]})
    figure.savefig(record.RESULTS / "game_images_fashion_mnist.png", dpi=150, metadata={"Software": None})


if __name__ == "__main__":
    main()
