"""Beam search: the best few beginnings, kept side by side."""

from __future__ import annotations

import math

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from ..training import evaluating
from .steps import State, StepModel, rows, select, within

Texts = Int[Tensor, "n beams length"]


def beam(
    model: StepModel, *, width: int, steps: int, n: int | None = None, state: State | None = None, penalty: float = 0.0
) -> tuple[Int[Tensor, "n width length"], Float[Tensor, "n width"]]:
    r"""The `width` best sequences found, best first, with scores :math:`\log p/L^{\alpha}`, :math:`\alpha` = `penalty`.

    At each step every kept beginning is continued by every token, and the `width` with the best scores are kept; a text
    that has ended keeps its score and goes on competing. L counts the end. The best text is sure to be found only if
    everything is kept, and more width need not find a better one (E-15). A penalty of 0 favours short texts; 1 is the
    mean per token. Where fewer texts are possible than asked for, there are fewer rows, or rows of score minus infinity
    that mean nothing.

    Raises
    ------
    ValueError
        For a width below 1.
    """
    if width < 1:
        raise ValueError(f"a beam of width {width} keeps nothing: use 1 (greedy) or more.")
    with evaluating(model):
        state = model.start(n or 1) if state is None else state
        where = next((p.device for p in (*model.parameters(), *model.buffers())), torch.device("cpu"))
        n, token = rows(state), torch.full((rows(state),), model.vocab, device=where)
        tokens = torch.zeros(n, 1, 0, dtype=torch.long, device=where)
        total = score = torch.zeros(n, 1, dtype=torch.float64, device=where)
        for _ in range(steps):
            length, ended = _counted(tokens, model.eos)
            if bool(ended.all()):
                break
            logits, state = model.step(token, state)
            each, words = _each(logits, ended, model.eos, most=min(width, model.vocab))
            reached = total.unsqueeze(2) + each
            scores = (reached / (length + ~ended).unsqueeze(2) ** penalty).flatten(1)
            score, best = scores.topk(min(width, scores.shape[1]), dim=1)
            parent, emitted = best // each.shape[2], words.flatten(1).gather(1, best)
            total, tokens = reached.flatten(1).gather(1, best), _extended(tokens, parent, emitted)
            above = torch.arange(n, device=where)[:, None] * ended.shape[1]
            state, token = select(state, (above + parent).flatten()), emitted.flatten()
        return tokens, score


def _counted(tokens: Texts, eos: int | None) -> tuple[Int[Tensor, "n beams"], Bool[Tensor, "n beams"]]:
    """How long each text is, its end included, and whether it has ended."""
    length = within(tokens.flatten(0, 1), eos=eos).sum(dim=1).unflatten(0, tokens.shape[:2])
    ended = torch.zeros_like(length, dtype=torch.bool) if eos is None else (tokens == eos).any(dim=2)
    return length, ended


def _each(
    logits: Tensor, ended: Bool[Tensor, "n beams"], eos: int | None, *, most: int
) -> tuple[Float[Tensor, "n beams most"], Int[Tensor, "n beams most"]]:
    """The best next tokens of each text and what they add: more than `most` of one text cannot be kept.

    What has ended goes on in one way, for nothing: so it competes with the others and is never split.
    """
    best, words = (part.unflatten(0, ended.shape) for part in logits.topk(most, dim=1))
    each = best.double() - logits.logsumexp(dim=1).double().unflatten(0, ended.shape).unsqueeze(2)
    only = torch.full_like(each[0, 0], -math.inf)
    only[0] = 0.0
    end = torch.full_like(words, eos or 0)
    return torch.where(ended.unsqueeze(2), only, each), torch.where(ended.unsqueeze(2), end, words)


def _extended(tokens: Texts, parent: Int[Tensor, "n width"], emitted: Int[Tensor, "n width"]) -> Tensor:
    kept = tokens.gather(1, parent.unsqueeze(2).expand(-1, -1, tokens.shape[2]))
    return torch.cat([kept, emitted.unsqueeze(2)], dim=2)
