"""Beam search: exact where everything is kept, greedy at width 1, and the lecture's mistake about it."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping
from types import MappingProxyType

import torch
from torch import Tensor
from torch.testing import assert_close

from genmodels import training
from genmodels.sequence import Recurrent, StepModel, greedy, unroll, within
from genmodels.sequence.beam import beam
from mutants import mutants, refusal, rejects

LENGTH = 4


class Table(StepModel):
    """Two tokens, then the end: p(a) = .6, p(b) = .4; behind a both are even, behind b the first is .9 (E-15)."""

    vocab = 3

    def start(self, n: int) -> Tensor:
        return torch.zeros(n, 2, dtype=torch.long)

    def step(self, token: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        t = state[:, 0]
        first, after_a, after_b = (torch.tensor(p) for p in ([0, 0.6, 0.4], [0, 0.5, 0.5], [0, 0.9, 0.1]))
        p = torch.where((t == 0)[:, None], first, torch.where((token == 1)[:, None], after_a, after_b))
        p = torch.where((t >= 2)[:, None], torch.tensor([1.0, 0, 0]), p)
        return p.log(), state + 1


def lively() -> StepModel:
    model = Recurrent(3, hidden=5)
    with torch.no_grad():
        for p in model.parameters():
            p.copy_(1.5 * torch.randn(p.shape, generator=training.rng(2)))
    return model.double().eval()


Search = Callable[..., tuple[Tensor, Tensor]]


def check_exhaustive(search: Search) -> None:
    """With everything kept the beam is the list of all sequences in order of their probability, each of them once."""
    model = lively()
    tokens = torch.tensor(list(itertools.product(range(3), repeat=LENGTH)))
    behind = ((tokens == 0).long().cumsum(1) - (tokens == 0).long()) > 0
    tokens = tokens.masked_fill(behind, 0).unique(dim=0)
    exact = model.log_prob(tokens)
    found, score = search(model, width=3**LENGTH, steps=LENGTH, n=1)
    possible = score[0].isfinite()
    assert int(possible.sum()) == len(tokens), "a sequence is missing or there twice"
    assert_close(score[0][possible], exact.sort(descending=True).values)
    assert_close(model.log_prob(found[0][possible]), score[0][possible])


def ended_split(model: StepModel, **options: int) -> tuple[Tensor, Tensor]:
    """Goes on behind the end: one text comes in many copies."""
    model.eos = None
    return beam(model, **options)


def test_everything_kept_is_exhaustive() -> None:
    check_exhaustive(beam)


@mutants(
    {
        "goes on behind the end": ended_split,
        "worst first": lambda *a, **o: tuple(part.flip(1) for part in beam(*a, **o)),
    }
)
def test_everything_kept_is_exhaustive_rejects(mutant: Search) -> None:
    rejects(check_exhaustive, mutant)


def test_width_one_is_greedy() -> None:
    model = lively()
    by_hand = unroll(model, greedy(), steps=LENGTH, n=1).tokens
    assert torch.equal(beam(model, width=1, steps=LENGTH, n=1)[0][0], by_hand)


def test_greedy_keeps_its_prefix_and_loses_the_best() -> None:
    """E-15: greedy finds a sequence of probability .3, two beams the best one, .36."""
    model = Table()
    _, one = beam(model, width=1, steps=3, n=1)
    tokens, two = beam(model, width=2, steps=3, n=1)
    assert_close(one.exp().item(), 0.3, atol=1e-6, rtol=0)
    assert_close(two[0, 0].exp().item(), 0.36, atol=1e-6, rtol=0)
    assert tokens[0, 0].tolist() == [2, 1, 0]


def test_rows_are_searched_each_by_itself() -> None:
    model = lively()
    states = torch.randn(3, 1, 5, generator=training.rng(4), dtype=torch.float64)
    together, scores = beam(model, width=3, steps=LENGTH, state=(states,))
    for i in range(3):
        alone, score = beam(model, width=3, steps=LENGTH, state=(states[i : i + 1],))
        assert torch.equal(together[i, :, : alone.shape[2]], alone[0])
        assert bool((together[i, :, alone.shape[2] :] == 0).all())
        assert_close(scores[i], score[0])


def test_a_length_penalty_lengthens() -> None:
    """The empty text has probability .5, the long one .4: by probability the first wins, per token the second."""

    class Short(Table):
        def step(self, token: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
            t = state[:, 0]
            p = torch.where((t == 0)[:, None], torch.tensor([0.5, 0.4, 0.1]), torch.tensor([0.0, 1, 0]))
            return torch.where((t >= 2)[:, None], torch.tensor([1.0, 0, 0]), p).log(), state + 1

    assert beam(Short(), width=2, steps=3, n=1)[0][0, 0].tolist() == [0, 0, 0]
    tokens, score = beam(Short(), width=2, steps=3, n=1, penalty=1.0)
    assert tokens[0, 0].tolist() == [1, 1, 0]
    assert_close(score[0, 0].item(), math.log(0.4) / 3, atol=1e-6, rtol=0)


def test_no_beam_is_refused() -> None:
    assert "keeps nothing" in refusal(ValueError, lambda: beam(Table(), width=0, steps=1, n=1))


def check_ranked_by_score(search: Search) -> None:
    """Half ends at once; "a" goes on surely, "b" does not. By mean per token "a" leads from its second step on."""

    class Two(StepModel):
        vocab = 3

        def start(self, n: int) -> Tensor:
            return torch.zeros(n, 1, dtype=torch.long)

        def step(self, token: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
            first, sure, end = (torch.tensor(p) for p in ([0.5, 0.3, 0.2], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]))
            p = torch.where(state == 0, first, torch.where(state < 3, sure, end))
            return p.log(), state + 1

    tokens, score = search(Two(), width=1, steps=5, n=1, penalty=0.0)
    assert tokens[0, 0, 0] == 0
    tokens, score = search(Two(), width=2, steps=5, n=1, penalty=1.0)
    assert tokens[0, 0].tolist() == [1, 1, 1, 0]
    assert_close(score[0].tolist(), [math.log(0.3) / 4, math.log(0.5)], atol=1e-6, rtol=0)


def without_the_end(model: StepModel, *, penalty: float, **options: int) -> tuple[Tensor, Tensor]:
    """Divides by the number of words, the end not counted."""
    tokens, score = beam(model, penalty=penalty, **options)
    length = (tokens != 0).sum(2)
    return tokens, score * (length + 1) ** penalty / length.clamp_min(1) ** penalty


def never_normalised(model: StepModel, *, penalty: float, **options: int) -> tuple[Tensor, Tensor]:
    return beam(model, penalty=0.0, **options)


def test_ranked_by_score() -> None:
    check_ranked_by_score(beam)


@mutants({"the end is not counted": without_the_end, "not normalised": never_normalised})
def test_ranked_by_score_rejects(mutant: Search) -> None:
    rejects(check_ranked_by_score, mutant)


class Late(StepModel):
    """By mean per token both children of "a" beat the text that ended at once; by the sum that text crowds "ab" out."""

    vocab = 3
    table: Mapping[tuple[int, ...], tuple[float, ...]] = MappingProxyType(
        {(): (0.45, 0.5, 0.05), (1,): (0.0, 0.52, 0.48), (1, 1): (0.1, 0.45, 0.45)}
    )

    def start(self, n: int) -> Tensor:
        return torch.zeros(n, 0, dtype=torch.long)

    def step(self, token: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        if token[0] != self.vocab:
            state = torch.cat([state, token[:, None]], dim=1)
        p = [self.table.get(tuple(text), (1.0, 0.0, 0.0)) for text in state.tolist()]
        return torch.tensor(p, dtype=torch.float64).log(), state


def check_kept_by_score(search: Search) -> None:
    tokens, score = search(Late(), width=2, steps=4, n=1, penalty=1.0)
    assert tokens[0, 0].tolist() == [1, 2, 0, 0]
    assert_close(score[0, 0].item(), math.log(0.5 * 0.48) / 3)


def normalised_at_the_end(model: StepModel, *, penalty: float, **options: int) -> tuple[Tensor, Tensor]:
    """Searches by the sum, and divides by the length only what is left."""
    tokens, score = beam(model, penalty=0.0, **options)
    length = within(tokens.flatten(0, 1), eos=model.eos).sum(1).unflatten(0, tokens.shape[:2])
    score, order = (score / length**penalty).sort(dim=1, descending=True)
    return tokens.gather(1, order[..., None].expand_as(tokens)), score


def test_kept_by_score() -> None:
    check_kept_by_score(beam)


@mutants({"normalised at the end": normalised_at_the_end, "not normalised": never_normalised})
def test_kept_by_score_rejects(mutant: Search) -> None:
    rejects(check_kept_by_score, mutant)


def test_texts_without_an_end() -> None:
    model = lively()
    model.eos = None
    every = torch.tensor(list(itertools.product(range(3), repeat=LENGTH)))
    tokens, score = beam(model, width=3**LENGTH, steps=LENGTH, penalty=1.0)
    assert_close(score[0], model.log_prob(every).sort(descending=True).values / LENGTH)
    assert_close(model.log_prob(tokens[0]) / LENGTH, score[0])
