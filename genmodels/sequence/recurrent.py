"""Recurrent language models: plain, LSTM or GRU, behind the one step interface."""

from __future__ import annotations

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from .steps import Logits, State, StepModel, Tokens


class SoftEmbedding(nn.Embedding):
    """An embedding that also takes rows of probabilities: the mean vector, so that a gradient can pass."""

    def forward(self, token: Tensor) -> Tensor:
        if token.is_floating_point():
            return token @ self.weight[: token.shape[-1]]
        return super().forward(token)


class Recurrent(StepModel):
    r""":math:`h_t=f(h_{t-1},e(x_{t-1}))` and logits :math:`Wh_t+b`; the state is a tuple, hidden first."""

    def __init__(
        self,
        vocab: int,
        *,
        hidden: int = 64,
        embedding: int | None = None,
        cell: Literal["lstm", "gru", "rnn"] = "gru",
        layers: int = 1,
        dropout: float = 0.0,
        eos: int | None = 0,
    ) -> None:
        super().__init__()
        kinds = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}
        if cell not in kinds:
            raise ValueError(f"there is no cell {cell!r}: choose one of {', '.join(kinds)}.")
        self.vocab, self.eos, self.hidden, self.layers = vocab, eos, hidden, layers
        self.embed = SoftEmbedding(vocab + 1, embedding or hidden)
        between = dropout if layers > 1 else 0.0
        self.cell = kinds[cell](embedding or hidden, hidden, layers, batch_first=True, dropout=between)
        self.drop, self.output = nn.Dropout(dropout), nn.Linear(hidden, vocab)

    def start(self, n: int) -> State:
        """Zeros, (n, layers, hidden): rows first, so that `select` finds them."""
        zero = self.output.weight.new_zeros(n, self.layers, self.hidden)
        return (zero, zero) if isinstance(self.cell, nn.LSTM) else (zero,)

    def step(self, token: Tensor, state: State) -> tuple[Logits, State]:
        logits, state = self._run(self.embed(token).unsqueeze(1), state)
        return logits.squeeze(1), state

    def logits(self, tokens: Tokens, *, state: State | None = None) -> Float[Tensor, "n length vocab"]:
        """All steps in one call of the library's cell; equal to stepping (a test holds them together)."""
        first = torch.full_like(tokens[:, :1], self.vocab)
        read = torch.cat([first, tokens[:, :-1]], dim=1)
        return self._run(self.embed(read), self.start(len(tokens)) if state is None else state)[0]

    def _run(self, x: Float[Tensor, "n length dim"], state: State) -> tuple[Float[Tensor, "n length vocab"], State]:
        before = tuple(part.transpose(0, 1).contiguous() for part in state)
        h, after = self.cell(self.drop(x), before if len(before) == 2 else before[0])
        after = tuple(part.transpose(0, 1) for part in (after if isinstance(after, tuple) else (after,)))
        return self.output(self.drop(h)), after
