"""Answers to ex-bigan-ratio: right ones, written differently, and wrong ones, each with a bug that people make."""

import math

import torch


def parts(x, again):
    distance = (x[:, None] - again[None]).norm(dim=2)
    off = ~torch.eye(len(x), dtype=torch.bool)
    return distance, off


def right_by_mask(x, again):
    """Diagonal and the rest, picked by a mask."""
    distance, off = parts(x, again)
    return distance[~off].mean() / distance[off].mean()


def right_by_rolling(x, again):
    """Every shift of the reconstructions by 1 to n - 1 rows."""
    own = (x - again).norm(dim=1).mean()
    others = [(x - again.roll(k, 0)).norm(dim=1).mean() for k in range(1, len(x))]
    return own / torch.stack(others).mean()


def right_by_loop(x, again):
    """Plain Python."""
    a, b = x.tolist(), again.tolist()
    n = len(a)
    own = sum(math.dist(a[i], b[i]) for i in range(n)) / n
    return own / (sum(math.dist(a[i], b[j]) for i in range(n) for j in range(n) if i != j) / (n * (n - 1)))


def wrong_with_diagonal(x, again):
    """The standard contains the right pairs as well."""
    distance, off = parts(x, again)
    return distance[~off].mean() / distance.mean()


def wrong_squared(x, again):
    """Squared distances."""
    distance, off = parts(x, again)
    return distance[~off].square().mean() / distance[off].square().mean()


def wrong_root_mean_square(x, again):
    """Root mean squares instead of means."""
    return wrong_squared(x, again).sqrt()


def wrong_between_samples(x, again):
    """The standard is taken between samples, x_i and x_j: it no longer sees the reconstructions."""
    distance, off = parts(x, again)
    return distance[~off].mean() / parts(x, x)[0][off].mean()


def wrong_between_reconstructions(x, again):
    """The standard is taken between reconstructions; constant ones would give 0, which is guarded."""
    distance, off = parts(x, again)
    return distance[~off].mean() / parts(again, again)[0][off].mean().clamp_min(1e-6)


def wrong_mean_of_ratios(x, again):
    """The mean of each row's ratio, not the ratio of the means."""
    distance, _ = parts(x, again)
    own, n = distance.diagonal(), len(x)
    return (own / ((distance.sum(dim=1) - own) / (n - 1))).mean()


def wrong_one_shift(x, again):
    """One fixed shift stands for all other pairs."""
    return (x - again).norm(dim=1).mean() / (x - again.roll(1, 0)).norm(dim=1).mean()


def wrong_city_block(x, again):
    """Sums of absolute differences; a difference only where there is more than one number per row."""
    distance = (x[:, None] - again[None]).abs().sum(dim=2)
    _, off = parts(x, again)
    return distance[~off].mean() / distance[off].mean()


def wrong_upside_down(x, again):
    """The reciprocal, guarded against a perfect reconstruction."""
    return 1 / right_by_mask(x, again).clamp_min(1e-9)


def wrong_count(x, again):
    """The sum over i != j divided by n squared."""
    n = len(x)
    return right_by_mask(x, again) * n / (n - 1)


def wrong_per_column(x, again):
    """Norms along the wrong axis: over the batch instead of over the numbers of a row."""
    distance = (x - again).norm(dim=0).mean()
    return distance / parts(x, again)[0][parts(x, again)[1]].mean()
