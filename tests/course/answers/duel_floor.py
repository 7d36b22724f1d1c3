"""Answers to ex-duel-floor: right ones, written differently, and wrong ones, each with a bug that people make."""

import math

import torch


def _deviation(p, n):
    """E|X - np| by De Moivre's formula, 2 v (n over v) p^v (1-p)^(n-v+1) with v = floor(np) + 1."""
    if p <= 0 or p >= 1:
        return 0.0
    v = min(math.floor(n * p) + 1, n)
    log_choose = math.lgamma(n + 1) - math.lgamma(v + 1) - math.lgamma(n - v + 1)
    return 2 * v * math.exp(log_choose + v * math.log(p) + (n - v + 1) * math.log(1 - p))


def right_by_de_moivre(p, n):
    """The closed form of the mean absolute deviation of a binomial."""
    n = int(n)
    return sum(_deviation(a, n) for a in p.tolist()) / (2 * n)


def right_by_recursion(p, n):
    """The masses of a binomial by repeated trials, one after the other."""
    n, total = int(n), 0.0
    for a in p.tolist():
        mass = torch.zeros(n + 1, dtype=torch.float64)
        mass[0] = 1
        for _ in range(n):
            mass = (1 - a) * mass + a * torch.cat([torch.zeros(1, dtype=torch.float64), mass[:-1]])
        total += (mass * (torch.arange(n + 1) / n - a).abs()).sum().item()
    return total / 2


def right_by_comb(p, n):
    """Exact binomial coefficients from Python's integers."""
    n, total = int(n), 0.0
    for a in p.tolist():
        for x in range(n + 1):
            total += math.comb(n, x) * a**x * (1 - a) ** (n - x) * abs(x / n - a)
    return total / 2


def wrong_normal(p, n):
    """The normal approximation, half of the sum of sqrt(2 p (1-p) / (pi n))."""
    return 0.5 * torch.sqrt(2 * p * (1 - p) / (math.pi * n)).sum()


def wrong_root_of_variance(p, n):
    """The standard deviation where the mean absolute deviation is meant."""
    return 0.5 * torch.sqrt(p * (1 - p) / n).sum()


def wrong_no_half(p, n):
    """The half is forgotten."""
    return 2 * right_by_de_moivre(p, n)


def wrong_not_divided(p, n):
    """Counts, not frequencies."""
    return right_by_de_moivre(p, n) * float(n)


def wrong_poisson(p, n):
    """Poisson counts in place of binomial ones: fine for rare sentences only."""
    x = torch.arange(600, dtype=torch.float64)
    rate = (n * p)[:, None]
    mass = torch.exp(torch.xlogy(x, rate) - rate - torch.lgamma(x + 1))
    return 0.5 * (mass * (x / n - p[:, None]).abs()).sum()


def wrong_variance(p, n):
    """Squares where absolute values are meant."""
    return 0.5 * (p * (1 - p) / n).sum()


def wrong_simulated(p, n):
    """One simulation, not the expectation."""
    draws = torch.multinomial(p, int(n), replacement=True, generator=torch.Generator().manual_seed(0))
    counts = torch.bincount(draws, minlength=len(p)).double()
    return 0.5 * (counts / n - p).abs().sum()


def wrong_without_zero_count(p, n):
    """The sum over x begins at 1: the sentences that no sample shows are free."""
    missing = (1 - p) ** n * p
    return right_by_de_moivre(p, n) - 0.5 * missing.sum().item()


def wrong_without_last_count(p, n):
    """The sum over x ends at n - 1, as `arange(n)` does."""
    return right_by_de_moivre(p, n) - 0.5 * (p**n * (1 - p)).sum().item()


def wrong_n_minus_one(p, n):
    """Bessel's n - 1 in a place where it has nothing to do."""
    return right_by_de_moivre(p, n) * float(n) / max(float(n) - 1, 0.5)


def wrong_two_samples(p, n):
    """The distance between two samples of n, about sqrt(2) times as large."""
    return math.sqrt(2) * right_by_de_moivre(p, n)


def wrong_mean(p, n):
    """A mean over the sentences."""
    return right_by_de_moivre(p, n) / len(p)
