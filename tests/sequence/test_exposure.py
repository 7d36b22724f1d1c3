"""Measures of exposure bias: against enumeration of every prefix, and the worlds they are measured in."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor
from torch.testing import assert_close

from genmodels import training
from genmodels.data.grammar import Grammar
from genmodels.sequence import Exact, Recurrent, StepModel, exposure, forced, nll, unroll, within
from genmodels.sequence.exposure import (
    filled,
    first_impossible,
    next_kl,
    next_tv,
    prefix_tv,
    sentences,
    states,
    told_apart,
)
from genmodels.sequence.noisy import Noisy
from mutants import mutants, refusal, rejects

SMALL = Grammar({"S": {"A b A": 1, "A": 2}, "A": {"a": 1, "a b": 3}}).automaton()
VOCAB, LENGTH = 3, 6


def lively(*, eos: int | None = 0, seed: int = 7) -> StepModel:
    model = Recurrent(VOCAB, hidden=5, eos=eos)
    with torch.no_grad():
        for p in model.parameters():
            p.copy_(1.2 * torch.randn(p.shape, generator=training.rng(seed)))
    return model.double().eval()


def every(length: int) -> Tensor:
    return torch.tensor(list(itertools.product(range(VOCAB), repeat=length)))


def closed() -> Tensor:
    """Every text of at most LENGTH tokens once, its end filled up."""
    texts = every(LENGTH)
    return texts.masked_fill(~within(texts, eos=0), 0).unique(dim=0)


# --- the world that forgives -----------------------------------------------------------------------------------------

NOISE = 0.3
Make = Callable[..., StepModel]


def by_brute_force(tokens: Tensor) -> Tensor:
    """The sum over everything that may have been meant."""
    prob, follow = SMALL.prob, SMALL.follow.clone()
    follow[:, 0] = 0
    total = torch.zeros(len(tokens), dtype=torch.float64)
    for meant in itertools.product(range(VOCAB), repeat=tokens.shape[1]):
        state, p = 0, 1.0
        for word in meant:
            p *= prob[state, word].item()
            state = int(follow[state, word])
        same = tokens == torch.tensor(meant)
        total += p * torch.where(same, 1 - NOISE + NOISE / VOCAB, NOISE / VOCAB).prod(dim=1)
    return total


def check_noisy(make: Make) -> None:
    world, tokens = make(SMALL, noise=NOISE), every(4)
    assert_close(world.log_prob(tokens).exp().sum().item(), 1.0)
    assert_close(world.log_prob(tokens).exp(), by_brute_force(tokens))


class Forgets(Noisy):
    """Behind a mistake, the reader takes the token at its word."""

    def read(self, token: Tensor, belief: Tensor) -> Tensor:
        said, there = self.prob.T[token], self.follow.T[token]
        meant = torch.zeros_like(belief).scatter_add_(1, there, belief * said)
        total = meant.sum(dim=1, keepdim=True)
        return torch.where(total > 0, meant / total, belief)


class Inserts(Noisy):
    """A mistake is a token too many: the sentence does not move."""

    def read(self, token: Tensor, belief: Tensor) -> Tensor:
        self.moves = torch.eye(len(self.moves), dtype=torch.float64)
        return super().read(token, belief)


class Unnormalised(Noisy):
    def read(self, token: Tensor, belief: Tensor) -> Tensor:
        said, there = self.prob.T[token], self.follow.T[token]
        meant = torch.zeros_like(belief).scatter_add_(1, there, belief * said)
        return (1 - self.noise) * meant + self.noise / self.vocab * belief @ self.moves


class Shifted(Noisy):
    """The state before the token instead of the one behind it."""

    def read(self, token: Tensor, belief: Tensor) -> Tensor:
        said = self.prob.T[token]
        found = belief * ((1 - self.noise) * said + self.noise / self.vocab)
        return found / found.sum(dim=1, keepdim=True)


def test_mistyped_sentences_have_exact_probabilities() -> None:
    check_noisy(Noisy)


@mutants({f.__name__: f for f in (Forgets, Inserts, Unnormalised, Shifted)})
def test_mistyped_sentences_have_exact_probabilities_rejects(mutant: Make) -> None:
    rejects(check_noisy, mutant)


def test_a_noise_that_is_none() -> None:
    for noise in (0.0, 1.0, -0.1):
        assert "choose one between 0 and 1" in refusal(ValueError, lambda noise=noise: Noisy(SMALL, noise=noise))  # type: ignore[misc]


def test_every_prefix_is_possible_in_it() -> None:
    assert exposure.inside(Noisy(SMALL, noise=0.01), every(4)).all()


Inside = Callable[[StepModel, Tensor], Tensor]


def check_inside(inside: Inside) -> None:
    """True while the words before the position begin some sentence of the world and none of them is the end."""
    said = [tuple(words) for words, _ in SMALL.sentences()]
    assert max(len(words) for words in said) <= LENGTH
    beginnings = {words[:t] for words in said for t in range(len(words))}
    own = every(LENGTH)
    expected = [[tuple(row[:t]) in beginnings for t in range(LENGTH)] for row in own.tolist()]
    assert torch.equal(inside(Exact(SMALL), own), torch.tensor(expected))


@mutants(
    {
        "with the word itself": lambda world, own: exposure.inside(world, own) & (world.log_probs(own) > -math.inf),
        "one word late": lambda world, own: (
            exposure.inside(world, own).roll(1, dims=1).index_fill(1, torch.tensor([0]), True)
        ),
        "also behind the end": lambda world, own: torch.cat(
            [torch.ones(len(own), 1).bool(), world.log_probs(own).cumsum(1).isfinite()[:, :-1]], dim=1
        ),
    }
)
def test_where_the_strict_world_still_speaks_rejects(mutant: Inside) -> None:
    rejects(check_inside, mutant)


def test_where_the_strict_world_still_speaks() -> None:
    check_inside(exposure.inside)


# --- errors of the next word -----------------------------------------------------------------------------------------

NextKl = Callable[[StepModel, StepModel, Tensor], Tensor]


def check_chain_rule(kl: NextKl) -> None:
    """Summed along the world's own texts, the errors are the divergence of whole texts: KL(p || q), nothing more."""
    world, model, texts = Exact(SMALL), lively(), closed()
    p, q = world.log_prob(texts), model.log_prob(texts)
    possible = p.isfinite()
    along = kl(world, model, texts[possible]).nansum(dim=1)
    whole = (p.exp() * (p - q))[possible].sum()
    assert_close((p[possible].exp() * along).sum(), whole)


