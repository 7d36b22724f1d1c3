"""Answers to ex-infogan-information: right ones, written differently, and wrong ones, with bugs that people make."""

import math

import torch


def right_by_entropies(counts):
    """H(group) + H(class) - H(both), each skipping what never happens."""

    def entropy(p):
        return -torch.special.xlogy(p, p).sum()

    p = counts / counts.sum()
    return entropy(p.sum(1)) + entropy(p.sum(0)) - entropy(p)


def right_by_loop(counts):
    """Plain Python, one cell after the other; returns a float."""
    n = float(counts.sum())
    rows, columns = counts.sum(1).tolist(), counts.sum(0).tolist()
    total = 0.0
    for row, r in zip(counts.tolist(), rows, strict=True):
        for value, c in zip(row, columns, strict=True):
            if value > 0:
                total += value / n * math.log(value * n / (r * c))
    return total


def right_by_divergences(counts):
    """The mean over groups of KL(p(class | group) || p(class)), empty groups left out."""
    p = counts / counts.sum()
    kept = p[p.sum(1) > 0]
    weight, marginal = kept.sum(1), p.sum(0)
    inside = kept / weight[:, None]
    ratio = torch.where(inside > 0, inside / marginal.clamp_min(1e-300), 1.0)
    return (weight * (inside * ratio.log()).sum(1)).sum()


def wrong_nan_at_zeros(counts):
    """0 log 0 is nan, replaced in the sum of all: one empty cell makes the whole answer 0."""
    p = counts / counts.sum()
    value = (p * (p / (p.sum(1, keepdim=True) * p.sum(0))).log()).sum()
    return value.nan_to_num()


def wrong_bits(counts):
    """In bits: a logarithm to base two."""
    return right_by_entropies(counts) / math.log(2)


def wrong_not_normalised(counts):
    """Counts put into the formula as if they were probabilities."""
    q = counts.sum(1, keepdim=True) * counts.sum(0)
    return (torch.xlogy(counts, counts) - torch.xlogy(counts, q)).sum()


def wrong_joint_entropy(counts):
    """The entropy of the table."""
    p = counts / counts.sum()
    return -torch.xlogy(p, p).sum()


def wrong_conditional_entropy(counts):
    """H(class | group): what is left, not what is shared."""
    p = counts / counts.sum()
    return -(torch.xlogy(p, p) - torch.xlogy(p, p.sum(1, keepdim=True))).sum()


def wrong_smoothed(counts):
    """A hundredth added to every cell against log 0, and left in the result."""
    return right_by_entropies(counts + 0.01 * counts.sum())


def wrong_rows_normalised(counts):
    """Every group counts the same, however few are in it."""
    p = counts / counts.sum(1, keepdim=True).clamp_min(1)
    return right_by_entropies(p)


def wrong_reversed_divergence(counts):
    """KL of the product against the table: the arguments in the other order."""
    p = counts / counts.sum()
    q = p.sum(1, keepdim=True) * p.sum(0)
    return (torch.xlogy(q, q) - torch.xlogy(q, p.clamp_min(1e-12))).sum()


def wrong_normalised(counts):
    """Divided by the larger entropy, as some libraries' scores are: a number between 0 and 1, not nats."""
    p = counts / counts.sum()
    h = max(-torch.xlogy(m, m).sum() for m in (p.sum(0), p.sum(1)))
    return right_by_entropies(counts) / (h + 1e-12)


def wrong_one_marginal(counts):
    """Only the class's marginal in the denominator."""
    p = counts / counts.sum()
    return (torch.xlogy(p, p) - torch.xlogy(p, p.sum(0))).sum()


def wrong_mean_over_cells(counts):
    """A mean over the cells; the table already holds the weights."""
    p = counts / counts.sum()
    q = p.sum(1, keepdim=True) * p.sum(0)
    return (torch.xlogy(p, p) - torch.xlogy(p, q)).mean()
