"""Convolutional networks: the published shapes and sizes, the architecture's rules, its initial weights."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from genmodels import training
from genmodels.adversarial import (
    NON_SATURATING,
    Generator,
    critic_step,
    dcgan_critic,
    dcgan_generator,
    generator_step,
    keras_critic,
    keras_generator,
    layer_norm,
)
from genmodels.data import ImageSet, digits
from mutants import mutants, refusal, rejects

Shape = tuple[int, int, int]
Pair = Callable[[Shape], tuple[nn.Module, nn.Module]]


def count(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def grid_shapes(network: nn.Module, x: Tensor) -> list[tuple[int, int, int]]:
    """Height, width and channels after every layer that changes them, where there is a grid; the paper's notation."""
    seen: list[tuple[int, int, int]] = []
    for layer in network:  # type: ignore[attr-defined]
        x = layer(x)
        if x.ndim == 4 and (not seen or (*x.shape[2:], x.shape[1]) != seen[-1]):
            seen.append((x.shape[2], x.shape[3], x.shape[1]))
    return seen


# --- shapes ----------------------------------------------------------------------------------------------------------


def test_the_generator_has_the_papers_shapes() -> None:
    generator = dcgan_generator((3, 64, 64), latent=100, width=128)
    shapes = grid_shapes(generator.network, torch.randn(2, 100, generator=training.rng(0)))
    assert shapes == [(4, 4, 1024), (8, 8, 512), (16, 16, 256), (32, 32, 128), (64, 64, 3)]


@pytest.mark.parametrize("shape", [(1, 8, 8), (1, 28, 28), (3, 32, 32), (3, 64, 64), (2, 6, 6)])
@pytest.mark.parametrize("constant", [False, True])
def test_any_size(shape: Shape, constant: bool) -> None:
    generator = dcgan_generator(shape, latent=5, width=4, constant=constant)
    critic = dcgan_critic(shape, width=4, constant=constant)
    images = generator(torch.randn(3, 5, generator=training.rng(0)))
    assert images.shape == (3, *shape)
    assert images.abs().max() <= 1
    assert critic(images).shape == (3, 1)


def test_parameters_are_those_of_the_formula() -> None:
    """4 x 4 kernels; a bias only where no normalisation follows; two numbers per normalised channel."""
    generator, critic = dcgan_generator((1, 28, 28), latent=100, width=64), dcgan_critic((1, 28, 28), width=64)
    assert count(generator) == 100 * 128 * 49 + 2 * 128 + 16 * 128 * 64 + 2 * 64 + (16 * 64 + 1)
    assert count(critic) == (16 + 1) * 64 + 16 * 64 * 128 + 2 * 128 + (128 * 49 + 1)


@pytest.mark.parametrize("shape", [(1, 7, 7), (1, 8, 16), (3, 4, 4), (1, 2, 2)])
def test_other_sizes_are_refused(shape: Shape) -> None:
    for build in (dcgan_generator, dcgan_critic):
        assert "crop or resize" in refusal(ValueError, lambda build=build: build(shape))


# --- the rules: strides, no pooling; normalisation everywhere but at the images; tanh, and no sigmoid ----------------


def dcgan(shape: Shape) -> tuple[nn.Module, nn.Module]:
    return dcgan_generator(shape, width=4).network, dcgan_critic(shape, width=4)


def check_rules(pair: Pair) -> None:
    generator, critic = (list(network) for network in pair((1, 16, 16)))  # type: ignore[call-overload]
    for layer in (*generator, *critic):
        assert not isinstance(layer, nn.MaxPool2d | nn.AvgPool2d | nn.Upsample), "strides in the place of pooling"
    ups = [layer for layer in generator if isinstance(layer, nn.ConvTranspose2d)]
    downs = [layer for layer in critic if isinstance(layer, nn.Conv2d)]
    assert all(layer.stride == (2, 2) and layer.kernel_size[0] % 2 == 0 for layer in (*ups, *downs))
    assert isinstance(generator[-1], nn.Tanh) and generator[-2] is ups[-1], "the output is not normalised"
    assert not isinstance(critic[1], nn.BatchNorm2d), "the input layer is not normalised"
    for layer in ups[:-1]:
        assert isinstance(generator[generator.index(layer) + 1], nn.BatchNorm2d)
    for layer in downs[1:]:
        assert isinstance(critic[critic.index(layer) + 1], nn.BatchNorm2d)
    assert any(isinstance(layer, nn.ReLU) for layer in generator)
    assert all(layer.negative_slope == 0.2 for layer in critic if isinstance(layer, nn.LeakyReLU))
    assert isinstance(critic[-1], nn.Linear), "a score, not a probability"
    assert all(layer.eps <= 1e-3 for layer in (*generator, *critic) if isinstance(layer, nn.BatchNorm2d))


