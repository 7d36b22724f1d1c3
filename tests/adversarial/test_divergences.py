"""Divergences and the value of the game: closed forms, bounds, and what the optimal critic is and is not."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from genmodels.adversarial.divergences import game_value, jensen_shannon, kl, optimal_critic, optimal_value
from mutants import mutants, rejects

Divergence = Callable[..., Tensor]
F64 = torch.float64


def simplex(n: int, *, symbols: int = 6, seed: int = 0, spread: float = 2.0) -> Tensor:
    """`n` random distributions, some nearly uniform and some nearly certain."""
    rng = torch.Generator().manual_seed(seed)
    logits = spread * torch.randn(n, symbols, generator=rng, dtype=F64) * torch.rand(n, 1, generator=rng, dtype=F64)
    return logits.softmax(dim=1)


def pair(seed: int = 0, **options: float) -> tuple[Tensor, Tensor]:
    p, q = simplex(2, seed=seed, **options)  # type: ignore[arg-type]
    return p, q


# Two distributions with empty cells: one cell only p has, one only q has, one nobody has.
HOLES = (torch.tensor([0.5, 0.5, 0.0, 0.0], dtype=F64), torch.tensor([0.0, 0.5, 0.5, 0.0], dtype=F64))
DISJOINT = (torch.tensor([0.3, 0.7, 0.0, 0.0], dtype=F64), torch.tensor([0.0, 0.0, 0.6, 0.4], dtype=F64))


# --- Kullback-Leibler ------------------------------------------------------------------------------------------------


def naive_kl(p: Tensor, q: Tensor, *, cell: float = 1.0) -> Tensor:
    return (p * (p / q).log()).sum() * cell


def naive_kl_of_logs(p: Tensor, q: Tensor, *, cell: float = 1.0) -> Tensor:
    return (p * (p.log() - q.log())).sum() * cell


def guarded_kl(p: Tensor, q: Tensor, *, cell: float = 1.0) -> Tensor:
    return (p * (p / (q + 1e-3)).clamp_min(1e-3).log()).sum() * cell


def check_kl_of_gaussians(divergence: Divergence) -> None:
    """Riemann sums of smooth densities converge faster than any power: 1e-6 leaves room."""
    (m, s), (mu, sigma) = (0.5, 0.8), (-0.3, 1.3)
    x = torch.linspace(-14, 14, 4001, dtype=F64)
    p, q = (torch.distributions.Normal(*torch.tensor(ms, dtype=F64)).log_prob(x).exp() for ms in ((m, s), (mu, sigma)))
    closed = math.log(sigma / s) + (s**2 + (m - mu) ** 2) / (2 * sigma**2) - 0.5
    assert_close(divergence(p, q, cell=28 / 4000).item(), closed, rtol=0, atol=1e-6)


def test_kl_of_two_gaussians() -> None:
    check_kl_of_gaussians(kl)


@mutants(
    {
        "arguments swapped": lambda p, q, cell: kl(q, p, cell=cell),
        "cell forgotten": lambda p, q, cell: kl(p, q),
        "absolute logarithm": lambda p, q, cell: (p * (p / q).log().abs()).sum() * cell,
        "guarded by a constant": guarded_kl,
    }
)
def test_kl_of_two_gaussians_rejects(mutant: Divergence) -> None:
    rejects(check_kl_of_gaussians, mutant)


def check_kl_at_zeros(divergence: Divergence) -> None:
    """0 log 0 = 0, and mass that q misses costs everything."""
    p, q = HOLES
    assert divergence(p, q) == math.inf
    assert divergence(p, p) == 0
    assert_close(divergence(p, (p + q) / 2), torch.tensor(math.log(2) / 2, dtype=F64))


def test_kl_at_zeros() -> None:
    check_kl_at_zeros(kl)


@mutants({"log of the ratio": naive_kl, "difference of logs": naive_kl_of_logs, "guarded by a constant": guarded_kl})
def test_kl_at_zeros_rejects(mutant: Divergence) -> None:
    rejects(check_kl_at_zeros, mutant)


# --- Jensen-Shannon --------------------------------------------------------------------------------------------------


def jsd_without_half(p: Tensor, q: Tensor) -> Tensor:
    return 2 * jensen_shannon(p, q)


def jsd_in_bits(p: Tensor, q: Tensor) -> Tensor:
    return jensen_shannon(p, q) / math.log(2)


def jsd_of_the_sum(p: Tensor, q: Tensor) -> Tensor:
    return (kl(p, p + q) + kl(q, p + q)) / 2


def jsd_one_sided(p: Tensor, q: Tensor) -> Tensor:
    return kl(p, (p + q) / 2)


def jsd_naive(p: Tensor, q: Tensor) -> Tensor:
    return (naive_kl(p, (p + q) / 2) + naive_kl(q, (p + q) / 2)) / 2


def jeffreys(p: Tensor, q: Tensor) -> Tensor:
    return (kl(p, q) + kl(q, p)) / 2


WRONG_JSD: dict[str, Divergence] = {
    f.__name__: f for f in (jsd_without_half, jsd_in_bits, jsd_of_the_sum, jsd_naive, jeffreys)
}


def check_jsd_bounds(jsd: Divergence) -> None:
    """Zero for equals, log 2 for disjoint supports, in between for everything else, holes included."""
    for p, q in [pair(seed) for seed in range(20)] + [HOLES]:
        assert_close(jsd(p, p), torch.tensor(0.0, dtype=F64), rtol=0, atol=1e-15)
        assert 0 < jsd(p, q) < math.log(2)
        assert_close(jsd(p, q), jsd(q, p))
    assert_close(jsd(*DISJOINT), torch.tensor(math.log(2), dtype=F64))


def test_jensen_shannon_bounds_and_symmetry() -> None:
    check_jsd_bounds(jensen_shannon)


@mutants(WRONG_JSD | {"jsd_one_sided": jsd_one_sided})
def test_jensen_shannon_bounds_and_symmetry_rejects(mutant: Divergence) -> None:
    rejects(check_jsd_bounds, mutant)


def check_triangle(jsd: Divergence) -> None:
    """The root of the Jensen-Shannon divergence is a distance (Endres and Schindelin 2003)."""
    for a, b, c in simplex(600, spread=6.0).reshape(200, 3, 6):
        ab, bc, ac = (jsd(*two).sqrt().item() for two in ((a, b), (b, c), (a, c)))
        assert ac <= ab + bc + 1e-12


def test_root_of_jensen_shannon_obeys_the_triangle() -> None:
    check_triangle(jensen_shannon)


@mutants({"jeffreys": jeffreys, "squared": lambda p, q: jensen_shannon(p, q) ** 2})
def test_root_of_jensen_shannon_obeys_the_triangle_rejects(mutant: Divergence) -> None:
    rejects(check_triangle, mutant)


# --- the optimal critic ----------------------------------------------------------------------------------------------


def ascended(p: Tensor, q: Tensor) -> Tensor:
    """A table of scores, moved up the gradient of V until it stops: knows nothing of the closed form."""
    scores = torch.zeros_like(p).requires_grad_()
    for _ in range(1500):
        (uphill,) = torch.autograd.grad(game_value(scores.sigmoid(), p, q), scores)
        with torch.no_grad():
            scores += 8 * uphill
    assert uphill.abs().max() < 1e-9, "the ascent has not arrived"
    return scores.detach().sigmoid()


def inverse_critic(p: Tensor, q: Tensor) -> Tensor:
    return q / (p + q)


def odds(p: Tensor, q: Tensor) -> Tensor:
    return (p / q).clamp_max(1.0)


def sigmoid_of_the_ratio(p: Tensor, q: Tensor) -> Tensor:
    return (p / q).sigmoid()


def naive_critic(p: Tensor, q: Tensor) -> Tensor:
    return p / (p + q)


WRONG_CRITICS = {f.__name__: f for f in (inverse_critic, odds, sigmoid_of_the_ratio)}


def check_ascent_arrives(critic: Divergence) -> None:
    p, q = pair(seed=3, spread=1.0)
    assert_close(ascended(p, q), critic(p, q), rtol=0, atol=1e-6)


def test_gradient_ascent_arrives_at_the_optimal_critic() -> None:
    check_ascent_arrives(optimal_critic)


@mutants(WRONG_CRITICS)
def test_gradient_ascent_arrives_at_the_optimal_critic_rejects(mutant: Divergence) -> None:
    rejects(check_ascent_arrives, mutant)


def check_no_critic_is_better(critic: Divergence) -> None:
    rng = torch.Generator().manual_seed(0)
    for p, q in (pair(seed) for seed in range(20)):
        best = critic(p, q)
        for size in (1e-3, 1e-2, 0.1):
            other = (best + size * torch.randn(6, generator=rng, dtype=F64)).clamp(1e-6, 1 - 1e-6)
            assert game_value(other, p, q) < game_value(best, p, q)


def test_no_critic_is_better() -> None:
    check_no_critic_is_better(optimal_critic)


@mutants(WRONG_CRITICS)
def test_no_critic_is_better_rejects(mutant: Divergence) -> None:
    rejects(check_no_critic_is_better, mutant)


def check_critic_is_a_table(critic: Divergence) -> None:
    """The optimal critic is a function with values in (0, 1); the optimal *value* is the number (correction E-46)."""
    p, q = pair()
    best = critic(p, q)
    assert best.shape == p.shape
    assert ((best > 0) & (best < 1)).all()
    assert_close(critic(p, p), torch.full_like(p, 0.5), rtol=0, atol=1e-15)
    assert_close(critic(*HOLES), torch.tensor([1.0, 0.5, 0.0, 0.5], dtype=F64), rtol=0, atol=0)


def test_optimal_critic_is_a_table() -> None:
    check_critic_is_a_table(optimal_critic)


@mutants({"the value (E-46)": optimal_value, "0/0 where nobody is": naive_critic} | WRONG_CRITICS)
def test_optimal_critic_is_a_table_rejects(mutant: Divergence) -> None:
    rejects(check_critic_is_a_table, mutant)


# --- the value of the game -------------------------------------------------------------------------------------------


def check_value(value: Divergence) -> None:
    """V(D*) summed from its definition, cell by cell in Python, against the closed form."""
    for p, q in [pair(seed) for seed in range(20)] + [HOLES, DISJOINT]:
        terms = [a * math.log(a / (a + b)) for a, b in zip(p.tolist(), q.tolist(), strict=True) if a > 0]
        terms += [b * math.log(b / (a + b)) for a, b in zip(p.tolist(), q.tolist(), strict=True) if b > 0]
        assert value(p, q).shape == ()
        assert_close(value(p, q).item(), math.fsum(terms), rtol=0, atol=1e-12)


def test_optimal_value_is_what_the_optimal_critic_earns() -> None:
    check_value(optimal_value)
    check_value(lambda p, q: game_value(optimal_critic(p, q), p, q))


@mutants(
    {
        "JSD instead of 2 JSD": lambda p, q: jensen_shannon(p, q) - math.log(4),
        "log 2 instead of log 4": lambda p, q: 2 * jensen_shannon(p, q) - math.log(2),
        "constant forgotten": lambda p, q: 2 * jensen_shannon(p, q),
        "plus log 4": lambda p, q: 2 * jensen_shannon(p, q) + math.log(4),
        "D and 1 - D swapped": lambda p, q: game_value(1 - optimal_critic(p, q), p, q),
        "data and samples swapped": lambda p, q: game_value(optimal_critic(p, q), q, p),
        "0 log 0": lambda p, q: (p * optimal_critic(p, q).log() + q * (1 - optimal_critic(p, q)).log()).sum(),
        "the critic (E-46)": optimal_critic,
    }
    | {name: lambda p, q, f=f: 2 * f(p, q) - math.log(4) for name, f in WRONG_JSD.items()}
)
def test_optimal_value_is_what_the_optimal_critic_earns_rejects(mutant: Divergence) -> None:
    rejects(check_value, mutant)


def check_value_is_least_at_the_data(value: Divergence) -> None:
    """As a function of the generator the best critic's value is *smallest* where q = p (correction E-45)."""
    p = simplex(1, seed=1)[0]
    at_data = value(p, p)
    assert_close(at_data.item(), -math.log(4), rtol=0, atol=1e-12)
    for q in simplex(500, seed=2):
        assert at_data < value(p, q) < 0
    assert_close(value(*DISJOINT).item(), 0.0, rtol=0, atol=1e-12)


