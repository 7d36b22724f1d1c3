r"""Densities made of densities: products of independent parts, and mixtures, which EM fits.

In a mixture, each point has a hidden label z: the part that it was drawn from. With labels seen, a mixture is a
generative classifier; with labels hidden, a latent-variable model; on pairs (document, word), a topic model.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor

from .base import Density


@dataclass(frozen=True)
class Product(Density):
    r"""Independent coordinates, each with its own density of one number: :math:`p(x)=\prod_ip_i(x_i)`.

    Raises
    ------
    ValueError
        If a part is of something else than one number.
    """

    parts: tuple[Density, ...]

    def __post_init__(self) -> None:
        if not self.parts or any(part.event_shape != () for part in self.parts):
            raise ValueError("a product is made of one or more densities of one number (event_shape ()).")

    @property
    def event_shape(self) -> tuple[int, ...]:
        return (len(self.parts),)

    def _log_prob(self, x: Tensor) -> Tensor:
        return torch.stack([part.log_prob(column) for part, column in zip(self.parts, x.T, strict=True)]).sum(dim=0)

    def _sample(self, n: int, *, rng: torch.Generator) -> Tensor:
        return torch.stack([part.sample((n,), rng=rng) for part in self.parts], dim=1)

    def _fit(self, x: Tensor, weights: Tensor) -> Product:
        pairs = zip(self.parts, x.T, strict=True)
        return replace(self, parts=tuple(part.fit(column, weights=weights) for part, column in pairs))


@dataclass(frozen=True)
class Mixture(Density):
    r"""A mixture :math:`p(x)=\sum_k\pi_kp_k(x)` of any densities. `fit` is EM, started from this mixture.

    Source: nndl, section 11.2.

    Raises
    ------
    ValueError
        If the weights do not add up to 1, or there is not one for each part, or the parts' points differ in shape.
    """

    weights: Float[Tensor, " parts"]
    parts: tuple[Density, ...]
    steps: int = 1000
    """At most so many steps of EM in a `fit`."""
    tolerance: float = 1e-8
    """A `fit` stops when a step raises the mean log-likelihood by less, in nats a point."""

    def __post_init__(self) -> None:
        if self.weights.shape != (len(self.parts),) or not self.parts:
            raise ValueError(
                f"{len(self.parts)} parts want {len(self.parts)} weights; got {tuple(self.weights.shape)}."
            )
        if abs(float(self.weights.detach().sum()) - 1) > 1e-4 or bool((self.weights.detach() < 0).any()):
            raise ValueError("mixing weights are 0 or more and add up to 1: divide them by their sum.")
        if len({part.event_shape for part in self.parts}) > 1:
            raise ValueError("the parts of a mixture are densities of the same kind of point; these differ in shape.")

    @property
    def event_shape(self) -> tuple[int, ...]:
        return self.parts[0].event_shape

    def joint(self, x: Shaped[Tensor, "n ..."]) -> Float[Tensor, "n parts"]:
        r""":math:`\log p(x,z=k)=\log\pi_k+\log p_k(x)`."""
        given = torch.stack([part.log_prob(x) for part in self.parts], dim=1)
        return self.weights.to(given).log() + given

    def responsibilities(self, x: Shaped[Tensor, "n ..."]) -> Float[Tensor, "n parts"]:
        r"""The E-step, :math:`p(z=k\mid x)`: how much each part answers for a point."""
        return self.joint(x).softmax(dim=1)

    def maximised(
        self, x: Shaped[Tensor, "n ..."], responsibilities: Float[Tensor, "n parts"], *, weights: Tensor | None = None
    ) -> Mixture:
        r"""The M-step: each part is fitted to all points, a point counting as much as the part answers for it."""
        shares = responsibilities if weights is None else responsibilities * weights[:, None]
        parts = tuple(part.fit(x, weights=share) for part, share in zip(self.parts, shares.T, strict=True))
        return replace(self, weights=shares.sum(dim=0) / shares.sum(), parts=parts)

    def labelled(self, x: Shaped[Tensor, "n ..."], y: Int[Tensor, " n"]) -> Mixture:
        """The fit when the labels are seen: one M-step, and nothing to guess."""
        dtype = x.dtype if x.is_floating_point() else torch.get_default_dtype()
        return self.maximised(x, torch.nn.functional.one_hot(y, len(self.parts)).to(dtype))

    def _log_prob(self, x: Tensor) -> Tensor:
        return self.joint(x).logsumexp(dim=1)

    def _sample(self, n: int, *, rng: torch.Generator) -> Tensor:
        which = torch.multinomial(self.weights.detach().to(rng.device), max(n, 1), replacement=True, generator=rng)[:n]
        drawn = [part.sample((int((which == k).sum()),), rng=rng) for k, part in enumerate(self.parts)]
        return torch.cat(drawn)[which.argsort(stable=True).argsort()]  # back to the order of the draws

    def _fit(self, x: Tensor, weights: Tensor) -> Mixture:
        *_, (last, _) = em(self, x, weights=weights, steps=self.steps, tolerance=self.tolerance)
        return last


def em(
    mixture: Mixture,
    x: Shaped[Tensor, "n ..."],
    *,
    weights: Float[Tensor, " n"] | None = None,
    steps: int,
    tolerance: float = 0.0,
) -> Iterator[tuple[Mixture, float]]:
    r"""The EM algorithm, step by step: each mixture on the way with its mean log-likelihood, the start first.

    No step lowers it: an E-step touches the likelihood with a lower bound, an M-step maximises the bound. Stops after
    `steps`, or when a step gains less than `tolerance` nats a point. Source: Dempster, Laird and Rubin 1977; nndl 11.2.
    """
    shares = torch.ones(len(x)) / len(x) if weights is None else weights / weights.sum()
    before = -torch.inf
    for _ in range(steps + 1):
        joint = mixture.joint(x)  # one pass serves the likelihood and the E-step
        evidence = joint.logsumexp(dim=1)
        now = float((shares.to(evidence) * evidence).sum())
        yield mixture, now
        if now - before < tolerance:
            return
        before = now
        mixture = mixture.maximised(x, (joint - evidence[:, None]).exp(), weights=weights)
