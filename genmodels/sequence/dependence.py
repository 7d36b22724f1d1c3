r"""What independent positions cost, exactly: for a distribution given as whole sequences with their probabilities.

The best independent positions are the target's own marginals, and what they miss is its *total correlation*,
:math:`\sum_i H(y_i)-H(y)`. Everything here follows from which sequences agree where, so no vocabulary is needed.
"""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

Sequences = Int[Tensor, "*batch k length"]
Weights = Float[Tensor, " k"]


def _agree(sequences: Sequences) -> Bool[Tensor, "*batch k k length"]:
    return sequences.unsqueeze(-2) == sequences.unsqueeze(-3)


def entropies(sequences: Sequences, p: Weights) -> tuple[Float[Tensor, "*batch length"], Float[Tensor, " *batch"]]:
    """Of every position by itself, and of the whole sequence, in nats; sequences may be equal.

    Raises
    ------
    ValueError
        If the probabilities are negative or do not sum to 1.
    """
    if bool((p < 0).any()) or abs(p.sum().item() - 1) > 1e-6:
        raise ValueError(f"these are no probabilities: {p.tolist()}; give one per sequence, summing to 1.")
    p = p.double()
    agree = _agree(sequences)
    positions = -torch.xlogy(p[:, None], (agree * p[:, None]).sum(dim=-2)).sum(dim=-2)
    whole = -torch.xlogy(p, (agree.all(dim=-1) * p).sum(dim=-1)).sum(dim=-1)
    return positions, whole


def total_correlation(sequences: Sequences, p: Weights) -> Float[Tensor, " *batch"]:
    r""":math:`\sum_iH(y_i)-H(y)=\min_{q=\prod q_i}\mathrm{KL}(p\|q)`: 0 exactly if the positions are independent."""
    positions, whole = entropies(sequences, p)
    return positions.sum(dim=-1) - whole


def kept(sequences: Sequences, p: Weights) -> Float[Tensor, " *batch"]:
    r"""The mass that the product of the marginals leaves on the sequences themselves; never below :math:`e^{-TC}`."""
    agree = _agree(sequences)
    each = (agree * p.double()[:, None]).sum(dim=-2).prod(dim=-1)
    return (each / agree.all(dim=-1).sum(dim=-1)).sum(dim=-1)