def test_value_is_least_where_the_generator_is_right() -> None:
    check_value_is_least_at_the_data(optimal_value)


@mutants(
    {
        "largest at the data (E-45)": lambda p, q: -math.log(4) - 2 * jensen_shannon(p, q),
        "an undecided critic": lambda p, q: game_value(torch.full_like(p, 0.5), p, q),
        "log 2 instead of log 4": lambda p, q: 2 * jensen_shannon(p, q) - math.log(2),
    }
)
def test_value_is_least_where_the_generator_is_right_rejects(mutant: Divergence) -> None:
    rejects(check_value_is_least_at_the_data, mutant)


def value_of_the_best(p: Tensor, q: Tensor, *, cell: float) -> Tensor:
    return game_value(optimal_critic(p, q), p, q, cell=cell)


@pytest.mark.parametrize("f", [kl, jensen_shannon, optimal_value, value_of_the_best])
def test_finer_cells_change_nothing(f: Divergence) -> None:
    """Splitting every cell in two halves: the densities stay, the cells shrink, the integral is the same."""
    p, q = pair()
    coarse, fine = f(p, q, cell=1.0), f(p.repeat_interleave(2), q.repeat_interleave(2), cell=0.5)
    assert_close(fine, coarse)


# --- what "does not depend on the generator" hides (correction E-33) -------------------------------------------------


