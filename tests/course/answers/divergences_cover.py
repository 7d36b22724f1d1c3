"""Answers to ex-divergences-cover: right ones, and wrong ones, each with a bug that people make."""

import torch


def right_by_moments(weights, means, deviations):
    """Variance as the second moment minus the squared mean; centred first, so that nothing cancels."""
    anchor = means[0]
    first = (weights * (means - anchor)).sum()
    second = (weights * ((means - anchor) ** 2 + deviations**2)).sum()
    return torch.stack([anchor + first, (second - first**2).sqrt()])


def right_by_loop(weights, means, deviations):
    """Plain Python, the law of total variance; returns a list."""
    w, m, s = weights.tolist(), means.tolist(), deviations.tolist()
    mean = sum(a * b for a, b in zip(w, m, strict=True))
    variance = sum(a * (c * c + (b - mean) ** 2) for a, b, c in zip(w, m, s, strict=True))
    return [mean, variance**0.5]


def right_by_pairs(weights, means, deviations):
    """The variance between the components from all pairs of means."""
    pairs = weights[:, None] * weights[None, :] * (means[:, None] - means[None, :]) ** 2
    return torch.stack([weights @ means, (weights @ deviations**2 + pairs.sum() / 2).sqrt()])


def _answer(mean, variance):
    return torch.stack([mean, variance.sqrt()])


def wrong_largest_mode(weights, means, deviations):
    """The mode-seeking answer: what the reverse divergence would choose."""
    best = weights.argmax()
    return torch.stack([means[best], deviations[best]])


def wrong_within_only(weights, means, deviations):
    """The spread of the means is forgotten: the components are averaged, not covered."""
    return _answer(weights @ means, weights @ deviations**2)


def wrong_between_only(weights, means, deviations):
    """The components are taken for points."""
    mean = weights @ means
    return _answer(mean, weights @ (means - mean) ** 2)


def wrong_mean_deviation(weights, means, deviations):
    """Standard deviations are averaged; it is variances that add."""
    mean = weights @ means
    return _answer(mean, (weights @ deviations) ** 2 + weights @ (means - mean) ** 2)


def wrong_variance(weights, means, deviations):
    """The variance is returned, and a standard deviation was asked for."""
    mean, deviation = right_by_moments(weights, means, deviations)
    return torch.stack([mean, deviation**2])


def wrong_unweighted(weights, means, deviations):
    """Every component counts the same."""
    mean = means.mean()
    return _answer(mean, (deviations**2 + (means - mean) ** 2).mean())


def wrong_raw_moment(weights, means, deviations):
    """The second moment about 0 instead of about the mean."""
    return _answer(weights @ means, weights @ (deviations**2 + means**2))


def wrong_deviation_as_variance(weights, means, deviations):
    """The deviations enter without their square, as if they were variances."""
    mean = weights @ means
    return _answer(mean, weights @ (deviations + (means - mean) ** 2))


def wrong_squared_weights(weights, means, deviations):
    """The rule for a *sum* of independent variables, in which weights are squared; a mixture is not a sum."""
    return _answer(weights @ means, weights**2 @ deviations**2)


def wrong_between_unweighted(weights, means, deviations):
    """torch.var of the means: unweighted, and with k - 1 in the denominator."""
    between = means.var() if len(means) > 1 else torch.zeros((), dtype=means.dtype)
    return _answer(weights @ means, weights @ deviations**2 + between)


def wrong_from_largest(weights, means, deviations):
    """The spread is measured from the largest mode and not from the mean."""
    return _answer(weights @ means, weights @ (deviations**2 + (means - means[weights.argmax()]) ** 2))


def wrong_outer_product(weights, means, deviations):
    """Shape (k, 1) against (k,): every weight meets every component."""
    mean = (weights[:, None] * means).mean()
    return _answer(mean, (weights[:, None] * (deviations**2 + (means - mean) ** 2)).mean())
