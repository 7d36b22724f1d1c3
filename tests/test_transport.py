"""Transport: two linear programs that meet, quantiles on the line, and entropy in the logarithm."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import ot
import pytest
import scipy.stats
import torch
from torch import Tensor
from torch.testing import assert_close

from genmodels import training
from genmodels.transport import (
    Transport,
    c_transform,
    distances,
    dual,
    marginals,
    primal,
    sinkhorn,
    wasserstein_1,
    wasserstein_1d,
)
from mutants import mutants, refusal, rejects

Line = Callable[..., Tensor]
Entropic = Callable[..., Transport]


def problem(seed: int, n: int = 6, m: int = 4, *, dim: int = 2, apart: float = 2.0) -> tuple[Tensor, ...]:
    """Points and non-uniform masses on both sides."""
    rng = training.rng(seed)
    x, y = (apart / 2 * torch.randn(k, dim, generator=rng, dtype=torch.float64) for k in (n, m))
    a, b = (torch.rand(k, generator=rng, dtype=torch.float64) + 0.1 for k in (n, m))
    return x, y + apart, a / a.sum(), b / b.sum()


# --- the two linear programs -----------------------------------------------------------------------------------------


def test_the_matrix_sums_rows_and_columns() -> None:
    plan = torch.rand(3, 5, generator=training.rng(0), dtype=torch.float64)
    sums = marginals(3, 5) @ plan.flatten().numpy()
    assert_close(torch.as_tensor(sums), torch.cat([plan.sum(dim=1), plan.sum(dim=0)]))


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("power", [1, 2])
def test_primal_and_dual_are_feasible_and_meet(seed: int, power: int) -> None:
    x, y, a, b = problem(seed)
    cost = distances(x, y) ** power
    plan, price = primal(cost, a, b)
    f, g, value = dual(cost, a, b)
    assert plan.min() >= 0 and torch.equal(plan.nonzero(), (plan > 1e-12).nonzero())
    assert_close(plan.sum(dim=1), a)
    assert_close(plan.sum(dim=0), b)
    slack = cost - f[:, None] - g
    assert slack.min() > -1e-9
    assert abs(price - value) < 1e-9, "the duality gap"
    assert slack[plan > 1e-12].max() < 1e-9, "complementary slackness"
    assert price == pytest.approx(ot.emd2(a.numpy(), b.numpy(), cost.numpy()), abs=1e-9)


def test_enumeration_of_all_permutations() -> None:
    """For equal masses some permutation is a cheapest plan (Birkhoff), so 720 sums settle it."""
    x, y, _, _ = problem(0, 6, 6)
    cost = distances(x, y)
    uniform = torch.full((6,), 1 / 6)
    best = min(cost[range(6), list(order)].mean().item() for order in itertools.permutations(range(6)))
    assert primal(cost, uniform, uniform).cost == pytest.approx(best, abs=1e-12)
    assert wasserstein_1(x, y) == pytest.approx(best, abs=1e-12)


def test_masses_of_zero_are_allowed() -> None:
    x, y, a, b = problem(1)
    a[0], b[1] = 0.0, 0.0
    a, b, cost = a / a.sum(), b / b.sum(), distances(x, y)
    exact = primal(cost, a, b)
    entropic = sinkhorn(cost, a, b, epsilon=0.05)
    assert dual(cost, a, b).value == pytest.approx(exact.cost, abs=1e-9)
    assert entropic.plan.isfinite().all() and entropic.plan[0].sum() == 0 and entropic.plan[:, 1].sum() == 0


def check_metric(w: Callable[[Tensor, Tensor], float]) -> None:
    """Symmetry, the triangle, translation, and zero only for equal samples."""
    x, y, z = (torch.randn(7, 3, generator=training.rng(s), dtype=torch.float64) for s in range(3))
    assert w(x, y) == pytest.approx(w(y, x), abs=1e-12)
    assert w(x, z) <= w(x, y) + w(y, z)
    assert w(x, x.flip(0)) == pytest.approx(0, abs=1e-12) and w(x, y) > 0.1
    shift = torch.tensor([3.0, -4.0, 0.0], dtype=torch.float64)
    assert w(x, x + shift) == pytest.approx(5, abs=1e-12)


def mean_of_all_pairs(x: Tensor, y: Tensor) -> float:
    return distances(x, y).mean().item()


def row_by_row(x: Tensor, y: Tensor) -> float:  # the pairing in which the samples happen to come
    return (x - y).norm(dim=1).mean().item()


def nearest_only(x: Tensor, y: Tensor) -> float:  # one point may serve all: not a plan
    return distances(x, y).min(dim=1).values.mean().item()


def squared_cost(x: Tensor, y: Tensor) -> float:
    uniform = np.full(len(x), 1 / len(x))
    return float(ot.emd2(uniform, uniform, distances(x, y).square().numpy()))


def coordinate_by_coordinate(x: Tensor, y: Tensor) -> float:
    return (x.sort(dim=0).values - y.sort(dim=0).values).norm(dim=1).mean().item()


def test_wasserstein_1_is_a_metric() -> None:
    check_metric(wasserstein_1)


@mutants({f.__name__: f for f in (mean_of_all_pairs, row_by_row, nearest_only, squared_cost)})
def test_wasserstein_1_is_a_metric_rejects(mutant: Callable[[Tensor, Tensor], float]) -> None:
    rejects(check_metric, mutant)


def check_one_way_down(w: Callable[[Tensor, Tensor], float]) -> None:
    """On the diagonals of a square every coordinate alone looks the same; each point moves by one side."""
    x = torch.tensor([[0.0, 0.0], [1.0, 1.0]])
    y = torch.tensor([[0.0, 1.0], [1.0, 0.0]])
    assert w(x, y) == pytest.approx(1)


def test_wasserstein_1_is_not_made_of_coordinates() -> None:
    check_one_way_down(wasserstein_1)
    rejects(check_one_way_down, coordinate_by_coordinate)


def check_far_from_the_origin(pairs: Callable[[Tensor, Tensor], Tensor]) -> None:
    x = torch.randn(100, 2, generator=training.rng(0), dtype=torch.float64) + 1e5
    assert pairs(x, x).diagonal().max() < 1e-12


def test_distances_are_exact_far_from_the_origin() -> None:
    check_far_from_the_origin(distances)
    rejects(check_far_from_the_origin, torch.cdist)


# --- the line --------------------------------------------------------------------------------------------------------


def check_line(w: Line) -> None:
    """Against scipy (p = 1) and the linear program (p = 1, 2, 3), with weights, unsorted, of different sizes."""
    for seed in range(4):
        x, y, a, b = problem(seed, 9, 5, dim=1, apart=0.5)
        expected = scipy.stats.wasserstein_distance(x[:, 0], y[:, 0], a, b)
        assert w(x[:, 0], y[:, 0], a=a, b=b).item() == pytest.approx(expected, abs=1e-12)
        equal = scipy.stats.wasserstein_distance(x[:, 0], y[:, 0])
        assert w(x[:, 0], y[:, 0]).item() == pytest.approx(equal, abs=1e-12)
        for p in (2.0, 3.0):
            by_program = primal(distances(x, y) ** p, a, b).cost ** (1 / p)
            assert w(x[:, 0], y[:, 0], a=a, b=b, p=p).item() == pytest.approx(by_program, abs=1e-9)


def heights_as_places(x: Tensor, y: Tensor, *, a: Any = None, b: Any = None, p: float = 1.0) -> Tensor:
    """The masses given as if they were the samples: scipy/scipy, issues 9152 and 15832."""
    return wasserstein_1d(x if a is None else a, y if b is None else b, p=p)


def masses_not_sorted_along(x: Tensor, y: Tensor, *, a: Any = None, b: Any = None, p: float = 1.0) -> Tensor:
    return wasserstein_1d(x.sort().values, y.sort().values, a=a, b=b, p=p)


def no_root(x: Tensor, y: Tensor, *, a: Any = None, b: Any = None, p: float = 1.0) -> Tensor:
    return wasserstein_1d(x, y, a=a, b=b, p=p) ** p


def by_distribution_functions(x: Tensor, y: Tensor, *, a: Any = None, b: Any = None, p: float = 1.0) -> Tensor:
    """|F - G| to the power p: equal to the quantile formula for p = 1 only."""
    a = torch.full((len(x),), 1 / len(x)) if a is None else a
    b = torch.full((len(y),), 1 / len(y)) if b is None else b
    z, order = torch.cat([x, y]).sort()
    F_minus_G = torch.cat([a, -b])[order].cumsum(0)[:-1]
    return (F_minus_G.abs() ** p * z.diff()).sum() ** (1 / p)


def test_the_line_by_quantiles() -> None:
    check_line(wasserstein_1d)


@mutants({f.__name__: f for f in (heights_as_places, masses_not_sorted_along, no_root, by_distribution_functions)})
def test_the_line_by_quantiles_rejects(mutant: Line) -> None:
    rejects(check_line, mutant)


def test_on_the_line_orders_grow_and_a_shift_is_a_shift() -> None:
    x, y, a, b = problem(3, 9, 5, dim=1)
    by_order = [wasserstein_1d(x[:, 0], y[:, 0], a=a, b=b, p=p).item() for p in (1.0, 2.0, 3.0, 4.0)]
    assert by_order == sorted(by_order)
    for p in (1.0, 2.0, 5.0):
        assert wasserstein_1d(x[:, 0], x[:, 0] - 3, a=a, b=a, p=p).item() == pytest.approx(3)


def test_gaussians_by_their_quantiles() -> None:
    """W_2^2 of N(m, s^2) and N(n, t^2) is (m - n)^2 + (s - t)^2."""
    u = (torch.arange(20_000, dtype=torch.float64) + 0.5) / 20_000
    z = torch.special.ndtri(u)
    assert wasserstein_1d(1 + 2 * z, -2 + 0.5 * z, p=2.0).item() == pytest.approx(math.hypot(3, 1.5), rel=1e-3)


def test_the_line_can_be_differentiated() -> None:
    theta = torch.tensor(-0.7, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(wasserstein_1d(torch.zeros(3), theta.expand(3)), theta)
    assert slope == -1


# --- what any prices give --------------------------------------------------------------------------------------------


def test_c_transform_is_feasible_lipschitz_and_a_lower_bound() -> None:
    x, y, a, b = problem(2)
    best = primal(distances(x, y), a, b).cost
    elsewhere = 5 * torch.randn(40, 2, generator=training.rng(1), dtype=torch.float64)
    for seed in range(5):
        g = torch.randn(4, generator=training.rng(seed), dtype=torch.float64)
        f = c_transform(distances(x, y), g)
        assert (distances(x, y) - f[:, None] - g).min() >= -1e-12
        assert a @ f + b @ g <= best + 1e-12
        everywhere = c_transform(distances(elsewhere, y), g)
        rise = (everywhere[:, None] - everywhere).abs()
        assert (rise <= distances(elsewhere, elsewhere) + 1e-12).all()


# --- entropy ---------------------------------------------------------------------------------------------------------


def check_sinkhorn(solve: Entropic) -> None:
    """Six places and four, non-uniform, at epsilon .02: every exp(-cost / epsilon) is 0 in float64 here."""
    x, y, a, b = problem(5, apart=20.0)
    cost = distances(x, y)
    assert (-cost / 0.02).exp().max() == 0
    plan, price = solve(cost, a, b, epsilon=0.02)
    assert plan.isfinite().all(), "finite"
    assert_close(plan.sum(dim=1), a, rtol=0, atol=1e-8)
    assert_close(plan.sum(dim=0), b, rtol=0, atol=1e-8)
    assert price == pytest.approx(ot.emd2(a.numpy(), b.numpy(), cost.numpy()), abs=0.02)


def check_against_pot(solve: Entropic) -> None:
    """The same plan as POT's, where entropy still spreads it out."""
    x, y, a, b = problem(4)
    cost = distances(x, y)
    theirs = ot.sinkhorn(a.numpy(), b.numpy(), cost.numpy(), 0.5, method="sinkhorn_log", stopThr=1e-12)
    assert theirs.min() > 1e-4
    assert_close(solve(cost, a, b, epsilon=0.5).plan, torch.as_tensor(theirs), rtol=0, atol=1e-8)


