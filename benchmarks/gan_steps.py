"""Our GAN steps against loops written in the manner of PyTorch-GAN, on the same networks, data and updates.

    python -m benchmarks.gan_steps [--rounds 7] [--steps 60]

Peer and ours alternate in one process; printed are medians of the ratio (peer's seconds / ours) per round, so that a
machine that slows down slows both. Then the price of a gradient penalty: a penalised critic step over a plain one.

The peer's manner (eriklindernoren/PyTorch-GAN, gan.py and dcgan.py): torchvision's MNIST behind a DataLoader, that is
each image turned into a PIL image, resized, made a tensor and normalised by itself, then collated; labels made anew in
every step; the optimisers' defaults; losses read with `.item()`. In the peer's favour: it shares one batch of samples
between both players, where Algorithm 13.1 draws noise for each.
"""

from __future__ import annotations

import argparse
import statistics

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from benchmarks.timing import wall_seconds
from genmodels import training
from genmodels.adversarial import (
    NON_SATURATING,
    WASSERSTEIN,
    Generator,
    adam,
    critic_step,
    dcgan_critic,
    dcgan_generator,
    gradient_penalty,
    image_critic,
    image_generator,
    play,
)
from genmodels.data import ImageSet

SHAPE = (1, 28, 28)
BATCH = 64
Players = tuple[Generator, nn.Module]


def images() -> ImageSet:
    """Random pixels of MNIST's size: what they show costs nothing, so no download is needed."""
    rng = training.rng(0)
    return ImageSet(torch.rand(10_000, *SHAPE, generator=rng) * 2 - 1, torch.zeros(10_000, dtype=torch.long))


def mlps() -> Players:
    with training.isolated(0):
        return image_generator(SHAPE), image_critic(SHAPE, dropout=0.3)


def convolutions() -> Players:
    with training.isolated(0):
        return dcgan_generator(SHAPE, width=32), dcgan_critic(SHAPE, width=32)


def ours(players: Players, data: ImageSet, steps: int) -> None:
    play(*players, data, NON_SATURATING, steps=steps, batch=BATCH, optimizer=adam(lr=2e-4))


class RowByRow(Dataset):
    """What torchvision's `MNIST(transform=Compose([Resize(28), ToTensor(), Normalize([0.5], [0.5])]))` does per row."""

    def __init__(self, data: ImageSet) -> None:
        self.pixels = ((data.images + 1) * 127.5).to(torch.uint8).squeeze(1)
        self.targets = data.labels

    def __len__(self) -> int:
        return len(self.pixels)

    def __getitem__(self, i: int) -> tuple[Tensor, int]:
        picture = Image.fromarray(self.pixels[i].numpy())
        array = np.array(picture, copy=True).reshape(28, 28, 1)  # Resize(28) leaves 28 pixels as they are
        tensor = torch.from_numpy(array).permute(2, 0, 1).contiguous().to(torch.get_default_dtype()).div(255)
        mean, std = torch.as_tensor([0.5]), torch.as_tensor([0.5])
        return tensor.clone().sub_(mean[:, None, None]).div_(std[:, None, None]), int(self.targets[i])


def in_the_peers_manner(players: Players, data: ImageSet, steps: int) -> None:
    generator, critic = players
    loader = DataLoader(RowByRow(data), batch_size=BATCH, shuffle=True, drop_last=True)
    adversarial_loss = nn.BCELoss()
    optimizers = [torch.optim.Adam(p.parameters(), lr=2e-4, betas=(0.5, 0.999)) for p in players]
    done = 0
    while done < steps:
        for real, _labels in loader:
            valid, fake = torch.ones(BATCH, 1), torch.zeros(BATCH, 1)
            optimizers[0].zero_grad()
            samples = generator(torch.randn(BATCH, generator.latent))
            g_loss = adversarial_loss(torch.sigmoid(critic(samples)), valid)
            g_loss.backward()
            optimizers[0].step()
            optimizers[1].zero_grad()
            on_real = adversarial_loss(torch.sigmoid(critic(real)), valid)
            on_fake = adversarial_loss(torch.sigmoid(critic(samples.detach())), fake)
            d_loss = (on_real + on_fake) / 2
            d_loss.backward()
            optimizers[1].step()
            _ = d_loss.item(), g_loss.item()
            done += 1
            if done == steps:
                return


def penalty_price(steps: int) -> float:
    """Seconds of critic steps with the gradient penalty over seconds without, on the convolutional pair."""
    with training.isolated(0):
        generator, critic = dcgan_generator(SHAPE, width=32), dcgan_critic(SHAPE, width=32, norm=None)
    rng, data = training.rng(0), images()
    by = torch.optim.Adam(critic.parameters(), lr=1e-4)

    def run(**control: object) -> float:
        def one() -> Tensor:
            real, z = data.sample((BATCH,), rng=rng), generator.noise(BATCH, rng=rng)
            return critic_step(generator, critic, WASSERSTEIN, by, real, z, rng=rng, **control)  # type: ignore[arg-type]

        return wall_seconds(lambda: [one() for _ in range(steps)])

    run()
    return run(penalties=(gradient_penalty,)) / run()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--steps", type=int, default=60)
    arguments = parser.parse_args()
    torch.set_num_threads(2)
    data = images()
    for name, make in (("MLP", mlps), ("DCGAN", convolutions)):
        peer, mine = make(), make()
        for warm in (in_the_peers_manner, ours):
            warm(make(), data, 5)
        ratios = [
            wall_seconds(lambda: in_the_peers_manner(peer, data, arguments.steps))  # noqa: B023
            / wall_seconds(lambda: ours(mine, data, arguments.steps))  # noqa: B023
            for _ in range(arguments.rounds)
        ]
        print(
            f"{name:6} peer / ours: {statistics.median(ratios):.2f}   (rounds {min(ratios):.2f} to {max(ratios):.2f})"
        )
    prices = [penalty_price(max(5, arguments.steps // 4)) for _ in range(arguments.rounds)]
    spread = f"({min(prices):.2f} to {max(prices):.2f})"
    print(f"gradient penalty / plain critic step: {statistics.median(prices):.2f}   {spread}")


if __name__ == "__main__":
    main()
