"""What every explicit density must satisfy: one list of checks, run over the cases of every `cases_*.py` beside it."""

from __future__ import annotations

import copy
import inspect
import math
from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

import torch
from scipy import stats
from torch import Tensor, nn, testing

from genmodels.training import rng
from mutants import refusal


@dataclass(frozen=True)
class Case:
    """A density and where it lives: all of its points, or a box that holds all but 1e-4 of its mass."""

    name: str
    density: Any
    support: Tensor | None = None
    """Discrete: every point with a probability above 1e-12, (points, *event_shape)."""
    box: tuple[tuple[float, float], ...] = ()
    """Continuous, event shape (), (1,) or (2,): the interval of each coordinate."""
    cells: int = 400
    """Continuous: midpoints per axis of the quadrature."""
    likelihood: bool = True
    """`fit` maximises the likelihood (a kernel density, for one, does not)."""
    fits: Callable[[Any, Tensor], Any] | None = None
    """How the family is fitted to x, if not by `density.fit(x)`."""
    weighted: bool = True
    """`fit` takes weights, a whole one meaning so many copies of a point."""
    tolerance: float = 1e-3


def grid(case: Case, cells: int) -> tuple[Tensor, float]:
    """The midpoints of a box's cells, and a cell's volume."""
    axes = [low + (high - low) * (torch.arange(cells).double() + 0.5) / cells for low, high in case.box]
    points = torch.cartesian_prod(*axes) if len(axes) > 1 else axes[0]
    volume = math.prod((high - low) / cells for low, high in case.box)
    return points.reshape(-1, *case.density.event_shape), volume


def integrates(case: Case) -> None:
    """Probabilities sum to one, densities integrate to one: nothing is left out of the normaliser."""
    if case.support is not None:
        mass = case.density.log_prob(case.support).double().exp().sum()
    else:
        points, volume = grid(case, case.cells)
        mass = case.density.log_prob(points).exp().sum() * volume
    assert abs(float(mass) - 1) < case.tolerance, f"total mass {float(mass):.6f}"


def samples_agree(case: Case, *, n: int = 20_000) -> None:
    """Chi-square: samples fall into cells as often as `log_prob` says."""
    drawn = case.density.sample((n,), rng=rng(5))
    assert drawn.shape == (n, *case.density.event_shape)
    observed, expected = _tables(case, drawn)
    small = expected < 10
    observed = torch.cat([observed[~small], observed[small].sum()[None]])
    expected = torch.cat([expected[~small], expected[small].sum()[None]])
    expected = expected * observed.sum() / expected.sum()
    keep = expected > 0
    assert float(observed[~keep].sum()) == 0, "samples where the density is 0"
    p = stats.chisquare(observed[keep].numpy(), expected[keep].numpy()).pvalue if int(keep.sum()) > 1 else 1.0
    assert p > 1e-4, f"chi-square p = {p:.2g}"


def _tables(case: Case, drawn: Tensor) -> tuple[Tensor, Tensor]:
    """How many samples each cell got, and how many `log_prob` promises it; the last cell is everything else."""
    n = len(drawn)
    if case.support is not None:
        places = {tuple(row): i for i, row in enumerate(case.support.reshape(len(case.support), -1).tolist())}
        where = torch.tensor([places.get(tuple(row), len(places)) for row in drawn.reshape(n, -1).tolist()])
        mass = case.density.log_prob(case.support).double().exp()
    else:
        fine, axes = grid(case, case.cells), len(case.box)
        coarse = 20 if axes == 1 else 8
        low, high = torch.tensor(case.box).double().T
        bins = lambda x: ((x.reshape(len(x), axes).double() - low) / (high - low) * coarse).floor().long()  # noqa: E731
        flat = lambda b: (b * coarse ** torch.arange(axes).flip(0)).sum(dim=1)  # noqa: E731
        inside = ((bins(drawn) >= 0) & (bins(drawn) < coarse)).all(dim=1)
        where = torch.where(inside, flat(bins(drawn)), coarse**axes)
        mass = torch.zeros(coarse**axes).double()
        mass.scatter_add_(0, flat(bins(fine[0])), case.density.log_prob(fine[0]).exp() * fine[1])
    observed = torch.bincount(where, minlength=len(mass) + 1).double()
    return observed, torch.cat([mass, (1 - mass.sum()).clamp_min(0)[None]]) * n


def rows_do_not_mix(case: Case) -> None:
    """A point's log-probability is its own: alone, in any order, in any shape of the batch."""
    x = case.density.sample((6,), rng=rng(1))
    together = case.density.log_prob(x)
    assert together.shape == (6,)
    alone = torch.cat([case.density.log_prob(row[None]) for row in x])
    testing.assert_close(together, alone, rtol=1e-4, atol=1e-5)
    testing.assert_close(case.density.log_prob(x.flip(0)), together.flip(0), rtol=1e-4, atol=1e-5)
    folded = case.density.log_prob(x.reshape(2, 3, *case.density.event_shape))
    testing.assert_close(folded, together.reshape(2, 3), rtol=1e-4, atol=1e-5)
    assert case.density.log_prob(x[:0]).shape == (0,)
    assert case.density.sample((2, 3), rng=rng(1)).shape == (2, 3, *case.density.event_shape)