def in_the_exponential(cost: Tensor, a: Tensor, b: Tensor, *, epsilon: float) -> Transport:
    """The textbook form underflows: PythonOT/POT, issue 723."""
    kernel, u = (-cost / epsilon).exp(), torch.ones_like(a)
    for _ in range(1_000):
        v = b / (kernel.T @ u)
        u = a / (kernel @ v)
    plan = u[:, None] * kernel * v
    return Transport(plan, (plan * cost).sum().item())


def guarded(cost: Tensor, a: Tensor, b: Tensor, *, epsilon: float) -> Transport:
    """The frequent cure: a small number in every denominator. Finite, and no plan."""
    kernel, u = (-cost / epsilon).exp(), torch.ones_like(a)
    for _ in range(1_000):
        v = b / (kernel.T @ u + 1e-16)
        u = a / (kernel @ v + 1e-16)
    plan = u[:, None] * kernel * v
    return Transport(plan, (plan * cost).sum().item())


def in_the_logarithm(
    cost: Tensor, a: Tensor, b: Tensor, *, epsilon: float, rows: int = 1, columns: int = 0, sign: int = -1
) -> Transport:
    """As it should be unless told otherwise; potentials are matrices here, so that a wrong axis still has a shape."""
    g = torch.zeros(1, len(b), dtype=torch.float64)
    for _ in range(1_500):
        f = epsilon * (a.log()[:, None] - torch.logsumexp((g + sign * cost) / epsilon, dim=rows, keepdim=True))
        g = epsilon * (b.log()[None] - torch.logsumexp((f + sign * cost) / epsilon, dim=columns, keepdim=True))
    plan = ((f + g + sign * cost) / epsilon).exp()
    return Transport(plan, (plan * cost).sum().item())


