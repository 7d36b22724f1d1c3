"""Sequence to sequence: an encoder's memory is the state in which a step model starts."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from .recurrent import SoftEmbedding
from .steps import Logits, State, StepModel, Tokens, within

Source = Int[Tensor, "n source"]


class Reading(NamedTuple):
    """What a decoder remembers: its own vector, the encoded source, which positions are real, where it looked last."""

    hidden: Float[Tensor, "n hidden"]
    cell: Float[Tensor, "n hidden"]
    memory: Float[Tensor, "n source hidden"]
    real: Bool[Tensor, "n source"]
    weights: Float[Tensor, "n source"]


def look_up(
    query: Float[Tensor, "n hidden"], memory: Float[Tensor, "n source hidden"], *, real: Bool[Tensor, "n source"]
) -> tuple[Float[Tensor, "n hidden"], Float[Tensor, "n source"]]:
    r"""Attention by scaled products: weights :math:`\operatorname{softmax}(Mq/\sqrt d)`, and the memory so weighted.

    Filled-up positions get weight 0. Source: Luong et al. 2015 (dot), scaled as Vaswani et al. 2017.
    """
    scores = (memory @ query.unsqueeze(2)).squeeze(2) / math.sqrt(query.shape[1])
    weights = scores.masked_fill(~real, -math.inf).softmax(dim=1)
    return (weights.unsqueeze(1) @ memory).squeeze(1), weights


class Seq2Seq(StepModel):
    """An LSTM reads the source in both directions, another writes the target; with `attention` it looks back each step.

    Without attention all it knows of the source is one vector. `encode(source)` is the state to start from:
    `model.log_prob(target, state=model.encode(source))`. Sizes agree by construction (E-19): the two directions are
    projected to the decoder's. Source: Sutskever et al. 2014; Bahdanau et al. 2015.
    """

    def __init__(
        self, source_vocab: int, vocab: int, *, hidden: int = 64, attention: bool = True, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.vocab, self.attention = vocab, attention
        self.read = nn.Embedding(source_vocab, hidden)
        self.encoder = nn.LSTM(hidden, hidden, batch_first=True, bidirectional=True)
        self.bridge, self.bridge_cell, self.remember = (nn.Linear(2 * hidden, hidden) for _ in range(3))
        self.embed, self.decoder = SoftEmbedding(vocab + 1, hidden), nn.LSTMCell(hidden, hidden)
        self.mix, self.drop = nn.Linear(2 * hidden, hidden), nn.Dropout(dropout)
        self.output = nn.Linear(hidden, vocab)

    def encode(self, source: Source) -> State:
        """The source, up to its own `<eos>`, as the state before the first target token."""
        real = within(source, eos=0)
        lengths = real.sum(dim=1).cpu()
        packed = nn.utils.rnn.pack_padded_sequence(
            self.drop(self.read(source)), lengths, batch_first=True, enforce_sorted=False
        )
        out, (h, c) = self.encoder(packed)
        memory, _ = nn.utils.rnn.pad_packed_sequence(out, batch_first=True, total_length=source.shape[1])
        both = (part.transpose(0, 1).flatten(1) for part in (h, c))
        hidden, cell = (torch.tanh(to(part)) for to, part in zip((self.bridge, self.bridge_cell), both, strict=True))
        return Reading(hidden, cell, self.remember(memory), real, torch.zeros_like(real, dtype=memory.dtype))

    def start(self, n: int) -> State:
        raise ValueError("a translation starts from a source: give state=model.encode(source).")

    def step(self, token: Tensor, state: State) -> tuple[Logits, State]:
        hidden, cell = self.decoder(self.drop(self.embed(token)), (state.hidden, state.cell))
        told, weights = torch.zeros_like(hidden), state.weights
        if self.attention:
            told, weights = look_up(hidden, state.memory, real=state.real)
        logits = self.output(self.drop(torch.tanh(self.mix(torch.cat([hidden, told], dim=1)))))
        return logits, Reading(hidden, cell, state.memory, state.real, weights)


def translation(model: Seq2Seq, batch: tuple[Source, Tokens], *, step: int, rng: torch.Generator) -> Tensor:
    """The loss of teacher forcing on pairs (source, target), per target token in nats."""
    source, target = batch
    counted = within(target, eos=model.eos).sum()
    return -model.log_probs(target, state=model.encode(source)).sum() / counted
