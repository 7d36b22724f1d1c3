"""Answers to ex-energy-belief: right ones, written differently, and wrong ones, each with a bug that people make."""

import torch
from torch.nn.functional import logsigmoid


def _states(n, like):
    return torch.tensor([[float(m // 2**j % 2) for j in range(n)] for m in range(2**n)]).to(like)


def _log(bits, u):
    """log p of every row of bits under every row of logits: (rows of u, rows of bits)."""
    return (bits[None] * logsigmoid(u)[:, None] + (1 - bits[None]) * logsigmoid(-u)[:, None]).sum(2)


def _pieces(W, a, b, x):
    h = _states(len(b), W)
    return h, _log(x, h @ W.T + a).T, _log(h, x @ W + b)


def _pair(exact, bound):
    return torch.stack([exact, bound], dim=1)


def right_by_definition(W, a, b, top, x):
    """Both sums as they are printed."""
    _, given, q = _pieces(W, a, b, x)
    joint = given + top.log()
    return _pair(torch.logsumexp(joint, 1), (q.exp() * (joint - q)).sum(1))


def right_by_divergence(W, a, b, top, x):
    """The bound is the likelihood minus KL(q || true posterior)."""
    _, given, q = _pieces(W, a, b, x)
    joint = given + top.log()
    exact = torch.logsumexp(joint, 1)
    return _pair(exact, exact - (q.exp() * (q - (joint - exact[:, None]))).sum(1))


def right_by_loop(W, a, b, top, x):
    """One point and one state after the other; the entropy unit by unit."""
    rows = []
    for row in x:
        p = torch.sigmoid(row @ W + b)
        entropy = -(torch.xlogy(p, p) + torch.xlogy(1 - p, 1 - p)).sum()
        total, mean = torch.zeros_like(entropy), entropy
        for m, h in enumerate(_states(len(b), W)):
            u = a + W @ h
            log_given = (row * u - torch.nn.functional.softplus(u)).sum()
            total = total + top[m] * log_given.exp()
            mean = mean + torch.where(h == 1, p, 1 - p).prod() * (log_given + top[m].log())
        rows.append(torch.stack([total.log(), mean]))
    return torch.stack(rows)


def wrong_no_entropy(W, a, b, top, x):
    """The entropy of q left out of the bound."""
    _, given, q = _pieces(W, a, b, x)
    joint = given + top.log()
    return _pair(torch.logsumexp(joint, 1), (q.exp() * joint).sum(1))


def wrong_entropy_sign(W, a, b, top, x):
    """The entropy subtracted instead of added."""
    _, given, q = _pieces(W, a, b, x)
    joint = given + top.log()
    return _pair(torch.logsumexp(joint, 1), (q.exp() * (joint + q)).sum(1))


def wrong_no_top_in_bound(W, a, b, top, x):
    """The reconstruction alone: the density on top forgotten."""
    _, given, q = _pieces(W, a, b, x)
    return _pair(torch.logsumexp(given + top.log(), 1), (q.exp() * (given - q)).sum(1))


def wrong_uniform_top(W, a, b, top, x):
    """All hidden states alike, whatever the table says."""
    return right_by_definition(W, a, b, torch.full_like(top, 1 / len(top)), x)


def wrong_reversed_states(W, a, b, top, x):
    """The bits counted from the other end: 001 and 100 exchanged, 0 and 1 too."""
    return right_by_definition(W, a, b, top.flip(0), x)


def wrong_jensen(W, a, b, top, x):
    """The logarithm of the mean in the place of the mean of logarithms: no bound, the likelihood again."""
    _, given, q = _pieces(W, a, b, x)
    joint = given + top.log()
    return _pair(torch.logsumexp(joint, 1), torch.logsumexp(q + joint - q, 1))


def wrong_true_posterior(W, a, b, top, x):
    """The network's own posterior as q: the bound is then exact."""
    exact = right_by_definition(W, a, b, top, x)[:, 0]
    return _pair(exact, exact)


def wrong_mean_field(W, a, b, top, x):
    """The likelihood of x given the mean of h, not the mean of the likelihood."""
    _, given, q = _pieces(W, a, b, x)
    joint = given + top.log()
    u = torch.sigmoid(x @ W + b) @ W.T + a
    fits = (x * logsigmoid(u) + (1 - x) * logsigmoid(-u)).sum(1)
    return _pair(torch.logsumexp(joint, 1), fits + (q.exp() * (top.log() - q)).sum(1))


def wrong_order(W, a, b, top, x):
    """The two columns exchanged."""
    return right_by_definition(W, a, b, top, x).flip(1)


def wrong_rbm(W, a, b, top, x):
    """The likelihood of the lower machine: its own prior in the place of the table."""
    h, given, q = _pieces(W, a, b, x)
    prior = (h @ b + torch.nn.functional.softplus(a + h @ W.T).sum(1)).log_softmax(0)
    joint = given + prior
    return _pair(torch.logsumexp(joint, 1), (q.exp() * (joint - q)).sum(1))


def wrong_visible_bias_left_out(W, a, b, top, x):
    """The visible biases forgotten on the way down."""
    return right_by_definition(W, torch.zeros_like(a), b, top, x)


def wrong_hidden_bias_left_out(W, a, b, top, x):
    """The hidden biases forgotten in the posterior."""
    return right_by_definition(W, a, torch.zeros_like(b), top, x)


def wrong_probabilities(W, a, b, top, x):
    """The table not in logarithms."""
    _, given, q = _pieces(W, a, b, x)
    joint = given + top
    return _pair(torch.logsumexp(joint, 1), (q.exp() * (joint - q)).sum(1))
