"""A world in which every beginning is possible: a grammar's sentences in a row, typed with mistakes."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from ..data.grammar import Automaton
from .steps import Logits, State, StepModel


class Noisy(StepModel):
    r"""One sentence of the grammar after another, each token replaced, with probability `noise`, by one drawn evenly.

    Token 0 separates sentences here and ends nothing. Any tokens may be read, and what may come next stays exact: the
    state is the distribution over the grammar's states given all that was read, by the forward algorithm of a hidden
    Markov model, :math:`p(w\mid x_{<t})=(1-\eta)\sum_sb(s)\,p(w\mid s)+\eta/V`.

    Raises
    ------
    ValueError
        For a noise that is not between 0 and 1, both excluded.
    """

    eos = None

    def __init__(self, world: Automaton, *, noise: float) -> None:
        super().__init__()
        if not 0 < noise < 1:
            raise ValueError(f"a noise of {noise:g} leaves no world in between: choose one between 0 and 1.")
        self.vocab, self.noise = len(world.vocabulary), noise
        follow = world.follow.clone()
        follow[:, 0] = 0  # behind a sentence the next one begins
        moves = torch.zeros(len(follow), len(follow), dtype=torch.float64)
        moves.scatter_add_(1, follow, world.prob)  # by any token, its name forgotten
        self.prob: Tensor
        self.follow: Tensor
        self.moves: Tensor
        for name, table in (("prob", world.prob), ("follow", follow), ("moves", moves)):
            self.register_buffer(name, table)

    def start(self, n: int) -> State:
        """Nothing was read: certainly at the beginning of a sentence."""
        belief = self.prob.new_zeros(n, len(self.prob))
        belief[:, 0] = 1
        return belief

    def step(self, token: Tensor, state: State) -> tuple[Logits, State]:
        read = self.read(token.clamp(max=self.vocab - 1), state)
        state = torch.where((token == self.vocab)[:, None], state, read)
        return ((1 - self.noise) * state @ self.prob + self.noise / self.vocab).log(), state

    def read(self, token: Tensor, belief: Float[Tensor, "n states"]) -> Float[Tensor, "n states"]:
        """The belief behind one more token: it was meant, or the world moved on unseen and this is noise."""
        said, there = self.prob.T[token], self.follow.T[token]
        meant = torch.zeros_like(belief).scatter_add_(1, there, belief * said)
        found = (1 - self.noise) * meant + self.noise / self.vocab * belief @ self.moves
        return found / found.sum(dim=1, keepdim=True)