def rows_twice(cost: Tensor, a: Tensor, b: Tensor, *, epsilon: float) -> Transport:
    """logsumexp over the same axis in both halves: t-vi/pytorch-tvmisc, issue 9."""
    return in_the_logarithm(cost, a, b, epsilon=epsilon, columns=1)


def axes_exchanged(cost: Tensor, a: Tensor, b: Tensor, *, epsilon: float) -> Transport:
    return in_the_logarithm(cost, a, b, epsilon=epsilon, rows=0, columns=1)


def cost_with_the_wrong_sign(cost: Tensor, a: Tensor, b: Tensor, *, epsilon: float) -> Transport:
    return in_the_logarithm(cost, a, b, epsilon=epsilon, sign=1)


def masses_ignored(cost: Tensor, a: Tensor, b: Tensor, *, epsilon: float) -> Transport:
    return in_the_logarithm(cost, torch.full_like(a, 1 / len(a)), torch.full_like(b, 1 / len(b)), epsilon=epsilon)


def one_pass(cost: Tensor, a: Tensor, b: Tensor, *, epsilon: float) -> Transport:
    return sinkhorn(cost, a, b, epsilon=epsilon, tolerance=math.inf)


def normalised_in_the_end(cost: Tensor, a: Tensor, b: Tensor, *, epsilon: float) -> Transport:
    plan = torch.softmax(-cost / epsilon, dim=1) * a[:, None]
    return Transport(plan, (plan * cost).sum().item())


