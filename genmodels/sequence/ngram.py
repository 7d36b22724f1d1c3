r"""n-grams: the next token's probabilities are counted, for the last n - 1 tokens only.

Counts are made into probabilities by a *smoothing*, from long contexts to short ones: what a context has not seen, the
context without its first token is asked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import torch
from jaxtyping import Float, Int
from torch import Tensor

from .steps import Logits, State, StepModel, Tokens, within

Counts = Float[Tensor, " vocab"]
Probabilities = Float[Tensor, " vocab"]
Smoothing = Callable[[Counts, Probabilities], Probabilities]
"""(counts behind this context, probabilities behind the shorter one) -> probabilities behind this context.

:meta hide-value:
"""

# --- smoothings ------------------------------------------------------------------------------------------------------


def maximum_likelihood(counts: Counts, shorter: Probabilities) -> Probabilities:
    r""":math:`c(w)/\sum c`; what was not seen is impossible, and behind an unseen context the shorter one decides."""
    return counts / counts.sum() if counts.sum() > 0 else shorter


def add(counts: Counts, shorter: Probabilities, *, k: float = 1.0) -> Probabilities:
    r""":math:`(c(w)+k)/(\sum c+kV)`; Laplace's rule for k = 1. The shorter context is not asked."""
    return (counts + k) / (counts.sum() + k * len(counts))


def interpolated(counts: Counts, shorter: Probabilities, *, weight: float = 1.0) -> Probabilities:
    r""":math:`(c(w)+m\,p_{\text{shorter}}(w))/(\sum c+m)`: the shorter context counts like `weight` = m tokens."""
    return (counts + weight * shorter) / (counts.sum() + weight)


def discounted(counts: Counts, shorter: Probabilities, *, discount: float = 0.75) -> Probabilities:
    r"""Every count gives up `discount` :math:`=d`, and what is freed goes to the shorter context's probabilities.

    :math:`\frac{\max(c(w)-d,0)}{\sum c}+\frac{d\,\#\{w:c(w)>0\}}{\sum c}p_{\text{shorter}}(w)` (absolute discounting).
    """
    if counts.sum() == 0:
        return shorter
    kept = (counts - discount).clamp_min(0)
    return (kept + (counts.sum() - kept.sum()) * shorter) / counts.sum()


def back_off(counts: Counts, shorter: Probabilities, *, discount: float = 0.75) -> Probabilities:
    r"""Seen tokens keep their discounted count; the freed mass is shared by the *unseen* ones, as the shorter has it.

    Source: Katz 1987, with absolute discounting.
    """
    seen = counts > 0
    if not seen.any() or seen.all():
        return shorter if not seen.any() else counts / counts.sum()
    kept = (counts - discount).clamp_min(0) / counts.sum()
    rest = torch.where(seen, 0.0, shorter)
    return kept + (1 - kept.sum()) * rest / rest.sum()


_ROOM = 2**24
"""So many probabilities are remembered at once (128 MiB); with a large vocabulary there are more than fit a memory."""

# --- the model -------------------------------------------------------------------------------------------------------


