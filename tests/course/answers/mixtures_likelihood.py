"""Answers to ex-mixtures-likelihood: right ones, written differently, and wrong ones with bugs people make."""

import math

import torch
from torch.distributions import Categorical, MixtureSameFamily, Normal


def right_by_distributions(x, weights, means, stds):
    """torch's own mixture."""
    return MixtureSameFamily(Categorical(weights), Normal(means, stds)).log_prob(x).mean()


def right_by_shift(x, weights, means, stds):
    """The largest term of each sum taken out by hand."""
    terms = weights.log() + Normal(means, stds).log_prob(x[:, None])
    top = terms.max(dim=1, keepdim=True).values
    return (top.squeeze(1) + (terms - top).exp().sum(dim=1).log()).mean()


def right_by_logaddexp(x, weights, means, stds):
    """One part after the other."""
    total = torch.full_like(x, -math.inf)
    for w, m, s in zip(weights, means, stds, strict=True):
        total = torch.logaddexp(total, w.log() + Normal(m, s).log_prob(x))
    return total.sum() / len(x)


def _terms(x, weights, means, stds):
    return weights.log() + Normal(means, stds).log_prob(x[:, None])


def wrong_sum_of_logs(x, weights, means, stds):
    """The sum of the logarithms for the logarithm of the sum: Jensen's lower bound."""
    return (weights * Normal(means, stds).log_prob(x[:, None])).sum(dim=1).mean()


def wrong_underflow(x, weights, means, stds):
    """In densities: far points give log 0."""
    return _terms(x, weights, means, stds).exp().sum(dim=1).log().mean()


def wrong_clamped(x, weights, means, stds):
    """A small number against log 0: every far point then looks alike."""
    return (_terms(x, weights, means, stds).exp().sum(dim=1) + 1e-12).log().mean()


def wrong_weights_left_out(x, weights, means, stds):
    """The mixing weights forgotten (scikit-learn, pull request 6666, tests for it)."""
    return torch.logsumexp(Normal(means, stds).log_prob(x[:, None]), dim=1).mean()


def wrong_sum_over_points(x, weights, means, stds):
    """The sum over the points, counted once too often: not their mean."""
    return torch.logsumexp(_terms(x, weights, means, stds), dim=1).sum() / (len(x) + 1)


def wrong_axis(x, weights, means, stds):
    """The sum taken over the points (pytorch-tvmisc, issue 9)."""
    return torch.logsumexp(_terms(x, weights, means, stds), dim=0).mean()


def wrong_variance_for_std(x, weights, means, stds):
    """The standard deviation read as a variance."""
    return torch.logsumexp(_terms(x, weights, means, stds.sqrt()), dim=1).mean()


def wrong_no_constant(x, weights, means, stds):
    """Without the 2 pi."""
    return torch.logsumexp(_terms(x, weights, means, stds), dim=1).mean() + math.log(2 * math.pi) / 2


def wrong_no_volume(x, weights, means, stds):
    """Without the standard deviation in front of the exponential."""
    return torch.logsumexp(_terms(x, weights, means, stds) + stds.log(), dim=1).mean()


def wrong_best_part(x, weights, means, stds):
    """Only the likeliest part of each point, as k-means would, and its weight forgotten."""
    return Normal(means, stds).log_prob(x[:, None]).max(dim=1).values.mean()


def wrong_negative(x, weights, means, stds):
    """The loss instead of the likelihood."""
    return -torch.logsumexp(_terms(x, weights, means, stds), dim=1).mean()


def wrong_mean_density(x, weights, means, stds):
    """The logarithm of the mean density: the mean and the logarithm exchanged."""
    return torch.logsumexp(_terms(x, weights, means, stds).flatten(), dim=0) - math.log(len(x))
