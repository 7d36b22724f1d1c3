r"""All sentences of a small world with their probabilities: what a model must reproduce, listed.

A model's table may sum to less than 1. The rest is what it spends on sentences that are impossible.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Float, Int
from torch import Tensor

from ..data.grammar import Automaton
from ..data.text import padded
from ..training import evaluating
from .steps import StepModel, Tokens, within

Mass = Float[Tensor, " support"]


@dataclass(frozen=True)
class Table:
    """The sentences of a world, one per row and filled up with `<eos>`, and their probabilities."""

    tokens: Int[Tensor, "support length"]
    prob: Mass

    @classmethod
    def of(cls, world: Automaton) -> Table:
        sentences, p = zip(*world.sentences(), strict=True)
        return cls(padded([torch.tensor(sentence) for sentence in sentences]), torch.tensor(p, dtype=torch.float64))

    def __len__(self) -> int:
        return len(self.prob)

    @cached_property
    def _row(self) -> dict[tuple[int, ...], int]:
        return {tuple(sentence): i for i, sentence in enumerate(self.tokens.tolist())}

    def which(self, tokens: Tokens) -> Int[Tensor, " n"]:
        """The row of each sentence, -1 for one that is not in the table. What stands behind an `<eos>` is not read."""
        tokens = torch.where(within(tokens, eos=0), tokens, 0)
        length = self.tokens.shape[1]
        too_long = tokens[:, length:].ne(0).any(dim=1)
        # Shorter where a sampler stopped with its last sentence, longer where it had more steps: a negative pad cuts.
        tokens = torch.nn.functional.pad(tokens, (0, length - tokens.shape[1]))
        different, inverse = tokens.unique(dim=0, return_inverse=True)
        rows = torch.tensor([self._row.get(tuple(sentence), -1) for sentence in different.tolist()])
        return torch.where(too_long, -1, rows[inverse])

    def frequencies(self, tokens: Tokens) -> Mass:
        """The share of each sentence among samples; they sum to the share of samples that are possible."""
        rows = self.which(tokens)
        return torch.bincount(rows[rows >= 0], minlength=len(self)).double() / len(rows)

    def under(self, model: StepModel, *, temperature: float = 1.0) -> Mass:
        """What a model with a likelihood gives each sentence, without a sample; steps at a `temperature`."""
        with evaluating(model):
            logits = model.logits(self.tokens).double() / temperature
        each = logits.log_softmax(dim=2).gather(2, self.tokens[..., None]).squeeze(2)
        return torch.where(within(self.tokens, eos=model.eos), each, 0.0).sum(dim=1).exp()


def total_variation(p: Mass, q: Mass) -> float:
    r""":math:`\frac12\sum_x|p(x)-q(x)|`, over everything: what a table lacks to 1 lies where the other has nothing.

    The largest difference of probability that the two give to any event. For one complete table and one with a rest
    outside, the rest is a further term :math:`1-\sum q`.
    """
    return 0.5 * ((p - q).abs().sum() + (1 - p.sum()).clamp_min(0) + (1 - q.sum()).clamp_min(0)).item()
