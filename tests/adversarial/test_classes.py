"""Classes read off by the critic: cross-entropies, AC-GAN's two signs and its bias, Salimans' K logits."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, nll_loss, softplus
from torch.testing import assert_close

from genmodels import data, training
from genmodels.adversarial import Auxiliary, Conditional, Generator, Labels, Objective, critic_step, mlp, play
from genmodels.adversarial.classes import (
    FEATURES_ONLY,
    SemiSupervised,
    auxiliary_value,
    class_loss,
    classification,
    feature_matching,
    supervised,
)
from genmodels.adversarial.objectives import NON_SATURATING
from genmodels.data import MISSING
from mutants import mutants, refusal, rejects

Classes = Callable[[Tensor, Tensor], Tensor]


def numbers(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=training.rng(seed), dtype=torch.float64)


# --- the cross-entropy of classes -----------------------------------------------------------------------------------


def check_class_loss_anchors(loss: Classes) -> None:
    """ln K without an opinion, 0 when right and sure, the margin when wrong and sure."""
    for k in (2, 10, 11):
        y = torch.arange(k)
        assert_close(loss(torch.zeros(k, k), y).item(), math.log(k))
        sure = 20 * torch.eye(k)
        assert loss(sure, y) < 1e-3, "right and sure must cost nothing"
        assert_close(loss(sure, (y + 1) % k).item(), 20.0, atol=1e-3, rtol=0)


def softmax_first(logits: Tensor, y: Tensor) -> Tensor:
    """PyTorch-GAN: acgan, infogan, sgan (issue 141); clvrai/ACGAN-PyTorch, pull request 4, had it with NLLLoss."""
    return cross_entropy(logits.softmax(dim=1), y)


def softmax_and_nll(logits: Tensor, y: Tensor) -> Tensor:  # Obj-GAN, issue 30: the loss is negative
    return nll_loss(logits.softmax(dim=1), y)


def summed(logits: Tensor, y: Tensor) -> Tensor:
    return cross_entropy(logits, y, reduction="sum")


def in_bits(logits: Tensor, y: Tensor) -> Tensor:
    return cross_entropy(logits, y) / math.log(2)


def binary(logits: Tensor, y: Tensor) -> Tensor:
    """One binary cross-entropy per class."""
    return torch.nn.functional.binary_cross_entropy_with_logits(logits, torch.eye(logits.shape[1])[y])


def test_class_loss_at_its_anchors() -> None:
    check_class_loss_anchors(class_loss)


@mutants({f.__name__: f for f in (softmax_first, softmax_and_nll, summed, in_bits, binary)})
def test_class_loss_at_its_anchors_rejects(mutant: Classes) -> None:
    rejects(check_class_loss_anchors, mutant)


@pytest.mark.parametrize(("k", "floor"), [(10, 1.461), (11, 1.543)])
def test_a_softmax_first_has_a_floor(k: int, floor: float) -> None:
    """Probabilities lie in [0, 1]: read as logits they can be apart by 1, never more."""
    perfect = 1e6 * torch.eye(k, dtype=torch.float64)
    lowest = softmax_first(perfect, torch.arange(k)).item()
    assert_close(lowest, math.log(1 + (k - 1) / math.e))
    assert_close(lowest, floor, atol=5e-4, rtol=0)


def check_missing(loss: Classes) -> None:
    """A row without a label neither counts nor pulls: value and gradient are those of the rows that have one."""
    logits = numbers(6, 4).requires_grad_()
    y = torch.tensor([2, MISSING, 0, MISSING, 3, 3])
    there = y != MISSING
    value = loss(logits, y)
    (gradient,) = torch.autograd.grad(value, logits)
    known = logits[there].detach().requires_grad_()
    expected = cross_entropy(known, y[there])
    (pull,) = torch.autograd.grad(expected, known)
    assert_close(value, expected)
    assert_close(gradient[there], pull)
    assert gradient[~there].abs().max() == 0


def of_all_rows(logits: Tensor, y: Tensor) -> Tensor:
    return cross_entropy(logits, y, ignore_index=MISSING, reduction="sum") / len(y)


def last_class(logits: Tensor, y: Tensor) -> Tensor:
    """-1 as NumPy reads it: the last class."""
    return cross_entropy(logits, y % logits.shape[1])


def clamped(logits: Tensor, y: Tensor) -> Tensor:
    return cross_entropy(logits, y.clamp_min(0))


def masked_logits(logits: Tensor, y: Tensor) -> Tensor:
    """Logits times the mask: a row of zeros still costs ln K."""
    return cross_entropy(logits * (y != MISSING)[:, None], y.clamp_min(0))


def test_missing_labels() -> None:
    check_missing(class_loss)


@mutants({f.__name__: f for f in (of_all_rows, last_class, clamped, masked_logits)})
def test_missing_labels_rejects(mutant: Classes) -> None:
    rejects(check_missing, mutant)


def check_nobody_labelled(loss: Classes) -> None:
    logits = numbers(3, 4).requires_grad_()
    value = loss(logits, torch.full((3,), MISSING))
    (gradient,) = torch.autograd.grad(value, logits)
    assert value == 0, "without labels there is nothing to charge"
    assert_close(gradient, torch.zeros_like(gradient))


def test_a_batch_without_labels_costs_nothing() -> None:
    check_nobody_labelled(class_loss)


@mutants({"mean of nothing": partial(cross_entropy, ignore_index=MISSING)})
def test_a_batch_without_labels_costs_nothing_rejects(mutant: Classes) -> None:
    rejects(check_nobody_labelled, mutant)


def test_a_batch_of_one_class_is_a_batch_like_any() -> None:
    logits = numbers(5, 3).requires_grad_()
    loss = class_loss(logits, torch.full((5,), 2))
    assert_close(loss, -logits.log_softmax(dim=1)[:, 2].mean())
    (gradient,) = torch.autograd.grad(loss, logits)
    assert_close(gradient.sum(dim=1), torch.zeros(5, dtype=torch.float64))


def test_labels_that_are_none() -> None:
    logits = torch.zeros(2, 10)
    assert "label 10 is none of the 10 classes" in refusal(
        ValueError, lambda: class_loss(logits, torch.tensor([10, 1]))
    )
    assert "label -2 is none" in refusal(ValueError, lambda: class_loss(logits, torch.tensor([-2, 1])))


# --- AC-GAN: one term, charged to both players ----------------------------------------------------------------------


def auxiliary(*, classes: int = 3, width: int = 8) -> Auxiliary:
    with training.isolated(0):
        return Auxiliary(nn.Sequential(nn.Linear(2, width), nn.Tanh()), width=width, outputs=classes).double()


TermOf = Callable[..., Tensor]


def check_both_batches(term: TermOf) -> None:
    """The term is the sum of two cross-entropies, of data by their labels and of samples by what was asked for; and
    the critic's weights learn from both.
    """
    critic = auxiliary()
    real, fake = (numbers(5, 2), torch.tensor([0, 1, 2, 0, 1])), (numbers(4, 2, seed=1), torch.tensor([2, 2, 0, 1]))
    expected = -torch.stack(
        [critic.infer(x).log_softmax(dim=1).gather(1, y[:, None]).mean() for x, y in (real, fake)]
    ).sum()
    loss = term(critic, real, fake, rng=training.rng(0))
    assert_close(loss, expected)
    body, head = next(critic.body.parameters()), critic.head.weight
    for ours, theirs in zip(*(torch.autograd.grad(of, [body, head]) for of in (loss, expected)), strict=True):
        assert_close(ours, theirs)


def check_both_players(term: TermOf) -> None:
    """A step down the term makes samples more recognisable, whoever steps: the sign is the same for both."""
    critic = auxiliary()
    made, asked = numbers(64, 2, seed=2).requires_grad_(), torch.arange(64) % 3
    real = numbers(64, 2, seed=3), torch.arange(64) % 3

    def recognised() -> float:
        return -cross_entropy(critic.infer(made), asked).item()

    before = recognised()
    loss = term(critic, real, (made, asked), rng=training.rng(0))
    weights = list(critic.parameters())
    by_sample, *by_weight = torch.autograd.grad(loss, [made, *weights], allow_unused=True)
    assert by_sample is not None, "the class term does not reach the generator"
    with torch.no_grad():
        made -= 1.0 * by_sample
        assert recognised() > before, "the generator hides its classes"
        before = recognised()
        for weight, gradient in zip(weights, by_weight, strict=True):
            if gradient is not None:
                weight -= 0.05 * gradient
        assert recognised() > before, "the critic does not learn the classes of samples"


def real_only(critic: Auxiliary, real: Any, fake: Any, *, rng: torch.Generator) -> Tensor:
    return class_loss(critic.infer(real[0]), real[1])


def fake_only(critic: Auxiliary, real: Any, fake: Any, *, rng: torch.Generator) -> Tensor:
    return class_loss(critic.infer(fake[0]), fake[1])


def detached(critic: Auxiliary, real: Any, fake: Any, *, rng: torch.Generator) -> Tensor:
    """The samples as the critic's step has them: no gradient reaches the generator."""
    return classification(critic, real, (fake[0].detach(), fake[1]), rng=rng)


