"""Answers to ex-nonparametric-loo: right ones, and wrong ones with bugs that people make."""

import math

import torch


def _exponents(points, h):
    return -(points[:, None] - points).square().sum(dim=-1) / (2 * h**2)


def _without_itself(exponents):
    return exponents.masked_fill(torch.eye(len(exponents), dtype=torch.bool), -torch.inf)


def _volume(points, h):
    return points.shape[1] * math.log(h * math.sqrt(2 * math.pi))


def right_by_rows(points, h):
    """One point after the other, against the list of the others."""
    found = []
    for i in range(len(points)):
        others = torch.cat([points[:i], points[i + 1 :]])
        exponents = -(points[i] - others).square().sum(dim=1) / (2 * h**2)
        found.append(exponents.logsumexp(dim=0) - math.log(len(others)) - _volume(points, h))
    return torch.stack(found).mean()


def right_by_distributions(points, h):
    """A mixture of torch's normal distributions, its own part without weight."""
    each = torch.distributions.Normal(points, h).log_prob(points[:, None]).sum(dim=-1)
    return (_without_itself(each).logsumexp(dim=1) - math.log(len(points) - 1)).mean()


def right_by_python(points, h):
    """Plain Python, the largest exponent taken out by hand; returns a float."""
    rows, total = points.tolist(), 0.0
    for i, a in enumerate(rows):
        exponents = [
            -sum((u - v) ** 2 for u, v in zip(a, b, strict=True)) / (2 * h * h) for j, b in enumerate(rows) if j != i
        ]
        top = max(exponents)
        total += top + math.log(sum(math.exp(e - top) for e in exponents) / len(exponents))
    return total / len(rows) - len(rows[0]) * math.log(h * math.sqrt(2 * math.pi))


def wrong_keeps_itself(points, h):
    """The point stays under its own kernel: the score of a spike is its best."""
    return (_exponents(points, h).logsumexp(dim=1) - math.log(len(points)) - _volume(points, h)).mean()


def wrong_keeps_itself_divides_by_others(points, h):
    """Divided by n - 1, with all n kernels in the sum."""
    return (_exponents(points, h).logsumexp(dim=1) - math.log(len(points) - 1) - _volume(points, h)).mean()


def wrong_divides_by_all(points, h):
    """Its own kernel left out, and divided by n."""
    sums = _without_itself(_exponents(points, h)).logsumexp(dim=1)
    return (sums - math.log(len(points)) - _volume(points, h)).mean()


def wrong_zero_exponent(points, h):
    """The diagonal of the exponents set to 0, where it already was: exp(0) is 1."""
    exponents = _exponents(points, h) * (1 - torch.eye(len(points), dtype=points.dtype))
    return (exponents.logsumexp(dim=1) - math.log(len(points) - 1) - _volume(points, h)).mean()


def wrong_width_not_to_the_d(points, h):
    """Divided by h, not by h to the power d: right in one dimension only."""
    volume = math.log(h) + points.shape[1] / 2 * math.log(2 * math.pi)
    return (_without_itself(_exponents(points, h)).logsumexp(dim=1) - math.log(len(points) - 1) - volume).mean()


def wrong_no_volume(points, h):
    """Kernels that are not normalised: every bandwidth looks better than a smaller one."""
    return (_without_itself(_exponents(points, h)).logsumexp(dim=1) - math.log(len(points) - 1)).mean()


def wrong_no_two_pi(points, h):
    """The normaliser without the 2 pi."""
    sums = _without_itself(_exponents(points, h)).logsumexp(dim=1)
    return (sums - math.log(len(points) - 1) - points.shape[1] * math.log(h)).mean()


def wrong_mean_of_logs(points, h):
    """The mean of the kernels' logarithms for the logarithm of their mean."""
    n = len(points)
    return _exponents(points, h).sum() / (n * (n - 1)) - _volume(points, h)


def wrong_log_of_mean(points, h):
    """The logarithm outside of everything: log of the mean density, not mean of the log-densities."""
    n = len(points)
    sums = _without_itself(_exponents(points, h)).logsumexp(dim=1)
    return sums.logsumexp(dim=0) - math.log(n * (n - 1)) - _volume(points, h)


def wrong_sum(points, h):
    """The sum over the points, not the mean."""
    return len(points) * right_by_rows(points, h)


def wrong_underflow(points, h):
    """exp, sum, log with a tiny number against log 0: all small bandwidths score alike."""
    kernels = _exponents(points, h).exp() * (1 - torch.eye(len(points), dtype=points.dtype))
    return ((kernels.sum(dim=1) / (len(points) - 1) + 1e-300).log() - _volume(points, h)).mean()


def wrong_no_half(points, h):
    """exp(-d^2 / h^2): the 2 of the Gaussian forgotten in the exponent."""
    sums = _without_itself(2 * _exponents(points, h)).logsumexp(dim=1)
    return (sums - math.log(len(points) - 1) - _volume(points, h)).mean()


def wrong_distance_not_squared(points, h):
    """The distance in the exponent, not its square."""
    gaps = (points[:, None] - points).square().sum(dim=-1).sqrt()
    sums = _without_itself(-gaps / (2 * h**2)).logsumexp(dim=1)
    return (sums - math.log(len(points) - 1) - _volume(points, h)).mean()
