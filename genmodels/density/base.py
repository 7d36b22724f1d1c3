r"""The interface of everything with a likelihood: `log_prob`, `sample`, `fit`.

A density is its parameters, and they do not change: `fit` returns another member of the same family. Because every
`fit` takes weights, densities combine: a mixture's M-step is one weighted `fit` of each of its parts.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import fields, is_dataclass, replace
from typing import TypeVar

import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor

D = TypeVar("D", bound="Density")


class Density(ABC):
    r"""An explicit distribution :math:`p(x)`: its density or probability can be written down, and samples drawn.

    A subclass gives `event_shape` (the shape of one point, as in `torch.distributions`) and the three methods with an
    underscore, for points in one row after another; checking and shaping are done here, once.
    """

    @property
    @abstractmethod
    def event_shape(self) -> tuple[int, ...]:
        """The shape of one point x; () for a number."""

    def log_prob(self, x: Shaped[Tensor, ...]) -> Float[Tensor, ...]:
        r""":math:`\log p(x)` in nats, of a density with respect to length, area, ..., or of a probability.

        `x` has shape (..., \*event_shape). A floating `x` decides the precision of the answer.

        Raises
        ------
        ValueError
            If the points have another shape, or are not a number.
        """
        # In the higher of the two precisions: a covariance that is good in double precision may be singular in single.
        rows = self._wide(self._rows(x))
        each = self.like(rows)._log_prob(rows)
        return (each.to(x.dtype) if x.is_floating_point() else each).reshape(x.shape[: x.ndim - len(self.event_shape)])

    def sample(self, sample_shape: Sequence[int], *, rng: torch.Generator) -> Shaped[Tensor, ...]:
        r"""Independent points of shape (\*sample_shape, \*event_shape)."""
        return self._sample(math.prod(sample_shape), rng=rng).reshape((*sample_shape, *self.event_shape))

    def fit(self: D, x: Shaped[Tensor, ...], *, weights: Shaped[Tensor, " n"] | None = None) -> D:
        r"""The member of this family that maximises :math:`\sum_n w_n\log p(x_n)`, or what the class says instead.

        `x` has shape (n, \*event_shape). A point with weight 3 counts as three points; without weights all count 1.

        Raises
        ------
        ValueError
            Without data, for other shapes, for entries that are not finite, or for weights that are negative or all 0.
        """
        return self.like(x)._fit(*self._data(x, weights))

    def like(self: D, x: Tensor) -> D:
        """The same density on the device of `x` and, if `x` is floating, in its precision.

        The parts of a product follow when they are used. What is neither a dataclass nor has a `like` of its own is
        returned as it is.
        """
        if not is_dataclass(self):
            return self
        dtype = x.dtype if x.is_floating_point() else None
        tensors = {f.name: getattr(self, f.name) for f in fields(self) if isinstance(getattr(self, f.name), Tensor)}
        moved = {name: t.to(x.device, dtype if t.is_floating_point() else None) for name, t in tensors.items()}
        same = all(moved[name] is tensor for name, tensor in tensors.items())
        return self if same else replace(self, **moved)

    @abstractmethod
    def _log_prob(self, x: Shaped[Tensor, "n ..."]) -> Float[Tensor, " n"]: ...

    @abstractmethod
    def _sample(self, n: int, *, rng: torch.Generator) -> Shaped[Tensor, "n ..."]: ...

    @abstractmethod
    def _fit(self: D, x: Shaped[Tensor, "n ..."], weights: Float[Tensor, " n"]) -> D: ...

    def _rows(self, x: Tensor) -> Tensor:
        event = self.event_shape
        if x.ndim < len(event) or tuple(x.shape[x.ndim - len(event) :]) != event:
            wanted = ", ".join(["...", *map(str, event)])
            raise ValueError(
                f"x has shape {tuple(x.shape)}, but a point of this density has shape {event}: give shape ({wanted})."
            )
        if x.is_floating_point() and bool(x.isnan().any()):
            raise ValueError(f"x has {int(x.isnan().sum())} entries that are NaN; remove those points or fill them in.")
        return x.reshape(-1, *event)

    def _wide(self, x: Tensor) -> Tensor:
        """`x` in the precision of the parameters, if that is the higher one."""
        own: list[object] = [getattr(self, f.name) for f in fields(self)] if is_dataclass(self) else []
        for parameter in own:
            if isinstance(parameter, Tensor) and parameter.is_floating_point() and x.is_floating_point():
                x = x.to(torch.promote_types(x.dtype, parameter.dtype))
        return x

    def _data(self, x: Tensor, weights: Tensor | None) -> tuple[Tensor, Float[Tensor, " n"]]:
        """What a `fit` starts from: checked points in rows, and how often each counts."""
        rows = self._rows(x)
        if x.ndim != 1 + len(self.event_shape):
            wanted = ", ".join(["n", *map(str, self.event_shape)]) + ("" if self.event_shape else ",")
            raise ValueError(f"x has shape {tuple(x.shape)}: to fit, give one point per row, shape ({wanted}).")
        if not len(rows):
            raise ValueError("there is no point to fit to: x is empty.")
        if x.is_floating_point() and not bool(x.isfinite().all()):
            raise ValueError(f"x has {int(x.isinf().sum())} entries that are infinite; remove those points.")
        return rows, checked_weights(weights, rows)


def checked_weights(weights: Tensor | None, x: Shaped[Tensor, "n ..."]) -> Float[Tensor, " n"]:
    """How often each point counts: once, unless told.

    Raises
    ------
    ValueError
        If there is not one weight for each point, or one is negative or not finite, or all are 0.
    """
    dtype = x.dtype if x.is_floating_point() else torch.get_default_dtype()
    if weights is None:
        return torch.ones(len(x), dtype=dtype, device=x.device)
    if weights.shape != (len(x),):
        raise ValueError(f"weights have shape {tuple(weights.shape)}: give one for each of the {len(x)} points.")
    if not bool((weights.isfinite() & (weights >= 0)).all()) or not bool((weights > 0).any()):
        raise ValueError("weights say how often a point counts: give finite numbers of 0 or more, not all of them 0.")
    # Integer data may come with weights in double precision, and then the parameters are in double precision too.
    return weights.to(x.device, weights.dtype if weights.is_floating_point() and not x.is_floating_point() else dtype)


def mean(x: Shaped[Tensor, "n ..."], weights: Float[Tensor, " n"]) -> Float[Tensor, ...]:
    r""":math:`\sum_nw_nx_n/\sum_nw_n`, over the rows."""
    return torch.tensordot(weights / weights.sum(), x.to(weights), dims=1)


def bits(p: Float[Tensor, "*shape"], *, rng: torch.Generator) -> Float[Tensor, "*shape"]:
    """Independent bits that are 1 with probabilities p."""
    return (torch.rand(p.shape, generator=rng, dtype=p.dtype, device=rng.device).to(p.device) < p).to(p.dtype)


def indices(p: Float[Tensor, "*rows things"], n: int, *, rng: torch.Generator) -> Int[Tensor, "*rows n"]:
    """n draws from each row of probabilities (or of numbers in proportion to them), on p's device.

    To draw none, which `torch.multinomial` refuses, leaves `rng` as it was.
    """
    if not n:
        return torch.zeros(*p.shape[:-1], 0, dtype=torch.long, device=p.device)
    return torch.multinomial(p.detach().to(rng.device), n, replacement=True, generator=rng).to(p.device)


def summed(each: Float[Tensor, "n ..."]) -> Float[Tensor, " n"]:
    """Independent coordinates: their log-probabilities add up."""
    return each.flatten(1).sum(dim=1) if each.ndim > 1 else each


def whole(x: Tensor, *, low: int, high: int | None, what: str) -> None:
    """Refuse what is not a finite whole number from `low` to `high` (None: no upper limit).

    Raises
    ------
    ValueError
        Saying `what` was expected.
    """
    outside = x < low
    if high is not None:
        outside = outside | (x > high)
    if x.is_floating_point():
        outside = outside | (x != x.round()) | ~x.isfinite()
    if bool(outside.any()):
        raise ValueError(f"{what}, and {x[outside].flatten()[0].item():g} was given.")


def pseudo_count(count: float) -> None:
    """Refuse what is not a finite number of 0 or more.

    Raises
    ------
    ValueError
        Saying what a pseudo-count is.
    """
    if not 0 <= count < math.inf:
        raise ValueError(f"a pseudo-count says how often a value counts as seen: give 0 or more, not {count:g}.")
