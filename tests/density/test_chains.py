"""Markov chains: the code against its transition matrix, detailed balance to 1e-12, and closed forms of mixing."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from unittest.mock import patch

import pytest
import torch
from scipy import stats
from torch import Tensor
from torch.testing import assert_close

from genmodels.density import Gaussian, Mixture, Normal
from genmodels.density.chains import (
    Chains,
    Conditional,
    Proposal,
    autocorrelation,
    chain_size,
    conditional,
    gibbs,
    gibbs_matrices,
    imbalance,
    independent,
    metropolis_hastings,
    metropolis_matrix,
    multiplicative,
    of_gaussian,
    r_hat,
    random_walk,
    stationary,
)
from genmodels.training import rng
from mutants import mutants, refusal, rejects

Sampler = Callable[..., Chains]

PI = torch.tensor([0.10, 0.30, 0.05, 0.20, 0.25, 0.10], dtype=torch.float64)
Q = torch.rand(6, 6, generator=rng(3), dtype=torch.float64) + 0.05  # far from symmetric
Q = Q / Q.sum(dim=1, keepdim=True)


# --- six states: matrices --------------------------------------------------------------------------------------------


def check_balance(matrix: Callable[[Tensor, Tensor], Tensor]) -> None:
    """Rows add up to 1, detailed balance and stationarity hold to 1e-12, and the constant of p does not matter."""
    P = matrix(PI, Q)
    assert_close(P.sum(dim=1), torch.ones(6).double(), rtol=0, atol=1e-12)
    assert bool((P >= 0).all())
    assert float((P - torch.eye(6)).abs().max()) > 0.1, "the chain that stays put is in balance with everything"
    assert imbalance(PI, P) < 1e-12
    assert_close(PI @ P, PI, rtol=0, atol=1e-12)
    assert_close(stationary(P), PI, rtol=0, atol=1e-12)
    assert_close(matrix(7 * PI, Q), P, rtol=0, atol=1e-12)


def accepting(rule: Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]) -> Callable[[Tensor, Tensor], Tensor]:
    """A chain with another probability of acceptance: of p_i, p_j, q_ij and q_ji."""

    def matrix(p: Tensor, q: Tensor) -> Tensor:
        moves = q * rule(p[:, None], p[None, :], q, q.T).clamp_max(1)
        return moves - torch.diag(moves.diagonal()) + torch.diag(1 - moves.sum(dim=1) + moves.diagonal())

    return matrix


def not_repeated(p: Tensor, q: Tensor) -> Tensor:
    moves = q * (p[None] * q.T / (p[:, None] * q)).clamp_max(1)
    return moves / moves.sum(dim=1, keepdim=True)


WRONG_RULES = {
    "by density": accepting(lambda pi, pj, qij, qji: pj),
    "upside down": accepting(lambda pi, pj, qij, qji: pi * qij / (pj * qji)),
    "no correction": accepting(lambda pi, pj, qij, qji: pj / pi),
    "correction upside down": accepting(lambda pi, pj, qij, qji: pj * qij / (pi * qji)),
    "always": accepting(lambda pi, pj, qij, qji: torch.ones_like(qij)),
    "difference": accepting(lambda pi, pj, qij, qji: (pj - pi).exp()),
    "rejections not repeated": not_repeated,
    "never": lambda p, q: torch.eye(6, dtype=torch.float64),
}


def test_metropolis_matrix_is_in_balance() -> None:
    check_balance(metropolis_matrix)
    lazy = Q * torch.tensor([[0.0] + [1.0] * 5] + [[1.0] * 6] * 5).double()  # a proposal that is never made
    assert imbalance(PI, metropolis_matrix(PI, lazy / lazy.sum(dim=1, keepdim=True))) < 1e-12


@mutants(WRONG_RULES)
def test_metropolis_matrix_is_in_balance_rejects(mutant: Callable[[Tensor, Tensor], Tensor]) -> None:
    rejects(check_balance, mutant)


WALLED = torch.tensor([0.0, 0.4, 0.0, 0.2, 0.3, 0.1], dtype=torch.float64)


def check_wall(matrix: Callable[[Tensor, Tensor], Tensor]) -> None:
    """A state of probability 0 is never entered, and left by every proposal; the others are in balance."""
    P, wall = matrix(WALLED, Q), WALLED == 0
    assert bool((P >= 0).all()), "a transition has no probability"
    assert_close(P.sum(dim=1), torch.ones(6).double(), rtol=0, atol=1e-12)
    assert bool((P[~wall][:, wall] == 0).all()), "the wall was entered"
    assert_close(P[wall], Q[wall])
    assert_close(P[~wall][:, ~wall], matrix(WALLED[~wall], _stays(Q, ~wall)), rtol=0, atol=1e-12)
    assert imbalance(WALLED, P) < 1e-12
    assert_close(stationary(P), WALLED, rtol=0, atol=1e-12)


def _stays(q: Tensor, inside: Tensor) -> Tensor:
    """The proposal among the states inside: where it leads outside, it stays."""
    q = q[inside][:, inside]
    return q + torch.diag(1 - q.sum(dim=1))


def zero_by_zero(p: Tensor, q: Tensor) -> Tensor:
    """The ratio of the formula as it stands."""
    moves = torch.where(q > 0, q * (p * q.T / (p[:, None] * q)).clamp_max(1), 0)
    return moves + torch.diag(1 - moves.sum(dim=1))


def stuck_in_the_wall(p: Tensor, q: Tensor) -> Tensor:
    """0 / 0 called 0: a chain that starts at a state of probability 0 never leaves it."""
    moves = torch.where(p[:, None] > 0, metropolis_matrix(p, q), 0)
    return moves + torch.diag(1 - moves.sum(dim=1))


def through_the_wall(p: Tensor, q: Tensor) -> Tensor:
    return metropolis_matrix(p.clamp_min(0.05), q)


def test_metropolis_matrix_with_a_wall() -> None:
    check_wall(metropolis_matrix)


@mutants({f.__name__: f for f in (zero_by_zero, stuck_in_the_wall, through_the_wall)})
def test_metropolis_matrix_with_a_wall_rejects(mutant: Callable[[Tensor, Tensor], Tensor]) -> None:
    rejects(check_wall, mutant)


def test_a_symmetric_walk_on_a_flat_target_always_moves() -> None:
    flat, symmetric = torch.full((6,), 1 / 6).double(), (Q + Q.T) / (Q + Q.T).sum()
    symmetric = symmetric + torch.diag(1 / 6 - symmetric.sum(dim=1))
    assert_close(metropolis_matrix(flat, 6 * symmetric), 6 * symmetric)


def check_gibbs_matrices(matrices: Callable[[Tensor], list[Tensor]]) -> None:
    """Each redraw is in balance and leaves the other coordinates alone; a sweep of them is stationary, though not in
    balance; their mean is both. Also where a cell, or all cells with the same rest, have probability 0.
    """
    for p in (PI, WALLED, torch.tensor([0.5, 0.0, 0.0, 0.5, 0.0, 0.0]).double()):
        for shape in ((2, 3), (3, 2), (6,), (6, 1)):
            parts = matrices(p.reshape(shape))
            for i, P in enumerate(parts):
                assert bool((P >= 0).all()), "a transition has no probability"
                assert_close(P.sum(dim=1), torch.ones(6).double())
                assert not bool((P > 0)[_others_differ(shape, i)].any()), "another coordinate was redrawn"
                assert imbalance(p, P) < 1e-12
                assert_close(P @ P, P, rtol=0, atol=1e-12)  # drawn again given the same rest: nothing changes
    A, B = matrices(PI.reshape(2, 3))
    assert_close(PI @ A @ B, PI, rtol=0, atol=1e-12)
    assert_close(stationary(A @ B), PI, rtol=0, atol=1e-12)
    assert imbalance(PI, A @ B) > 0.01 and imbalance(PI, (A + B) / 2) < 1e-12


def _others_differ(shape: tuple[int, ...], i: int) -> Tensor:
    """Which pairs of cells differ in a coordinate other than i."""
    cells = torch.stack(torch.unravel_index(torch.arange(6), shape), dim=1)
    others = [j for j in range(len(shape)) if j != i]
    return (cells[:, None, others] != cells[None, :, others]).any(dim=2)


def divided_by_nothing(table: Tensor) -> list[Tensor]:
    """Where the rest cannot occur, 0 / 0."""
    never = [table.sum(dim=i, keepdim=True).expand_as(table).flatten() == 0 for i in range(table.ndim)]
    return [P.masked_fill(gone & (P > 0), torch.nan) for P, gone in zip(gibbs_matrices(table), never, strict=True)]


def marginals_instead(table: Tensor) -> list[Tensor]:
    """Draws a coordinate without looking at the others."""
    cells = torch.cartesian_prod(*(torch.arange(size) for size in table.shape)).reshape(table.numel(), -1)
    alike = cells[:, None] == cells[None]
    found = []
    for i in range(table.ndim):
        others = tuple(j for j in range(table.ndim) if j != i)
        rest = torch.cat([alike[..., :i], alike[..., i + 1 :]], dim=2).all(dim=2)
        found.append(rest * (table.sum(dim=others)[cells[:, i]] if others else table))
    return found


def test_gibbs_matrices() -> None:
    check_gibbs_matrices(gibbs_matrices)


@mutants(
    {
        "marginals": marginals_instead,
        "divided by nothing": divided_by_nothing,
        "axes exchanged": lambda t: [P.T.contiguous() / P.T.sum(dim=1, keepdim=True) for P in gibbs_matrices(t)],
        "joint": lambda t: [t.flatten().expand(t.numel(), -1)] * t.ndim,
    }
)
def test_gibbs_matrices_reject(mutant: Callable[[Tensor], list[Tensor]]) -> None:
    rejects(check_gibbs_matrices, mutant)


# --- the sampler against its matrix ----------------------------------------------------------------------------------


def by_table(q: Tensor) -> Proposal:
    def propose(x: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        y = torch.multinomial(q[x], 1, generator=rng).squeeze(1)
        return y, q[y, x].log() - q[x, y].log()

    return propose


def check_transitions(sample: Sampler, *, copies: int = 4_000) -> None:
    """From each state: where the chains are after one step is a row of P, after three a row of P cubed."""
    P = metropolis_matrix(PI, Q)
    start = torch.arange(6).repeat_interleave(copies)
    points = sample(lambda x: PI[x].log(), start, by_table(Q), steps=3, rng=rng(0)).points
    for step, expected in ((0, P), (2, P @ P @ P)):
        for i in range(6):
            counts = torch.bincount(points[step, start == i], minlength=6)
            p = stats.chisquare(counts, expected[i] * copies).pvalue
            assert p > 1e-4, f"from {i} after {step + 1} steps: chi-square p = {p:.2g}"


def check_constant(sample: Sampler) -> None:
    """A constant in the log-density, beyond what exp can hold, changes nothing."""
    start, offsets = torch.linspace(-1, 1, 20), (0.0, 2048.0, -2048.0)
    runs = [
        sample(lambda x, c=c: -x.square() / 2 + c, start, random_walk(step=1.0), steps=20, rng=rng(0)) for c in offsets
    ]
    share = float(runs[0].accepted.double().mean())
    assert 0.5 < share < 0.9
    for run in runs[1:]:
        assert abs(float(run.accepted.double().mean()) - share) < 0.02  # ties may round


def wrong(rule: str) -> Sampler:
    def sample(log_density, start, propose, *, steps, rng):  # type: ignore[no-untyped-def]
        x, log_p, points, accepted = start, log_density(start), [], []
        for _ in range(steps):
            y, correction = propose(x, rng)
            log_y = log_density(y)
            u = torch.rand(len(x), generator=rng)
            keep = {
                "density": lambda u=u, y=log_y: u < y.exp(),
                "upside down": lambda u=u, y=log_y, p=log_p, c=correction: u.log() < p - y - c,
                "no correction": lambda u=u, y=log_y, p=log_p: u.log() < y - p,
                "no logarithm of u": lambda u=u, y=log_y, p=log_p, c=correction: u < y - p + c,
                "greedy": lambda y=log_y, p=log_p, c=correction: y - p + c > 0,
            }.get(rule, lambda u=u, y=log_y, p=log_p, c=correction: u.log() < y - p + c)()
            if rule == "overflow":
                keep = u < log_y.exp() / log_p.exp() * correction.exp()
            while rule == "not repeated" and not bool(keep.all()):  # propose until every chain has moved
                again, c = propose(x, rng)
                fresh = torch.rand(len(x), generator=rng).log() < log_density(again) - log_p + c
                y, keep = torch.where(keep, y, again), keep | fresh
            x = torch.where(keep, y, x)
            if rule != "stale":
                log_p = log_density(x)
            points.append(x)
            accepted.append(keep)
        return Chains(torch.stack(points), torch.stack(accepted))

    return sample


def test_metropolis_hastings_moves_as_its_matrix_says() -> None:
    check_transitions(metropolis_hastings)
    check_transitions(wrong("nothing"))


RULES = ("density", "upside down", "no correction", "no logarithm of u", "greedy", "not repeated", "stale")


@mutants({rule: wrong(rule) for rule in RULES})
def test_metropolis_hastings_moves_as_its_matrix_says_rejects(mutant: Sampler) -> None:
    rejects(check_transitions, mutant)


def test_metropolis_hastings_lives_in_the_logarithm() -> None:
    check_constant(metropolis_hastings)


@mutants({rule: wrong(rule) for rule in ("overflow", "density")})
def test_metropolis_hastings_lives_in_the_logarithm_rejects(mutant: Sampler) -> None:
    rejects(check_constant, mutant)


def test_a_chain_does_not_start_where_the_density_is_0() -> None:
    positive = lambda x: torch.where(x > 0, -x, -math.inf)  # noqa: E731
    call = lambda: metropolis_hastings(positive, torch.tensor([1.0, -1.0]), random_walk(step=1.0), steps=3, rng=rng(0))  # noqa: E731
    assert "density 0" in refusal(ValueError, call)
    for value in (math.nan, math.inf):
        broken = lambda x, v=value: x * v  # noqa: E731
        call = lambda f=broken: metropolis_hastings(f, torch.ones(2), random_walk(step=1.0), steps=3, rng=rng(0))  # noqa: E731
        assert "broken density" in refusal(ValueError, call)
    inside = metropolis_hastings(positive, torch.ones(50), random_walk(step=2.0), steps=200, rng=rng(0))
    assert bool((inside.points > 0).all())


def test_a_density_that_breaks_on_the_way_is_not_taken_for_a_wall() -> None:
    """`u < nan` is False: the chain would go on, reject, and look well. -inf is a wall, and allowed."""
    for log_density in (lambda x: 2 * x.log() - x, lambda x: torch.where(x > 0, -x, math.inf)):
        call = lambda f=log_density: metropolis_hastings(f, torch.ones(50), random_walk(step=2.0), steps=9, rng=rng(0))  # noqa: E731
        assert "at a proposed point" in refusal(ValueError, call)


def test_a_walk_in_one_dimension_accepts_as_often_as_it_should() -> None:
    """On a standard normal with steps s the rate is (2 / pi) arctan(2 / s)."""
    for step in (0.5, 2.4, 8.0):
        start = Normal.standard().sample((4_000,), rng=rng(0))
        run = metropolis_hastings(Normal.standard().log_prob, start, random_walk(step=step), steps=50, rng=rng(1))
        assert abs(float(run.accepted.double().mean()) - 2 / math.pi * math.atan(2 / step)) < 0.01


@pytest.mark.parametrize(
    "propose", [multiplicative(step=0.8), independent(Normal(torch.tensor(1.0), torch.tensor(2.0)))]
)
def test_asymmetric_proposals_keep_the_target(propose: Proposal) -> None:
    """Gamma(3, 1) by many short chains that start in it."""
    law = stats.gamma(3)
    start = torch.tensor(law.rvs(4_000, random_state=0)).float()
    log_density = lambda x: torch.where(x > 0, 2 * x.clamp_min(1e-9).log() - x, -math.inf)  # noqa: E731
    run = metropolis_hastings(log_density, start, propose, steps=30, rng=rng(2))
    assert stats.kstest(run.points[-1], law.cdf).pvalue > 1e-3
    assert 0.1 < float(run.accepted.double().mean()) < 0.9


def test_a_step_for_each_chain() -> None:
    steps = torch.tensor([0.1, 1.0, 10.0]).repeat_interleave(200)
    run = metropolis_hastings(
        Normal.standard().log_prob, torch.zeros(600), random_walk(step=steps), steps=100, rng=rng(0)
    )
    rates = run.accepted.double().mean(dim=0).reshape(3, 200).mean(dim=1)
    assert bool((rates.diff() < -0.2).all())


# --- Gibbs -----------------------------------------------------------------------------------------------------------


def pair(rho: float) -> Gaussian:
    return Gaussian(torch.zeros(2).double(), torch.tensor([[1, rho], [rho, 1]]).double())


THREE = Gaussian(
    torch.tensor([1.0, -1.0, 0.5]).double(),
    torch.tensor([[2.0, 0.8, 0.3], [0.8, 1.0, -0.2], [0.3, -0.2, 0.5]]).double(),
)


def check_gibbs(sample: Callable[..., Tensor], n: int = 30_000) -> None:
    """Started in the target, one sweep stays there: mean and covariance, to five standard errors; and it mixes."""
    start = THREE.sample((n,), rng=rng(0)).double()
    after = sample(of_gaussian(THREE), start, sweeps=3, rng=rng(1))
    assert after.shape == (3, n, 3)
    for now in after:
        scale = THREE.covariance.diagonal().sqrt()
        assert float(((now.mean(dim=0) - THREE.mean) / scale).abs().max()) < 5 / n**0.5
        error = (torch.cov(now.T) - THREE.covariance) / torch.outer(scale, scale)
        assert float(error.abs().max()) < 5 * (2 / n) ** 0.5
    elsewhere = sample(of_gaussian(THREE), torch.full((n, 3), 9.0).double(), sweeps=60, rng=rng(2))[-1]
    assert float((elsewhere.mean(dim=0) - THREE.mean).abs().max()) < 0.06


def stale(draw: Callable[..., Tensor], start: Tensor, *, sweeps: int, rng: torch.Generator) -> Tensor:
    """All coordinates given the last sweep's values, as a vectorised update does: the correlations are lost."""
    x, points = start, []
    for _ in range(sweeps):
        x = torch.stack([draw(x, i, rng) for i in range(x.shape[1])], dim=1)
        points.append(x)
    return torch.stack(points)


