"""Objectives: their values, their slopes in the score, and their exactness at any score."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits as bce
from torch.testing import assert_close

from genmodels.adversarial.objectives import (
    MINIMAX,
    NON_SATURATING,
    PROBABILITY,
    Objective,
    cross_entropy,
    minimax,
    non_saturating,
    probability,
)
from mutants import mutants, rejects

CriticLoss = Callable[[Tensor, Tensor], Tensor]
GeneratorLoss = Callable[[Tensor], Tensor]


# --- the critic's loss: small when right, 2 log 2 when undecided -----------------------------------------------------


def check_anchors(critic: CriticLoss) -> None:
    """Not by comparison with a second formula, which could share a mistake: by what the loss is for."""
    sure, undecided = torch.full((8,), 10.0), torch.zeros(8)
    assert critic(sure, -sure) < 1e-3, "right and sure must cost nothing"
    assert_close(critic(undecided, undecided), torch.tensor(2 * math.log(2)))


def labels_swapped(real: Tensor, fake: Tensor) -> Tensor:  # udacity/deep-learning, pull request 238
    return bce(real, torch.zeros_like(real)) + bce(fake, torch.ones_like(fake))


def sigmoid_twice(real: Tensor, fake: Tensor) -> Tensor:  # soumith/ganhacks, issue 36
    return bce(real.sigmoid(), torch.ones_like(real)) + bce(fake.sigmoid(), torch.zeros_like(fake))


def halved(real: Tensor, fake: Tensor) -> Tensor:
    return cross_entropy(real, fake) / 2


def summed(real: Tensor, fake: Tensor) -> Tensor:
    return len(real) * cross_entropy(real, fake)


def real_only(real: Tensor, fake: Tensor) -> Tensor:
    return 2 * bce(real, torch.ones_like(real))


CRITIC_MUTANTS = {f.__name__: f for f in (labels_swapped, sigmoid_twice, halved, summed)}


def test_critic_loss_at_its_anchors() -> None:
    check_anchors(cross_entropy)


@mutants(CRITIC_MUTANTS)
def test_critic_loss_at_its_anchors_rejects(mutant: CriticLoss) -> None:
    rejects(check_anchors, mutant)


def check_definition(critic: CriticLoss) -> None:
    """The means of -log D over the data and of -log(1 - D) over the samples, in probabilities and float64."""
    rng = torch.Generator().manual_seed(0)
    real, fake = (torch.randn(n, generator=rng, dtype=torch.float64) * 3 for n in (7, 7))
    by_definition = -real.sigmoid().log().mean() - (1 - fake.sigmoid()).log().mean()
    assert_close(critic(real, fake), by_definition)


def test_critic_loss_is_minus_the_value_of_the_game() -> None:
    check_definition(cross_entropy)


@mutants(CRITIC_MUTANTS | {"real_only": real_only})
def test_critic_loss_is_minus_the_value_of_the_game_rejects(mutant: CriticLoss) -> None:
    rejects(check_definition, mutant)


# --- the generator's losses: three slopes that beginners confuse (corrections E-31, E-32) ----------------------------

SLOPES: dict[GeneratorLoss, Callable[[Tensor], Tensor]] = {
    minimax: lambda d: -d,
    non_saturating: lambda d: -(1 - d),
    probability: lambda d: -d * (1 - d),
}


def target_zero(fake: Tensor) -> Tensor:  # LantaoYu/SeqGAN, issue 33: the generator is trained to look generated
    return bce(fake, torch.zeros_like(fake))


def flipped(loss: GeneratorLoss) -> GeneratorLoss:
    return lambda fake: -loss(fake)


def slope(loss: GeneratorLoss, scores: Tensor) -> Tensor:
    """Derivative of the loss in each score, for a batch of one; the mean over the batch would only divide it."""
    a = scores.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(loss(a) * len(a), a)
    return gradient


def check_slope(loss: GeneratorLoss, expected: Callable[[Tensor], Tensor]) -> None:
    scores = torch.linspace(-12, 12, 97, dtype=torch.float64)
    assert_close(slope(loss, scores), expected(scores.sigmoid()), rtol=0, atol=1e-12)


WRONG_GENERATOR_LOSSES: dict[str, GeneratorLoss] = {
    "minimax": minimax,
    "non-saturating": non_saturating,
    "probability": probability,
    "target 0": target_zero,
    "minimax, sign flipped": flipped(minimax),
    "non-saturating, sign flipped": flipped(non_saturating),
    "probability, sign flipped": flipped(probability),
}


@pytest.mark.parametrize("loss", SLOPES)
def test_slopes_in_the_score(loss: GeneratorLoss) -> None:
    check_slope(loss, SLOPES[loss])


WRONG_PAIRS = [
    pytest.param(right, wrong, id=f"{right.__name__} is not {name}")
    for right in SLOPES
    for name, wrong in WRONG_GENERATOR_LOSSES.items()
    if wrong is not right
]


@pytest.mark.parametrize(("loss", "mutant"), WRONG_PAIRS)
def test_slopes_in_the_score_reject(loss: GeneratorLoss, mutant: GeneratorLoss) -> None:
    rejects(lambda wrong: check_slope(wrong, SLOPES[loss]), mutant)


def check_awake(loss: GeneratorLoss) -> None:
    """Where the critic is sure, the loss that is used in practice must still pull, and upwards."""
    (pull,) = slope(loss, torch.tensor([-10.0], dtype=torch.float64))
    assert pull < -0.9


def test_non_saturating_pulls_where_the_critic_is_sure() -> None:
    check_awake(non_saturating)


@mutants({name: loss for name, loss in WRONG_GENERATOR_LOSSES.items() if loss is not non_saturating})
def test_non_saturating_pulls_where_the_critic_is_sure_rejects(mutant: GeneratorLoss) -> None:
    rejects(check_awake, mutant)


def test_minimax_and_non_saturating_meet_at_an_undecided_critic() -> None:
    undecided = torch.zeros(1, dtype=torch.float64)
    for loss in (minimax, non_saturating):
        assert_close(slope(loss, undecided), torch.tensor([-0.5], dtype=torch.float64), rtol=0, atol=0)
    assert_close(non_saturating(undecided).item(), math.log(2))


# --- one game is zero-sum, the other is not (correction E-13) --------------------------------------------------------


def check_zero_sum(objective: Objective) -> None:
    """Both losses together must not depend on the generator: what remains is -E log D of the data."""
    rng = torch.Generator().manual_seed(0)
    real, fake = (torch.randn(16, generator=rng, dtype=torch.float64) * 2 for _ in range(2))
    fake.requires_grad_()
    total = objective.critic(real, fake) + objective.generator(fake)
    (gradient,) = torch.autograd.grad(total, fake)
    assert_close(gradient, torch.zeros_like(gradient), rtol=0, atol=1e-15)
    assert_close(total.detach(), -real.sigmoid().log().mean())


def test_minimax_is_zero_sum() -> None:
    check_zero_sum(MINIMAX)


@mutants(
    {
        "non-saturating": NON_SATURATING,
        "probability": PROBABILITY,
        "cooperative": replace(MINIMAX, generator=flipped(minimax)),
        "half a critic": replace(MINIMAX, critic=halved),
    }
)
def test_minimax_is_zero_sum_rejects(mutant: Objective) -> None:
    rejects(check_zero_sum, mutant)


def test_the_names_say_what_the_generator_minimises() -> None:
    assert [o.generator for o in (MINIMAX, NON_SATURATING, PROBABILITY)] == [minimax, non_saturating, probability]
    assert [o.name for o in (MINIMAX, NON_SATURATING, PROBABILITY)] == ["minimax", "non-saturating", "probability"]
    assert {o.critic for o in (MINIMAX, NON_SATURATING, PROBABILITY)} == {cross_entropy}


# --- exact at any score ----------------------------------------------------------------------------------------------

EXTREMES = torch.tensor([-1000.0, -100.0, -20.0, -1.0, 0.0, 1.0, 20.0, 100.0, 1000.0])


def check_exact(loss: GeneratorLoss, sign: int) -> None:
    """In float32, against sign * log(1 + exp(sign * a)) in NumPy's float64; the gradient must be finite as well."""
    for a in EXTREMES:
        a = a.reshape(1).requires_grad_()
        value = loss(a)
        (gradient,) = torch.autograd.grad(value, a)
        expected = np.logaddexp(0, sign * a.item()) * (-1 if sign > 0 else 1)
        assert_close(value.item(), expected, rtol=1e-6, atol=1e-30)
        assert gradient.isfinite().all(), f"gradient at {a.item()}"


