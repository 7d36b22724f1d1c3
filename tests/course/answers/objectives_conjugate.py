"""Answers to ex-objectives-conjugate: right ones, written differently, and wrong ones, with bugs that people make."""

import torch


def right_by_pieces(t, largest):
    """Three pieces: -1 up to t = -2, the parabola, and a line from t = 2 (U - 1) on."""
    line = largest * t - (largest - 1) ** 2
    inside = torch.where(t <= 2 * (largest - 1), t + t**2 / 4, line)
    return torch.where(t < -2, -torch.ones_like(t), inside)


def right_by_candidates(t, largest):
    """The largest of three values: both ends, and the stationary point where it is allowed."""
    u = 1 + t / 2
    inside = torch.where((u >= 0) & (u <= largest), t + t**2 / 4, -torch.inf)
    ends = torch.maximum(torch.full_like(t, -1.0), largest * t - (largest - 1) ** 2)
    return torch.maximum(inside, ends)


def right_by_loop(t, largest):
    """Plain Python."""
    values = []
    for slope in t.tolist():
        u = min(max(1 + slope / 2, 0.0), largest)
        values.append(u * slope - (u - 1) ** 2)
    return values


def wrong_no_limits(t, largest):
    """The formula of the lecture and the paper, for all of the real line."""
    return t + t**2 / 4


def wrong_lower_limit_only(t, largest):
    """u >= 0 is kept, the largest ratio is forgotten."""
    u = (1 + t / 2).clamp(min=0.0)
    return u * t - (u - 1) ** 2


def wrong_upper_limit_only(t, largest):
    """Density ratios below 0 are let in."""
    u = (1 + t / 2).clamp(max=largest)
    return u * t - (u - 1) ** 2


def wrong_slope_clamped(t, largest):
    """The slope is cut to the interval instead of the ratio."""
    t = t.clamp(0.0, largest)
    return t + t**2 / 4


def wrong_stationary_point(t, largest):
    """The derivative of (u - 1)^2 taken for u - 1: the maximum is sought at 1 + t."""
    u = (1 + t).clamp(0.0, largest)
    return u * t - (u - 1) ** 2


def wrong_argument(t, largest):
    """The u of the maximum, not the maximum."""
    return (1 + t / 2).clamp(0.0, largest)


def wrong_sign(t, largest):
    """The smallest f(u) - ut, which is minus the conjugate."""
    u = (1 + t / 2).clamp(0.0, largest)
    return (u - 1) ** 2 - u * t


def wrong_neyman(t, largest):
    """The conjugate of Neyman's f, with which the lecture's table confuses Pearson's (E-36)."""
    return 2 - 2 * (1 - t.clamp(max=1.0)).sqrt()


def wrong_infinite_outside(t, largest):
    """Outside the parabola's range the conjugate is taken for infinite, as if the slope were not allowed there."""
    u = 1 + t / 2
    return torch.where((u >= 0) & (u <= largest), t + t**2 / 4, torch.inf)


def wrong_coarse_grid(t, largest):
    """The maximum over eleven points."""
    u = torch.linspace(0, 1, 11, dtype=t.dtype) * largest
    return (t[:, None] * u - (u - 1) ** 2).max(dim=1).values


def wrong_ends_only(t, largest):
    """A convex f has its maximum at an end; ut - f(u) is concave."""
    return torch.maximum(torch.full_like(t, -1.0), largest * t - (largest - 1) ** 2)


def wrong_largest_over_batch(t, largest):
    """One maximum over the whole batch."""
    u = (1 + t / 2).clamp(0.0, largest)
    return (u * t - (u - 1) ** 2).max().expand(len(t))
