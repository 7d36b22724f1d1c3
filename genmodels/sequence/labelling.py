r"""A world in which the right answer does not depend on one's own mistakes: naming a noisy signal, step by step.

A label :math:`y_t` stays or moves (a Markov chain), what is observed is the label through noise, and both
:math:`p(y_t\mid y_{t-1},x_{\le t})` and :math:`p(y_t\mid x_{\le t})` are exact.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from .steps import Logits, State, StepModel

Signal = Int[Tensor, "n length"]


@dataclass(frozen=True)
class Chain:
    """`labels` labels; each stays with probability `stay`, and is observed as itself with probability `seen`."""

    labels: int = 4
    stay: float = 0.95
    seen: float = 0.6
    length: int = 20

    def __post_init__(self) -> None:
        if self.labels < 2 or not all(0 < p < 1 for p in (self.stay, self.seen)):
            raise ValueError("a chain needs two labels or more, and probabilities between 0 and 1.")

    @property
    def moves(self) -> Float[Tensor, "labels labels"]:
        return self._kernel(self.stay)

    @property
    def shows(self) -> Float[Tensor, "labels labels"]:
        return self._kernel(self.seen)

    def _kernel(self, same: float) -> Tensor:
        other = (1 - same) / (self.labels - 1)
        return torch.full((self.labels,) * 2, other, dtype=torch.float64) + torch.eye(self.labels) * (same - other)

    def sample(self, sample_shape: Sequence[int], *, rng: torch.Generator) -> tuple[Signal, Signal]:
        """Pairs (observed, labels), each (n, length)."""
        n = math.prod(sample_shape)
        label, labels = torch.randint(self.labels, (n,), generator=rng), []
        for _ in range(self.length):
            labels.append(label)
            label = torch.multinomial(self.moves[label], 1, generator=rng).squeeze(1)
        truth = torch.stack(labels, dim=1)
        observed = torch.multinomial(self.shows[truth.flatten()], 1, generator=rng).reshape(truth.shape)
        return observed.reshape(*sample_shape, -1), truth.reshape(*sample_shape, -1)

    def filtered(self, observed: Signal) -> Float[Tensor, "n length labels"]:
        """p(label | everything observed so far), by the forward algorithm: no labeller can err less often."""
        belief, found = torch.full((len(observed), self.labels), 1 / self.labels, dtype=torch.float64), []
        for column in observed.unbind(1):
            belief = belief * self.shows.T[column]
            belief = belief / belief.sum(dim=1, keepdim=True)
            found.append(belief)
            belief = belief @ self.moves
        return torch.stack(found, dim=1)


class Labeller(StepModel):
    """A GRU that reads one observation and the label before it; `encode(observed)` is the state to start from."""

    eos = None

    def __init__(self, labels: int, *, hidden: int = 24) -> None:
        super().__init__()
        self.vocab = labels
        self.before, self.see = nn.Embedding(labels + 1, hidden), nn.Embedding(labels, hidden)
        self.cell, self.output = nn.GRUCell(hidden, hidden), nn.Linear(hidden, labels)

    def start(self, n: int) -> State:
        raise ValueError("a labeller starts from what is observed: give state=model.encode(observed).")

    def encode(self, observed: Signal) -> State:
        return self.output.weight.new_zeros(len(observed), self.cell.hidden_size), observed

    def step(self, token: Tensor, state: State) -> tuple[Logits, State]:
        h, left = state
        h = self.cell(self.before(token) + self.see(left[:, 0]), h)
        return self.output(h), (h, left[:, 1:])


class Knowing(Labeller):
    """The exact p(label | the label before, observation): the best answer to the question of teacher forcing."""

    def __init__(self, chain: Chain) -> None:
        super().__init__(chain.labels, hidden=1)
        first = torch.full((1, chain.labels), 1 / chain.labels, dtype=torch.float64)
        self.moves, self.shows = torch.cat([chain.moves, first]), chain.shows

    def step(self, token: Tensor, state: State) -> tuple[Logits, State]:
        h, left = state
        return (self.moves[token] * self.shows.T[left[:, 0]]).log(), (h, left[:, 1:])