def opposed(critic: Auxiliary, real: Any, fake: Any, *, rng: torch.Generator) -> Tensor:
    """The class term read as one more game: minus for samples."""
    return class_loss(critic.infer(real[0]), real[1]) - class_loss(critic.infer(fake[0]), fake[1])


def halved(critic: Auxiliary, real: Any, fake: Any, *, rng: torch.Generator) -> Tensor:
    """(d_real + d_fake) / 2, as in PyTorch-GAN's acgan: half the weight that the paper gives it."""
    return classification(critic, real, fake, rng=rng) / 2


def labels_of_data(critic: Auxiliary, real: Any, fake: Any, *, rng: torch.Generator) -> Tensor:
    """The samples are judged by the labels of the real batch."""
    y = real[1][: len(fake[0])]
    return class_loss(critic.infer(real[0]), real[1]) + class_loss(critic.infer(fake[0]), y)


def fixed_on_samples(critic: Auxiliary, real: Any, fake: Any, *, rng: torch.Generator) -> Tensor:
    """The critic's weights are detached where it sees samples: the value is right, and it learns from data alone."""
    frozen = copy.deepcopy(critic).requires_grad_(requires_grad=False)
    return class_loss(critic.infer(real[0]), real[1]) + class_loss(frozen.infer(fake[0]), fake[1])


