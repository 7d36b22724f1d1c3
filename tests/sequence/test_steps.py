"""Properties of every step model: parallel equals stepping, sums to one, samples agree, padding changes nothing."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from torch.testing import assert_close

from genmodels import training
from genmodels.data.grammar import Grammar
from genmodels.sequence import (
    Exact,
    NGram,
    Recurrent,
    StepModel,
    Trace,
    Transformer,
    cut,
    forced,
    free,
    greedy,
    nll,
    perplexity,
    prefix_then,
    scheduled,
    select,
    transformer,
    unroll,
    within,
)
from mutants import mutants, refusal, rejects

VOCAB, LENGTH = 3, 4
SMALL = Grammar({"S": {"A b A": 1, "A": 2}, "A": {"a": 1, "a b": 3}})


def lively(model: StepModel) -> StepModel:
    """Weights so large that the model has opinions: a test on a nearly uniform one sees little."""
    with torch.no_grad():
        for p in model.parameters():
            p.copy_(1.5 * torch.randn(p.shape, generator=training.rng(7)))
    return model.double().eval()


def counted(order: int) -> StepModel:
    return NGram(VOCAB, order=order).fit(torch.randint(VOCAB, (30, 6), generator=training.rng(3)))


MODELS: dict[str, Callable[[], StepModel]] = {
    "rnn": lambda: lively(Recurrent(VOCAB, hidden=5, cell="rnn")),
    "gru": lambda: lively(Recurrent(VOCAB, hidden=5, cell="gru")),
    "lstm, two layers": lambda: lively(Recurrent(VOCAB, hidden=5, cell="lstm", layers=2)),
    "transformer": lambda: lively(Transformer(VOCAB, context=6, dim=8, heads=2, layers=2)),
    "unigram": lambda: counted(1),
    "bigram": lambda: counted(2),
    "trigram": lambda: counted(3),
    "grammar": lambda: Exact(SMALL.automaton()),
}
every = pytest.mark.parametrize("make", MODELS.values(), ids=MODELS)
Make = Callable[[], StepModel]


def texts(*, length: int = LENGTH, vocab: int = VOCAB, eos: int = 0) -> Tensor:
    """Every text of at most `length` tokens, its end included, filled up; and every one that has not ended by then."""
    return torch.tensor(list(itertools.product(range(vocab), repeat=length)))


def different(tokens: Tensor) -> Tensor:
    """The same without those that differ only behind their end."""
    return tokens.masked_fill(~within(tokens, eos=0), 0).unique(dim=0)


# --- the interface ---------------------------------------------------------------------------------------------------


@every
def test_stepping_equals_parallel(make: Make) -> None:
    model, tokens = make(), texts()
    stepped = unroll(model, forced(tokens), steps=LENGTH, n=len(tokens), stop=False).logits
    counts = within(tokens, eos=0)
    assert_close(model.logits(tokens).log_softmax(2)[counts], stepped.log_softmax(2)[counts])


@every
def test_probabilities_of_all_texts_sum_to_one(make: Make) -> None:
    """Texts that end within the length, and beginnings of those that do not: nothing else exists."""
    model, tokens = make(), different(texts())
    assert_close(model.log_prob(tokens).exp().sum().item(), 1.0)


@every
def test_samples_follow_the_probabilities(make: Make) -> None:
    """Chi-squared over all texts, at one in ten thousand."""
    from scipy.stats import chi2

    model, tokens = make(), different(texts())
    n = 20_000
    drawn = model.sample((n,), steps=LENGTH, rng=training.rng(1))
    drawn = torch.nn.functional.pad(drawn, (0, LENGTH - drawn.shape[1]))
    expected = n * model.log_prob(tokens).exp()
    counts = (drawn[:, None] == tokens).all(2).sum(0)
    assert int(counts.sum()) == n, "a sample goes on behind its end"
    often = expected >= 5
    rest = expected[~often].sum()
    statistic = ((counts[often] - expected[often]) ** 2 / expected[often]).sum()
    if rest > 0:
        statistic += (counts[~often].sum() - rest) ** 2 / rest.clamp_min(1)
    assert statistic.item() < chi2.ppf(1 - 1e-4, int(often.sum()))


Unroll = Callable[..., Trace]


def check_sampled_log_probs(make: Make, sampler: Unroll) -> None:
    """Trap S5: what a token was drawn with is what teacher forcing says of it."""
    model = make()
    trace = sampler(model, free(), steps=LENGTH, n=50, rng=training.rng(0))
    sampled = trace.logits.log_softmax(2).gather(2, trace.tokens.unsqueeze(2)).squeeze(2)
    counts = within(trace.tokens, eos=0)
    assert_close(sampled[counts], model.log_probs(trace.tokens)[counts], rtol=0, atol=1e-9)


@every
def test_log_probs_while_sampling_are_those_of_teacher_forcing(make: Make) -> None:
    check_sampled_log_probs(make, unroll)


Step = Callable[[StepModel, Tensor, Any], tuple[Tensor, Any]]


def changed(other: Callable[[Step, StepModel, Tensor, Any], tuple[Tensor, Any]]) -> Unroll:
    """The loop with another step while sampling."""

    def sampler(model: StepModel, *arguments: Any, **options: Any) -> Trace:
        own = type(model).step
        with patch.object(type(model), "step", lambda model, token, state: other(own, model, token, state)):
            return unroll(model, *arguments, **options)

    return sampler


def cooler(step: Step, model: StepModel, token: Tensor, state: Any) -> tuple[Tensor, Any]:
    logits, state = step(model, token, state)
    return logits / 0.5, state


@mutants(
    {
        "the state is lost": changed(lambda step, model, token, state: step(model, token, model.start(len(token)))),
        "the first token is the end's": changed(
            lambda step, model, token, state: step(model, torch.where(token == model.vocab, 0, token), state)
        ),
        "a temperature in sampling only": changed(cooler),
        "rows of the state shifted": changed(
            lambda step, model, token, state: step(model, token, tuple(part.roll(1, 0) for part in state))
        ),
    }
)
def test_log_probs_while_sampling_rejects(mutant: Unroll) -> None:
    """TextGAN-PyTorch issue 32 (another hidden state), Texygen issue 31 (another start)."""
    rejects(lambda sampler: check_sampled_log_probs(MODELS["gru"], sampler), mutant)


Nll = Callable[[StepModel, Tensor], Tensor]


def check_padding(make: Make, loss: Nll) -> None:
    """Trap S4: the end itself counts, what follows it does not; the mean is over tokens, not over rows or cells."""
    model = make()
    tokens = torch.tensor([[1, 0, 0, 0], [1, 2, 0, 0], [1, 0, 0, 0]])
    filled = torch.tensor([[1, 0, 2, 1], [1, 2, 0, 1], [1, 0, 0, 2]])
    by_hand = -sum(model.log_prob(row[None, : int((row == 0).nonzero()[0]) + 1]).item() for row in tokens) / 7
    assert_close(loss(model, tokens).item(), by_hand)
    assert_close(loss(model, tokens), loss(model, filled))
    assert_close(loss(model, torch.nn.functional.pad(tokens, (0, 2))), loss(model, tokens))


@every
def test_what_stands_behind_the_end_changes_nothing(make: Make) -> None:
    check_padding(make, nll)


def masked(keep: Callable[[Tensor], Tensor], *, per_row: bool = False) -> Nll:
    """The loss with another idea of what counts."""

    def loss(model: StepModel, tokens: Tensor) -> Tensor:
        each = -model.logits(tokens).log_softmax(2).gather(2, tokens.unsqueeze(2)).squeeze(2)
        counts = keep(tokens)
        each = torch.where(counts, each, 0.0)
        return (each.sum(1) / counts.sum(1)).mean() if per_row else each.sum() / counts.sum()

    return loss


@mutants(
    {
        "no mask": masked(lambda tokens: torch.ones_like(tokens, dtype=torch.bool)),
        "the end masked": masked(lambda tokens: tokens != 0),
        "divided by all cells": lambda model, tokens: -model.log_probs(tokens).mean(),
        "a mean of means": masked(lambda tokens: within(tokens, eos=0), per_row=True),
        "summed": lambda model, tokens: -model.log_probs(tokens).sum(),
    }
)
def test_what_stands_behind_the_end_rejects(mutant: Nll) -> None:
    rejects(lambda loss: check_padding(MODELS["gru"], loss), mutant)


@every
def test_rows_do_not_mix(make: Make) -> None:
    model, tokens = make(), texts()
    assert_close(model.log_prob(tokens)[5:9], model.log_prob(tokens[5:9]))
    assert_close(model.log_prob(tokens.flip(0)), model.log_prob(tokens).flip(0))


@every
def test_a_state_can_be_taken_up_again(make: Make) -> None:
    """Two steps, then two from the selected rows of the state, are four: what beam search and prompts rest on."""
    model, tokens = make(), texts()
    begun = unroll(model, forced(tokens), steps=2, n=len(tokens), stop=False)
    which = torch.arange(len(tokens)).flip(0)
    state, read = select(begun.state, which), tokens[which, 1]
    logits, _ = model.step(read, state)
    whole = model.logits(tokens)[which, 2]
    alive = within(tokens, eos=0)[which, 2]
    assert_close(logits.log_softmax(1)[alive], whole.log_softmax(1)[alive])


networks = {name: make for name, make in MODELS.items() if name in ("rnn", "gru", "lstm, two layers", "transformer")}


def check_causality(make: Make) -> None:
    """Trap L1 and E-18: the prediction of a token does not see it, nor anything behind it; it sees all before it."""
    model = make()
    a = torch.tensor([[1, 2, 1, 2, 1, 1]])
    for t in range(6):
        b = a.clone()
        b[0, t] = 3 - b[0, t]
        x, y = model.logits(a), model.logits(b)
        assert not x.isnan().any()
        assert_close(x[:, : t + 1], y[:, : t + 1], rtol=0, atol=1e-12)
        if t < 5:
            assert (x[:, t + 1] - y[:, t + 1]).abs().max() > 1e-6, "the past is not read"
            assert (x[:, -1] - y[:, -1]).abs().max() > 1e-9, "the far past is not read"


@pytest.mark.parametrize("make", networks.values(), ids=networks)
def test_causality(make: Make) -> None:
    check_causality(make)


def masks(mask: Callable[[int, int], Tensor]) -> Make:
    return lambda: _with(patch.object(transformer, "causal", mask))


def attends(other: Callable[..., Tensor]) -> Make:
    return lambda: _with(patch.object(transformer, "attention", other))


def _with(change: Any) -> StepModel:
    """A Transformer that runs under a patch."""
    model = MODELS["transformer"]()
    run = model._run  # type: ignore[operator]

    def patched(*arguments: Any) -> Any:
        with change:
            return run(*arguments)

    model._run = patched  # type: ignore[assignment, method-assign]
    return model


def softmax_then_mask(query: Tensor, key: Tensor, value: Tensor, *, seen: Tensor) -> Tensor:
    scores = (query @ key.transpose(-1, -2) / math.sqrt(query.shape[-1])).softmax(dim=-1)
    return scores.masked_fill(~seen, 0.0) @ value


def softmax_over_queries(query: Tensor, key: Tensor, value: Tensor, *, seen: Tensor) -> Tensor:
    scores = (query @ key.transpose(-1, -2) / math.sqrt(query.shape[-1])).masked_fill(~seen, -1e9)
    return scores.softmax(dim=-2) @ value


@mutants(
    {
        "no mask": masks(lambda queries, keys: torch.ones(queries, keys, dtype=torch.bool)),
        "the future instead": masks(lambda queries, keys: torch.ones(queries, keys, dtype=torch.bool).triu()),
        "one step of the future": masks(lambda queries, keys: torch.ones(queries, keys, dtype=torch.bool).tril(1)),
        "itself alone": masks(lambda queries, keys: torch.eye(queries, keys, dtype=torch.bool)),
        "mask after the softmax": attends(softmax_then_mask),
        "softmax over the queries": attends(softmax_over_queries),
    }
)
def test_causality_rejects(mutant: Make) -> None:
    """attention-is-all-you-need-pytorch issue 19 and its kin."""
    rejects(check_causality, mutant)


# --- policies --------------------------------------------------------------------------------------------------------


def test_scheduled_with_the_truth_alone_is_teacher_forcing_bit_for_bit() -> None:
    model, tokens = MODELS["gru"](), texts()
    traces = [
        unroll(model, policy, steps=LENGTH, n=len(tokens), rng=training.rng(0), stop=False)
        for policy in (forced(tokens), scheduled(tokens, truth=1.0))
    ]
    assert torch.equal(traces[0].logits, traces[1].logits)
    assert torch.equal(traces[0].tokens, traces[1].tokens)
    never = unroll(model, scheduled(tokens, truth=0.0), steps=LENGTH, n=len(tokens), rng=training.rng(0), stop=False)
    assert torch.equal(never.tokens, tokens.masked_fill(~within(tokens, eos=0), 0))  # the end stays the end
    assert not torch.equal(never.read, traces[0].read)


def test_greedy_prefix_and_soft_tokens() -> None:
    model = MODELS["gru"]()
    trace = unroll(model, greedy(), steps=3, n=2)
    assert torch.equal(trace.tokens[:, 0], trace.logits[:, 0].argmax(1))
    given = torch.tensor([[1, 2], [2, 2]])
    trace = unroll(model, prefix_then(given, length=2, policy=free()), steps=4, n=2, rng=training.rng(0))
    assert torch.equal(trace.tokens[:, :2], given)
    hard, soft = torch.tensor([1, 2]), torch.eye(3, dtype=torch.float64)[[1, 2]]
    assert_close(model.step(hard, model.start(2))[0], model.step(soft, model.start(2))[0])


def test_cut_keeps_the_best() -> None:
    logits = torch.tensor([[0.5, 0.3, 0.15, 0.05]]).log()
    assert cut(logits, top_k=2).isfinite().tolist() == [[True, True, False, False]]
    assert cut(logits, top_p=0.5).isfinite().tolist() == [[True, False, False, False]]
    assert cut(logits, top_p=0.51).isfinite().tolist() == [[True, True, False, False]]
    assert cut(logits, top_p=1e-9).isfinite().sum() == 1
    assert torch.equal(cut(logits, top_k=9, top_p=1.0), logits)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"temperature": 0.0}, "use one above 0, or `greedy()`"),
        ({"temperature": -1.0}, "a temperature of -1"),
        ({"top_k": 0}, "keep at least one"),
        ({"top_p": 0.0}, "keep at least one"),
        ({"top_p": 1.5}, "keep at least one"),
    ],
)
def test_no_distribution_is_refused(options: dict[str, Any], said: str) -> None:
    assert said in refusal(ValueError, lambda: free(**options))


# --- losses ----------------------------------------------------------------------------------------------------------


def test_likelihood_is_the_cross_entropy() -> None:
    """E-11: nothing is added to it."""
    model, tokens = MODELS["transformer"](), torch.tensor([[1, 2, 1, 2], [2, 2, 1, 1]])
    assert_close(nll(model, tokens), cross_entropy(model.logits(tokens).flatten(0, 1), tokens.flatten()))
    assert_close(perplexity(model, tokens), math.exp(nll(model, tokens).item()))


def test_too_long_for_the_context() -> None:
    model = MODELS["transformer"]()
    assert "position 7 is beyond this model's context of 6" in refusal(
        ValueError, lambda: model.logits(torch.ones(1, 7, dtype=torch.long))
    )
    assert "How many" in refusal(ValueError, lambda: unroll(model, greedy(), steps=2)).replace("how", "How")
