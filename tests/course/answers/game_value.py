"""Answers to ex-game-value: right ones, written differently, and wrong ones, each with a bug that people make."""

import math

import torch
from torch.nn.functional import kl_div


def right_by_terms(p, q):
    """Sum over the outcomes that both can give; all others contribute nothing, because there the best D is 0 or 1."""
    both = (p > 0) & (q > 0)
    p, q = p[both], q[both]
    return (p * torch.log(p / (p + q)) + q * torch.log(q / (p + q))).sum()


def right_by_divergence(p, q):
    """2 JSD - log 4, with a Kullback-Leibler divergence that skips empty outcomes."""

    def kl(a, b):
        return torch.where(a > 0, a * torch.log(torch.where(a > 0, a / b, 1.0)), 0.0).sum()

    m = (p + q) / 2
    return kl(p, m) + kl(q, m) - math.log(4)


def right_by_loop(p, q):
    """Plain Python, one outcome after the other; returns a float."""
    value = 0.0
    for a, b in zip(p.tolist(), q.tolist(), strict=True):
        for part in (a, b):
            if part > 0:
                value += part * math.log(part / (a + b))
    return value


def right_by_repair(p, q):
    """The formula as it is printed, with 0 log 0 = nan repaired term by term."""
    d = p / (p + q)
    return torch.nan_to_num(p * torch.log(d)).sum() + torch.nan_to_num(q * torch.log(1 - d)).sum()


def _terms(p, q, d):
    return torch.xlogy(p, d).nan_to_num().sum() + torch.xlogy(q, 1 - d).nan_to_num().sum()


def wrong_nan_at_zeros(p, q):
    """The formula as it is printed: 0 times log 0 is nan, so that one empty outcome spoils the sum."""
    d = p / (p + q)
    return (p * torch.log(d) + q * torch.log(1 - d)).sum()


def wrong_jsd(p, q):
    """The Jensen-Shannon divergence itself instead of 2 JSD - log 4."""
    return (right_by_terms(p, q) + math.log(4)) / 2


def wrong_sign_of_log4(p, q):
    """2 JSD + log 4, a sign lost on the way."""
    return right_by_terms(p, q) + 2 * math.log(4)


def wrong_base_two(p, q):
    """In bits, as a Jensen-Shannon divergence between 0 and 1 is often quoted, and not in nats."""
    return right_by_terms(p, q) / math.log(2)


def wrong_swapped_critic(p, q):
    """D = q / (p + q): the labels of real and generated are swapped (ganhacks issue 36 mixes them the same way)."""
    return _terms(p, q, q / (p + q)).clamp(min=-1e6)


def wrong_half(p, q):
    """The factor 1/2 of a lecture's PyTorch example, which averages the losses on the real and the generated half."""
    return right_by_terms(p, q) / 2


def wrong_one_direction(p, q):
    """Twice KL(p, m) instead of KL(p, m) + KL(q, m): the divergence is symmetric, its two halves are not."""
    m = (p + q) / 2
    return 2 * (torch.xlogy(p, p) - torch.xlogy(p, m)).sum() - math.log(4)


def wrong_always_undecided(p, q):
    """D = 1/2, the critic at the equilibrium, in a game that is not there yet."""
    return p.sum() * math.log(0.5) + q.sum() * math.log(0.5)


def wrong_mean(p, q):
    """A mean over the outcomes, as over a batch; the tables already hold the weights."""
    return (torch.xlogy(p, p) + torch.xlogy(q, q) - torch.xlogy(p + q, p + q)).mean()


def wrong_raw_probability(p, q):
    """The slip of Algorithm 13.1 in one term: D where log D is meant."""
    d = (p / (p + q)).nan_to_num()
    return (p * d).sum() + torch.xlogy(q, 1 - d).sum()


def wrong_double_squash(p, q):
    """The tables go through a softmax again, as probabilities go through a second sigmoid (ganhacks issue 36)."""
    return right_by_terms(torch.softmax(p, 0), torch.softmax(q, 0))


def wrong_outer_product(p, q):
    """Shape (k, 1) against (k,): silent broadcasting pairs every outcome with every other."""
    p = p[:, None]
    m = p + q
    return (torch.xlogy(p, p / m) + torch.xlogy(q, q / m)).nan_to_num().sum() / len(q)


def wrong_kl_div_arguments(p, q):
    """In torch, kl_div takes the second distribution first, and as a logarithm; here they are in reading order."""
    m = (p + q) / 2
    return kl_div(p.log(), m, reduction="sum") + kl_div(q.log(), m, reduction="sum") - math.log(4)


def wrong_smoothed(p, q):
    """A thousandth added to every entry against log 0, and left in the result."""
    return right_by_terms((p + 1e-3) / (p + 1e-3).sum(), (q + 1e-3) / (q + 1e-3).sum())
