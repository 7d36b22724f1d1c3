r"""Gradient ascent on a likelihood, where probabilities must add up to 1 and covariances stay positive definite.

A step of gradient ascent may land anywhere, so it is taken in coordinates without constraints: logits for
probabilities, the logarithm of a rate or a standard deviation, the Cholesky factor of a covariance with the logarithm
of its diagonal. `torch.distributions.transforms` has the maps; this file names the domain of each parameter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from jaxtyping import Shaped
from torch import Tensor
from torch.distributions import constraints, transform_to

from .base import D, Density
from .discrete import Bernoulli, Categorical, Multinomial, Poisson
from .gaussian import Gaussian, Normal

Domains = Mapping[str, constraints.Constraint]

DOMAINS: dict[type[Density], Domains] = {
    Normal: {"mean": constraints.real, "std": constraints.positive},
    Gaussian: {"mean": constraints.real, "covariance": constraints.positive_definite},
    Bernoulli: {"p": constraints.unit_interval},
    Categorical: {"p": constraints.simplex},
    Multinomial: {"p": constraints.simplex},
    Poisson: {"rate": constraints.positive},
}
"""The parameters of each family and where they live.

:meta hide-value:
"""

STEPS_OF_A_TENTH = partial(torch.optim.SGD, lr=0.1)
"""Plain gradient ascent: a tenth of the gradient at each step."""


def coordinates(density: Density, *, domains: Domains | None = None) -> dict[str, Tensor]:
    r"""The parameters of a density in coordinates without constraints, such as :math:`\log\lambda` for a rate.

    Only the parameters in `domains` (all of the family's, unless told) become coordinates.

    Raises
    ------
    ValueError
        If a parameter lies on the edge of its domain, infinitely far out in these coordinates; or for a family that is
        not in `DOMAINS`, without `domains`.
    """
    # A clone: the map of a mean is the identity, and an optimiser writes in place.
    values = {name: getattr(density, name).detach().clone() for name in _domains(density, domains)}
    for name, domain in _domains(density, domains).items():
        least = torch.minimum(values[name], 1 - values[name]) if domain is constraints.unit_interval else values[name]
        if domain not in (constraints.real, constraints.positive_definite) and bool((least <= 0).any()):
            raise ValueError(
                f"{name} lies on the edge of its domain, where no gradient leads away: start inside, "
                f"for example with all probabilities alike or with a pseudo-count."
            )
    return {name: transform_to(domain).inv(values[name]) for name, domain in _domains(density, domains).items()}


def member(density: D, at: Mapping[str, Tensor], *, domains: Domains | None = None) -> D:
    """The member of the density's family at these coordinates, differentiable in them; other parameters are kept."""
    return replace(density, **{name: transform_to(_domains(density, domains)[name])(at[name]) for name in at})  # type: ignore[type-var]


def slopes(
    density: Density,
    x: Shaped[Tensor, ...],
    *,
    weights: Shaped[Tensor, " n"] | None = None,
    domains: Domains | None = None,
) -> dict[str, Tensor]:
    r"""The gradient of the mean log-likelihood in the coordinates of each parameter: 0 at a maximum inside.

    Raises
    ------
    ValueError
        For points or weights that `fit` refuses, or a parameter on the edge of its domain.
    """
    density = density.like(x)
    at = {name: value.requires_grad_() for name, value in coordinates(density, domains=domains).items()}
    value = _likelihood(member(density, at, domains=domains), x, weights)
    return dict(zip(at, torch.autograd.grad(value, list(at.values())), strict=True))


def ascent(
    density: D,
    x: Shaped[Tensor, ...],
    *,
    steps: int,
    optimizer: Callable[[Any], torch.optim.Optimizer] = STEPS_OF_A_TENTH,
    weights: Shaped[Tensor, " n"] | None = None,
    domains: Domains | None = None,
) -> Iterator[tuple[D, float]]:
    r"""Gradient ascent step by step: each member on the way with its mean log-likelihood, the start first.

    The optimiser gets the coordinates of the parameters in `domains` (all, unless told); the others stay as they are.

    Raises
    ------
    ValueError
        If the steps are so long that they leave the family, or for points or weights that `fit` refuses.
    """
    density = density.like(x)
    at = coordinates(density, domains=domains)
    by = optimizer([place.requires_grad_() for place in at.values()])
    for step in range(steps + 1):
        try:
            here = member(density, at, domains=domains)
        except ValueError as error:
            raise ValueError(
                f"step {step} of the ascent left the family: take shorter steps, or standardise x."
            ) from error
        value = _likelihood(here, x, weights)
        yield replace(here, **{name: getattr(here, name).detach().clone() for name in at}), float(value.detach())  # type: ignore[type-var]
        if step == steps:
            return
        by.zero_grad()
        (-value).backward()
        by.step()


def _domains(density: Density, domains: Domains | None) -> Domains:
    if domains is None and type(density) not in DOMAINS:
        raise ValueError(
            f"where the parameters of a {type(density).__name__} live is not known here: "
            f"give domains={{'name': torch.distributions.constraints.…}}."
        )
    return DOMAINS[type(density)] if domains is None else domains


def _likelihood(density: Density, x: Tensor, weights: Tensor | None) -> Tensor:
    rows, counts = density._data(x, weights)  # refuses what `fit` refuses
    each = density.log_prob(rows)
    return (counts.to(each) / counts.sum() * each).sum()
