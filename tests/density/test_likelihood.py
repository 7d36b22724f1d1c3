"""Gradient ascent in coordinates without constraints: slopes, where it arrives, and what it says when it cannot."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.distributions import constraints
from torch.testing import assert_close

from genmodels.density import Bernoulli, Categorical, Density, Gaussian, Mixture, Multinomial, Normal, Poisson
from genmodels.density.likelihood import ascent, coordinates, member, slopes
from genmodels.training import rng
from mutants import mutants, refusal, rejects

SLANTED = torch.tensor([[1.0, 0.8], [0.8, 2.0]], dtype=torch.float64)
FAMILIES: list[Density] = [
    Normal(torch.tensor([0.5, -1.0]), torch.tensor([0.7, 1.5])),
    Gaussian(torch.tensor([0.5, -1.0]), SLANTED.float()),
    Bernoulli(torch.tensor([0.2, 0.5, 0.9])),
    Categorical(torch.tensor([[0.1, 0.2, 0.7], [0.5, 0.3, 0.2]])),
    Poisson(torch.tensor([3.5, 0.4])),
    Multinomial(torch.tensor([0.2, 0.3, 0.5]), total=5),
]
BY_NAME = pytest.mark.parametrize("density", FAMILIES, ids=lambda density: type(density).__name__)
SGD = partial(torch.optim.SGD, lr=0.3)


def drawn(density: Density, n: int = 60) -> Tensor:
    return density.sample((n,), rng=rng(0)).double()


def start(density: Density) -> Density:
    """The member whose coordinates are all 0: standard, fair, uniform."""
    density = density.like(torch.zeros(0).double())
    return member(density, {name: 0 * place for name, place in coordinates(density).items()})


@BY_NAME
def test_coordinates_and_back(density: Density) -> None:
    density = density.like(torch.zeros(0).double())
    again = member(density, coordinates(density))
    x = drawn(density)
    assert_close(again.log_prob(x), density.log_prob(x))


@BY_NAME
def test_the_closed_form_is_where_the_slope_vanishes(density: Density) -> None:
    x, weights = drawn(density), torch.rand(60, generator=rng(1)).double()
    fitted, weighted = density.fit(x), density.fit(x, weights=weights)
    assert max(float(slope.abs().max()) for slope in slopes(fitted, x).values()) < 1e-8
    assert max(float(slope.abs().max()) for slope in slopes(weighted, x, weights=weights).values()) < 1e-8
    assert max(float(slope.abs().max()) for slope in slopes(fitted, x, weights=weights).values()) > 1e-3


@BY_NAME
def test_slopes_are_those_of_finite_differences(density: Density) -> None:
    density, x, step = density.like(torch.zeros(0).double()), drawn(density), 1e-6
    at, found = coordinates(density), slopes(density, x)
    for name, place in at.items():
        for i in range(place.numel()):
            nudge = torch.zeros_like(place)
            nudge.view(-1)[i] = step
            up, down = (member(density, at | {name: place + sign * nudge}).log_prob(x).mean() for sign in (1, -1))
            assert_close(found[name].reshape(-1)[i], (up - down) / (2 * step), rtol=1e-5, atol=1e-7)


def check_arrives(climb: Callable[..., object]) -> None:
    """Gradient ascent and the closed form meet, and ascent with short steps never descends."""
    for density in FAMILIES:
        x = drawn(density)
        best = density.fit(x)
        ((_, worst), *way) = climb(start(density), x, steps=1_000, optimizer=SGD)  # type: ignore[misc]
        values = torch.tensor([worst, *(value for _, value in way)]).double()
        assert bool((values.diff() > -1e-9).all()), "a step went down"
        arrived = way[-1][0]
        assert_close(arrived.log_prob(x), best.log_prob(x), rtol=0, atol=1e-4)
        assert abs(values[-1] - float(best.log_prob(x).mean())) < 1e-6


def downhill(density: Density, x: Tensor, *, steps: int, optimizer: Callable[..., torch.optim.Optimizer]) -> list:
    """The sign: an optimiser that already ascends, given minus the likelihood."""
    return list(ascent(density, x, steps=20, optimizer=lambda places: torch.optim.SGD(places, lr=1e-3, maximize=True)))


def stale(density: Density, x: Tensor, *, steps: int, optimizer: Callable[..., torch.optim.Optimizer]) -> list:
    """Gradients added up over the steps: zero_grad forgotten."""
    at = coordinates(density.like(x))
    by, way = torch.optim.SGD([place.requires_grad_() for place in at.values()], lr=0.01), []
    for _ in range(steps + 1):
        here = member(density.like(x), at)
        value = here.log_prob(x).mean()
        way.append((replace(here, **{name: getattr(here, name).detach() for name in at}), float(value.detach())))
        (-value).backward()
        by.step()
    return way


def half_the_data(density: Density, x: Tensor, *, steps: int, optimizer: Callable[..., torch.optim.Optimizer]) -> list:
    """The likelihood of half the data."""
    return list(ascent(density, x[:30], steps=steps, optimizer=optimizer))


def test_ascent_and_closed_form_meet() -> None:
    check_arrives(ascent)


@mutants({f.__name__: f for f in (downhill, stale)})
def test_ascent_never_descends(mutant: Callable[..., object]) -> None:
    with pytest.raises(AssertionError, match="went down"):
        check_arrives(mutant)


def test_ascent_sees_all_the_data() -> None:
    rejects(check_arrives, half_the_data)


@pytest.mark.parametrize(
    "weights",
    [torch.ones(1), torch.ones(2), -torch.ones(3), torch.zeros(3), torch.full((3,), torch.nan)],
)
def test_weights_that_fit_refuses_are_refused(weights: Tensor) -> None:
    """One weight for three points once gave three times the slopes, without a word."""
    x = torch.tensor([1.0, 2.0, 3.0])
    assert "weights" in refusal(ValueError, lambda: slopes(Normal.standard(), x, weights=weights))
    assert "weights" in refusal(ValueError, lambda: list(ascent(Normal.standard(), x, weights=weights, steps=1)))


def test_no_points_and_infinite_ones_are_refused() -> None:
    """The slopes of no data were 0: a maximum."""
    for x, word in ((torch.zeros(0), "empty"), (torch.tensor([0.0, torch.inf]), "infinite")):
        assert word in refusal(ValueError, lambda x=x: slopes(Normal.standard(), x))  # type: ignore[misc]
        assert word in refusal(ValueError, lambda x=x: list(ascent(Normal.standard(), x, steps=1)))  # type: ignore[misc]


def test_no_gradient_is_computed_for_nothing() -> None:
    """Three steps are three steps: after the last member nobody asks for the next one."""
    taken = 0

    class Counted(torch.optim.SGD):
        def step(self, closure: Any = None) -> Any:
            nonlocal taken
            taken += 1
            return super().step(closure)

    way = list(ascent(FAMILIES[0], drawn(FAMILIES[0]), steps=3, optimizer=partial(Counted, lr=0.1)))
    assert (len(way), taken) == (4, 3)


def test_weights_count() -> None:
    density, copies = FAMILIES[1], (torch.arange(60) % 3).double()
    x = drawn(density)
    *_, (weighted, value) = ascent(start(density), x, weights=copies, steps=20)
    *_, (repeated, same) = ascent(start(density), x.repeat_interleave(copies.long(), dim=0), steps=20)
    assert_close(weighted.log_prob(x), repeated.log_prob(x))
    assert abs(value - same) < 1e-12


def test_only_the_parameters_in_domains_move() -> None:
    density = FAMILIES[1]
    x = drawn(density)
    *_, (moved, _) = ascent(density, x, steps=600, domains={"mean": constraints.real})
    assert_close(moved.mean, x.mean(dim=0), rtol=0, atol=1e-6)
    assert_close(moved.covariance, SLANTED, rtol=1e-6, atol=1e-6)


def test_mean_under_a_known_covariance_contracts_by_the_condition_number() -> None:
    """On a quadratic, the best fixed step 2/(a+b) leaves (k-1)/(k+1) of the error, k the condition number."""
    spread = torch.tensor([1.0, 9.0]).double()
    x = torch.tensor([[1.0, 1.0]]).double()
    known = Gaussian(torch.zeros(2).double(), torch.diag(spread))
    way = ascent(
        known, x, steps=6, optimizer=partial(torch.optim.SGD, lr=2 / (1 + 1 / 9)), domains={"mean": constraints.real}
    )
    errors = torch.stack([(x[0] - density.mean).norm() for density, _ in way])
    assert_close(errors[1:] / errors[:-1], torch.full((6,), 0.8).double())


def test_the_start_is_untouched_and_members_are_detached() -> None:
    """The identity map of a mean returned the tensor itself, which the optimiser then wrote over."""
    x = drawn(FAMILIES[1])
    density = FAMILIES[1].like(x)
    before = density.mean.clone(), density.covariance.clone()
    members = [here for here, _ in ascent(density, x, steps=3)]
    assert_close((density.mean, density.covariance), before, rtol=0, atol=0)
    assert not any(here.mean.requires_grad or here.covariance.requires_grad for here in members)
    assert float((members[0].mean - members[3].mean).abs().max()) > 1e-6, "every member shows the last step"


def test_precision_is_that_of_the_data() -> None:
    *_, (single, _) = ascent(FAMILIES[0], drawn(FAMILIES[0]).float(), steps=1)
    *_, (double, _) = ascent(FAMILIES[0], drawn(FAMILIES[0]), steps=1)
    assert (single.mean.dtype, double.mean.dtype) == (torch.float32, torch.float64)


def test_another_optimiser() -> None:
    density = FAMILIES[2]
    x = drawn(density)
    *_, (arrived, _) = ascent(start(density), x, steps=400, optimizer=partial(torch.optim.Adam, lr=0.1))
    assert_close(arrived.log_prob(x).mean(), density.fit(x).log_prob(x).mean(), rtol=0, atol=1e-4)


@pytest.mark.parametrize(
    "edge",
    [
        Bernoulli(torch.tensor([0.5, 1.0])),
        Bernoulli(torch.tensor([0.0, 0.5])),
        Categorical(torch.tensor([0.0, 0.5, 0.5])),
        Poisson(torch.tensor(0.0)),
    ],
)
def test_the_edge_is_refused(edge: Density) -> None:
    assert "edge" in refusal(ValueError, lambda: coordinates(edge))


def test_steps_too_long_are_named() -> None:
    x = 1_000 * drawn(FAMILIES[0])
    assert "shorter steps" in refusal(ValueError, lambda: list(ascent(Normal.standard(2), x, steps=50)))


def test_an_unknown_family_is_named() -> None:
    mixture = Mixture(torch.tensor([1.0]), (Normal.standard(),))
    assert "Mixture" in refusal(ValueError, lambda: coordinates(mixture))
