"""Residual pairs: the identity at the start, the size of the signal, the paper's depth, rows scored one by one."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from genmodels import training
from genmodels.adversarial import Generator, layer_norm, mlp, slopes
from genmodels.adversarial.residual import (
    Residual,
    bottleneck,
    depth,
    he_weights,
    residual_critic,
    residual_generator,
    residual_mlp,
)
from mutants import mutants, rejects

Block = Callable[..., nn.Module]


# --- one block -------------------------------------------------------------------------------------------------------


def check_block(block: Block) -> None:
    """x + s f(x) on numbers of both signs, for a branch that starts with the in-place ReLU people put there."""
    x = torch.linspace(-2, 2, 12, dtype=torch.float64).reshape(3, 4)
    branch = nn.Sequential(nn.ReLU(), nn.Linear(4, 4, dtype=torch.float64))
    change = branch(x)
    for scale in (0.3, 1.0, 0.0):
        assert_close(block(branch, scale=scale)(x), x + scale * change)


class Variant(nn.Module):
    """A block whose forward pass is given."""

    def __init__(
        self, forward: Callable[[nn.Module, float, Tensor], Tensor], branch: nn.Module, *, scale: float
    ) -> None:
        super().__init__()
        self.branch, self.scale, self.way = branch, scale, forward

    def forward(self, x: Tensor) -> Tensor:
        return self.way(self.branch, self.scale, x)


BLOCK_MUTANTS: dict[str, Callable[[nn.Module, float, Tensor], Tensor]] = {
    "no shortcut": lambda f, s, x: s * f(x),
    "no scale": lambda f, s, x: x + f(x),
    "the sum is scaled": lambda f, s, x: s * (x + f(x)),
    "the shortcut is scaled": lambda f, s, x: s * x + f(x),
    "an average": lambda f, s, x: (1 - s) * x + s * f(x),
    "ReLU after the sum": lambda f, s, x: (x + s * f(x)).relu(),  # the first residual networks, he2016deep
    "rectified shortcut": lambda f, s, x: x.relu() + s * f(x),  # nn.ReLU(inplace=True) at the head of the branch
}


def test_a_block_adds_to_its_input() -> None:
    check_block(Residual)


@mutants({name: partial(Variant, way) for name, way in BLOCK_MUTANTS.items()})
def test_a_block_adds_to_its_input_rejects(mutant: Block) -> None:
    rejects(check_block, mutant)


def test_the_input_keeps_its_value() -> None:
    x = torch.randn(5, 8, 4, 4, generator=training.rng(0))
    before = x.clone()
    bottleneck(8, 8)(x)
    assert torch.equal(x, before)


@pytest.mark.parametrize(
    ("a", "b", "resample", "side"), [(8, 8, None, 4), (8, 4, "up", 8), (4, 8, "down", 2), (3, 5, None, 4)]
)
def test_shapes_of_a_bottleneck(a: int, b: int, resample: str, side: int) -> None:
    block = bottleneck(a, b, resample=resample, norm=nn.BatchNorm2d)  # type: ignore[arg-type]
    assert block(torch.zeros(2, a, 4, 4)).shape == (2, b, side, side)
    assert isinstance(block.shortcut, nn.Identity) == (resample is None and a == b)


# --- the size of the signal ------------------------------------------------------------------------------------------


def check_gain(weights: Callable[[nn.Sequential], nn.Sequential]) -> None:
    """ReLU and a layer of these weights keep the mean square, up to sampling (500 units, 200 rows)."""
    with training.isolated(0):
        layer = weights(nn.Sequential(nn.Linear(500, 500), nn.ReLU()))
        x = torch.randn(200, 500).relu()
        y = layer[0](x)
    assert_close(y.square().mean() / (2 * x.square().mean()), torch.tensor(1.0), rtol=0, atol=0.1)
    assert layer[0].bias.abs().max() == 0


def drawn(std: Callable[[int], float]) -> Callable[[nn.Sequential], nn.Sequential]:
    def weights(branch: nn.Sequential) -> nn.Sequential:
        for layer in branch:
            if isinstance(layer, nn.Linear):
                nn.init.normal_(layer.weight, std=std(layer.in_features))
                nn.init.zeros_(layer.bias)
        return branch

    return weights


def test_he_weights_keep_the_signal() -> None:
    check_gain(he_weights)


@mutants(
    {
        "torch's default": lambda branch: branch,
        "Glorot": drawn(lambda n: math.sqrt(1 / n)),
        "DCGAN's 0.02": drawn(lambda n: 0.02),
        "variance for standard deviation": drawn(lambda n: 2 / n),
    }
)
def test_he_weights_keep_the_signal_rejects(mutant: Callable[[nn.Sequential], nn.Sequential]) -> None:
    rejects(check_gain, mutant)


def check_gain_upwards(weights: Callable[[nn.Sequential], nn.Sequential]) -> None:
    """The same for a transposed convolution of stride 2, off the border: a pixel meets a quarter of the kernel."""
    with training.isolated(0):
        layer = weights(nn.Sequential(nn.ConvTranspose2d(16, 64, 4, stride=2, padding=1)))
        x = torch.randn(20, 16, 8, 8).relu()
        y = layer(x)[:, :, 1:-1, 1:-1]
    assert_close(y.square().mean() / (2 * x.square().mean()), torch.tensor(1.0), rtol=0, atol=0.1)


def by_torch(branch: nn.Sequential) -> nn.Sequential:
    """`kaiming_normal_` reads the kernel as a convolution's: it takes the outputs for inputs and forgets the stride."""
    for layer in branch:
        if isinstance(layer, nn.ConvTranspose2d):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
    return branch


