"""Answers to ex-language-perplexity: right ones, written differently, and wrong ones, each with a known bug."""

import math

import torch


def _inside(tokens):
    ends = (tokens == 0).long()
    return ends.cumsum(dim=1) - ends == 0


def right_by_loop(log_p, tokens):
    """Plain Python, text after text, token after token, until the end."""
    total, n = 0.0, 0
    for row, numbers in zip(log_p.tolist(), tokens.tolist(), strict=True):
        for value, token in zip(row, numbers, strict=True):
            total, n = total - value, n + 1
            if token == 0:
                break
    return math.exp(total / n)


def right_by_lengths(log_p, tokens):
    """The length of each text from the place of its first end."""
    has_end = (tokens == 0).any(dim=1)
    first = (tokens == 0).long().argmax(dim=1)
    lengths = torch.where(has_end, first + 1, tokens.shape[1])
    mask = torch.arange(tokens.shape[1])[None] < lengths[:, None]
    return (-(log_p * mask).sum() / lengths.sum()).exp()


def right_by_bits(log_p, tokens):
    """Two to the power of the bits per token: the base does not matter if it is the same twice."""
    mask = _inside(tokens)
    bits = -(log_p[mask] / math.log(2)).sum() / mask.sum()
    return 2.0**bits


def wrong_padding_in_the_denominator(log_p, tokens):
    """The loss is masked, its count is not (neulab/xnmt pull request 229)."""
    return torch.exp(-(log_p * _inside(tokens)).sum() / tokens.numel())


def wrong_padding_everywhere(log_p, tokens):
    """No mask at all: a mean over the whole tensor."""
    return torch.exp(-log_p.mean())


def wrong_mean_of_means(log_p, tokens):
    """Each text's mean first, then the mean of those: short texts weigh as much as long ones.

    With batches in place of texts: ParlAI pull request 623.
    """
    mask = _inside(tokens)
    return torch.exp((-(log_p * mask).sum(dim=1) / mask.sum(dim=1)).mean())


def wrong_mean_of_perplexities(log_p, tokens):
    """The perplexity of each text, averaged.

    Never below exp of the mean of means (Jensen), but it may be below the perplexity.
    """
    mask = _inside(tokens)
    return torch.exp(-(log_p * mask).sum(dim=1) / mask.sum(dim=1)).mean()


def wrong_without_ends(log_p, tokens):
    """The end shares its number with the padding, and is masked with it (`ignore_index=0`)."""
    mask = _inside(tokens) & (tokens != 0)
    return torch.exp(-(log_p * mask).sum() / mask.sum().clamp_min(1))


def wrong_every_word(log_p, tokens):
    """All that is not 0 counts, also what stands behind an end."""
    mask = tokens != 0
    return torch.exp(-(log_p * mask).sum() / mask.sum().clamp_min(1))


def wrong_ends_not_counted(log_p, tokens):
    """Ends in the sum, and only words in the count: a perplexity per word that is called one per token."""
    mask = _inside(tokens)
    words = (mask & (tokens != 0)).sum().clamp_min(1)
    return torch.exp(-(log_p * mask).sum() / words)


def wrong_per_text(log_p, tokens):
    """The loss of a text instead of that of a token."""
    mask = _inside(tokens)
    return torch.exp(-(log_p * mask).sum() / len(tokens) / tokens.shape[1])


def wrong_sign(log_p, tokens):
    """A sign lost: the geometric mean of the probabilities, which is at most 1."""
    mask = _inside(tokens)
    return torch.exp((log_p * mask).sum() / mask.sum())


def wrong_two_bases(log_p, tokens):
    """Two to the power of a loss in nats."""
    mask = _inside(tokens)
    return 2.0 ** (-(log_p * mask).sum() / mask.sum())


def wrong_arithmetic(log_p, tokens):
    """One over the arithmetic mean of the probabilities."""
    mask = _inside(tokens)
    return 1 / log_p.exp()[mask].mean()


def wrong_inverse_mean(log_p, tokens):
    """The arithmetic mean of 1/p."""
    mask = _inside(tokens)
    return (-log_p).exp()[mask].mean()


def wrong_last_end(log_p, tokens):
    """Up to the last 0 of a row instead of the first: all the padding."""
    back = (tokens == 0).long().flip(1).cumsum(dim=1).flip(1)
    mask = (back > 0) | (~(tokens == 0).any(dim=1, keepdim=True))
    return torch.exp(-(log_p * mask).sum() / mask.sum().clamp_min(1))


def wrong_loss(log_p, tokens):
    """The loss itself, without its exponential."""
    mask = _inside(tokens)
    return -(log_p * mask).sum() / mask.sum()
