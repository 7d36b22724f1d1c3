"""Answers to ex-infogan-matching: right ones, written differently, and wrong ones, each with a bug that people make."""

from itertools import combinations, permutations

import torch
from scipy.optimize import linear_sum_assignment


def right_by_assignment(counts):
    """The assignment problem, solved by scipy."""
    i, j = linear_sum_assignment(counts.numpy(), maximize=True)
    return torch.stack([counts.amax(dim=1).sum(), counts[i, j].sum()]) / counts.sum()


def right_by_recursion(counts):
    """Name the first category in every possible way, then the rest."""

    def best(rows, free):
        return max((rows[0][j] + best(rows[1:], free - {j}) for j in free), default=0.0) if rows else 0.0

    rows = counts.tolist()
    matched = best(rows, frozenset(range(len(rows))))
    return torch.tensor([sum(map(max, rows)), matched], dtype=torch.float64) / counts.sum()


def right_by_transpose(counts):
    """Name the classes by categories: the same matching, read the other way."""
    k = len(counts)
    matched = max(sum(float(counts[names[j], j]) for j in range(k)) for names in permutations(range(k)))
    return torch.tensor([float(counts.max(dim=1).values.sum()), matched], dtype=torch.float64) / float(counts.sum())


def _shares(counts, pure, matched):
    return torch.stack([torch.as_tensor(v, dtype=torch.float64) for v in (pure, matched)]) / counts.sum()


def wrong_greedy(counts):
    """The largest cell first; a name once taken is not given back."""
    rest, total = counts.clone(), 0.0
    for _ in range(len(counts)):
        i, j = divmod(int(rest.argmax()), len(counts))
        total += float(counts[i, j])
        rest[i], rest[:, j] = -1.0, -1.0
    return _shares(counts, counts.amax(1).sum(), total)


def wrong_row_by_row(counts):
    """Each category in turn takes its best class that is left."""
    rest, total = counts.clone(), 0.0
    for row in rest:
        j = int(row.argmax())
        total += float(row[j])
        rest[:, j] = -1.0
    return _shares(counts, counts.amax(1).sum(), total)


def wrong_pairwise_exchange(counts):
    """From the diagonal on, two names are exchanged as long as that helps: it may stop short of the best."""
    names, pairs = list(range(len(counts))), list(combinations(range(len(counts)), 2))
    better = True
    while better:
        better = False
        for i, j in pairs:
            now = counts[i, names[i]] + counts[j, names[j]]
            if counts[i, names[j]] + counts[j, names[i]] > now:
                names[i], names[j], better = names[j], names[i], True
    return _shares(counts, counts.amax(1).sum(), counts[range(len(counts)), names].sum())


def wrong_diagonal(counts):
    """Category numbers taken for class numbers."""
    return _shares(counts, counts.amax(1).sum(), counts.diagonal().sum())


def wrong_purity_twice(counts):
    """The same name may be given twice in the second number as well."""
    return _shares(counts, counts.amax(1).sum(), counts.amax(1).sum())


def wrong_columns(counts):
    """Purity of the classes: the largest entry of each column."""
    return right_by_assignment(counts.T)


def wrong_order(counts):
    """The two numbers exchanged."""
    return right_by_assignment(counts).flip(0)


def wrong_mean_over_categories(counts):
    """Every category weighs the same, however few samples it has."""
    inside = counts / counts.sum(dim=1, keepdim=True).clamp_min(1)
    return right_by_assignment(inside)


def wrong_number_of_categories(counts):
    """How many categories found their best class, over k, where samples are to be counted."""
    i, j = linear_sum_assignment(counts.numpy(), maximize=True)
    own = (counts[i, j] == counts.amax(dim=1)).double().mean()
    return torch.stack([counts.amax(dim=1).sum() / counts.sum(), own])


def wrong_minimised(counts):
    """scipy's assignment minimises unless it is told to maximise."""
    i, j = linear_sum_assignment(counts.numpy())
    return torch.stack([counts.amax(dim=1).sum(), counts[i, j].sum()]) / counts.sum()


def wrong_cyclic(counts):
    """Only the k renumberings that add a constant are tried."""
    k = len(counts)
    rows = torch.arange(k)
    matched = max(float(counts[rows, (rows + shift) % k].sum()) for shift in range(k))
    return _shares(counts, counts.amax(1).sum(), matched)


def wrong_counts(counts):
    """Numbers of samples, not shares."""
    return right_by_assignment(counts) * counts.sum()
