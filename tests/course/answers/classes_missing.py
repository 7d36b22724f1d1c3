"""Answers to ex-classes-missing: right ones, written differently, and wrong ones, each with a bug that people make."""

import math

import torch
from torch.nn.functional import cross_entropy, nll_loss, one_hot


def right_by_ignoring(logits, labels):
    """PyTorch's own way to leave rows out, with a sum, because its mean of nothing is not a number."""
    total = cross_entropy(logits, labels.long(), ignore_index=-1, reduction="sum")
    return total / max(int((labels >= 0).sum()), 1)


def right_by_one_hot(logits, labels):
    """A mask of ones in the rows and columns that count."""
    there = (labels >= 0).to(logits.dtype)
    mask = one_hot(labels.long().clamp_min(0), logits.shape[1]) * there[:, None]
    return -(mask * logits.log_softmax(dim=1)).sum() / there.sum().clamp_min(1)


def right_by_loop(logits, labels):
    """Plain Python with the largest logit taken out."""
    values = []
    for row, y in zip(logits.tolist(), labels.tolist(), strict=True):
        if y >= 0:
            top = max(row)
            values.append(top + math.log(sum(math.exp(v - top) for v in row)) - row[int(y)])
    return sum(values) / len(values) if values else 0.0


def wrong_softmax_first(logits, labels):
    """A softmax before a loss that already contains one (PyTorch-GAN, issue 141): a floor above 0."""
    return right_by_ignoring(logits.softmax(dim=1), labels)


def wrong_nll_of_probabilities(logits, labels):
    """NLLLoss on probabilities instead of their logarithms (Obj-GAN, issue 30): negative."""
    total = nll_loss(logits.softmax(dim=1), labels.long(), ignore_index=-1, reduction="sum")
    return total / max(int((labels >= 0).sum()), 1)


def wrong_all_rows(logits, labels):
    """The sum over labelled rows, divided by all rows."""
    return cross_entropy(logits, labels.long(), ignore_index=-1, reduction="sum") / len(labels)


def wrong_last_class(logits, labels):
    """-1 as NumPy reads it: a missing label is the last class."""
    return cross_entropy(logits, labels.long() % logits.shape[1])


def wrong_class_zero(logits, labels):
    """Missing labels clamped to class 0."""
    return cross_entropy(logits, labels.long().clamp_min(0))


def wrong_mean_of_nothing(logits, labels):
    """The mean over no rows is not a number."""
    return cross_entropy(logits, labels.long(), ignore_index=-1)


def wrong_zero_rows(logits, labels):
    """Logits times the mask: a row of zeros still costs ln K."""
    there = (labels >= 0).to(logits.dtype)
    return cross_entropy(logits * there[:, None], labels.long().clamp_min(0))


def wrong_sum(logits, labels):
    """A sum over the rows instead of the mean."""
    return cross_entropy(logits, labels.long(), ignore_index=-1, reduction="sum")


def wrong_naive(logits, labels):
    """Exponentials without taking the largest logit out."""
    there = labels >= 0
    p = logits.exp() / logits.exp().sum(dim=1, keepdim=True)
    chosen = p[there].gather(1, labels[there].long()[:, None])
    return -chosen.log().sum() / max(int(there.sum()), 1)


def wrong_epsilon(logits, labels):
    """log(p + 1e-8): no loss can exceed 18.4 any more."""
    there = labels >= 0
    chosen = logits.softmax(dim=1)[there].gather(1, labels[there].long()[:, None])
    return -(chosen + 1e-8).log().sum() / max(int(there.sum()), 1)


def wrong_bits(logits, labels):
    """In bits."""
    return right_by_ignoring(logits, labels) / math.log(2)


def wrong_over_batch(logits, labels):
    """The softmax over the rows of the batch instead of over the classes."""
    there = labels >= 0
    chosen = logits.log_softmax(dim=0)[there].gather(1, labels[there].long()[:, None])
    return -chosen.sum() / max(int(there.sum()), 1)


def wrong_sign(logits, labels):
    """The log-likelihood itself."""
    return -right_by_ignoring(logits, labels)


def wrong_shape(logits, labels):
    """One loss per row: the mean is missing."""
    return cross_entropy(logits, labels.long(), ignore_index=-1, reduction="none") * torch.ones_like(labels)
