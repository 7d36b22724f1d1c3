"""Sequence to sequence: an encoder's memory is the state in which a step model starts."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from .recurrent import SoftEmbedding
from .steps import Logits, State, StepModel, Tokens, within

Source = Int[Tensor, "n source"]
Vectors = Float[Tensor, "n length hidden"]


class Reading(NamedTuple):
    """What a decoder remembers: its own vector, the encoded source, which positions are real, where it looked last."""

    hidden: Float[Tensor, "n hidden"]
    cell: Float[Tensor, "n hidden"]
    memory: Float[Tensor, "n source hidden"]
    real: Bool[Tensor, "n source"]
    weights: Float[Tensor, "n *layers source"]


def look_up(
    query: Float[Tensor, "n queries hidden"],
    memory: Float[Tensor, "n source hidden"],
    *,
    real: Bool[Tensor, "n source"],
) -> tuple[Float[Tensor, "n queries hidden"], Float[Tensor, "n queries source"]]:
    r"""Attention by scaled products: weights :math:`\operatorname{softmax}(Mq/\sqrt d)`, and the memory so weighted.

    Positions that are not `real` get weight 0, exactly; where nothing is real, all weights are 0. Source: Luong et al.
    2015 (dot), scaled as Vaswani et al. 2017.
    """
    seen = real.unsqueeze(1)
    scores = query @ memory.transpose(1, 2) / math.sqrt(query.shape[2])
    lowest = torch.finfo(scores.dtype).min  # not minus infinity, of which a softmax over nothing would be 0/0
    weights = scores.masked_fill(~seen, lowest).softmax(dim=2) * seen
    return weights @ memory, weights


class Writer(StepModel):
    """The half that writes: an LSTM over the target. What it starts from is `encode`, what it looks at is `attend`."""

    def __init__(self, vocab: int, *, hidden: int, dropout: float) -> None:
        super().__init__()
        self.vocab = vocab
        self.embed, self.decoder = SoftEmbedding(vocab + 1, hidden), nn.LSTM(hidden, hidden, batch_first=True)
        self.drop, self.output = nn.Dropout(dropout), nn.Linear(hidden, vocab)

    @abstractmethod
    def encode(self, source: Source) -> Reading:
        """The source, up to its own `<eos>`, as the state before the first target token."""

    @abstractmethod
    def attend(self, hidden: Vectors, state: Reading) -> tuple[Vectors, Float[Tensor, "n length *layers source"]]:
        """What is known when the next token is said, and where the decoder looked for it."""

    def start(self, n: int) -> State:
        raise ValueError("a translation starts from a source: give state=model.encode(source).")

    def step(self, token: Tensor, state: State) -> tuple[Logits, State]:
        features, state = self._write(self.embed(token).unsqueeze(1), state)
        return self.output(features).squeeze(1), state

    def logits(self, tokens: Tokens, *, state: State | None = None) -> Float[Tensor, "n length vocab"]:
        """All steps in one call of the library's cell; equal to stepping (a test holds them together)."""
        return self.output(self._forced(tokens, state))

    def log_probs(self, tokens: Tokens, *, state: State | None = None) -> Float[Tensor, "n length"]:
        """Of each token given those before it and the source; the vocabulary is scored only where a token counts."""
        counted, features = within(tokens, eos=self.eos), self._forced(tokens, state)
        each = -cross_entropy(self.output(features[counted]), tokens[counted], reduction="none")
        return features.new_zeros(tokens.shape).masked_scatter(counted, each)

    def _forced(self, tokens: Tokens, state: State | None) -> Vectors:
        read = torch.cat([torch.full_like(tokens[:, :1], self.vocab), tokens[:, :-1]], dim=1)
        return self._write(self.embed(read), self.start(len(tokens)) if state is None else state)[0]

    def _write(self, x: Vectors, state: Reading) -> tuple[Vectors, Reading]:
        before = (state.hidden.unsqueeze(0), state.cell.unsqueeze(0))
        out, (h, c) = self.decoder(self.drop(x), before)
        features, weights = self.attend(out, state)
        return self.drop(features), state._replace(hidden=h[0], cell=c[0], weights=weights[:, -1])


