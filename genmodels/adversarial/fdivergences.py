r"""f-divergences, and the game that bounds each of them from below.

A convex :math:`f` with :math:`f(1)=0` gives a divergence, :math:`D_f(P\|Q)=\int q\,f(p/q)`. Its convex conjugate
:math:`f^*(t)=\sup_{u\ge0}\,ut-f(u)` gives a lower bound that needs samples only,
:math:`D_f\ge\mathbb E_P\,T-\mathbb E_Q\,f^*(T)`, tight at :math:`T^*=f'(p/q)`. A critic's score `v` is any real number;
the activation :math:`T=g_f(v)` brings it into the domain of :math:`f^*`. P is the data, Q the generator.

Source: Nowozin et al. 2016, tables 1 and 2, with the two entries of correction E-36.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid, softplus
from torch.special import expm1, xlogy

from .divergences import Number, Table
from .objectives import Objective, Scores

Function = Callable[[Tensor], Tensor]
LOG2 = math.log(2)


@dataclass(frozen=True)
class FDivergence:
    r"""One row of the table: a convex function, what follows from it, and the same formulas as they are printed.

    `charge` is :math:`f^*(g_f(v))`, what the critic pays for a generated sample, simplified by hand: composed of its
    two parts it would lose its digits, or overflow, at scores that a critic reaches. `supremum` is the upper end of the
    domain of :math:`f^*`, which is also :math:`\lim_{u\to\infty}f(u)/u`: the price of data that the model never makes.
    """

    name: str
    f: Function
    derivative: Function
    conjugate: Function
    activation: Function
    charge: Function
    supremum: float
    latex: Mapping[str, str] = field(repr=False, compare=False)

    def divergence(self, p: Table, q: Table, *, cell: float = 1.0) -> Number:
        r""":math:`D_f(P\|Q)=\int q\,f(p/q)` of tabulated densities; where only `p` has mass, it costs `supremum`."""
        missed = torch.where(p > 0, p * self.supremum, 0.0)
        return torch.where(q > 0, q * self.f(_ratio(p, q)), missed).sum() * cell

    def optimal(self, p: Table, q: Table) -> Table:
        r""":math:`T^*=f'(p/q)`, the critic's output at which the bound is tight."""
        return self.derivative(_ratio(p, q))

    def bound(self, t: Table, p: Table, q: Table, *, cell: float = 1.0) -> Number:
        r""":math:`\mathbb E_P\,T-\mathbb E_Q\,f^*(T)\le D_f` for a table :math:`T`; :math:`-\infty` off the domain."""
        earned, paid = torch.where(p > 0, p * t, 0.0), torch.where(q > 0, q * self.conjugate(t), 0.0)
        return (earned - paid).sum() * cell

    def objective(self, *, non_saturating: bool = False) -> Objective:
        r"""The critic raises the bound; the generator lowers it or, `non_saturating`, raises :math:`\mathbb E_Q\,g_f`.

        Source: Nowozin et al. 2016, eq. 6; the other generator's loss is their section 3.2.
        """

        def critic(real: Scores, fake: Tensor) -> Tensor:
            return self.charge(fake).mean() - self.activation(real).mean()

        def generator(fake: Scores) -> Tensor:
            return -(self.activation if non_saturating else self.charge)(fake).mean()

        return Objective(self.name + (", non-saturating" if non_saturating else ""), critic, generator)


def _ratio(p: Table, q: Table) -> Table:
    """Density ratio; infinite where only `p` has mass, and 1, which costs nothing, where nobody has."""
    return torch.where((p > 0) | (q > 0), p / q, 1.0)


def _below(supremum: float, conjugate: Function) -> Function:
    """A conjugate is infinite outside its domain, whatever its formula returns there."""
    return lambda t: torch.where(t <= supremum, conjugate(t), math.inf)


KL = FDivergence(
    "KL",
    f=lambda u: xlogy(u, u),
    derivative=lambda u: 1 + u.log(),
    conjugate=lambda t: (t - 1).exp(),
    activation=lambda v: v,
    charge=lambda v: (v - 1).exp(),
    supremum=math.inf,
    latex={
        "f": r"u\log u",
        "integrand": r"p\log\frac{p}{q}",
        "derivative": r"1+\log u",
        "activation": "v",
        "conjugate": "e^{t-1}",
        "charge": "e^{v-1}",
    },
)

REVERSE_KL = FDivergence(
    "reverse KL",
    f=lambda u: -u.log(),
    derivative=lambda u: -1 / u,
    conjugate=_below(0.0, lambda t: -1 - (-t).log()),
    activation=lambda v: -(-v).exp(),  # the paper's appendix prints -exp(v), which falls
    charge=lambda v: v - 1,
    supremum=0.0,
    latex={
        "f": r"-\log u",
        "integrand": r"q\log\frac{q}{p}",
        "derivative": r"-\frac{1}{u}",
        "activation": "-e^{-v}",
        "conjugate": r"-1-\log(-t)",
        "charge": "v-1",
        "supremum": "0",
    },
)

