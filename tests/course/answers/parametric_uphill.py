"""Answers to ex-parametric-uphill: right ones, written differently, and wrong ones, each with a bug people make."""

import math

import torch


def _gradient(likelihood, mean, log_std):
    """By automatic differentiation of likelihood(mean, log_std)."""
    place = [torch.tensor(value, dtype=torch.float64, requires_grad=True) for value in (mean, log_std)]
    return torch.stack(torch.autograd.grad(likelihood(*place), place, allow_unused=True, materialize_grads=True))


def right_by_distributions(x, mean, log_std):
    """torch.distributions and autograd."""
    return _gradient(lambda m, s: torch.distributions.Normal(m, s.exp()).log_prob(x).sum(), mean, log_std)


def right_by_hand(x, mean, log_std):
    """In terms of the variance."""
    variance = math.exp(2 * log_std)
    return torch.stack([(x - mean).sum() / variance, ((x - mean) ** 2).sum() / variance - len(x)])


def right_by_loop(x, mean, log_std):
    """Point by point, and the chain rule from the standard deviation to its logarithm."""
    std, up = math.exp(log_std), torch.zeros(2, dtype=torch.float64)
    for point in x.tolist():
        slope = (point - mean) ** 2 / std**3 - 1 / std
        up += torch.tensor([(point - mean) / std**2, std * slope], dtype=torch.float64)
    return up


def wrong_mean(x, mean, log_std):
    """The gradient of the mean log-likelihood."""
    return right_by_hand(x, mean, log_std) / len(x)


def wrong_sign(x, mean, log_std):
    """The gradient of the loss: downhill."""
    return -right_by_hand(x, mean, log_std)


def wrong_in_std(x, mean, log_std):
    """The derivative in the standard deviation: the chain rule to its logarithm is missing."""
    right = right_by_hand(x, mean, log_std)
    return torch.stack([right[0], right[1] / math.exp(log_std)])


def wrong_in_variance(x, mean, log_std):
    """The derivative in the variance."""
    right = right_by_hand(x, mean, log_std)
    return torch.stack([right[0], right[1] / (2 * math.exp(2 * log_std))])


def wrong_in_log_variance(x, mean, log_std):
    """The derivative in the logarithm of the variance, half as large."""
    right = right_by_hand(x, mean, log_std)
    return torch.stack([right[0], right[1] / 2])


def wrong_no_determinant(x, mean, log_std):
    """The normaliser forgotten: a wider normal would always be better."""
    right = right_by_hand(x, mean, log_std)
    return torch.stack([right[0], right[1] + len(x)])


def wrong_one_determinant(x, mean, log_std):
    """The normaliser counted once, not once a point."""
    return _gradient(lambda m, s: -((x - m) / s.exp()).square().sum() / 2 - s, mean, log_std)


def wrong_std_for_variance(x, mean, log_std):
    """(x - mean) / std: one standard deviation short of the square."""
    right = right_by_hand(x, mean, log_std)
    return torch.stack([right[0] * math.exp(log_std), right[1]])


def wrong_log_std_as_std(x, mean, log_std):
    """The logarithm used as if it were the standard deviation (1 where it is 0)."""
    return right_by_hand(x, mean, math.log(abs(log_std) or 2.0))


def wrong_log_std_as_log_variance(x, mean, log_std):
    """exp(log_std) taken for the variance, as in a variational autoencoder that predicts log variances."""
    return right_by_hand(x, mean, log_std / 2)


def wrong_no_half(x, mean, log_std):
    """The factor 1/2 of the exponent left out."""
    return _gradient(lambda m, s: -((x - m) / s.exp()).square().sum() - len(x) * s, mean, log_std)


def wrong_own_mean(x, mean, log_std):
    """Centred at the mean of the data instead of the mean given."""
    return right_by_hand(x, x.mean(), log_std)


def wrong_log_of_the_mean_density(x, mean, log_std):
    """log of the sum of the densities for the sum of their logs."""
    return _gradient(lambda m, s: torch.distributions.Normal(m, s.exp()).log_prob(x).logsumexp(0), mean, log_std)


def wrong_detached(x, mean, log_std):
    """The standard deviation without its graph: no gradient arrives at its logarithm."""
    right = right_by_hand(x, mean, log_std)
    return torch.stack([right[0], 0 * right[1]])
