r"""Counting: Bernoulli, categorical, Poisson and multinomial distributions, fitted by frequencies."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from .base import Density, indices, mean, pseudo_count, summed, whole


@dataclass(frozen=True, eq=False)
class Bernoulli(Density):
    r"""Independent bits, :math:`\prod_ip_i^{x_i}(1-p_i)^{1-x_i}`. The event has the shape of p.

    The `fit` is the frequency of ones, :math:`(c_i+a)/(n+2a)` with a pseudo-count a of each value (0:
    maximum likelihood).

    Raises
    ------
    ValueError
        If p is no probability, the pseudo-count is negative, or x is neither 0 nor 1.
    """

    p: Float[Tensor, "*event"]
    pseudo: float = 0.0

    def __post_init__(self) -> None:
        _probabilities(self.p)
        pseudo_count(self.pseudo)

    @classmethod
    def fair(cls, *event_shape: int, pseudo: float = 0.0) -> Bernoulli:
        """All bits 1 with probability 1/2."""
        return cls(torch.full(event_shape, 0.5), pseudo)

    @property
    def event_shape(self) -> tuple[int, ...]:
        return tuple(self.p.shape)

    def _log_prob(self, x: Tensor) -> Tensor:
        whole(x, low=0, high=1, what="a bit is 0 or 1")
        x = x.to(self.p)
        return summed(torch.xlogy(x, self.p) + torch.xlogy(1 - x, 1 - self.p))  # 0 log 0 = 0

    def _sample(self, n: int, *, rng: torch.Generator) -> Tensor:
        return (torch.rand(n, *self.event_shape, generator=rng, device=rng.device).to(self.p) < self.p).to(self.p)

    def _fit(self, x: Tensor, weights: Tensor) -> Bernoulli:
        whole(x, low=0, high=1, what="a bit is 0 or 1")
        # Counted like this, bits that are all alike have a probability of exactly 0 or 1: a mean of 95 ones, in single
        # precision, is 1.0000001, and log(1 - p) is no number.
        x = x.to(weights)
        zeros, ones = (torch.tensordot(weights, bits, dims=1) for bits in (1 - x, x))
        return replace(self, p=(ones + self.pseudo) / (zeros + ones + 2 * self.pseudo))


@dataclass(frozen=True, eq=False)
class Categorical(Density):
    r"""One of K things, with probabilities p in the last axis; further axes are independent coordinates of the event.

    The `fit` is the frequency, :math:`(c_k+a)/(n+Ka)` with a pseudo-count a of each thing (0: maximum likelihood).

    Raises
    ------
    ValueError
        If p does not add up to 1, the pseudo-count is negative, or x is none of the numbers 0 to K - 1.
    """

    p: Float[Tensor, "*event things"]
    pseudo: float = 0.0

    def __post_init__(self) -> None:
        _probabilities(self.p, add_up=True)
        pseudo_count(self.pseudo)

    @classmethod
    def uniform(cls, things: int, *event_shape: int, pseudo: float = 0.0) -> Categorical:
        """All things alike."""
        return cls(torch.full((*event_shape, things), 1 / things), pseudo)

    @property
    def event_shape(self) -> tuple[int, ...]:
        return tuple(self.p.shape[:-1])

    def _log_prob(self, x: Tensor) -> Tensor:
        each = self.p.log().expand(len(x), *self.p.shape)
        return summed(each.gather(-1, self._numbers(x).unsqueeze(-1)).squeeze(-1))

    def _sample(self, n: int, *, rng: torch.Generator) -> Tensor:
        p = self.p.reshape(-1, self.p.shape[-1])
        return indices(p, n, rng=rng).T.reshape(n, *self.event_shape)

    def _fit(self, x: Tensor, weights: Tensor) -> Categorical:
        things = self.p.shape[-1]
        numbers = self._numbers(x).reshape(len(x), -1)
        # In double precision: a single-precision number of 2^24 does not grow when 1 is added to it.
        counts = torch.zeros(numbers.shape[1], things, dtype=torch.float64, device=x.device)
        counts.scatter_add_(1, numbers.T, weights.double().expand(numbers.shape[1], -1))
        p = (counts + self.pseudo) / (counts + self.pseudo).sum(dim=1, keepdim=True)
        return replace(self, p=p.reshape(self.p.shape).to(weights))

    def _numbers(self, x: Tensor) -> Tensor:
        things = self.p.shape[-1]
        whole(x, low=0, high=things - 1, what=f"a thing is a whole number from 0 to {things - 1}")
        return x.long()


@dataclass(frozen=True, eq=False)
class Poisson(Density):
    r"""Independent counts, :math:`\prod_ie^{-\lambda_i}\lambda_i^{x_i}/x_i!`. The event has the shape of the rate.

    The `fit` is the mean count, which is the maximum likelihood.

    Raises
    ------
    ValueError
        If a rate is negative, or x is no count.
    """

    rate: Float[Tensor, "*event"]

    def __post_init__(self) -> None:
        if not bool((self.rate.detach() >= 0).all()):
            raise ValueError("a rate is a mean count: give numbers of 0 or more.")

    @classmethod
    def unit(cls, *event_shape: int) -> Poisson:
        """Rate 1."""
        return cls(torch.ones(event_shape))

    @property
    def event_shape(self) -> tuple[int, ...]:
        return tuple(self.rate.shape)

    def _log_prob(self, x: Tensor) -> Tensor:
        whole(x, low=0, high=None, what="a count is a whole number of 0 or more")
        x, rate = x.double(), self.rate.double()  # of large counts: the difference of terms as large as x log x
        return summed(torch.xlogy(x, rate) - rate - torch.lgamma(x + 1)).to(self.rate)

    def _sample(self, n: int, *, rng: torch.Generator) -> Tensor:
        rates = self.rate.detach().to(rng.device).expand(n, *self.event_shape).contiguous()
        return torch.poisson(rates, generator=rng).to(self.rate)

    def _fit(self, x: Tensor, weights: Tensor) -> Poisson:
        whole(x, low=0, high=None, what="a count is a whole number of 0 or more")
        return replace(self, rate=mean(x, weights))


@dataclass(frozen=True, eq=False)
class Multinomial(Density):
    r"""How often each of K things came up in `total` draws, :math:`\frac{n!}{\prod_kx_k!}\prod_kp_k^{x_k}`.

    The `fit` is the frequency, :math:`(c_k+a)/(c_1+\dots+c_K+Ka)` with a pseudo-count a of each thing (0: maximum
    likelihood).

    Raises
    ------
    ValueError
        If p does not add up to 1, the pseudo-count is negative, or the counts in x do not add up to `total`.
    """

    p: Float[Tensor, " things"]
    total: int
    pseudo: float = 0.0

    def __post_init__(self) -> None:
        _probabilities(self.p, add_up=True)
        pseudo_count(self.pseudo)
        if self.total < 1:
            raise ValueError(f"{self.total} draws tell nothing: give a total of 1 or more.")

    @classmethod
    def uniform(cls, things: int, *, total: int, pseudo: float = 0.0) -> Multinomial:
        """All things alike."""
        return cls(torch.full((things,), 1 / things), total, pseudo)

    @property
    def event_shape(self) -> tuple[int, ...]:
        return tuple(self.p.shape)

    def _log_prob(self, x: Tensor) -> Tensor:
        x, p = self._counts(x).double(), self.p.double()  # as for `Poisson`
        ways = math.lgamma(self.total + 1) - torch.lgamma(x + 1).sum(dim=1)
        return (ways + torch.xlogy(x, p).sum(dim=1)).to(self.p)

    def _sample(self, n: int, *, rng: torch.Generator) -> Tensor:
        draws = Categorical(self.p).sample((n, self.total), rng=rng)
        return torch.zeros(n, len(self.p)).to(self.p).scatter_add_(1, draws, torch.ones(draws.shape).to(self.p))

    def _fit(self, x: Tensor, weights: Tensor) -> Multinomial:
        counts = mean(self._counts(x), weights) * weights.sum() + self.pseudo
        return replace(self, p=counts / counts.sum())

    def _counts(self, x: Tensor) -> Tensor:
        whole(x, low=0, high=self.total, what=f"counts are whole numbers from 0 to {self.total}")
        if bool((x.sum(dim=1) != self.total).any()):
            raise ValueError(f"the counts of each point add up to {self.total} here, and those of x do not.")
        return x


def _probabilities(p: Tensor, *, add_up: bool = False) -> None:
    p = p.detach()
    if not bool(((p >= 0) & (p <= (1 + 1e-6 if add_up else 1))).all()):  # a sum may be off by rounding
        raise ValueError("a probability is a number from 0 to 1, and p has others.")
    if add_up and not bool(((p.sum(dim=-1) - 1).abs() < 1e-4).all()):
        raise ValueError("probabilities add up to 1, and those of p do not: divide them by their sum.")
