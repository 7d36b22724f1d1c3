"""n-grams: counts by hand, smoothings that sum to one and keep an order, perplexities that are known."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from types import MethodType

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from genmodels import training
from genmodels.data.text import padded, words
from genmodels.sequence import StepModel, perplexity
from genmodels.sequence.ngram import (
    NGram,
    Smoothing,
    add,
    back_off,
    discounted,
    interpolated,
    maximum_likelihood,
)
from mutants import mutants, refusal, rejects

SMOOTHINGS: dict[str, Smoothing] = {
    "maximum likelihood": maximum_likelihood,
    "add one": add,
    "add a tenth": partial(add, k=0.1),
    "interpolated": interpolated,
    "discounted": discounted,
    "back-off": back_off,
}
TEXTS = ["bread with butter", "bread with butter", "bread with cheese", "socks with holes"]


def some_tokens(*, n: int = 40, length: int = 6, vocab: int = 5) -> Tensor:
    weights = torch.arange(1.0, vocab + 1)
    return torch.multinomial(weights, n * length, replacement=True, generator=training.rng(0)).reshape(n, length)


def lecture(order: int, smoothing: Smoothing) -> Callable[[str], float]:
    vocabulary = words(TEXTS)
    model = NGram(len(vocabulary), order=order, smoothing=smoothing).fit(padded([vocabulary.encode(t) for t in TEXTS]))
    return lambda text: model.log_prob(vocabulary.encode(text)[None]).exp().item()


def test_bread_with_butter_by_hand() -> None:
    """The counts of four sentences: 3/4 begin with bread, behind `with` two in four are butter."""
    p = lecture(2, maximum_likelihood)
    assert_close(p("bread with butter"), 3 / 4 * 1 * 2 / 4 * 1)
    assert_close(p("bread with holes"), 3 / 4 * 1 * 1 / 4 * 1)
    assert p("bread butter") == 0
    assert_close(lecture(3, maximum_likelihood)("bread with holes"), 0.0)
    assert lecture(3, interpolated)("bread with holes") > 0


@pytest.mark.parametrize("order", [1, 2, 3])
@pytest.mark.parametrize("smoothing", SMOOTHINGS.values(), ids=SMOOTHINGS)
def test_every_context_sums_to_one(order: int, smoothing: Smoothing) -> None:
    model = NGram(5, order=order, smoothing=smoothing).fit(some_tokens())
    for context in [*model.counts, (4,) * (order - 1), (5,) * (order - 1)]:
        p = model.probabilities(context)
        assert_close(p.sum().item(), 1.0)
        assert bool((p >= 0).all())


THREE = (torch.tensor([3.0, 1, 0], dtype=torch.float64), torch.tensor([0.2, 0.3, 0.5], dtype=torch.float64))


def check_add(smoothing: Callable[..., Tensor]) -> None:
    """By hand: counts (3, 1, 0) and half a count more for each."""
    assert_close(smoothing(*THREE, k=0.5), torch.tensor([3.5, 1.5, 0.5], dtype=torch.float64) / 5.5)


def test_add_by_hand() -> None:
    check_add(add)


@mutants(
    {
        "k ignored": lambda counts, shorter, *, k: add(counts, shorter),
        "k once and not V times": lambda counts, shorter, *, k: (counts + k) / (counts.sum() + k),
        "k with the shorter's shares": lambda counts, shorter, *, k: interpolated(counts, shorter, weight=k),
    }
)
def test_add_by_hand_rejects(mutant: Callable[..., Tensor]) -> None:
    rejects(check_add, mutant)


def check_interpolated(smoothing: Callable[..., Tensor]) -> None:
    """By hand: counts (3, 1, 0) and two tokens more, shared as (.2, .3, .5)."""
    assert_close(smoothing(*THREE, weight=2.0), torch.tensor([3.4, 1.6, 1], dtype=torch.float64) / 6)


def test_interpolated_by_hand() -> None:
    check_interpolated(interpolated)


@mutants(
    {
        "weight ignored": lambda counts, shorter, *, weight: interpolated(counts, shorter),
        "weight times V": lambda counts, shorter, *, weight: interpolated(counts, shorter, weight=weight * len(counts)),
        "the shorter not asked": lambda counts, shorter, *, weight: add(counts, shorter, k=weight / len(counts)),
    }
)
def test_interpolated_by_hand_rejects(mutant: Callable[..., Tensor]) -> None:
    rejects(check_interpolated, mutant)


def check_discounting(smoothing: Smoothing) -> None:
    """By hand: counts (3, 1, 0), the shorter context (.2, .3, .5), d = .75."""
    counts, shorter = torch.tensor([3.0, 1, 0], dtype=torch.float64), torch.tensor([0.2, 0.3, 0.5], dtype=torch.float64)
    freed = 2 * 0.75 / 4
    expected = torch.tensor([2.25, 0.25, 0], dtype=torch.float64) / 4 + freed * shorter
    assert_close(smoothing(counts, shorter), expected)


def freed_by_tokens(counts: Tensor, shorter: Tensor, *, d: float = 0.75) -> Tensor:
    """The freed mass counted as one discount, not one for each type."""
    return (counts - d).clamp_min(0) / counts.sum() + d / counts.sum() * shorter


def negative_kept(counts: Tensor, shorter: Tensor, *, d: float = 0.75) -> Tensor:
    return (counts - d + d * len(counts) * shorter) / counts.sum()


def test_discounting_by_hand() -> None:
    check_discounting(discounted)


@mutants({"one discount only": freed_by_tokens, "unseen below zero": negative_kept, "no shorter": maximum_likelihood})
def test_discounting_by_hand_rejects(mutant: Smoothing) -> None:
    rejects(check_discounting, mutant)


def check_back_off(smoothing: Smoothing) -> None:
    counts, shorter = torch.tensor([3.0, 1, 0, 0], dtype=torch.float64), torch.tensor([0.1, 0.3, 0.4, 0.2]).double()
    freed = 1.5 / 4
    expected = torch.tensor([2.25 / 4, 0.25 / 4, freed * 2 / 3, freed / 3], dtype=torch.float64)
    assert_close(smoothing(counts, shorter), expected)


def stupid(counts: Tensor, shorter: Tensor) -> Tensor:
    """Brants et al. 2007: a score, no distribution."""
    return torch.where(counts > 0, counts / counts.sum(), 0.4 * shorter)


def unnormalised(counts: Tensor, shorter: Tensor, *, d: float = 0.75) -> Tensor:
    """The freed mass spread with the shorter context's probabilities as they are: some of it is lost."""
    kept = (counts - d).clamp_min(0) / counts.sum()
    return torch.where(counts > 0, kept, (1 - kept.sum()) * shorter)


