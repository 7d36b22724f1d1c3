r"""Conditions: how a label or a code enters a network, and the generator and critics that read one.

A conditional GAN is a game about *pairs*: the data show :math:`(x,y)\sim p(x,y)`, the generator shows
:math:`(G(z,y),y)` with :math:`y\sim p(y)`. Objective and loop stay what they were.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import one_hot

from ..data.pairs import checked
from ..training import evaluating
from .networks import Generator

Encoded = Float[Tensor, "n width"]


class Labels(nn.Module):
    """Class labels, one-hot, or with `width` as a learned vector per class; drawn from `prior`, else uniformly.

    A one-hot vector that enters a linear layer *is* a learned vector per class: a column of the layer's weights. What
    the generator is asked for should be as frequent as it is in the data: a wrong prior gives the generator away by its
    labels alone.

    Raises
    ------
    ValueError
        If `prior` is no distribution over the classes, or, when a label is encoded, if it is none of the classes.
    """

    def __init__(self, classes: int, *, width: int | None = None, prior: Float[Tensor, " classes"] | None = None):
        super().__init__()
        if prior is not None and not (prior.shape == (classes,) and (prior >= 0).all() and abs(prior.sum() - 1) < 1e-5):
            raise ValueError(f"a prior over {classes} classes is {classes} masses that sum to 1, not {prior.tolist()}.")
        self.classes, self.width = classes, width or classes
        self.table = nn.Embedding(classes, width) if width else None
        self.prior: Tensor
        self.register_buffer("prior", torch.full((classes,), 1 / classes) if prior is None else prior)

    def sample(self, sample_shape: Sequence[int], *, rng: torch.Generator) -> Int[Tensor, ...]:
        weights = self.prior.cpu()
        n = math.prod(sample_shape)
        return torch.multinomial(weights, n, replacement=True, generator=rng).reshape(*sample_shape)

    def forward(self, y: Int[Tensor, " n"]) -> Encoded:
        y = checked(y, classes=self.classes)
        return one_hot(y, self.classes).float() if self.table is None else self.table(y)


class Conditional(Generator):
    r"""A generator that is told what to make: from z and y the pair :math:`(G(z,y),y)`.

    `network` reads z and the encoded condition side by side. What it is told is carried along, so that critic and
    terms get exactly the label that made the sample. `condition` draws what is asked for (`sample`) and encodes it when
    it is called, as `Labels` does. Source: Mirza and Osindero 2014, eq. 2 and figure 1.
    """

    def __init__(self, network: nn.Module, condition: nn.Module, *, latent: int) -> None:
        super().__init__(network, latent=latent)
        self.condition = condition

    def forward(self, z: Float[Tensor, "n latent"], y: Tensor) -> tuple[Tensor, Tensor]:  # type: ignore[override]
        return self.network(torch.cat([z, self.condition(y)], dim=1)), y

    def noise(self, n: int, *, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        """z from N(0, I), y from the condition's own distribution."""
        z = super().noise(n, rng=rng)
        return z, self.condition.sample((n,), rng=rng).to(z.device)  # type: ignore[operator]

    def given(self, y: Tensor, *, rng: torch.Generator) -> Float[Tensor, "n ..."]:
        """One sample for each condition, in evaluation mode and without gradients: draws of p(x | y)."""
        with evaluating(self):
            z = super().noise(len(y), rng=rng)
            return self(z, y.to(z.device))[0]


class Joint(nn.Module):
    r"""A critic of pairs, :math:`s(x,y)=\text{network}([\varphi(x),e(y)])`: features of x beside an encoding of y.

    With `Labels` it is the conditional GAN's critic by concatenation; without a condition, y enters as it is, and it is
    the critic of BiGAN, whose second part is a latent vector.
    """

    def __init__(self, network: nn.Module, condition: nn.Module | None = None, *, body: nn.Module | None = None):
        super().__init__()
        self.network, self.condition, self.body = network, condition or nn.Identity(), body or nn.Flatten()

    def forward(self, x: Float[Tensor, "n ..."], y: Tensor) -> Float[Tensor, "n 1"]:
        return self.network(torch.cat([self.body(x), self.condition(y)], dim=1))


class Projection(nn.Module):
    r"""A critic of pairs that multiplies: :math:`s(x,y)=v_y^\top\varphi(x)+\psi(\varphi(x))`.

    If :math:`p(x\mid y)` and :math:`q(x\mid y)` are Gaussians of one covariance, the best score
    :math:`\log\frac{p(x,y)}{q(x,y)}` has this form, with :math:`\varphi(x)=(x,1)`. `body` is :math:`\varphi`, with
    `width` features, and :math:`\psi` is linear. Source: Miyato and Koyama 2018, section 3.
    """

    def __init__(self, body: nn.Module, *, width: int, classes: int) -> None:
        super().__init__()
        self.body, self.rest, self.direction = body, nn.Linear(width, 1), Labels(classes, width=width)

    def forward(self, x: Float[Tensor, "n ..."], y: Int[Tensor, " n"]) -> Float[Tensor, " n"]:
        h = self.body(x)
        return self.rest(h).squeeze(1) + (self.direction(y) * h).sum(dim=1)
