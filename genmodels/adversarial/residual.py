"""Very deep pairs: bottleneck blocks whose branch is added to the input at three tenths of its size."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from jaxtyping import Float
from torch import Tensor, nn

from .convolutional import Norm, channels_of
from .networks import Generator


class Residual(nn.Module):
    r"""A block that adds to its input, :math:`x+s\,f(x)`, so that a deep stack starts out close to the identity.

    Where `f` changes the shape, `shortcut` changes the input likewise. With :math:`s<1` the signal grows slowly: a
    branch of unit gain multiplies the variance by :math:`1+s^2`, which is 17 after 33 blocks of :math:`s=0.3`.

    Source: He et al. 2016; the factor 0.3 is that of Gulrajani et al. 2017 (their code).
    """

    def __init__(self, branch: nn.Module, *, shortcut: nn.Module | None = None, scale: float = 0.3) -> None:
        super().__init__()
        self.branch, self.shortcut, self.scale = branch, shortcut or nn.Identity(), scale

    def forward(self, x: Float[Tensor, "n ..."]) -> Float[Tensor, "n ..."]:
        return self.shortcut(x) + self.scale * self.branch(x)

    def extra_repr(self) -> str:
        return f"scale={self.scale}"


def bottleneck(a: int, b: int, *, resample: Literal["up", "down"] | None = None, norm: Norm | None = None) -> Residual:
    """Three convolutions, 1 x 1, 3 x 3 (4 x 4 where it resamples) and 1 x 1, the middle one on half the channels.

    ReLU comes before each convolution and the normalisation after the last. The shortcut is the identity unless the
    shape changes; then it is a 1 x 1 convolution, after doubling the pixels or on every second one.
    Source: Gulrajani et al. 2017, appendix and code (there 3 x 3 throughout, and a sub-pixel convolution upwards).
    """
    middle = _change(max(a // 2, 1), max(b // 2, 1), resample)
    branch = [nn.ReLU(), nn.Conv2d(a, max(a // 2, 1), 1), nn.ReLU(), middle, nn.ReLU()]
    branch.append(nn.Conv2d(max(b // 2, 1), b, 1, bias=norm is None))
    if norm:
        branch.append(norm(b))
    shortcut: list[nn.Module] = [nn.Upsample(scale_factor=2)] if resample == "up" else []
    if resample or a != b:
        shortcut.append(nn.Conv2d(a, b, 1, stride=2 if resample == "down" else 1))
    return Residual(he_weights(nn.Sequential(*branch)), shortcut=nn.Sequential(*shortcut))


def _change(a: int, b: int, resample: str | None) -> nn.Module:
    if resample == "up":
        return nn.ConvTranspose2d(a, b, 4, stride=2, padding=1)
    if resample == "down":
        return nn.Conv2d(a, b, 4, stride=2, padding=1)
    return nn.Conv2d(a, b, 3, padding=1)


def he_weights(branch: nn.Sequential) -> nn.Sequential:
    """Weights of variance 2 / inputs, biases 0: the size of a signal survives ReLU (He et al. 2015).

    The inputs are those of one output; of a transposed convolution's kernel a pixel meets every stride-th part.
    """
    for layer in branch:
        if isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            inputs = layer.weight[0].numel()
            if isinstance(layer, nn.ConvTranspose2d):
                inputs = layer.in_channels * math.prod(layer.kernel_size) // math.prod(layer.stride)
            nn.init.normal_(layer.weight, std=math.sqrt(2 / inputs))
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
    return branch


def _sizes(shape: Sequence[int], width: int, blocks: Sequence[int]) -> list[int]:
    """Channels per resolution, from the image's side inwards; one more than there are halvings."""
    inner = channels_of(shape, width, constant=False)
    if len(blocks) != len(inner) + 1:
        raise ValueError(
            f"{len(blocks)} numbers of blocks for {len(inner) + 1} resolutions ({shape[1]} pixels, halved "
            f"{len(inner)} times): give one number per resolution, from the smallest side to the largest."
        )
    return [*inner, 2 * inner[-1]]


def residual_generator(
    shape: Sequence[int],
    *,
    latent: int = 100,
    width: int = 32,
    blocks: Sequence[int],
    norm: Norm | None = nn.BatchNorm2d,
) -> Generator:
    """Noise, projected to the smallest side; `blocks[i]` bottlenecks per resolution, one more between two; tanh.

    `shape=(3, 64, 64), latent=128, width=32, blocks=(6, 6, 6, 6, 5)` is the 101-layer generator of the paper's grid.
    Source: Gulrajani et al. 2017, figure 2 (last row); sizes from their code, tanh of a fifth of the output included.
    """
    sizes = _sizes(shape, width, blocks)[::-1]
    side = shape[1] // 2 ** (len(sizes) - 1)
    layers: list[nn.Module] = [nn.Linear(latent, sizes[0] * side * side), nn.Unflatten(1, (sizes[0], side, side))]
    for i, (channels, n) in enumerate(zip(sizes, blocks, strict=True)):
        if i:
            layers.append(bottleneck(sizes[i - 1], channels, resample="up", norm=norm))
        layers += [bottleneck(channels, channels, norm=norm) for _ in range(n)]
    return Generator(nn.Sequential(*layers, nn.Conv2d(width, shape[0], 1), Fifth(), nn.Tanh()), latent=latent)


def residual_critic(
    shape: Sequence[int], *, width: int = 32, blocks: Sequence[int], norm: Norm | None = nn.BatchNorm2d
) -> nn.Sequential:
    """The mirror image: the same bottlenecks from the largest side to the smallest, and a linear score.

    `blocks` is given as for the generator. Under a gradient penalty use `layer_norm`, which scores rows one by one.
    """
    sizes = _sizes(shape, width, blocks)
    side = shape[1] // 2 ** (len(sizes) - 1)
    layers: list[nn.Module] = [nn.Conv2d(shape[0], width, 1)]
    for i, (channels, n) in enumerate(zip(sizes, blocks[::-1], strict=True)):
        if i:
            layers.append(bottleneck(sizes[i - 1], channels, resample="down", norm=norm))
        layers += [bottleneck(channels, channels, norm=norm) for _ in range(n)]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(sizes[-1] * side * side, 1))


class Fifth(nn.Module):
    """A fifth of the input: what many added branches have made large, tanh would otherwise cut off."""

    def forward(self, x: Float[Tensor, "n ..."]) -> Float[Tensor, "n ..."]:
        return x / 5


def residual_mlp(inputs: int, outputs: int, *, width: int = 64, blocks: int = 8, scale: float = 0.3) -> nn.Sequential:
    """The bottleneck stack for vectors: linear, then `blocks` times three layers beside the identity, then linear."""
    half = max(width // 2, 1)
    inside = [(width, half), (half, half), (half, width)]
    stack = [
        Residual(
            he_weights(nn.Sequential(*(layer for a, b in inside for layer in (nn.ReLU(), nn.Linear(a, b))))),
            scale=scale,
        )
        for _ in range(blocks)
    ]
    return nn.Sequential(nn.Linear(inputs, width), *stack, nn.Linear(width, outputs))


def depth(network: nn.Module) -> int:
    """Layers with weights on the longest way through: shortcuts and normalisations do not count."""
    if isinstance(network, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
        return 1
    parts = [network.branch] if isinstance(network, Residual) else network.children()
    return sum(depth(part) for part in parts)
