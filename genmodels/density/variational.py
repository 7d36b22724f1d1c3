r"""Bounds on a likelihood that cannot be computed, and a model in which it can be, to hold them against.

A latent-variable model has :math:`p(x)=\int p(x\mid z)\,p(z)\,dz`. Any :math:`q(z)` gives the evidence lower bound,
:math:`\log p(x)=\mathrm{ELBO}(q)+\mathrm{KL}(q\,\|\,p(z\mid x))`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from .base import Density, mean
from .gaussian import LOG_2PI, Gaussian


class Belief(NamedTuple):
    r"""What is believed of z: :math:`q(z)=\prod_jN(z_j;\mu_j,\sigma_j^2)`, one row for each x."""

    mean: Float[Tensor, "*rows latent"]
    log_variance: Float[Tensor, "*rows latent"]

    def reparametrised(self, noise: Float[Tensor, "*more latent"]) -> Float[Tensor, "*more latent"]:
        r""":math:`z=\mu+\sigma\varepsilon`: standard noise becomes a draw from q, and gradients pass to both."""
        return self.mean + (self.log_variance / 2).exp() * noise

    def log_prob(self, z: Float[Tensor, "*more latent"]) -> Float[Tensor, " *more_rows"]:
        r""":math:`\log q(z)`, summed over the latent variables."""
        square = (z - self.mean).square() * (-self.log_variance).exp()
        return -(square + self.log_variance + LOG_2PI).sum(dim=-1) / 2

    def kl(self) -> Float[Tensor, "*rows latent"]:
        r""":math:`\mathrm{KL}(N(\mu_j,\sigma_j^2)\,\|\,N(0,1))=\frac12(\sigma_j^2+\mu_j^2-1-\log\sigma_j^2)`, each.

        The divergence of a row is their *sum*. Source: Kingma and Welling 2014, appendix B.
        """
        return (self.log_variance.exp() + self.mean.square() - 1 - self.log_variance) / 2


def mean_bound(log_weights: Float[Tensor, "samples ..."]) -> Float[Tensor, ...]:
    r"""The ELBO, estimated: the mean of :math:`\log w_k=\log p(x,z_k)-\log q(z_k)` with :math:`z_k\sim q`."""
    return log_weights.mean(dim=0)


def importance_bound(log_weights: Float[Tensor, "samples ..."]) -> Float[Tensor, ...]:
    r"""The log of the mean, :math:`\log\frac1K\sum_kw_k`; its expectation grows with K towards :math:`\log p(x)`.

    Source: Burda, Grosse and Salakhutdinov 2016, theorem 1.
    """
    return log_weights.logsumexp(dim=0) - math.log(len(log_weights))


Integrand = Callable[[Float[Tensor, "samples latent"]], Float[Tensor, " samples"]]
"""A function of z whose mean under q is wanted.