def test_back_off_by_hand() -> None:
    check_back_off(back_off)


@mutants({"stupid back-off": stupid, "mass lost": unnormalised, "interpolated": discounted})
def test_back_off_by_hand_rejects(mutant: Smoothing) -> None:
    rejects(check_back_off, mutant)


def test_perplexities_that_are_known() -> None:
    """Nothing counted: every token is one of V, and the perplexity is V. A deterministic text has perplexity 1."""
    tokens = some_tokens()
    assert_close(perplexity(NGram(5, order=1), tokens), 5.0)
    always = torch.tensor([[1, 2, 3, 0]] * 3)
    assert_close(perplexity(NGram(5, order=2, smoothing=maximum_likelihood).fit(always), always), 1.0)
    half = torch.tensor([[1, 0], [2, 0]])  # one fair choice in two tokens
    assert_close(perplexity(NGram(5, order=2, smoothing=maximum_likelihood).fit(half), half), math.sqrt(2))


def test_counts_are_of_texts_and_not_of_their_filling() -> None:
    model = NGram(4, order=2).fit(torch.tensor([[1, 0, 0, 0], [1, 2, 0, 3]]))
    assert model.counts[()] == {1: 2, 0: 2, 2: 1}
    assert (0,) not in model.counts


def test_longer_contexts_fit_better() -> None:
    """On its own texts the likelihood rises with the order."""
    tokens = some_tokens(n=60)
    fitted = [NGram(5, order=n, smoothing=maximum_likelihood).fit(tokens) for n in (1, 2, 3, 4)]
    own = [perplexity(model, tokens) for model in fitted]
    assert own == sorted(own, reverse=True)


def check_continuations(fit: Callable[[Tensor], NGram]) -> None:
    """San Francisco three times, a boat, the boat: Francisco is the frequent word, boat the versatile one."""
    san, francisco, a, the, boat = 1, 2, 3, 4, 5
    model = fit(torch.tensor([[san, francisco, 0]] * 3 + [[a, boat, 0], [the, boat, 0]]))
    assert model.counts[(san,)] == {francisco: 3}, "the longest contexts count occurrences"
    assert model.counts[()] == {san: 1, francisco: 1, a: 1, the: 1, boat: 2, 0: 2}


