r"""Lipschitz control in its three kinds: a penalty on the loss, a projection of the weights, a reparametrisation.

A function is :math:`K`-Lipschitz if :math:`|f(x)-f(y)|\le K\|x-y\|` for all pairs (nndl, eq. 13.54); for a
differentiable one on a convex set that is :math:`\|\nabla f\|\le K` everywhere.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from .game import score


def slopes(critic: nn.Module, x: Float[Tensor, "n ..."]) -> Float[Tensor, " n"]:
    r"""The norm of the gradient, :math:`\|\nabla_xf(x_i)\|_2`, at each row; it can be differentiated once more.

    The norm runs over *all* coordinates of a row. It is each row's own slope only if the critic scores rows
    independently, which batch normalisation breaks.
    """
    x = x.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(score(critic, x).sum(), x, create_graph=True)
    return gradient.flatten(1).norm(dim=1)


def between(
    real: Float[Tensor, "n ..."], fake: Float[Tensor, "n ..."], *, rng: torch.Generator
) -> Float[Tensor, "n ..."]:
    r""":math:`\hat x_i=\epsilon_ix_i+(1-\epsilon_i)\tilde x_i` with one :math:`\epsilon_i\sim U(0,1)` per *row*.

    Source: Gulrajani et al. 2017, Algorithm 1.
    """
    share = torch.rand(len(real), *[1] * (real.ndim - 1), generator=rng).to(real)
    return share * real + (1 - share) * fake


def gradient_penalty(
    critic: nn.Module,
    real: Float[Tensor, "n ..."],
    fake: Float[Tensor, "n ..."],
    *,
    rng: torch.Generator,
    weight: float = 10.0,
    one_sided: bool = False,
) -> Float[Tensor, ""]:
    r""":math:`\lambda\,\mathbb E(\|\nabla f(\hat x)\|_2-1)^2` between data and samples.

    One-sided, only slopes above 1 cost.

    Source: Gulrajani et al. 2017, eq. 3 (:math:`\lambda` = `weight` = 10); one-sided: Petzka et al. 2018.
    """
    excess = slopes(critic, between(real, fake, rng=rng)) - 1
    return weight * (excess.relu() if one_sided else excess).square().mean()


def r1(
    critic: nn.Module,
    real: Float[Tensor, "n ..."],
    fake: Float[Tensor, "n ..."],
    *,
    rng: torch.Generator,
    weight: float = 1.0,
) -> Float[Tensor, ""]:
    r""":math:`\frac\gamma2\mathbb E_{p_r}\|\nabla f(x)\|_2^2`: flat where the data are.

    Source: Mescheder et al. 2018, eq. 9.
    """
    return weight / 2 * slopes(critic, real).square().mean()


def clip(critic: nn.Module, *, bound: float = 0.01) -> None:
    """Put every weight back into [-bound, bound], after the step that moved it out.

    The box bounds the slope by a constant that depends on the architecture; it is not `bound` (E-37).
    Source: nndl, Algorithm 13.2; Arjovsky et al. 2017, Algorithm 1.
    """
    with torch.no_grad():
        for parameter in critic.parameters():
            parameter.clamp_(-bound, bound)


def spectral(critic: nn.Module) -> nn.Module:
    r"""Divide every weight matrix by its largest singular value, estimated by power iteration, before training.

    Changes the critic in place and returns it. Linear layers become exactly 1-Lipschitz once the iteration has
    converged; for a convolution it is the matrix of its filters that is normalised, which is not its operator norm.
    Source: Miyato et al. 2018, Algorithm 1; torch's parametrisation, one iteration per training step.
    """
    for layer in list(critic.modules()):
        if isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            spectral_norm(layer)
    return critic
