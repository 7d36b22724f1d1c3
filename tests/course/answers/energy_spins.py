"""Answers to ex-energy-spins: right ones, written differently, and wrong ones, each with a bug that people make."""

import math
from itertools import product

import torch
from torch.nn.functional import softplus


def _all(n, like):
    return torch.tensor(list(product((-1.0, 1.0), repeat=n))).to(like)


def _normalised(score, a, s):
    return score(s) - torch.logsumexp(score(_all(len(a), a)), dim=0)


def right_by_softplus(W, a, b, s):
    """log(e^u + e^-u) = softplus(2u) - u."""

    def score(v):
        u = v @ W + b
        return v @ a + (softplus(2 * u) - u).sum(1)

    return _normalised(score, a, s)


def right_by_pairs(W, a, b, s):
    """Minus the energy of every pair of states, summed over the second."""
    t = _all(len(b), b)

    def score(v):
        return torch.logsumexp((v @ a)[:, None] + t @ b + v @ W @ t.T, dim=1)

    return _normalised(score, a, s)


def right_by_bits(W, a, b, s):
    """Spins s = 2v - 1 are bits with other parameters, and a constant that cancels."""
    W2, a2, b2 = 4 * W, 2 * a - 2 * W.sum(1), 2 * b - 2 * W.sum(0)

    def score(v):
        v = (v + 1) / 2
        return v @ a2 + softplus(b2 + v @ W2).sum(1)

    return _normalised(score, a, s)


def _with(hidden, visible=lambda v, a: v @ a):
    def answer(W, a, b, s):
        return _normalised(lambda v: visible(v, a) + hidden(v @ W, b).sum(1), a, s)

    return answer


def wrong_softplus(W, a, b, s):
    """The free energy of units that are 0 or 1."""
    return _with(lambda u, b: softplus(b + u))(W, a, b, s)


def wrong_overflow(W, a, b, s):
    """The hyperbolic cosine before its logarithm: infinite for large weights."""
    return _with(lambda u, b: torch.log(2 * torch.cosh(b + u)))(W, a, b, s)


def wrong_best_hidden(W, a, b, s):
    """The best hidden state in the place of the sum over all."""
    return _with(lambda u, b: (b + u).abs())(W, a, b, s)


def wrong_hidden_bias_left_out(W, a, b, s):
    """The biases of the hidden spins forgotten."""
    return _with(lambda u, b: torch.logaddexp(u, -u))(W, a, b, s)


def wrong_visible_bias_left_out(W, a, b, s):
    """The biases of the visible spins forgotten."""
    return _with(lambda u, b: torch.logaddexp(b + u, -b - u), lambda v, a: 0.0)(W, a, b, s)


def wrong_sign(W, a, b, s):
    """High energies taken as likely."""

    def score(v):
        u = v @ W + b
        return -(v @ a) - torch.logaddexp(u, -u).sum(1)

    return _normalised(score, a, s)


def wrong_not_normalised(W, a, b, s):
    """The partition function forgotten."""
    u = s @ W + b
    return s @ a + torch.logaddexp(u, -u).sum(1)


def wrong_normalised_over_the_batch(W, a, b, s):
    """Z from the given rows instead of all states."""
    u = s @ W + b
    score = s @ a + torch.logaddexp(u, -u).sum(1)
    return score - torch.logsumexp(score, 0)


def wrong_states_of_bits(W, a, b, s):
    """Z over states of 0 and 1."""

    def score(v):
        u = v @ W + b
        return v @ a + torch.logaddexp(u, -u).sum(1)

    return score(s) - torch.logsumexp(score((_all(len(a), a) + 1) / 2), dim=0)


def wrong_bias_outside(W, a, b, s):
    """The hidden bias added to the result of the sum instead of inside it."""
    return _with(lambda u, b: torch.logaddexp(u, -u) + b)(W, a, b, s)


def wrong_probability(W, a, b, s):
    """The probability instead of its logarithm."""
    return right_by_softplus(W, a, b, s).exp()


def wrong_half_of_the_states(W, a, b, s):
    """One state too few in Z: the loop stops before the last."""

    def score(v):
        u = v @ W + b
        return v @ a + torch.logaddexp(u, -u).sum(1)

    return score(s) - torch.logsumexp(score(_all(len(a), a)[:-1]), dim=0)


def wrong_uniform_hidden(W, a, b, s):
    """Hidden spins set to their mean, tanh(u), instead of summed over."""

    def score(v):
        u = v @ W + b
        return v @ a + (u * torch.tanh(u)).sum(1) + len(b) * math.log(2)

    return _normalised(score, a, s)
