"""Answers to ex-objectives-lsgan: right ones, written differently, and wrong ones, each with a bug that people make."""

import torch


def right_by_loop(p, q, a, b, c):
    """Plain Python, one outcome after the other, skipping those that nobody gives."""
    critic = generator = 0.0
    for x, y in zip(p.tolist(), q.tolist(), strict=True):
        if x + y > 0:
            s = (b * x + a * y) / (x + y)
            critic += (x * (s - b) ** 2 + y * (s - a) ** 2) / 2
            generator += y * (s - c) ** 2 / 2
    return torch.tensor([critic, generator], dtype=torch.float64)


def right_by_variance(p, q, a, b, c):
    """The critic's smallest loss in closed form: (b - a)^2 / 2 times the sum of p q / (p + q)."""
    there = (p + q) > 0
    p, q = p[there], q[there]
    d = p / (p + q)
    return torch.stack([(b - a) ** 2 / 2 * (q * d).sum(), (q * (a + (b - a) * d - c) ** 2).sum() / 2])


def right_by_newton(p, q, a, b, c):
    """One Newton step from 0, exact for a parabola; empty outcomes keep their 0."""
    slope, curvature = -(b * p + a * q), p + q
    s = torch.where(curvature > 0, -slope / curvature, 0.0)
    return torch.stack([(p * (s - b) ** 2 + q * (s - a) ** 2).sum() / 2, (q * (s - c) ** 2).sum() / 2])


def _values(p, q, a, b, c, s):
    return torch.stack([(p * (s - b) ** 2 + q * (s - a) ** 2).sum() / 2, (q * (s - c) ** 2).sum() / 2])


def _best(p, q, a, b):
    return (b * p + a * q) / torch.where(p + q > 0, p + q, 1.0)


def wrong_nan_at_zeros(p, q, a, b, c):
    """The formula as it is printed: 0/0 where nobody has mass is nan, and nan times 0 stays nan."""
    return _values(p, q, a, b, c, (b * p + a * q) / (p + q))


def wrong_without_half(p, q, a, b, c):
    """Mean squared errors as libraries have them, without the paper's factor 1/2."""
    return 2 * _values(p, q, a, b, c, _best(p, q, a, b))


def wrong_labels_swapped(p, q, a, b, c):
    """Label a on the data and b on the samples (udacity/deep-learning, pull request 238, mixes them the same way)."""
    return _values(p, q, b, a, c, _best(p, q, b, a))


def wrong_sigmoid(p, q, a, b, c):
    """The sigmoid is left on the critic, so that its scores cannot be the labels."""
    return _values(p, q, a, b, c, torch.sigmoid(_best(p, q, a, b)))


def wrong_classifier(p, q, a, b, c):
    """The optimal D of the cross-entropy, right for the labels 0 and 1 only."""
    return _values(p, q, a, b, c, _best(p, q, 0.0, 1.0))


def wrong_mean(p, q, a, b, c):
    """A mean over the outcomes, as over a batch; the tables already hold the weights."""
    return _values(p, q, a, b, c, _best(p, q, a, b)) / len(p)


def wrong_unweighted_sum(p, q, a, b, c):
    """The published code's sum over rows: outcomes count once each, whatever their probability."""
    s = _best(p, q, a, b)
    return torch.stack([((s - b) ** 2 + (s - a) ** 2).sum() / 2, ((s - c) ** 2).sum() / 2])


def wrong_generator_wants_b(p, q, a, b, c):
    """The generator aims for the data's label, the usual coding, whatever c is."""
    return _values(p, q, a, b, b, _best(p, q, a, b))


def wrong_generator_wants_a(p, q, a, b, c):
    """The generator is trained to look generated (LantaoYu/SeqGAN, issue 33)."""
    return _values(p, q, a, b, a, _best(p, q, a, b))


def wrong_both_terms(p, q, a, b, c):
    """C(G) of the paper's theorem, which takes the generator's loss over the data as well."""
    s = _best(p, q, a, b)
    return torch.stack([_values(p, q, a, b, c, s)[0], ((p + q) * (s - c) ** 2).sum() / 2])


def wrong_generator_on_data(p, q, a, b, c):
    """The generator's loss under p: scores of real samples were passed to it."""
    s = _best(p, q, a, b)
    return torch.stack([_values(p, q, a, b, c, s)[0], (p * (s - c) ** 2).sum() / 2])


def wrong_undecided(p, q, a, b, c):
    """The critic at the equilibrium, halfway between its labels, in a game that is not there yet."""
    return _values(p, q, a, b, c, torch.full_like(p, (a + b) / 2))


def wrong_order(p, q, a, b, c):
    """Generator first, critic second."""
    return _values(p, q, a, b, c, _best(p, q, a, b)).flip(0)
