"""Answers to ex-mixtures-responsibilities: right ones, written differently, and wrong ones with bugs people make."""

import math

import torch


def right_by_logsumexp(weights, log_probs):
    """Bayes' rule in logarithms, and one exponential at the end."""
    joint = weights.log() + log_probs
    return (joint - torch.logsumexp(joint, dim=1, keepdim=True)).exp()


def right_by_shift(weights, log_probs):
    """The largest logarithm of a row is subtracted by hand; the weights are multiplied in afterwards."""
    shifted = (log_probs - log_probs.masked_fill(weights == 0, -math.inf).max(dim=1, keepdim=True).values).exp()
    joint = torch.where(weights == 0, torch.zeros_like(shifted), shifted * weights)
    return joint / joint.sum(dim=1, keepdim=True)


def right_by_ratios(weights, log_probs):
    """Each responsibility as one over a sum of ratios; a part of weight 0 is left out by hand."""
    joint = weights.log() + log_probs
    rows = []
    for row in joint.tolist():
        rows.append([0.0 if a == -math.inf else 1 / sum(math.exp(min(b - a, 700.0)) for b in row) for a in row])
    return torch.tensor(rows, dtype=log_probs.dtype)


def wrong_weights_left_out(weights, log_probs):
    """The prior of the label forgotten (scikit-learn, pull request 6666, tests for it)."""
    return torch.softmax(log_probs, dim=1)


def wrong_underflow(weights, log_probs):
    """Bayes' rule in probabilities: 0 / 0 far from all parts."""
    joint = weights * log_probs.exp()
    return joint / joint.sum(dim=1, keepdim=True)


def wrong_underflow_hidden(weights, log_probs):
    """The same with a small number against the division by 0: far points then belong to nobody."""
    joint = weights * log_probs.exp().clamp(max=1e30)
    return joint / (joint.sum(dim=1, keepdim=True) + 1e-10)


def wrong_axis(weights, log_probs):
    """Normalised over the points, not over the parts (pytorch-tvmisc, issue 9)."""
    return torch.softmax(weights.log() + log_probs, dim=0)


def wrong_all_entries(weights, log_probs):
    """Normalised over the whole table."""
    joint = weights.log() + log_probs
    return torch.softmax(joint.flatten(), dim=0).reshape(joint.shape)


def wrong_weights_not_logged(weights, log_probs):
    """A probability added to a logarithm."""
    return torch.softmax(weights + log_probs, dim=1)


def wrong_weights_outside(weights, log_probs):
    """The weights multiplied after the softmax, and not normalised again."""
    return weights * torch.softmax(log_probs, dim=1)


def wrong_hard(weights, log_probs):
    """All of a point to its likeliest part, as k-means does."""
    best = (weights.log() + log_probs).argmax(dim=1)
    return torch.nn.functional.one_hot(best, len(weights)).to(log_probs)


def wrong_logs(weights, log_probs):
    """The logarithms of the responsibilities."""
    return torch.log_softmax(weights.log() + log_probs, dim=1)


def wrong_unnormalised(weights, log_probs):
    """The joint where the posterior was asked for."""
    return (weights.log() + log_probs).exp()


def wrong_smoothed(weights, log_probs):
    """A number added to the weights against log 0: a part that cannot be drawn answers for points."""
    return torch.softmax((weights + 0.01).log() + log_probs, dim=1)
