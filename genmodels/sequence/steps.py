r"""The step model and its one loop: every sequence learner here is a function (token, state) -> (logits, state).

What is fed next is a *policy*'s decision: the truth (teacher forcing), the model's own word, or a coin's choice between
them. Likelihood, sampling, scheduled sampling, roll-outs and beam search are policies and sums over one `unroll`.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from ..training import evaluating

State = Any
"""What a model remembers: tensors, or tuples and dicts of tensors, all with one row per sequence.

:meta hide-value:
"""

Tokens = Int[Tensor, "n length"]
Logits = Float[Tensor, "n vocab"]
Policy = Callable[[int, Logits, torch.Generator], tuple[Tensor, Tensor]]
"""(t, logits, rng) -> the token that is emitted at t, and the token that is fed at t + 1.

:meta hide-value:
"""


class StepModel(nn.Module):
    r"""A model of sequences, :math:`p(x_{1:T})=\prod_t p(x_t\mid x_{<t})`, by its one step.

    Numbers 0 to `vocab` - 1 are emitted; `vocab` itself, the beginning, is only read. If the model's texts end, `eos`
    is the number that ends them (else None, and all sequences have one length). Source: nndl, eq. 15.5.
    """

    vocab: int
    eos: int | None = 0

    @abstractmethod
    def start(self, n: int) -> State:
        """What is remembered before the first token."""

    @abstractmethod
    def step(self, token: Tensor, state: State) -> tuple[Logits, State]:
        """Read one token per row, say the logits of the next. A row of probabilities is a soft token."""

    def logits(self, tokens: Tokens, *, state: State | None = None) -> Float[Tensor, "n length vocab"]:
        """The logits of every position, with the true tokens before it: teacher forcing, here one step at a time."""
        return unroll(self, forced(tokens), steps=tokens.shape[1], n=len(tokens), state=state, stop=False).logits

    def log_probs(self, tokens: Tokens, *, state: State | None = None) -> Float[Tensor, "n length"]:
        """Of each token given those before it, in nats; 0 behind the end."""
        each = self.logits(tokens, state=state).log_softmax(dim=2).gather(2, tokens.unsqueeze(2)).squeeze(2)
        return torch.where(within(tokens, eos=self.eos), each, 0.0)

    def log_prob(self, tokens: Tokens, *, state: State | None = None) -> Float[Tensor, " n"]:
        """Of the whole sequence, its end included, in nats."""
        return self.log_probs(tokens, state=state).sum(dim=1)

    def sample(
        self, sample_shape: Sequence[int], *, steps: int, rng: torch.Generator, temperature: float = 1.0
    ) -> Int[Tensor, ...]:
        """Sequences of at most `steps` tokens, each drawn given the model's own earlier ones (nndl, eq. 15.6)."""
        with evaluating(self):
            trace = unroll(self, free(temperature=temperature), steps=steps, n=math.prod(sample_shape), rng=rng)
        return trace.tokens.reshape(*sample_shape, -1)


def within(tokens: Tokens, *, eos: int | None) -> Tensor:
    """True up to the first `eos`, that one included: what counts of a sequence that was filled up."""
    if eos is None:
        return torch.ones_like(tokens, dtype=torch.bool)
    end = (tokens == eos).long()
    return end.cumsum(dim=1) - end == 0


def nll(model: StepModel, tokens: Tokens, *, state: State | None = None) -> Float[Tensor, ""]:
    r"""The loss of maximum likelihood, :math:`-\frac1N\sum\log p(x_t\mid x_{<t})` per token, ends included, in nats.

    It *is* the cross-entropy of the next token; nothing is added to it (E-11).
    """
    counted = within(tokens, eos=model.eos).sum()
    return -model.log_probs(tokens, state=state).sum() / counted


def perplexity(model: StepModel, tokens: Tokens) -> float:
    """exp(nll): as uncertain as a fair die with so many sides. One mean over all tokens, not a mean of means."""
    with evaluating(model):
        return math.exp(nll(model, tokens).item())


# --- the loop --------------------------------------------------------------------------------------------------------


@dataclass
class Trace:
    """What an unrolled model did: tokens emitted, tokens read, logits, and the last state."""

    tokens: Tensor
    read: Tensor
    logits: Float[Tensor, "n length vocab"]
    state: State
    kept: Tensor | None = None
    """What `keep` took from each state, (n, length, ...)."""


