"""Beam search: the best few beginnings, kept side by side."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor

from ..training import evaluating
from .steps import State, StepModel, rows, select


def beam(
    model: StepModel, *, width: int, steps: int, n: int | None = None, state: State | None = None, penalty: float = 0.0
) -> tuple[Int[Tensor, "n width length"], Float[Tensor, "n width"]]:
    r"""The `width` best sequences found, best first, with scores :math:`\log p/L^{\alpha}`, :math:`\alpha` = `penalty`.

    At each step every kept beginning is continued by every token, and the best `width` are kept by their log
    probability. It is exact only if everything is kept, and more width need not find a better sequence (E-15). With a
    penalty of 0 short sequences win; 0.6 to 1 is usual. Scores of texts without an end count as they are.

    Raises
    ------
    ValueError
        For a width below 1.
    """
    if width < 1:
        raise ValueError(f"a beam of width {width} keeps nothing: use 1 (greedy) or more.")
    with evaluating(model):
        state = model.start(n or 1) if state is None else state
        n = rows(state)
        tokens, total = torch.zeros(n, 1, 0, dtype=torch.long), torch.zeros(n, 1, dtype=torch.float64)
        token = torch.full((n,), model.vocab)
        for _ in range(steps):
            logits, state = model.step(token, state)
            each = logits.double().log_softmax(dim=1).unflatten(0, total.shape)
            each = torch.where(_ended(tokens, model.eos)[..., None], _only(model.eos or 0, each), each)
            total, which = (total[..., None] + each).flatten(1).topk(min(width, total.shape[1] * model.vocab), dim=1)
            parent, emitted = which // model.vocab, which % model.vocab
            tokens = torch.cat([_rows(tokens, parent), emitted[..., None]], dim=2)
            above = torch.arange(n)[:, None] * each.shape[1]
            state, token = select(state, (above + parent).flatten()), emitted.flatten()
        length = (tokens.cumsum(2) >= 0).sum(2) if model.eos is None else _lengths(tokens, model.eos)
        score = total / length.double() ** penalty
        score, order = score.sort(dim=1, descending=True)
        return _rows(tokens, order), score


def _rows(x: Tensor, which: Tensor) -> Tensor:
    return x.gather(1, which[..., None].expand(-1, -1, x.shape[2]))


def _ended(tokens: Int[Tensor, "n beams length"], eos: int | None) -> Tensor:
    if eos is None:
        return torch.zeros(tokens.shape[:2], dtype=torch.bool)
    return (tokens == eos).any(dim=2)


def _only(token: int, like: Tensor) -> Tensor:
    """What has ended goes on in one way, for nothing: so it competes with the others and is never split."""
    certain = torch.full((like.shape[-1],), -math.inf, dtype=like.dtype)
    certain[token] = 0.0
    return certain


def _lengths(tokens: Int[Tensor, "n beams length"], eos: int) -> Tensor:
    ended = (tokens == eos).long()
    return (ended.cumsum(dim=2) - ended == 0).sum(dim=2)
