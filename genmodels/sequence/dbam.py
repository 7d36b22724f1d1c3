r"""The lecture's "deep bidirectional attention model", as it is described and no further: no source was found (E-38).

Described: the encoder is an autoregressive language model, the decoder a sequence-to-sequence model that gets its
output; of two attention layers the first looks only at the first half of the source, the second only at the second;
both see encodings of the time; two "modulating decoders" adjust the result. Not described, and therefore ours: all
sizes, the form of the attention, of the times and of the adjustment, what is added to what, the state in which the
decoder starts, where an odd source is cut, the loss. What the reader hands over is its vectors, not words it would say.
"""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn.functional import pad

from .recurrent import Recurrent
from .seq2seq import Reading, Source, Vectors, Writer, look_up, packed, translation
from .steps import Tokens, nll, within


def halves(real: Bool[Tensor, "n source"]) -> tuple[Bool[Tensor, "n source"], Bool[Tensor, "n source"]]:
    r"""Positions :math:`t<\lceil T/2\rceil` of the T real ones, their end included, and the rest (none for T = 1)."""
    position = torch.arange(real.shape[1], device=real.device)
    first = position < (real.sum(dim=1, keepdim=True) + 1) // 2
    return real & first, real & ~first


def timing(length: int, dim: int) -> Float[Tensor, "length dim"]:
    r""":math:`\sin` and :math:`\cos` of :math:`t/10000^{2i/d}`: one pair of numbers per wavelength.

    Source: Vaswani et al. 2017, section 3.5.
    """
    if dim % 2:
        raise ValueError(f"sine and cosine come in pairs, and {dim} is odd: use an even number of hidden units.")
    angle = torch.arange(length)[:, None] / 10_000 ** (torch.arange(0, dim, 2) / dim)
    return torch.stack([angle.sin(), angle.cos()], dim=2).flatten(1)


class DBAM(Writer):
    """A left-to-right language model reads, two attention layers see one half of the source each.

    Each layer's finding adjusts the decoder's vector by a small network of its own, the second what the first has left:
    our reading of "modulating decoder". Source: none is known; nothing is claimed for it.
    """

    def __init__(self, source_vocab: int, vocab: int, *, hidden: int = 64, dropout: float = 0.0) -> None:
        super().__init__(vocab, hidden=hidden, dropout=dropout)
        self.reader = Recurrent(source_vocab, hidden=hidden, cell="lstm", dropout=dropout)
        self.modulators = nn.ModuleList(nn.Linear(2 * hidden, hidden) for _ in range(2))

    def encode(self, source: Source) -> Reading:
        """The language model's vectors behind each token, with their times; the decoder starts from the last one."""
        real = within(source, eos=0)
        read, there = (pad(x, (1, 0), value=v) for x, v in ((source, self.reader.vocab), (real, 1)))
        every, (hidden, cell) = packed(self.reader.cell, self.reader.drop(self.reader.embed(read)), there)
        memory = every[:, 1:] + timing(source.shape[1], every.shape[2]).to(every)
        return Reading(hidden, cell, memory, real, memory.new_zeros(len(source), 2, source.shape[1]))

    def attend(self, hidden: Vectors, state: Reading) -> tuple[Vectors, Float[Tensor, "n length two source"]]:
        features, looked = hidden, []
        for seen, modulate in zip(halves(state.real), self.modulators, strict=True):
            told, weights = look_up(features, state.memory, real=seen)
            features = features + torch.tanh(modulate(torch.cat([features, told], dim=2)))
            looked.append(weights)
        return features, torch.stack(looked, dim=2)


def described(model: DBAM, batch: tuple[Source, Tokens], *, step: int, rng: torch.Generator) -> Tensor:
    """Maximum likelihood of both parts, the target given the source and the source itself: the loss is our choice."""
    return translation(model, batch, step=step, rng=rng) + nll(model.reader, batch[0])