def data_term_gradient(critic: Divergence) -> Tensor:
    """Gradient of -E log D in the logits of a five-symbol generator, where the sum is over the *data*."""
    p = simplex(1, symbols=5, seed=4)[0]
    logits = torch.randn(5, generator=torch.Generator().manual_seed(5), dtype=F64).requires_grad_()
    term = -torch.special.xlogy(p, critic(p, logits.softmax(dim=0))).sum()
    if not term.requires_grad:
        return torch.zeros(5, dtype=F64)
    return torch.autograd.grad(term, logits)[0]


def check_data_term_moves(critic: Divergence) -> None:
    """The term is log 2 - KL(p || (p+q)/2); its gradient, worked out by hand, is far from zero."""
    p = simplex(1, symbols=5, seed=4)[0]
    logits = torch.randn(5, generator=torch.Generator().manual_seed(5), dtype=F64)
    q = logits.softmax(dim=0)
    by_hand = q * (p / (p + q) - (q * p / (p + q)).sum())  # p / (p+q) in q, then through the softmax
    assert by_hand.abs().max() > 1e-2
    assert_close(data_term_gradient(critic), by_hand)


def frozen_critic(p: Tensor, q: Tensor) -> Tensor:
    return optimal_critic(p, q.detach())


def test_data_term_depends_on_the_generator_through_the_optimal_critic() -> None:
    check_data_term_moves(optimal_critic)
    assert (data_term_gradient(frozen_critic) == 0).all()