def check_undefined(kl: NextKl) -> None:
    """Nothing is said of a text that has ended, nor where the world is silent; the word that leaves it is charged."""
    a, b = (SMALL.vocabulary.numbers[word] for word in ("a", "b"))
    texts = torch.tensor([[a, 0, 0, 0, 0, 0], [b, a, b, a, 0, 0], [a, b, a, 0, 0, 0]])
    expected = torch.tensor([[1, 1, 0, 0, 0, 0], [1, 0, 0, 0, 0, 0], [1, 1, 1, 1, 0, 0]]).bool()
    assert torch.equal(kl(Exact(SMALL), lively(), texts).isfinite(), expected)


def reverse(world: StepModel, model: StepModel, tokens: Tensor) -> Tensor:
    p, q = (x.logits(tokens).double().log_softmax(2) for x in (world, model))
    each = (q.exp() * (q - p.clamp_min(-50))).sum(2)
    return torch.where(exposure.inside(world, tokens), each, math.nan)


def late(world: StepModel, model: StepModel, tokens: Tensor) -> Tensor:
    """The prefix with the word itself."""
    return next_kl(world, model, tokens).roll(-1, dims=1)


def everywhere(world: StepModel, model: StepModel, tokens: Tensor) -> Tensor:
    """As if the world still meant something behind the impossible and behind the end."""
    with patch.object(exposure, "inside", lambda world, tokens: torch.ones_like(tokens, dtype=torch.bool)):
        return next_kl(world, model, tokens)


