"""Answers to ex-paradigms-posterior: right ones, written differently, and wrong ones, each with a bug people make."""

import math

import torch


def right_by_logsumexp(log_likelihood, prior):
    """The evidence subtracted as a logarithm."""
    joint = log_likelihood + prior.log()
    return (joint - torch.logsumexp(joint, dim=1, keepdim=True)).exp()


def right_by_shift(log_likelihood, prior):
    """The largest likelihood of a row divided out first: nothing is left to underflow that matters."""
    likelihood = torch.exp(log_likelihood - log_likelihood.max(dim=1, keepdim=True).values)
    joint = likelihood * prior
    return joint / joint.sum(dim=1, keepdim=True)


def right_by_loop(log_likelihood, prior):
    """Plain Python: each probability from the ratios of all classes to it."""
    rows = []
    for row in log_likelihood.tolist():
        joint = [value + math.log(p) for value, p in zip(row, prior.tolist(), strict=True)]
        top = max(joint)
        total = sum(math.exp(value - top) for value in joint)
        rows.append([math.exp(value - top) / total for value in joint])
    return torch.tensor(rows, dtype=torch.float64)


def wrong_no_prior(log_likelihood, prior):
    """The prior left out: the class that explains x best, however rare it is."""
    return torch.softmax(log_likelihood, dim=1)


def wrong_axis(log_likelihood, prior):
    """The softmax over the points instead of over the classes."""
    return torch.softmax(log_likelihood + prior.log(), dim=0)


def wrong_prior_not_logged(log_likelihood, prior):
    """A probability added to a logarithm."""
    return torch.softmax(log_likelihood + prior, dim=1)


def wrong_prior_times_logarithm(log_likelihood, prior):
    """The product of Bayes' rule kept as a product, though the likelihood has become a logarithm."""
    return torch.softmax(log_likelihood * prior, dim=1)


def wrong_underflow(log_likelihood, prior):
    """Bayes' rule as it is printed: far from all classes it is 0 / 0."""
    joint = log_likelihood.exp() * prior
    return joint / joint.sum(dim=1, keepdim=True)


def wrong_epsilon(log_likelihood, prior):
    """A small number against the division by zero: far from all classes every class gets 0."""
    joint = log_likelihood.exp() * prior
    return joint / (joint.sum(dim=1, keepdim=True) + 1e-12)


def wrong_clamped(log_likelihood, prior):
    """Likelihoods clamped from below: far from all classes the prior is all that is left."""
    joint = log_likelihood.exp().clamp(min=1e-300, max=1e300) * prior
    return joint / joint.sum(dim=1, keepdim=True)


def wrong_sum_of_logs(log_likelihood, prior):
    """The logarithm of a sum taken for the sum of the logarithms."""
    joint = log_likelihood + prior.log()
    return (joint - joint.sum(dim=1, keepdim=True)).exp()


def wrong_normalised_logarithms(log_likelihood, prior):
    """Logarithms divided by their sum: they add up to 1 and are no probabilities."""
    joint = log_likelihood + prior.log()
    return joint / joint.sum(dim=1, keepdim=True)


def wrong_logarithms(log_likelihood, prior):
    """Returns log p(y | x)."""
    return torch.log_softmax(log_likelihood + prior.log(), dim=1)


def wrong_not_normalised(log_likelihood, prior):
    """Shifted by the maximum, and not divided by the sum afterwards."""
    joint = log_likelihood + prior.log()
    return (joint - joint.max(dim=1, keepdim=True).values).exp()


def wrong_prior_afterwards(log_likelihood, prior):
    """The prior multiplied to what was normalised without it; the rows no longer add up to 1."""
    return torch.softmax(log_likelihood, dim=1) * prior


def wrong_prior_twice(log_likelihood, prior):
    """The prior once in the joint and once more in the end."""
    return torch.softmax(log_likelihood + 2 * prior.log(), dim=1)


def wrong_decision(log_likelihood, prior):
    """The winner takes all: a decision, not a probability."""
    return torch.nn.functional.one_hot((log_likelihood + prior.log()).argmax(dim=1), len(prior)).double()


def wrong_in_place(log_likelihood, prior):
    """The right formula, and the caller's likelihoods are changed."""
    log_likelihood += prior.log()
    return torch.softmax(log_likelihood, dim=1)
