"""Worlds: the density is one, the samples are of it, and only the given stream is used."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import pytest
import torch
from scipy import stats
from torch import Tensor
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal
from torch.testing import assert_close

from genmodels.data import World, ring
from genmodels.training import rng
from mutants import mutants, rejects

Density = Callable[[World, Tensor], Tensor]
Sample = Callable[..., Tensor]

LOPSIDED = World(torch.tensor([[0.0, 0.5, 1.0], [2.0, -1.0, 0.0]]), 0.7)  # two modes in three dimensions


# --- the density -----------------------------------------------------------------------------------------------------


def check_integral(log_prob: Density) -> None:
    """A grid five times finer than a mode is wide, over a window eight widths larger than the ring."""
    world, half, n = ring(), 2.8, 280
    edge = torch.linspace(-half, half, n + 1, dtype=torch.float64)
    mass = log_prob(world, torch.cartesian_prod(edge, edge)).exp().sum() * (2 * half / n) ** 2
    assert_close(mass.item(), 1.0, rtol=0, atol=1e-3)


def reference(world: World, x: Tensor) -> Tensor:
    """The same mixture by torch.distributions, which shares no line with ours."""
    modes = Independent(Normal(world.centres.to(x), torch.tensor(world.std).to(x)), 1)
    return MixtureSameFamily(Categorical(torch.ones(len(world.centres)).to(x)), modes).log_prob(x)


def check_log_prob(log_prob: Density) -> None:
    for world in (ring(), ring(modes=3, std=0.5), LOPSIDED):
        x = 3 * torch.randn(4, 25, world.centres.shape[1], generator=rng(0), dtype=torch.float64)
        found = log_prob(world, x)
        assert found.shape == (4, 25)
        assert_close(found, reference(world, x), rtol=1e-6, atol=1e-6)
        assert_close(log_prob(world, x.float()), reference(world, x).float(), rtol=1e-5, atol=1e-4)


def unweighted(world: World, x: Tensor) -> Tensor:
    return world.log_prob(x) + math.log(len(world.centres))


def one_dimensional_constant(world: World, x: Tensor) -> Tensor:
    return world.log_prob(x) + (world.centres.shape[1] - 1) * math.log(world.std * math.sqrt(2 * math.pi))


def without_half(world: World, x: Tensor) -> Tensor:
    square = (x.unsqueeze(-2) - world.centres.to(x)).square().sum(-1) / world.std**2
    constant = math.log(len(world.centres)) + x.shape[-1] * math.log(world.std * math.sqrt(2 * math.pi))
    return torch.logsumexp(-square, dim=-1) - constant


def nearest_mode_only(world: World, x: Tensor) -> Tensor:
    log_normal = Independent(Normal(world.centres.to(x), world.std), 1).log_prob(x.unsqueeze(-2))
    return log_normal.max(dim=-1).values - math.log(len(world.centres))


def sum_of_probabilities(world: World, x: Tensor) -> Tensor:
    log_normal = Independent(Normal(world.centres.to(x), world.std), 1).log_prob(x.unsqueeze(-2))
    return log_normal.exp().mean(dim=-1).log()  # minus infinity away from the modes


UNNORMALISED: dict[str, Density] = {f.__name__: f for f in (unweighted, one_dimensional_constant, without_half)}


def test_density_integrates_to_one() -> None:
    check_integral(World.log_prob)


@mutants(UNNORMALISED)
def test_density_integrates_to_one_rejects(mutant: Density) -> None:
    rejects(check_integral, mutant)


def test_log_prob_is_that_of_the_mixture() -> None:
    check_log_prob(World.log_prob)


@mutants(UNNORMALISED | {f.__name__: f for f in (nearest_mode_only, sum_of_probabilities)})
def test_log_prob_is_that_of_the_mixture_rejects(mutant: Density) -> None:
    rejects(check_log_prob, mutant)


# --- the ring --------------------------------------------------------------------------------------------------------


def check_ring(make: Callable[..., World]) -> None:
    for modes in (3, 8, 12):
        centres = make(modes=modes, radius=2.0).centres
        assert centres.shape == (modes, 2)
        assert_close(centres[0], torch.tensor([2.0, 0.0]))
        assert_close(centres.norm(dim=1), torch.full((modes,), 2.0))
        chord = 2 * 2.0 * math.sin(math.pi / modes)  # between neighbours on a regular polygon
        assert_close((centres - centres.roll(1, dims=0)).norm(dim=1), torch.full((modes,), chord))


def ring_with_both_ends(*, modes: int = 8, radius: float = 2.0, std: float = 0.1) -> World:
    angle = torch.linspace(0, 2 * math.pi, modes)  # the last point is the first
    return World(radius * torch.stack([angle.cos(), angle.sin()], dim=1), std)


def ring_in_degrees(*, modes: int = 8, radius: float = 2.0, std: float = 0.1) -> World:
    angle = torch.arange(modes) * (360 / modes)
    return World(radius * torch.stack([angle.cos(), angle.sin()], dim=1), std)


WRONG_RINGS = {f.__name__: f for f in (ring_with_both_ends, ring_in_degrees)}


def test_ring_is_a_regular_polygon() -> None:
    check_ring(ring)


@mutants(WRONG_RINGS)
def test_ring_is_a_regular_polygon_rejects(mutant: Callable[..., World]) -> None:
    rejects(check_ring, mutant)


# --- the samples -----------------------------------------------------------------------------------------------------


def check_modes_are_equally_likely(draw: Sample) -> None:
    """Chi-square over the eight modes of the true ring."""
    x = draw(ring(), (8_000,), rng=rng(0))
    nearest = torch.cdist(x, ring().centres).argmin(dim=1)
    counts = torch.bincount(nearest, minlength=8)
    assert stats.chisquare(counts.numpy()).pvalue > 1e-4, f"counts {counts.tolist()}"


def check_moments(draw: Sample) -> None:
    """Around its centre a sample is N(0, std^2 I): n = 20,000, 5 standard errors are .036 (means), .05 (squares)."""
    world = ring(std=0.1)
    x = draw(world, (100, 200), rng=rng(0))
    assert x.shape == (100, 200, 2)
    x = x.reshape(-1, 2)
    noise = (x - world.centres[torch.cdist(x, world.centres).argmin(dim=1)]) / world.std
    assert noise.mean(dim=0).abs().max() < 0.036
    assert (noise.T @ noise / len(noise) - torch.eye(2)).abs().max() < 0.05
    assert stats.kstest(noise.flatten().numpy(), "norm").pvalue > 1e-4


def check_only_the_given_stream(draw: Sample) -> None:
    stream, own = torch.get_rng_state(), rng(4)
    first = draw(ring(), (6,), rng=own)
    assert torch.equal(torch.get_rng_state(), stream), "the global stream was used"
    assert not torch.equal(draw(ring(), (6,), rng=own), first), "the given stream stands still"
    assert torch.equal(draw(ring(), (6,), rng=rng(4)), first), "not reproducible from its stream"


def with_variance(world: World, shape: Sequence[int], *, rng: torch.Generator) -> Tensor:
    return World(world.centres, world.std**2).sample(shape, rng=rng)


def with_one_noise(world: World, shape: Sequence[int], *, rng: torch.Generator) -> Tensor:
    which = torch.randint(len(world.centres), tuple(shape), generator=rng)
    return world.centres[which] + world.std * torch.randn(*shape, 1, generator=rng)


def with_uniform_noise(world: World, shape: Sequence[int], *, rng: torch.Generator) -> Tensor:
    which = torch.randint(len(world.centres), tuple(shape), generator=rng)
    noise = (torch.rand(*shape, world.centres.shape[1], generator=rng) - 0.5) * math.sqrt(12)  # the right variance
    return world.centres[which] + world.std * noise


def without_the_last_mode(world: World, shape: Sequence[int], *, rng: torch.Generator) -> Tensor:
    which = torch.randint(len(world.centres) - 1, tuple(shape), generator=rng)
    return world.centres[which] + world.std * torch.randn(*shape, world.centres.shape[1], generator=rng)


def with_the_global_stream(world: World, shape: Sequence[int], *, rng: torch.Generator) -> Tensor:
    which = torch.randint(len(world.centres), tuple(shape), generator=rng)
    return world.centres[which] + world.std * torch.randn(*shape, world.centres.shape[1])


def with_a_seed_inside(world: World, shape: Sequence[int], *, rng: torch.Generator) -> Tensor:
    return world.sample(shape, rng=torch.Generator().manual_seed(rng.initial_seed()))


def with_both_ends(world: World, shape: Sequence[int], *, rng: torch.Generator) -> Tensor:
    return ring_with_both_ends(modes=8).sample(shape, rng=rng)


def test_modes_are_equally_likely() -> None:
    check_modes_are_equally_likely(World.sample)


@mutants({f.__name__: f for f in (without_the_last_mode, with_both_ends)})
def test_modes_are_equally_likely_rejects(mutant: Sample) -> None:
    rejects(check_modes_are_equally_likely, mutant)


def test_samples_have_the_moments_of_their_modes() -> None:
    check_moments(World.sample)


@mutants({f.__name__: f for f in (with_variance, with_one_noise, with_uniform_noise)})
def test_samples_have_the_moments_of_their_modes_rejects(mutant: Sample) -> None:
    rejects(check_moments, mutant)


def test_sampling_uses_only_the_given_stream() -> None:
    check_only_the_given_stream(World.sample)


@mutants({f.__name__: f for f in (with_the_global_stream, with_a_seed_inside)})
def test_sampling_uses_only_the_given_stream_rejects(mutant: Sample) -> None:
    rejects(check_only_the_given_stream, mutant)


@pytest.mark.parametrize("world", [ring(), LOPSIDED], ids=["ring", "lopsided"])
def test_samples_and_density_belong_together(world: World) -> None:
    """The mean of -log p over samples is the entropy: log K + that of one mode, where the modes do not overlap."""
    if world is LOPSIDED:  # they overlap: the entropy is smaller than that of separate modes, larger than of one
        one_mode = 3 / 2 * math.log(2 * math.pi * math.e * world.std**2)
        low, high = one_mode, one_mode + math.log(2)
    else:
        exact = math.log(8) + math.log(2 * math.pi * math.e * world.std**2)
        low, high = exact - 0.036, exact + 0.036  # n = 20,000, standard deviation 1: 5 standard errors
    entropy = -world.log_prob(world.sample((20_000,), rng=rng(0))).double().mean().item()
    assert low < entropy < high
