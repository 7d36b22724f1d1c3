"""Least squares, hinge, smoothed labels, Wasserstein: where they are zero, their best critic, what they pull."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits as bce
from torch.nn.functional import softplus
from torch.testing import assert_close

from genmodels.adversarial.divergences import kl
from genmodels.adversarial.fdivergences import NEYMAN, PEARSON
from genmodels.adversarial.objectives import (
    HINGE,
    LEAST_SQUARES,
    MINIMAX,
    NON_SATURATING,
    WASSERSTEIN,
    Objective,
    label_smoothing,
    least_squares,
)
from mutants import mutants, refusal, rejects

F64 = torch.float64
Make = Callable[..., Objective]
CODES = [(0.0, 1.0, 1.0), (-1.0, 1.0, 0.0), (-1.0, 1.0, 1.0)]
"""The label sets (a, b, c) of Mao et al. 2017: theirs for 0-1 coding, for the Pearson result, and mixed."""


def tables(seed: int, *, symbols: int = 6) -> tuple[Tensor, Tensor]:
    p, q = (2 * torch.randn(2, symbols, generator=torch.Generator().manual_seed(seed), dtype=F64)).softmax(1)
    return p, q


def expected(objective: Objective, scores: Tensor, p: Tensor, q: Tensor) -> Tensor:
    """The critic's loss in expectation over two tables: a mean over one score is that score's loss."""
    nothing = scores.new_zeros(1)
    on_real = torch.func.vmap(lambda s: objective.critic(s, nothing))(scores[:, None])
    on_fake = torch.func.vmap(lambda s: objective.critic(nothing, s))(scores[:, None])
    return (p * on_real).sum() + (q * on_fake).sum() - objective.critic(nothing, nothing)


def descended(objective: Objective, p: Tensor, q: Tensor) -> Tensor:
    """A table of scores, moved down its expected loss until it stops: knows no closed form."""
    scores = torch.zeros_like(p).requires_grad_()
    by = torch.optim.LBFGS(
        [scores], max_iter=300, tolerance_grad=1e-11, tolerance_change=1e-16, line_search_fn="strong_wolfe"
    )

    def loss() -> Tensor:
        by.zero_grad()
        value = expected(objective, scores, p, q)
        value.backward()
        return value

    by.step(loss)  # type: ignore[arg-type]
    return scores.detach()


def pull(objective: Objective, score: float) -> float:
    """Derivative of the generator's loss in a single score."""
    a = torch.tensor([score], dtype=F64, requires_grad=True)
    return torch.autograd.grad(objective.generator(a), a)[0].item()


# --- least squares ---------------------------------------------------------------------------------------------------


def summed(*, a: float = 0.0, b: float = 1.0, c: float = 1.0) -> Objective:
    """The published code: its l2_loss sums over the batch, and halves."""
    right = least_squares(a=a, b=b, c=c)
    return replace(
        right,
        critic=lambda real, fake: ((real - b).square().sum() + (fake - a).square().sum()) / 2,
        generator=lambda fake: (fake - c).square().sum() / 2,
    )


def squashed(*, a: float = 0.0, b: float = 1.0, c: float = 1.0) -> Objective:
    """A sigmoid is left on the critic, as in a GAN whose loss alone was exchanged."""
    right = least_squares(a=a, b=b, c=c)
    return replace(
        right,
        critic=lambda real, fake: right.critic(real.sigmoid(), fake.sigmoid()),
        generator=lambda fake: right.generator(fake.sigmoid()),
    )


def labels_swapped(*, a: float = 0.0, b: float = 1.0, c: float = 1.0) -> Objective:  # udacity, pull request 238
    return least_squares(a=b, b=a, c=c)


def unhalved(*, a: float = 0.0, b: float = 1.0, c: float = 1.0) -> Objective:
    right = least_squares(a=a, b=b, c=c)
    return replace(
        right,
        critic=lambda real, fake: 2 * right.critic(real, fake),
        generator=lambda fake: 2 * right.generator(fake),
    )


def cross_broadcast(*, a: float = 0.0, b: float = 1.0, c: float = 1.0) -> Objective:  # cs231n, issue 206
    """Targets of shape (N, 1) against scores of shape (N): silently N x N, here with one row more than is meant."""
    right = least_squares(a=a, b=b, c=c)
    return replace(
        right,
        critic=lambda real, fake: (
            (real[:, None] - torch.full_like(real, b)[None]).square().mean(1).sum() / 2 + (fake - a).square().mean() / 2
        ),
    )


LEAST_SQUARES_MUTANTS: dict[str, Make] = {
    f.__name__: f for f in (summed, squashed, labels_swapped, unhalved, cross_broadcast)
}