def first_only(draw: Callable[..., Tensor], start: Tensor, *, sweeps: int, rng: torch.Generator) -> Tensor:
    x, points = start.clone(), []
    for _ in range(sweeps):
        x[:, 0] = draw(x, 0, rng)
        points.append(x.clone())
    return torch.stack(points)


def aliased(draw: Callable[..., Tensor], start: Tensor, *, sweeps: int, rng: torch.Generator) -> Tensor:
    return gibbs(lambda x, i, rng: draw(x, (i + 1) % 3, rng), start, sweeps=sweeps, rng=rng)


def test_gibbs_keeps_a_gaussian() -> None:
    check_gibbs(gibbs)
    start = torch.zeros(2, 3).double()
    gibbs(of_gaussian(THREE), start, sweeps=1, rng=rng(0))
    assert not start.any(), "the caller's start is left as it was"


@mutants({f.__name__: f for f in (stale, first_only, aliased)})
def test_gibbs_keeps_a_gaussian_rejects(mutant: Callable[..., Tensor]) -> None:
    rejects(check_gibbs, mutant)


def check_nothing_is_inverted(draws: Callable[[Gaussian], Conditional]) -> None:
    """A Gaussian has its factor and the inverse of that: a sweep of d draws does not invert d times."""
    again = AssertionError("inverted again")
    with patch("torch.cholesky_inverse", side_effect=again), patch("torch.linalg.inv", side_effect=again):
        gibbs(draws(THREE), torch.zeros(2, 3).double(), sweeps=2, rng=rng(0))


