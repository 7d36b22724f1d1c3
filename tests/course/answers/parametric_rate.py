"""Answers to ex-parametric-rate: right ones, written differently, and wrong ones, each with a bug that people make."""

import torch


def right_as_one_watch(counts, times):
    """All watches together are one Poisson count; its standard deviation is the root of its mean."""
    total, hours = counts.sum(), times.sum()
    return torch.stack([total / hours, total.sqrt() / hours])


def right_by_weights(counts, times):
    """A mean of the single rates, each weighted by its time."""
    share = times / times.sum()
    estimate = (share * (counts / times)).sum()
    return torch.stack([estimate, (estimate * (share**2 / times).sum()).sqrt()])


def right_by_information(counts, times):
    """The information of each watch is t / rate, and they add up."""
    estimate = counts.sum() / times.sum()
    return torch.stack([estimate, (times / estimate).sum() ** -0.5])


def wrong_mean_of_ratios(counts, times):
    """Ratios averaged without weights: a short watch counts as much as a long one."""
    estimate = (counts / times).mean()
    return torch.stack([estimate, (estimate / times.sum()).sqrt()])


def wrong_times_forgotten(counts, times):
    """The mean count, whatever the times."""
    return torch.stack([counts.mean(), (counts.mean() / len(counts)).sqrt()])


def wrong_variance(counts, times):
    """The variance where its root was asked for."""
    estimate = counts.sum() / times.sum()
    return torch.stack([estimate, estimate / times.sum()])


def wrong_count_of_watches(counts, times):
    """Divided by the number of watches, not by the hours."""
    estimate = counts.sum() / times.sum()
    return torch.stack([estimate, (estimate / len(counts)).sqrt()])


def wrong_one_observation(counts, times):
    """The information of one hour, not of all the data."""
    estimate = counts.sum() / times.sum()
    return torch.stack([estimate, estimate.sqrt()])


def wrong_information(counts, times):
    """The information itself (0 where it is infinite) instead of the inverse of its root."""
    estimate = counts.sum() / times.sum()
    information = times.sum() / estimate if estimate > 0 else estimate
    return torch.stack([estimate, information])


def wrong_mean_information(counts, times):
    """The mean over the watches where the sum belongs: the error of one watch."""
    estimate = counts.sum() / times.sum()
    return torch.stack([estimate, (estimate / times.mean()).sqrt()])


def wrong_normal_error(counts, times):
    """The standard deviation of the ratios divided by the root of N, as for a mean of normal numbers."""
    ratios = counts / times
    return torch.stack([counts.sum() / times.sum(), ratios.std(correction=0) / len(counts) ** 0.5])


def wrong_total_error(counts, times):
    """The error of the total count, never divided by the hours."""
    return torch.stack([counts.sum() / times.sum(), counts.sum().sqrt()])


def wrong_inverse(counts, times):
    """Hours per event (0 without events)."""
    estimate = times.sum() / counts.sum() if counts.sum() > 0 else counts.sum()
    return torch.stack([estimate, (estimate / times.sum()).sqrt()])


def wrong_least_squares(counts, times):
    """A line through the origin by least squares: right for equal variances, which Poisson counts do not have."""
    estimate = (counts * times).sum() / (times**2).sum()
    return torch.stack([estimate, (estimate / times.sum()).sqrt()])


def wrong_log_rate(counts, times):
    """The standard error of the logarithm of the rate (0 without events)."""
    total = counts.sum()
    return torch.stack([total / times.sum(), total**-0.5 if total > 0 else total])


def wrong_laplace(counts, times):
    """One event added, for safety."""
    estimate = (counts.sum() + 1) / times.sum()
    return torch.stack([estimate, (estimate / times.sum()).sqrt()])


def wrong_unbiased(counts, times):
    """One watch fewer in the denominator, carried over from the variance."""
    hours = times.sum() * (len(times) - 0.5) / len(times)
    return torch.stack([counts.sum() / hours, counts.sum().sqrt() / hours])
