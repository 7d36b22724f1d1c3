"""Networks: parameter counts, the range they reach, their batch normalisation, and sampling that leaves no trace."""

from __future__ import annotations

import inspect
import math
import os
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from genmodels import training
from genmodels.adversarial import Generator, image_critic, image_generator, mlp, networks
from genmodels.data import ImageSet, digits, mnist
from genmodels.data.images import MNIST
from mutants import mutants, rejects

Build = Callable[[], nn.Module]

EVERY_NETWORK: dict[str, Build] = {
    "mlp": lambda: mlp(2, 1),
    "image_generator": lambda: image_generator((1, 28, 28)),
    "image_critic": lambda: image_critic((1, 28, 28)),
}


def test_every_builder_is_tested_here() -> None:
    public = inspect.getmembers(networks, inspect.isfunction)
    builders = {name for name, f in public if f.__module__ == networks.__name__ and not name.startswith("_")}
    assert builders == set(EVERY_NETWORK)


# --- sizes -----------------------------------------------------------------------------------------------------------


def count(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def dense(*sizes: int) -> int:
    """Weights and biases of fully connected layers of these sizes."""
    return sum((a + 1) * b for a, b in pairwise(sizes))


def test_image_networks_have_the_published_sizes() -> None:
    generator, critic = image_generator((1, 28, 28)), image_critic((1, 28, 28))
    assert count(generator) == dense(100, 256, 512, 784) + 2 * (256 + 512) == 561_168
    assert count(critic) == dense(784, 512, 256, 1) == 533_505


def test_image_networks_at_another_size() -> None:
    shape = (3, 8, 6)
    generator, critic = image_generator(shape, latent=7, widths=(16,)), image_critic(shape, widths=(16, 4))
    assert count(generator) == dense(7, 16, 144) + 2 * 16
    images = generator(torch.randn(5, 7))
    assert images.shape == (5, *shape)
    assert critic(images).shape == (5, 1)


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_mlp_has_as_many_hidden_layers_as_it_says(depth: int) -> None:
    network = mlp(3, 2, width=5, depth=depth)
    assert count(network) == dense(3, *[5] * depth, 2)
    assert isinstance(network[-1], nn.Linear), "the output must be linear: a score is any number"


def test_image_critic_returns_any_number() -> None:
    """A sigmoid at the end, as in the source, would be applied a second time by the losses."""
    critic = image_critic((1, 8, 8)).eval()
    scores = critic(1e4 * torch.randn(64, 1, 8, 8, generator=training.rng(0)))
    assert scores.min() < -1
    assert scores.max() > 1


# --- batch normalisation: its second positional argument is eps, not the momentum ------------------------------------


def check_eps(build: Build) -> None:
    for layer in build().modules():
        if isinstance(layer, nn.modules.batchnorm._BatchNorm):
            assert layer.eps <= 1e-3, f"{layer}"


@pytest.mark.parametrize("build", EVERY_NETWORK.values(), ids=EVERY_NETWORK)
def test_batch_normalisation_has_a_small_eps(build: Build) -> None:
    check_eps(build)


def test_the_check_of_eps_has_something_to_see() -> None:
    layers = [m for build in EVERY_NETWORK.values() for m in build().modules() if isinstance(m, nn.BatchNorm1d)]
    assert len(layers) == 2


def with_momentum_as_eps() -> nn.Module:  # eriklindernoren/PyTorch-GAN, issue 116
    return nn.Sequential(nn.Linear(8, 64), nn.BatchNorm1d(64, 0.8), nn.ReLU())


@mutants({"momentum as eps": with_momentum_as_eps})
def test_batch_normalisation_has_a_small_eps_rejects(mutant: Build) -> None:
    rejects(check_eps, mutant)


# --- data and generator share one range ------------------------------------------------------------------------------


def saturated(generator: Generator) -> Tensor:
    """Outputs where the last linear layer is driven to both ends: the range that the generator can reach."""
    last = [m for m in generator.modules() if isinstance(m, nn.Linear)][-1]
    with torch.no_grad():
        last.weight.zero_()
        last.bias.copy_(1000.0 * (-1) ** torch.arange(len(last.bias)))
    return generator.sample((2,), rng=training.rng(0))


def check_range(case: tuple[Tensor, Generator]) -> None:
    data, generator = case
    made = saturated(generator)
    assert made.shape[1:] == data.shape[1:]
    assert abs(made.min() - data.min()) <= 0.1, f"data begin at {data.min():.2f}, the generator at {made.min():.2f}"
    assert abs(made.max() - data.max()) <= 0.1, f"data end at {data.max():.2f}, the generator at {made.max():.2f}"


def sigmoid_generator(shape: tuple[int, int, int]) -> Generator:
    network = nn.Sequential(nn.Linear(100, math.prod(shape)), nn.Sigmoid(), nn.Unflatten(1, shape))
    return Generator(network, latent=100)


def check_image_set(images: ImageSet) -> None:
    check_range((images.images, image_generator(images.shape)))


def test_digits_have_the_range_of_the_generator() -> None:
    check_image_set(digits())


def test_mnist_has_the_range_of_the_generator() -> None:
    mirror = os.environ.get("GENMODELS_DATA")
    if not mirror or not (Path(mirror) / MNIST["t10k-images-idx3"].path).exists():
        pytest.skip("set GENMODELS_DATA to a mirror with mnist/ to run this test; it downloads nothing")
    check_image_set(mnist("test"))


@mutants(
    {
        "sigmoid, data in [-1, 1]": lambda x: (x, sigmoid_generator((1, 8, 8))),
        "tanh, data in [0, 1]": lambda x: ((x + 1) / 2, image_generator((1, 8, 8))),  # fchollet's notebooks, issue 7
        "tanh, data in [0, 255]": lambda x: ((x + 1) * 127.5, image_generator((1, 8, 8))),
        "linear output": lambda x: (x, Generator(nn.Sequential(mlp(9, 64), nn.Unflatten(1, (1, 8, 8))), latent=9)),
    }
)
def test_digits_have_the_range_of_the_generator_rejects(mutant: Callable[[Tensor], tuple[Tensor, Generator]]) -> None:
    rejects(check_range, mutant(digits().images))


# --- sampling --------------------------------------------------------------------------------------------------------


def small_generator() -> Generator:
    with training.isolated(0):
        network = image_generator((1, 4, 4), latent=3, widths=(8, 8))
        network.network.append(nn.Dropout(0.5))  # a layer that would draw from the global stream
        for _ in range(3):
            network(torch.randn(16, 3))  # running statistics that are not those of the batch
    return network


Sample = Callable[[Generator, tuple[int, ...], torch.Generator], Tensor]


def sample(generator: Generator, shape: tuple[int, ...], rng: torch.Generator) -> Tensor:
    return generator.sample(shape, rng=rng)


def check_sample_leaves_no_trace(draw: Sample) -> None:
    generator = small_generator()
    generator.network[1].eval()  # a layer frozen on purpose
    before = {k: v.clone() for k, v in generator.state_dict().items()}
    modes, stream = [m.training for m in generator.modules()], torch.get_rng_state()
    x = draw(generator, (4, 5), training.rng(1))
    assert x.shape == (4, 5, 1, 4, 4)
    assert not x.requires_grad
    assert all(torch.equal(v, before[k]) for k, v in generator.state_dict().items()), "sampling changed the network"
    assert [m.training for m in generator.modules()] == modes, "sampling changed a mode"
    assert torch.equal(torch.get_rng_state(), stream), "sampling drew from the global stream"


def check_sample_is_row_by_row(draw: Sample) -> None:
    """In evaluation mode a sample does not depend on its neighbours: all at once are what they are one by one."""
    generator = small_generator()
    z = generator.noise(50, rng=training.rng(1))
    together = draw(generator, (50,), training.rng(1))
    alone = torch.cat([generator.eval()(row) for row in z.split(1)]).detach()
    assert_close(together, alone)


def sample_in_training_mode(generator: Generator, shape: tuple[int, ...], rng: torch.Generator) -> Tensor:
    with torch.no_grad():
        x = generator(generator.noise(math.prod(shape), rng=rng))
    return x.reshape(*shape, *x.shape[1:])


def sample_with_gradients(generator: Generator, shape: tuple[int, ...], rng: torch.Generator) -> Tensor:
    modes = [(m, m.training) for m in generator.modules()]
    x = generator.eval()(generator.noise(math.prod(shape), rng=rng))
    for m, mode in modes:
        m.training = mode
    return x.reshape(*shape, *x.shape[1:])


def sample_and_train_again(generator: Generator, shape: tuple[int, ...], rng: torch.Generator) -> Tensor:
    x = sample(generator.eval(), shape, rng)
    generator.train()
    return x


def sample_from_the_global_stream(generator: Generator, shape: tuple[int, ...], rng: torch.Generator) -> Tensor:
    torch.randn(1)
    return sample(generator, shape, rng)


def test_sampling_leaves_no_trace() -> None:
    check_sample_leaves_no_trace(sample)


@mutants(
    {
        f.__name__: f
        for f in (sample_in_training_mode, sample_with_gradients, sample_and_train_again, sample_from_the_global_stream)
    }
)
def test_sampling_leaves_no_trace_rejects(mutant: Sample) -> None:
    rejects(check_sample_leaves_no_trace, mutant)


def test_samples_do_not_depend_on_their_neighbours() -> None:
    check_sample_is_row_by_row(sample)


@mutants({"training mode": sample_in_training_mode})
def test_samples_do_not_depend_on_their_neighbours_rejects(mutant: Sample) -> None:
    rejects(check_sample_is_row_by_row, mutant)


def test_a_generator_is_an_implicit_density() -> None:
    generator = Generator(mlp(3, 2), latent=3)
    assert not hasattr(generator, "log_prob")
    first, again, other = (generator.sample((6,), rng=training.rng(seed)) for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_noise_is_standard_normal() -> None:
    """From 40,000 numbers: 5 standard errors are .025 for the mean and .036 for the variance."""
    z = Generator(mlp(4, 1), latent=4).noise(10_000, rng=training.rng(0))
    assert z.shape == (10_000, 4)
    assert abs(z.mean()) < 0.025
    assert abs(z.var() - 1) < 0.036