def inverted_for_each(gaussian: Gaussian) -> Conditional:
    def draw(x: Tensor, i: int, rng: torch.Generator) -> Tensor:
        row = torch.cholesky_inverse(gaussian.factor)[i]
        others = (x - gaussian.mean) @ row - (x[:, i] - gaussian.mean[i]) * row[i]
        return gaussian.mean[i] - others / row[i] + row[i].rsqrt() * torch.randn(len(x), generator=rng).to(x)

    return draw


def test_gibbs_does_not_invert() -> None:
    check_nothing_is_inverted(of_gaussian)
    ways = (of_gaussian, inverted_for_each)  # as fast or not, the same chain
    a, b = (gibbs(way(THREE), torch.zeros(2, 3).double(), sweeps=9, rng=rng(0)) for way in ways)
    assert_close(a, b, rtol=0, atol=1e-12)


@mutants({"inverted for each coordinate": inverted_for_each})
def test_gibbs_does_not_invert_rejects(mutant: Callable[[Gaussian], Conditional]) -> None:
    rejects(check_nothing_is_inverted, mutant)


def check_conditional(of: Callable[[Gaussian, Tensor, int], tuple[Tensor, Tensor]]) -> None:
    """log p(x) as a function of one coordinate is the conditional's, plus a constant: so Gibbs accepts always."""
    x = torch.randn(40, 3, generator=rng(0), dtype=torch.float64)
    for i in range(3):
        y = x.clone()
        y[:, i] = torch.randn(40, generator=rng(1), dtype=torch.float64)
        mean, std = of(THREE, x, i)
        given = torch.distributions.Normal(mean, std)
        log_ratio = THREE.log_prob(y) - THREE.log_prob(x) + given.log_prob(x[:, i]) - given.log_prob(y[:, i])
        assert_close(log_ratio, torch.zeros(40).double(), rtol=0, atol=1e-10)


