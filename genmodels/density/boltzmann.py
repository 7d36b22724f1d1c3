r"""Restricted Boltzmann machines: a density with a partition function, and what it takes to train one.

A machine joins `visible` bits v with `hidden` bits h by an energy. Its parameters are called as in the textbook:
weights W (visible, hidden), biases a of the visible and b of the hidden units.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import softplus

from ..training import rng as stream
from .base import Density, bits, indices, whole

ENUMERABLE = 20
"""At most so many units of one layer are enumerated: about a million states."""


class Statistics(NamedTuple):
    """The derivatives of minus the energy, averaged: for each parameter a tensor of its shape."""

    W: Float[Tensor, "visible hidden"]
    a: Float[Tensor, " visible"]
    b: Float[Tensor, " hidden"]

    def minus(self, other: Statistics) -> Statistics:
        """The difference, parameter by parameter."""
        return Statistics(*(mine - theirs for mine, theirs in zip(self, other, strict=True)))

    @property
    def flat(self) -> Float[Tensor, " parameters"]:
        """All of them in one vector."""
        return torch.cat([part.flatten() for part in self])


class RBM(nn.Module, Density):
    r"""A restricted Boltzmann machine, :math:`p(v,h)=e^{-E(v,h)}/Z` with :math:`E=-a^\top v-b^\top h-v^\top Wh`.

    As a density it is one of the visible bits. `log_prob` is exact while one of the layers has at most 20 units, which
    are enumerated. `sample` is then exact as well; a larger machine runs `sweeps` sweeps of Gibbs sampling from
    fair bits. The `fit` does not maximise the likelihood: it is contrastive divergence, see `divergences`, from the
    parameters of this machine. Source: nndl, section 12.2; Hinton 2002.

    Parameters
    ----------
    steps, batch, lr, k, persistent, seed
        How `fit` trains: updates, points an update, learning rate (a number, or a function of the step), sweeps of
        Gibbs sampling an update, whether these go on where the last update's ended, and its randomness.
    sweeps
        Sweeps before a sample of a machine that is too large to enumerate.

    Raises
    ------
    ValueError
        If a layer has no unit, or one of `k`, `batch`, `steps` and `sweeps` is too small: the first two are 1 or more.
    """

    def __init__(
        self,
        visible: int,
        hidden: int,
        *,
        steps: int = 1_000,
        batch: int = 64,
        lr: float | Callable[[int], float] = 0.05,
        k: int = 1,
        persistent: bool = False,
        seed: int = 0,
        sweeps: int = 1_000,
    ) -> None:
        super().__init__()
        if visible < 1 or hidden < 1:
            raise ValueError(f"a machine has units in both layers: got {visible} visible and {hidden} hidden ones.")
        for name, number, least in (("k", k, 1), ("batch", batch, 1), ("steps", steps, 0), ("sweeps", sweeps, 0)):
            if number < least:
                raise ValueError(f"{name} is {least} or more; got {name} = {number}.")
        self.W = nn.Parameter(0.01 * torch.randn(visible, hidden, generator=stream(seed)))
        self.a, self.b = nn.Parameter(torch.zeros(visible)), nn.Parameter(torch.zeros(hidden))
        self.steps, self.batch, self.lr, self.k = steps, batch, lr, k
        self.persistent, self.seed, self.sweeps = persistent, seed, sweeps

    @classmethod
    def of(cls, W: Tensor, a: Tensor, b: Tensor) -> RBM:
        """The machine with these parameters."""
        machine = cls(len(a), len(b)).to(W)
        for mine, given in zip((machine.W, machine.a, machine.b), (W, a, b), strict=True):
            mine.data.copy_(given)
        return machine

    @property
    def event_shape(self) -> tuple[int, ...]:
        return (self.W.shape[0],)

    def energy(self, v: Float[Tensor, "*n visible"], h: Float[Tensor, "*n hidden"]) -> Float[Tensor, "*n"]:
        r""":math:`E(v,h)=-a^\top v-b^\top h-v^\top Wh` (nndl, section 12.2)."""
        return -(v @ self.a) - h @ self.b - ((v @ self.W) * h).sum(dim=-1)

    def free_energy(self, v: Float[Tensor, "*n visible"]) -> Float[Tensor, "*n"]:
        r""":math:`F(v)=-\log\sum_he^{-E(v,h)}=-a^\top v-\sum_j\mathrm{softplus}(b_j+v^\top W_{\cdot j})`."""
        return _free_energy(v, self.W, self.a, self.b)

    def hidden(self, v: Float[Tensor, "*n visible"]) -> Float[Tensor, "*n hidden"]:
        r""":math:`p(h_j=1\mid v)=\sigma(b_j+v^\top W_{\cdot j})`: the hidden units are independent given v."""
        return torch.sigmoid(self.b + v @ self.W)

    def visible(self, h: Float[Tensor, "*n hidden"]) -> Float[Tensor, "*n visible"]:
        r""":math:`p(v_i=1\mid h)=\sigma(a_i+W_{i\cdot}h)`: the visible units are independent given h."""
        return torch.sigmoid(self.a + h @ self.W.T)

    def flipped(self) -> RBM:
        """The same machine with its layers exchanged: its density is that of the hidden bits."""
        machine = deepcopy(self)
        machine.W = nn.Parameter(self.W.detach().T.clone(), self.W.requires_grad)
        machine.a, machine.b = machine.b, machine.a
        return machine

    @torch.no_grad()
    def gibbs(self, v: Float[Tensor, "n visible"], *, sweeps: int, rng: torch.Generator) -> Float[Tensor, "n visible"]:
        """Block Gibbs sampling: all hidden units given the visible ones, then all visible ones given the hidden."""
        for _ in range(sweeps):
            v = bits(self.visible(bits(self.hidden(v), rng=rng)), rng=rng)
        return v

    def log_z(self) -> Float[Tensor, ""]:
        r""":math:`\log Z=\log\sum_ve^{-F(v)}`, exactly, over all states of the smaller layer.

        Raises
        ------
        ValueError
            If the smaller layer has more than 20 units: estimate it with `ais`.
        """
        W, a, b = self._narrow()
        blocks = states(len(a)).to(a).split(2**14)
        return torch.stack([(-_free_energy(block, W, a, b)).logsumexp(dim=0) for block in blocks]).logsumexp(dim=0)

    def _narrow(self) -> tuple[Tensor, Tensor, Tensor]:
        """The parameters with the smaller layer in the place of the visible one."""
        visible, hidden = self.W.shape
        if min(visible, hidden) > ENUMERABLE:
            raise ValueError(
                f"a machine of {visible} visible and {hidden} hidden units has a partition function of "
                f"2^{min(visible, hidden)} terms, more than 2^{ENUMERABLE}: estimate log Z by annealed importance "
                f"sampling, ais(machine, ...), and use -machine.free_energy(x) - log_z."
            )
        return (self.W, self.a, self.b) if visible <= hidden else (self.W.T, self.b, self.a)

    def like(self, x: Tensor) -> RBM:
        dtype = x.dtype if x.is_floating_point() else self.W.dtype
        same = dtype == self.W.dtype and x.device == self.W.device
        return self if same else deepcopy(self).to(x.device, dtype)

    def _log_prob(self, x: Tensor) -> Tensor:
        whole(x, low=0, high=1, what="a unit is 0 or 1")
        return -self.free_energy(x.to(self.W)) - self.log_z()

    @torch.no_grad()
    def _sample(self, n: int, *, rng: torch.Generator) -> Tensor:
        visible, hidden = self.W.shape
        if min(visible, hidden) > ENUMERABLE:
            fair = torch.full((n, visible), 0.5).to(self.W)
            return self.gibbs(bits(fair, rng=rng), sweeps=self.sweeps, rng=rng)
        W, a, b = self._narrow()
        layer = states(len(a)).to(a)
        drawn = layer[indices((-_free_energy(layer, W, a, b)).double().softmax(dim=0), n, rng=rng)]
        return drawn if visible <= hidden else bits(self.visible(drawn), rng=rng)

    def _fit(self, x: Tensor, weights: Tensor) -> RBM:
        *_, last = divergences(self, x, weights=weights)
        return last


def _free_energy(v: Tensor, W: Tensor, a: Tensor, b: Tensor) -> Tensor:
    return -(v @ a) - softplus(b + v @ W).sum(dim=-1)


def states(units: int) -> Float[Tensor, "states units"]:
    """All states of so many bits, counting up: 2^units rows.

    Raises
    ------
    ValueError
        If there are fewer than 1 or more than 20 units.
    """
    if not 1 <= units <= ENUMERABLE:
        raise ValueError(f"{units} units have 2^{units} states: from 1 to {ENUMERABLE} units are enumerated.")
    return (torch.arange(2**units)[:, None] >> torch.arange(units - 1, -1, -1) & 1).to(torch.get_default_dtype())


# --- learning --------------------------------------------------------------------------------------------------------


@torch.no_grad()
def statistics(
    machine: RBM, v: Float[Tensor, "n visible"], *, weights: Float[Tensor, " n"] | None = None
) -> Statistics:
    r"""Averages of :math:`v\,\mathbb E[h\mid v]^\top`, v and :math:`\mathbb E[h\mid v]` over visible states.

    The hidden units enter by their probabilities, not by samples: the average is the same, its noise is smaller.
    """
    h = machine.hidden(v)
    shares = torch.full((len(v),), 1 / max(len(v), 1)).to(v) if weights is None else weights / weights.sum()
    return Statistics((v * shares[:, None]).T @ h, shares @ v, shares @ h)


@torch.no_grad()
def exact_gradient(machine: RBM, x: Float[Tensor, "n visible"]) -> Statistics:
    r"""The gradient of the mean log-likelihood: statistics of the data minus those of the machine, enumerated.

    Raises
    ------
    ValueError
        If the visible layer has more than 20 units. (`log_prob` can be differentiated if either layer has no more.)
    """
    v = states(machine.W.shape[0]).to(machine.W)
    model = statistics(machine, v, weights=(-machine.free_energy(v)).softmax(dim=0))
    return statistics(machine, x).minus(model)


def divergence(
    machine: RBM, x: Float[Tensor, "n visible"], *, k: int, rng: torch.Generator, chain: Tensor | None = None
) -> tuple[Statistics, Float[Tensor, "m visible"]]:
    r"""One estimate of the gradient by k sweeps of Gibbs sampling, and the states where they ended.

    The sweeps start at the data x: contrastive divergence, CD-k; or where the last update's `chain` ended: persistent
    CD. Source: Hinton 2002, equation 9; Tieleman 2008.
    """
    end = machine.gibbs(x if chain is None else chain, sweeps=k, rng=rng)
    return statistics(machine, x).minus(statistics(machine, end)), end


@torch.no_grad()
def divergences(
    machine: RBM, x: Float[Tensor, "n visible"], *, weights: Float[Tensor, " n"] | None = None
) -> Iterator[RBM]:
    """Contrastive divergence, update by update, with the settings of `machine`, which stays as it is.

    The copy that learns is yielded before the first update and after each: one object, in different states.
    """
    whole(x, low=0, high=1, what="a unit is 0 or 1")
    learner, random = deepcopy(machine), stream(machine.seed)
    x, chain = x.to(learner.W), None
    counted = (torch.ones(len(x)) if weights is None else weights.cpu()).double().cumsum(dim=0)
    yield learner
    for step in range(machine.steps):
        # By the inverse of the distribution function: a point of weight 3 is drawn as three copies of it would be.
        u = torch.rand(machine.batch, generator=random, dtype=torch.float64) * counted[-1]
        rows = torch.searchsorted(counted, u, right=True).clamp_max(len(x) - 1)
        batch = x[rows.to(x.device)]
        start = chain if machine.persistent else None
        gradient, chain = divergence(learner, batch, k=machine.k, rng=random, chain=start)
        rate = machine.lr(step) if callable(machine.lr) else machine.lr
        for parameter, slope in zip((learner.W, learner.a, learner.b), gradient, strict=True):
            parameter.add_(rate * slope)
        yield learner


@torch.no_grad()
def transition(machine: RBM) -> Float[Tensor, "states states"]:
    r"""What one sweep does, :math:`T_{vv'}=\sum_hp(h\mid v)\,p(v'\mid h)`, for both layers of at most 12 units.

    Raises
    ------
    ValueError
        If a layer has more.
    """
    if max(machine.W.shape) > 12:
        raise ValueError(f"layers of {tuple(machine.W.shape)} units have too many states: at most 12 in each layer.")
    v, h = (states(units).to(machine.W) for units in machine.W.shape)
    return log_given(machine.b + v @ machine.W, h).exp() @ log_given(machine.a + h @ machine.W.T, v).exp()


def log_given(logits: Float[Tensor, "n units"], x: Float[Tensor, "m units"]) -> Float[Tensor, "n m"]:
    r""":math:`\sum_i(x_iu_i-\mathrm{softplus}(u_i))`, log p of every row of bits x under every row of logits u."""
    return logits @ x.T - softplus(logits).sum(dim=1, keepdim=True)