WRONG = (rows_twice, axes_exchanged, cost_with_the_wrong_sign, masses_ignored, one_pass, normalised_in_the_end)


def test_sinkhorn() -> None:
    check_sinkhorn(sinkhorn)
    check_sinkhorn(in_the_logarithm)
    check_against_pot(sinkhorn)
    check_against_pot(in_the_exponential)  # where nothing underflows there is nothing wrong with it


@mutants({f.__name__: f for f in (in_the_exponential, guarded, *WRONG)})
def test_sinkhorn_rejects(mutant: Entropic) -> None:
    rejects(check_sinkhorn, mutant)


@mutants({f.__name__: f for f in WRONG})
def test_sinkhorn_as_in_pot_rejects(mutant: Entropic) -> None:
    rejects(check_against_pot, mutant)


def test_the_price_of_entropy_falls_to_zero_within_its_bound() -> None:
    x, y, a, b = problem(6)
    cost = distances(x, y)
    least = primal(cost, a, b).cost
    entropy = min(-torch.xlogy(masses, masses).sum().item() for masses in (a, b))
    epsilons = (3.0, 1.0, 0.3, 0.1, 0.03, 0.01)
    excess = [sinkhorn(cost, a, b, epsilon=epsilon).cost - least for epsilon in epsilons]
    assert excess == sorted(excess, reverse=True) and excess[-1] < 1e-3
    assert all(0 <= gap <= epsilon * entropy for gap, epsilon in zip(excess, epsilons, strict=True))


# --- bad input gets one sentence -------------------------------------------------------------------------------------

COST, FAIR = torch.ones(2, 2), torch.tensor([0.5, 0.5])


@pytest.mark.parametrize("solve", [primal, dual, lambda *given: sinkhorn(*given, epsilon=0.1)])
def test_masses_that_are_none(solve: Callable[..., Any]) -> None:
    negative = refusal(ValueError, lambda: solve(COST, torch.tensor([1.5, -0.5]), FAIR))
    assert negative == "a has a mass of -0.5; masses must be at least 0."
    short = refusal(ValueError, lambda: solve(COST, FAIR, torch.tensor([0.4, 0.5])))
    assert short == "the masses b sum to 0.9; they must sum to 1: divide them by their sum."
    many = refusal(ValueError, lambda: solve(COST, torch.full((3,), 1 / 3), FAIR))
    assert many == "a has shape (3,), but there are the 2 rows of the cost: give one mass for each."
    nan = refusal(ValueError, lambda: solve(COST, torch.tensor([torch.nan, 1.0]), FAIR))
    assert "mass of nan" in nan


def test_numbers_that_make_no_sense() -> None:
    assert "epsilon is 0.0; it must be positive" in refusal(ValueError, lambda: sinkhorn(COST, FAIR, FAIR, epsilon=0.0))
    assert "p is 0.5; it must be at least 1" in refusal(ValueError, lambda: wasserstein_1d(FAIR, FAIR, p=0.5))
    assert "give one mass for each" in refusal(ValueError, lambda: wasserstein_1d(FAIR, FAIR, a=torch.ones(1)))


def test_sinkhorn_says_when_it_has_not_arrived() -> None:
    x, y, a, b = problem(5, apart=20.0)
    told = refusal(RuntimeError, lambda: sinkhorn(distances(x, y), a, b, epsilon=0.02, iterations=3))
    assert told.startswith("after 3 iterations the row sums are still wrong by") and "raise epsilon" in told
