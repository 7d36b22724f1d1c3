"""Answers to ex-objectives-bound: right ones, written differently, and wrong ones, each with a bug that people make."""

import math

import torch


def right_by_mask(scores, p, q):
    """Sum over the outcomes that data have, and over all for the generator."""
    data = p > 0
    return -(p[data] * torch.exp(-scores[data])).sum() - (q * scores).sum() + q.sum()


def right_by_logarithm(scores, p, q):
    """Log p - v in one exponential, so that an empty outcome is exp(-inf) = 0 by itself."""
    log_p = torch.where(p > 0, p, 1.0).log()
    earned = torch.where(p > 0, torch.exp(log_p - scores), 0.0)
    return -earned.sum() - torch.dot(q, scores - 1)


def right_by_loop(scores, p, q):
    """Plain Python, one outcome after the other; returns a float."""
    value = 0.0
    for v, a, b in zip(scores.tolist(), p.tolist(), q.tolist(), strict=True):
        value -= (a * math.exp(-v) if a > 0 else 0.0) + b * (v - 1)
    return value


def _earned(scores, p):
    return torch.where(p > 0, -p * torch.exp(-scores), 0.0)


def wrong_composed(scores, p, q):
    """The two formulas one after the other: at a large score the activation is 0 and its logarithm infinite."""
    t = -torch.exp(-scores)
    return (torch.where(p > 0, p * t, 0.0) - q * (-1 - torch.log(-t))).sum()


def wrong_guarded(scores, p, q):
    """The same, with a small constant in the logarithm against infinity."""
    t = -torch.exp(-scores)
    return (torch.where(p > 0, p * t, 0.0) - q * (-1 - torch.log(-t + 1e-8))).sum()


def wrong_nan_at_zeros(scores, p, q):
    """0 times infinity where data have no mass and the score is very low."""
    return (-p * torch.exp(-scores) - q * (scores - 1)).sum()


def wrong_falling_activation(scores, p, q):
    """-exp(v), as the paper's appendix prints it: a higher score earns less."""
    return (torch.where(p > 0, -p * torch.exp(scores.clamp(max=80.0)), 0.0) - q * (-scores - 1)).sum()


def wrong_no_activation(scores, p, q):
    """The score itself for T, which may be positive, where the conjugate is infinite."""
    return (p * scores - q * (-1 - torch.log(-scores))).sum()


def wrong_without_one(scores, p, q):
    """The conjugate without its constant: 1 too little."""
    return (_earned(scores, p) - q * scores).sum()


def wrong_plus_one(scores, p, q):
    """f*(t) = 1 - log(-t), a sign lost on the way."""
    return (_earned(scores, p) - q * (scores + 1)).sum()


def wrong_sign_of_charge(scores, p, q):
    """The charge is added."""
    return (_earned(scores, p) + q * (scores - 1)).sum()


def wrong_tables_swapped(scores, p, q):
    """Data and generator change places."""
    return (torch.where(q > 0, -q * torch.exp(-scores), 0.0) - p * (scores - 1)).sum()


def wrong_loss(scores, p, q):
    """The critic's loss, which is minus the bound."""
    return (q * (scores - 1) - _earned(scores, p)).sum()


def wrong_mean(scores, p, q):
    """A mean over the outcomes, as over a batch; the tables already hold the weights."""
    return (_earned(scores, p) - q * (scores - 1)).mean()


def wrong_clamped(scores, p, q):
    """Scores are cut to [-50, 50] so that no exponential overflows."""
    v = scores.clamp(-50.0, 50.0)
    return (_earned(v, p) - q * (v - 1)).sum()


def wrong_divergence(scores, p, q):
    """The reverse Kullback-Leibler divergence, which the bound reaches for the best critic only."""
    return torch.where(q > 0, q * (q / p.clamp_min(1e-300)).log(), 0.0).sum()


def wrong_forward(scores, p, q):
    """The row of the forward divergence: T = v, f*(t) = exp(t - 1)."""
    return (p * scores - q * torch.exp(scores.clamp(max=80.0) - 1)).sum()
