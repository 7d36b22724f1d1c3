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


def label_smoothing(objective: Objective = NON_SATURATING, *, real: float = 0.9) -> Objective:
    r"""One-sided label smoothing: the critic is asked for `real`, not 1, on data; the generator's loss stays.

    The best critic becomes :math:`D^*=\frac{\alpha p_r}{p_r+p_\theta}` with :math:`\alpha` = `real`, in (0, 1]: it is
    never sure that anything is real. Smoothing the *fake* label too would move the game's fixed point.
    Source: Salimans et al. 2016, section 3.4.

    Raises
    ------
    ValueError
        If `real` is not a probability above 0.
    """
    if not 0 < real <= 1:
        raise ValueError(f"the label for data is {real:g}; choose one in (0, 1], such as 0.9.")

    def critic(on_real: Scores, on_fake: Float[Tensor, " m"]) -> Loss:
        smoothed = real * softplus(-on_real) + (1 - real) * softplus(on_real)
        return smoothed.mean() + softplus(on_fake).mean()

    return replace(objective, name=f"{objective.name}, real label {real:g}", critic=critic)


def least_squares(*, a: float = 0.0, b: float = 1.0, c: float = 1.0) -> Objective:
    r"""LSGAN: regression to `b` on data and to `a` on samples; the generator wants its samples to score `c`.

    The critic's loss is :math:`\frac12\mathbb E_{p_r}(s-b)^2+\frac12\mathbb E_{p_\theta}(s-a)^2`, the generator's
    :math:`\frac12\mathbb E_{p_\theta}(s-c)^2`, and the best critic :math:`s^*=\frac{b\,p_r+a\,p_\theta}{p_r+p_\theta}`.
    If :math:`b-c=1` and :math:`b-a=2`, twice the generator's loss at :math:`s^*`, with the term
    :math:`\frac12\mathbb E_{p_r}(s-c)^2` added, is :math:`\int\frac{(p_r-p_\theta)^2}{p_r+p_\theta}`: the Pearson
    :math:`\chi^2` of :math:`p_r+p_\theta` and :math:`2p_\theta`. With the critic frozen that term has no gradient.

    Source: Mao et al. 2017, eqs. 2 and 9; means, where their published code has sums.

    Raises
    ------
    ValueError
        If `a` and `b` are equal: no critic could tell anything.
    """
    if a == b:
        raise ValueError(f"data and samples are both to score {a:g}; choose two values, such as a=0 and b=1.")

    def critic(real: Scores, fake: Float[Tensor, " m"]) -> Loss:
        return ((real - b).square().mean() + (fake - a).square().mean()) / 2

    def generator(fake: Scores) -> Loss:
        return (fake - c).square().mean() / 2

    return Objective(f"least squares ({a:g}, {b:g}, {c:g})", critic, generator)


def hinge(real: Scores, fake: Float[Tensor, " m"]) -> Loss:
    r"""The critic's :math:`\mathbb E_{p_r}(1-s)_++\mathbb E_{p_\theta}(1+s)_+`: no reward beyond the margin.

    Source: Miyato et al. 2018, eq. 16.
    """
    return torch.relu(1 - real).mean() + torch.relu(1 + fake).mean()


def score_gap(real: Scores, fake: Float[Tensor, " m"]) -> Loss:
    r"""The Wasserstein critic's loss :math:`-(\mathbb E_{p_r}f-\mathbb E_{p_\theta}f)`, minus the distance it found.

    Data score *high*, so the number to plot is minus this loss. The original code trains the negated critic; that is a
    convention, not a bug (E-37). Source: nndl, eq. 13.55; Arjovsky et al. 2017, eq. 3.
    """
    return fake.mean() - real.mean()


def raise_score(fake: Scores) -> Loss:
    r"""The generator's :math:`-\mathbb E_{p_\theta}f`: move the samples to higher scores (nndl, eq. 13.56)."""
    return -fake.mean()


LEAST_SQUARES = replace(least_squares(), name="least squares")
HINGE = Objective("hinge", hinge, raise_score)
WASSERSTEIN = Objective("Wasserstein", score_gap, raise_score)
