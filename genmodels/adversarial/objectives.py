r"""Objectives: a GAN is two pure functions of the critic's scores.

A critic returns a *score* :math:`a(x)\in\mathbb R`, never a probability; where one is meant, :math:`D(x)=\sigma(a(x))`.
Written in scores the losses are exact at any magnitude:
:math:`\log D=-\operatorname{softplus}(-a)` and :math:`\log(1-D)=-\operatorname{softplus}(a)`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import softplus

Scores = Float[Tensor, " n"]
Loss = Float[Tensor, ""]


@dataclass(frozen=True)
class Objective:
    """Two losses, both to be minimised: the critic's of real and generated scores, the generator's of generated ones.

    Scores have shape `(n,)`, losses are means over the batch, so a partial last batch needs no care.
    """

    name: str
    critic: Callable[[Scores, Scores], Loss]
    generator: Callable[[Scores], Loss]


def cross_entropy(real: Scores, fake: Float[Tensor, " m"]) -> Loss:
    r"""The critic's loss :math:`-\mathbb E_{p_r}\log D-\mathbb E_{p_\theta}\log(1-D)`, that is :math:`-V(D,G)`.

    Its minimum over all critics is :math:`\log 4-2\,\mathrm{JSD}(p_r,p_\theta)`; an undecided critic
    (:math:`D\equiv\frac12`) pays :math:`2\log2`. Source: Goodfellow et al. 2014, eq. 1.
    """
    return softplus(-real).mean() + softplus(fake).mean()


def minimax(fake: Scores) -> Loss:
    r"""The generator's side of the zero-sum game, :math:`\mathbb E\log(1-D)`; its slope in the score is :math:`-D`.

    Source: Goodfellow et al. 2014, eq. 1. The slope vanishes where the critic is sure that a sample is generated.
    """
    return -softplus(fake).mean()


def non_saturating(fake: Scores) -> Loss:
    r"""The loss that is used in practice, :math:`-\mathbb E\log D`; its slope in the score is :math:`-(1-D)`.

    Source: Goodfellow et al. 2014, section 3; Algorithm 13.1 with its logarithm restored (correction E-32).
    """
    return softplus(-fake).mean()


def probability(fake: Scores) -> Loss:
    r"""What Algorithm 13.1 prints, :math:`-\mathbb E D`; its slope :math:`-D(1-D)` vanishes at *both* ends (E-32)."""
    return -torch.sigmoid(fake).mean()


MINIMAX = Objective("minimax", cross_entropy, minimax)
NON_SATURATING = replace(MINIMAX, name="non-saturating", generator=non_saturating)
PROBABILITY = replace(MINIMAX, name="probability", generator=probability)
