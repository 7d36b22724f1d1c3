"""Boltzmann machines against enumeration, and against scikit-learn's."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from unittest.mock import patch

import numpy as np
import pytest
import torch
from density.cases_boltzmann import machine
from sklearn.neural_network import BernoulliRBM
from torch import Tensor
from torch.nn.functional import logsigmoid, softplus
from torch.testing import assert_close

from genmodels.density import Bernoulli, Mixture, boltzmann
from genmodels.density.annealing import LogZ, ais
from genmodels.density.boltzmann import (
    RBM,
    Statistics,
    bits,
    divergence,
    divergences,
    exact_gradient,
    states,
    statistics,
    transition,
)
from genmodels.training import rng
from mutants import mutants, refusal, rejects

SQUARE = machine(4, 4).double()
WIDE, NARROW = machine(5, 3).double(), machine(3, 5).double()


def table(rbm: RBM) -> Tensor:
    """Minus the energy of every pair of states, one term of the definition after the other: (2^visible, 2^hidden)."""
    v, h = (states(units).double() for units in rbm.W.shape)
    pairs = torch.einsum("ni,ij,mj->nm", v, rbm.W, h)
    return (v * rbm.a).sum(1)[:, None] + (h * rbm.b).sum(1) + pairs


# --- free energy and conditionals ------------------------------------------------------------------------------------

Free = Callable[[RBM, Tensor], Tensor]


def check_free_energy(free: Free) -> None:
    """F = -log sum_h e^-E, in the textbook's definition."""
    assert_close(free(SQUARE, states(4).double()), -table(SQUARE).logsumexp(dim=1))


def hidden_biases_left_out(rbm: RBM, v: Tensor) -> Tensor:
    return -(v @ rbm.a) - softplus(v @ rbm.W).sum(dim=1)


def visible_biases_left_out(rbm: RBM, v: Tensor) -> Tensor:
    return -softplus(rbm.b + v @ rbm.W).sum(dim=1)


def transposed(rbm: RBM, v: Tensor) -> Tensor:
    return -(v @ rbm.a) - softplus(rbm.b + v @ rbm.W.T).sum(dim=1)


def without_softplus(rbm: RBM, v: Tensor) -> Tensor:  # the energy at h = 1
    return -(v @ rbm.a) - (rbm.b + v @ rbm.W).sum(dim=1)


def relu_for_softplus(rbm: RBM, v: Tensor) -> Tensor:  # the energy at the best h
    return -(v @ rbm.a) - torch.relu(rbm.b + v @ rbm.W).sum(dim=1)


def expected_energy(rbm: RBM, v: Tensor) -> Tensor:  # the entropy of h forgotten
    return rbm.energy(v, rbm.hidden(v))


def sign_flipped(rbm: RBM, v: Tensor) -> Tensor:
    return -rbm.free_energy(v)


def test_free_energy() -> None:
    check_free_energy(RBM.free_energy)


@mutants(
    {
        f.__name__: f
        for f in (
            hidden_biases_left_out,
            visible_biases_left_out,
            transposed,
            without_softplus,
            relu_for_softplus,
            expected_energy,
            sign_flipped,
        )
    }
)
def test_free_energy_rejects(mutant: Free) -> None:
    rejects(check_free_energy, mutant)


def test_conditionals_by_bayes() -> None:
    joint = table(SQUARE).flatten().softmax(dim=0).reshape(16, 16)
    v = h = states(4).double()
    assert_close(SQUARE.hidden(v), (joint / joint.sum(1, keepdim=True)) @ h)
    assert_close(SQUARE.visible(h), (joint / joint.sum(0)).T @ v)
    assert_close(SQUARE.energy(v, h), -table(SQUARE).diagonal())


@pytest.mark.parametrize("rbm", [WIDE, NARROW, SQUARE], ids=["wide", "narrow", "square"])
def test_log_z_from_either_side(rbm: RBM) -> None:
    assert_close(rbm.log_z(), table(rbm).flatten().logsumexp(dim=0))
    assert_close(rbm.flipped().log_z(), rbm.log_z())
    hidden = states(rbm.W.shape[1]).double()
    assert_close(rbm.flipped().log_prob(hidden), table(rbm).logsumexp(dim=0) - rbm.log_z())


def test_log_z_of_more_than_one_block_of_states() -> None:
    free = machine(15, 16).double()
    free.W.zero_()
    assert_close(free.log_z(), softplus(free.a).sum() + softplus(free.b).sum())


