"""What independent places cost: against tables of the whole distribution, and against a minimisation."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.testing import assert_close

from genmodels import training
from genmodels.sequence.dependence import entropies, kept, total_correlation
from mutants import mutants, refusal, rejects

Measure = Callable[[Tensor, Tensor], Tensor]
VOCAB = 3


def table(sequences: Tensor, p: Tensor) -> dict[tuple[int, ...], float]:
    joint: dict[tuple[int, ...], float] = {}
    for sequence, mass in zip(sequences.tolist(), p.tolist(), strict=True):
        joint[tuple(sequence)] = joint.get(tuple(sequence), 0.0) + mass
    return joint


def some_worlds() -> list[tuple[Tensor, Tensor]]:
    """Some with equal sequences, one with a sequence of probability 0."""
    rng = training.rng(0)
    worlds = []
    for k, length in ((2, 4), (5, 3), (9, 2), (1, 5)):
        p = torch.rand(k, generator=rng, dtype=torch.float64)
        worlds.append((torch.randint(VOCAB, (k, length), generator=rng), p / p.sum()))
    worlds.append((torch.tensor([[0, 1], [1, 0], [2, 2]]), torch.tensor([0.5, 0.5, 0.0]).double()))
    return worlds


def marginals(joint: dict[tuple[int, ...], float]) -> list[list[float]]:
    length = len(next(iter(joint)))
    return [[sum(m for s, m in joint.items() if s[i] == w) for w in range(VOCAB)] for i in range(length)]


def check_total_correlation(measure: Measure) -> None:
    """The divergence from the product of the marginals, summed over the whole table."""
    for sequences, p in some_worlds():
        joint = table(sequences, p)
        each = marginals(joint)
        expected = sum(
            m * math.log(m / math.prod(each[i][w] for i, w in enumerate(s))) for s, m in joint.items() if m > 0
        )
        assert_close(measure(sequences, p).item(), expected, atol=1e-9, rtol=1e-9)


def equal_sequences_apart(sequences: Tensor, p: Tensor) -> Tensor:
    return entropies(sequences, p)[0].sum(-1) + torch.xlogy(p, p).sum()


def in_bits(sequences: Tensor, p: Tensor) -> Tensor:
    return total_correlation(sequences, p) / math.log(2)


def mean_over_places(sequences: Tensor, p: Tensor) -> Tensor:
    positions, whole = entropies(sequences, p)
    return positions.mean(-1) - whole


def without_the_joint(sequences: Tensor, p: Tensor) -> Tensor:
    return entropies(sequences, p)[0].sum(-1)


def test_total_correlation() -> None:
    check_total_correlation(total_correlation)


@mutants({f.__name__: f for f in (equal_sequences_apart, in_bits, mean_over_places, without_the_joint)})
def test_total_correlation_rejects(mutant: Measure) -> None:
    rejects(check_total_correlation, mutant)


def check_kept(measure: Measure) -> None:
    """The product's mass on the sequences that are possible, summed over the whole table."""
    for sequences, p in some_worlds():
        joint = table(sequences, p)
        each = marginals(joint)
        expected = sum(math.prod(each[i][w] for i, w in enumerate(s)) for s in joint if joint[s] > 0)
        assert_close(measure(sequences, p).item(), expected, atol=1e-9, rtol=1e-9)
        assert measure(sequences, p) >= math.exp(-total_correlation(sequences, p)) - 1e-12


def equal_sequences_twice(sequences: Tensor, p: Tensor) -> Tensor:
    agree = sequences.unsqueeze(-2) == sequences.unsqueeze(-3)
    return (agree * p[:, None]).sum(-2).prod(-1).sum(-1)


def only_the_bound(sequences: Tensor, p: Tensor) -> Tensor:
    return torch.exp(-total_correlation(sequences, p))


def test_kept() -> None:
    check_kept(kept)


@mutants({f.__name__: f for f in (equal_sequences_twice, only_the_bound)})
def test_kept_rejects(mutant: Measure) -> None:
    rejects(check_kept, mutant)


def test_two_translations() -> None:
    """Two sentences that differ everywhere: log 2 per token, 2^(1 - n) of the mass, (n - 1) log 2 of divergence."""
    half = torch.full((2,), 0.5, dtype=torch.float64)
    for n in (1, 2, 5):
        sentences = torch.stack([torch.zeros(n), torch.ones(n)]).long()
        positions, whole = entropies(sentences, half)
        assert_close(positions, torch.full((n,), math.log(2), dtype=torch.float64))
        assert_close(whole.item(), math.log(2))
        assert_close(kept(sentences, half).item(), 2.0 ** (1 - n))
        assert_close(total_correlation(sentences, half).item(), (n - 1) * math.log(2), atol=1e-12, rtol=1e-9)


def test_independent_choices_cost_nothing() -> None:
    every = torch.tensor(list(itertools.product((0, 1), repeat=4)))
    p = torch.full((16,), 1 / 16, dtype=torch.float64)
    assert abs(total_correlation(every, p).item()) < 1e-12
    assert_close(kept(every, p).item(), 1.0)


def test_the_marginals_are_the_best_independent_places() -> None:
    """Minimised by gradients, the cross-entropy of a product ends at the sum of the marginal entropies."""
    sequences, p = some_worlds()[1]
    logits = torch.zeros(3, VOCAB, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([logits], max_iter=200, line_search_fn="strong_wolfe", tolerance_grad=1e-10)

    def loss() -> Tensor:
        optimizer.zero_grad()
        each = logits.log_softmax(1)[torch.arange(3), sequences].sum(1)
        value = -(p * each).sum()
        value.backward()
        return value

    optimizer.step(loss)
    assert_close(loss().item(), entropies(sequences, p)[0].sum().item(), atol=1e-6, rtol=1e-6)


def test_many_worlds_at_once() -> None:
    worlds = torch.randint(VOCAB, (4, 6, 3, 5), generator=training.rng(1))
    p = torch.tensor([0.5, 0.3, 0.2]).double()
    assert_close(total_correlation(worlds, p)[2, 3], total_correlation(worlds[2, 3], p))
    assert_close(kept(worlds, p)[1, 4], kept(worlds[1, 4], p))


def test_probabilities_must_be_probabilities() -> None:
    two = torch.tensor([[0, 1], [1, 0]])
    assert "summing to 1" in refusal(ValueError, lambda: entropies(two, torch.tensor([0.5, 0.6])))
    assert "summing to 1" in refusal(ValueError, lambda: entropies(two, torch.tensor([1.5, -0.5])))