def test_gibbs_is_metropolis_hastings_that_always_accepts() -> None:
    check_conditional(conditional)


@mutants(
    {
        "marginal": lambda g, x, i: (g.mean[i].expand(len(x)), g.covariance[i, i].sqrt()),
        "variance for std": lambda g, x, i: (conditional(g, x, i)[0], conditional(g, x, i)[1] ** 2),
        "sign": lambda g, x, i: (2 * g.mean[i] - conditional(g, x, i)[0], conditional(g, x, i)[1]),
        "not centred": lambda g, x, i: (
            conditional(Gaussian(torch.zeros(3).double(), g.covariance), x, i)[0],
            conditional(g, x, i)[1],
        ),
    }
)
def test_gibbs_is_metropolis_hastings_rejects(mutant: Callable[..., tuple[Tensor, Tensor]]) -> None:
    rejects(check_conditional, mutant)


@pytest.mark.parametrize("rho", [0.5, 0.9])
def test_a_sweep_correlates_by_rho_squared(rho: float) -> None:
    start = pair(rho).sample((200,), rng=rng(0)).double()
    x = gibbs(of_gaussian(pair(rho)), start, sweeps=2_000, rng=rng(1))[..., 0]
    lags = autocorrelation(x)[:4]
    assert_close(lags, rho ** (2 * torch.arange(4).double()), rtol=0, atol=0.02)
    assert abs(chain_size(x) / x.numel() / ((1 - rho**2) / (1 + rho**2)) - 1) < 0.1