def changed(edit: Callable[[nn.Module, nn.Module], object]) -> Pair:
    def build(shape: Shape) -> tuple[nn.Module, nn.Module]:
        generator, critic = dcgan(shape)
        edit(generator, critic)
        return generator, critic

    return build


RULE_BREAKERS: dict[str, Pair] = {
    "sigmoid in the critic": changed(lambda _, c: c.append(nn.Sigmoid())),
    "sigmoid in the generator": changed(lambda g, _: g.__setitem__(-1, nn.Sigmoid())),
    "output normalised": changed(lambda g, _: g.insert(len(g) - 1, nn.BatchNorm2d(1))),
    "input normalised": changed(lambda _, c: c.insert(1, nn.BatchNorm2d(4))),
    "pooling": changed(lambda _, c: c.insert(2, nn.MaxPool2d(1))),
    "3 x 3 kernels, stride 2": changed(lambda g, _: g.__setitem__(-2, nn.ConvTranspose2d(4, 1, 3, 2, 1, 1))),
    "momentum as eps": lambda shape: (  # eriklindernoren/PyTorch-GAN, issue 116
        dcgan_generator(shape, width=4, norm=lambda c: nn.BatchNorm2d(c, 0.8)).network,
        dcgan_critic(shape, width=4),
    ),
    "no normalisation": lambda shape: (
        dcgan_generator(shape, width=4, norm=None).network,
        dcgan_critic(shape, width=4, norm=None),
    ),
}


def test_the_rules_of_dcgan() -> None:
    check_rules(dcgan)


@mutants(RULE_BREAKERS)
def test_the_rules_of_dcgan_reject(mutant: Pair) -> None:
    rejects(check_rules, mutant)


# --- initial weights -------------------------------------------------------------------------------------------------


def check_initial(build: Callable[[], nn.Module]) -> None:
    """Standard deviation .02 to five standard errors, around 0 or, for the gains of normalisation, around 1."""
    with training.isolated(0):
        network = build()
    for layer in network.modules():
        if isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d | nn.BatchNorm2d):
            weight = layer.weight.detach()
            centre, slack = float(isinstance(layer, nn.BatchNorm2d)), 5 * 0.02 / math.sqrt(weight.numel())
            assert abs(weight.mean() - centre) < slack, layer
            assert abs(weight.std() - 0.02) < slack, layer


def with_torchs_own_weights() -> nn.Module:
    critic = dcgan_critic((1, 16, 16), width=32)
    for layer in critic:
        if isinstance(layer, nn.Conv2d):
            layer.reset_parameters()
    return critic


def with_gains_around_zero() -> nn.Module:  # `normal_(weight, 0, .02)` for every layer, normalisation included
    critic = dcgan_critic((1, 16, 16), width=32)
    for layer in critic.modules():
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.normal_(layer.weight, 0, 0.02)
    return critic


def with_variance_for_deviation() -> nn.Module:
    critic = dcgan_critic((1, 16, 16), width=32)
    for layer in critic:
        if isinstance(layer, nn.Conv2d):
            nn.init.normal_(layer.weight, 0, math.sqrt(0.02))
    return critic


def test_initial_weights() -> None:
    check_initial(partial(dcgan_critic, (1, 32, 32), width=32))
    check_initial(partial(dcgan_generator, (1, 32, 32), width=32))


@mutants({f.__name__: f for f in (with_torchs_own_weights, with_gains_around_zero, with_variance_for_deviation)})
def test_initial_weights_reject(mutant: Callable[[], nn.Module]) -> None:
    rejects(check_initial, mutant)


# --- rows that must not see each other -------------------------------------------------------------------------------


def check_row_by_row(critic: nn.Module) -> None:
    """The slope of one row's score in another row is 0, in training mode: what a gradient penalty needs."""
    x = torch.randn(4, 1, 16, 16, generator=training.rng(0)).requires_grad_()
    (gradient,) = torch.autograd.grad(critic(x)[0, 0], x)
    assert gradient[0].abs().max() > 0
    assert gradient[1:].abs().max() < 1e-9


def test_layer_normalisation_keeps_rows_apart() -> None:
    check_row_by_row(dcgan_critic((1, 16, 16), width=4, norm=layer_norm))
    check_row_by_row(dcgan_critic((1, 16, 16), width=4, norm=None))


@mutants({"batch normalisation": dcgan_critic((1, 16, 16), width=4)})  # GDL_code, issue 98; Keras-GAN, issue 48
def test_layer_normalisation_keeps_rows_apart_rejects(mutant: nn.Module) -> None:
    rejects(check_row_by_row, mutant)


# --- data and generator share one range ------------------------------------------------------------------------------


def check_range(images: Tensor) -> None:
    """Driven to both ends, the last layer of the generator reaches the ends of the data."""
    generator = dcgan_generator(tuple(images.shape[1:]), width=4)
    last = generator.network[-2]
    with torch.no_grad():
        last.weight.zero_()  # type: ignore[union-attr, operator]
        ends = []
        for bias in (-100.0, 100.0):
            last.bias.fill_(bias)  # type: ignore[union-attr, operator]
            ends.append(generator(torch.zeros(2, 100)).mean())
    assert abs(ends[0] - images.min()) <= 0.1 and abs(ends[1] - images.max()) <= 0.1


