"""Answers to ex-transport-histograms: right ones, written differently, and wrong ones with bugs that people make."""

import torch


def right_by_loop(x, p, q):
    """Carry the surplus from place to place; what crosses a gap is paid for its length."""
    places, surplus, total = x.tolist(), 0.0, 0.0
    for i in range(len(places) - 1):
        surplus += p[i].item() - q[i].item()
        total += abs(surplus) * (places[i + 1] - places[i])
    return total


def right_by_tails(x, p, q):
    """The same area from the right: 1 - F against 1 - G."""
    tails = (p - q).flip(0).cumsum(0).flip(0)[1:]
    return (tails.abs() * (x[1:] - x[:-1])).sum()


def right_by_quantiles(x, p, q):
    """The integral of |F^-1(u) - G^-1(u)| over the common steps of both."""
    F, G = p.cumsum(0), q.cumsum(0)
    u = torch.cat([F, G]).sort().values
    width = u.diff(prepend=u.new_zeros(1))
    middle = u - width / 2
    last = len(x) - 1
    there, back = (x[torch.searchsorted(H, middle).clamp(max=last)] for H in (F, G))
    return (width * (there - back).abs()).sum()


def right_by_two_pointers(x, p, q):
    """The monotone plan, move by move."""
    left, want, places, i, j, total = p.tolist(), q.tolist(), x.tolist(), 0, 0, 0.0
    while i < len(left) and j < len(want):
        moved = min(left[i], want[j])
        total += moved * abs(places[i] - places[j])
        left[i] -= moved
        want[j] -= moved
        if left[i] <= want[j]:
            i += 1
        else:
            j += 1
    return total


def wrong_heights_as_places(x, p, q):
    """The masses are handed over as if they were the samples (scipy/scipy, issues 9152 and 15832)."""
    return (p.sort().values - q.sort().values).abs().mean()


def wrong_unit_spacing(x, p, q):
    """The gaps are forgotten: places are assumed to be 1 apart."""
    return (p - q).cumsum(0)[:-1].abs().sum()


def wrong_mean_spacing(x, p, q):
    """One gap for all: the mean one."""
    gap = (x[-1] - x[0]) / max(len(x) - 1, 1)
    return (p - q).cumsum(0)[:-1].abs().sum() * gap


def wrong_total_variation(x, p, q):
    """Place by place, without accumulating: how much has to move, not how far."""
    return (p - q).abs().sum() / 2


def wrong_difference_of_means(x, p, q):
    """|E x - E y|: what goes left and what goes right cancel."""
    return (x @ (p - q)).abs()


def wrong_no_absolute_value(x, p, q):
    """The signed area between the distribution functions."""
    return ((p - q).cumsum(0)[:-1] * x.diff()).sum()


def wrong_squared(x, p, q):
    """The Cramer distance: the area of (F - G)^2, and its root."""
    return ((p - q).cumsum(0)[:-1].square() * x.diff()).sum().sqrt()


def wrong_maximum(x, p, q):
    """The Kolmogorov-Smirnov statistic: the largest |F - G|."""
    return (p - q).cumsum(0).abs().max()


def wrong_mean(x, p, q):
    """A mean over the gaps instead of a sum."""
    crossing = (p - q).cumsum(0)[:-1].abs() * x.diff()
    return crossing.mean() if len(crossing) else crossing.sum()


def wrong_gap_shifted(x, p, q):
    """F at the right end of each gap: off by one."""
    return ((p - q).cumsum(0)[1:].abs() * x.diff()).sum()


def wrong_independent(x, p, q):
    """E |x - y| of independent x and y: a plan, but not the cheapest."""
    return p @ (x[:, None] - x).abs() @ q


def wrong_second_order(x, p, q):
    """W2: squares on the way, a root at the end."""
    F, G = p.cumsum(0), q.cumsum(0)
    u = torch.cat([F, G]).sort().values
    width = u.diff(prepend=u.new_zeros(1))
    there, back = (x[torch.searchsorted(H, u - width / 2).clamp(max=len(x) - 1)] for H in (F, G))
    return (width * (there - back).square()).sum().sqrt()
