r"""Training on the model's own prefixes: scheduled sampling, and data as demonstrator.

Both show the model a prefix :math:`\hat x_{<t}` that it wrote itself, wholly or in part, and ask for the *reference's*
next token :math:`x_t`. That is right where :math:`x_t` is still the right answer, and wrong where it is not.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import torch
from jaxtyping import Float
from torch import Tensor

from ..training import evaluating
from .exposure import inside
from .learning import teacher_forcing
from .steps import Policy, State, StepModel, Tokens, drawn, free, scheduled, unroll, within

M = TypeVar("M")
Schedule = Callable[[int], float]
"""Step -> the probability of feeding the true token.

:meta hide-value:
"""

# --- schedules -------------------------------------------------------------------------------------------------------


def linear(step: int, *, slope: float, start: float = 1.0, floor: float = 0.0) -> float:
    r""":math:`\max(\epsilon,\,k-ci)`: `start` = k, `slope` = c, `floor` = :math:`\epsilon`."""
    return max(floor, start - slope * step)


def exponential(step: int, *, k: float) -> float:
    """:math:`k^i` for k < 1."""
    return k**step


def inverse_sigmoid(step: int, *, k: float) -> float:
    r""":math:`\frac{k}{k+e^{i/k}}` for :math:`k\ge1`; it is a half at :math:`i=k\log k`, and exact at any step.

    Source of all three: Bengio et al. 2015, section 2.4.
    """
    return 1 / (1 + math.exp(min(step / k - math.log(k), 700.0)))


# --- scheduled sampling ----------------------------------------------------------------------------------------------


def corrected(model: StepModel, batch: tuple[Tokens, Tokens], *, step: int, rng: torch.Generator) -> Tensor:
    r"""The loss on pairs (read, wanted): :math:`-\log q(x_t\mid\hat x_{<t})` per token. With read = wanted, the nll."""
    read, wanted = batch
    return _loss(model, read, wanted)


def scheduled_sampling(model: Any, batch: Any, *, step: int, rng: torch.Generator, truth: Schedule) -> Tensor:
    """Feed the true token with probability `truth(step)`, else the model's own draw; the target stays the true one.

    No gradient goes through the draw, so the prefix is drawn first and then read in one pass. `batch` is texts, or
    pairs (source, target) for a model that can `encode`. At `truth` = 1 this is teacher forcing, bit for bit.
    Source: Bengio et al. 2015, section 2.2; one coin per token.

    Raises
    ------
    ValueError
        If the schedule gives no probability.
    """
    share = truth(step)
    if not 0 <= share <= 1:
        raise ValueError(f"the schedule gives {share:g} at step {step}, which is no probability: bound it to [0, 1].")
    wanted, state = (batch, None) if isinstance(batch, Tensor) else (batch[1], model.encode(batch[0]))
    if share == 1:
        return _loss(model, wanted, wanted, state=state)
    read = fed(model, scheduled(wanted, truth=share), like=wanted, state=state, rng=rng)
    return _loss(model, read, wanted, state=state)


def fed(model: StepModel, policy: Policy, *, like: Tokens, state: State | None = None, rng: torch.Generator) -> Tokens:
    """What a policy feeds the model, as a text: token t is what is read before position t + 1. No gradient."""
    with evaluating(model):
        trace = unroll(model, policy, steps=like.shape[1], n=len(like), state=state, rng=rng, stop=False)
    return torch.cat([trace.read[:, 1:], like[:, -1:]], dim=1)  # the last one is read by nobody


def _loss(model: StepModel, read: Tokens, wanted: Tokens, *, state: State | None = None) -> Float[Tensor, ""]:
    if read is wanted and state is None:
        return teacher_forcing(model, wanted, step=0, rng=torch.default_generator)
    return _mean_nll(model.logits(read, state=state), wanted, within(wanted, eos=model.eos))


def _mean_nll(logits: Tensor, wanted: Tokens, counted: Tensor) -> Float[Tensor, ""]:
    each = logits.log_softmax(dim=2).gather(2, wanted.unsqueeze(2)).squeeze(2)
    return -torch.where(counted, each, 0.0).sum() / counted.sum()


def two_token_optimum(joint: Float[Tensor, "first second"], *, truth: float) -> Float[Tensor, "first second"]:
    r"""Where scheduled sampling ends in a world of two tokens, with a model that can say anything: a joint table.

    Without the truth it is the product of the marginals. Source: Huszár 2015, section 4; here for every `truth`.

    Raises
    ------
    ValueError
        If the entries do not sum to 1.
    """
    if abs(joint.sum() - 1) > 1e-6:
        raise ValueError(f"the table sums to {joint.sum():g}; give probabilities of pairs, which sum to 1.")
    first, second = joint.sum(dim=1, keepdim=True), joint.sum(dim=0)
    return truth * joint + (1 - truth) * first * second


def asking(model: StepModel, batch: Tokens, *, step: int, rng: torch.Generator, world: StepModel) -> Tensor:
    r"""Half the batch as it is; for the other half the model writes, and the world says what may come next *there*.

    One token is drawn from :math:`p(\cdot\mid\hat x_{<t})` at every own prefix that is possible: a teacher who answers,
    where scheduled sampling repeats the reference. Source: Ross, Gordon and Bagnell 2011 (DAgger), for texts.
    """
    half = len(batch) // 2
    own = fed(model, free(), like=batch[:half], rng=rng)
    answers = drawn(world.logits(own).flatten(0, 1), rng=rng).reshape(own.shape)
    read, wanted = torch.cat([own, batch[half:]]), torch.cat([answers, batch[half:]])
    counted = torch.cat([inside(world, own), within(batch[half:], eos=model.eos)])
    return _mean_nll(model.logits(read), wanted, counted)


# --- data as demonstrator --------------------------------------------------------------------------------------------

Shown = tuple[Tensor, Tensor]
"""What is read, and what is to be said, row by row.

:meta hide-value:
"""


@dataclass(frozen=True, eq=False)
class Round(Generic[M]):
    """A model of data as demonstrator, and its error over several steps on validation data."""

    model: M
    error: float


def data_as_demonstrator(
    shown: Shown,
    *,
    learn: Callable[[Shown], M],
    roll: Callable[[M], Shown],
    error: Callable[[M], float],
    rounds: int,
) -> list[Round[M]]:
    """Fit, roll out, add (own state, true next state) to the data, and fit again; `best` keeps one of the rounds.

    The first round is the ordinary fit. Source: Venkatraman et al. 2015, Algorithm 1.
    """
    found: list[Round[M]] = []
    for _ in range(rounds + 1):
        model = learn(shown)
        found.append(Round(model, error(model)))
        if len(found) <= rounds:
            read, wanted = (torch.cat(parts) for parts in zip(shown, roll(model), strict=True))
            shown = (read, wanted)
    return found


def best(rounds: list[Round[M]]) -> Round[M]:
    """The round with the smallest validation error; of equal ones, the first."""
    return min(rounds, key=lambda found: found.error)
