"""Answers to ex-seq2seq-attention: right ones, written differently, and wrong ones, each with a real bug."""

import math

import torch


def scaled(query, memory):
    return torch.einsum("nd,nsd->ns", query, memory) / query.shape[1] ** 0.5


def real(memory, lengths):
    return torch.arange(memory.shape[1]) < lengths[:, None]


def told(weights, memory):
    return torch.einsum("ns,nsd->nd", torch.nan_to_num(weights), memory)


def right_by_loop(query, memory, lengths):
    """Row by row, only what is real; the largest score is taken off first."""
    found = torch.zeros_like(query)
    for i, length in enumerate(lengths.tolist()):
        part = memory[i, : int(length)]
        if len(part):
            scores = part @ query[i] / math.sqrt(query.shape[1])
            weights = (scores - scores.max()).exp()
            found[i] = weights @ part / weights.sum()
    return found


def right_by_lowest(query, memory, lengths):
    """The lowest number in the place of minus infinity, and zeros afterwards."""
    seen = real(memory, lengths)
    scores = scaled(query, memory).masked_fill(~seen, torch.finfo(query.dtype).min)
    return told(scores.softmax(dim=1) * seen, memory)


def right_by_library(query, memory, lengths):
    """PyTorch's own attention, with one query per row; rows without a memory are set to zero."""
    seen = real(memory, lengths)
    out = torch.nn.functional.scaled_dot_product_attention(query[:, None], memory, memory, attn_mask=seen[:, None])
    return torch.where(seen.any(dim=1)[:, None], torch.nan_to_num(out.squeeze(1)), 0.0)


def wrong_no_mask(query, memory, lengths):
    """What was filled in takes part."""
    return told(scaled(query, memory).softmax(dim=1), memory)


def wrong_masked_after(query, memory, lengths):
    """Weights set to zero after the softmax, and no longer a distribution."""
    return told(scaled(query, memory).softmax(dim=1) * real(memory, lengths), memory)


def wrong_masked_with_zero(query, memory, lengths):
    """Scores multiplied by the mask: a score of 0 is an ordinary score."""
    return told((scaled(query, memory) * real(memory, lengths)).softmax(dim=1), memory)


def wrong_mask_upside_down(query, memory, lengths):
    """True where the filling is: the mask of another library."""
    return told(scaled(query, memory).masked_fill(real(memory, lengths), -math.inf).softmax(dim=1), memory)


def wrong_one_too_few(query, memory, lengths):
    """The last real position is left out."""
    seen = real(memory, lengths - 1)
    return told(scaled(query, memory).masked_fill(~seen, -math.inf).softmax(dim=1), memory)


def wrong_one_too_many(query, memory, lengths):
    """The first filled-up position is let in."""
    seen = real(memory, lengths + 1)
    return told(scaled(query, memory).masked_fill(~seen, -math.inf).softmax(dim=1), memory)


def wrong_axis(query, memory, lengths):
    """The softmax runs over the batch (attention-is-all-you-need#19, another axis)."""
    scores = scaled(query, memory).masked_fill(~real(memory, lengths), -math.inf)
    return told(scores.softmax(dim=0), memory)


def wrong_unscaled(query, memory, lengths):
    """Without the root of d: for large vectors the weights are nearly one-hot."""
    scores = scaled(query, memory) * query.shape[1] ** 0.5
    return told(scores.masked_fill(~real(memory, lengths), -math.inf).softmax(dim=1), memory)


def wrong_divided_by_d(query, memory, lengths):
    """Divided by d, not by its root."""
    scores = scaled(query, memory) / query.shape[1] ** 0.5
    return told(scores.masked_fill(~real(memory, lengths), -math.inf).softmax(dim=1), memory)


def wrong_weak_mask(query, memory, lengths):
    """A fixed small number: beside large negative scores it is not small."""
    scores = scaled(query, memory).masked_fill(~real(memory, lengths), -10.0)
    return told(scores.softmax(dim=1), memory)


def wrong_uniform_when_empty(query, memory, lengths):
    """A row without a memory gets the mean of its filling."""
    scores = scaled(query, memory).masked_fill(~real(memory, lengths), -1e300)
    return told(scores.softmax(dim=1), memory)


def wrong_hard(query, memory, lengths):
    """The best position alone."""
    scores = scaled(query, memory).masked_fill(~real(memory, lengths), -math.inf)
    return memory[torch.arange(len(memory)), scores.argmax(dim=1)]


def wrong_longest_for_all(query, memory, lengths):
    """One length for the whole batch: the longest."""
    return wrong_no_mask(query, memory[:, : int(lengths.max())], lengths)
