"""The recipe of the Boltzmann machines on MNIST, on bits of its own making."""

from __future__ import annotations

from unittest.mock import patch

import torch

from benchmarks import boltzmann as benchmark
from experiments import rbm_mnist
from genmodels.density import Bernoulli
from genmodels.density.boltzmann import RBM, bits
from genmodels.training import rng


def test_log_odds_are_those_of_the_frequencies() -> None:
    x = bits(torch.tensor([0.1, 0.5, 1.0]).expand(4_000, 3), rng=rng(0))
    p = torch.sigmoid(rbm_mnist.log_odds(x))
    assert float((p - x.mean(dim=0)).abs().max()) < 1e-3 and bool((p < 1).all())


def test_what_is_measured_is_the_likelihood() -> None:
    """Of a machine so small that it is known exactly."""
    x = bits(torch.linspace(0.2, 0.8, 6).expand(3_000, 6), rng=rng(0))
    machine = RBM(6, 3).requires_grad_(False)
    machine.a.copy_(rbm_mnist.log_odds(x))
    row = rbm_mnist.measured(machine, x[:2_000], x[2_000:], temperatures=50, seed=0)
    exact = float(machine.log_prob(x[2_000:]).mean())
    assert abs(row["test"] - exact) < 0.01 + 4 * row["error"]
    independent = Bernoulli.fair(6).fit(x[:2_000]).log_prob(x[2_000:]).mean()
    assert abs(row["test"] - float(independent)) < 0.05


def test_a_run_is_measured_five_times_its_middle_and_end_twice() -> None:
    x = bits(torch.full((500, 784), 0.2), rng=rng(0))
    short = lambda *a, temperatures, **k: {"test": float(temperatures)}  # noqa: E731
    with patch.object(rbm_mnist, "measured", short), patch.object(rbm_mnist, "HIDDEN", 3):
        rows = rbm_mnist.run("CD-1", x, x, updates=20, seed=2)
    assert [row["updates"] for row in rows] == [1, 2, 5, 10, 10, 20, 20]
    assert [row["temperatures"] for row in rows] == [5_000] * 4 + [20_000, 5_000, 20_000]
    assert {row["seed"] for row in rows} == {2}


def test_the_benchmark_gives_both_the_same_work() -> None:
    x = bits(torch.full((200, 8), 0.3), rng=rng(0))
    with patch.object(benchmark, "UPDATES", 4):
        assert benchmark.ours(x, 3).steps == 4
        assert benchmark.theirs(x, 3).n_iter * len(x) == 4 * benchmark.BATCH
