r"""How far two ways of sorting the same things agree, where nobody gave the groups of one of them their names.

A table counts how often group i meets class j. What is measured on it does not change when groups are renumbered.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from scipy.optimize import linear_sum_assignment
from torch import Tensor

Table = Int[Tensor, "groups classes"] | Float[Tensor, "groups classes"]


def contingency(
    group: Int[Tensor, " n"], kind: Int[Tensor, " m"], *, groups: int, classes: int
) -> Int[Tensor, "groups classes"]:
    """How often each group meets each class, for n things that have one of each.

    Raises
    ------
    ValueError
        If the two say something about different numbers of things, or a number is none of a group or class.
    """
    if group.shape != kind.shape:
        raise ValueError(f"{len(group)} groups and {len(kind)} classes were given: give one of each for every thing.")
    if bool(((group < 0) | (group >= groups) | (kind < 0) | (kind >= classes)).any()):
        raise ValueError(f"numbers of groups must lie in 0..{groups - 1} and of classes in 0..{classes - 1}.")
    return torch.bincount(group * classes + kind, minlength=groups * classes).reshape(groups, classes)


class Matching(NamedTuple):
    """The share of things that a one-to-one naming gets right (0 to 1), and the class that names each group."""

    share: float
    names: Int[Tensor, " groups"]


def matching(table: Table) -> Matching:
    """Name each group by a class of its own so that as many things as possible are named right: an assignment problem.

    Chance is above one over the number of classes, the more the fewer things there are (ten classes: 0.32 for 50
    things, 0.13 for 1,800): shuffle the groups to see it. Solved exactly, in cubic time, where trying all orders of
    ten groups takes 3,628,800 trials.

    Raises
    ------
    ValueError
        If there are more groups than classes: some would be left without a name.
    """
    if table.shape[0] > table.shape[1]:
        raise ValueError(f"{table.shape[0]} groups cannot each have a class of their own out of {table.shape[1]}.")
    group, kind = (torch.from_numpy(index) for index in linear_sum_assignment(table.numpy(), maximize=True))
    return Matching((table[group, kind].sum() / table.sum()).item(), kind)


def purity(table: Table) -> float:
    """The share named right if every group is named by its most frequent class, whether or not another has that name.

    It is at least the share of the largest class: groups that all hold the same mixture are not told from good ones
    if one class is frequent. Never read it alone.
    """
    return (table.max(dim=1).values.sum() / table.sum()).item()


def mutual_information(table: Table) -> float:
    r""":math:`I=\sum_{ij}p_{ij}\log\frac{p_{ij}}{p_ip_j}` in nats, for counts or probabilities; :math:`0\log0=0`.

    Of counts it is a plug-in estimate, too high by about :math:`(k-1)(l-1)/2n` for n things in a k by l table.

    Raises
    ------
    ValueError
        If an entry is negative or the table is empty.
    """
    if bool((table < 0).any()) or table.sum() <= 0:
        raise ValueError("a table of counts or probabilities has no negative entry and is not empty; count again.")
    p = table.double() / table.sum()
    independent = p.sum(dim=1, keepdim=True) * p.sum(dim=0, keepdim=True)
    return (torch.xlogy(p, p) - torch.xlogy(p, independent)).sum().item()


def explained(group: Int[Tensor, " n"], value: Float[Tensor, " n"]) -> float:
    r"""The share of a number's variance that lies between groups, :math:`\eta^2=\operatorname{Var}\mathbb E[v\mid
    g]/\operatorname{Var}v`: 0 if the means are equal, 1 if the group decides the number.

    Between groups of random members it is not 0 but about (groups - 1) / (n - 1).

    Raises
    ------
    ValueError
        If all numbers are equal: there is nothing to explain.
    """
    value = value.double()
    whole = (value - value.mean()).square().sum()
    if whole == 0:
        raise ValueError("all numbers are equal, so no share of their variance can be explained: measure another one.")
    size = torch.bincount(group)
    mean = torch.bincount(group, weights=value) / size.clamp_min(1)
    return ((size * (mean - value.mean()).square()).sum() / whole).item()