def check_least_squares_anchors(make: Make) -> None:
    """G6: right costs nothing, an undecided critic pays for half the way twice; means, whatever the batches."""
    for a, b, c in CODES:
        objective = make(a=a, b=b, c=c)
        zeros = torch.zeros(8, dtype=F64)
        assert_close(objective.critic(zeros + b, zeros + a).item(), 0.0)
        middle = (b - a) ** 2 / 4
        assert_close(objective.critic(zeros + (a + b) / 2, zeros[:5] + (a + b) / 2).item(), middle)
        assert_close(objective.generator(zeros + c).item(), 0.0)
        assert_close(objective.generator(zeros + c - 3).item(), 4.5)


def test_least_squares_at_its_anchors() -> None:
    check_least_squares_anchors(least_squares)


@mutants(LEAST_SQUARES_MUTANTS)
def test_least_squares_at_its_anchors_rejects(mutant: Make) -> None:
    rejects(check_least_squares_anchors, mutant)


def check_best_critic(make: Make) -> None:
    for a, b, c in CODES:
        p, q = tables(1)
        found = descended(make(a=a, b=b, c=c), p, q)
        assert_close(found, (b * p + a * q) / (p + q), rtol=0, atol=1e-6)


def test_least_squares_best_critic() -> None:
    check_best_critic(least_squares)


@mutants(
    {"squashed": squashed, "labels_swapped": labels_swapped, "c for b": lambda a, b, c: least_squares(a=a, b=c + 1)}
)
def test_least_squares_best_critic_rejects(mutant: Make) -> None:
    rejects(check_best_critic, mutant)


def check_slope(make: Make) -> None:
    """G7, and more: at -10 the pull is upwards and large, it grows with the distance, and beyond c it turns round."""
    for a, b, c in CODES:
        objective = make(a=a, b=b, c=c)
        assert pull(objective, -10.0) < -0.9
        for score in (-10.0, -1.0, 0.0, 0.5, 1.0, 10.0):
            assert_close(pull(objective, score), score - c)


def test_least_squares_slope() -> None:
    check_slope(least_squares)


@mutants(
    {
        "squashed": squashed,
        "unhalved": unhalved,
        "target a: the generator is trained to look generated": lambda a, b, c: least_squares(a=a, b=b, c=a),
        "target b": lambda a, b, c: least_squares(a=a, b=b, c=b),
        "minimax": lambda a, b, c: MINIMAX,
        "flipped": lambda a, b, c: replace(LEAST_SQUARES, generator=lambda fake: -(fake - c).square().mean() / 2),
    }
)
def test_least_squares_slope_rejects(mutant: Make) -> None:
    rejects(check_slope, mutant)


def both_terms(objective: Objective, p: Tensor, q: Tensor, *, a: float, b: float) -> Tensor:
    """C(G) of the paper: the generator's loss at the best critic, taken over the data as well."""
    best = (b * p + a * q) / (p + q)
    per_score = torch.stack([objective.generator(s[None]) for s in best])
    return ((p + q) * per_score).sum()


def check_pearson(make: Make) -> None:
    """With b - c = 1 and b - a = 2, twice C(G) is a chi square, to 1e-10; denominators tell which."""
    for seed in range(10):
        p, q = tables(seed)
        for a, b, c in ((-1.0, 1.0, 0.0), (2.0, 4.0, 3.0)):
            twice = 2 * both_terms(make(a=a, b=b, c=c), p, q, a=a, b=b)
            assert_close(twice, ((p - q).square() / (p + q)).sum(), rtol=0, atol=1e-10)
            assert_close(twice, PEARSON.divergence(2 * q, p + q), rtol=0, atol=1e-10)
            assert_close(twice, NEYMAN.divergence(p + q, 2 * q), rtol=0, atol=1e-10)


def test_least_squares_measures_a_chi_square() -> None:
    check_pearson(least_squares)


@mutants(
    {
        "unhalved": unhalved,
        "squashed": squashed,
        "c = b": lambda a, b, c: least_squares(a=a, b=b, c=b),
        "c = a": lambda a, b, c: least_squares(a=a, b=b, c=a),
    }
)
def test_least_squares_measures_a_chi_square_rejects(mutant: Make) -> None:
    rejects(check_pearson, mutant)


def frozen_steps(code: tuple[float, float, float], p: Tensor, logits: Tensor) -> Tensor:
    """300 steps of a table of logits, each with the best critic of the moment, frozen as the algorithm has it."""
    a, b, c = code
    objective = least_squares(a=a, b=b, c=c)
    for _ in range(300):
        q = logits.requires_grad_().softmax(0)
        best = ((b * p + a * q) / (p + q)).detach()
        per_score = torch.func.vmap(objective.generator)(best[:, None])
        (step,) = torch.autograd.grad((q * per_score).sum(), logits)
        logits = (logits - 8 * step).detach()
    return logits.softmax(0)


