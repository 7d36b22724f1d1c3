"""Agreement of two sortings: against trying all orders, against scikit-learn, and at tables whose answer is known."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import permutations

import numpy as np
import pytest
import torch
from sklearn.metrics import mutual_info_score
from torch import Tensor
from torch.testing import assert_close

from genmodels.metrics import contingency, explained, matching, mutual_information, purity
from genmodels.training import rng
from mutants import mutants, refusal, rejects

Number = Callable[[Tensor], float]


def tables() -> list[Tensor]:
    """Counts, some zero, with groups of different sizes."""
    stream = rng(0)
    return [torch.poisson(torch.rand(4, 4, generator=stream) ** 3 * 30, generator=stream).long() for _ in range(12)]


# --- the table -------------------------------------------------------------------------------------------------------


def test_the_table_counts_pairs() -> None:
    group, kind = torch.tensor([0, 0, 1, 2, 2, 2]), torch.tensor([1, 1, 0, 3, 3, 0])
    expected = torch.tensor([[0, 2, 0, 0], [1, 0, 0, 0], [1, 0, 0, 2]])
    assert torch.equal(contingency(group, kind, groups=3, classes=4), expected)
    message = refusal(ValueError, lambda: contingency(group, kind[:5], groups=3, classes=4))
    assert "one of each" in message
    assert "0..2" in refusal(ValueError, lambda: contingency(group, kind, groups=3, classes=3))  # not in the next row


# --- matching --------------------------------------------------------------------------------------------------------


def check_matching(share: Number) -> None:
    """The best of all 24 namings, and at one table of which each shortcut makes something else."""
    for table in tables():
        every = [sum(int(table[i, k]) for i, k in enumerate(order)) for order in permutations(range(4))]
        assert_close(share(table), max(every) / table.sum().item())
    greedy_trap = torch.tensor([[10, 9], [9, 0]])
    assert_close(share(greedy_trap), 18 / 28)


def greedy(table: Tensor) -> float:
    """The largest entry first; what it takes is not given back."""
    rest, total = table.clone(), 0
    for _ in range(len(table)):
        i, k = divmod(int(rest.argmax()), rest.shape[1])
        total += int(table[i, k])
        rest[i], rest[:, k] = -1, -1
    return total / int(table.sum())


def diagonal(table: Tensor) -> float:
    """Cluster numbers taken for class numbers."""
    return (table.diagonal().sum() / table.sum()).item()


def over_groups(table: Tensor) -> float:
    """The mean over groups, whatever their sizes."""
    return float(np.mean([(row.max() / row.sum().clamp_min(1)).item() for row in table]))


@mutants({f.__name__: f for f in (greedy, diagonal, over_groups, purity)})
def test_matching_is_the_best_of_all_namings_rejects(mutant: Number) -> None:
    rejects(check_matching, mutant)


def test_matching_is_the_best_of_all_namings() -> None:
    check_matching(lambda table: matching(table).share)


def test_matching_names_each_group_by_a_class_of_its_own() -> None:
    order = torch.tensor([2, 0, 3, 1])
    table = torch.zeros(4, 4).index_put((torch.arange(4), order), torch.tensor(5.0))
    share, names = matching(table)
    assert share == 1
    assert torch.equal(names, order)
    assert "class of their own" in refusal(ValueError, lambda: matching(torch.ones(3, 2)))


# --- purity, and why it is never read alone --------------------------------------------------------------------------


def check_purity(share: Number) -> None:
    alike = torch.tensor([[1, 8, 1], [2, 16, 2], [1, 8, 1]])  # every group holds the same mixture
    assert_close(share(alike), 0.8)
    assert_close(share(torch.eye(3)), 1.0)
    assert_close(share(torch.tensor([[3, 3, 0], [0, 0, 6], [0, 0, 3]])), 12 / 15)


def test_purity() -> None:
    check_purity(purity)
    alike = torch.tensor([[1, 8, 1], [2, 16, 2], [1, 8, 1]])
    assert mutual_information(alike) < 1e-12, "groups that are all alike say nothing about classes"


@mutants(
    {
        "matching": lambda table: matching(table).share,
        "by columns": lambda table: purity(table.T),
        "over groups": over_groups,
    }
)
def test_purity_rejects(mutant: Number) -> None:
    rejects(check_purity, mutant)


# --- mutual information ----------------------------------------------------------------------------------------------


def check_information(information: Number) -> None:
    """Against scikit-learn, against two entropies, and where it is 0 or the whole entropy."""
    for table in tables():
        assert_close(information(table), mutual_info_score(None, None, contingency=table.numpy()), rtol=0, atol=1e-12)
    assert_close(information(torch.eye(10)[torch.randperm(10, generator=rng(1))]), math.log(10))
    weights = torch.rand(3, 1, generator=rng(2)) * torch.rand(1, 5, generator=rng(3))
    assert_close(information(weights), 0.0, rtol=0, atol=1e-7)
    assert_close(information(torch.tensor([[0.5, 0.25], [0.0, 0.25]])), 1.5 * math.log(2) - 0.75 * math.log(3))


def bits(table: Tensor) -> float:
    return mutual_information(table) / math.log(2)


def not_normalised(table: Tensor) -> float:
    p = table.double()
    q = p.sum(1, keepdim=True) * p.sum(0)
    return (torch.xlogy(p, p) - torch.xlogy(p, q)).sum().item()


def joint_entropy(table: Tensor) -> float:
    p = table.double() / table.sum()
    return -torch.xlogy(p, p).sum().item()


def guarded(table: Tensor) -> float:
    """A small number inside the logarithm instead of the limit 0 log 0 = 0."""
    p = table.double() / table.sum()
    return (p * (p / (p.sum(1, keepdim=True) * p.sum(0) + 1e-2) + 1e-2).log()).sum().item()


def with_uniform_groups(table: Tensor) -> float:
    p = table.double() / table.sum(dim=1, keepdim=True).clamp_min(1) / len(table)
    return mutual_information(p)


def normalised_by_entropy(table: Tensor) -> float:
    return mutual_information(table) / max(joint_entropy(table), 1e-9)


@mutants(
    {f.__name__: f for f in (bits, not_normalised, joint_entropy, guarded, with_uniform_groups, normalised_by_entropy)}
)
def test_mutual_information_rejects(mutant: Number) -> None:
    rejects(check_information, mutant)


def test_mutual_information() -> None:
    check_information(mutual_information)


def test_mutual_information_wants_a_table() -> None:
    for bad in (torch.zeros(2, 2), torch.tensor([[0.5, -0.1], [0.3, 0.3]])):
        assert "counts or probabilities" in refusal(ValueError, lambda bad=bad: mutual_information(bad))


def test_renumbering_groups_changes_nothing() -> None:
    table, order = tables()[0], torch.randperm(4, generator=rng(4))
    for number in (purity, mutual_information, lambda t: matching(t).share):
        assert_close(number(table[order]), number(table), rtol=0, atol=1e-12)
        assert_close(number(table[:, order]), number(table), rtol=0, atol=1e-12)


# --- the share of variance between groups ----------------------------------------------------------------------------

Share = Callable[[Tensor, Tensor], float]


def check_explained(share: Share) -> None:
    group = torch.tensor([0, 0, 1, 1, 1, 3])  # group 2 is empty
    assert_close(share(group, torch.tensor([4.0, 4, 7, 7, 7, -1])), 1.0)
    assert_close(share(group, torch.tensor([1.0, 3, 2, 1, 3, 2])), 0.0, rtol=0, atol=1e-12)
    # means 1 and 4 of 2 and 4 values, whole mean 3: between 2*4 + 4*1 = 12, within 2*1 + 4*1 = 6
    assert_close(share(torch.tensor([0, 0, 1, 1, 1, 1]), torch.tensor([0.0, 2, 3, 5, 3, 5])), 12 / 18)
    value = torch.randn(6, generator=rng(5))
    assert_close(share(group, 3 * value + 1e4), share(group, value), rtol=1e-3, atol=0)


def equal_weights(group: Tensor, value: Tensor) -> float:
    means = torch.stack([value[group == g].mean() for g in group.unique()])
    return (means.var(correction=0) / value.var(correction=0)).item()


def within(group: Tensor, value: Tensor) -> float:
    return 1 - explained(group, value)


def correlation(group: Tensor, value: Tensor) -> float:
    """The group's number taken for a quantity."""
    return float(np.corrcoef(group.numpy(), value.numpy())[0, 1] ** 2)


def root(group: Tensor, value: Tensor) -> float:
    return explained(group, value) ** 0.5


@mutants({f.__name__: f for f in (equal_weights, within, correlation, root)})
def test_explained_rejects(mutant: Share) -> None:
    rejects(check_explained, mutant)


def test_explained() -> None:
    check_explained(explained)
    assert "all numbers are equal" in refusal(
        ValueError, lambda: explained(torch.tensor([0, 1]), torch.tensor([2.0, 2.0]))
    )


@pytest.mark.parametrize("groups", [2, 10])
def test_random_groups_explain_about_as_much_as_there_are_of_them(groups: int) -> None:
    stream = rng(6)
    shares = [
        explained(torch.randint(groups, (200,), generator=stream), torch.randn(200, generator=stream))
        for _ in range(200)
    ]
    assert abs(np.mean(shares) - (groups - 1) / 199) < 0.005