def unroll(
    model: StepModel,
    policy: Policy,
    *,
    steps: int,
    n: int | None = None,
    state: State | None = None,
    rng: torch.Generator | None = None,
    keep: Callable[[State], Tensor] | None = None,
    stop: bool = True,
) -> Trace:
    """Step the model `steps` times; the policy says what is emitted and what is fed. `stop` where all rows have ended.

    A row that has emitted `eos` emits nothing else. Give `n` rows from the start, or a `state` that says how many.
    """
    if state is None:
        if n is None:
            raise ValueError("how many sequences? Give n, or a state to start from.")
        state = model.start(n)
    n = rows(state)
    where = next((p.device for p in (*model.parameters(), *model.buffers())), torch.device("cpu"))
    rng = rng or torch.default_generator
    token: Tensor = torch.full((n,), model.vocab, device=where)
    ended = torch.zeros(n, dtype=torch.bool, device=where)
    seen: list[tuple[Tensor, Tensor, Tensor]] = []
    kept: list[Tensor] = []
    for t in range(steps):
        read = token
        logits, state = model.step(read, state)
        emitted, token = policy(t, logits, rng)
        if model.eos is not None and emitted.ndim == 1:
            emitted, token = (torch.where(ended, model.eos, x) if x.ndim == 1 else x for x in (emitted, token))
            ended = ended | (emitted == model.eos)
        seen.append((emitted, read, logits))
        kept += [keep(state)] if keep else []
        if stop and bool(ended.all()):
            break
    tokens, fed, scores = (torch.stack(part, dim=1) for part in zip(*seen, strict=True))
    return Trace(tokens, fed, scores, state, torch.stack(kept, dim=1) if keep else None)


def rows(state: State) -> int:
    """How many sequences a state is of."""
    if isinstance(state, Tensor):
        return len(state)
    return rows(next(iter(state.values() if isinstance(state, dict) else state)))


def select(state: State, which: Int[Tensor, " m"]) -> State:
    """The same rows of every tensor in a state, repeated or reordered: what beam search does."""
    if isinstance(state, Tensor):
        return state[which]
    if isinstance(state, dict):
        return {name: select(part, which) for name, part in state.items()}
    chosen = (select(part, which) for part in state)
    return type(state)(*chosen) if hasattr(state, "_fields") else tuple(chosen)


# --- policies --------------------------------------------------------------------------------------------------------


def forced(tokens: Tokens) -> Policy:
    """Teacher forcing: emit and feed the truth."""
    return lambda t, logits, rng: (tokens[:, t], tokens[:, t])


def free(*, temperature: float = 1.0, top_k: int | None = None, top_p: float | None = None) -> Policy:
    r"""Draw from :math:`\operatorname{softmax}(\text{logits}/\tau)`, cut to the `top_k` best or to the nucleus `top_p`.

    Raises
    ------
    ValueError
        For a temperature that is not a number above 0 (0 is `greedy`), or a cut that keeps nothing.
    """
    if not 0 < temperature < math.inf:
        raise ValueError(f"a temperature of {temperature:g} is no distribution; use one above 0, or `greedy()`.")
    if (top_k is not None and top_k < 1) or (top_p is not None and not 0 < top_p <= 1):
        raise ValueError("keep at least one token: top_k is 1 or more, top_p is in (0, 1].")

    def policy(t: int, logits: Logits, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        token = drawn(cut(logits / temperature, top_k=top_k, top_p=top_p), rng=rng)
        return token, token

    return policy


def drawn(logits: Logits, *, rng: torch.Generator) -> Int[Tensor, " n"]:
    """One token per row from softmax(logits)."""
    p = logits.detach().softmax(dim=1)
    return torch.multinomial(p.to(rng.device), 1, generator=rng).squeeze(1).to(logits.device)


def cut(logits: Logits, *, top_k: int | None = None, top_p: float | None = None) -> Logits:
    """The logits with minus infinity at what is cut: all but the k best, and the tail beyond the nucleus of mass p.

    The nucleus is the smallest set of best tokens whose probabilities reach `top_p`: the one that passes it is kept.
    Source: Fan et al. 2018; Holtzman et al. 2020, section 3.1.
    """
    if top_k is not None and top_k < logits.shape[1]:
        smallest = logits.topk(top_k, dim=1).values[:, -1:]
        logits = logits.masked_fill(logits < smallest, -math.inf)
    if top_p is not None and top_p < 1:
        best, order = logits.sort(dim=1, descending=True)
        before = best.softmax(dim=1).cumsum(dim=1) - best.softmax(dim=1)
        best = best.masked_fill(before >= top_p, -math.inf)
        logits = torch.full_like(logits, -math.inf).scatter(1, order, best)
    return logits


def greedy() -> Policy:
    """Emit and feed the most probable token; it keeps the whole prefix and discards only the alternatives (E-15)."""

    def policy(t: int, logits: Logits, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        best = logits.argmax(dim=1)
        return best, best

    return policy


def scheduled(tokens: Tokens, *, truth: float) -> Policy:
    r"""Scheduled sampling: emit the truth, feed it with probability `truth` per token, else the model's own draw.

    No gradient goes through the draw. Source: Bengio et al. 2015, section 2.4.
    """

    def policy(t: int, logits: Logits, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        coin = torch.rand(len(logits), generator=rng).to(logits.device) < truth
        own = drawn(logits, rng=rng)
        return tokens[:, t], torch.where(coin, tokens[:, t], own)

    return policy


def prefix_then(tokens: Tokens, *, length: int, policy: Policy) -> Policy:
    """Emit and feed the first `length` tokens, then do as `policy` does: a prompt, or a roll-out."""
    return lambda t, logits, rng: (tokens[:, t], tokens[:, t]) if t < length else policy(t, logits, rng)
