r"""Markov chains whose distribution becomes the wanted one: Metropolis-Hastings, Gibbs, and how good their samples are.

Several chains run side by side, as the rows of x. The density is needed as a logarithm, up to a constant.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Shaped
from torch import Tensor

from .base import Density, summed
from .gaussian import Gaussian
from .sampling import LogDensity

Proposal = Callable[[Tensor, torch.Generator], tuple[Tensor, Tensor]]
"""From points x to proposed points y and, for each row, log q(x | y) - log q(y | x)."""


class Chains(NamedTuple):
    """Where the chains were after each step, and whether it moved them. A rejected step repeats the old point."""

    points: Shaped[Tensor, "steps chains ..."]
    accepted: Bool[Tensor, "steps chains"]


def metropolis_hastings(
    log_density: LogDensity, start: Shaped[Tensor, "chains ..."], propose: Proposal, *, steps: int, rng: torch.Generator
) -> Chains:
    r"""Propose y from q, go there with probability :math:`\min\bigl(1,\frac{f(y)q(x\mid y)}{f(x)q(y\mid x)}\bigr)`.

    Source: Metropolis et al. 1953; Hastings 1970; nndl, chapter 11.

    Raises
    ------
    ValueError
        If a chain starts where the log-density is not finite: it could never leave, or should never have been there.
        If the log-density is not a number, or +inf, at a proposed point: a broken density would look like a hard wall.
    """
    x, log_p = start, log_density(start)
    if not bool(log_p.isfinite().all()):
        raise ValueError(
            "log_density is not finite where a chain starts (a point of density 0, or a broken density): "
            "start all chains where it is."
        )
    points, accepted = [], []
    for _ in range(steps):
        y, correction = propose(x, rng)
        log_p_y = log_density(y)
        if not bool((log_p_y < math.inf).all()):  # also where it is not a number, which no comparison would show
            raise ValueError(
                "log_density is not a number, or +inf, at a proposed point: return -inf where the density is 0."
            )
        accept = torch.rand(len(x), generator=rng).to(log_p).log() < log_p_y - log_p + correction
        x = torch.where(accept.reshape(-1, *[1] * (x.ndim - 1)), y, x)
        log_p = torch.where(accept, log_p_y, log_p)
        points.append(x)
        accepted.append(accept)
    return Chains(torch.stack(points), torch.stack(accepted))


def random_walk(*, step: float | Float[Tensor, "chains ..."]) -> Proposal:
    r""":math:`y=x+\text{step}\cdot\varepsilon` with standard normal :math:`\varepsilon`: symmetric, no correction.

    `step` may also be a tensor that broadcasts over x, say one step size for each chain.
    """

    def propose(x: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        return x + step * torch.randn(x.shape, generator=rng).to(x), x.new_zeros(len(x))

    return propose


def multiplicative(*, step: float) -> Proposal:
    r""":math:`y=xe^{\text{step}\cdot\varepsilon}` for positive x. Not symmetric: :math:`q(x\mid y)/q(y\mid x)=y/x`."""

    def propose(x: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        log_factor = step * torch.randn(x.shape, generator=rng).to(x)
        return x * log_factor.exp(), summed(log_factor)

    return propose


def independent(density: Density) -> Proposal:
    """Propose without looking at x: the correction is log q(x) - log q(y)."""

    def propose(x: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        y = density.sample((len(x),), rng=rng).to(x)
        return y, density.log_prob(x) - density.log_prob(y)

    return propose


# --- Gibbs -----------------------------------------------------------------------------------------------------------

Conditional = Callable[[Tensor, int, torch.Generator], Tensor]
"""From points x and i to new coordinates i, drawn given all others: (chains, dim) to (chains,)."""


def gibbs(
    draw: Conditional, start: Float[Tensor, "chains dim"], *, sweeps: int, rng: torch.Generator
) -> Float[Tensor, "sweeps chains dim"]:
    """One coordinate after the other is drawn given the *newest* values of all others. Source: Geman and Geman 1984."""
    x, points = start.clone(), []
    for _ in range(sweeps):
        for i in range(x.shape[1]):
            x[:, i] = draw(x, i, rng)
        points.append(x.clone())
    return torch.stack(points)


def conditional(
    gaussian: Gaussian, x: Float[Tensor, "chains dim"], i: int
) -> tuple[Float[Tensor, " chains"], Float[Tensor, ""]]:
    r"""Mean and standard deviation of :math:`x_i` given all others, from the precision :math:`\Lambda=\Sigma^{-1}`.

    .. math:: \mu_i-\Lambda_{ii}^{-1}\textstyle\sum_{j\ne i}\Lambda_{ij}(x_j-\mu_j),\qquad \Lambda_{ii}^{-1/2}
    """
    row = gaussian.whitener[:, i] @ gaussian.whitener  # of Lambda: Sigma = L L^T, and the whitener is L^-1
    others = (x - gaussian.mean) @ row - (x[:, i] - gaussian.mean[i]) * row[i]
    return gaussian.mean[i] - others / row[i], row[i].rsqrt()


def of_gaussian(gaussian: Gaussian) -> Conditional:
    """How `gibbs` draws the coordinates of a Gaussian."""

    def draw(x: Tensor, i: int, rng: torch.Generator) -> Tensor:
        mean, std = conditional(gaussian, x, i)
        return mean + std * torch.randn(len(x), generator=rng).to(x)

    return draw


# --- chains on a few states, as matrices -----------------------------------------------------------------------------


def metropolis_matrix(p: Float[Tensor, " states"], q: Float[Tensor, "states states"]) -> Float[Tensor, "states states"]:
    r"""All transition probabilities: :math:`P_{ij}=q_{ij}\min(1,\frac{p_jq_{ji}}{p_iq_{ij}})`, the rest stays in i.

    p need not add up to 1; the rows of q do. A state of probability 0 is left by every proposal.
    """
    flow = torch.minimum(p[:, None] * q, p * q.T)  # the same in both directions: detailed balance
    moves = torch.where(p[:, None] > 0, flow / p[:, None], q)
    return moves + torch.diag(1 - moves.sum(dim=1))


def gibbs_matrices(table: Float[Tensor, ...]) -> list[Float[Tensor, "states states"]]:
    """For each coordinate the matrix that redraws it given the others. States are the table's cells, flattened.

    Where the others are as they never are, with probability 0, it is drawn evenly.
    """
    cells = torch.cartesian_prod(*(torch.arange(size) for size in table.shape)).reshape(table.numel(), -1)
    alike = cells[:, None] == cells[None]
    matrices = []
    for i in range(table.ndim):
        rest_alike = torch.cat([alike[..., :i], alike[..., i + 1 :]], dim=2).all(dim=2)
        rest = table.sum(dim=i, keepdim=True)
        given_rest = torch.where(rest > 0, table / rest, 1 / table.shape[i])
        matrices.append(rest_alike * given_rest.flatten())
    return matrices


def imbalance(p: Float[Tensor, " states"], P: Float[Tensor, "states states"]) -> float:
    r"""How far from detailed balance: the largest :math:`|p_iP_{ij}-p_jP_{ji}|`."""
    flow = p[:, None] * P
    return float((flow - flow.T).abs().max())


def stationary(P: Float[Tensor, "states states"]) -> Float[Tensor, " states"]:
    r"""The distribution with :math:`pP=p`, for a chain that reaches every state from every other."""
    equations = torch.cat([P.T - torch.eye(len(P)).to(P), P.new_ones(1, len(P))])
    right = torch.cat([P.new_zeros(len(P)), P.new_ones(1)])
    return torch.linalg.lstsq(equations, right[:, None]).solution.squeeze(1)


# --- how good are the samples? ---------------------------------------------------------------------------------------


def autocorrelation(x: Float[Tensor, "steps chains"]) -> Float[Tensor, " steps"]:
    r"""The correlation of :math:`x_t` with :math:`x_{t+k}` for each lag k, over all chains.

    Averages are divided by the number of steps at every lag, and the variance is that of all chains together: where
    chains disagree, the correlation stays high (Gelman et al. 2013, section 11.5).

    Raises
    ------
    ValueError
        If all values are alike.
    """
    steps, chains = x.shape
    x = x.double() - x[0, 0]  # exactly 0 where nothing moves, which the rounded mean of equal numbers is not
    centred = x - x.mean(dim=0)
    spectrum = torch.fft.rfft(centred, n=2 * steps, dim=0).abs().square()  # padded: the end does not meet the start
    covariance = torch.fft.irfft(spectrum, n=2 * steps, dim=0)[:steps].mean(dim=1) / steps
    total = covariance[0] + (x.mean(dim=0).var() if chains > 1 else 0.0)
    if not total > 0:
        raise ValueError("all values are alike: these chains have not moved; try smaller steps, or more of them.")
    return 1 - (covariance[0] - covariance) / total


def chain_size(x: Float[Tensor, "steps chains"]) -> float:
    r"""How many independent samples the chains' mean is worth: :math:`N/(1+2\sum_k\rho_k)` for N points in all.

    The sum ends where pairs of autocorrelations turn negative or stop falling, for then they are noise (Geyer 1992).
    The answer is at most :math:`N\log_{10}N`, Stan's limit: in a few steps a chain that swings around its mean, which
    is worth more than N, cannot be told from chance.

    Raises
    ------
    ValueError
        Of fewer than 4 steps, or if all values are alike.
    """
    if len(x) < 4:
        raise ValueError(f"{len(x)} steps do not tell how fast a chain forgets: run 4 or more.")
    rho = autocorrelation(x)
    pairs = rho[: len(rho) // 2 * 2].reshape(-1, 2).sum(dim=1)
    ends = (pairs <= 0).nonzero()
    kept = pairs[: int(ends[0]) if len(ends) else len(pairs)].cummin(dim=0).values
    return x.numel() / max(2 * float(kept.sum()) - 1, 1 / math.log10(x.numel()))


def r_hat(x: Float[Tensor, "steps chains"]) -> float:
    r"""The standard deviation of all chains together over that within a chain, each cut in two halves; 1 if they agree.

    Source: Gelman and Rubin 1992; with halves, Gelman et al. 2013, section 11.4.

    Raises
    ------
    ValueError
        Of fewer than 4 steps, or if no chain has moved: there is no spread within a chain to compare with.
    """
    if len(x) < 4:
        raise ValueError(f"{len(x)} steps are too few to compare the halves of a chain: run 4 steps or more.")
    if bool((x == x[:1]).all()):
        raise ValueError("these chains have not moved: try smaller steps, or more of them.")
    half = len(x) // 2
    halves = torch.cat([x[:half], x[half : 2 * half]], dim=1).double()
    within = halves.var(dim=0).mean()
    between = halves.mean(dim=0).var()
    return float((((half - 1) / half * within + between) / within).sqrt())