@mutants({"frozen": frozen_critic, "inverse": inverse_critic})
def test_data_term_depends_on_the_generator_rejects(mutant: Divergence) -> None:
    rejects(check_data_term_moves, mutant)


# --- gradients where a mass is exactly 0 -----------------------------------------------------------------------------


def check_gradient_at_zeros(jsd: Divergence) -> None:
    """A table with holes has the gradient of the table without them; what is exactly 0 stays 0."""
    p, q = (table.clone().requires_grad_() for table in HOLES)
    by_p, by_q = torch.autograd.grad(jsd(p, q), (p, q))
    middle = (HOLES[0] + HOLES[1]) / 2
    for table, found in ((HOLES[0], by_p), (HOLES[1], by_q)):
        there = table > 0
        assert_close(found[there], (table / middle).log()[there] / 2)
        assert (found[~there] == 0).all()


def test_jensen_shannon_has_a_gradient_at_zeros() -> None:
    check_gradient_at_zeros(jensen_shannon)


def jsd_by_xlogy(p: Tensor, q: Tensor) -> Tensor:
    """Right values; torch's xlogy hands 0/0 back where a mass is 0: as this package had it."""
    m = (p + q) / 2
    return (torch.xlogy(p, p) + torch.xlogy(q, q) - torch.xlogy(p, m) - torch.xlogy(q, m)).sum() / 2


def jsd_of_clamped(p: Tensor, q: Tensor) -> Tensor:
    return jensen_shannon(p.clamp_min(1e-2), q.clamp_min(1e-2))


@mutants({f.__name__: f for f in (jsd_by_xlogy, jsd_of_clamped, jsd_naive, jsd_without_half)})
def test_jensen_shannon_has_a_gradient_at_zeros_rejects(mutant: Divergence) -> None:
    rejects(check_gradient_at_zeros, mutant)


