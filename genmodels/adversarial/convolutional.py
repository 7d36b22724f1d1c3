"""The DCGAN pair for images of any size: strided convolutions down, fractionally strided ones up, no pooling."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise

import torch
from torch import nn

from .networks import Generator, leaky_relu

Norm = Callable[[int], nn.Module]
"""Makes a normalisation layer for a number of channels; None stands for no normalisation."""

layer_norm: Norm = partial(nn.GroupNorm, 1)
"""Layer normalisation for images: each row by itself, so that a gradient penalty stays a penalty per row.

:meta hide-value:
"""


def _halvings(size: int) -> int:
    """How often `size` can be halved before it is odd or 4: twice for 28 (to 7), four times for 64 (to 4)."""
    return 0 if size % 2 or size <= 4 else 1 + _halvings(size // 2)


def channels_of(shape: Sequence[int], width: int, constant: bool) -> list[int]:
    """Channels from the image's side inwards: they double with every halving, unless `constant`."""
    halvings = _halvings(shape[1])
    if shape[1] != shape[2] or not halvings:
        raise ValueError(
            f"images of {shape[1]} x {shape[2]} pixels do not fit; sides must be equal, even and at least 6 "
            "(64, 32, 28, 16, 8 ...): crop or resize them."
        )
    return [width * (1 if constant else 2**i) for i in range(halvings)]


def dcgan_generator(
    shape: Sequence[int],
    *,
    latent: int = 100,
    width: int = 64,
    constant: bool = False,
    norm: Norm | None = nn.BatchNorm2d,
    activation: Callable[[], nn.Module] = nn.ReLU,
) -> Generator:
    """Noise, projected to a small image of many channels, then doubled by fractionally strided convolutions; tanh.

    With `shape=(3, 64, 64)` and `width=128` the sizes are the paper's: 100 -> 4x4x1024 -> 8x8x512 -> 16x16x256 ->
    32x32x128 -> 64x64x3. Every layer but the last is normalised. Kernels are 4 x 4, which divide evenly by the stride.
    Source: Radford et al. 2016, section 3 and figure 1 (5 x 5 kernels there).
    """
    channels = channels_of(shape, width, constant)[::-1]
    start = shape[1] // 2 ** len(channels)
    project = nn.Linear(latent, channels[0] * start * start, bias=norm is None)
    layers: list[nn.Module] = [project, nn.Unflatten(1, (channels[0], start, start)), *_after(channels[0], norm)]
    for a, b in zip(channels, [*channels[1:], None], strict=True):
        up = partial(nn.ConvTranspose2d, kernel_size=4, stride=2, padding=1)
        layers.append(activation())
        layers += [up(a, shape[0]), nn.Tanh()] if b is None else [up(a, b, bias=norm is None), *_after(b, norm)]
    return Generator(dcgan_weights(nn.Sequential(*layers)), latent=latent)


def dcgan_critic(
    shape: Sequence[int],
    *,
    width: int = 64,
    constant: bool = False,
    norm: Norm | None = nn.BatchNorm2d,
    activation: Callable[[], nn.Module] = leaky_relu,
) -> nn.Sequential:
    """The mirror image: strided convolutions that halve the sides, and a linear score; the first is not normalised.

    Source: Radford et al. 2016, section 3; a score where the paper has a sigmoid.
    """
    channels = channels_of(shape, width, constant)
    layers: list[nn.Module] = []
    for i, (a, b) in enumerate(zip([shape[0], *channels], channels, strict=False)):
        bare = norm is None or i == 0
        layers += [
            nn.Conv2d(a, b, 4, stride=2, padding=1, bias=bare),
            *_after(b, None if i == 0 else norm),
            activation(),
        ]
    end = shape[1] // 2 ** len(channels)
    return dcgan_weights(nn.Sequential(*layers, nn.Flatten(), nn.Linear(channels[-1] * end * end, 1)))


def _after(channels: int, norm: Norm | None) -> list[nn.Module]:
    return [] if norm is None else [norm(channels)]


def dcgan_weights(network: nn.Sequential) -> nn.Sequential:
    """Draw every weight from N(0, 0.02^2) and every normalisation's gain from N(1, 0.02^2), from torch's own stream.

    Source: Radford et al. 2016, section 3 ("Details of adversarial training").
    """
    with torch.no_grad():
        for layer in network.modules():
            if isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
                layer.weight.normal_(0, 0.02)
            elif isinstance(layer, nn.BatchNorm2d | nn.GroupNorm):
                layer.weight.normal_(1, 0.02)
    return network


def keras_generator(*, latent: int = 100) -> Generator:
    """Four fully connected layers and three transposed convolutions, to 32 x 32 in colour: the course's Keras example.

    5,263,875 trainable parameters; Keras counts 5,276,035, with the running means and variances. What Keras means is
    written out here: its normalisation keeps 0.8 of the old statistics, which is `momentum=0.2` in PyTorch, and its
    "same" crops a row and a column at the far side, where `padding=1, output_padding=1` would crop at the near one.

    Source: `build_generator` of the course's Keras example; PyTorch's initial weights.
    """
    layers: list[nn.Module] = []
    for a, b in pairwise([latent, 256, 512, 1024, 4096]):
        layers += [nn.Linear(a, b), leaky_relu(), nn.BatchNorm1d(b, eps=1e-3, momentum=0.2)]
    layers.append(nn.Unflatten(1, (256, 4, 4)))
    for a, b in pairwise([256, 128, 64]):
        layers += [*_keras_up(a, b), leaky_relu(), nn.BatchNorm2d(b, eps=1e-3, momentum=0.2)]
    return Generator(nn.Sequential(*layers, *_keras_up(64, 3), nn.Tanh()), latent=latent)


def keras_critic() -> nn.Sequential:
    """Two strided convolutions with dropout and a linear score, for 32 x 32 in colour: 83,841 parameters.

    Source: `build_discriminator` of the course's Keras example.
    """
    layers: list[nn.Module] = []
    for a, b in pairwise([3, 64, 128]):
        pad = nn.ZeroPad2d((0, 1, 0, 1))  # Keras' "same" at stride 2: a row and a column at the far side only
        layers += [pad, nn.Conv2d(a, b, 3, stride=2), leaky_relu(), nn.Dropout(0.3)]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(8 * 8 * 128, 1))


def _keras_up(a: int, b: int) -> list[nn.Module]:
    return [nn.ConvTranspose2d(a, b, 3, stride=2), nn.ZeroPad2d((0, -1, 0, -1))]
