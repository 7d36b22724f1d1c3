r"""Optimal transport: the cheapest way to turn one distribution into another, and its price.

Masses `a` sit at the places of one distribution, masses `b` at those of the other, and `cost[i, j]` is the price of
moving one unit from place `i` to place `j`. Everything is computed and returned in float64.

What a page needs to see is written here; for size there are POT's solvers (Flamary et al. 2021).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

Masses = Float[Tensor, " _"]


class Transport(NamedTuple):
    """How much goes from each place to each, and what that costs in all."""

    plan: Float[Tensor, "n m"]
    cost: float


class Potentials(NamedTuple):
    """A price at each place of either distribution, and what they are worth in all."""

    f: Float[Tensor, " n"]
    g: Float[Tensor, " m"]
    value: float


# --- any cost --------------------------------------------------------------------------------------------------------


def primal(cost: Float[Tensor, "n m"], a: Masses, b: Masses) -> Transport:
    r"""The cheapest plan: :math:`\min_{\gamma\ge0}\sum_{ij}\gamma_{ij}c_{ij}` with row sums `a` and column sums `b`.

    A linear program of n·m unknowns, solved by HiGHS (nndl, eqs. 13.51 and 13.52, for distributions on points).

    Raises
    ------
    ValueError
        If the masses are negative, do not sum to one, or do not fit the cost.
    """
    cost, a, b = _checked(cost, a, b)
    solution = _linear_program(cost.flatten(), A_eq=marginals(*cost.shape), b_eq=torch.cat([a, b]), bounds=(0, None))
    plan = torch.as_tensor(solution).reshape(cost.shape)
    return Transport(plan, (plan * cost).sum().item())


def dual(cost: Float[Tensor, "n m"], a: Masses, b: Masses) -> Potentials:
    r"""The best prices: :math:`\max_{f,g}\sum_ia_if_i+\sum_jb_jg_j` with :math:`f_i+g_j\le c_{ij}` everywhere.

    The linear program dual to `primal`, with the same matrix transposed, and solved by itself. Prices are found up to
    one constant, :math:`(f+t,\,g-t)`.

    Raises
    ------
    ValueError
        If the masses are negative, do not sum to one, or do not fit the cost.
    """
    cost, a, b = _checked(cost, a, b)
    masses = torch.cat([a, b])
    solution = _linear_program(-masses, A_ub=marginals(*cost.shape).T, b_ub=cost.flatten(), bounds=(None, None))
    prices = torch.as_tensor(solution)
    return Potentials(prices[: len(a)], prices[len(a) :], (masses @ prices).item())


def marginals(n: int, m: int) -> Any:
    """The sparse matrix that takes a flattened n x m plan to its n row sums and, below them, its m column sums."""
    import numpy as np
    from scipy import sparse

    row_sums = sparse.kron(sparse.eye(n), np.ones((1, m)))
    column_sums = sparse.kron(np.ones((1, n)), sparse.eye(m))
    return sparse.vstack([row_sums, column_sums], format="csr")


def c_transform(cost: Float[Tensor, "k m"], g: Float[Tensor, " m"]) -> Float[Tensor, " k"]:
    r"""The largest prices that `g` allows: :math:`f(x)=\min_j\,c(x,y_j)-g_j`, one for each row of `cost`.

    Where the cost is a distance, `f` is 1-Lipschitz, whatever `g` is, and defined at every point of the space.
    """
    return (cost - g).min(dim=1).values


def sinkhorn(
    cost: Float[Tensor, "n m"],
    a: Masses,
    b: Masses,
    *,
    epsilon: float,
    tolerance: float = 1e-9,
    iterations: int = 100_000,
) -> Transport:
    r"""The plan that minimises :math:`\sum\gamma_{ij}c_{ij}+\varepsilon\sum\gamma_{ij}\log\gamma_{ij}` (Cuturi 2013).

    It has the form :math:`\gamma_{ij}=e^{(f_i+g_j-c_{ij})/\varepsilon}`; rows and columns are made right in turn. In
    the logarithm nothing underflows, however small `epsilon` is. The cost returned is the plan's, without entropy.

    Raises
    ------
    ValueError
        If the masses are negative, do not sum to one, or do not fit the cost, or if `epsilon` is not positive.
    RuntimeError
        If the marginals are not right to `tolerance`, in total, after so many iterations.
    """
    cost, a, b = _checked(cost, a, b)
    if not epsilon > 0:
        raise ValueError(f"epsilon is {epsilon}; it must be positive: for the plan without entropy take `primal`.")
    log_a, log_b, g = a.log(), b.log(), torch.zeros_like(b)
    for _ in range(iterations):
        f = epsilon * (log_a - torch.logsumexp((g - cost) / epsilon, dim=1))
        g = epsilon * (log_b - torch.logsumexp((f[:, None] - cost) / epsilon, dim=0))
        plan = ((f[:, None] + g - cost) / epsilon).exp()  # the columns are right, the rows nearly so
        wrong = (plan.sum(dim=1) - a).abs().sum().item()
        if wrong < tolerance:
            return Transport(plan, (plan * cost).sum().item())
    raise RuntimeError(
        f"after {iterations} iterations the row sums are still wrong by {wrong:.1e} in all: "
        "raise epsilon, or allow more iterations."
    )


# --- distances between points ----------------------------------------------------------------------------------------


def distances(x: Float[Tensor, "n dim"], y: Float[Tensor, "m dim"]) -> Float[Tensor, "n m"]:
    """Euclidean distances of all pairs, in float64 and exact.

    By matrix products, as `torch.cdist` computes more than 25 of them, equal points far from the origin come out apart.
    """
    return torch.cdist(x.double(), y.double(), compute_mode="donot_use_mm_for_euclid_dist")


def wasserstein_1(x: Float[Tensor, "n dim"], y: Float[Tensor, "m dim"]) -> float:
    r"""The exact :math:`W_1` of two samples of equal masses: :math:`\min_\gamma\sum\gamma_{ij}\|x_i-y_j\|_2`."""
    import ot  # late: it imports half of scipy

    uniform = [torch.full((len(z),), 1 / len(z), dtype=torch.float64).numpy() for z in (x, y)]
    return float(ot.emd2(*uniform, distances(x, y).detach().numpy(), numItermax=10_000_000))


def wasserstein_1d(
    x: Float[Tensor, " n"], y: Float[Tensor, " m"], *, a: Masses | None = None, b: Masses | None = None, p: float = 1.0
) -> Float[Tensor, ""]:
    r""":math:`W_p=\bigl(\int_0^1|F^{-1}(u)-G^{-1}(u)|^p\,du\bigr)^{1/p}` on the line, from quantile functions.

    Places `x` and `y` in any order, with masses `a` and `b` (equal ones unless given). It can be differentiated in
    the places.

    Raises
    ------
    ValueError
        If the masses are negative, do not sum to one, or do not fit the places, or if `p` is below 1.
    """
    if not p >= 1:
        raise ValueError(f"p is {p}; it must be at least 1, or the formula is not a distance.")
    x, F = _quantiles(x, a, name="a")
    y, G = _quantiles(y, b, name="b")
    levels = torch.cat([F, G]).sort().values  # between two of them both quantile functions are constant
    width = levels.diff(prepend=levels.new_zeros(1))
    middle = levels - width / 2
    moved = (x[torch.searchsorted(F, middle)] - y[torch.searchsorted(G, middle)]).abs()
    return (width * moved**p).sum() ** (1 / p)


def _quantiles(x: Tensor, masses: Tensor | None, *, name: str) -> tuple[Tensor, Tensor]:
    """Places in order, and the distribution function at each, which ends at exactly 1."""
    masses = torch.full((len(x),), 1 / len(x)) if masses is None else masses
    masses = _distribution(masses, len(x), name=name, places=f"{len(x)} places")
    x, order = x.double().sort()
    levels = masses[order].cumsum(dim=0)
    return x, levels / levels[-1]


# --- what goes in and what comes out ---------------------------------------------------------------------------------


def _checked(cost: Tensor, a: Tensor, b: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    n, m = cost.shape
    a = _distribution(a, n, name="a", places=f"the {n} rows of the cost")
    b = _distribution(b, m, name="b", places=f"the {m} columns of the cost")
    return cost.double(), a, b


def _distribution(masses: Tensor, n: int, *, name: str, places: str) -> Tensor:
    masses = masses.double()
    if masses.shape != (n,):
        raise ValueError(f"{name} has shape {tuple(masses.shape)}, but there are {places}: give one mass for each.")
    if not (masses >= 0).all():
        raise ValueError(f"{name} has a mass of {masses.min().item():g}; masses must be at least 0.")
    total = masses.sum()
    if not abs(total - 1) < 1e-6:
        raise ValueError(f"the masses {name} sum to {total.item():g}; they must sum to 1: divide them by their sum.")
    return masses / total  # both sides must carry the same, or no plan fits to the last digit


def _linear_program(objective: Tensor, **constraints: Any) -> Any:
    from scipy.optimize import linprog

    arrays: dict[str, Any] = {name: c.numpy() if isinstance(c, Tensor) else c for name, c in constraints.items()}
    solution = linprog(objective.numpy(), method="highs", **arrays)
    if not solution.success:
        raise RuntimeError(f"the linear program was not solved: {solution.message}")
    return solution.x
