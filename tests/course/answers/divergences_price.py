"""Answers to ex-divergences-price: right ones, and wrong ones, each with a bug that people make."""

import math

import torch
from torch.nn.functional import kl_div


def _kl(a, b):
    some = a > 0
    return (a[some] * (a[some] / b[some]).log()).sum()


def _model(p, kept):
    return p * kept / (p * kept).sum()


def _prices(p, q):
    middle = (p + q) / 2
    return torch.stack([_kl(q, p), 2 * _kl(middle, p), _kl(p, middle) + _kl(q, middle)])


def right_by_mass(p, kept):
    """Only the missing mass matters: the closed forms."""
    k = float((p * kept).sum())
    m = float((p * (1 - kept)).sum())
    ns = (1 + k) * math.log((1 + k) / (2 * k)) - m * math.log(2)
    js = k * math.log(2 * k / (1 + k)) + m * math.log(2) + math.log(2 / (1 + k))
    return [-math.log(k), ns, js]


def right_by_masks(p, kept):
    """Outcomes without mass are left out of every sum."""
    return _prices(p, _model(p, kept))


def right_by_kl_div(p, kept):
    """torch's kl_div, whose first argument is the *second* distribution, as a logarithm."""
    q = _model(p, kept)
    p, q = p[p > 0], q[p > 0]
    a = (p + q) / 2
    kl = [kl_div(second.log(), first, reduction="sum") for first, second in ((q, p), (a, p), (p, a), (q, a))]
    return torch.stack([kl[0], 2 * kl[1], kl[2] + kl[3]])


def wrong_not_renormalised(p, kept):
    """What is kept is not scaled up: q is no distribution any more."""
    return _prices(p, p * kept)


def wrong_nan_at_zeros(p, kept):
    """p log(p / q) as printed: 0 times log 0 is nan."""
    q = _model(p, kept)
    a = (p + q) / 2

    def kl(first, second):
        return (first * (first / second).log()).sum()

    return torch.stack([kl(q, p), 2 * kl(a, p), kl(p, a) + kl(q, a)])


def wrong_arguments(p, kept):
    """KL(p || p_a) for KL(p_a || p): the arguments in the other order."""
    q = _model(p, kept)
    a = (p + q) / 2
    return torch.stack([_kl(q, p), 2 * _kl(p, a), _kl(p, a) + _kl(q, a)])


def wrong_jsd(p, kept):
    """The Jensen-Shannon divergence once, where twice was asked for."""
    return _prices(p, _model(p, kept)) / torch.tensor([1.0, 1.0, 2.0], dtype=p.dtype)


def wrong_half(p, kept):
    """KL(p_a || p) once."""
    return _prices(p, _model(p, kept)) / torch.tensor([1.0, 2.0, 1.0], dtype=p.dtype)


def wrong_sum_for_average(p, kept):
    """p + q where their average is meant."""
    q = _model(p, kept)
    a = p + q
    return torch.stack([_kl(q, p), 2 * _kl(a, p), _kl(p, a) + _kl(q, a)])


def wrong_bits(p, kept):
    """In bits."""
    return _prices(p, _model(p, kept)) / math.log(2)


def wrong_mean(p, kept):
    """Means over the outcomes."""
    return _prices(p, _model(p, kept)) / len(p)


def wrong_smoothed(p, kept):
    """A hundredth added to every entry against log 0, and left in the result."""
    p, q = p + 1e-2, _model(p, kept) + 1e-2
    return _prices(p / p.sum(), q / q.sum())


def wrong_count(p, kept):
    """The missing fraction counted in outcomes, not in mass."""
    return right_by_mass(torch.full_like(p, 1 / len(p)), kept)


def wrong_clamped_log(p, kept):
    """The logarithm of a clamped table: the dropped outcomes get a wrong price."""
    q = _model(p, kept).clamp(min=0.05)
    return _prices(p.clamp(min=0.05), q)


def wrong_difference(p, kept):
    """KL(q || p) - JSD: the identity with a 2 lost."""
    reverse, _, twice = _prices(p, _model(p, kept))
    return torch.stack([reverse, reverse - twice / 2, twice])
