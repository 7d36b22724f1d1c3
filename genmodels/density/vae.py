r"""Variational autoencoders: a latent-variable model of bits, and a network that infers the latent variables.

The density is written down, :math:`p(x)=\int p(x\mid z)N(z;0,I)\,dz`, and cannot be computed: a VAE has `sample`,
`elbo`, `bound` and `fit`, and no `log_prob`. With one or two latent variables `quadrature` computes the integral.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, linear, softplus

from .. import training
from .base import bits
from .gaussian import LOG_2PI
from .variational import Belief, importance_bound

V = TypeVar("V", bound="VAE")


class VAE(nn.Module):
    r"""Bits with a Gaussian code: :math:`z\sim N(0,I)`, :math:`x_i\mid z\sim\mathrm{Bernoulli}(\sigma(f_i(z)))`.

    `encoder` maps x of shape (n, dim) to (n, 2 latent), the mean and the log-variance of :math:`q(z\mid x)`; `decoder`
    maps z of shape (..., latent) to logits (..., dim). Source: Kingma and Welling 2014; nndl, section 13.2.
    """

    def __init__(self, encoder: nn.Module, decoder: nn.Module, *, latent: int) -> None:
        super().__init__()
        self.encoder, self.decoder, self.latent = encoder, decoder, latent

    def infer(self, x: Float[Tensor, "n dim"]) -> Belief:
        r"""The inference network's :math:`q(z\mid x)`.

        Raises
        ------
        ValueError
            If x is not made of bits, or the encoder does not return two numbers for each latent variable.
        """
        if not bool(((x == 0) | (x == 1)).all()):
            raise ValueError(
                "this VAE models bits, and x has other numbers than 0 and 1: binarise it, (x > 0.5).float()."
            )
        found = self.encoder(x)
        if found.shape[-1] != 2 * self.latent:
            raise ValueError(
                f"the encoder returns {found.shape[-1]} numbers a row: give {2 * self.latent}, a mean and a "
                f"log-variance for each of the {self.latent} latent variables."
            )
        return Belief(*found.chunk(2, dim=-1))

    def logits(self, z: Float[Tensor, "*rows latent"], x: Float[Tensor, "*rows dim"]) -> Float[Tensor, "*rows dim"]:
        """Of each bit being 1. Here the bits are independent given z, and `x` is not looked at."""
        return self.decoder(z)

    def log_likelihood(
        self, x: Float[Tensor, "n dim"], z: Float[Tensor, "*samples n latent"]
    ) -> Float[Tensor, "*samples n"]:
        r""":math:`\log p(x\mid z)`, summed over the bits."""
        target = x.expand(*z.shape[:-1], x.shape[-1])
        return -binary_cross_entropy_with_logits(self.logits(z, target), target, reduction="none").sum(dim=-1)

    def terms(self, x: Float[Tensor, "n dim"], *, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        r"""The ELBO in two parts: :math:`\log p(x\mid z)` of one draw :math:`z\sim q`, (n,), and the KL of each latent
        variable, (n, latent).
        """
        belief = self.infer(x)
        z = belief.reparametrised(_noise(belief.mean.shape, rng, x))
        return self.log_likelihood(x, z), belief.kl()

    def elbo(self, x: Float[Tensor, "n dim"], *, rng: torch.Generator, samples: int = 1) -> Float[Tensor, " n"]:
        r""":math:`\mathbb E_{q(z\mid x)}[\log p(x\mid z)]-\mathrm{KL}(q(z\mid x)\,\|\,N(0,I))` (nndl, eq. 13.27), the
        mean estimated by `samples` draws, the divergence exact.

        Raises
        ------
        ValueError
            Without a sample, or where `infer` does.
        """
        belief, z = self._codes(x, samples=samples, rng=rng)
        return self.log_likelihood(x, z).mean(dim=0) - belief.kl().sum(dim=-1)

    def bound(self, x: Float[Tensor, "n dim"], *, samples: int, rng: torch.Generator) -> Float[Tensor, " n"]:
        r"""The importance-weighted bound: nearer to :math:`\log p(x)` the more samples, below it in expectation.

        Raises
        ------
        ValueError
            Without a sample, or where `infer` does.
        """
        belief, z = self._codes(x, samples=samples, rng=rng)
        prior = -(z.square() + LOG_2PI).sum(dim=-1) / 2
        return importance_bound(self.log_likelihood(x, z) + prior - belief.log_prob(z))

    def _codes(self, x: Tensor, *, samples: int, rng: torch.Generator) -> tuple[Belief, Tensor]:
        """What is inferred from x, and so many draws of it, (samples, n, latent)."""
        if samples < 1:
            raise ValueError(f"the bound is estimated from 1 sample or more; got samples = {samples}.")
        belief = self.infer(x)
        return belief, belief.reparametrised(_noise((samples, *belief.mean.shape), rng, x))

    def quadrature(self, x: Float[Tensor, "n dim"], *, points: int = 200, half: float = 5.0) -> Float[Tensor, " n"]:
        r""":math:`\log p(x)` itself, by midpoints on `points` cells per axis of :math:`[-h,h]^k`: for k = 1 or 2.

        Raises
        ------
        ValueError
            With more than two latent variables.
        """
        if self.latent > 2:
            raise ValueError(f"a grid over {self.latent} latent variables is too large: use `bound`, or at most 2.")
        axis = (torch.arange(points).to(x) + 0.5) * (2 * half / points) - half
        z = torch.cartesian_prod(*[axis] * self.latent).reshape(-1, self.latent)
        cell = -(z.square() + LOG_2PI).sum(dim=1) / 2 + self.latent * math.log(2 * half / points)
        logits = self.decoder(z)
        return (x @ logits.T - softplus(logits).sum(dim=1) + cell).logsumexp(dim=1)

    def decode(self, z: Float[Tensor, "*rows latent"]) -> Float[Tensor, "*rows dim"]:
        """The probability of each bit being 1: what is drawn as a picture."""
        return self.decoder(z).sigmoid()

    def sample(self, sample_shape: Sequence[int], *, rng: torch.Generator) -> Float[Tensor, ...]:
        """Bits: a code from the prior, then a picture from the decoder."""
        where = next(self.parameters())
        with training.evaluating(self):
            return bits(self.decode(_noise((*sample_shape, self.latent), rng, where)), rng=rng)

    def fit(
        self: V,
        x: Float[Tensor, "n dim"],
        *,
        steps: int,
        batch: int = 128,
        lr: float = 2e-3,
        seed: int = 0,
        loss: Loss | None = None,
        watch: Callable[[int, V], None] | None = None,
    ) -> V:
        """A copy trained by Adam on random batches of `x`, to raise the ELBO (or lower another `loss`).

        `watch(step, model)` is called before each step and at the end.

        Raises
        ------
        ValueError
            Without data.
        """
        if not len(x):
            raise ValueError("there is no point to fit to: x is empty.")
        model, stream, lose = copy.deepcopy(self), training.rng(seed), loss or negative_elbo
        optimizer = torch.optim.Adam(model.parameters(), lr=lr, fused=True)
        with training.isolated(training.apart(seed)):  # for layers that draw by themselves, such as dropout
            for step in training.progress(range(steps), label="VAE"):
                if watch:
                    watch(step, model)
                rows = x[torch.randint(len(x), (batch,), generator=stream)]
                optimizer.zero_grad()
                lose(model, rows, step=step, rng=stream).backward()
                optimizer.step()
            if watch:
                watch(steps, model)
        return model


class Before(nn.Module):
    """Logits of each bit from the bits before it, through `units` ReLUs a bit; masks cut every other way.

    Source: Germain et al. 2015 (MADE).
    """

    read: Tensor
    write: Tensor

    def __init__(self, dim: int, *, units: int) -> None:
        super().__init__()
        self.inner, self.outer = nn.Linear(dim, dim * units), nn.Linear(dim * units, dim)
        bit, unit = torch.arange(dim), torch.arange(dim).repeat_interleave(units)
        self.register_buffer("read", (bit <= unit[:, None]).float())  # the units of bit i read bits up to i ...
        self.register_buffer("write", (bit[:, None] > unit).float())  # ... and speak to the bits after it

    def forward(self, x: Float[Tensor, "*rows dim"]) -> Float[Tensor, "*rows dim"]:
        hidden = linear(x, self.inner.weight * self.read, self.inner.bias).relu()
        return linear(hidden, self.outer.weight * self.write, self.outer.bias)


class PixelVAE(VAE):
    r"""A VAE whose decoder also reads the bits before: the logit of bit i is :math:`f_i(z)+g_i(x_{<i})`.

    Such a decoder can describe the data without z. Source: in the manner of Gulrajani et al. 2017.
    """

    def __init__(self, encoder: nn.Module, decoder: nn.Module, before: nn.Module, *, latent: int) -> None:
        super().__init__(encoder, decoder, latent=latent)
        self.before = before

    def logits(self, z: Float[Tensor, "*rows latent"], x: Float[Tensor, "*rows dim"]) -> Float[Tensor, "*rows dim"]:
        """Of each bit being 1, given z and the bits before it."""
        return self.decoder(z) + self.before(x)

    def decode(self, z: Float[Tensor, "*rows latent"]) -> Float[Tensor, "*rows dim"]:
        """Refused: a bit's probability depends on the bits before it."""
        raise TypeError("a decoder that reads the bits before has no probability of a bit given z alone: use `sample`.")

    def quadrature(self, x: Float[Tensor, "n dim"], *, points: int = 200, half: float = 5.0) -> Float[Tensor, " n"]:
        """Refused: the table over codes would be another one for each x."""
        raise TypeError("a decoder that reads the bits before has no table of logits over codes: use `bound`.")

    def sample(self, sample_shape: Sequence[int], *, rng: torch.Generator) -> Float[Tensor, ...]:
        """Bit by bit, each given those before it."""
        with training.evaluating(self):
            z = _noise((*sample_shape, self.latent), rng, next(self.parameters()))
            of_code = self.decoder(z)  # once: only what the bits before say changes on the way
            x = torch.zeros_like(of_code)
            for i in range(x.shape[-1]):
                x[..., i] = bits((of_code + self.before(x))[..., i].sigmoid(), rng=rng)
        return x