def check_frozen_descent(code: tuple[float, float, float]) -> None:
    """From close to the data the tables' game must end at the data."""
    for seed in (1, 2):
        rng = torch.Generator().manual_seed(seed)
        p = torch.randn(5, generator=rng, dtype=F64).softmax(0)
        start = p.log() + 0.2 * torch.randn(5, generator=rng, dtype=F64)
        assert kl(p, frozen_steps(code, p, start)) < kl(p, start.softmax(0)) / 100


@pytest.mark.parametrize("code", [(0.0, 1.0, 1.0), (-1.0, 1.0, 1.0)])
def test_frozen_least_squares_ends_at_the_data(code: tuple[float, float, float]) -> None:
    check_frozen_descent(code)


def test_frozen_least_squares_of_the_pearson_result_does_not() -> None:
    """The published theorem differentiates through the best critic; with it frozen, c in the middle leads away."""
    rejects(check_frozen_descent, (-1.0, 1.0, 0.0))


def test_least_squares_without_two_labels_is_refused() -> None:
    assert "choose two values" in refusal(ValueError, lambda: least_squares(a=1.0, b=1.0))


# --- smoothed labels -------------------------------------------------------------------------------------------------


def check_smoothing(make: Make) -> None:
    """The best critic is alpha p / (p + q); with alpha = 1 it is the ordinary one; the generator's loss stays."""
    p, q = tables(2)
    for alpha in (0.5, 0.9, 1.0):
        objective = make(real=alpha)
        assert_close(descended(objective, p, q).sigmoid(), alpha * p / (p + q), rtol=0, atol=1e-5)
    real, fake = torch.randn(2, 9, generator=torch.Generator().manual_seed(0), dtype=F64)
    assert_close(make(real=1.0).critic(real, fake[:4]), NON_SATURATING.critic(real, fake[:4]))
    assert_close(make(real=0.9).generator(fake), NON_SATURATING.generator(fake))


def smoothed(real_label: float, fake_label: float) -> Objective:
    def critic(real: Tensor, fake: Tensor) -> Tensor:
        return bce(real, torch.full_like(real, real_label)) + bce(fake, torch.full_like(fake, fake_label))

    return replace(NON_SATURATING, critic=critic)


def test_label_smoothing() -> None:
    check_smoothing(label_smoothing)
    check_smoothing(lambda real: smoothed(real, 0.0))  # by labels, as one writes it elsewhere


@mutants(
    {
        "both sides": lambda real: smoothed(real, 1 - real),
        "the fake side": lambda real: smoothed(1.0, 1 - real),
        "labels swapped": lambda real: smoothed(1 - real, 1.0),
        "scaled loss, same target": lambda real: replace(
            NON_SATURATING, critic=lambda r, f: real * softplus(-r).mean() + softplus(f).mean()
        ),
        "the generator too": lambda real: replace(
            label_smoothing(real=real), generator=lambda fake: bce(fake, torch.full_like(fake, real))
        ),
        "minimax by default": lambda real: label_smoothing(MINIMAX, real=real),
    }
)
def test_label_smoothing_rejects(mutant: Make) -> None:
    rejects(check_smoothing, mutant)


@pytest.mark.parametrize("real", [0.0, 1.1, -0.5])
def test_label_smoothing_wants_a_probability(real: float) -> None:
    assert "(0, 1]" in refusal(ValueError, lambda: label_smoothing(real=real))


# --- hinge -----------------------------------------------------------------------------------------------------------


def check_hinge(objective: Objective) -> None:
    """Right by the margin costs nothing and teaches nothing; undecided costs 2; the generator is always pulled by 1."""
    sure, undecided = torch.full((8,), 10.0, dtype=F64), torch.zeros(8, dtype=F64)
    assert objective.critic(sure, -sure[:3]) == 0
    assert_close(objective.critic(undecided, undecided[:5]).item(), 2.0)
    assert_close(objective.critic(-sure, sure).item(), 22.0)
    real = torch.tensor([0.99, 1.01], dtype=F64, requires_grad=True)
    (gradient,) = torch.autograd.grad(objective.critic(real, -sure), real)
    assert_close(gradient, torch.tensor([-0.5, 0.0], dtype=F64))
    for score in (-10.0, 0.0, 10.0):
        assert_close(pull(objective, score), -1.0)


def test_hinge() -> None:
    check_hinge(HINGE)


