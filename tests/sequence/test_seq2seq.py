"""The encoder-decoder: filling changes nothing, attention sums to one and sees only what is there."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from unittest.mock import patch

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import pad
from torch.testing import assert_close

from genmodels import training
from genmodels.sequence import StepModel, forced, free, greedy, rows, select, seq2seq, unroll, within
from genmodels.sequence.beam import beam
from genmodels.sequence.seq2seq import Seq2Seq, TextPairs, look_up, translation
from genmodels.sequence.steps import State
from mutants import mutants, refusal, rejects

SOURCE = torch.tensor([[3, 1, 2, 0, 0], [4, 0, 0, 0, 0], [1, 2, 3, 4, 0]])
TARGET = torch.tensor([[2, 1, 3, 0], [1, 0, 0, 0], [3, 3, 1, 0]])
both = pytest.mark.parametrize("attention", [True, False])


def model(kind: type[Seq2Seq] = Seq2Seq, *, attention: bool = True) -> Seq2Seq:
    with training.isolated(0):
        made = kind(5, 4, hidden=8, attention=attention)
    for p in made.parameters():
        p.data *= 3
    return made.double().eval()


Pack = Callable[..., tuple[Tensor, tuple[Tensor, Tensor]]]


def check_filling(pack: Pack, *, attention: bool = True) -> None:
    """Neither more filling nor other filling changes an answer, and in a batch each row is as it is alone."""
    with patch.object(seq2seq, "packed", pack):
        nothing_changes(model(attention=attention))


def nothing_changes(m: Seq2Seq) -> None:
    plain = m.log_prob(TARGET, state=m.encode(SOURCE))
    assert_close(m.log_prob(TARGET, state=m.encode(pad(SOURCE, (0, 3)))), plain)
    filled = SOURCE.clone()
    filled[0, 4], filled[1, 2:] = 3, 4  # behind the end anything may stand
    assert_close(m.log_prob(TARGET, state=m.encode(filled)), plain)
    for i in range(3):
        alone = m.encode(SOURCE[i : i + 1, : int(within(SOURCE, eos=0)[i].sum())])
        assert_close(m.log_prob(TARGET[i : i + 1], state=alone)[0], plain[i])


def unpacked(lstm: nn.LSTM, x: Tensor, real: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    """Reads the filling too: the last state is the one behind it, and backwards it comes first (E-20)."""
    every, (h, c) = lstm(x)
    return every, (h.transpose(0, 1).flatten(1), c.transpose(0, 1).flatten(1))


@both
def test_filling_the_source_changes_nothing(attention: bool) -> None:
    check_filling(seq2seq.packed, attention=attention)


@both
@mutants({"unpacked": unpacked})
def test_filling_the_source_changes_nothing_rejects(mutant: Pack, attention: bool) -> None:
    rejects(partial(check_filling, attention=attention), mutant)


@both
def test_the_source_is_read(attention: bool) -> None:
    m = model(attention=attention)
    other = SOURCE.clone()
    other[:, 0] = 2
    assert (m.log_prob(TARGET, state=m.encode(other)) - m.log_prob(TARGET, state=m.encode(SOURCE))).abs().min() > 1e-4


Look = Callable[..., tuple[Tensor, Tensor]]


def check_attention(look: Look) -> None:
    """Weights are a distribution over what is there, exactly 0 elsewhere; equal keys share; the best key gets most."""
    memory = torch.tensor([[[1.0, 0], [0, 1], [1, 0], [9, 9]]], dtype=torch.float64)
    real = torch.tensor([[True, True, True, False]])
    query = torch.tensor([[[4.0, 0], [0, -2]]], dtype=torch.float64)
    told, weights = look(query, memory, real=real)
    assert bool((weights[0, :, 3] == 0).all())
    assert_close(weights.sum(2), torch.ones(1, 2, dtype=torch.float64))
    assert_close(weights[0, :, 0], weights[0, :, 2])
    assert_close((weights[0, :, 0] / weights[0, :, 1]).log(), torch.tensor([4.0, 2], dtype=torch.float64) / 2**0.5)
    assert_close(told, (weights[..., None] * memory[:, None]).sum(2))
    told, weights = look(query, memory, real=torch.zeros_like(real))
    assert bool((told == 0).all()) and bool((weights == 0).all()), "where there is nothing to see, nothing is seen"


def no_mask(query: Tensor, memory: Tensor, *, real: Tensor) -> tuple[Tensor, Tensor]:
    return look_up(query, memory, real=torch.ones_like(real))


def masked_after(query: Tensor, memory: Tensor, *, real: Tensor) -> tuple[Tensor, Tensor]:
    _, weights = no_mask(query, memory, real=real)
    weights = weights * real[:, None]
    return weights @ memory, weights


def unscaled(query: Tensor, memory: Tensor, *, real: Tensor) -> tuple[Tensor, Tensor]:
    return look_up(query * query.shape[2] ** 0.5, memory, real=real)


def test_attention() -> None:
    check_attention(look_up)


@mutants({"no mask": no_mask, "masked after the softmax": masked_after, "not scaled": unscaled})
def test_attention_rejects(mutant: Look) -> None:
    rejects(check_attention, mutant)


def test_attention_can_be_watched() -> None:
    m = model()
    trace = unroll(m, forced(TARGET), steps=4, state=m.encode(SOURCE), keep=lambda state: state.weights, stop=False)
    assert trace.kept is not None
    assert_close(trace.kept.sum(2), torch.ones(3, 4, dtype=torch.float64))
    assert bool((trace.kept.masked_select(~within(SOURCE, eos=0)[:, None].expand_as(trace.kept)) == 0).all())


@both
def test_sampling_and_searching_start_from_a_source(attention: bool) -> None:
    m = model(attention=attention)
    state = m.encode(SOURCE)
    assert rows(state) == 3
    drawn = unroll(m, free(), steps=6, state=state, rng=training.rng(0)).tokens
    assert drawn.shape[0] == 3
    tokens, score = beam(m, width=4, steps=6, state=state)
    ended = (tokens[:, 0] == 0).any(1)
    assert_close(m.log_prob(tokens[:, 0], state=state)[ended], score[:, 0][ended])
    swapped = select(state, torch.tensor([2, 0]))
    assert_close(m.log_prob(TARGET[[2, 0]], state=swapped), m.log_prob(TARGET, state=state)[[2, 0]])


Loss = Callable[..., Tensor]


def check_per_token(loss: Loss) -> None:
    """The mean is over the ten tokens that count, wherever the batch was filled to."""
    m = model()
    each = m.log_prob(TARGET, state=m.encode(SOURCE))
    assert_close(loss(m, (SOURCE, TARGET), step=0, rng=training.rng(0)), -each.sum() / 10)


def over_the_filling(m: Seq2Seq, batch: tuple[Tensor, Tensor], *, step: int, rng: torch.Generator) -> Tensor:
    """Averages over every place of the tensor: the more filling, the smaller the loss."""
    source, target = batch
    return -m.log_probs(target, state=m.encode(source)).sum() / target.numel()


def per_sentence(m: Seq2Seq, batch: tuple[Tensor, Tensor], *, step: int, rng: torch.Generator) -> Tensor:
    source, target = batch
    return -m.log_prob(target, state=m.encode(source)).mean()


def test_the_loss_is_per_token_of_the_target() -> None:
    check_per_token(translation)


@mutants({"over the filling": over_the_filling, "per sentence": per_sentence})
def test_the_loss_is_per_token_of_the_target_rejects(mutant: Loss) -> None:
    rejects(check_per_token, mutant)


def test_a_translation_without_a_source_is_refused() -> None:
    assert "give state=model.encode(source)" in refusal(
        ValueError, lambda: model().sample((2,), steps=3, rng=training.rng(0))
    )


def check_stepping(kind: type[Seq2Seq], *, attention: bool = True) -> None:
    m = model(kind, attention=attention)
    state = m.encode(SOURCE)
    assert_close(m.logits(TARGET, state=state), StepModel.logits(m, TARGET, state=state))
    assert_close(m.log_probs(TARGET, state=state), StepModel.log_probs(m, TARGET, state=state))


class Forgetful(Seq2Seq):
    """Hands back the state that it was given: it decodes each token as if it were the first."""

    def step(self, token: Tensor, state: State) -> tuple[Tensor, State]:
        return super().step(token, state)[0], state


class Cellless(Seq2Seq):
    """Carries h and loses c."""

    def step(self, token: Tensor, state: State) -> tuple[Tensor, State]:
        logits, after = super().step(token, state)
        return logits, after._replace(cell=state.cell)


@both
def test_reading_at_once_is_stepping(attention: bool) -> None:
    check_stepping(Seq2Seq, attention=attention)


@both
@mutants({"the state is lost": Forgetful, "the cell is lost": Cellless})
def test_reading_at_once_is_stepping_rejects(mutant: type[Seq2Seq], attention: bool) -> None:
    rejects(partial(check_stepping, attention=attention), mutant)


def test_a_decoded_text_has_the_probability_that_it_was_decoded_with() -> None:
    m = model()
    trace = unroll(m, greedy(), steps=6, state=m.encode(SOURCE))
    said = trace.logits.log_softmax(2).gather(2, trace.tokens[..., None]).squeeze(2)
    counted = torch.where(within(trace.tokens, eos=0), said, 0.0)
    assert_close(m.log_probs(trace.tokens, state=m.encode(SOURCE)), counted)


def test_pairs_stay_together_and_are_no_longer_than_needed() -> None:
    source = torch.tensor([[1, 2, 3, 0], [4, 0, 0, 0], [2, 5, 0, 0]])
    pairs = TextPairs(source, source * 2)
    x, y = pairs.sample((2, 50), rng=training.rng(0))
    assert torch.equal(2 * x, y) and x.shape == (2, 50, 4)
    assert {tuple(row) for row in x.flatten(0, 1).tolist()} == {tuple(row) for row in source.tolist()}
    x, y = TextPairs(source[1:], source[1:]).sample((20,), rng=training.rng(0))
    assert x.shape[1] == y.shape[1] == 3
    assert "one target per source" in refusal(ValueError, lambda: TextPairs(source, source[:2]))
    assert "no pairs" in refusal(ValueError, lambda: TextPairs(source[:0], source[:0]))
