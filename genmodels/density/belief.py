r"""Deep belief networks: a Boltzmann machine below, and a learned density of its hidden units on top."""

from __future__ import annotations

import torch
from jaxtyping import Float, Shaped
from torch import Tensor, nn
from torch.nn.functional import softplus

from ..training import rng as stream
from .base import Density, whole
from .boltzmann import RBM, bits, log_given, states


class DBN(nn.Module, Density):
    r"""A deep belief network, :math:`p(x)=\sum_hp_{\rm top}(h)\,p(x\mid h)`, with :math:`p(x\mid h)` from an RBM.

    The top is a density of bits, as many as the RBM has hidden units: another RBM makes two layers, another DBN three.
    With `below.flipped()` on top, the network is `below` itself. `log_prob` is exact while there are at most
    20 hidden units; `bound` needs the top's `log_prob` alone.

    The `fit` is greedy: `below` is fitted to x, then frozen, and the top is fitted to `draws` samples of
    :math:`p(h\mid x)` for each point. Source: Hinton et al. 2006; nndl, section 12.3.

    Raises
    ------
    ValueError
        If the top is no density of as many bits as there are hidden units, or without a draw.
    """

    def __init__(self, below: RBM, top: Density, *, draws: int = 10) -> None:
        super().__init__()
        if top.event_shape != (len(below.b),):
            raise ValueError(
                f"the RBM has {len(below.b)} hidden units, and the density on top is of points of shape "
                f"{top.event_shape}: give one of shape ({len(below.b)},)."
            )
        if draws < 1:
            raise ValueError(f"the top learns from 1 draw a point or more; got draws = {draws}.")
        self.below, self.top, self.draws = below, top, draws

    @property
    def event_shape(self) -> tuple[int, ...]:
        return self.below.event_shape

    def given(self, x: Float[Tensor, "n visible"], h: Float[Tensor, "m hidden"]) -> Float[Tensor, "n m"]:
        r""":math:`\log p(x\mid h)`, of every x under every h."""
        return log_given(self.below.a + h @ self.below.W.T, x).T

    def bound(self, x: Shaped[Tensor, "n visible"], *, draws: int, rng: torch.Generator) -> Float[Tensor, " n"]:
        r"""The variational lower bound :math:`\mathbb E_q\log\frac{p_{\rm top}(h)\,p(x\mid h)}{q(h)}\le\log p(x)`.

        q is the posterior :math:`p(h\mid x)` of the RBM below; the expectation is a mean over `draws` samples of it.

        Raises
        ------
        ValueError
            Without a draw, or if a unit of x is not 0 or 1.
        """
        if draws < 1:
            raise ValueError(f"the bound is a mean over 1 draw or more; got draws = {draws}.")
        whole(x, low=0, high=1, what="a unit is 0 or 1")
        below = self.below.like(x)
        x = x.to(below.W)
        logits, total = below.b + x @ below.W, torch.zeros(len(x)).to(x)
        for _ in range(draws):
            h = bits(torch.sigmoid(logits), rng=rng)
            downwards = below.a + h @ below.W.T
            total += self.top.log_prob(h) + _log_bits(x, downwards) - _log_bits(h, logits)
        return total / draws

    def _log_prob(self, x: Tensor) -> Tensor:
        whole(x, low=0, high=1, what="a unit is 0 or 1")
        network = DBN(self.below.like(x), self.top)
        x, hidden = x.to(network.below.W), states(len(self.below.b)).to(network.below.W)
        blocks = hidden.split(2**12)  # 2^20 states of 784 visible units at once would be a table of 3 GB
        parts = [(network.given(x, h) + self.top.log_prob(h)).logsumexp(dim=1) for h in blocks]
        return torch.stack(parts).logsumexp(dim=0)

    @torch.no_grad()
    def _sample(self, n: int, *, rng: torch.Generator) -> Tensor:
        h = self.top.sample((n,), rng=rng).to(self.below.W)
        return bits(self.below.visible(h), rng=rng)

    def _fit(self, x: Tensor, weights: Tensor) -> DBN:
        below = self.below.fit(x, weights=weights)
        h = posterior_bits(below, x, draws=self.draws)
        return DBN(below, self.top.fit(h, weights=weights.repeat(self.draws)), draws=self.draws)


@torch.no_grad()
def posterior_bits(below: RBM, x: Float[Tensor, "n visible"], *, draws: int) -> Float[Tensor, "rows hidden"]:
    r"""What the top learns from: `draws` samples of :math:`p(h\mid x)` for every point, in draws x n rows.

    The randomness is that of the machine, as in its `fit`: a stream of its own, from `below.seed` + 1.
    """
    q = below.hidden(x.to(below.W)).repeat(draws, 1)
    return bits(q, rng=stream(below.seed + 1))


def _log_bits(x: Tensor, logits: Tensor) -> Tensor:
    """log p of rows of independent bits with these logits, row by row."""
    return (x * logits - softplus(logits)).sum(dim=1)
