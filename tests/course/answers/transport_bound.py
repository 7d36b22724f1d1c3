"""Answers to ex-transport-bound: right ones, written differently, and wrong ones, each with a bug that people make."""

import torch


def right_by_maximum(cost, a, b, g):
    """min(c - g) = -max(g - c)."""
    return (b * g).sum() - (a * (g - cost).amax(dim=1)).sum()


def right_by_loop(cost, a, b, g):
    """Plain Python, row by row."""
    prices = g.tolist()
    total = sum(mass * price for mass, price in zip(b.tolist(), prices, strict=True))
    for mass, row in zip(a.tolist(), cost.tolist(), strict=True):
        total += mass * min(c - price for c, price in zip(row, prices, strict=True))
    return total


def right_from_any_f(cost, a, b, g):
    """Start from prices f that are far too low and raise each by the least slack it has."""
    f = torch.full_like(a, -1e3)
    slack = cost - f[:, None] - g
    return a @ (f + slack.min(dim=1).values) + b @ g


def wrong_maximum(cost, a, b, g):
    """The largest difference: prices that break almost every condition."""
    return a @ (cost - g).max(dim=1).values + b @ g


def wrong_sign(cost, a, b, g):
    """c + g in the minimum: the sign of a critic, f(x) - f(y), mixed with that of a pair, f + g."""
    return a @ (cost + g).min(dim=1).values + b @ g


def wrong_value_as_difference(cost, a, b, g):
    """E f - E g: right for one function, wrong for a pair."""
    return a @ (cost - g).min(dim=1).values - b @ g


def wrong_other_side_forgotten(cost, a, b, g):
    """Only the f are counted."""
    return a @ (cost - g).min(dim=1).values


def wrong_masses_ignored(cost, a, b, g):
    """Means instead of expectations."""
    return (cost - g).min(dim=1).values.mean() + g.mean()


def wrong_one_minimum_for_all(cost, a, b, g):
    """The axis is missing: one minimum over the whole matrix. A lower bound, but not from the best f."""
    return (cost - g).min() * a.sum() + b @ g


def wrong_axis(cost, a, b, g):
    """Minimum over the rows: one price for each column, then their mean for all rows."""
    return (cost - g).min(dim=0).values.mean() + b @ g


def wrong_mean(cost, a, b, g):
    """The mean over j in place of the minimum: independent coupling."""
    return a @ (cost - g).mean(dim=1) + b @ g


def wrong_clamped(cost, a, b, g):
    """A distance is never negative, so the bound is cut off at 0; but it may be negative."""
    return (a @ (cost - g).min(dim=1).values + b @ g).clamp_min(0.0)


def wrong_soft_minimum(cost, a, b, g):
    """The soft minimum of Sinkhorn's algorithm with epsilon = 0.1."""
    return a @ (-0.1 * torch.logsumexp((g - cost) / 0.1, dim=1)) + b @ g


def wrong_nearest(cost, a, b, g):
    """The price of going to the nearest place, without regard to g."""
    return a @ cost.min(dim=1).values


def wrong_independent(cost, a, b, g):
    """The price of the independent coupling: an upper bound."""
    return a @ cost @ b


def wrong_absolute(cost, a, b, g):
    """An absolute value in the conditions."""
    return a @ (cost - g).abs().min(dim=1).values + b @ g


def wrong_in_place(cost, a, b, g):
    """The prices are taken off the caller's own matrix."""
    cost -= g
    return a @ cost.min(dim=1).values + b @ g
