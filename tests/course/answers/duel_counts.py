"""Answers to ex-duel-counts: right ones, written differently, and wrong ones, each with a bug that people make."""

import torch


def right_with_one_more_outcome(p, counts, outside):
    """The impossible sentences as one more row of both tables."""
    zero = torch.zeros(1, dtype=p.dtype)
    p, counts = torch.cat([p, zero]), torch.cat([counts, zero + outside])
    return 0.5 * (p - counts / counts.sum()).abs().sum()


def right_by_excess(p, counts, outside):
    """What the true table has more than the samples; the impossible ones have no excess."""
    return (p - counts / (counts.sum() + outside)).clamp(min=0).sum()


def right_by_overlap(p, counts, outside):
    """One minus what the two have in common."""
    return 1 - torch.minimum(p, counts / (counts.sum() + outside)).sum()


def right_by_loop(p, counts, outside):
    """Plain Python; returns a float."""
    n = sum(counts.tolist()) + float(outside)
    return (sum(abs(a - c / n) for a, c in zip(p.tolist(), counts.tolist(), strict=True)) + float(outside) / n) / 2


def wrong_outside_dropped(p, counts, outside):
    """Impossible samples are thrown away before counting: a model that stammers is never charged."""
    return 0.5 * (p - counts / counts.sum().clamp(min=1)).abs().sum()


def wrong_outside_not_summed(p, counts, outside):
    """They count in n and their own term is forgotten."""
    return 0.5 * (p - counts / (counts.sum() + outside)).abs().sum()


def wrong_outside_not_halved(p, counts, outside):
    """The share of impossible samples is added whole."""
    n = counts.sum() + outside
    return 0.5 * (p - counts / n).abs().sum() + outside / n


def wrong_added_to_renormalised(p, counts, outside):
    """The distance of the possible ones among themselves, plus half the share of the rest."""
    n = counts.sum() + outside
    return 0.5 * (p - counts / counts.sum().clamp(min=1)).abs().sum() + 0.5 * outside / n


def wrong_no_half(p, counts, outside):
    """The sum of absolute differences, between 0 and 2."""
    return 2 * right_by_excess(p, counts, outside)


def wrong_squares(p, counts, outside):
    """Squares where absolute values are meant."""
    n = counts.sum() + outside
    return 0.5 * ((p - counts / n).square().sum() + (outside / n) ** 2)


def wrong_largest(p, counts, outside):
    """The largest error of one sentence, not of an event, which may be many sentences."""
    n = counts.sum() + outside
    return max((p - counts / n).abs().max().item(), float(outside / n))


def wrong_no_absolute(p, counts, outside):
    """Signed differences, which cancel."""
    n = counts.sum() + outside
    return 0.5 * (p - counts / n).sum() + 0.5 * outside / n


def wrong_seen_only(p, counts, outside):
    """The sum runs over the sentences that were seen; what the model never says is free."""
    n = counts.sum() + outside
    return 0.5 * ((p - counts / n).abs()[counts > 0].sum() + outside / n)


def wrong_mean(p, counts, outside):
    """A mean over the sentences."""
    return right_by_excess(p, counts, outside) / len(p)


def wrong_one_outside_per_table(p, counts, outside):
    """One is counted for all impossible samples, as if they were one sentence seen once."""
    return right_by_excess(p, counts, min(outside, 1.0))
