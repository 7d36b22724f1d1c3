"""Answers to ex-topics-urn: right ones, written differently, and wrong ones, each with a bug that people make."""

import torch


def right_by_urn(n, alpha):
    """One word after the other, as from an urn that gets a ball of each colour drawn."""
    value, total = torch.zeros((), dtype=alpha.dtype), alpha.sum()
    for k in range(len(n)):
        value = value + torch.log(alpha[k] + torch.arange(int(n[k]), dtype=alpha.dtype)).sum()
    return value - torch.log(total + torch.arange(int(n.sum()), dtype=alpha.dtype)).sum()


def right_by_normalisers(n, alpha):
    """The normaliser of Dir(alpha + n) over that of Dir(alpha)."""

    def log_beta(a):
        return torch.lgamma(a).sum() - torch.lgamma(a.sum())

    return log_beta(alpha + n) - log_beta(alpha)


def right_by_loop(n, alpha):
    """Plain Python, one topic after the other; returns a float."""
    import math

    value = math.lgamma(float(alpha.sum())) - math.lgamma(float(alpha.sum() + n.sum()))
    return value + sum(math.lgamma(a + m) - math.lgamma(a) for m, a in zip(n.tolist(), alpha.tolist(), strict=True))


def wrong_with_coefficient(n, alpha):
    """The Dirichlet-multinomial of the counts: all sequences with them together, not a particular one."""
    ways = torch.lgamma(n.sum() + 1) - torch.lgamma(n + 1).sum()
    return right_by_normalisers(n, alpha) + ways


def wrong_mean(n, alpha):
    """The mean of theta put in: words would be independent, and an urn is not."""
    return (n * (alpha / alpha.sum()).log()).sum()


def wrong_frequencies(n, alpha):
    """The frequencies put in for theta: maximum likelihood."""
    return torch.xlogy(n, n / n.sum().clamp_min(1)).sum()


def wrong_posterior_mean(n, alpha):
    """The mean of theta after having seen the topics put in."""
    return (n * ((alpha + n) / (alpha + n).sum()).log()).sum()


def wrong_expected_log(n, alpha):
    """E log theta put in: a bound by Jensen, far below."""
    return (n * (torch.digamma(alpha) - torch.digamma(alpha.sum()))).sum()


def wrong_prior_normaliser(n, alpha):
    """The normaliser of the prior forgotten."""
    return torch.lgamma(alpha + n).sum() - torch.lgamma((alpha + n).sum())


def wrong_flat(n, alpha):
    """alpha taken as 1 for every topic."""
    return right_by_normalisers(n, torch.ones_like(alpha))


def wrong_factorials(n, alpha):
    """Gamma(x) read as x!, which is Gamma(x + 1)."""
    return right_by_normalisers(n, alpha + 1)


def wrong_base_two(n, alpha):
    """In bits."""
    return right_by_normalisers(n, alpha) / torch.log(torch.tensor(2.0))


def wrong_overflow(n, alpha):
    """Gamma itself, computed with exp and then log: infinite from 171 on."""

    def beta(a):
        return (torch.lgamma(a).exp().clamp(max=1e300)).log().sum() - torch.lgamma(a.sum()).exp().clamp(max=1e300).log()

    return beta(alpha + n) - beta(alpha)