def test_continuations_are_kinds_and_not_occurrences() -> None:
    """Kneser and Ney's example: behind an unknown word comes the boat."""

    def fit(tokens: Tensor) -> NGram:
        return NGram(6, order=2, smoothing=discounted, continuations=True).fit(tokens)

    check_continuations(fit)
    tokens = torch.tensor([[1, 2, 0]] * 3 + [[3, 5, 0], [4, 5, 0]])
    p = fit(tokens).probabilities((0,))  # a context that never was
    assert p[5] > p[2]
    assert_close(fit(tokens[:2]).fit(tokens[2:]).probabilities((0,)), p)
    p = NGram(6, order=2, smoothing=discounted).fit(tokens).probabilities((0,))
    assert p[5] < p[2]


def everywhere(tokens: Tensor) -> NGram:
    """Counts kinds in the longest contexts too."""
    return NGram(6, order=2, continuations=True).fit(tokens.unique(dim=0))


@mutants({"occurrences": lambda tokens: NGram(6, order=2).fit(tokens), "kinds everywhere": everywhere})
def test_continuations_are_kinds_and_not_occurrences_rejects(mutant: Callable[[Tensor], NGram]) -> None:
    rejects(check_continuations, mutant)


@pytest.mark.parametrize("order", [1, 2, 4])
@pytest.mark.parametrize("room", [2**24, 1])
def test_each_log_probability_is_that_of_the_logits(order: int, room: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """`log_probs` takes the tokens in another order, some at a time, and remembers little: it must not show."""
    monkeypatch.setattr("genmodels.sequence.ngram._ROOM", room)
    model, tokens = NGram(5, order=order, smoothing=discounted).fit(some_tokens()), some_tokens(n=7).flip(1)
    assert_close(model.log_probs(tokens), StepModel.log_probs(model, tokens))
    text = some_tokens(n=1, length=30)
    endless = NGram(5, order=order, eos=None).fit(text)
    assert_close(endless.log_probs(text), StepModel.log_probs(endless, text))


def check_state(contexts: Callable[..., Tensor]) -> None:
    """From a state, too, the beginning is read first, as by stepping."""
    tokens = some_tokens(n=7).flip(1)
    for order in (1, 2, 3, 4):
        model = NGram(5, order=order, smoothing=discounted, eos=None).fit(some_tokens())
        model._contexts = MethodType(contexts, model)  # type: ignore[method-assign]
        state = some_tokens(n=7, length=order - 1) if order > 1 else model.start(7)
        assert_close(model.logits(tokens, state=state), StepModel.logits(model, tokens, state=state))
        assert_close(model.log_probs(tokens, state=state), StepModel.log_probs(model, tokens, state=state))
        assert_close(model.logits(tokens), StepModel.logits(model, tokens))


def nothing_read(model: NGram, tokens: Tensor, state: Tensor | None = None) -> Tensor:
    """The state's tokens stand before the text, and no beginning between them."""
    before = model.start(len(tokens)) if state is None else state
    if model.order == 1:
        return before[:, None].expand(-1, tokens.shape[1], -1)
    return torch.cat([before, tokens], dim=1).unfold(1, model.order - 1, 1)[:, : tokens.shape[1]]


def state_ignored(model: NGram, tokens: Tensor, state: Tensor | None = None) -> Tensor:
    return NGram._contexts(model, tokens)


def test_a_state_is_read_on_from() -> None:
    check_state(NGram._contexts)


@mutants({"no beginning read": nothing_read, "state ignored": state_ignored})
def test_a_state_is_read_on_from_rejects(mutant: Callable[..., Tensor]) -> None:
    rejects(check_state, mutant)


def test_tokens_of_another_vocabulary_are_refused() -> None:
    for foreign in (torch.tensor([[1, 5, 0]]), torch.tensor([[-1, 0]])):
        assert "numbers from 0 to 4" in refusal(ValueError, lambda foreign=foreign: NGram(5, order=2).fit(foreign))


def test_an_order_below_one_is_refused() -> None:
    assert "an order of 1 or more" in refusal(ValueError, lambda: NGram(5, order=0))
