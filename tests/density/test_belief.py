"""Deep belief networks against enumeration."""

from __future__ import annotations

from collections.abc import Callable

import torch
from density.cases_boltzmann import machine
from torch import Tensor
from torch.nn.functional import logsigmoid
from torch.testing import assert_close

from genmodels.density import Bernoulli
from genmodels.density.belief import DBN, posterior_bits
from genmodels.density.boltzmann import RBM, bits, states
from genmodels.training import rng
from mutants import mutants, refusal, rejects

BELOW, TOP = machine(4, 4).double(), machine(4, 2, seed=1).double()
X, H = states(4).double(), states(4).double()


def pieces(network: DBN) -> tuple[Tensor, Tensor, Tensor]:
    """log p(x | h), log p_top(h) and log q(h | x), from the definitions: (x, h), (h,), (x, h)."""
    below = network.below
    p, q = below.visible(H), below.hidden(X)
    given = torch.stack([torch.distributions.Bernoulli(probs=row).log_prob(X).sum(1) for row in p], dim=1)
    posterior = torch.stack([torch.distributions.Bernoulli(probs=row).log_prob(H).sum(1) for row in q])
    return given, network.top.log_prob(H), posterior


def test_log_prob_is_a_sum_over_the_hidden_units() -> None:
    network = DBN(BELOW, TOP)
    given, prior, _ = pieces(network)
    assert_close(network.given(X, H), given)
    assert_close(network.log_prob(X), (given + prior).logsumexp(dim=1))


def test_an_rbm_is_a_network_with_itself_on_top() -> None:
    network = DBN(BELOW, BELOW.flipped())
    assert_close(network.log_prob(X), BELOW.log_prob(X))
    assert_close(network.bound(X, draws=1, rng=rng(0)), BELOW.log_prob(X))  # whichever h is drawn


def test_more_states_than_one_block() -> None:
    """2^13 hidden states are two blocks; with itself on top the network is the machine below, its sum over 2^3."""
    below = machine(3, 13).double()
    x = states(3).double()
    assert_close(DBN(below, below.flipped()).log_prob(x), below.log_prob(x))


def test_any_density_of_bits_may_stand_on_top() -> None:
    network = DBN(BELOW, Bernoulli(torch.tensor([0.2, 0.5, 0.7, 0.9]).double()))
    assert_close(network.log_prob(X).exp().sum(), torch.tensor(1.0).double())
    three = DBN(BELOW, DBN(machine(4, 3, seed=2).double(), machine(3, 2, seed=3).double()))
    assert_close(three.log_prob(X).exp().sum(), torch.tensor(1.0).double())


Bound = Callable[..., Tensor]


def check_bound(bound: Bound) -> None:
    """Its mean over draws is the expectation, enumerated; and it is a lower bound."""
    network = DBN(BELOW, TOP)
    given, prior, posterior = pieces(network)
    expected = (posterior.exp() * (given + prior - posterior)).sum(dim=1)
    assert bool((expected < network.log_prob(X)).all())
    found = bound(network, X, draws=20_000, rng=rng(0))
    assert float((found - expected).abs().max()) < 0.06


def test_whole_numbers_are_bits_too() -> None:
    network = DBN(BELOW, TOP)
    for whole in (X.long(), X.bool()):
        assert_close(network.log_prob(whole), network.log_prob(X))
        assert_close(network.bound(whole, draws=2, rng=rng(0)), network.bound(X, draws=2, rng=rng(0)))


def without_entropy(network: DBN, x: Tensor, *, draws: int, rng: torch.Generator) -> Tensor:
    q = network.below.hidden(x)
    entropy = -(q * q.log() + (1 - q) * (1 - q).log()).sum(dim=1)
    return network.bound(x, draws=draws, rng=rng) - entropy


def mean_field(network: DBN, x: Tensor, *, draws: int, rng: torch.Generator) -> Tensor:
    """The probabilities of h where its samples belong."""
    q = network.below.hidden(x)
    logits = network.below.a + q @ network.below.W.T
    fits = (x * logsigmoid(logits) + (1 - x) * logsigmoid(-logits)).sum(dim=1)
    prior = -network.top.free_energy(q) - network.top.log_z()
    return prior + fits - (q * q.log() + (1 - q) * (1 - q).log()).sum(dim=1)


def top_left_out(network: DBN, x: Tensor, *, draws: int, rng: torch.Generator) -> Tensor:
    return DBN(network.below, Bernoulli.fair(4)).bound(x, draws=draws, rng=rng)


def top_not_normalised(network: DBN, x: Tensor, *, draws: int, rng: torch.Generator) -> Tensor:
    return network.bound(x, draws=draws, rng=rng) + network.top.log_z()


def own_prior(network: DBN, x: Tensor, *, draws: int, rng: torch.Generator) -> Tensor:
    """The likelihood of the RBM below, whatever stands on top."""
    return network.below.log_prob(x)


def many_draws(network: DBN, x: Tensor, *, draws: int, rng: torch.Generator) -> Tensor:
    """log of the mean in the place of the mean of logs: tighter, and another bound."""
    return (
        torch.stack([network.bound(x, draws=1, rng=rng) for _ in range(2_000)]).logsumexp(0)
        - torch.tensor(2_000.0).log()
    )


def test_bound() -> None:
    check_bound(DBN.bound)


@mutants(
    {f.__name__: f for f in (without_entropy, mean_field, top_left_out, top_not_normalised, own_prior, many_draws)}
)
def test_bound_rejects(mutant: Bound) -> None:
    rejects(check_bound, mutant)


def test_greedy_learning() -> None:
    """The RBM is fitted as it would be alone; what the top learns from are bits of its posterior."""
    x = bits(torch.full((300, 4), 0.5), rng=rng(0))
    x[:, 1], x[:, 3] = x[:, 0], x[:, 2]
    below = RBM(4, 3, steps=800, lr=0.2).requires_grad_(False)
    top = RBM(3, 3, steps=300, lr=0.2, seed=1).requires_grad_(False)
    fitted = DBN(below, top, draws=4).fit(x)
    alone = below.fit(x)
    assert_close(fitted.below.state_dict(), alone.state_dict(), rtol=0, atol=0)
    h = posterior_bits(alone, x, draws=4)
    assert h.shape == (1_200, 3) and set(h.unique().tolist()) == {0.0, 1.0}
    assert float((h.reshape(4, 300, 3).mean((0, 1)) - alone.hidden(x).mean(0)).abs().max()) < 0.06
    assert_close(fitted.top.state_dict(), top.fit(h).state_dict(), rtol=0, atol=0)
    assert fitted.draws == 4


def test_refusals() -> None:
    assert "(3,)" in refusal(ValueError, lambda: DBN(RBM(4, 3), Bernoulli.fair(4)))
    large = DBN(RBM(30, 25), Bernoulli.fair(25)).requires_grad_(False)
    assert "2^25" in refusal(ValueError, lambda: large.log_prob(torch.zeros(1, 30)))
    assert "0 or 1" in refusal(ValueError, lambda: large.log_prob(torch.full((1, 30), 0.3)))
    assert large.bound(torch.zeros(2, 30), draws=3, rng=rng(0)).shape == (2,)  # needs no enumeration
    assert "0 or 1" in refusal(ValueError, lambda: large.bound(torch.full((1, 30), 0.3), draws=3, rng=rng(0)))
    for call in (
        lambda: large.bound(torch.zeros(1, 30), draws=0, rng=rng(0)),
        lambda: DBN(RBM(4, 3), RBM(3, 2), draws=0),
    ):
        assert "draws = 0" in refusal(ValueError, call)
