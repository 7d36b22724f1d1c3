"""Answers to ex-vae-gradient: right ones, written differently, and wrong ones, each with a bug that people make."""

import math

import torch


def _parts(x, w, s, m, l, noise):  # noqa: E741
    """Deviation, codes, and the slope of log p(x | z) at each of them."""
    sigma = math.exp(l / 2)
    z = m + sigma * noise
    return sigma, z, w * (x - w * z) / s**2


def right_by_hand(x, w, s, m, l, noise):  # noqa: E741
    """The chain rule: dz/dm = 1, dz/dl = sigma noise / 2."""
    sigma, _, slope = _parts(x, w, s, m, l, noise)
    return torch.stack([slope.mean() - m, (slope * sigma * noise / 2).mean() - (math.exp(l) - 1) / 2])


def right_by_distributions(x, w, s, m, l, noise):  # noqa: E741
    """torch's normals, with leaves m and l and backward."""
    mean, log_variance = (torch.tensor(float(v), dtype=torch.float64, requires_grad=True) for v in (m, l))
    with torch.enable_grad():
        q = torch.distributions.Normal(mean, (log_variance / 2).exp())
        z = q.loc + q.scale * noise
        fits = torch.distributions.Normal(w * z, s).log_prob(torch.tensor(x, dtype=torch.float64)).mean()
        prior = torch.distributions.Normal(torch.zeros((), dtype=torch.float64), 1.0)
        (fits - torch.distributions.kl_divergence(q, prior)).backward()
    return [mean.grad.item(), log_variance.grad.item()]


def right_by_moments(x, w, s, m, l, noise):  # noqa: E741
    """Only the mean and the mean square of the noise matter."""
    first, second, sigma = noise.mean().item(), noise.square().mean().item(), math.exp(l / 2)
    in_mean = w * (x - w * m - w * sigma * first) / s**2 - m
    in_log_variance = w * sigma / (2 * s**2) * ((x - w * m) * first - w * sigma * second) - (math.exp(l) - 1) / 2
    return [in_mean, in_log_variance]


def wrong_detached(x, w, s, m, l, noise):  # noqa: E741
    """z.detach(): the encoder hears the divergence alone."""
    return torch.tensor([-m, -(math.exp(l) - 1) / 2], dtype=noise.dtype)


def wrong_deviation_detached(x, w, s, m, l, noise):  # noqa: E741
    """The gradient passes to the mean and not to the deviation."""
    _, _, slope = _parts(x, w, s, m, l, noise)
    return torch.stack([slope.mean() - m, slope.new_tensor(-(math.exp(l) - 1) / 2)])


def wrong_descending(x, w, s, m, l, noise):  # noqa: E741
    """The gradient of the loss, -ELBO."""
    return -right_by_hand(x, w, s, m, l, noise)


def wrong_divergence_added(x, w, s, m, l, noise):  # noqa: E741
    """The sign of the divergence."""
    return right_by_hand(x, w, s, m, l, noise) + 2 * torch.tensor([m, (math.exp(l) - 1) / 2], dtype=noise.dtype)


def wrong_variance_as_deviation(x, w, s, m, l, noise):  # noqa: E741
    """exp(l) times the noise: the log-variance taken for a log-deviation in the draw alone."""
    z = m + math.exp(l) * noise
    slope = w * (x - w * z) / s**2
    return torch.stack([slope.mean() - m, (slope * math.exp(l) * noise).mean() - (math.exp(l) - 1) / 2])


def wrong_in_the_deviation(x, w, s, m, l, noise):  # noqa: E741
    """The derivative in sigma where that in the log-variance was asked for."""
    sigma = math.exp(l / 2)
    good = right_by_hand(x, w, s, m, l, noise)
    return good * torch.tensor([1.0, 2 / sigma], dtype=noise.dtype)


def wrong_sum(x, w, s, m, l, noise):  # noqa: E741
    """The sum over the codes in the place of the mean."""
    sigma, _, slope = _parts(x, w, s, m, l, noise)
    return torch.stack([slope.sum() - m, (slope * sigma * noise / 2).sum() - (math.exp(l) - 1) / 2])


def wrong_no_noise_variance(x, w, s, m, l, noise):  # noqa: E741
    """The squared error without 1 / (2 s^2): "MSE plus KL"."""
    sigma, z, _ = _parts(x, w, s, m, l, noise)
    slope = 2 * w * (x - w * z)
    return torch.stack([slope.mean() - m, (slope * sigma * noise / 2).mean() - (math.exp(l) - 1) / 2])


def wrong_no_entropy(x, w, s, m, l, noise):  # noqa: E741
    """The prior's part of the divergence without the entropy of q: the deviation shrinks to 0."""
    good = right_by_hand(x, w, s, m, l, noise)
    return good - torch.tensor([0.0, 0.5], dtype=noise.dtype)


def wrong_chain(x, w, s, m, l, noise):  # noqa: E741
    """dz/dl = sigma noise: the half of the exponent is lost."""
    sigma, _, slope = _parts(x, w, s, m, l, noise)
    return torch.stack([slope.mean() - m, (slope * sigma * noise).mean() - (math.exp(l) - 1) / 2])


def wrong_at_the_mean(x, w, s, m, l, noise):  # noqa: E741
    """The mean decoded, no noise: a deterministic autoencoder with a divergence."""
    slope = w * (x - w * m) / s**2
    return torch.tensor([slope - m, -(math.exp(l) - 1) / 2], dtype=noise.dtype)
