"""What the recorded learning curves of section 1.1 rest on besides the package."""

from __future__ import annotations

import math

import torch

from experiments import paradigms as recipe
from genmodels import training
from genmodels.density import Gaussian
from genmodels.density.classifiers import Logistic, as_logistic, linear_error


def test_the_first_two_worlds_have_the_same_bayes_error() -> None:
    worlds = recipe.worlds()
    for name in ("independent", "correlated"):
        error = linear_error(as_logistic(worlds[name]), worlds[name])
        assert (
            abs(float(error) - math.erfc(recipe.GAP / 2**1.5) / 2) < 1e-7
        )  # the worlds are written in single precision
        assert all(isinstance(part, Gaussian) for part in worlds[name].parts)


def test_training_sets_are_balanced_and_differ() -> None:
    x, y = recipe.draws(recipe.worlds()["stragglers"], size=20, sets=3, rng=training.rng(0))
    assert x.shape == (3, 20, recipe.DIM) and y.tolist() == [[0] * 10 + [1] * 10] * 3
    assert not torch.equal(x[0], x[1])


def test_rules_side_by_side_are_those_of_each_set() -> None:
    world = recipe.worlds()["correlated"]
    x, y = recipe.draws(world, size=50, sets=3, rng=training.rng(1))
    for start in recipe.starts(recipe.DIM, floor=1e-3).values():
        together = linear_error(recipe.generative(start, x, y), world)
        alone = recipe.generative(start, x[1:2], y[1:2])
        assert isinstance(alone, Logistic)
        torch.testing.assert_close(together[1:2], linear_error(alone, world))


def test_a_summary_has_the_standard_error_of_the_mean() -> None:
    errors = torch.tensor([0.1, 0.2, 0.3, 0.4])
    assert recipe.summary(errors) == {"error": 0.25, "se": round(errors.std().item() / 2, 6)}
