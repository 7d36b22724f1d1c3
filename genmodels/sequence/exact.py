"""A world of sentences as a step model: the teacher whose probabilities are exact."""

from __future__ import annotations

import torch
from torch import Tensor

from ..data.grammar import Automaton
from .steps import Logits, State, StepModel


class Exact(StepModel):
    """Reads a grammar's table step by step; its state is the table's. Beyond the impossible everything is `<eos>`."""

    def __init__(self, world: Automaton) -> None:
        super().__init__()
        self.vocab = len(world.vocabulary)
        self.follow: Tensor
        self.log_p: Tensor
        self.register_buffer("follow", world.follow)
        prob = world.prob.clone()
        prob[prob.sum(dim=1) == 0, 0] = 1
        self.register_buffer("log_p", prob.log())

    def start(self, n: int) -> State:
        return torch.full((n,), -1, device=self.follow.device)

    def step(self, token: Tensor, state: State) -> tuple[Logits, State]:
        moved = self.follow[state, token.clamp(max=self.vocab - 1)]
        state = torch.where(state < 0, 0, moved)  # the beginning is read at -1
        return self.log_p[state], state
