"""Answers to ex-vae-bound: right ones, written differently, and wrong ones, each with a bug that people make."""

import math

import torch


def _weights(log_likelihood, log_prior, log_q):
    return log_likelihood + log_prior - log_q


def right_by_maximum(*tables):
    """The largest weight taken out by hand."""
    w = _weights(*tables)
    top = w.max(dim=0).values
    return top + (w - top).exp().mean(dim=0).log()


def right_by_normalising(*tables):
    """- log K put on every weight before the sum."""
    w = _weights(*tables)
    return torch.logsumexp(w - math.log(len(w)), dim=0)


def right_by_logaddexp(*tables):
    """Codes added one after the other."""
    w = _weights(*tables)
    total = w[0]
    for row in w[1:]:
        total = torch.logaddexp(total, row)
    return total - torch.log(torch.tensor(float(len(w))).double())


def wrong_mean_of_logarithms(*tables):
    """The ELBO: the mean of the logarithms, not the logarithm of the mean."""
    return _weights(*tables).mean(dim=0)


def wrong_by_exponentials(*tables):
    """exp, mean, log: 0 or infinite as soon as a weight is not representable."""
    return _weights(*tables).exp().mean(dim=0).log()


def wrong_guarded_exponentials(*tables):
    """The same with 1e-8 inside the logarithm, which hides it: -18.4 for every image."""
    return (_weights(*tables).exp().mean(dim=0) + 1e-8).log()


def wrong_not_divided(*tables):
    """The sum of the weights: log K too much."""
    return _weights(*tables).logsumexp(dim=0)


def wrong_axis(*tables):
    """The mean over the images, for each code; cut or repeated to the images' number."""
    w = _weights(*tables)
    each = w.logsumexp(dim=1) - math.log(w.shape[1])
    return each.mean().expand(w.shape[1])


def wrong_divided_by_images(*tables):
    """log n in the place of log K."""
    w = _weights(*tables)
    return w.logsumexp(dim=0) - math.log(w.shape[1])


def wrong_no_prior(log_likelihood, log_prior, log_q):
    """The prior forgotten."""
    return (log_likelihood - log_q).logsumexp(dim=0) - math.log(len(log_q))


def wrong_q_added(log_likelihood, log_prior, log_q):
    """The sign of log q."""
    return (log_likelihood + log_prior + log_q).logsumexp(dim=0) - math.log(len(log_q))


def wrong_no_weights(log_likelihood, log_prior, log_q):
    """Codes from q counted as if they came from the prior: neither p(z) nor q(z | x)."""
    return log_likelihood.logsumexp(dim=0) - math.log(len(log_q))


def wrong_best(*tables):
    """The best code in the place of all."""
    return _weights(*tables).max(dim=0).values


def wrong_softmax_average(*tables):
    """Logarithms averaged with the normalised weights: above the bound's own value."""
    w = _weights(*tables)
    return (w.softmax(dim=0) * w).sum(dim=0)


def wrong_sampled_divergence(log_likelihood, log_prior, log_q):
    """The logarithm of the mean of p(x | z), minus the mean of log q - log p(z): a mixture of two bounds."""
    fits = log_likelihood.logsumexp(dim=0) - math.log(len(log_q))
    return fits - (log_q - log_prior).mean(dim=0)