def test_kl_and_the_value_have_gradients_at_zeros() -> None:
    p, q = (table.clone().requires_grad_() for table in DISJOINT)
    middle = torch.full((4,), 0.25, dtype=F64, requires_grad=True)
    by_p, by_middle = torch.autograd.grad(kl(p, middle), (p, middle))
    assert_close(by_p[:2], (DISJOINT[0] / 0.25).log()[:2] + 1)
    assert (by_p[2:] == 0).all() and (by_middle[2:] == 0).all()
    sure = torch.tensor([1.0, 1.0, 0.0, 0.0], dtype=F64, requires_grad=True)
    slopes = torch.autograd.grad(game_value(sure, p, q), (sure, p, q))
    assert_close(slopes[0], torch.cat([DISJOINT[0][:2], -DISJOINT[1][2:]]))
    assert all(slope.isfinite().all() for slope in slopes)


def test_no_signal_between_disjoint_supports() -> None:
    """Two bumps on a grid that do not touch: JSD is log 2, and moving one changes nothing (correction E-55)."""
    x = torch.linspace(-4, 8, 1201, dtype=F64)

    def bump(shift: Tensor | float) -> Tensor:
        inside = (x - shift).abs() < 1
        table = torch.where(inside, 1 + torch.cos(math.pi * (x - shift)), 0.0)
        return table / table.sum()

    for place, apart in ((3.0, True), (0.5, False)):
        shift = torch.tensor(place, dtype=F64, requires_grad=True)
        value = jensen_shannon(bump(0.0), bump(shift))
        (slope,) = torch.autograd.grad(value, shift)
        assert (abs(value.item() - math.log(2)) < 1e-12) == apart
        assert (abs(slope.item()) < 1e-12) == apart


# --- which divergence a reward descends (corrections E-34, E-35, E-41) -----------------------------------------------

Loss = Callable[[Tensor, Tensor], Tensor]


def frozen(reward: Callable[[Tensor], Tensor]) -> Loss:
    return lambda p, q: -(q * reward(optimal_critic(p, q).detach())).sum()


DESCENDED: dict[str, tuple[Loss, Loss]] = {
    "minimax": (frozen(lambda D: -torch.log1p(-D)), lambda p, q: 2 * jensen_shannon(p, q)),
    "non-saturating": (frozen(torch.log), lambda p, q: 2 * kl((p + q) / 2, p)),
    "probability": (frozen(lambda D: D), lambda p, q: kl(p, (p + q) / 2)),
    "logit": (frozen(torch.logit), lambda p, q: kl(q, p)),
}


def check_descends(loss: Loss, divergence: Loss) -> None:
    for seed in range(20):
        p = simplex(1, symbols=5, seed=seed)[0]
        rng = torch.Generator().manual_seed(seed + 100)
        logits = torch.randn(5, generator=rng, dtype=F64).requires_grad_()
        mine, its = (torch.autograd.grad(f(p, logits.softmax(0)), logits)[0] for f in (loss, divergence))
        assert_close(mine, its, rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", DESCENDED)
def test_a_reward_descends_its_divergence(name: str) -> None:
    check_descends(*DESCENDED[name])


@mutants(
    {
        "another's": (DESCENDED["non-saturating"][0], DESCENDED["logit"][1]),
        "critic not frozen": (lambda p, q: -(q * optimal_critic(p, q).log()).sum(), DESCENDED["non-saturating"][1]),
        "plus 2 JSD": (DESCENDED["non-saturating"][0], lambda p, q: kl(q, p) + 2 * jensen_shannon(p, q)),
        "JSD not doubled": (DESCENDED["minimax"][0], jensen_shannon),
        "arguments swapped": (DESCENDED["logit"][0], kl),
    }
)
def test_a_reward_descends_its_divergence_rejects(mutant: tuple[Loss, Loss]) -> None:
    rejects(lambda both: check_descends(*both), mutant)


def check_mixture_identity(combination: Loss) -> None:
    for seed in range(100):
        p, q = pair(seed)
        assert_close(combination(p, q), 2 * kl((p + q) / 2, p), rtol=0, atol=1e-12)


def test_reverse_kl_minus_2_jsd_is_a_divergence() -> None:
    check_mixture_identity(lambda p, q: kl(q, p) - 2 * jensen_shannon(p, q))


@mutants(
    {
        "forward": lambda p, q: kl(p, q) - 2 * jensen_shannon(p, q),
        "one JSD": lambda p, q: kl(q, p) - jensen_shannon(p, q),
    }
)
def test_reverse_kl_minus_2_jsd_is_a_divergence_rejects(mutant: Loss) -> None:
    rejects(check_mixture_identity, mutant)