def log_sigmoid_guarded(fake: Tensor) -> Tensor:
    return -(fake.sigmoid() + 1e-8).log().mean()


def log_sigmoid(fake: Tensor) -> Tensor:
    return -fake.sigmoid().log().mean()


def log_one_minus_sigmoid_guarded(fake: Tensor) -> Tensor:
    return (1 - fake.sigmoid() + 1e-8).log().mean()


def log_one_minus_sigmoid(fake: Tensor) -> Tensor:
    return (1 - fake.sigmoid()).log().mean()


def test_generator_losses_are_exact() -> None:
    check_exact(non_saturating, -1)
    check_exact(minimax, +1)
    assert probability(EXTREMES).isfinite()


def test_critic_loss_is_exact() -> None:
    nothing = torch.tensor([-200.0])  # its half of the loss is exactly 0 in float32
    check_exact(lambda a: cross_entropy(a, nothing), -1)
    check_exact(lambda a: -cross_entropy(-nothing, a), +1)


@mutants({f.__name__: f for f in (log_sigmoid_guarded, log_sigmoid)})
def test_non_saturating_is_exact_rejects(mutant: GeneratorLoss) -> None:
    rejects(lambda loss: check_exact(loss, -1), mutant)


@mutants({f.__name__: f for f in (log_one_minus_sigmoid_guarded, log_one_minus_sigmoid)})
def test_minimax_is_exact_rejects(mutant: GeneratorLoss) -> None:
    rejects(lambda loss: check_exact(loss, +1), mutant)
