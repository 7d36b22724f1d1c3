"""Answers to ex-nonautoregressive-hide: right ones, and wrong ones, each with a bug that people make."""

import math

import torch


def right_by_rank(sure, t, T):
    """How many are lower than each one."""
    below = (sure[None] < sure[:, None]).sum(1)
    return (below < math.floor(len(sure) * (T - t) / T)).double()


def right_by_sorting(sure, t, T):
    """Plain Python."""
    count = len(sure) * (T - t) // T
    chosen = sorted(range(len(sure)), key=lambda i: sure[i].item())[:count]
    return torch.tensor([1.0 if i in chosen else 0.0 for i in range(len(sure))])


def right_by_topk(sure, t, T):
    """The smallest by topk."""
    out = torch.zeros_like(sure)
    return out.scatter(0, sure.topk(len(sure) * (T - t) // T, largest=False).indices, 1.0)


def _lowest(sure, count):
    count = max(0, min(int(count), len(sure)))
    return torch.zeros_like(sure).scatter(0, sure.argsort()[:count], 1.0)


def wrong_surest(sure, t, T):
    """The surest are hidden."""
    return _lowest(-sure, len(sure) * (T - t) // T)


def wrong_rounded_up(sure, t, T):
    """The number rounded up."""
    return _lowest(sure, -(-len(sure) * (T - t) // T))


def wrong_rounded(sure, t, T):
    """The number rounded to the nearest."""
    return _lowest(sure, round(len(sure) * (T - t) / T))


def wrong_next_pass(sure, t, T):
    """Counted from 1: what the next pass hides."""
    return _lowest(sure, len(sure) * (T - t - 1) // T)


def wrong_growing(sure, t, T):
    """n t / T: as many as should be kept are hidden."""
    return _lowest(sure, len(sure) * t // T)


def wrong_kept(sure, t, T):
    """1 where a place is kept."""
    return 1.0 - _lowest(sure, len(sure) * (T - t) // T)


def wrong_at_least_one(sure, t, T):
    """At least one place is hidden, also where the formula says none."""
    return _lowest(sure, max(1, len(sure) * (T - t) // T))


def wrong_threshold(sure, t, T):
    """All below a probability that falls from pass to pass, however many they are."""
    return (sure < (T - t) / T).double()


def wrong_leftmost(sure, t, T):
    """The first places instead of the least certain ones."""
    return (torch.arange(len(sure)) < len(sure) * (T - t) // T).double()


def wrong_rightmost(sure, t, T):
    """What is still to the right is hidden, as if it were written from left to right."""
    return (torch.arange(len(sure)) >= len(sure) - len(sure) * (T - t) // T).double()


def wrong_half(sure, t, T):
    """Half as many in every pass, whatever T."""
    return _lowest(sure, len(sure) // 2 ** int(t))


def wrong_fixed_share(sure, t, T):
    """n / T in every pass, except in the first."""
    return _lowest(sure, len(sure) if t == 0 else len(sure) // T)


def wrong_indices(sure, t, T):
    """Ranks mistaken for positions: argsort once, where it takes two."""
    return (sure.argsort() < len(sure) * (T - t) // T).double()
