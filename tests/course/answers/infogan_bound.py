"""Answers to ex-infogan-bound: right ones, written differently, and wrong ones, each with a bug that people make."""

import math

import torch
from torch.nn.functional import cross_entropy, one_hot


def right_by_cross_entropy(logits, codes, prior):
    """The library's cross-entropy, which takes logits; the entropy skips codes that never come."""
    possible = prior[prior > 0]
    return -(possible * possible.log()).sum() - cross_entropy(logits, codes.long())


def right_by_one_hot(logits, codes, prior):
    """The right entry is the dot product with a one-hot code."""
    picked = (logits * one_hot(codes.long(), logits.shape[1])).sum(dim=1)
    return (picked - logits.logsumexp(dim=1)).mean() + torch.special.entr(prior).sum()


def right_by_loop(logits, codes, prior):
    """Plain Python with the largest logit taken out; returns a float."""
    total = 0.0
    for row, code in zip(logits.tolist(), codes.tolist(), strict=True):
        top = max(row)
        total += row[int(code)] - top - math.log(sum(math.exp(a - top) for a in row))
    return total / len(codes) - sum(p * math.log(p) for p in prior.tolist() if p > 0)


def _entropy(prior):
    return -torch.xlogy(prior, prior).sum()


def wrong_softmax_twice(logits, codes, prior):
    """A softmax before the cross-entropy, which has its own (PyTorch-GAN, infogan): at most 0.841 of 2.303 nats."""
    return _entropy(prior) - cross_entropy(logits.softmax(dim=1), codes.long())


def wrong_no_entropy(logits, codes, prior):
    """Only the mean of log Q: the cross-entropy's negative, which is never positive."""
    return -cross_entropy(logits, codes.long())


def wrong_sign(logits, codes, prior):
    """The loss, where the bound was asked for."""
    return cross_entropy(logits, codes.long()) - _entropy(prior)


def wrong_entropy_of_the_uniform(logits, codes, prior):
    """log k, whatever the prior is."""
    return math.log(logits.shape[1]) - cross_entropy(logits, codes.long())


def wrong_entropy_of_the_batch(logits, codes, prior):
    """The entropy of the codes that happened to be drawn."""
    seen = one_hot(codes.long(), logits.shape[1]).double().mean(dim=0)
    return _entropy(seen) - cross_entropy(logits, codes.long())


def wrong_bits(logits, codes, prior):
    """In bits."""
    return right_by_one_hot(logits, codes, prior) / math.log(2)


def wrong_over_rows(logits, codes, prior):
    """Softmax over dimension 0: each code's logits compete between samples."""
    picked = logits.log_softmax(dim=0).gather(1, codes.long()[:, None])
    return _entropy(prior) + picked.mean()


def wrong_sum(logits, codes, prior):
    """The sum over the rows where the mean belongs."""
    return _entropy(prior) - cross_entropy(logits, codes.long(), reduction="sum")


def wrong_mean_over_entries(logits, codes, prior):
    """The mean over rows and columns of the one-hot product: too small by a factor k."""
    log_q = logits.log_softmax(dim=1) * one_hot(codes.long(), logits.shape[1])
    return _entropy(prior) + log_q.mean()


def wrong_guarded_logarithm(logits, codes, prior):
    """log(Q + 1e-8), as in the published code: a confident mistake costs no more than 18.4."""
    q = (logits - logits.amax(dim=1, keepdim=True)).exp()
    q = q / q.sum(dim=1, keepdim=True)
    return _entropy(prior) + (q.gather(1, codes.long()[:, None]) + 1e-8).log().mean()


def wrong_log_of_softmax(logits, codes, prior):
    """The logarithm of a softmax: a probability below 1e-324 is 0, and the bound minus infinity."""
    return _entropy(prior) + logits.softmax(dim=1).log().gather(1, codes.long()[:, None]).mean()


def wrong_confidence(logits, codes, prior):
    """The largest log Q of each row: how sure Q is, not how right."""
    return _entropy(prior) + logits.log_softmax(dim=1).amax(dim=1).mean()


def wrong_next_row(logits, codes, prior):
    """The codes of other samples: drawn again for the loss (rows shifted by one)."""
    shifted = codes.roll(1)
    return _entropy(prior) - cross_entropy(logits, shifted.long())
