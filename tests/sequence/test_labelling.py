"""The chain of labels: its two exact answers by enumeration, and the labeller that reads it."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import torch
from torch import Tensor
from torch.testing import assert_close

from genmodels import training
from genmodels.sequence import free, unroll
from genmodels.sequence.labelling import Chain, Knowing, Labeller
from mutants import mutants, refusal, rejects

CHAIN = Chain(labels=3, stay=0.8, seen=0.6, length=4)
ALL = torch.tensor(list(itertools.product(range(3), repeat=4)))


def joint(labels: Tensor, observed: Tensor) -> Tensor:
    """p(labels, observed) of every pair of rows."""
    p = torch.full((len(labels),), 1 / 3, dtype=torch.float64)
    for t in range(4):
        p = p * CHAIN.shows[labels[:, t], observed[:, t]]
        if t:
            p = p * CHAIN.moves[labels[:, t - 1], labels[:, t]]
    return p


Filter = Callable[[Chain, Tensor], Tensor]


def check_filter(filtered: Filter) -> None:
    observed = torch.tensor([[0, 1, 1, 2]])
    found = filtered(CHAIN, observed)[0]
    for t in range(4):
        seen = ALL[(ALL[:, t + 1 :] == 0).all(dim=1)]  # the future summed out below: labels after t do not matter
        p = torch.zeros(3, dtype=torch.float64)
        for later in itertools.product(range(3), repeat=3 - t):
            x = torch.cat([observed[:, : t + 1], torch.tensor([later]).long().reshape(1, -1)], dim=1).expand(81, -1)
            p.scatter_add_(0, ALL[:, t], joint(ALL, x))
        assert_close(found[t], p / p.sum())
        assert len(seen) == 3 ** (t + 1)


def no_motion(chain: Chain, observed: Tensor) -> Tensor:
    belief = chain.shows.T[observed].cumprod(dim=1)
    return belief / belief.sum(2, keepdim=True)


def no_memory(chain: Chain, observed: Tensor) -> Tensor:
    belief = chain.shows.T[observed]
    return belief / belief.sum(2, keepdim=True)


def smoothed(chain: Chain, observed: Tensor) -> Tensor:
    """With the future: what nobody can know in time."""
    ahead = chain.filtered(observed.flip(1)).flip(1)
    belief = chain.filtered(observed) * ahead / chain.shows.T[observed]
    return belief / belief.sum(2, keepdim=True)


def test_the_filter() -> None:
    check_filter(Chain.filtered)


@mutants({f.__name__: f for f in (no_motion, no_memory, smoothed)})
def test_the_filter_rejects(mutant: Filter) -> None:
    rejects(check_filter, mutant)


def test_knowing_is_the_exact_answer_to_teacher_forcing() -> None:
    model, observed = Knowing(CHAIN), torch.tensor([[0, 1, 1, 2]]).expand(81, -1)
    p = model.logits(ALL, state=model.encode(observed)).softmax(dim=2)
    for t in range(1, 4):
        expected = CHAIN.moves[ALL[:, t - 1]] * CHAIN.shows[:, observed[0, t]]
        assert_close(p[:, t], expected / expected.sum(1, keepdim=True))
    assert_close(p[:, 0], (CHAIN.shows[:, 0] / CHAIN.shows[:, 0].sum()).expand(81, -1))


def test_samples_are_of_the_chain() -> None:
    observed, labels = CHAIN.sample((20_000,), rng=training.rng(0))
    assert abs((labels[:, 1:] == labels[:, :-1]).double().mean() - 0.8) < 0.01
    assert abs((labels == observed).double().mean() - 0.6) < 0.01
    assert (torch.bincount(labels[:, 0]) / 20_000 - 1 / 3).abs().max() < 0.02


def test_no_chain() -> None:
    for wrong in ({"labels": 1}, {"stay": 1.0}, {"seen": 0.0}):
        assert "two labels or more" in refusal(ValueError, lambda wrong=wrong: Chain(**wrong))  # type: ignore[misc]


def test_a_labeller_reads_each_observation_in_its_turn() -> None:
    with training.isolated(0):
        model = Labeller(3, hidden=5).double()
    observed = ALL[:9]
    a = model.logits(ALL[:9], state=model.encode(observed))
    changed = observed.clone()
    changed[:, 2] = (changed[:, 2] + 1) % 3
    b = model.logits(ALL[:9], state=model.encode(changed))
    assert_close(a[:, :2], b[:, :2])
    assert (a[:, 2] - b[:, 2]).abs().max() > 1e-3
    assert "model.encode(observed)" in refusal(ValueError, lambda: unroll(model, free(), steps=2, n=3))
