r"""Lipschitz control in its three kinds: a penalty on the loss, a projection of the weights, a reparametrisation.

A function is :math:`K`-Lipschitz if :math:`|f(x)-f(y)|\le K\|x-y\|` for all pairs (nndl, eq. 13.54); for a
differentiable one on a convex set that is :math:`\|\nabla f\|\le K` everywhere.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from ..batches import Batch, parts
from ..training import evaluating
from .game import score

Number = Float[Tensor, ""]
Shown = TypeVar("Shown", bound=Batch)
"""Samples or pairs, whichever of the two was given.

:meta hide-value:
"""

# --- measuring -------------------------------------------------------------------------------------------------------


def slopes(critic: nn.Module, x: Batch) -> Float[Tensor, " n"]:
    r"""The norm of the gradient, :math:`\|\nabla_xf(x_i)\|_2`, at each row; it can be differentiated once more.

    The norm runs over *all* coordinates of a row, of a pair over all those of both parts that are not whole numbers:
    a label has no slope. It is each row's own slope only if the critic scores rows independently, which batch
    normalisation breaks.
    """
    shown = tuple(part.detach().requires_grad_(part.is_floating_point()) for part in parts(x))
    moving = [part for part in shown if part.requires_grad]
    found = torch.autograd.grad(score(critic, shown).sum(), moving, create_graph=True, allow_unused=True)
    rows = [gradient.flatten(1) for gradient in found if gradient is not None]
    return torch.cat(rows, dim=1).norm(dim=1)


def empirical_slope(critic: nn.Module, x: Float[Tensor, "n ..."], y: Float[Tensor, "m ..."] | None = None) -> Number:
    r""":math:`\max_{i,j}\frac{|f(x_i)-f(y_j)|}{\|x_i-y_j\|_2}` over all pairs of different points: a lower bound of K.

    Without `y`, over the pairs within `x`. It is the Lipschitz constant of the critic *on these points*, exactly.
    Source: nndl, eq. 13.54.
    """
    y = x if y is None else y
    with evaluating(critic):
        rise = (score(critic, x)[:, None] - score(critic, y)).abs()
    apart = _distances(x, y)
    if not bool((apart > 0).any()):
        raise ValueError("a slope needs two different points, and all of these coincide: give other points.")
    return (rise / apart.where(apart > 0, torch.inf)).max()


def _distances(x: Float[Tensor, "n ..."], y: Float[Tensor, "m ..."]) -> Float[Tensor, "n m"]:
    """By differences: the shortcut through matrix products loses the digits that near points differ in."""
    return torch.cdist(x.flatten(1), y.flatten(1), compute_mode="donot_use_mm_for_euclid_dist")


def distance_found(critic: nn.Module, x: Float[Tensor, "n ..."], y: Float[Tensor, "m ..."]) -> Number:
    r"""What a critic proves about :math:`W_1`: :math:`(\bar f(x)-\bar f(y))/K` with the K of the samples' pairs.

    It never exceeds the exact :math:`W_1` of the *samples*, whatever the critic does elsewhere: under the best plan
    :math:`\bar f(x)-\bar f(y)=\sum_{ij}\gamma_{ij}(f(x_i)-f(y_j))\le K\sum_{ij}\gamma_{ij}\|x_i-y_j\|`. A critic that
    is multiplied by a positive number proves the same.
    """
    with evaluating(critic):
        gap = score(critic, x).mean() - score(critic, y).mean()
    return gap / empirical_slope(critic, x, y)


def power_iteration(linear: Callable[[Tensor], Tensor], start: Tensor, *, iterations: int = 100) -> Number:
    r"""The largest singular value of a linear map, by :math:`v\leftarrow A^\top Av/\|A^\top Av\|`; from below.

    `start` has the shape of an input and is not orthogonal to the answer, which a random one never is. The transpose
    is what automatic differentiation computes anyway, so a convolution needs no matrix.
    """
    v = start.detach()
    with torch.enable_grad():
        for _ in range(iterations):
            v = (v / v.norm().clamp_min(torch.finfo(v.dtype).tiny)).requires_grad_()
            u = linear(v)
            (v,) = torch.autograd.grad(u, v, u.detach())
    unit = v / v.norm().clamp_min(torch.finfo(v.dtype).tiny)
    with torch.no_grad():
        return linear(unit).norm()


def operator_norm(layer: nn.Module, shape: tuple[int, ...], *, iterations: int = 100, seed: int = 0) -> Number:
    r"""The Lipschitz constant of one layer on inputs of `shape` (without the batch): :math:`\max\|Ax\|/\|x\|`.

    A bias moves every output alike and does not count.
    """
    weight = next(layer.parameters())
    start = torch.randn(1, *shape, generator=torch.Generator().manual_seed(seed)).to(weight)
    with evaluating(layer):
        at_zero = layer(torch.zeros_like(start))
        return power_iteration(lambda x: layer(x) - at_zero, start, iterations=iterations)


class GroupSort(nn.Module):
    r"""An activation that sorts its units in pairs: 1-Lipschitz, and its gradient keeps its norm everywhere.

    A ReLU forgets; layers of norm 1 with ReLUs in between lose slope at each. Sorting only permutes.
    Source: Anil et al. 2019, section 4.1 (MaxMin, groups of two).
    """

    def forward(self, x: Float[Tensor, "n units ..."]) -> Float[Tensor, "n units ..."]:
        if x.shape[1] % 2:
            raise ValueError(f"GroupSort sorts units in pairs and got {x.shape[1]} units: use an even width.")
        return x.unflatten(1, (-1, 2)).sort(dim=2).values.flatten(1, 2)


STEEPNESS = {
    **dict.fromkeys((nn.ReLU, nn.Tanh, nn.Softplus, nn.Identity, nn.Flatten, nn.Unflatten, GroupSort), 1.0),
    nn.Sigmoid: 0.25,
}
"""Lipschitz constants of layers without weights.