def impossible_words_too(world: StepModel, model: StepModel, tokens: Tensor) -> Tensor:
    """A word is left out as soon as it is impossible itself, so that leaving the world costs nothing."""
    with patch.object(exposure, "inside", lambda world, tokens: world.log_probs(tokens).cumsum(1).isfinite()):
        return next_kl(world, model, tokens)


def in_bits(world: StepModel, model: StepModel, tokens: Tensor) -> Tensor:
    return next_kl(world, model, tokens) / math.log(2)


def test_errors_add_up_to_the_divergence_of_texts() -> None:
    check_chain_rule(next_kl)


def test_errors_are_undefined_where_the_world_is_silent() -> None:
    check_undefined(next_kl)
    check_undefined(next_tv)


@mutants({f.__name__: f for f in (reverse, in_bits)})
def test_errors_add_up_to_the_divergence_of_texts_rejects(mutant: NextKl) -> None:
    rejects(check_chain_rule, mutant)


@mutants({f.__name__: f for f in (everywhere, impossible_words_too, late)})
def test_errors_are_undefined_where_the_world_is_silent_rejects(mutant: NextKl) -> None:
    rejects(check_undefined, mutant)


# --- the curve -------------------------------------------------------------------------------------------------------

Measure = Callable[..., Any]


def expectations(world: StepModel, model: StepModel, *, steps: int) -> tuple[Tensor, Tensor]:
    """The two curves by enumeration of all texts without an end."""
    texts = every(steps)
    each = next_kl(world, model, texts)
    curves = []
    for source in (world, model):
        before = source.log_prob(texts).exp()
        curves.append((before[:, None] * each).sum(dim=0))
    return curves[0], curves[1]


def check_curve(measure: Measure) -> None:
    world, model = Noisy(SMALL, noise=0.1), lively(eos=None)
    forced_error, free_error = expectations(world, model, steps=4)
    assert (free_error - forced_error).abs().max() > 0.1, "a check on models without bias would see nothing"
    found = measure(world, model, n=4000, steps=4, rng=training.rng(0))
    for mean, exact in ((found.forced, forced_error), (found.free, free_error)):
        assert ((mean.value - exact).abs() < 4.5 * mean.error + 1e-9).all()
        assert mean.error.max() < 0.1
    assert_close(found.bias, found.free.value - found.forced.value)
    assert_close(found.bias[0].item(), 0.0), "at the beginning there is no prefix"


def drawing(first: str, second: str) -> Measure:
    """The measure with its prefixes from elsewhere."""

    def measure(world: StepModel, model: StepModel, *, n: int, steps: int, rng: torch.Generator) -> Any:
        sources = {"world": world, "model": model}
        a, b = (sources[name].sample((n,), steps=steps, rng=rng) for name in (first, second))
        each = (exposure.mean(next_kl(world, model, tokens)) for tokens in (a, b))
        return exposure.Exposure(*each, torch.zeros(steps))

    return measure


def test_the_curves_are_expectations() -> None:
    check_curve(exposure.exposure)


@mutants(
    {
        "swapped": drawing("model", "world"),
        "the world's prefixes twice": drawing("world", "world"),
        "the model's prefixes twice": drawing("model", "model"),
    }
)
def test_the_curves_are_expectations_rejects(mutant: Measure) -> None:
    rejects(check_curve, mutant)


def test_a_model_that_is_the_world_has_no_error() -> None:
    world = Noisy(SMALL, noise=0.1)
    found = exposure.exposure(world, Noisy(SMALL, noise=0.1), n=50, steps=5, rng=training.rng(0))
    assert_close(found.bias, torch.zeros(5, dtype=torch.float64), rtol=0, atol=1e-12)


def test_what_has_left_the_world_stays_counted() -> None:
    """The share outside never falls, also where the text has ended; it is the share of impossible texts in the end."""
    world, model = Exact(SMALL), lively()
    found = exposure.exposure(world, model, n=2000, steps=LENGTH, rng=training.rng(0))
    assert (found.left.diff() >= 0).all() and found.left[0] == 0 and found.left[-1] > 0.1
    texts = closed()
    outside = ~world.log_probs(texts)[:, : LENGTH - 1].sum(dim=1).isfinite()
    assert abs(found.left[-1] - model.log_probs(texts).sum(1).exp()[outside].sum()) < 0.05