PEARSON = FDivergence(
    "Pearson",
    f=lambda u: (u - 1).square(),
    derivative=lambda u: 2 * (u - 1),
    conjugate=lambda t: (
        t + t.square() / 4
    ),  # over u >= 0 it is -1 below t = -2; there this bound is looser, and still one
    activation=lambda v: v,
    charge=lambda v: v + v.square() / 4,
    supremum=math.inf,
    latex={
        "f": "(u-1)^2",
        "integrand": r"\frac{(p-q)^2}{q}",
        "derivative": "2(u-1)",
        "activation": "v",
        "conjugate": r"t+\frac{t^2}{4}",
        "charge": r"v+\frac{v^2}{4}",
    },
)

NEYMAN = FDivergence(
    "Neyman",
    f=lambda u: (1 - u).square() / u,
    derivative=lambda u: 1 - u**-2.0,
    conjugate=_below(1.0, lambda t: 2 - 2 * (1 - t).sqrt()),
    activation=lambda v: -expm1(-v),
    charge=lambda v: -2 * expm1(-v / 2),
    supremum=1.0,
    latex={
        "f": r"\frac{(1-u)^2}{u}",
        "integrand": r"\frac{(p-q)^2}{p}",
        "derivative": r"1-\frac{1}{u^2}",
        "activation": "1-e^{-v}",
        "conjugate": r"2-2\sqrt{1-t}",
        "charge": r"2-2e^{-\frac{v}{2}}",
        "supremum": "1",
    },
)

HELLINGER = FDivergence(
    "squared Hellinger",
    f=lambda u: (u.sqrt() - 1).square(),
    derivative=lambda u: 1 - u**-0.5,
    conjugate=_below(1.0, lambda t: t / (1 - t)),
    activation=lambda v: -expm1(-v),
    charge=expm1,
    supremum=1.0,
    latex={
        "f": r"(\sqrt{u}-1)^2",
        "integrand": r"(\sqrt{p}-\sqrt{q})^2",
        "derivative": r"1-\frac{1}{\sqrt{u}}",
        "activation": "1-e^{-v}",
        "conjugate": r"\frac{t}{1-t}",
        "charge": "e^v-1",
        "supremum": "1",
    },
)

JENSEN_SHANNON = FDivergence(
    "Jensen-Shannon",
    f=lambda u: xlogy(u, u) - (1 + u) * ((1 + u) / 2).log(),
    derivative=lambda u: LOG2 + logsigmoid(u.log()),
    conjugate=_below(LOG2, lambda t: -(2 - t.exp()).log()),
    activation=lambda v: LOG2 + logsigmoid(v),
    charge=lambda v: softplus(v) - LOG2,
    supremum=LOG2,
    latex={
        "f": r"u\log u-(u+1)\log\frac{1+u}{2}",
        "integrand": r"p\log\frac{2p}{p+q}+q\log\frac{2q}{p+q}",
        "derivative": r"\log\frac{2u}{1+u}",
        "activation": r"\log 2-\log(1+e^{-v})",
        "conjugate": "-\\log(2-e^t)",
        "charge": r"\log(1+e^v)-\log 2",
        "supremum": r"\log 2",
    },
)
"""The sum of two divergences from the middle: twice :func:`jensen_shannon`, which is their mean (E-36)."""

GAN = FDivergence(
    "GAN",
    f=lambda u: xlogy(u, u) - (1 + u) * torch.log1p(u),
    derivative=lambda u: logsigmoid(u.log()),
    conjugate=_below(0.0, lambda t: -(-expm1(t)).log()),
    activation=logsigmoid,
    charge=softplus,
    supremum=0.0,
    latex={
        "f": r"u\log u-(u+1)\log(u+1)",
        "integrand": r"p\log\frac{p}{p+q}+q\log\frac{q}{p+q}",
        "derivative": r"\log\frac{u}{1+u}",
        "activation": r"-\log(1+e^{-v})",
        "conjugate": r"-\log(1-e^t)",
        "charge": r"\log(1+e^v)",
        "supremum": "0",
    },
)
"""The game of Goodfellow et al. 2014, offset by :math:`f(1)=-\\log4`, so no divergence by itself (E-36)."""

F_DIVERGENCES = (KL, REVERSE_KL, PEARSON, HELLINGER, JENSEN_SHANNON, GAN, NEYMAN)
"""The lecture's six rows, and Neyman's."""