def test_digits_have_the_range_of_tanh() -> None:
    check_range(digits().images)


@mutants({"data in [0, 1]": lambda x: (x + 1) / 2, "data in [0, 255]": lambda x: (x + 1) * 127.5})  # fchollet, issue 7
def test_digits_have_the_range_of_tanh_rejects(mutant: Callable[[Tensor], Tensor]) -> None:
    rejects(check_range, mutant(digits().images))


# --- the course's Keras example (correction E-26) --------------------------------------------------------------------


def running(network: nn.Module) -> int:
    """Keras counts running means and variances as parameters that are not trained."""
    return sum(buffer.numel() for name, buffer in network.named_buffers() if "running" in name)


def test_keras_pair_has_the_published_sizes() -> None:
    generator, critic = keras_generator(), keras_critic()
    assert count(generator) == 5_263_875
    assert count(generator) + running(generator) == 5_276_035
    assert count(critic) == 83_841 and running(critic) == 0


def test_keras_pair_has_the_published_shapes() -> None:
    generator, critic = keras_generator(), keras_critic()
    assert grid_shapes(generator.network, torch.randn(2, 100))[::2] == [
        (4, 4, 256),
        (8, 8, 128),
        (16, 16, 64),
        (32, 32, 3),
    ]
    assert critic(generator(torch.randn(2, 100))).shape == (2, 1)


def check_same_padding(conv: nn.Module) -> None:
    """Keras' "same" at stride 2 and size 3: output i sees inputs 2i, 2i + 1, 2i + 2, the last beyond the far edge."""
    x = torch.zeros(1, 1, 8, 8).requires_grad_()
    seen = conv(x)
    assert seen.shape == (1, 1, 4, 4)
    (gradient,) = torch.autograd.grad(seen[0, 0, 1, 1], x)
    rows = (gradient[0, 0] != 0).any(dim=1).nonzero().flatten()
    assert rows.tolist() == [2, 3, 4]


def same(layers: list[nn.Module]) -> nn.Module:
    for layer in layers:
        if isinstance(layer, nn.Conv2d):
            nn.init.ones_(layer.weight)
    return nn.Sequential(*layers)


def test_keras_critic_pads_as_keras_does() -> None:
    pad, conv = keras_critic()[:2]
    check_same_padding(same([pad, nn.Conv2d(1, 1, conv.kernel_size, stride=conv.stride)]))


@mutants({"padding=1": same([nn.Conv2d(1, 1, 3, stride=2, padding=1)])})
def test_keras_critic_pads_as_keras_does_rejects(mutant: nn.Module) -> None:
    rejects(check_same_padding, mutant)


def test_keras_generator_is_the_transpose_of_that_convolution() -> None:
    """<conv(x), y> = <x, up(y)> with shared weights: the two paddings belong together."""
    stream = training.rng(0)
    up, crop = keras_generator().network[-3:-1]
    down = nn.Conv2d(3, 64, 3, stride=2, bias=False)
    with torch.no_grad():
        down.weight.copy_(up.weight.transpose(0, 1).transpose(0, 1))
        x, y = torch.randn(2, 3, 32, 32, generator=stream), torch.randn(2, 64, 16, 16, generator=stream)
        left = (down(nn.functional.pad(x, (0, 1, 0, 1))) * y).sum()
        right = (x * (crop(up(y)) - up.bias[:, None, None])).sum()
    assert_close(left, right, rtol=1e-4, atol=1e-3)


def test_each_step_moves_one_player() -> None:
    """What the Keras example gets wrong: its "generator" steps train the critic, or fit pictures to a label."""
    with training.isolated(0):
        generator, critic = keras_generator(), keras_critic()
    real, z = torch.rand(8, 3, 32, 32, generator=training.rng(1)), generator.noise(8, rng=training.rng(2))
    by_generator, by_critic = (
        torch.optim.Adam(p.parameters(), lr=2e-4, betas=(0.5, 0.999)) for p in (generator, critic)
    )

    def moved(network: nn.Module, step: Callable[[], object]) -> list[bool]:
        before = [p.detach().clone() for p in network.parameters()]
        step()
        return [not torch.equal(p, b) for p, b in zip(network.parameters(), before, strict=True)]

    def critics() -> object:
        return critic_step(generator, critic, NON_SATURATING, by_critic, real, z)

    def generators() -> object:
        return generator_step(generator, critic, NON_SATURATING, by_generator, z)

    assert not any(moved(critic, generators)) and all(moved(generator, generators))
    assert not any(moved(generator, critics)) and all(moved(critic, critics))
    assert isinstance(generator, Generator) and isinstance(digits(), ImageSet)