# --- whole prefixes --------------------------------------------------------------------------------------------------


def check_prefix_tv(measure: Measure) -> None:
    """Half the sum of absolute differences over all prefixes, which only a small world allows; and its bound."""
    world, model = Noisy(SMALL, noise=0.1), lively(eos=None)
    own = model.sample((4000,), steps=4, rng=training.rng(1))
    value, error = measure(world, model, own)
    bound = 0.0
    for t in range(1, 5):
        p, q = (x.log_prob(every(t)).exp() for x in (world, model))
        exact = (p - q).abs().sum() / 2
        assert abs(value[t - 1] - exact) < 4.5 * error[t - 1] + 1e-9
        bound += (p[:, None] * next_tv(world, model, every(t)))[:, -1].sum().item()
        assert exact <= bound + 1e-12, "the teacher-forced errors bound it"


def upside_down(world: StepModel, model: StepModel, own: Tensor) -> Any:
    return prefix_tv(model, world, own)


def without_a_bound(world: StepModel, model: StepModel, own: Tensor) -> Any:
    ratio = (world.log_probs(own) - model.log_probs(own)).cumsum(dim=1)
    return exposure.mean(1 - ratio.exp())


def word_by_word(world: StepModel, model: StepModel, own: Tensor) -> Any:
    ratio = world.log_probs(own) - model.log_probs(own)
    return exposure.mean(1 - ratio.clamp_max(0).exp())


def absolute(world: StepModel, model: StepModel, own: Tensor) -> Any:
    ratio = (world.log_probs(own) - model.log_probs(own)).cumsum(dim=1)
    return exposure.mean((1 - ratio.exp()).abs())


def one_word_short(world: StepModel, model: StepModel, own: Tensor) -> Any:
    value, error = prefix_tv(world, model, own)
    return value.roll(1), error


def test_total_variation_of_prefixes() -> None:
    check_prefix_tv(prefix_tv)


@mutants({f.__name__: f for f in (upside_down, without_a_bound, word_by_word, absolute, one_word_short)})
def test_total_variation_of_prefixes_rejects(mutant: Measure) -> None:
    rejects(check_prefix_tv, mutant)


def test_impossible_texts_are_apart_for_good() -> None:
    world, model = Exact(SMALL), lively()
    own = filled(model.sample((500,), steps=LENGTH, rng=training.rng(0)), steps=LENGTH, eos=0)
    value, _ = prefix_tv(world, model, own)
    impossible = (world.log_prob(own) == -math.inf).double().mean()
    assert value[-1] >= impossible > 0.1
    where = first_impossible(world, own)
    assert_close((where < LENGTH).double().mean(), impossible)
    assert_close(where[0].item(), next((t for t, x in enumerate(world.log_probs(own)[0]) if x == -math.inf), LENGTH))


def check_directions(measure: Measure) -> None:
    """Forward: the world's texts under the model; backward: the model's possible texts under the world."""
    world, model, rng = Exact(SMALL), lively(), training.rng(0)
    true, own = (filled(x.sample((400,), steps=LENGTH, rng=rng), steps=LENGTH, eos=0) for x in (world, model))
    found = measure(world, model, true, own)
    good = own[world.log_prob(own).isfinite()]
    assert 0 < len(good) < len(own)
    assert_close(found.possible, len(good) / len(own))
    assert_close(found.forward, nll(model, true).item())
    assert_close(found.backward, nll(world, good).item())
    assert abs(found.forward - found.backward) > 0.05, "a check on equal numbers would see no swap"


def swapped(world: StepModel, model: StepModel, true: Tensor, own: Tensor) -> Any:
    found = sentences(world, model, true, own)
    return found._replace(forward=found.backward, backward=found.forward)


def per_sentence(world: StepModel, model: StepModel, true: Tensor, own: Tensor) -> Any:
    """The mean of the sentences' means, in which short ones weigh more."""
    words = within(true, eos=0).sum(dim=1)
    each = -model.log_prob(true) / words
    return sentences(world, model, true, own)._replace(forward=each.mean().item())