def test_he_weights_keep_the_signal_upwards() -> None:
    check_gain_upwards(he_weights)


@mutants({"torch's default": lambda branch: branch, "torch's kaiming": by_torch})
def test_he_weights_keep_the_signal_upwards_rejects(mutant: Callable[[nn.Sequential], nn.Sequential]) -> None:
    rejects(check_gain_upwards, mutant)


def check_alive(critic: Callable[..., nn.Module]) -> None:
    """Thirty blocks deep and untrained, the critic still has a slope, neither vanished nor exploded."""
    with training.isolated(0):
        network = critic(2, 1, width=64, blocks=30)
    slope = slopes(network, torch.randn(50, 2, generator=training.rng(1))).median().item()
    assert 0.05 < slope < 20


def unscaled(inputs: int, outputs: int, *, width: int, blocks: int) -> nn.Module:
    return residual_mlp(inputs, outputs, width=width, blocks=blocks, scale=1.0)


def plain(inputs: int, outputs: int, *, width: int, blocks: int) -> nn.Module:
    return mlp(inputs, outputs, width=width, depth=3 * blocks, activation=nn.ReLU)


def test_a_deep_residual_critic_has_a_slope() -> None:
    check_alive(residual_mlp)


@mutants({"scale 1": unscaled, "no shortcuts": plain})
def test_a_deep_residual_critic_has_a_slope_rejects(mutant: Callable[..., nn.Module]) -> None:
    rejects(check_alive, mutant)


# --- whole networks --------------------------------------------------------------------------------------------------

PAPER = (6, 6, 6, 6, 5)


def test_the_paper_has_101_layers() -> None:
    with torch.device("meta"):
        assert depth(residual_generator((3, 64, 64), latent=128, width=32, blocks=PAPER)) == 101
        assert depth(residual_critic((3, 64, 64), width=32, blocks=PAPER)) == 101


def check_depth(count: Callable[[nn.Module], int]) -> None:
    """The longest way: three layers per block, none for a shortcut, none for a normalisation."""
    assert count(nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.ReLU(), nn.Linear(3, 1))) == 2
    assert count(bottleneck(4, 8, resample="down", norm=layer_norm)) == 3
    assert count(residual_mlp(2, 1, width=4, blocks=5)) == 17


def all_layers(network: nn.Module) -> int:
    return sum(isinstance(m, nn.Linear | nn.Conv2d | nn.ConvTranspose2d) for m in network.modules())


def weights_and_biases(network: nn.Module) -> int:
    return sum(p.ndim > 1 for p in network.parameters()) + sum(isinstance(m, nn.BatchNorm1d) for m in network.modules())


def test_depth_counts_the_longest_way() -> None:
    check_depth(depth)


@mutants({"with shortcuts": all_layers, "with normalisations": weights_and_biases})
def test_depth_counts_the_longest_way_rejects(mutant: Callable[[nn.Module], int]) -> None:
    rejects(check_depth, mutant)


@pytest.mark.parametrize(("side", "blocks"), [(8, (1, 2)), (16, (1, 0, 1)), (28, (0, 1, 0))])
def test_pairs_fit_each_other(side: int, blocks: Sequence[int]) -> None:
    generator = residual_generator((1, side, side), latent=5, width=4, blocks=blocks)
    critic = residual_critic((1, side, side), width=4, blocks=blocks)
    x = generator(torch.randn(3, 5))
    assert isinstance(generator, Generator) and x.shape == (3, 1, side, side) and x.abs().max() <= 1
    assert critic(x).shape == (3, 1)
    assert depth(generator) == depth(critic) == 3 * (sum(blocks) + len(blocks) - 1) + 2


def check_rows_by_themselves(norm: Callable[[int], nn.Module] | None) -> None:
    """The score of a row does not move when another row does (trap G4: batch normalisation in the critic)."""
    with training.isolated(0):
        critic = residual_critic((1, 8, 8), width=4, blocks=(1, 1), norm=norm)
    x = torch.randn(4, 1, 8, 8, generator=training.rng(1))
    other = torch.cat([x[:3], x[3:] + 1])
    assert_close(critic(x)[:3], critic(other)[:3], rtol=0, atol=1e-5)


@pytest.mark.parametrize("norm", [layer_norm, None])
def test_rows_are_scored_by_themselves(norm: Callable[[int], nn.Module] | None) -> None:
    check_rows_by_themselves(norm)


@mutants({"batch normalisation": nn.BatchNorm2d})
def test_rows_are_scored_by_themselves_rejects(mutant: Callable[[int], nn.Module]) -> None:
    rejects(check_rows_by_themselves, mutant)


def test_blocks_that_do_not_fit_the_resolutions_are_refused() -> None:
    for make in (residual_generator, residual_critic):
        with pytest.raises(ValueError, match="2 numbers of blocks for 3 resolutions"):
            make((1, 28, 28), width=4, blocks=(1, 1))
