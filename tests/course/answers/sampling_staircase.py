"""Answers to ex-sampling-staircase: right ones, and wrong ones with bugs that people make."""

import torch


def right_by_searchsorted(u, weights):
    """Binary search, with a number on a boundary in the next interval."""
    ends = weights.cumsum(dim=0)
    return torch.searchsorted(ends, u * ends[-1], right=True)


def right_by_loop(u, weights):
    """One number after the other, walking up the stairs."""
    found = []
    for number in u:
        left, thing = number * weights.sum(), 0
        while left >= weights[thing]:
            left, thing = left - weights[thing], thing + 1
        found.append(thing)
    return torch.tensor(found)


def right_by_intervals(u, weights):
    """Which of the half-open intervals holds the number."""
    ends = weights.cumsum(dim=0)
    at = (u * ends[-1])[:, None]
    return (((ends - weights) <= at) & (at < ends)).double().argmax(dim=1)


def _search(u, ends, *, right=True):
    return torch.searchsorted(ends.contiguous(), u.contiguous(), right=right).clamp(0, len(ends) - 1)


def wrong_side(u, weights):
    """The default side of searchsorted: u on a boundary draws the thing below, and u = 0 an empty one."""
    ends = weights.cumsum(dim=0)
    return _search(u * ends[-1], ends, right=False)


def wrong_not_normalised(u, weights):
    """The numbers compared with sums that do not end at 1."""
    return _search(u, weights.cumsum(dim=0))


def wrong_softmax(u, weights):
    """The weights taken for logits."""
    return _search(u, weights.softmax(dim=0).cumsum(dim=0))


def wrong_one_too_far(u, weights):
    """Counting from 1."""
    return right_by_searchsorted(u, weights) + 1


def wrong_one_too_near(u, weights):
    """The start of the interval instead of its end."""
    return (right_by_searchsorted(u, weights) - 1).clamp_min(0)


def wrong_no_cumsum(u, weights):
    """The first thing whose own probability exceeds u: the sum is missing."""
    p = weights / weights.sum()
    return (p > u[:, None]).double().argmax(dim=1)


def wrong_from_the_top(u, weights):
    """1 - u: a sample of the same distribution, and another function of u."""
    return right_by_searchsorted((1 - u).clamp_max(1 - 1e-12), weights)


def wrong_sorted_weights(u, weights):
    """The weights sorted first, for speed, and the order never put back."""
    return right_by_searchsorted(u, weights.sort(descending=True).values)


def wrong_nearest_end(u, weights):
    """The nearest boundary instead of the interval."""
    ends = weights.cumsum(dim=0) / weights.sum()
    return (ends - u[:, None]).abs().argmin(dim=1)


def wrong_uniform_things(u, weights):
    """The weights forgotten: floor(u k)."""
    return (u * len(weights)).floor()


def wrong_argmax_noise(u, weights):
    """An argmax of weights plus the number, the same number for each thing: always the most probable."""
    return (weights + u[:, None]).argmax(dim=1)


def wrong_nonzero_only(u, weights):
    """Empty things dropped before, so that the numbers of the others shift."""
    return right_by_searchsorted(u, torch.cat([weights[weights > 0], weights.new_zeros(0)])) + 0 * (weights > 0).sum()


def wrong_last_sum(u, weights):
    """Divided by the largest weight instead of their sum."""
    return _search(u, weights.cumsum(dim=0) / weights.max())