# --- the gradient ----------------------------------------------------------------------------------------------------

Gradient = Callable[[RBM, Tensor], Statistics]
X = states(4).double()[[1, 1, 6, 15, 8]]


def check_gradient(gradient: Gradient) -> None:
    """By automatic differentiation of the exact log-likelihood."""
    rbm = machine(4, 4).double().requires_grad_(True)
    by_autograd = torch.autograd.grad(rbm.log_prob(X).mean(), (rbm.W, rbm.a, rbm.b))
    for mine, theirs in zip(gradient(rbm, X), by_autograd, strict=True):
        assert_close(mine.detach(), theirs)


def model_statistics(rbm: RBM) -> Statistics:
    v = states(4).double()
    return statistics(rbm, v, weights=(-rbm.free_energy(v)).softmax(dim=0))


def negative_phase_added(rbm: RBM, x: Tensor) -> Statistics:
    return Statistics(*(p + n for p, n in zip(statistics(rbm, x), model_statistics(rbm), strict=True)))


def phases_exchanged(rbm: RBM, x: Tensor) -> Statistics:
    return model_statistics(rbm).minus(statistics(rbm, x))


def no_negative_phase(rbm: RBM, x: Tensor) -> Statistics:
    return statistics(rbm, x)


def outer_product_transposed(rbm: RBM, x: Tensor) -> Statistics:
    right = exact_gradient(rbm, x)
    return right._replace(W=right.W.T)


def test_gradient() -> None:
    check_gradient(exact_gradient)


@mutants({f.__name__: f for f in (negative_phase_added, phases_exchanged, no_negative_phase, outer_product_transposed)})
def test_gradient_rejects(mutant: Gradient) -> None:
    rejects(check_gradient, mutant)


# --- Gibbs sampling and contrastive divergence -----------------------------------------------------------------------


def test_a_sweep_keeps_the_machine_and_is_reversible() -> None:
    p, T = WIDE.log_prob(states(5).double()).exp(), transition(WIDE)
    assert_close(T.sum(dim=1), torch.ones(32).double())
    assert_close(p @ T, p)
    flow = p[:, None] * T
    assert_close(flow, flow.T)


Divergence = Callable[..., tuple[Statistics, Tensor]]
ROWS = 40_000


