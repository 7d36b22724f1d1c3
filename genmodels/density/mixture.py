r"""Densities made of densities: products of independent parts, and mixtures, which EM fits.

In a mixture, each point has a hidden label z: the part that it was drawn from. With labels seen, a mixture is a
generative classifier; with labels hidden, a latent-variable model; on pairs (document, word), a topic model.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from .base import Density, indices, whole

CACHED = 2**15
"""Numbers in a block of points that all parts read before the next block: what a processor's cache holds.

:meta private:
"""


@dataclass(frozen=True, eq=False)
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


@dataclass(frozen=True, eq=False)
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
        shares = self.weights.detach()
        adds_up = abs(float(shares.sum()) - 1) <= 1e-4  # false for NaN as well
        if not adds_up or bool((shares < 0).any()):
            raise ValueError("mixing weights are 0 or more and add up to 1: divide them by their sum.")
        if len({part.event_shape for part in self.parts}) > 1:
            raise ValueError("the parts of a mixture are densities of the same kind of point; these differ in shape.")

    @property
    def event_shape(self) -> tuple[int, ...]:
        return self.parts[0].event_shape

    def like(self, x: Tensor) -> Mixture:
        """The same mixture on the device of `x` and, if `x` is floating, in its precision; so are its parts."""
        return replace(super().like(x), parts=tuple(part.like(x) for part in self.parts))

    def _wide(self, x: Tensor) -> Tensor:
        """`x` in the highest of the precisions of `x`, the weights and all parts."""
        x = super()._wide(x)
        for part in self.parts:
            x = part._wide(x)
        return x

    def joint(self, x: Shaped[Tensor, "n ..."]) -> Float[Tensor, "n parts"]:
        r""":math:`\log p(x,z=k)=\log\pi_k+\log p_k(x)`."""
        rows = self._wide(self._rows(x))
        return self.like(rows)._joint(rows)

    def responsibilities(self, x: Shaped[Tensor, "n ..."]) -> Float[Tensor, "n parts"]:
        r"""The E-step, :math:`p(z=k\mid x)`: how much each part answers for a point."""
        return self.joint(x).softmax(dim=1)

    def maximised(
        self, x: Shaped[Tensor, "n ..."], responsibilities: Float[Tensor, "n parts"], *, weights: Tensor | None = None
    ) -> Mixture:
        r"""The M-step: each part is fitted to all points, a point counting as much as the part answers for it.

        A part that answers for nothing gets weight 0 and keeps its parameters: no others are better.

        Raises
        ------
        ValueError
            If there is not one responsibility for each point and part.
        """
        rows, counts = self._data(x, weights)
        if responsibilities.shape != (len(rows), len(self.parts)):
            raise ValueError(
                f"responsibilities have shape {tuple(responsibilities.shape)}: give one for each of the {len(rows)} "
                f"points and {len(self.parts)} parts."
            )
        return self.like(x)._maximised(rows, responsibilities * counts[:, None])

    def labelled(self, x: Shaped[Tensor, "n ..."], y: Shaped[Tensor, " n"]) -> Mixture:
        """The fit when the labels, whole numbers, are seen: one M-step, and nothing to guess.

        Raises
        ------
        ValueError
            If there is not one label for each point, one names no part, or a part has no point to be fitted to.
        """
        if y.shape != x.shape[:1]:
            raise ValueError(f"x and y have shapes {tuple(x.shape)} and {tuple(y.shape)}: give a label for each point.")
        last = len(self.parts) - 1
        whole(y, low=0, high=last, what=f"labels run from 0 to {last}")
        missing = set(range(len(self.parts))) - set(y.tolist())
        if missing:
            raise ValueError(f"labels run from 0 to {last}, each at least once; no point has label {min(missing)}.")
        dtype = x.dtype if x.is_floating_point() else torch.get_default_dtype()
        return self.maximised(x, torch.nn.functional.one_hot(y.long(), len(self.parts)).to(dtype))

    def _joint(self, x: Tensor) -> Tensor:
        blocks = x.split(max(256, CACHED // math.prod(self.event_shape)))
        given = torch.cat([torch.stack([part._log_prob(block) for part in self.parts]) for block in blocks], dim=1)
        return (given + self.weights.to(given).log()[:, None]).T

    def _maximised(self, x: Tensor, shares: Tensor) -> Mixture:
        total = shares.sum(dim=0)
        # Below the smallest normal number a sum has no digits left to fit a part with: that part answers for nothing.
        total = total.masked_fill(total < torch.finfo(total.dtype).tiny, 0.0)
        parts = tuple(
            part._fit(x, share) if answers else part
            for part, share, answers in zip(self.parts, shares.T, (total > 0).tolist(), strict=True)
        )
        return replace(self, weights=total / total.sum(), parts=parts)

    def _log_prob(self, x: Tensor) -> Tensor:
        return self._joint(x).logsumexp(dim=1)

    def _sample(self, n: int, *, rng: torch.Generator) -> Tensor:
        which = indices(self.weights, n, rng=rng)
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

    If every part's `fit` maximises the likelihood, no step lowers it: an E-step touches the likelihood with a lower
    bound, an M-step maximises the bound. A `floor` or pseudo-counts give that up: near the end a step may lose a
    little. Stops after `steps`, or when a step gains less than `tolerance` nats a point (minus infinity: never before).
    Source: Dempster, Laird and Rubin 1977; nndl 11.2.

    Raises
    ------
    ValueError
        If a mixture on the way gives a point that counts probability 0: nobody answers for it.
    """
    rows, counts = mixture._data(x, weights)
    rows, counts = rows[counts > 0], counts[counts > 0]  # what counts nothing may also be impossible
    mixture, before = mixture.like(x), -torch.inf
    for left in reversed(range(steps + 1)):
        joint = mixture._joint(rows)  # one pass serves the likelihood and the E-step
        evidence = joint.logsumexp(dim=1)
        now = float(counts @ evidence.to(counts) / counts.sum())
        if not math.isfinite(now):
            raise ValueError("no part gives some point a probability above 0: start from wider parts.")
        yield mixture, now
        if now - before < tolerance or not left:
            return
        before = now
        mixture = mixture._maximised(rows, (joint - evidence[:, None]).exp() * counts[:, None])
