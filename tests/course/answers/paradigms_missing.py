"""Answers to ex-paradigms-missing: right ones, written differently, and wrong ones, each with a bug people make."""

import math

import torch


def right_by_where(p, prior, x):
    """One term per row, class and bit; what was not observed adds 0."""
    x = x[:, None, :]
    terms = torch.where(x == 1, p.log(), torch.where(x == 0, torch.log1p(-p), torch.zeros_like(p)))
    return torch.softmax(prior.log() + terms.sum(dim=2), dim=1)


def right_by_loop(p, prior, x):
    """Plain Python, in logarithms."""
    rows = []
    for row in x.tolist():
        joint = []
        for chances, share in zip(p.tolist(), prior.tolist(), strict=True):
            terms = [math.log(c if bit == 1 else 1 - c) for c, bit in zip(chances, row, strict=True) if bit >= 0]
            joint.append(math.log(share) + sum(terms))
        top = max(joint)
        weights = [math.exp(value - top) for value in joint]
        rows.append([weight / sum(weights) for weight in weights])
    return torch.tensor(rows, dtype=torch.float64)


def right_by_deleting(p, prior, x):
    """For each row, the columns that were observed, and torch's own Bernoulli."""
    rows = []
    for row in x:
        seen = row >= 0
        given = torch.distributions.Bernoulli(p[:, seen]).log_prob(row[seen]).sum(dim=1)
        rows.append(torch.softmax(given + prior.log(), dim=0))
    return torch.stack(rows)


def _filled(p, prior, x):
    ones, zeros = x.clamp(min=0), (1 - x).clamp(max=1)
    return torch.softmax(prior.log() + ones @ p.log().T + zeros @ (1 - p).log().T, dim=1)


def wrong_absent_forgotten(p, prior, x):
    """Only the bits that are 1 count, as if a word that is absent said nothing."""
    return torch.softmax(prior.log() + (x == 1).double() @ p.log().T, dim=1)


def wrong_missing_is_zero(p, prior, x):
    """Not observed read as observed to be 0."""
    return _filled(p, prior, x.clamp(min=0))


def wrong_missing_is_one(p, prior, x):
    """Not observed read as 1: -1 is true in Python."""
    return _filled(p, prior, x.abs())


def wrong_missing_is_half(p, prior, x):
    """One half filled in: half of both logarithms, which is not the logarithm of their sum."""
    half = torch.where(x < 0, 0.5, x)
    return torch.softmax(prior.log() + half @ p.log().T + (1 - half) @ (1 - p).log().T, dim=1)


def wrong_missing_is_mean(p, prior, x):
    """The mean over the classes filled in, as an imputer does."""
    filled = torch.where(x < 0, prior @ p, x)
    return torch.softmax(prior.log() + filled @ p.log().T + (1 - filled) @ (1 - p).log().T, dim=1)


def wrong_missing_in_the_formula(p, prior, x):
    """-1 put into x log p + (1 - x) log(1 - p)."""
    return torch.softmax(prior.log() + x @ p.log().T + (1 - x) @ (1 - p).log().T, dim=1)


def wrong_rows_dropped(p, prior, x):
    """Rows with a hole answered with the prior, as if nothing had been observed."""
    return torch.where((x < 0).any(dim=1, keepdim=True), prior, right_by_where(p, prior, x))


def wrong_columns_dropped(p, prior, x):
    """Columns with a hole in any row left out for all rows."""
    seen = (x >= 0).all(dim=0)
    return right_by_where(p[:, seen], prior, x[:, seen])


def wrong_no_prior(p, prior, x):
    """The prior left out."""
    return right_by_where(p, torch.ones_like(prior), x)


def wrong_axis(p, prior, x):
    """The softmax over the rows."""
    joint = prior.log() + (x == 1).double() @ p.log().T + (x == 0).double() @ (1 - p).log().T
    return torch.softmax(joint, dim=0)


def wrong_underflow(p, prior, x):
    """Probabilities multiplied: with hundreds of bits 0 / 0."""
    x = x[:, None, :]
    factors = torch.where(x == 1, p, torch.where(x == 0, 1 - p, torch.ones_like(p)))
    joint = prior * (factors**2).prod(dim=2).sqrt()
    return joint / joint.sum(dim=1, keepdim=True)


def wrong_prior_per_bit(p, prior, x):
    """Bayes' rule once for each bit, and the answers multiplied: the prior enters as often as there are bits."""
    seen = (x >= 0).double().sum(dim=1, keepdim=True)
    return torch.softmax(torch.log(right_by_where(p, prior, x).clamp(min=1e-300)) + seen * prior.log(), dim=1)


def wrong_sums(p, prior, x):
    """Probabilities of the bits added up instead of multiplied."""
    joint = prior * ((x == 1).double() @ p.T + (x == 0).double() @ (1 - p).T)
    return joint / joint.sum(dim=1, keepdim=True)


def wrong_smoothed(p, prior, x):
    """A tenth mixed into every probability, against a logarithm of 0 that does not occur."""
    return right_by_where(0.9 * p + 0.05, prior, x)


def wrong_mean_of_logs(p, prior, x):
    """The mean of the logarithms over the observed bits, as if a long text were no more evidence than a short one."""
    ones, zeros = (x == 1).double(), (x == 0).double()
    seen = (x >= 0).double().sum(dim=1, keepdim=True).clamp(min=1)
    return torch.softmax(prior.log() + (ones @ p.log().T + zeros @ (1 - p).log().T) / seen, dim=1)