def words_of_all(world: StepModel, model: StepModel, true: Tensor, own: Tensor) -> Any:
    """Divided by the words of the impossible texts as well."""
    found = sentences(world, model, true, own)
    good = world.log_prob(own).isfinite()
    words = within(own, eos=0).sum(dim=1)
    return found._replace(backward=found.backward * words[good].sum().item() / words.sum().item())


def its_own_opinion(world: StepModel, model: StepModel, true: Tensor, own: Tensor) -> Any:
    """Backward, the model judges itself."""
    good = own[world.log_prob(own).isfinite()]
    return sentences(world, model, true, own)._replace(backward=nll(model, good).item())


def test_sentences_in_both_directions() -> None:
    check_directions(sentences)


@mutants({f.__name__: f for f in (swapped, per_sentence, words_of_all, its_own_opinion)})
def test_sentences_in_both_directions_rejects(mutant: Measure) -> None:
    rejects(check_directions, mutant)


def test_sentences_of_the_world_itself() -> None:
    world, model, rng = Exact(SMALL), lively(), training.rng(0)
    true, own = (filled(x.sample((400,), steps=LENGTH, rng=rng), steps=LENGTH, eos=0) for x in (world, model))
    found = sentences(world, model, true, own)
    same = sentences(world, world, true, true)
    assert same.possible == 1 and abs(same.forward - same.backward) < 1e-9
    twice = torch.cat([own, own])
    assert_close(sentences(world, model, true, twice).distinct, found.distinct / 2)


# --- hidden states ---------------------------------------------------------------------------------------------------

Judge = Callable[..., float]


def check_judge(judge: Judge) -> None:
    """A half where there is nothing to see, in spite of forty directions to see it in; near one where there is."""
    rng = training.rng(0)
    a, b = (torch.randn(120, 40, generator=rng) for _ in range(2))
    assert abs(judge(a, b, rng=training.rng(1)) - 0.5) < 0.12
    assert judge(a, b + 2, rng=training.rng(1)) > 0.95
    assert abs(judge(a, b[:30], rng=training.rng(1)) - 0.5) < 0.3, "the larger set wins by its size"


def trained_on_the_test(a: Tensor, b: Tensor, *, rng: torch.Generator) -> float:
    x, y = torch.cat([a, b]), torch.arange(2).repeat_interleave(len(a))[: len(a) + len(b)]
    return float(exposure.LogisticRegression(max_iter=1000).fit(x.numpy(), y.numpy()).score(x.numpy(), y.numpy()))


def unbalanced(a: Tensor, b: Tensor, *, rng: torch.Generator) -> float:
    x = torch.cat([a, b])
    y = (torch.arange(len(x)) >= len(a)).long()
    seen = torch.randperm(len(x), generator=rng) < len(x) // 2
    judge = exposure.LogisticRegression(C=1e-4).fit(x[seen].numpy(), y[seen].numpy())
    return float(judge.score(x[~seen].numpy(), y[~seen].numpy()))


def test_a_two_sample_test_by_a_classifier() -> None:
    check_judge(told_apart)
    few = torch.zeros(3, 2)
    assert "2 points of each kind are too few" in refusal(ValueError, lambda: told_apart(few, few, rng=training.rng(0)))


@mutants({f.__name__: f for f in (trained_on_the_test, unbalanced)})
def test_a_two_sample_test_by_a_classifier_rejects(mutant: Judge) -> None:
    rejects(check_judge, mutant)


def test_states_are_those_of_reading() -> None:
    model, texts = lively(), closed()[:5]
    found = states(model, texts)
    assert found.shape == (5, LENGTH, 5)
    changed = texts.clone()
    changed[:, 3] = 2 - changed[:, 3]
    assert torch.equal(states(model, changed)[:, :4], found[:, :4])  # position 3 is before token 3 is read
    trace = unroll(model, forced(texts), steps=3, n=5, stop=False)
    assert_close(found[:, 2], trace.state[0][:, -1])
