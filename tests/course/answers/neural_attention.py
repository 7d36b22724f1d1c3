"""Answers to ex-neural-attention: right ones, written differently, and wrong ones, each with a bug that people make."""

import math

import torch
from torch.nn.functional import scaled_dot_product_attention


def _seen(q, k):
    m, n = len(q), len(k)
    return torch.ones(m, n, dtype=torch.bool).tril(n - m)


def _scores(q, k):
    return q @ k.T / math.sqrt(q.shape[1])


def right_by_library(q, k, v):
    """torch's own function, with the mask that it needs when there is a past."""
    return scaled_dot_product_attention(q[None], k[None], v[None], attn_mask=_seen(q, k)[None])[0]


def right_by_loop(q, k, v):
    """Query by query, on the keys that it may see."""
    past = len(k) - len(q)
    rows = []
    for i in range(len(q)):
        weights = (k[: past + i + 1] @ q[i] / q.shape[1] ** 0.5).softmax(dim=0)
        rows.append(weights @ v[: past + i + 1])
    return torch.stack(rows)


def right_by_exponentials(q, k, v):
    """exp, masked, then divided by what is left: the maximum is taken out first."""
    scores = _scores(q, k).masked_fill(~_seen(q, k), -math.inf)
    weights = (scores - scores.max(dim=1, keepdim=True).values).exp()
    return weights @ v / weights.sum(dim=1, keepdim=True)


def wrong_no_mask(q, k, v):
    """attention-is-all-you-need-pytorch issue 19: the future is read."""
    return _scores(q, k).softmax(dim=1) @ v


def wrong_future_only(q, k, v):
    """triu for tril: each position sees itself and what comes after."""
    m, n = len(q), len(k)
    seen = torch.ones(m, n, dtype=torch.bool).triu(n - m)
    return _scores(q, k).masked_fill(~seen, -math.inf).softmax(dim=1) @ v


def wrong_mask_at_the_left(q, k, v):
    """Forgets the cache: the first query is taken for the first position (PyTorch's is_causal with m < n)."""
    seen = torch.ones(len(q), len(k), dtype=torch.bool).tril()
    return _scores(q, k).masked_fill(~seen, -math.inf).softmax(dim=1) @ v


def wrong_not_itself(q, k, v):
    """Off by one: a position does not see itself (the first one, seeing nothing, gets the mean)."""
    m, n = len(q), len(k)
    seen = torch.ones(m, n, dtype=torch.bool).tril(n - m - 1)
    return _scores(q, k).masked_fill(~seen, -1e9).softmax(dim=1) @ v


def wrong_one_ahead(q, k, v):
    """Off by one on the other side: the next word is in view."""
    m, n = len(q), len(k)
    seen = torch.ones(m, n, dtype=torch.bool).tril(n - m + 1)
    return _scores(q, k).masked_fill(~seen, -math.inf).softmax(dim=1) @ v


def wrong_after_softmax(q, k, v):
    """The mask behind the softmax: the weights do not add up to 1."""
    return _scores(q, k).softmax(dim=1).masked_fill(~_seen(q, k), 0.0) @ v


def wrong_zero_mask(q, k, v):
    """Scores of 0 in place of minus infinity: a hidden key still gets exp(0)."""
    return _scores(q, k).masked_fill(~_seen(q, k), 0.0).softmax(dim=1) @ v


def wrong_axis(q, k, v):
    """Softmax over the queries."""
    return _scores(q, k).masked_fill(~_seen(q, k), -1e9).softmax(dim=0) @ v


def wrong_not_scaled(q, k, v):
    """Without the root of d."""
    return (q @ k.T).masked_fill(~_seen(q, k), -math.inf).softmax(dim=1) @ v


def wrong_scaled_by_d(q, k, v):
    """Divided by d in place of its root."""
    return (q @ k.T / q.shape[1]).masked_fill(~_seen(q, k), -math.inf).softmax(dim=1) @ v


def wrong_scaled_by_length(q, k, v):
    """Divided by the root of the number of keys."""
    return (q @ k.T / math.sqrt(len(k))).masked_fill(~_seen(q, k), -math.inf).softmax(dim=1) @ v