def keeps_precision(case: Case) -> None:
    """A floating x decides the precision of the answer and of the fit; the device is x's too."""
    where = "cuda" if torch.cuda.is_available() else "cpu"
    x = case.density.sample((50,), rng=rng(2)).to(where)
    for dtype in (torch.float32, torch.float64) if x.is_floating_point() else (x.dtype,):
        fitted = (case.fits or _fit)(case.density, x.to(dtype))
        answers = [density.log_prob(x.to(dtype)) for density in (case.density, fitted)]
        assert {t.device.type for t in [*answers, fitted.sample((2,), rng=rng(2))]} == {where}
        if x.is_floating_point():
            assert {t.dtype for t in [*answers, *_floating(fitted)]} == {dtype}
        else:
            assert {t.dtype for t in answers} <= {torch.float32, torch.float64}
    if x.is_floating_point():
        double = case.density.log_prob(x.double())
        assert not torch.equal(double, double.float().double()), "single precision on the way"


def _floating(density: Any) -> list[Tensor]:
    if isinstance(density, nn.Module):
        return list(density.parameters())
    values = [getattr(density, f.name) for f in fields(density)]
    own = [v for v in values if isinstance(v, Tensor) and v.is_floating_point()]
    parts = [part for v in values if isinstance(v, tuple) for part in v if is_dataclass(part)]
    return own + [t for part in parts for t in _floating(part)]


def same_seed_same_sample(case: Case) -> None:
    """Randomness enters through `rng` alone."""
    torch.manual_seed(0)
    first = case.density.sample((5,), rng=rng(3))
    torch.manual_seed(1)
    testing.assert_close(case.density.sample((5,), rng=rng(3)), first, rtol=0, atol=0)


def can_be_compared(case: Case) -> None:
    """A density is equal to itself and to no other: field by field, a tensor would be asked for its truth."""
    assert case.density == case.density
    assert case.density != copy.deepcopy(case.density)


def fit_climbs(case: Case) -> None:
    """Fitted to samples of itself, a family likes them at least as well as the true parameters do."""
    x = case.density.sample((400,), rng=rng(4))
    before = case.density.log_prob(x).double().mean()
    fitted = (case.fits or _fit)(case.density, x)
    assert type(fitted) is type(case.density)
    if case.likelihood:
        assert float(fitted.log_prob(x).double().mean()) >= float(before) - 1e-5
    testing.assert_close(case.density.log_prob(x).double().mean(), before, rtol=0, atol=0)  # the start is untouched


def weights_are_copies(case: Case) -> None:
    """A point with weight 3 counts as three points, one with weight 0 not at all."""
    if not case.weighted:
        return
    x = case.density.sample((60,), rng=rng(6))
    copies = torch.arange(60) % 4
    dtype = x.dtype if x.is_floating_point() else torch.float32
    weighted = case.density.fit(x, weights=copies.to(dtype))
    repeated = case.density.fit(x.repeat_interleave(copies, dim=0))
    testing.assert_close(weighted.log_prob(x), repeated.log_prob(x), rtol=2e-3, atol=2e-3)


def refuses(case: Case) -> None:
    """Bad input gets one clear sentence."""
    density, event = case.density, case.density.event_shape
    x = density.sample((4,), rng=rng(7))
    wrong = torch.zeros(4, *event[:-1], event[-1] + 1) if event else None
    if wrong is not None:
        assert str(event) in refusal(ValueError, lambda: density.log_prob(wrong))
        assert str(event) in refusal(ValueError, lambda: density.fit(wrong))
    assert "one point per row" in refusal(ValueError, lambda: density.fit(x[None]))
    assert "empty" in refusal(ValueError, lambda: density.fit(x[:0]))
    if x.is_floating_point():
        x = x.clone()
        x.view(-1)[0] = math.nan
        assert "NaN" in refusal(ValueError, lambda: density.log_prob(x))
        assert "NaN" in refusal(ValueError, lambda: density.fit(x))
    if case.weighted and "weights" in inspect.signature(density.fit).parameters:
        y = density.sample((4,), rng=rng(7))
        for bad in (torch.ones(3), -torch.ones(4), torch.zeros(4), torch.full((4,), math.nan)):
            assert "weights" in refusal(ValueError, lambda bad=bad: density.fit(y, weights=bad))


def _fit(density: Any, x: Tensor) -> Any:
    return density.fit(x)


CHECKS = (
    integrates,
    samples_agree,
    rows_do_not_mix,
    keeps_precision,
    same_seed_same_sample,
    can_be_compared,
    fit_climbs,
    weights_are_copies,
    refuses,
)