def test_the_class_term_is_of_both_batches() -> None:
    check_both_batches(classification)


@mutants({f.__name__: f for f in (real_only, fake_only, opposed, halved, labels_of_data, fixed_on_samples)})
def test_the_class_term_is_of_both_batches_rejects(mutant: TermOf) -> None:
    rejects(check_both_batches, mutant)


def test_the_class_term_has_one_sign_for_both_players() -> None:
    check_both_players(classification)


@mutants({f.__name__: f for f in (real_only, detached, opposed)})
def test_the_class_term_has_one_sign_for_both_players_rejects(mutant: TermOf) -> None:
    rejects(check_both_players, mutant)


def test_the_weight_and_the_unread_label() -> None:
    critic = auxiliary()
    x, y = numbers(5, 2), torch.tensor([0, 1, 2, 0, 1])
    whole, tenth = (classification(critic, (x, y), (x, y), rng=training.rng(0), weight=w) for w in (1.0, 0.1))
    assert_close(tenth, whole / 10)
    assert_close(critic(x, y), critic(x, 2 - y), msg="the score must be earned by x alone")
    half = classification(critic, (x, torch.full((5,), MISSING)), (x, y), rng=training.rng(0))
    assert_close(half, class_loss(critic.infer(x), y))


# --- AC-GAN's bias, exactly -----------------------------------------------------------------------------------------

