r"""Exposure bias, measured in worlds that say the probability of any prefix.

With world :math:`p`, model :math:`q` and :math:`d(x_{<t})=\mathrm{KL}(p(\cdot\mid x_{<t})\|q(\cdot\mid x_{<t}))`, the
*teacher-forced error* at :math:`t` is :math:`\mathbb E_p d`, the *free-running error* :math:`\mathbb E_q d`, and the
exposure bias their difference: what the model loses on its own prefixes beyond what it loses on the world's.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from sklearn.linear_model import LogisticRegression
from torch import Tensor

from ..training import evaluating
from .steps import State, StepModel, Tokens, forced, unroll, within

Each = Float[Tensor, "n length"]
Curve = Float[Tensor, " length"]


def inside(world: StepModel, tokens: Tokens) -> Bool[Tensor, "n length"]:
    """True where the text has not ended and everything *before* the position is possible in the world."""
    with evaluating(world):
        possible = world.log_probs(tokens).cumsum(dim=1).isfinite()
    before = torch.cat([torch.ones_like(possible[:, :1]), possible[:, :-1]], dim=1)
    return before & within(tokens, eos=world.eos)


def next_kl(world: StepModel, model: StepModel, tokens: Tokens) -> Each:
    r""":math:`\mathrm{KL}(p(\cdot\mid x_{<t})\|q(\cdot\mid x_{<t}))` at every position of every text, in nats.

    Not a number where the text has ended, or has left the world, where :math:`p` says nothing.
    """
    p, q = _both(world, model, tokens)
    each = torch.where(p > -math.inf, p.exp() * (p - q), 0.0).sum(dim=2)
    return torch.where(inside(world, tokens), each, math.nan)


def next_tv(world: StepModel, model: StepModel, tokens: Tokens) -> Each:
    r"""The same with the total variation :math:`\frac12\sum_w|p(w\mid x_{<t})-q(w\mid x_{<t})|`, in [0, 1]."""
    p, q = _both(world, model, tokens)
    each = (p.exp() - q.exp()).abs().sum(dim=2) / 2
    return torch.where(inside(world, tokens), each, math.nan)


def _both(world: StepModel, model: StepModel, tokens: Tokens) -> tuple[Tensor, Tensor]:
    with evaluating(world, model):
        p, q = (x.logits(tokens).double().log_softmax(dim=2) for x in (world, model))
    return p, q


class Mean(NamedTuple):
    """A mean at every position, and its standard error."""

    value: Curve
    error: Curve


def mean(each: Each) -> Mean:
    """Over the texts that have a number at the position."""
    n = each.isfinite().sum(dim=0)
    value = each.nanmean(dim=0)
    spread = (each - value).square().nansum(dim=0) / (n - 1).clamp_min(1)
    return Mean(value, (spread / n).sqrt())


@dataclass(frozen=True)
class Exposure:
    """Teacher-forced and free-running error by position, and the share of the model's texts that have left the world.

    `left[t]` counts a text that became impossible before position t, also where it has ended since.
    """

    forced: Mean
    free: Mean
    left: Curve

    @property
    def bias(self) -> Curve:
        """Free-running minus teacher-forced error."""
        return self.free.value - self.forced.value


def exposure(world: StepModel, model: StepModel, *, n: int, steps: int, rng: torch.Generator) -> Exposure:
    """The two curves from `n` prefixes of each kind; texts that have ended or left the world are no longer counted."""
    true, own = (x.sample((n,), steps=steps, rng=rng) for x in (world, model))
    true, own = (filled(tokens, steps=steps, eos=model.eos) for tokens in (true, own))
    gone = (world.log_probs(own).cumsum(dim=1) == -math.inf).double().mean(dim=0)
    left = torch.cat([torch.zeros(1, dtype=gone.dtype), gone[:-1]])
    return Exposure(mean(next_kl(world, model, true)), mean(next_kl(world, model, own)), left)


def filled(tokens: Tokens, *, steps: int, eos: int | None) -> Int[Tensor, "n steps"]:
    """Texts that all ended early, as long as the others."""
    return torch.nn.functional.pad(tokens, (0, steps - tokens.shape[1]), value=eos or 0)


def prefix_tv(world: StepModel, model: StepModel, own: Tokens) -> Mean:
    r"""Total variation of the two distributions of the first :math:`t` tokens, from the model's samples.

    :math:`\mathrm{TV}(p_t,q_t)=\mathbb E_{x\sim q}\bigl[(1-p(x_{\le t})/q(x_{\le t}))_+\bigr]`: the ratio is exact, the
    mean is over samples.
    """
    with evaluating(world, model):
        ratio = (world.log_probs(own).double() - model.log_probs(own).double()).cumsum(dim=1)
    return mean(1 - ratio.clamp_max(0).exp())


class Sentences(NamedTuple):
    """What whole samples are like."""

    possible: float
    """Share that the world can say."""
    distinct: float
    """Share of different texts among them all."""
    forward: float
    """Nats per token of the world's texts under the model: the test likelihood."""
    backward: float
    """Nats per token of the model's possible texts under the world."""