# --- diagnostics -----------------------------------------------------------------------------------------------------


def autoregressive(phi: float, *, steps: int, chains: int, seed: int) -> Tensor:
    """x_t = phi x_(t-1) + noise, standard normal at every t: autocorrelation phi^k."""
    noise = torch.randn(steps, chains, generator=rng(seed), dtype=torch.float64)
    x = [noise[0]]
    for eps in noise[1:]:
        x.append(phi * x[-1] + math.sqrt(1 - phi**2) * eps)
    return torch.stack(x)


def check_chain_size(size: Callable[[Tensor], float]) -> None:
    """N (1 - phi) / (1 + phi) for an autoregression; chains that disagree are worth little more than their number."""
    for phi in (0.0, 0.5, 0.9, -0.4):
        x = autoregressive(phi, steps=4_000, chains=20, seed=0)
        assert abs(size(x) / (x.numel() * (1 - phi) / (1 + phi)) - 1) < 0.1
    apart = autoregressive(0.5, steps=500, chains=4, seed=1) + torch.tensor([-9.0, 9.0, -9.0, 9.0])
    assert size(apart) < 20


def check_few_steps(size: Callable[[Tensor], float]) -> None:
    """A negative correlation estimated from a few draws is noise: N draws are worth at most N log10 N, on average N."""
    for steps, chains in ((10, 1), (20, 1), (5, 4)):
        n = steps * chains
        found = torch.tensor([size(torch.randn(steps, chains, generator=rng(seed))) for seed in range(200)])
        assert bool((found <= n * math.log10(n) + 1e-9).all()), f"{n} draws are worth {float(found.max()):.0f}"
        assert 0.5 < float(found.mean()) / n < 1.3