TABLE = torch.tensor([[0.3, 0.1, 0.1], [0.1, 0.1, 0.3]], dtype=torch.float64)  # classes overlap in every cell

Value = Callable[..., Tensor]


def best_response(q: Tensor, *, weight: float) -> Tensor:
    """What the generator descends against a score and a head that are tables, trained until nothing moves."""
    score = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    head = torch.zeros(3, 2, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([score, head], max_iter=300, tolerance_grad=1e-10, line_search_fn="strong_wolfe")

    def source() -> Tensor:
        return (TABLE.sum(0) * softplus(-score)).sum() + (q.sum(0) * softplus(score)).sum()

    def classes() -> Tensor:
        return -weight * ((TABLE + q) * head.log_softmax(dim=1).T).sum()

    def closure() -> float:
        optimizer.zero_grad()
        loss = source() + classes()
        loss.backward()
        return loss.item()

    optimizer.step(closure)
    return (classes() - source()).detach()


def check_value(value: Value) -> None:
    """Against the two players' own losses: the critic minimises both, the generator meets minus the first."""
    q = numbers(2, 3, seed=5).flatten().softmax(dim=0).reshape(2, 3)
    for weight in (0.0, 0.7):
        assert_close(value(TABLE, q, weight=weight), best_response(q, weight=weight), atol=1e-6, rtol=0)


def joint_divergence(p: Tensor, q: Tensor, *, weight: float) -> Tensor:
    """As if the score read the label: what the conditional GAN descends."""
    from genmodels.adversarial import jensen_shannon

    return auxiliary_value(p, q, weight=weight) + 2 * (
        jensen_shannon(p.flatten(), q.flatten()) - jensen_shannon(p.sum(0), q.sum(0))
    )


def entropy_of_samples(p: Tensor, q: Tensor, *, weight: float) -> Tensor:
    """The head trained on samples alone."""
    return auxiliary_value(p, q, weight=0.0) + weight * (
        auxiliary_value(q, q, weight=1.0) - auxiliary_value(q, q, weight=0.0)
    )


def class_term_flipped(p: Tensor, q: Tensor, *, weight: float) -> Tensor:
    return auxiliary_value(p, q, weight=-weight)


def test_auxiliary_value_is_the_game_at_its_best_response() -> None:
    check_value(auxiliary_value)


@mutants({f.__name__: f for f in (joint_divergence, entropy_of_samples, class_term_flipped)})
def test_auxiliary_value_is_the_game_at_its_best_response_rejects(mutant: Value) -> None:
    rejects(check_value, mutant)


def every_generator(parts: int = 5) -> list[Tensor]:
    """Every q(x | y) on three cells in steps of 1 / parts, with q(y) = 1/2."""
    simplex = [(i, j, parts - i - j) for i in range(parts + 1) for j in range(parts + 1 - i)]
    rows = torch.tensor(simplex, dtype=torch.float64) / parts / 2
    return [torch.stack([a, b]) for a in rows for b in rows]


def best_generator(p: Tensor, weight: float) -> Tensor:
    return min(every_generator(), key=lambda q: auxiliary_value(p, q, weight=weight).item())


def test_with_overlapping_classes_the_data_are_not_the_optimum() -> None:
    """Enumerated: any weight sends each class to its own side; without the term any pairing of labels is optimal."""
    for weight in (0.01, 0.1, 1.0):
        best = best_generator(TABLE, weight)
        assert auxiliary_value(TABLE, best, weight=weight) < auxiliary_value(TABLE, TABLE, weight=weight) - 1e-4
        assert best[0, 2] == 0 and best[1, 0] == 0, "mass was left beyond the boundary"
    shuffled = TABLE.sum(0).expand(2, 3) / 2
    for q in (TABLE, TABLE.flip(0), shuffled):
        assert_close(auxiliary_value(TABLE, q, weight=0.0).item(), -math.log(4))


def test_with_separate_classes_the_data_are_an_optimum() -> None:
    apart = torch.tensor([[0.3, 0.2, 0.0], [0.0, 0.0, 0.5]], dtype=torch.float64)
    for weight in (0.1, 1.0):
        lowest = auxiliary_value(apart, best_generator(apart, weight), weight=weight)
        assert_close(auxiliary_value(apart, apart, weight=weight), lowest, atol=1e-12, rtol=0)


# --- the semi-supervised GAN: K logits are K + 1 classes ------------------------------------------------------------


def from_k_logits(real: Tensor, fake: Tensor) -> Tensor:
    """The package's way: scores by `SemiSupervised`, losses by `FEATURES_ONLY`."""
    critic = SemiSupervised(nn.Identity(), width=real.shape[1], classes=real.shape[1]).double()
    with torch.no_grad():
        critic.head.weight.copy_(torch.eye(real.shape[1]))
        critic.head.bias.zero_()
    return FEATURES_ONLY.critic(critic(real), critic(fake))


KLoss = Callable[[Tensor, Tensor], Tensor]


def check_salimans(loss: KLoss) -> None:
    """Equal to a softmax over K + 1 classes whose last logit is 0: in value and in gradient, for large logits too."""
    for scale in (1.0, 30.0, 500.0):
        logits = [(scale * numbers(7, 4, seed=seed)).requires_grad_() for seed in (0, 1)]
        with_zero = [torch.cat([part, torch.zeros(7, 1, dtype=torch.float64)], dim=1) for part in logits]
        rest = with_zero[0].log_softmax(dim=1)[:, :-1].logsumexp(dim=1)
        expected = -rest.mean() - with_zero[1].log_softmax(dim=1)[:, -1].mean()
        assert_close(loss(*logits), expected, rtol=1e-6, atol=1e-6)
        for ours, theirs in zip(
            torch.autograd.grad(loss(*logits), logits), torch.autograd.grad(expected, logits), strict=True
        ):
            assert_close(ours, theirs, rtol=1e-6, atol=1e-6)


def largest_logit(real: Tensor, fake: Tensor) -> Tensor:
    return NON_SATURATING.critic(real.amax(dim=1), fake.amax(dim=1))


def sum_of_exponentials(real: Tensor, fake: Tensor) -> Tensor:
    """Z itself as the score."""
    return NON_SATURATING.critic(real.exp().sum(dim=1), fake.exp().sum(dim=1))


def naive_logarithm(real: Tensor, fake: Tensor) -> Tensor:
    """log of a sum of exponentials that overflow."""
    return NON_SATURATING.critic(real.exp().sum(dim=1).log(), fake.exp().sum(dim=1).log())


def mean_of_logits(real: Tensor, fake: Tensor) -> Tensor:
    return NON_SATURATING.critic(real.mean(dim=1), fake.mean(dim=1))


def normalised(real: Tensor, fake: Tensor) -> Tensor:
    """After a log-softmax the score is 0 whatever the logits: nothing is left to judge by."""
    return NON_SATURATING.critic(real.log_softmax(1).logsumexp(1), fake.log_softmax(1).logsumexp(1))


def swapped(real: Tensor, fake: Tensor) -> Tensor:
    return from_k_logits(fake, real)


def test_k_logits_are_a_softmax_over_k_plus_one() -> None:
    check_salimans(from_k_logits)


@mutants(
    {f.__name__: f for f in (largest_logit, sum_of_exponentials, naive_logarithm, mean_of_logits, normalised, swapped)}
)
def test_k_logits_are_a_softmax_over_k_plus_one_rejects(mutant: KLoss) -> None:
    rejects(check_salimans, mutant)


def test_a_common_shift_is_free_for_classes_and_all_for_the_score() -> None:
    critic = SemiSupervised(nn.Identity(), width=3, classes=5).double()
    x, y, shift = numbers(6, 3), torch.arange(6) % 5, 1.7
    loss, score = class_loss(critic.infer(x), y), critic(x)
    assert_close(class_loss(critic.infer(x) + shift, y), loss)
    with torch.no_grad():
        critic.head.bias += shift
    assert_close(class_loss(critic.infer(x), y), loss)
    assert_close(critic(x), score + shift)


# --- feature matching -----------------------------------------------------------------------------------------------

Matching = Callable[..., Tensor]


def matched() -> tuple[SemiSupervised, Tensor, Tensor]:
    with training.isolated(0):
        critic = SemiSupervised(mlp(2, 8, width=8), width=8, classes=3).double()
    return critic, numbers(32, 2), numbers(48, 2, seed=1)


def check_feature_matching(term: Matching) -> None:
    critic, x, y = matched()
    assert term(critic, x, x.clone(), rng=training.rng(0)) == 0, "equal batches match"
    again = x[torch.randperm(len(x), generator=training.rng(2))]
    assert term(critic, x, again, rng=training.rng(0)) < 1e-20, "the order of rows is nothing"
    gap = critic.body(x).mean(dim=0) - critic.body(y).mean(dim=0)
    assert_close(term(critic, x, y, rng=training.rng(0)), (gap**2).mean())


def check_pull(term: Matching) -> None:
    """Into the samples, none into the data."""
    critic, x, y = matched()
    x, y = x.requires_grad_(), y.requires_grad_()
    loss = term(critic, x, y, rng=training.rng(0))
    by_data, by_samples = torch.autograd.grad(loss, [x, y], allow_unused=True)
    assert by_data is None or by_data.abs().max() == 0, "the data are pulled"
    assert by_samples is not None and by_samples.abs().max() > 0, "the samples are not pulled"
    with torch.no_grad():
        closer = term(critic, x, y - 0.1 * by_samples, rng=training.rng(0))
    assert closer < loss


def row_by_row(critic: SemiSupervised, real: Tensor, fake: Tensor, *, rng: torch.Generator) -> Tensor:
    """The mean outside the square: pairs of strangers are compared, and every sample is drawn to the middle."""
    n = min(len(real), len(fake))
    return (critic.body(real[:n]).detach() - critic.body(fake[:n])).square().mean()


def of_scores(critic: SemiSupervised, real: Tensor, fake: Tensor, *, rng: torch.Generator) -> Tensor:
    return (critic(real).mean().detach() - critic(fake).mean()).square()


def absolute(critic: SemiSupervised, real: Tensor, fake: Tensor, *, rng: torch.Generator) -> Tensor:
    return (critic.body(real).mean(dim=0).detach() - critic.body(fake).mean(dim=0)).abs().mean()


def wrong_side_detached(critic: SemiSupervised, real: Tensor, fake: Tensor, *, rng: torch.Generator) -> Tensor:
    return (critic.body(real).mean(dim=0) - critic.body(fake).mean(dim=0).detach()).square().mean()


def not_detached(critic: SemiSupervised, real: Tensor, fake: Tensor, *, rng: torch.Generator) -> Tensor:
    return (critic.body(real).mean(dim=0) - critic.body(fake).mean(dim=0)).square().mean()


def test_feature_matching() -> None:
    check_feature_matching(feature_matching)


@mutants({f.__name__: f for f in (row_by_row, of_scores, absolute)})
def test_feature_matching_rejects(mutant: Matching) -> None:
    rejects(check_feature_matching, mutant)


def test_feature_matching_pulls_samples_alone() -> None:
    check_pull(feature_matching)


@mutants({f.__name__: f for f in (wrong_side_detached, not_detached)})
def test_feature_matching_pulls_samples_alone_rejects(mutant: Matching) -> None:
    rejects(check_pull, mutant)


def check_features_only(objective: Objective) -> None:
    scores = torch.linspace(-5, 5, 11, dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(objective.generator(scores), scores)
    assert objective.generator(scores) == 0 and gradient.abs().max() == 0


def test_without_its_term_the_generator_stands_still() -> None:
    check_features_only(FEATURES_ONLY)
    assert FEATURES_ONLY.critic is NON_SATURATING.critic


@mutants({"non-saturating": NON_SATURATING})
def test_without_its_term_the_generator_stands_still_rejects(mutant: Objective) -> None:
    rejects(check_features_only, mutant)


# --- in the game ----------------------------------------------------------------------------------------------------


Supervision = Callable[..., Tensor]


def check_supervised(supervision: Supervision) -> None:
    critic, x, _ = matched()
    few = data.Pairs(numbers(6, 2, seed=4), torch.tensor([0, 1, 2, 0, 1, 2]))
    term = partial(supervision, labelled=few, batch=16)
    once, again, other = (term(critic, x, x, rng=training.rng(seed)) for seed in (0, 0, 1))
    assert once == again and once != other
    drawn, labels = few.sample((16,), rng=training.rng(0))
    assert_close(once, class_loss(critic.infer(drawn), labels))


def shuffled_labels(critic: SemiSupervised, real: Any, fake: Any, *, labelled: data.Pairs, **given: Any) -> Tensor:
    """Images and labels are no longer row by row."""
    return supervised(critic, real, fake, labelled=data.Pairs(labelled.x, labelled.y.roll(1)), **given)


def weight_0(critic: SemiSupervised, real: Any, fake: Any, **given: Any) -> Tensor:
    return 0 * supervised(critic, real, fake, **given)


def always_the_first(
    critic: SemiSupervised, real: Any, fake: Any, *, rng: torch.Generator, labelled: data.Pairs, batch: int
) -> Tensor:
    """One batch for ever, whatever the stream."""
    return class_loss(critic.infer(labelled.x[:batch]), labelled.y[:batch])


def test_supervised_draws_from_the_labelled_and_repeats() -> None:
    check_supervised(supervised)


@mutants({f.__name__: f for f in (shuffled_labels, weight_0, always_the_first)})
def test_supervised_draws_from_the_labelled_and_repeats_rejects(mutant: Supervision) -> None:
    rejects(check_supervised, mutant)


def test_the_class_term_alone_teaches_the_generator_its_labels() -> None:
    """Two classes far apart: after a short game what was asked for is on its side; without the term it is not."""
    world = data.LabelledWorld(torch.tensor([[[-2.0, 0.0]], [[2.0, 0.0]]]), 0.3)
    asked = torch.arange(2).repeat_interleave(200)
    obeyed = {}
    for weight in (0.0, 1.0):
        with training.isolated(0):
            makes = Conditional(mlp(4 + 2, 2, width=32), Labels(2), latent=4)
            critic = Auxiliary(mlp(2, 32, width=32, depth=1), width=32, outputs=2)
        term = partial(classification, weight=weight)
        play(makes, critic, world, steps=100, batch=64, penalties=[term], generator_terms=[term], seed=0)
        obeyed[weight] = ((makes.given(asked, rng=training.rng(1))[:, 0] > 0) == (asked == 1)).double().mean().item()
    assert obeyed[1.0] > 0.95 and abs(obeyed[0.0] - 0.5) < 0.2, obeyed


def test_a_critic_step_with_labels_lowers_both_losses() -> None:
    critic, x, _ = matched()
    few = data.Pairs(x[:6], torch.arange(6) % 3)
    makes = Generator(mlp(2, 2, width=8).double(), latent=2)
    z = numbers(32, 2, seed=6)
    term = partial(supervised, labelled=few, batch=64)
    optimizer = torch.optim.SGD(critic.parameters(), lr=0.05)

    def losses() -> tuple[float, float]:
        with torch.no_grad():
            source = FEATURES_ONLY.critic(critic(x), critic(makes(z))).item()
            return source, term(critic, x, x, rng=training.rng(0)).item()

    before = losses()
    for _ in range(20):
        critic_step(makes, critic, FEATURES_ONLY, optimizer, x, z, penalties=[term], rng=training.rng(0))
    assert all(new < old for new, old in zip(losses(), before, strict=True))
