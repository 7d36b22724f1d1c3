"""Answers to ex-vae-divergence: right ones, written differently, and wrong ones, each with a bug that people make."""

import torch


def right_by_distributions(mean, log_variance, prior_mean, prior_log_variance):
    """torch's own divergence, with deviations, in double precision."""
    q = torch.distributions.Normal(mean, (log_variance / 2).exp())
    p = torch.distributions.Normal(prior_mean, (prior_log_variance / 2).exp())
    return torch.distributions.kl_divergence(q, p).sum(dim=1)


def right_by_entropies(mean, log_variance, prior_mean, prior_log_variance):
    """Cross-entropy minus entropy, 2 pi left in both."""
    two_pi = 1.8378770664093453
    apart = (mean - prior_mean).square() / prior_log_variance.exp()
    ratio = (log_variance - prior_log_variance).exp()
    cross = (two_pi + prior_log_variance + ratio + apart) / 2
    return (cross - (two_pi + log_variance + 1) / 2).sum(dim=-1)


def right_by_loop(mean, log_variance, prior_mean, prior_log_variance):
    """Row by row, coordinate by coordinate."""
    import math

    found = []
    for m, lv in zip(mean.tolist(), log_variance.tolist(), strict=True):
        total = 0.0
        for a, b, c, d in zip(m, lv, prior_mean.tolist(), prior_log_variance.tolist(), strict=True):
            total += 0.5 * (math.exp(b - d) + (a - c) ** 2 * math.exp(-d) - 1 - (b - d))
        found.append(total)
    return found


def _kl(mean, log_variance, prior_mean, prior_log_variance):
    """Of each coordinate."""
    ratio = log_variance - prior_log_variance
    return (ratio.exp() + (mean - prior_mean).square() * (-prior_log_variance).exp() - 1 - ratio) / 2


def wrong_sign(*q):
    """0.5 (1 + log v - m^2 - v) without its minus, as many tutorials' losses lose it."""
    return -_kl(*q).sum(dim=1)


def wrong_mean_over_latents(*q):
    """The mean over the coordinates in the place of the sum: a code of 20 numbers pays a twentieth."""
    return _kl(*q).mean(dim=1)


def wrong_batch_mean(*q):
    """One number for the batch, repeated for each image."""
    return _kl(*q).sum(dim=1).mean().expand(len(q[0]))


def wrong_other_way(mean, log_variance, prior_mean, prior_log_variance):
    """KL(p || q): the arguments in the other order."""
    return _kl(prior_mean, prior_log_variance, mean, log_variance).sum(dim=1)


def wrong_standard_prior(mean, log_variance, prior_mean, prior_log_variance):
    """The formula for the standard prior, from habit."""
    return _kl(mean, log_variance, torch.zeros_like(mean), torch.zeros_like(mean)).sum(dim=1)


def wrong_deviation(mean, log_variance, prior_mean, prior_log_variance):
    """Log-variances read as log-deviations: everything squared once too often."""
    return _kl(mean, 2 * log_variance, prior_mean, 2 * prior_log_variance).sum(dim=1)


def wrong_variance(mean, log_variance, prior_mean, prior_log_variance):
    """The log-variance taken for the variance."""
    v, p = log_variance.abs() + 1e-12, prior_log_variance.abs() + 1e-12
    return _kl(mean, v.log(), prior_mean, p.log()).sum(dim=1)


def wrong_no_half(*q):
    """The factor 1/2 is lost."""
    return 2 * _kl(*q).sum(dim=1)


def wrong_no_one(*q):
    """The - 1 of each coordinate is lost: equal distributions are k/2 apart."""
    return (_kl(*q) + 0.5).sum(dim=1)


def wrong_distance_unscaled(mean, log_variance, prior_mean, prior_log_variance):
    """The squared distance of the means not in units of the prior's variance."""
    ratio = log_variance - prior_log_variance
    return (ratio.exp() + (mean - prior_mean).square() - 1 - ratio).sum(dim=1) / 2


def wrong_guarded(mean, log_variance, prior_mean, prior_log_variance):
    """Log-variances clamped to [-10, 10], and the divergence of a sharp belief is too small."""
    return _kl(mean, log_variance.clamp(-10, 10), prior_mean, prior_log_variance.clamp(-10, 10)).sum(dim=1)


def wrong_sampled(mean, log_variance, prior_mean, prior_log_variance):
    """log q - log p at the mean of q, one point in the place of an expectation."""
    apart = (mean - prior_mean).square() * (-prior_log_variance).exp()
    return (prior_log_variance - log_variance + apart).sum(dim=1) / 2
