"""Answers to ex-robustness-coverage: right ones, written differently, and wrong ones, each with a common bug."""

import math

import torch


def right_by_cdist(x, centres, std, radius, share):
    """Distances by cdist, hits by bincount."""
    distance, nearest = torch.cdist(x, centres).min(dim=1)
    good = distance <= radius * std
    hits = torch.bincount(nearest[good], minlength=len(centres))
    return [int((hits >= share * len(x)).sum()), good.double().mean().item()]


def right_by_squares(x, centres, std, radius, share):
    """Squared distances against the squared radius, hits from a one-hot table."""
    square = (x[:, None] - centres[None]).square().sum(-1)
    good = square.min(dim=1).values <= (radius * std) ** 2
    table = torch.nn.functional.one_hot(square.argmin(dim=1), len(centres))[good]
    return torch.stack([(table.sum(0) >= share * x.shape[0]).sum().double(), good.double().mean()])


def right_by_loop(x, centres, std, radius, share):
    """Plain Python, sample by sample."""
    hits = [0] * len(centres)
    for a, b in x.tolist():
        distances = [math.hypot(a - c, b - d) for c, d in centres.tolist()]
        if min(distances) <= radius * std:
            hits[distances.index(min(distances))] += 1
    return sum(h >= share * len(x) for h in hits), sum(hits) / len(x)


def _parts(x, centres):
    return torch.cdist(x, centres).min(dim=1)


def _hits(nearest, good, centres):
    return torch.bincount(nearest[good], minlength=len(centres))


def wrong_any_hit(x, centres, std, radius, share):
    """One lucky sample makes a mode reached; the share is never used."""
    distance, nearest = _parts(x, centres)
    good = distance <= radius * std
    return (_hits(nearest, good, centres) > 0).sum(), good.double().mean()


def wrong_bad_ones_hit(x, centres, std, radius, share):
    """Every sample counts for its nearest mode, however far away it is."""
    distance, nearest = _parts(x, centres)
    hits = torch.bincount(nearest, minlength=len(centres))
    return (hits >= share * len(x)).sum(), (distance <= radius * std).double().mean()


def wrong_share_of_the_good(x, centres, std, radius, share):
    """The share is of the good samples, not of all."""
    distance, nearest = _parts(x, centres)
    good = distance <= radius * std
    return (_hits(nearest, good, centres) >= share * good.sum()).sum(), good.double().mean()


def wrong_squared_distance(x, centres, std, radius, share):
    """Squared distances against a radius that is not squared."""
    distance, nearest = _parts(x, centres)
    good = distance.square() <= radius * std
    return (_hits(nearest, good, centres) >= share * len(x)).sum(), good.double().mean()


def wrong_variance(x, centres, std, radius, share):
    """The standard deviation is taken for the variance."""
    distance, nearest = _parts(x, centres)
    good = distance <= radius * std**2
    return (_hits(nearest, good, centres) >= share * len(x)).sum(), good.double().mean()


def wrong_box(x, centres, std, radius, share):
    """Largest coordinate instead of the Euclidean distance: a square around each mode."""
    distance, nearest = torch.cdist(x, centres, p=torch.inf).min(dim=1)
    good = distance <= radius * std
    return (_hits(nearest, good, centres) >= share * len(x)).sum(), good.double().mean()


def wrong_counted_twice(x, centres, std, radius, share):
    """A sample near two modes counts for both, and twice as a good one."""
    near = torch.cdist(x, centres) <= radius * std
    return (near.sum(0) >= share * len(x)).sum(), near.double().sum() / len(x)


def wrong_percent(x, centres, std, radius, share):
    """The quality in percent."""
    modes, quality = right_by_cdist(x, centres, std, radius, share)
    return modes, 100 * quality


def wrong_share_of_modes(x, centres, std, radius, share):
    """The second number is the share of modes, not of samples."""
    modes, _ = right_by_cdist(x, centres, std, radius, share)
    return modes, modes / len(centres)


def wrong_strict(x, centres, std, radius, share):
    """More than the share instead of at least: a mode with exactly enough samples is lost."""
    distance, nearest = _parts(x, centres)
    good = distance <= radius * std
    return (_hits(nearest, good, centres) > share * len(x)).sum(), good.double().mean()


def wrong_bad_share(x, centres, std, radius, share):
    """The share of bad samples."""
    modes, quality = right_by_cdist(x, centres, std, radius, share)
    return modes, 1 - quality