class Loss(Protocol):
    """A number to be lowered, from the model and a batch."""

    def __call__(self, vae: VAE, x: Tensor, *, step: int, rng: torch.Generator) -> Tensor: ...


def negative_elbo(
    vae: VAE,
    x: Float[Tensor, "n dim"],
    *,
    step: int,
    rng: torch.Generator,
    beta: float = 1.0,
    warm: int = 0,
    free: float = 0.0,
) -> Float[Tensor, ""]:
    r"""Minus the ELBO in nats a picture; its usual variants are numbers, by `functools.partial`.

    `beta` weighs the divergence (Higgins et al. 2017). `warm`: its weight grows linearly over so many steps (Bowman et
    al. 2016). `free`: up to so many nats of each latent variable, in the mean over the batch, cost the same as none
    (Kingma et al. 2016).
    """
    fits, kl = vae.terms(x, rng=rng)
    price = kl.mean(dim=0).clamp_min(free).sum()
    return -fits.mean() + beta * min(1.0, (step + 1) / max(warm, 1)) * price


def active(belief: Belief, *, above: float = 0.01) -> Int[Tensor, ""]:
    r"""How many latent variables move with x: the variance of :math:`\mathbb E_q[z_j]` over the rows is over `above`.

    Source: Burda, Grosse and Salakhutdinov 2016, section 5.2.
    """
    return (belief.mean.var(dim=0) > above).sum()


def networks(*, dim: int, latent: int, width: int = 128) -> tuple[nn.Module, nn.Module]:
    """An encoder and a decoder of one hidden layer of tanh units, as in Kingma and Welling 2014."""
    encoder = nn.Sequential(nn.Linear(dim, width), nn.Tanh(), nn.Linear(width, 2 * latent))
    return encoder, nn.Sequential(nn.Linear(latent, width), nn.Tanh(), nn.Linear(width, dim))


def _noise(shape: Sequence[int], rng: torch.Generator, like: Tensor) -> Tensor:
    """Standard noise, drawn on the CPU: the same on every device."""
    return torch.randn(tuple(shape), generator=rng).to(like)
