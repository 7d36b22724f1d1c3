r"""InfoGAN: codes that must be readable off the sample, by a lower bound on the mutual information.

For any distribution Q, :math:`I(c;x)\ge L_I=\mathbb E\log Q(c\mid x)+H(c)`, with equality where Q is the posterior.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import log_softmax, one_hot

from ..batches import Batch
from .classes import Auxiliary
from .objectives import Loss

Code = Float[Tensor, "n width"]
Inferred = Float[Tensor, "n outputs"]
Coded = tuple[Tensor, Code]


class Codes(nn.Module):
    """Codes: one of `categories`, one-hot, followed by `continuous` numbers, uniform on (-1, 1).

    Q reads them as a softmax and as Gaussians around its outputs with the fixed standard deviation `std`. To the
    gradient, `std` is a weight: 1 / std^2 on half the squared error. Source: Chen et al. 2016, appendix C.1.

    Raises
    ------
    ValueError
        If there is no category, or `std` is no positive number.
    """

    def __init__(self, categories: int, *, continuous: int = 0, std: float = 1.0) -> None:
        super().__init__()
        if categories < 1 or continuous < 0 or not 0 < std < math.inf:
            raise ValueError(
                f"{categories} categories, {continuous} continuous codes and std {std:g} were asked for: give at least "
                "one category, none or more continuous codes, and a positive, finite std."
            )
        self.categories, self.continuous, self.std = categories, continuous, std
        self.width = categories + continuous

    def sample(self, sample_shape: Sequence[int], *, rng: torch.Generator) -> Float[Tensor, "... width"]:
        kind = torch.randint(self.categories, tuple(sample_shape), generator=rng)
        rest = 2 * torch.rand(*sample_shape, self.continuous, generator=rng) - 1
        return torch.cat([one_hot(kind, self.categories).float(), rest], dim=-1)

    def forward(self, c: Code) -> Code:
        return c

    def log_q(self, inferred: Inferred, c: Code) -> tuple[Float[Tensor, " n"], Float[Tensor, " n"]]:
        r""":math:`\log Q(c\mid x)` per row, in nats: of the category, and of the continuous codes together.

        Raises
        ------
        ValueError
            If what was inferred has not the width of the codes.
        """
        if inferred.shape != c.shape or c.shape[1] != self.width:
            raise ValueError(
                f"Q's output has shape {tuple(inferred.shape)}, codes have {tuple(c.shape)}, and both should be "
                f"{self.width} wide: give the head `outputs=codes.width`."
            )
        sizes = (self.categories, self.continuous)
        (logits, mean), (kind, rest) = inferred.split(sizes, dim=1), c.split(sizes, dim=1)
        gaussian = torch.distributions.Normal(mean, self.std)
        return (log_softmax(logits, dim=1) * kind).sum(dim=1), gaussian.log_prob(rest).sum(dim=1)

    @property
    def entropy(self) -> tuple[float, float]:
        """H(c) in nats: log K of the category, log 2 for each continuous code (a differential entropy)."""
        return math.log(self.categories), self.continuous * math.log(2)


def information_bound(codes: Codes, inferred: Inferred, c: Code) -> tuple[Loss, Loss]:
    r""":math:`L_I=\mathbb E\log Q(c\mid x)+H(c)` in nats, of the category and of the continuous codes.

    Source: Chen et al. 2016, eq. 5.
    """
    kinds, rest = (log_q.mean() for log_q in codes.log_q(inferred, c))
    return kinds + codes.entropy[0], rest + codes.entropy[1]


def fitted(codes: Codes, inferred: Inferred, c: Code) -> Codes:
    r"""The same codes with the `std` for which :math:`L_I` is largest: the root of Q's mean squared error.

    Any Q gives a bound, so it may be trained with one `std` and read with another, if the error was measured on
    samples that are not used again. Codes without a continuous part have no `std` to fit and are returned as they are.

    Raises
    ------
    ValueError
        If Q is never wrong: the bound then grows without limit as `std` falls.
    """
    if codes.continuous == 0:
        return codes
    error = (inferred - c)[:, codes.categories :].square().mean().sqrt().item()
    if error == 0:
        raise ValueError(
            "Q's error on these rows is 0, which no std fits best: measure it on more samples, or set a std."
        )
    return Codes(codes.categories, continuous=codes.continuous, std=error)


def information(
    critic: Auxiliary, real: Batch, fake: Coded, *, rng: torch.Generator, codes: Codes, weight: float = 1.0
) -> Loss:
    r""":math:`-\lambda L_I`, for both players: the head learns to read the code, the generator to write it.

    Source: Chen et al. 2016, eq. 6.
    """
    x, c = fake
    kinds, rest = information_bound(codes, critic.infer(x), c)
    return -weight * (kinds + rest)
