"""Answers to ex-energy-drift: right ones, written differently, and wrong ones, each with a bug that people make."""

from itertools import product

import torch


def _all(n, like):
    return torch.tensor(list(product((0.0, 1.0), repeat=n))).reshape(-1, n).to(like)


def _table(p, bits):
    return torch.where(bits[None] == 1, p[:, None], 1 - p[:, None]).prod(dim=2)


def _pieces(W, a, b):
    v, h = _all(len(a), W), _all(len(b), W)
    return v, h, torch.sigmoid(v @ W + b), torch.sigmoid(h @ W.T + a)


def _sweep(W, a, b):
    v, h, p, q = _pieces(W, a, b)
    return _table(p, h) @ _table(q, v)


def _start(x, v):
    return torch.stack([(v == row).all(1).to(v) for row in x]).mean(0)


def _answer(W, a, b, x, end):
    v, _, p, _ = _pieces(W, a, b)
    positive = x.T @ torch.sigmoid(x @ W + b) / len(x)
    return positive - (v * end[:, None]).T @ p


def right_by_steps(W, a, b, x, k):
    """The distribution pushed forward sweep by sweep."""
    v = _all(len(a), W)
    p, T = _start(x, v), _sweep(W, a, b)
    for _ in range(int(k)):
        p = p @ T
    return _answer(W, a, b, x, p)


def right_by_rows(W, a, b, x, k):
    """Row by row of the data, then the mean."""
    v, T = _all(len(a), W), _sweep(W, a, b)
    ends = [_start(row[None], v) @ torch.linalg.matrix_power(T, int(k)) for row in x]
    return torch.stack([_answer(W, a, b, row[None], end) for row, end in zip(x, ends, strict=True)]).mean(0)


def right_by_hidden(W, a, b, x, k):
    """Through the hidden states: their distribution after k sweeps gives E[v h] by the same conditional."""
    v, h, p, q = _pieces(W, a, b)
    now = _start(x, v)
    for _ in range(int(k)):
        hidden = now @ _table(p, h)
        now = hidden @ _table(q, v)
    total = torch.zeros_like(W)
    for i in range(len(v)):
        total = total + (_start(x, v)[i] - now[i]) * torch.outer(v[i], p[i])
    return total


def wrong_sign(W, a, b, x, k):
    """Descends the likelihood: the phases exchanged."""
    return -right_by_steps(W, a, b, x, k)


def wrong_one_sweep_more(W, a, b, x, k):
    """k counted from 0."""
    return right_by_steps(W, a, b, x, k + 1)


def wrong_always_one(W, a, b, x, k):
    """k forgotten."""
    return right_by_steps(W, a, b, x, 1)


def wrong_exact_gradient(W, a, b, x, k):
    """The machine's own distribution: k = infinity."""
    v, h, _, _ = _pieces(W, a, b)
    score = (v @ a)[:, None] + h @ b + v @ W @ h.T
    return _answer(W, a, b, x, score.logsumexp(1).softmax(0))


def wrong_start_anywhere(W, a, b, x, k):
    """The chain starts at fair bits instead of the data."""
    v, T = _all(len(a), W), _sweep(W, a, b)
    p = torch.full((len(v),), 1 / len(v)).to(W)
    return _answer(W, a, b, x, p @ torch.linalg.matrix_power(T, int(k)))


def wrong_mean_field(W, a, b, x, k):
    """Probabilities passed on in the place of samples, in both layers."""
    v = x
    for _ in range(int(k)):
        v = torch.sigmoid(torch.sigmoid(v @ W + b) @ W.T + a)
    return (x.T @ torch.sigmoid(x @ W + b) - v.T @ torch.sigmoid(v @ W + b)) / len(x)


def wrong_hidden_probabilities(W, a, b, x, k):
    """The hidden units pass on their probabilities: the visible units see more than one bit of each."""
    v, _, p, _ = _pieces(W, a, b)
    T = _table(torch.sigmoid(p @ W.T + a), v)
    now = _start(x, v)
    for _ in range(int(k)):
        now = now @ T
    return _answer(W, a, b, x, now)


def wrong_positive_phase_moved(W, a, b, x, k):
    """The positive phase after one sweep: reconstructions where the data belong."""
    v, T = _all(len(a), W), _sweep(W, a, b)
    p = _start(x, v)
    end = p @ torch.linalg.matrix_power(T, int(k))
    _, _, q, _ = _pieces(W, a, b)
    return (v * (p @ T - end)[:, None]).T @ q


def wrong_no_positive_phase(W, a, b, x, k):
    """Only what the chain says."""
    return right_by_steps(W, a, b, x, k) - x.T @ torch.sigmoid(x @ W + b) / len(x)


def wrong_summed(W, a, b, x, k):
    """The sum over the rows instead of their mean."""
    v, T = _all(len(a), W), _sweep(W, a, b)
    total = torch.zeros_like(W)
    for row in torch.cat([x, x]):
        end = _start(row[None], v) @ torch.linalg.matrix_power(T, int(k))
        total = total + _answer(W, a, b, row[None], end)
    return total


def wrong_biases_left_out(W, a, b, x, k):
    """The sweep without the visible biases."""
    v = _all(len(a), W)
    T = _sweep(W, torch.zeros_like(a), b)
    return _answer(W, a, b, x, _start(x, v) @ torch.linalg.matrix_power(T, int(k)))


def wrong_transposed_sweep(W, a, b, x, k):
    """The matrix of the sweep applied from the wrong side."""
    v, T = _all(len(a), W), _sweep(W, a, b)
    return _answer(W, a, b, x, torch.linalg.matrix_power(T, int(k)) @ _start(x, v))


def wrong_divided_by_k(W, a, b, x, k):
    """The update divided by the number of sweeps, as if they were averaged."""
    return right_by_steps(W, a, b, x, k) / (int(k) + 1)
