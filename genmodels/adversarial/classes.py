r"""Classes read off by the critic: AC-GAN's auxiliary classifier, and the semi-supervised GAN's K logits.

The critic's score does not see the label; a *term* does. Cross-entropies take logits: a softmax before them, a bug
of several published implementations, leaves a floor of 1.461 nats for ten classes and 1.543 for eleven.
"""

from __future__ import annotations

import math
from dataclasses import replace

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.special import entr

from ..batches import Batch, samples
from ..data import MISSING, Pairs
from ..data.pairs import checked
from .divergences import jensen_shannon
from .objectives import NON_SATURATING, Loss

Logits = Float[Tensor, "n classes"]


def class_loss(logits: Logits, labels: Int[Tensor, " n"]) -> Loss:
    r"""The mean of :math:`-\log p(y_i\mid x_i)` in nats over the rows that have a label; 0 if none has.

    Raises
    ------
    ValueError
        If a label is neither a class nor `MISSING`.
    """
    there = labels != MISSING
    known = checked(labels[there], classes=logits.shape[1])
    return cross_entropy(logits[there], known, reduction="sum") / there.sum().clamp_min(1)


# --- AC-GAN ----------------------------------------------------------------------------------------------------------


class Auxiliary(nn.Module):
    """A critic with two heads on one body: a score, and what it infers about the sample's origin, `outputs` numbers.

    What comes with a sample is not read: the score must be earned by x alone.
    Source: Odena, Olah, Shlens 2017, section 3; with the head as Q(c | x), Chen et al. 2016, section 6.
    """

    def __init__(self, body: nn.Module, *, width: int, outputs: int) -> None:
        super().__init__()
        self.body, self.source, self.head = body, nn.Linear(width, 1), nn.Linear(width, outputs)

    def forward(self, x: Float[Tensor, "n ..."], *unread: Tensor) -> Float[Tensor, "n 1"]:
        return self.source(self.body(x))

    def infer(self, x: Float[Tensor, "n ..."]) -> Float[Tensor, "n outputs"]:
        return self.head(self.body(x))


def classification(
    critic: Auxiliary,
    real: tuple[Tensor, Tensor],
    fake: tuple[Tensor, Tensor],
    *,
    rng: torch.Generator,
    weight: float = 1.0,
) -> Loss:
    r""":math:`-L_C`: data shall be recognised as what they are, samples as what was asked for. For both players.

    Source: Odena, Olah, Shlens 2017, eq. 3; the critic maximises :math:`L_S+L_C`, the generator :math:`L_C-L_S`.
    """
    (x, y), (made, asked) = real, fake
    return weight * (class_loss(critic.infer(x), y) + class_loss(critic.infer(made), asked))


def auxiliary_value(
    p: Float[Tensor, "classes cells"], q: Float[Tensor, "classes cells"], *, weight: float
) -> Float[Tensor, ""]:
    r"""What AC-GAN's generator descends if score and head are at their best, for tables of p(y, x) and q(y, x):

    .. math:: 2\,\mathrm{JSD}(p_x,q_x)-\log4+2\lambda\,H_m(y\mid x),\qquad m=\tfrac12(p+q) .

    The score compares marginals; the head's best cross-entropy on both batches is twice the conditional entropy of the
    mixture, whose posterior it reports. For the minimax objective, in nats. Not minimal at q = p where classes overlap.
    """
    m = (p + q) / 2
    uncertainty = entr(m).sum() - entr(m.sum(dim=0)).sum()
    return 2 * jensen_shannon(p.sum(dim=0), q.sum(dim=0)) - math.log(4) + 2 * weight * uncertainty


# --- semi-supervised -------------------------------------------------------------------------------------------------


class SemiSupervised(nn.Module):
    r"""A classifier whose logits are a critic: :math:`s(x)=\log\sum_k e^{l_k(x)}`, so that :math:`D=\frac{Z}{Z+1}`.

    That is the softmax over K + 1 classes with the logit of "generated" fixed at 0.
    Source: Salimans et al. 2016, section 5.
    """

    def __init__(self, body: nn.Module, *, width: int, classes: int) -> None:
        super().__init__()
        self.body, self.head = body, nn.Linear(width, classes)

    def forward(self, x: Float[Tensor, "n ..."], *unread: Tensor) -> Float[Tensor, " n"]:
        return self.infer(x).logsumexp(dim=1)

    def infer(self, x: Float[Tensor, "n ..."]) -> Logits:
        return self.head(self.body(x))


def supervised(
    critic: SemiSupervised, real: Batch, fake: Batch, *, rng: torch.Generator, labelled: Pairs, batch: int = 64
) -> Loss:
    """The cross-entropy on a batch of the few samples that have labels: a penalty, for the critic alone."""
    x, y = labelled.sample((batch,), rng=rng)
    where = samples(real).device
    return class_loss(critic.infer(x.to(where)), y.to(where))


def feature_matching(critic: SemiSupervised, real: Batch, fake: Batch, *, rng: torch.Generator) -> Loss:
    r""":math:`\frac1d\|\mathbb E f(x)-\mathbb E f(G(z))\|^2` for the :math:`d` features of the critic's body.

    For the generator alone: data get no gradient; the body would get one, so the critic is not charged with this.
    Source: Salimans et al. 2016, section 3.1; the mean over features, as in their code.
    """
    wanted, made = (critic.body(samples(batch)).mean(dim=0) for batch in (real, fake))
    return (wanted.detach() - made).square().mean()


FEATURES_ONLY = replace(NON_SATURATING, name="features only", generator=lambda fake: 0 * fake.sum())
"""The critic's cross-entropy, and nothing for the generator: its loss is the term `feature_matching`.

:meta hide-value:
"""
