"""Answers to ex-paradigms-line: right ones, written differently, and wrong ones, each with a bug that people make."""

import torch


def _parts(x, y):
    zero, one = x[y == 0], x[y == 1]
    return zero, one, zero.mean(dim=0), one.mean(dim=0)


def _within(x, y):
    zero, one, mean_0, mean_1 = _parts(x, y)
    return (zero - mean_0).T @ (zero - mean_0), (one - mean_1).T @ (one - mean_1)


def _line(x, y, covariance, *, prior=True):
    zero, one, mean_0, mean_1 = _parts(x, y)
    w = torch.linalg.inv(covariance) @ (mean_1 - mean_0)
    c = -(mean_1 + mean_0) @ w / 2
    if prior:
        c = c + torch.log(torch.tensor(len(one) / len(zero), dtype=torch.float64))
    return torch.cat([w, c[None]])


def right_by_inverse(x, y):
    """The covariances of the classes weighted by their frequencies."""
    zero, one, _, _ = _parts(x, y)
    covariances = [torch.cov(part.T, correction=0).reshape(x.shape[1], -1) for part in (zero, one)]
    return _line(x, y, (len(zero) * covariances[0] + len(one) * covariances[1]) / len(x))


def right_by_probing(x, y):
    """The log-odds computed from the two densities, at the origin and one step along each axis."""
    zero, one, mean_0, mean_1 = _parts(x, y)
    covariance = sum(_within(x, y)) / len(x)
    probes = torch.cat([torch.zeros(1, x.shape[1]), torch.eye(x.shape[1])]).double()
    densities = [torch.distributions.MultivariateNormal(m, covariance).log_prob(probes) for m in (mean_0, mean_1)]
    odds = densities[1] - densities[0] + torch.log(torch.tensor(len(one) / len(zero), dtype=torch.float64))
    return torch.cat([odds[1:] - odds[0], odds[:1]])


def right_by_one_hot(x, y):
    """Means by a product with the labels, and residuals about the mean of a point's own class."""
    labels = torch.stack([1 - y, y], dim=1)
    means = (labels.T @ x) / labels.sum(dim=0)[:, None]
    residual = x - labels @ means
    weights = torch.linalg.solve(residual.T @ residual / len(x), means.T)
    scores = labels.mean(dim=0).log() - (means.T * weights).sum(dim=0) / 2
    return torch.cat([weights[:, 1] - weights[:, 0], (scores[1] - scores[0])[None]])


def wrong_no_prior(x, y):
    """The class frequencies left out: the line half-way between the means."""
    return _line(x, y, sum(_within(x, y)) / len(x), prior=False)


def wrong_prior_swapped(x, y):
    """The odds of the frequencies upside down."""
    right = right_by_inverse(x, y)
    plain = wrong_no_prior(x, y)
    return 2 * plain - right


def wrong_prior_not_logged(x, y):
    """The difference of the frequencies, where the logarithm of their ratio belongs."""
    plain = wrong_no_prior(x, y)
    plain[-1] += 2 * y.mean() - 1
    return plain


def wrong_unbiased(x, y):
    """Divided by n - 2, as unbiased estimates are; maximum likelihood was asked for."""
    return _line(x, y, sum(_within(x, y)) / (len(x) - 2))


def wrong_class_unbiased(x, y):
    """Each class divided by its size minus 1, the default of `torch.cov`."""
    zero, one, _, _ = _parts(x, y)
    a, b = _within(x, y)
    return _line(x, y, (len(zero) * a / (len(zero) - 1) + len(one) * b / (len(one) - 1)) / len(x))


def wrong_plain_mean(x, y):
    """The two covariances averaged without weights, though the classes differ in size."""
    zero, one, _, _ = _parts(x, y)
    a, b = _within(x, y)
    return _line(x, y, (a / len(zero) + b / len(one)) / 2)


def wrong_overall_mean(x, y):
    """The covariance of all points about their common mean: the gap between the classes is counted as noise."""
    centred = x - x.mean(dim=0)
    return _line(x, y, centred.T @ centred / len(x))


def wrong_uncentred(x, y):
    """Second moments about the origin (scikit-learn PR 6666 had a covariance like this)."""
    return _line(x, y, x.T @ x / len(x))


def wrong_own_covariances(x, y):
    """One covariance for each class: the linear terms of a boundary that is a quadric."""
    zero, one, mean_0, mean_1 = _parts(x, y)
    a, b = _within(x, y)
    weights = torch.linalg.solve(a / len(zero), mean_0), torch.linalg.solve(b / len(one), mean_1)
    c = mean_0 @ weights[0] / 2 - mean_1 @ weights[1] / 2 + torch.log(torch.tensor(len(one) / len(zero)).double())
    return torch.cat([weights[1] - weights[0], c[None]])


def wrong_variances_alone(x, y):
    """Only the diagonal, which is naive Bayes; in one dimension there is no difference."""
    return _line(x, y, torch.diag((sum(_within(x, y)) / len(x)).diagonal()))


def wrong_no_covariance(x, y):
    """The difference of the means as the direction: right for round clouds of unit size."""
    return _line(x, y, torch.eye(x.shape[1], dtype=torch.float64))


def wrong_covariance_for_precision(x, y):
    """Multiplied by the covariance instead of divided."""
    return _line(x, y, torch.linalg.inv(sum(_within(x, y)) / len(x)))


def wrong_sign(x, y):
    """The log-odds of class 0."""
    return -right_by_inverse(x, y)


def wrong_half_forgotten(x, y):
    """The factor 1/2 of the squares left out: the line goes through the sum of the means, not their middle."""
    zero, one, mean_0, mean_1 = _parts(x, y)
    w = right_by_inverse(x, y)[:-1]
    c = -(mean_0 + mean_1) @ w + torch.log(torch.tensor(len(one) / len(zero)).double())
    return torch.cat([w, c[None]])


def wrong_fisher(x, y):
    """Fisher's direction at length one: the right direction, and no log-odds."""
    line = right_by_inverse(x, y)
    return line / line[:-1].norm()


def wrong_least_squares(x, y):
    """Linear regression on the labels 0 and 1, taken for log-odds."""
    design = torch.cat([x, torch.ones(len(x), 1, dtype=torch.float64)], dim=1)
    return torch.linalg.lstsq(design, y[:, None]).solution[:, 0]