def floor_of_one_over_n(x: Tensor) -> float:
    """No floor to speak of: up to N^2."""
    rho = autocorrelation(x)
    pairs = rho[: len(rho) // 2 * 2].reshape(-1, 2).sum(dim=1)
    ends = (pairs <= 0).nonzero()
    kept = pairs[: int(ends[0]) if len(ends) else len(pairs)].cummin(dim=0).values
    return x.numel() / max(2 * float(kept.sum()) - 1, 1 / x.numel())


def test_chain_size_of_few_steps() -> None:
    check_few_steps(chain_size)
    for steps in (1, 3):
        assert "4 or more" in refusal(ValueError, lambda n=steps: chain_size(torch.randn(n, 2, generator=rng(0))))
    assert chain_size(torch.randn(4, 1, generator=rng(0))) > 0


@mutants({"none": floor_of_one_over_n, "half": lambda x: chain_size(x) / 2})
def test_chain_size_of_few_steps_rejects(mutant: Callable[[Tensor], float]) -> None:
    rejects(check_few_steps, mutant)


def all_lags(x: Tensor) -> float:
    return x.numel() / max(float(1 + 2 * autocorrelation(x)[1:].sum()), 1e-9)


def one_chain_after_another(x: Tensor) -> float:
    return sum(chain_size(chain[:, None]) for chain in x.T)


def test_chain_size() -> None:
    check_chain_size(chain_size)


@mutants(
    {
        "count": lambda x: float(x.numel()),
        "first lag only": lambda x: x.numel() / (1 + 2 * float(autocorrelation(x)[1])),
        "one side": lambda x: x.numel() / (0.5 + 0.5 * x.numel() / chain_size(x)),
        "all lags": all_lags,  # the sum over all lags is -1/2 whatever the chain
        "chains apart": one_chain_after_another,
    }
)
def test_chain_size_rejects(mutant: Callable[[Tensor], float]) -> None:
    rejects(check_chain_size, mutant)


def test_autocorrelation_against_its_definition() -> None:
    x = autoregressive(0.7, steps=60, chains=1, seed=2)
    centred = (x - x.mean(dim=0)).squeeze(1)
    direct = torch.stack([(centred[: 60 - k] * centred[k:]).sum() for k in range(60)]) / centred.square().sum()
    assert_close(autocorrelation(x), direct)


def check_stuck(diagnose: Callable[[Tensor], object]) -> None:
    """Chains that never moved are refused wherever they stand: the mean of a thousand 0.1 is not 0.1."""
    for value, dtype in itertools.product((1.0, 0.1), (torch.float32, torch.float64)):
        stuck = torch.full((1_000, 2), value, dtype=dtype)
        assert "not moved" in refusal(ValueError, lambda x=stuck: diagnose(x))


def centred_by_the_mean(x: Tensor) -> None:
    """What rounding leaves counts as variance."""
    if not (x - x.mean(dim=0)).double().square().sum() > 0:
        raise ValueError("these chains have not moved")


@pytest.mark.parametrize("diagnose", [autocorrelation, chain_size, r_hat], ids=lambda f: f.__name__)
def test_chains_that_never_moved_are_refused(diagnose: Callable[[Tensor], object]) -> None:
    check_stuck(diagnose)


@mutants({f.__name__: f for f in (centred_by_the_mean,)})
def test_chains_that_never_moved_are_refused_rejects(mutant: Callable[[Tensor], object]) -> None:
    rejects(check_stuck, mutant)


def test_one_stuck_chain_among_others_is_diagnosed() -> None:
    x = torch.randn(1_000, 4, generator=rng(0))
    x[:, 0] = 9.0
    assert r_hat(x) > 2 and chain_size(x) < 20


def check_r_hat(r: Callable[[Tensor], float]) -> None:
    assert abs(r(autoregressive(0.5, steps=2_000, chains=8, seed=3)) - 1) < 0.01
    x = torch.randn(1_000, 4, generator=rng(4), dtype=torch.float64)
    assert r(x + 3 * torch.arange(4)) > 2, "chains in different places"
    assert r(x + torch.linspace(0, 5, 1_000)[:, None]) > 1.3, "chains that all drift the same way: the halves disagree"
    two = torch.tensor([[0.0, 2.0], [2.0, 4.0], [0.0, 2.0], [2.0, 4.0]], dtype=torch.float64)  # by hand: W 2, B 4/3
    assert abs(r(two) - math.sqrt((0.5 * 2 + 4 / 3) / 2)) < 1e-9


def whole_chains(x: Tensor) -> float:
    within, between = x.var(dim=0).mean(), x.mean(dim=0).var()
    return float((((len(x) - 1) / len(x) * within + between) / within).sqrt())


def test_r_hat() -> None:
    check_r_hat(r_hat)
    for steps in (1, 2, 3):
        assert "4 steps" in refusal(ValueError, lambda n=steps: r_hat(torch.randn(n, 2, generator=rng(0))))
    apart = torch.tensor([0.0, 1.0]).expand(10, 2)  # each at its own place, and none of them moves
    assert "not moved" in refusal(ValueError, lambda: r_hat(apart))


@mutants(
    {
        "not split": whole_chains,
        "squared": lambda x: r_hat(x) ** 2,
        "pooled": lambda x: float(x.std() / x.std()),
        "steps for chains": lambda x: r_hat(x.T),
    }
)
def test_r_hat_rejects(mutant: Callable[[Tensor], float]) -> None:
    rejects(check_r_hat, mutant)


def test_two_modes_far_apart_fool_every_chain_that_starts_in_one() -> None:
    parts = tuple(Normal(torch.tensor(c), torch.tensor(1.0)) for c in (-8.0, 8.0))
    target = Mixture(torch.tensor([0.5, 0.5]), parts)
    here, there = torch.full((4,), 8.0), torch.tensor([-8.0, -8.0, 8.0, 8.0])
    same, spread = (
        metropolis_hastings(target.log_prob, start, random_walk(step=1.0), steps=2_000, rng=rng(0)).points
        for start in (here, there)
    )
    assert r_hat(same) < 1.05 < 2 < r_hat(spread)