def check_divergence(estimate: Divergence) -> None:
    """Its mean is what the transition matrix says: k sweeps from the data; within 4 standard errors."""
    strong = machine(4, 3, scale=1.5).double()
    x = states(4).double()[[3, 10]]
    start = torch.zeros(16).double()
    start[[3, 10]] = 0.5
    for k in (1, 3):
        model = start @ torch.linalg.matrix_power(transition(strong), k)
        expected = statistics(strong, x).minus(statistics(strong, states(4).double(), weights=model))
        found, _ = estimate(strong, x.repeat(ROWS // 2, 1), k=k, rng=rng(k))
        assert float((found.flat - expected.flat).abs().max()) < 4 * 0.5 / math.sqrt(ROWS)


def from_sweeps(sweep: Callable[[RBM, Tensor, torch.Generator], Tensor]) -> Divergence:
    def estimate(rbm: RBM, x: Tensor, *, k: int, rng: torch.Generator) -> tuple[Statistics, Tensor]:
        v = x
        for _ in range(k):
            v = sweep(rbm, v, rng)
        return statistics(rbm, x).minus(statistics(rbm, v)), v

    return estimate


def negative_sign(rbm: RBM, x: Tensor, *, k: int, rng: torch.Generator) -> tuple[Statistics, Tensor]:
    end = rbm.gibbs(x, sweeps=k, rng=rng)
    return statistics(rbm, end).minus(statistics(rbm, x)), end


def data_sampled(rbm: RBM, x: Tensor, *, k: int, rng: torch.Generator) -> tuple[Statistics, Tensor]:
    """The positive phase of reconstructed visible units instead of the data."""
    first = rbm.gibbs(x, sweeps=1, rng=rng)
    end = rbm.gibbs(x, sweeps=k, rng=rng)
    return statistics(rbm, first).minus(statistics(rbm, end)), end


def one_sweep_too_many(rbm: RBM, x: Tensor, *, k: int, rng: torch.Generator) -> tuple[Statistics, Tensor]:
    return divergence(rbm, x, k=k + 1, rng=rng)


def always_one_sweep(rbm: RBM, x: Tensor, *, k: int, rng: torch.Generator) -> tuple[Statistics, Tensor]:
    return divergence(rbm, x, k=1, rng=rng)


@mutants(
    {
        # Hidden units carry one bit each; their probabilities pass on more (Hinton 2010, section 3.1).
        "hidden probabilities": from_sweeps(lambda m, v, r: bits(m.visible(m.hidden(v)), rng=r)),
        "visible probabilities": from_sweeps(lambda m, v, r: m.visible(bits(m.hidden(v), rng=r))),
        "rounded": from_sweeps(lambda m, v, r: m.visible(m.hidden(v).round()).round()),
        "biases left out": from_sweeps(lambda m, v, r: bits(torch.sigmoid(bits(m.hidden(v), rng=r) @ m.W.T), rng=r)),
        "negative sign": negative_sign,
        "data sampled": data_sampled,
        "one sweep too many": one_sweep_too_many,
        "always one sweep": always_one_sweep,
    }
)
def test_divergence_rejects(mutant: Divergence) -> None:
    rejects(check_divergence, mutant)


def test_divergence() -> None:
    check_divergence(divergence)


def test_a_chain_goes_on_where_it_ended() -> None:
    x, far = torch.ones(8, 4).double(), torch.zeros(8, 4).double()
    found, end = divergence(SQUARE, x, k=2, rng=rng(0), chain=far)
    assert torch.equal(end, SQUARE.gibbs(far, sweeps=2, rng=rng(0)))
    assert_close(found.flat, statistics(SQUARE, x).minus(statistics(SQUARE, end)).flat)


Learning = Callable[[RBM, Tensor], RBM]


def check_persistence(learn: Learning) -> None:
    """With a rate of nearly 0 nothing is learned, and all that updates add up is the negative phase.

    From data in one corner, one sweep stays near it. A persistent chain reaches the machine's own distribution, and
    the sum of its updates that of the exact gradient.
    """
    strong, x = machine(4, 3, scale=1.5).double(), torch.ones(1, 4).double()
    strong.steps, strong.lr, strong.persistent, strong.batch = 1_000, 1e-8, True, 50
    before = torch.cat([p.flatten() for p in strong.parameters()])
    after = torch.cat([p.flatten() for p in learn(strong, x).parameters()])
    exact = exact_gradient(strong, x).flat
    assert float(((after - before) / 1_000 / 1e-8 - exact).abs().max()) < 0.03


def forgetful(rbm: RBM, x: Tensor) -> RBM:
    rbm.persistent = False
    return rbm.fit(x)


def test_persistence() -> None:
    check_persistence(lambda rbm, x: rbm.fit(x))


def test_persistence_rejects() -> None:
    rejects(check_persistence, forgetful)


def bars() -> Tensor:
    """Bars and stripes of 3 x 3 bits: 14 pictures."""
    lines = states(3)
    rows, columns = lines[:, :, None].expand(8, 3, 3), lines[:, None, :].expand(8, 3, 3)
    return torch.cat([rows, columns]).reshape(16, 9).unique(dim=0)


@pytest.mark.parametrize("persistent", [False, True])
def test_learning_raises_the_exact_likelihood(persistent: bool) -> None:
    x = bars()
    for seed in range(2):
        start = RBM(9, 6, steps=1_000, lr=0.3, persistent=persistent, seed=seed).requires_grad_(False)
        before = start.log_prob(x).mean()
        learned = start.fit(x)
        assert learned is not start and torch.equal(start.log_prob(x).mean(), before)
        assert learned.log_prob(x).mean() > before + 1


def test_a_fit_is_reproducible_and_walks_through_all_updates() -> None:
    x, start = bars(), RBM(9, 3, steps=4).requires_grad_(False)
    assert len([0 for _ in divergences(start, x)]) == 5
    assert_close(start.fit(x).state_dict(), start.fit(x).state_dict(), rtol=0, atol=0)
    rates: list[int] = []
    start.lr = lambda step: float(rates.append(step) or 0.0)
    assert torch.equal(start.fit(x).W, start.W) and rates == [0, 1, 2, 3]


def test_machines_mix() -> None:
    """The house's contract: a machine is a density like others, and EM fits a mixture of two."""
    x = bars()
    parts = tuple(machine(9, 2, scale=0.5, seed=seed) for seed in (0, 1))
    for part in parts:
        part.steps, part.lr = 100, 0.2
    start = Mixture(torch.tensor([0.5, 0.5]), parts, steps=2)
    assert start.fit(x).log_prob(x).mean() > start.log_prob(x).mean() + 0.3


# --- annealed importance sampling ------------------------------------------------------------------------------------

Estimate = Callable[..., LogZ]


def variant(
    *,
    sweep_at: int = 1,
    weigh: str = "before",
    mean_of: str = "weights",
    hidden_factor: bool = True,
    base_z: bool = True,
    start: str = "base",
    base_stays: bool = False,
) -> Estimate:
    """Annealed importance sampling once more, with machines at every temperature, and each step open to a mistake."""

    def at(rbm: RBM, beta: float, base: Tensor) -> RBM:
        return RBM.of(beta * rbm.W, (1 - beta * (not base_stays)) * base + beta * rbm.a, beta * rbm.b)

    @torch.no_grad()
    def estimate(rbm: RBM, *, temperatures: int, chains: int, base: Tensor, rng: torch.Generator) -> LogZ:
        v = bits(torch.sigmoid(base if start == "base" else 0 * base).expand(chains, -1), rng=rng)
        log_z = softplus(base).sum() * base_z + len(rbm.b) * math.log(2) * hidden_factor
        weights = torch.full((chains,), float(log_z)).double()
        for pair in pairwise(torch.linspace(0, 1, temperatures + 1).tolist()):
            before, now = (at(rbm, beta, base) for beta in pair)
            risen = lambda v, old=before, new=now: old.free_energy(v) - new.free_energy(v)  # noqa: E731
            if weigh == "before":
                weights += risen(v)
            v = (before, now)[sweep_at].gibbs(v, sweeps=1, rng=rng)
            if weigh == "after":
                weights += risen(v)
        value = weights.logsumexp(0) - math.log(chains) if mean_of == "weights" else weights.mean()
        relative = (weights - weights.logsumexp(0) + math.log(chains)).exp()
        return LogZ(value, relative.std() / math.sqrt(chains), weights)

    return estimate


def check_ais(estimate: Estimate) -> None:
    """Few temperatures, many chains: the estimate of Z is without bias even then, within 4 of its own errors."""
    rbm, base = machine(6, 4, scale=1.2, seed=3).double(), torch.linspace(-1.5, 1.0, 6).double()
    for seed in range(3):
        found = estimate(rbm, temperatures=4, chains=20_000, base=base, rng=rng(seed))
        assert float(found.error) < 0.03, "an error so large proves nothing"
        assert abs(float(found.value - rbm.log_z())) < 4 * float(found.error)


def test_ais() -> None:
    check_ais(ais)
    check_ais(variant())


@mutants(
    {
        "sweeps at the last temperature": variant(sweep_at=0),
        "weighed after the sweep": variant(weigh="after"),
        "mean of logarithms": variant(mean_of="logarithms"),
        "hidden units of the base left out": variant(hidden_factor=False),
        "partition function of the base left out": variant(base_z=False),
        "starts at fair bits": variant(start="fair"),
        "base is not cooled away": variant(base_stays=True),
    }
)
def test_ais_rejects(mutant: Estimate) -> None:
    rejects(check_ais, mutant)


def test_ais_states_its_error() -> None:
    """The stated error is the spread of repeated estimates."""
    rbm = machine(6, 4, seed=3).double()
    found = [ais(rbm, temperatures=10, chains=200, rng=rng(seed)) for seed in range(60)]
    spread = torch.stack([one.value for one in found]).std()
    stated = torch.stack([one.error for one in found]).mean()
    assert 0.6 < float(spread / stated) < 1.6
    one = found[0]
    assert_close(one.value, one.log_weights.logsumexp(dim=0) - math.log(200))


def test_ais_of_independent_bits_is_exact() -> None:
    free = machine(30, 25).double()
    free.W.zero_()
    free.b.zero_()
    found = ais(free, temperatures=3, chains=5, base=free.a, rng=rng(0))
    assert_close(found.value, softplus(free.a).sum() + 25 * math.log(2))
    assert float(found.error) < 1e-12


# --- refusals --------------------------------------------------------------------------------------------------------


def test_refusals() -> None:
    large = RBM(30, 21).requires_grad_(False)
    message = refusal(ValueError, lambda: large.log_prob(torch.zeros(2, 30)))
    assert "ais(" in message and "2^21" in message
    assert "ais(" in refusal(ValueError, large.log_z)
    for units in (21, 0):
        assert f"2^{units} states: from 1 to 20 units" in refusal(ValueError, lambda units=units: states(units))
    assert "visible" in refusal(ValueError, lambda: RBM(0, 3))
    for name, bad in (("k", 0), ("batch", 0), ("steps", -1), ("sweeps", -1)):
        assert f"{name} = {bad}" in refusal(ValueError, lambda how={name: bad}: RBM(2, 3, **how))
    assert RBM(2, 3, steps=0).fit(torch.ones(1, 2)).W.shape == (2, 3)  # no update is a legal number of them
    assert "2 chains" in refusal(ValueError, lambda: ais(large, temperatures=3, chains=1, rng=rng(0)))
    assert "12" in refusal(ValueError, lambda: transition(RBM(13, 2)))
    for call in (large.log_prob, large.fit):
        assert "0 or 1" in refusal(ValueError, lambda call=call: call(torch.full((2, 30), 0.5)))


def test_a_large_machine_samples_by_its_chain() -> None:
    large = RBM(30, 21, sweeps=3).requires_grad_(False)
    large.a.copy_(torch.linspace(-3, 3, 30))
    drawn = large.sample((4_000,), rng=rng(0))
    assert set(drawn.unique().tolist()) == {0.0, 1.0}
    assert float((drawn.mean(0) - torch.sigmoid(large.a)).abs().max()) < 0.08


# --- scikit-learn ----------------------------------------------------------------------------------------------------


def theirs(rbm: RBM) -> BernoulliRBM:
    peer = BernoulliRBM(n_components=len(rbm.b), random_state=0)
    peer.components_, peer.intercept_hidden_ = rbm.W.T.numpy(), rbm.b.numpy()
    peer.intercept_visible_, peer.n_features_in_ = rbm.a.numpy(), len(rbm.a)
    return peer


def test_scikit_learn_agrees_on_energies_and_conditionals() -> None:
    v, peer = states(5).double(), theirs(WIDE)
    assert_close(torch.from_numpy(peer._free_energy(v.numpy())), WIDE.free_energy(v))
    assert_close(torch.from_numpy(peer.transform(v.numpy())), WIDE.hidden(v))
    # Its score is a pseudo-likelihood: one bit given all others, chosen at random, times the number of bits.
    flips = np.random.RandomState(0).randint(0, 5, 32)
    other = v.clone()
    other[torch.arange(32), flips] = 1 - other[torch.arange(32), flips]
    ours = 5 * logsigmoid(WIDE.log_prob(v) - WIDE.log_prob(other))
    assert_close(torch.from_numpy(peer.score_samples(v.numpy())), ours)


def test_scikit_learn_makes_the_same_sweep_from_the_same_numbers() -> None:
    v, peer = states(5).double(), theirs(WIDE)
    numbers = np.random.RandomState(0)
    uniform = lambda p, *, rng: (torch.from_numpy(numbers.uniform(size=p.shape)) < p).to(p.dtype)  # noqa: E731
    with patch.object(boltzmann, "bits", uniform):
        ours = WIDE.gibbs(v, sweeps=1, rng=rng(0))
    assert np.array_equal(peer.gibbs(v.numpy()), ours.bool().numpy())


def test_scikit_learn_learns_as_well() -> None:
    """Its fit is persistent CD with as many chains as points in a batch: the same likelihood after as many updates."""
    x, seeds, found = bars()[torch.arange(56) % 14], range(4), {"ours": [], "theirs": []}
    for seed in seeds:
        ours = RBM(9, 6, steps=800, batch=56, lr=0.3, persistent=True, seed=seed).requires_grad_(False).fit(x)
        peer = BernoulliRBM(n_components=6, learning_rate=0.3, batch_size=56, n_iter=800, random_state=seed)
        peer.fit(x.numpy())
        parts = (peer.components_.T.copy(), peer.intercept_visible_, peer.intercept_hidden_)
        theirs = RBM.of(*(torch.from_numpy(part).float() for part in parts)).requires_grad_(False)
        for name, rbm in (("ours", ours), ("theirs", theirs)):
            found[name].append(float(rbm.log_prob(x).mean()))
    mine, peers = (torch.tensor(values) for values in found.values())
    independent = float(Bernoulli.fair(9).fit(x).log_prob(x).mean())
    assert min(*mine.tolist(), *peers.tolist()) > independent + 0.5
    noise = math.hypot(float(mine.std()), float(peers.std())) / math.sqrt(len(seeds))
    assert abs(float(mine.mean() - peers.mean())) < 4 * max(noise, 0.05)