def sentences(world: StepModel, model: StepModel, true: Tokens, own: Int[Tensor, "m length"]) -> Sentences:
    """Both directions of likelihood, and what they cannot see: repetition. Low in one direction is no merit."""
    with evaluating(world, model):
        forward, backward = model.log_prob(true), world.log_prob(own)
    good, words = backward.isfinite(), within(own, eos=world.eos).sum(dim=1)
    return Sentences(
        good.double().mean().item(),
        len(own.unique(dim=0)) / len(own),
        (-forward.sum() / within(true, eos=model.eos).sum()).item(),
        (-backward[good].sum() / words[good].sum()).item(),
    )


def first_impossible(world: StepModel, tokens: Tokens) -> Int[Tensor, " n"]:
    """The position of the word that made a text impossible; its length where there is none."""
    gone = world.log_probs(tokens) == -math.inf
    return torch.where(gone.any(dim=1), gone.long().argmax(dim=1), tokens.shape[1])


def hidden(state: State) -> Float[Tensor, "n dim"]:
    """The hidden vector of a recurrent model's state, its last layer."""
    return state[0][:, -1]


def states(model: StepModel, tokens: Tokens, *, keep: Callable[[State], Tensor] = hidden) -> Tensor:
    """What the model remembers while it reads these texts: (n, length, ...), position t before token t is said."""
    with evaluating(model):
        trace = unroll(model, forced(tokens), steps=tokens.shape[1], n=len(tokens), keep=keep, stop=False)
    assert trace.kept is not None
    return trace.kept


def told_apart(a: Float[Tensor, "n dim"], b: Float[Tensor, "m dim"], *, rng: torch.Generator) -> float:
    """Two-sample test by a classifier: the accuracy, on the half it has not seen, of a linear one; 1/2 is chance.

    Both sets are cut to one size. Source: Lopez-Paz and Oquab 2017, section 3.

    Raises
    ------
    ValueError
        If there are fewer than 4 points of a kind.
    """
    n = min(len(a), len(b)) // 2 * 2
    if n < 4:
        raise ValueError(f"{n} points of each kind are too few to learn from one half and test on the other.")
    a, b = (x[torch.randperm(len(x), generator=rng)[:n]].double() for x in (a, b))
    x, y = torch.cat([a, b]), torch.arange(2).repeat_interleave(n)
    x = (x - x.mean(dim=0)) / x.std(dim=0).clamp_min(1e-9)
    seen = torch.arange(n).repeat(2) < n // 2
    judge = LogisticRegression(max_iter=1_000).fit(x[seen].numpy(), y[seen].numpy())
    return float(judge.score(x[~seen].numpy(), y[~seen].numpy()))
