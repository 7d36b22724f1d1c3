"""Draw the README's picture, `book/_static/ring.png`: section 2.1's ring at four moments. `python -m tools.cover`"""

from __future__ import annotations

import matplotlib.pyplot as plt
import torch

from genmodels import data, plots, training
from genmodels.adversarial import NON_SATURATING, Generator, mlp, play, score

from .notebooks import ROOT

MOMENTS = (0, 100, 300, 1_500)


def main() -> None:
    plots.use_style()
    torch.set_num_threads(1)
    ring, window = data.ring(modes=8), plots.mesh(half=3, points=60)
    with training.isolated(0):
        generator, critic = Generator(mlp(2, 2), latent=2), mlp(2, 1)

    def watch(generator: Generator, critic: torch.nn.Module) -> dict[str, torch.Tensor]:
        samples = generator(generator.noise(600, rng=training.rng(7)))
        return {"samples": samples, "belief": torch.sigmoid(score(critic, window))}

    history = play(generator, critic, ring, NON_SATURATING, steps=MOMENTS[-1], watch=watch, watch_at=MOMENTS)
    figure, axes = plt.subplots(1, 4, figsize=(10, 2.8))
    for ax, step in zip(axes, MOMENTS, strict=True):
        plots.field(ax, history.watched[step]["belief"], half=3)
        plots.points(ax, ring.sample((400,), rng=training.rng(2)), kind="real")
        plots.points(ax, history.watched[step]["samples"], kind="fake")
        plots.square(ax, half=3)
        ax.set_title(f"{step:,} updates")
    figure.savefig(ROOT / "book/_static/ring.png", dpi=110, metadata={"Software": None})


if __name__ == "__main__":
    main()