:meta hide-value:
"""


def spectral_bound(critic: nn.Sequential, shape: tuple[int, ...], *, iterations: int = 100) -> Number:
    r"""An upper bound of the critic's K: the product of its layers' constants, :math:`\prod_l\|A_l\|`.

    `shape` is that of one input, without the batch. The bound is reached only if every layer's steepest direction is
    the one before's steepest output. The norms come from power iteration, hence from slightly below.

    Raises
    ------
    ValueError
        For a layer whose constant is not known here, such as a normalisation (its slope depends on the batch).
    """
    bound, x = torch.ones(()), torch.zeros(1, *shape)
    with evaluating(critic):
        for layer in critic:
            bound = bound * _constant(layer, tuple(x.shape[1:]), iterations)
            x = layer(x)
    return bound


def _constant(layer: nn.Module, shape: tuple[int, ...], iterations: int) -> Number:
    if isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
        return operator_norm(layer, shape, iterations=iterations)
    if isinstance(layer, nn.LeakyReLU):
        return torch.tensor(max(1.0, abs(layer.negative_slope)))
    for known, constant in STEEPNESS.items():
        if isinstance(layer, known):
            return torch.tensor(constant)
    raise ValueError(
        f"no Lipschitz constant is known for {layer}: bound a critic of linear and convolutional layers and "
        "1-Lipschitz activations, or measure its slopes."
    )


# --- penalties -------------------------------------------------------------------------------------------------------


def between(real: Shown, fake: Batch, *, rng: torch.Generator) -> Shown:
    r""":math:`\hat x_i=\epsilon_ix_i+(1-\epsilon_i)\tilde x_i` with one :math:`\epsilon_i\sim U(0,1)` per *row*.

    Of pairs, both parts are mixed with the same :math:`\epsilon_i`; a code that only samples have is left out, as no
    critic can read it off data. Source: Gulrajani et al. 2017, Algorithm 1.

    Raises
    ------
    ValueError
        If a part is whole numbers: there is nothing between two labels. If data have a part that samples have not.
    """
    if len(parts(real)) > len(parts(fake)):
        raise ValueError(
            f"data come in {len(parts(real))} parts, samples in {len(parts(fake))}: let the generator show pairs too."
        )
    share = torch.rand(len(parts(real)[0]), generator=rng)
    mixed = tuple(_mixed(a, b, share) for a, b in zip(parts(real), parts(fake), strict=False))
    return mixed if isinstance(real, tuple) else mixed[0]  # type: ignore[return-value]


def _mixed(real: Tensor, fake: Tensor, share: Float[Tensor, " n"]) -> Float[Tensor, "n ..."]:
    if not real.is_floating_point():
        raise ValueError("there is nothing between two labels: penalise pairs with labels by `r1`, at the data alone.")
    weight = share.reshape(-1, *[1] * (real.ndim - 1)).to(real)
    return weight * real + (1 - weight) * fake


def gradient_penalty(
    critic: nn.Module,
    real: Batch,
    fake: Batch,
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
    real: Batch,
    fake: Batch,
    *,
    rng: torch.Generator,
    weight: float = 1.0,
) -> Float[Tensor, ""]:
    r""":math:`\frac\gamma2\mathbb E_{p_r}\|\nabla f(x)\|_2^2`: flat where the data are.

    Source: Mescheder et al. 2018, eq. 9.
    """
    return weight / 2 * slopes(critic, real).square().mean()


# --- a projection and a reparametrisation ----------------------------------------------------------------------------


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

    Weight matrices of linear and convolutional layers; embeddings stay as they are.

    Changes the critic in place and returns it. Linear layers become exactly 1-Lipschitz once the iteration has
    converged; for a convolution it is the matrix of its filters that is normalised, which is not its operator norm.
    Source: Miyato et al. 2018, Algorithm 1; torch's parametrisation, one iteration per training step.
    """
    for layer in list(critic.modules()):
        if isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            spectral_norm(layer)
    return critic