:meta hide-value:
"""


def pathwise_gradient(
    f: Integrand, belief: Belief, noise: Float[Tensor, "samples latent"]
) -> Float[Tensor, "samples two_latent"]:
    r""":math:`\nabla_{\mu,\log\sigma^2}f(\mu+\sigma\varepsilon)` for each :math:`\varepsilon`: unbiased for that of
    :math:`\mathbb E_q f(z)`, and f must have a derivative.

    Columns: the means, then the log-variances. Source: Kingma and Welling 2014, section 2.4.
    """
    each = Belief(*(part.detach().expand_as(noise).clone().requires_grad_() for part in belief))
    return torch.cat(torch.autograd.grad(f(each.reparametrised(noise)).sum(), tuple(each)), dim=1)


def score_gradient(
    f: Integrand, belief: Belief, noise: Float[Tensor, "samples latent"], *, baseline: float = 0.0
) -> Float[Tensor, "samples two_latent"]:
    r""":math:`(f(z)-b)\,\nabla_{\mu,\log\sigma^2}\log q(z)` for each draw: as unbiased, and f need have no derivative.

    Columns: the means, then the log-variances. Source: Williams 1992.
    """
    z = belief.reparametrised(noise).detach()
    standard = (z - belief.mean) * (-belief.log_variance / 2).exp()
    slopes = torch.cat([standard * (-belief.log_variance / 2).exp(), (standard.square() - 1) / 2], dim=1)
    return (f(z) - baseline)[:, None] * slopes


@dataclass(frozen=True, eq=False)
class LinearGaussian(Density):
    r""":math:`z\sim N(0,I)`, :math:`x\mid z\sim N(Wz+\mu,s^2I)`: probabilistic PCA, whose integral over z is known.

    The `fit` is maximum likelihood in closed form: the directions of largest variance, each shortened by the noise,
    :math:`W=U(\Lambda-s^2I)_+^{1/2}`, and :math:`s^2` the mean of the variances left over, or as it is if
    `learn_variance` is false. Source: Tipping and Bishop 1999, eqs. 7 and 8.

    Raises
    ------
    ValueError
        If the variance is not above 0, or W has not one row for each coordinate; in a `fit` that is to find the
        variance, if W has as many columns as rows: then no direction is left over.
    """

    weight: Float[Tensor, "rows latent"]
    mean: Float[Tensor, " dim"]
    variance: Float[Tensor, ""]
    learn_variance: bool = True

    def __post_init__(self) -> None:
        if len(self.weight) != len(self.mean):
            raise ValueError(
                f"W maps z to x: give {len(self.mean)} rows, one for each coordinate of the mean; "
                f"it has shape {tuple(self.weight.shape)}."
            )
        if not float(self.variance) > 0:
            raise ValueError(
                "the noise has no variance: the points lie in as many dimensions as z has. Use fewer latent variables, "
                "or learn_variance=False with a variance above 0."
            )

    @classmethod
    def standard(cls, dim: int, *, latent: int) -> LinearGaussian:
        """W = 0, mean 0, noise of variance 1: where a `fit` may start."""
        return cls(torch.zeros(dim, latent), torch.zeros(dim), torch.tensor(1.0))

    @property
    def event_shape(self) -> tuple[int, ...]:
        return tuple(self.mean.shape)

    @property
    def marginal(self) -> Gaussian:
        r""":math:`p(x)=N(\mu,WW^\top+s^2I)`."""
        noise = self.variance * torch.eye(len(self.mean)).to(self.weight)
        return Gaussian(self.mean, self.weight @ self.weight.T + noise)

    def posterior(self, x: Float[Tensor, "n dim"]) -> tuple[Float[Tensor, "n latent"], Float[Tensor, "latent latent"]]:
        r"""The exact :math:`p(z\mid x)=N(m,V)`: :math:`V=(I+W^\top W/s^2)^{-1}`, :math:`m=VW^\top(x-\mu)/s^2`."""
        identity = torch.eye(self.weight.shape[1]).to(self.weight)
        covariance = torch.linalg.inv(identity + self.weight.T @ self.weight / self.variance)
        return (x - self.mean) @ self.weight @ covariance / self.variance, covariance

    def expected(
        self, x: Float[Tensor, "n dim"], centre: Float[Tensor, "n latent"], covariance: Float[Tensor, "latent latent"]
    ) -> Float[Tensor, " n"]:
        r""":math:`\mathbb E_{z\sim N(m,V)}[\log p(x\mid z)]`."""
        error = (x - self.mean - centre @ self.weight.T).square().sum(dim=1)
        spread = (self.weight @ covariance @ self.weight.T).trace()
        return -len(self.mean) / 2 * (LOG_2PI + self.variance.log()) - (error + spread) / (2 * self.variance)

    def elbo(
        self, x: Float[Tensor, "n dim"], centre: Float[Tensor, "n latent"], covariance: Float[Tensor, "latent latent"]
    ) -> Float[Tensor, " n"]:
        r""":math:`\mathbb E_q[\log p(x\mid z)]-\mathrm{KL}(q\,\|\,N(0,I))` for :math:`q=N(m,V)`, without sampling."""
        return self.expected(x, centre, covariance) - gaussian_kl(centre, covariance)

    def _log_prob(self, x: Tensor) -> Tensor:
        return self.marginal.log_prob(x)

    def _sample(self, n: int, *, rng: torch.Generator) -> Tensor:
        z, noise = (torch.randn(n, k, generator=rng).to(self.weight) for k in (self.weight.shape[1], len(self.mean)))
        return z @ self.weight.T + self.mean + self.variance.sqrt() * noise

    def _fit(self, x: Tensor, weights: Tensor) -> LinearGaussian:
        latent = self.weight.shape[1]
        if self.learn_variance and latent >= len(self.mean):
            raise ValueError(
                f"{latent} latent variables for {len(self.mean)} coordinates leave no direction to learn noise from: "
                f"use fewer, or learn_variance=False."
            )
        centre = mean(x, weights)
        centred = x - centre
        sizes, axes = torch.linalg.eigh((weights[:, None] / weights.sum() * centred).T @ centred)  # rising
        variance = sizes[:-latent].mean() if self.learn_variance else self.variance
        weight = axes[:, -latent:] * (sizes[-latent:] - variance).clamp_min(0).sqrt()
        return replace(self, weight=weight.flip(1), mean=centre, variance=variance)


def gaussian_kl(centre: Float[Tensor, "n latent"], covariance: Float[Tensor, "latent latent"]) -> Float[Tensor, " n"]:
    r""":math:`\mathrm{KL}(N(m,V)\,\|\,N(0,I))=\frac12(\operatorname{tr}V+m^\top m-k-\log|V|)`."""
    return (covariance.trace() + centre.square().sum(dim=1) - len(covariance) - covariance.logdet()) / 2
