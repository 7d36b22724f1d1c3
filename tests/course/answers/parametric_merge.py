"""Answers to ex-parametric-merge: right ones, written differently, and wrong ones, each with a bug that people make."""

import torch


def _stacked(mean, covariance):
    return torch.cat([mean[None], covariance])


def _mean(n, a, m, b):
    return (n * a + m * b) / (n + m)


def right_by_second_moments(n, a, A, m, b, B):
    """Second moments about zero add up; the mean is taken off at the end."""
    centre = _mean(n, a, m, b)
    second = (n * (A + torch.outer(a, a)) + m * (B + torch.outer(b, b))) / (n + m)
    return _stacked(centre, second - torch.outer(centre, centre))


def right_about_the_common_mean(n, a, A, m, b, B):
    """Each group's covariance about the common mean."""
    c = _mean(n, a, m, b)
    return _stacked(c, (n * (A + torch.outer(a - c, a - c)) + m * (B + torch.outer(b - c, b - c))) / (n + m))


def right_by_sums(n, a, A, m, b, B):
    """Sums of squares updated by n m / (n + m) times the square of the gap, divided at the end (Chan et al. 1983)."""
    gap = b - a
    squares = n * A + m * B + torch.outer(gap, gap) * (n * m / (n + m))
    return _stacked(a + gap * m / (n + m), squares / (n + m))


def wrong_within_only(n, a, A, m, b, B):
    """The average of the two covariances: that the means differ is forgotten."""
    return _stacked(_mean(n, a, m, b), (n * A + m * B) / (n + m))


def wrong_unweighted(n, a, A, m, b, B):
    """Two fits, so divide by two."""
    return right_by_sums(1, a, A, 1, b, B)


def wrong_pooled(n, a, A, m, b, B):
    """The pooled covariance of discriminant analysis, with n + m - 2 (max 1) below."""
    return _stacked(_mean(n, a, m, b), (n * A + m * B) / max(n + m - 2, 1))


def wrong_degrees_of_freedom(n, a, A, m, b, B):
    """Takes what it got and returns for unbiased estimates, divided by n - 1."""
    gap = a - b
    squares = (n - 1) * A + (m - 1) * B + torch.outer(gap, gap) * (n * m / (n + m))
    return _stacked(_mean(n, a, m, b), squares / (n + m - 1))


def wrong_unbiased_result(n, a, A, m, b, B):
    """The right sum of squares, divided by N - 1."""
    right = right_by_sums(n, a, A, m, b, B)
    return _stacked(right[0], right[1:] * (n + m) / (n + m - 1))


def wrong_whole_gap(n, a, A, m, b, B):
    """The square of the gap without the factor nm / (n + m)^2."""
    return _stacked(_mean(n, a, m, b), (n * A + m * B) / (n + m) + torch.outer(a - b, a - b))


def wrong_undivided_gap(n, a, A, m, b, B):
    """The term of the sums of squares, nm / (n + m), added to covariances."""
    gap = a - b
    return _stacked(_mean(n, a, m, b), (n * A + m * B) / (n + m) + torch.outer(gap, gap) * (n * m / (n + m)))


def wrong_minus_between(n, a, A, m, b, B):
    """The sign of the term between the groups."""
    right = right_by_sums(n, a, A, m, b, B)
    return _stacked(right[0], 2 * (n * A + m * B) / (n + m) - right[1:])


def wrong_elementwise(n, a, A, m, b, B):
    """(a - b)^2 element by element, broadcast over the rows of the matrix."""
    share = n / (n + m)
    return _stacked(_mean(n, a, m, b), share * A + (1 - share) * B + share * (1 - share) * (a - b) ** 2 + 0 * A)


def wrong_inner_product(n, a, A, m, b, B):
    """The inner product of the gap with itself where the outer one belongs, halved."""
    share = n / (n + m)
    between = share * (1 - share) * ((a - b) @ (a - b)) / 2
    return _stacked(_mean(n, a, m, b), share * A + (1 - share) * B + between)


def wrong_uncentred(n, a, A, m, b, B):
    """The second moment: the common mean is never taken off."""
    second = (n * (A + torch.outer(a, a)) + m * (B + torch.outer(b, b))) / (n + m)
    return _stacked(_mean(n, a, m, b), second)


def wrong_weights_swapped(n, a, A, m, b, B):
    """The larger laboratory counts as the smaller."""
    return right_by_sums(m, a, A, n, b, B)


def wrong_mean_of_means(n, a, A, m, b, B):
    """The covariance is right, the mean is halfway between the means."""
    return _stacked((a + b) / 2, right_by_sums(n, a, A, m, b, B)[1:])


def wrong_independent_sum(n, a, A, m, b, B):
    """The distribution of the sum of two independent Gaussians, not of the union of two samples."""
    return _stacked(a + b, A + B)