class NGram(StepModel):
    """A table of counts behind every context of up to `order` - 1 tokens; its state is the last `order` - 1 tokens.

    With `continuations`, a shorter context does not count how often a token was seen, but behind how many different
    longer contexts: with `discounted`, interpolated Kneser-Ney smoothing. Text beginnings are not exempt. Source:
    Kneser and Ney 1995, interpolated as in Chen and Goodman 1999.

    Raises
    ------
    ValueError
        For an order below 1.
    """

    def __init__(
        self,
        vocab: int,
        *,
        order: int,
        smoothing: Smoothing = interpolated,
        continuations: bool = False,
        eos: int | None = 0,
    ) -> None:
        super().__init__()
        if order < 1:
            raise ValueError(f"an n-gram looks at n - 1 = {order - 1} tokens: choose an order of 1 or more.")
        self.vocab, self.eos, self.order, self.smoothing = vocab, eos, order, smoothing
        self.continuations = continuations
        self.counts: dict[tuple[int, ...], Counter[int]] = {}
        self._known: dict[tuple[int, ...], Probabilities] = {}

    def fit(self, tokens: Tokens) -> NGram:
        """Count; texts may be added later. Tokens behind an end are not counted, the end is.

        Raises
        ------
        ValueError
            For tokens that are none of the numbers 0 to `vocab` - 1.
        """
        if tokens.numel() and not 0 <= int(tokens.min()) <= int(tokens.max()) < self.vocab:
            raise ValueError(
                f"tokens are numbers from 0 to {self.vocab - 1} here, and {int(tokens.min())} to {int(tokens.max())} "
                f"were given: encode the texts with the vocabulary whose size the model was told."
            )
        contexts = self._contexts(tokens)
        for row, context, counts in zip(tokens.tolist(), contexts.tolist(), within(tokens, eos=self.eos), strict=True):
            for token, before in zip(row[: int(counts.sum())], context, strict=False):
                for shorter in range(self.order):
                    counted = self.counts.setdefault(tuple(before[shorter:]), Counter())
                    counted[token] += 1
                    if self.continuations and counted[token] > 1:
                        break  # the shorter contexts have counted this longer one
        self._known.clear()
        return self

    def probabilities(self, context: tuple[int, ...]) -> Probabilities:
        """Behind these tokens, smoothed; behind none at all the shorter context is the uniform distribution."""
        if context not in self._known:
            if len(self._known) * self.vocab > _ROOM:
                self._known.clear()
            counts = torch.zeros(self.vocab, dtype=torch.float64)
            if seen := self.counts.get(context):
                counts[list(seen)] = torch.tensor(list(seen.values()), dtype=torch.float64)
            shorter = self.probabilities(context[1:]) if context else torch.full_like(counts, 1 / self.vocab)
            self._known[context] = self.smoothing(counts, shorter)
        return self._known[context]

    def start(self, n: int) -> State:
        return torch.full((n, self.order - 1), self.vocab)

    def step(self, token: Tensor, state: State) -> tuple[Logits, State]:
        state = torch.cat([state, token[:, None]], dim=1)[:, 1:]
        return self._log_probabilities(state), state

    def logits(self, tokens: Tokens, *, state: State | None = None) -> Float[Tensor, "n length vocab"]:
        """Every context looked up once, however often it occurs."""
        contexts = self._contexts(tokens, state)
        return self._log_probabilities(contexts.flatten(0, 1)).unflatten(0, tokens.shape)

    def log_probs(self, tokens: Tokens, *, state: State | None = None) -> Float[Tensor, "n length"]:
        """As `StepModel.log_probs`, without a row of the whole vocabulary for every position at once."""
        contexts, given = self._contexts(tokens, state).flatten(0, 1), tokens.flatten()
        each = torch.empty(len(given), dtype=torch.float64)
        alike = contexts.flip(1).unique(dim=0, return_inverse=True)[1].argsort() if self.order > 1 else given.argsort()
        for some in alike.split(max(_ROOM // 4 // self.vocab, 1)):  # contexts with a common end lie side by side
            each[some] = self._log_probabilities(contexts[some]).gather(1, given[some, None]).squeeze(1)
        return torch.where(within(tokens, eos=self.eos), each.reshape(tokens.shape), 0.0)

    def _contexts(self, tokens: Tokens, state: State | None = None) -> Int[Tensor, "n length before"]:
        before = self.start(len(tokens)) if state is None else state
        if self.order == 1:
            return before[:, None].expand(-1, tokens.shape[1], -1)
        read = torch.cat([torch.full_like(tokens[:, :1], self.vocab), tokens[:, :-1]], dim=1)  # as `step` does
        return torch.cat([before, read], dim=1)[:, 1:].unfold(1, self.order - 1, 1)

    def _log_probabilities(self, contexts: Int[Tensor, "n before"]) -> Logits:
        if self.order == 1:
            return self.probabilities(()).log().expand(len(contexts), -1)
        different, which = contexts.flip(1).unique(dim=0, return_inverse=True)
        return torch.stack([self.probabilities(tuple(row[::-1])) for row in different.tolist()]).log()[which]