HINGE_CRITICS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "no margin": lambda real, fake: torch.relu(-real).mean() + torch.relu(fake).mean(),
    "labels swapped": lambda real, fake: torch.relu(1 + real).mean() + torch.relu(1 - fake).mean(),
    "not cut off": lambda real, fake: (1 - real).mean() + (1 + fake).mean(),
    "cut off after the mean": lambda real, fake: torch.relu((1 - real).mean()) + torch.relu((1 + fake).mean()) / 2,
    "smooth": lambda real, fake: softplus(1 - real).mean() + softplus(1 + fake).mean(),
    "halved": lambda real, fake: HINGE.critic(real, fake) / 2,
}


@mutants(
    {name: replace(HINGE, critic=critic) for name, critic in HINGE_CRITICS.items()}
    | {
        "cut off for the generator": replace(HINGE, generator=lambda fake: torch.relu(1 - fake).mean()),
        "generator flipped": replace(HINGE, generator=lambda fake: fake.mean()),
        "Wasserstein": WASSERSTEIN,
    }
)
def test_hinge_rejects(mutant: Objective) -> None:
    rejects(check_hinge, mutant)


def test_hinge_best_critic_is_a_sign() -> None:
    """Between -1 and 1 the expected loss is linear in each score, so that the best table sits at the margins."""
    p, q = tables(3)
    grid = torch.linspace(-3, 3, 601, dtype=F64)
    losses = p[:, None] * torch.relu(1 - grid) + q[:, None] * torch.relu(1 + grid)
    assert_close(grid[losses.argmin(dim=1)], (p - q).sign())


# --- Wasserstein -----------------------------------------------------------------------------------------------------


def check_wasserstein(objective: Objective) -> None:
    """Two point masses at 0 and 3, f(x) = x: minus the loss is their distance, and scaling f scales it (G5's sign)."""
    data, samples = torch.full((6,), 3.0, dtype=F64), torch.zeros(4, dtype=F64)
    for slope in (1.0, 0.1, 20.0):
        assert_close(-objective.critic(slope * data, slope * samples).item(), slope * 3.0)
    assert_close(objective.critic(data + 7, samples + 7), objective.critic(data, samples))
    for score in (-10.0, 10.0):
        assert_close(pull(objective, score), -1.0)


def test_wasserstein() -> None:
    check_wasserstein(WASSERSTEIN)


@mutants(
    {
        "hinge (sold as WGAN in labml)": HINGE,
        "sign flipped": replace(WASSERSTEIN, critic=lambda real, fake: real.mean() - fake.mean()),
        "generator flipped": replace(WASSERSTEIN, generator=lambda fake: fake.mean()),
        "through a sigmoid": replace(
            WASSERSTEIN, critic=lambda real, fake: (fake.sigmoid()).mean() - real.sigmoid().mean()
        ),
        "sums": replace(WASSERSTEIN, critic=lambda real, fake: fake.sum() - real.sum()),
        "halved": replace(WASSERSTEIN, critic=lambda real, fake: (fake.mean() - real.mean()) / 2),
        "absolute": replace(WASSERSTEIN, critic=lambda real, fake: (fake.mean() - real.mean()).abs()),
    }
)
def test_wasserstein_rejects(mutant: Objective) -> None:
    rejects(check_wasserstein, mutant)


# --- all of them -----------------------------------------------------------------------------------------------------

ALL = (
    LEAST_SQUARES,
    least_squares(a=-1.0, b=1.0, c=0.0),
    label_smoothing(),
    label_smoothing(MINIMAX),
    HINGE,
    WASSERSTEIN,
)


@pytest.mark.parametrize("objective", ALL, ids=lambda objective: objective.name)
def test_losses_are_finite_means_at_any_score(objective: Objective) -> None:
    """G13: batches of two sizes, and the same batch twice, change nothing; large scores stay numbers in float32."""
    rng = torch.Generator().manual_seed(0)
    real, fake = torch.randn(7, generator=rng), torch.randn(5, generator=rng)
    assert_close(objective.critic(real.repeat(2), fake.repeat(3)), objective.critic(real, fake))
    assert_close(objective.generator(fake.repeat(2)), objective.generator(fake))
    for size in (-1000.0, 1000.0):
        assert objective.critic(real + size, fake - size).isfinite() and objective.generator(fake + size).isfinite()


def test_smoothed_labels_stay_exact_at_large_scores() -> None:
    objective = label_smoothing(real=0.9)
    real, fake = torch.tensor([1000.0]), torch.tensor([-1000.0])
    assert_close(objective.critic(real, fake).item(), 100.0, rtol=1e-6, atol=0)
    undecided = partial(torch.zeros, 4)
    assert_close(objective.critic(undecided(), undecided()).item(), 2 * math.log(2))


def test_names_tell_the_objectives_apart() -> None:
    names = [objective.name for objective in ALL]
    assert len(set(names)) == len(names) and LEAST_SQUARES.name == "least squares"
