"""Answers to ex-lipschitz-slope: right ones, written differently, and wrong ones, each with a bug that people make."""

import math

import torch


def right_by_pairs(x, values):
    """Every pair once, by index."""
    i, j = torch.triu_indices(len(x), len(x), 1)
    return ((values[i] - values[j]).abs() / (x[i] - x[j]).norm(dim=1)).max()


def right_by_loop(x, values):
    """Plain Python; returns a float."""
    points, scores = x.tolist(), values.tolist()
    return max(
        abs(scores[i] - scores[j]) / math.dist(points[i], points[j]) for i in range(len(points)) for j in range(i)
    )


def right_by_pdist(x, values):
    """Both distances from torch's pdist; in one dimension it is the absolute difference."""
    return (torch.pdist(values[:, None]) / torch.pdist(x)).max()


def right_without_abs(x, values):
    """Over ordered pairs no absolute value is needed: of the two orders one is positive."""
    rise = values[:, None] - values
    run = (x[:, None] - x).square().sum(-1).sqrt()
    return (rise / (run + torch.diag(torch.full((len(x),), torch.inf, dtype=x.dtype)))).max()


def _all(x, values):
    i, j = torch.triu_indices(len(x), len(x), 1)
    return (values[i] - values[j]).abs(), (x[i] - x[j])


def wrong_squared_distance(x, values):
    """The square root is missing: sum of squares instead of the norm."""
    rise, run = _all(x, values)
    return (rise / run.square().sum(1)).max()


def wrong_squared_slope(x, values):
    """The square of the slope, as for the penalty."""
    return right_by_pairs(x, values) ** 2


def wrong_manhattan(x, values):
    """Sums of absolute differences: another metric."""
    rise, run = _all(x, values)
    return (rise / run.abs().sum(1)).max()


def wrong_largest_coordinate(x, values):
    """The distance of the coordinate that differs most, and of only that."""
    rise, run = _all(x, values)
    return (rise / run.abs().max(1).values).max()


def wrong_sign(x, values):
    """Signed slopes of pairs i < j: a table that falls is called flat or negative."""
    i, j = torch.triu_indices(len(x), len(x), 1)
    return ((values[j] - values[i]) / (x[i] - x[j]).norm(dim=1)).max()


def wrong_neighbours_in_order(x, values):
    """Only rows that follow each other in the list."""
    return (values.diff().abs() / x.diff(dim=0).norm(dim=1)).max()


def wrong_from_the_first(x, values):
    """Only pairs with the first point."""
    return ((values[1:] - values[0]).abs() / (x[1:] - x[0]).norm(dim=1)).max()


def wrong_mean(x, values):
    """The mean slope: most pairs are flatter than the steepest."""
    rise, run = _all(x, values)
    return (rise / run.norm(dim=1)).mean()


def wrong_ratio_of_extremes(x, values):
    """The largest rise over the largest distance, which belong to different pairs."""
    rise, run = _all(x, values)
    return rise.max() / run.norm(dim=1).max()


def wrong_largest_rise(x, values):
    """The pair that differs most in value, not in slope."""
    rise, run = _all(x, values)
    return (rise / run.norm(dim=1))[rise.argmax()]


def wrong_smallest(x, values):
    """The flattest pair."""
    rise, run = _all(x, values)
    return (rise / run.norm(dim=1)).min()


def wrong_epsilon(x, values):
    """A small number in the denominator against division by zero: near points lose their slope."""
    rise, run = _all(x, values)
    return (rise / (run.norm(dim=1) + 1e-2)).max()


def wrong_first_coordinate(x, values):
    """The distance in the first coordinate alone, as on the line."""
    rise, run = _all(x, values)
    return (rise / run[:, 0].abs()).max()


def wrong_whole_norm(x, values):
    """One norm over all differences together (torchgan took the norm over the whole batch)."""
    rise, run = _all(x, values)
    return (rise / run.norm()).max()
