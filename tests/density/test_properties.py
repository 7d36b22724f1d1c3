"""One abstract property test over all densities, and its own mutants."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from density.properties import (
    CHECKS,
    Case,
    can_be_compared,
    integrates,
    keeps_precision,
    refuses,
    rows_do_not_mix,
    samples_agree,
    weights_are_copies,
)
from torch import Tensor

from genmodels import density
from genmodels.density import Normal
from mutants import mutants, rejects

NAMES = sorted(path.stem for path in Path(__file__).parent.glob("cases_*.py"))
CASES = [case for name in NAMES for case in importlib.import_module(f"density.{name}").CASES]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_density(case: Case, check: Callable[[Case], None]) -> None:
    check(case)


def test_no_density_is_left_out() -> None:
    for module in pkgutil.iter_modules(density.__path__):
        importlib.import_module(f"{density.__name__}.{module.name}")
    kinds, open_ends = set(), [density.Density]
    while open_ends:
        below = [kind for kind in open_ends.pop().__subclasses__() if kind.__module__.startswith(density.__name__)]
        kinds |= set(below)
        open_ends += below
    tried = {type(case.density) for case in CASES}
    assert len(kinds) > 8 and {kind.__name__ for kind in kinds - tried} == set()


class NoConstant(Normal):
    """The normaliser without the 2 pi."""

    def _log_prob(self, x: Tensor) -> Tensor:
        return super()._log_prob(x) + 0.9189


class VarianceForStd(Normal):
    """Samples with the variance where the standard deviation belongs."""

    def _sample(self, n: int, *, rng: torch.Generator) -> Tensor:
        return self.mean + self.std**2 * torch.randn(n, *self.event_shape, generator=rng)


class BatchMean(Normal):
    """The mean over the batch subtracted: a row's answer depends on the others."""

    def _log_prob(self, x: Tensor) -> Tensor:
        return super()._log_prob(x - x.mean(dim=0))


class SinglePrecision(Normal):
    """Everything cast to float32 on the way."""

    def _log_prob(self, x: Tensor) -> Tensor:
        return super()._log_prob(x).float()


class NoWeights(Normal):
    """The weights taken and forgotten."""

    def _fit(self, x: Tensor, weights: Tensor) -> Normal:
        return super()._fit(x, torch.ones_like(weights))


class NoChecks(Normal):
    """NaN in, NaN out."""

    def log_prob(self, x: Tensor) -> Tensor:
        return self._log_prob(x)


@dataclass(frozen=True)
class FieldByField(Normal):
    """Equal if all parameters are: with two numbers or more there is no answer, but an error."""


@dataclass
class Mutant:
    density: type[Normal]
    check: Callable[[Case], None]


@mutants(
    {
        "no constant": Mutant(NoConstant, integrates),
        "variance for std": Mutant(VarianceForStd, samples_agree),
        "batch mean": Mutant(BatchMean, rows_do_not_mix),
        "single precision": Mutant(SinglePrecision, keeps_precision),
        "field by field": Mutant(FieldByField, can_be_compared),
        "weights forgotten": Mutant(NoWeights, weights_are_copies),
        "no checks": Mutant(NoChecks, refuses),
    }
)
def test_the_properties_see_the_bugs(mutant: Mutant) -> None:
    case = Case("mutant", mutant.density(torch.tensor(0.5), torch.tensor(0.7)), box=((-4.0, 5.0),))
    rejects(mutant.check, case)
    mutant.check(Case("right", Normal(torch.tensor(0.5), torch.tensor(0.7)), box=((-4.0, 5.0),)))