class Seq2Seq(Writer):
    """An LSTM reads the source in both directions, another writes the target; with `attention` it looks back each step.

    Without attention all it knows of the source is the encoder's last state, the two vectors (h, c). `encode(source)`
    is the state to start from: `model.log_prob(target, state=model.encode(source))`. Sizes agree by construction
    (E-19): the two directions are projected to the decoder's. Source: Sutskever et al. 2014; Bahdanau et al. 2015;
    Luong et al. 2015, section 3.1.
    """

    def __init__(
        self, source_vocab: int, vocab: int, *, hidden: int = 64, attention: bool = True, dropout: float = 0.0
    ) -> None:
        super().__init__(vocab, hidden=hidden, dropout=dropout)
        self.attention, self.read = attention, nn.Embedding(source_vocab, hidden)
        self.encoder = nn.LSTM(hidden, hidden, batch_first=True, bidirectional=True)
        self.bridge, self.bridge_cell = (nn.Linear(2 * hidden, hidden) for _ in range(2))
        self.remember, self.mix = (nn.Linear(2 * hidden, hidden) for _ in range(2))

    def encode(self, source: Source) -> Reading:
        """Both directions' last states, projected, and every position's two vectors as the memory."""
        real = within(source, eos=0)
        memory, both = packed(self.encoder, self.drop(self.read(source)), real)
        hidden, cell = (torch.tanh(to(part)) for to, part in zip((self.bridge, self.bridge_cell), both, strict=True))
        return Reading(hidden, cell, self.remember(memory), real, torch.zeros_like(real, dtype=memory.dtype))

    def attend(self, hidden: Vectors, state: Reading) -> tuple[Vectors, Float[Tensor, "n length source"]]:
        told, weights = torch.zeros_like(hidden), state.weights.unsqueeze(1).expand(-1, hidden.shape[1], -1)
        if self.attention:
            told, weights = look_up(hidden, state.memory, real=state.real)
        return torch.tanh(self.mix(torch.cat([hidden, told], dim=2))), weights


def packed(
    lstm: nn.LSTM, x: Float[Tensor, "n source dim"], real: Bool[Tensor, "n source"]
) -> tuple[Float[Tensor, "n source out"], tuple[Tensor, Tensor]]:
    """An LSTM over what is real of each row: its output at every position, and its last states (all directions, flat).

    Filled-up positions are not read. Read backwards, they would come first.
    """
    rows = nn.utils.rnn.pack_padded_sequence(x, real.sum(dim=1).cpu(), batch_first=True, enforce_sorted=False)
    out, (h, c) = lstm(rows)
    every, _ = nn.utils.rnn.pad_packed_sequence(out, batch_first=True, total_length=x.shape[1])
    return every, (h.transpose(0, 1).flatten(1), c.transpose(0, 1).flatten(1))


def translation(model: Writer, batch: tuple[Source, Tokens], *, step: int, rng: torch.Generator) -> Tensor:
    r"""The loss of teacher forcing on pairs, :math:`-\frac1T\sum_t\log p(y_t\mid y_{<t},x)`, in nats per target token.

    The mean is over all tokens of the batch, ends included; it falls to 0 only where the model is certain (E-16).
    """
    source, target = batch
    counted = within(target, eos=model.eos).sum()
    return -model.log_probs(target, state=model.encode(source)).sum() / counted


@dataclass(frozen=True)
class TextPairs:
    """Sources and targets, row by row; pairs are drawn with replacement, and filled no further than a batch needs."""

    source: Int[Tensor, "n source"]
    target: Int[Tensor, "m target"]

    def __post_init__(self) -> None:
        if len(self.source) != len(self.target) or not len(self.source):
            raise ValueError(
                f"{len(self.source)} sources and {len(self.target)} targets are no pairs: give one target per source."
            )

    def __len__(self) -> int:
        return len(self.source)

    def sample(self, sample_shape: Sequence[int], *, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        which = torch.randint(len(self), tuple(sample_shape), generator=rng)
        return shortened(self.source[which]), shortened(self.target[which])


def shortened(tokens: Int[Tensor, "*n length"]) -> Int[Tensor, "*n longest"]:
    """The same texts without the columns in which every one of them has ended."""
    needed = within(tokens.flatten(0, -2), eos=0).sum(dim=1).max()
    return tokens[..., :needed]
