"""Answers to ex-sampling-weights: right ones, written differently, and wrong ones, each with a bug that people make."""

import torch


def right_by_logsumexp(values, log_weights):
    """All in the logarithm."""
    total = log_weights.logsumexp(dim=0)
    mean = ((log_weights - total).exp() * values).sum()
    size = (2 * total - (2 * log_weights).logsumexp(dim=0)).exp()
    return torch.stack([mean, size])


def right_by_maximum(values, log_weights):
    """The largest subtracted by hand, then as in the formula."""
    w = (log_weights - log_weights.max()).exp()
    return torch.stack([(w * values).sum() / w.sum(), w.sum() ** 2 / (w**2).sum()])


def right_by_loop(values, log_weights):
    """Ratios to each weight in turn, without any normalisation: 1 / p_n is the sum of w_m / w_n."""
    shares = torch.stack([1 / (log_weights - one).exp().sum() for one in log_weights])
    return torch.stack([shares @ values, 1 / (shares @ shares)])


def _pair(mean, size):
    return torch.stack([torch.as_tensor(mean).double(), torch.as_tensor(size).double()])


def _size(values, log_weights):
    return right_by_logsumexp(values, log_weights)[1]


def _mean(values, log_weights):
    return right_by_logsumexp(values, log_weights)[0]


def wrong_not_normalised(values, log_weights):
    """The division by the sum of the weights forgotten: the unknown constant stays in."""
    return _pair((log_weights.exp() * values).mean(), _size(values, log_weights))


def wrong_overflow(values, log_weights):
    """exp of logarithms that no float can hold."""
    w = log_weights.exp()
    return _pair((w * values).sum() / w.sum(), w.sum() ** 2 / (w**2).sum())


def wrong_guarded(values, log_weights):
    """Overflow avoided by clamping the logarithms, which changes the weights."""
    w = log_weights.clamp(-20, 20).exp()
    return _pair((w * values).sum() / w.sum(), w.sum() ** 2 / (w**2).sum())


def wrong_logs_as_weights(values, log_weights):
    """The logarithms used as weights."""
    w = log_weights
    return _pair((w * values).sum() / w.sum(), w.sum() ** 2 / (w**2).sum())


def wrong_no_weights(values, log_weights):
    """The plain mean: that of the proposal."""
    return _pair(values.mean(), _size(values, log_weights))


def wrong_upside_down(values, log_weights):
    """q / f instead of f / q."""
    return right_by_logsumexp(values, -log_weights)


def wrong_size_share(values, log_weights):
    """The effective size as a share of n."""
    return _pair(_mean(values, log_weights), _size(values, log_weights) / len(values))


def wrong_size_entropy(values, log_weights):
    """The exponential of the entropy: another effective number."""
    w = log_weights.softmax(dim=0)
    return _pair((w * values).sum(), (-torch.xlogy(w, w).sum()).exp())


def wrong_size_not_squared(values, log_weights):
    """The sum of the normalised weights, which is 1."""
    w = log_weights.softmax(dim=0)
    return _pair((w * values).sum(), 1 / w.sum())


def wrong_size_of_logs(values, log_weights):
    """n / (1 + the variance of the log-weights), which is meant for the weights over their mean."""
    variance = log_weights.var(unbiased=False)
    return _pair(_mean(values, log_weights), len(values) / (1 + variance))


def wrong_size_unbiased(values, log_weights):
    """n / (1 + variance of w / mean), with n - 1 in the variance."""
    w = log_weights.softmax(dim=0) * len(values)
    variance = ((w - 1) ** 2).sum() / max(len(values) - 1, 1)
    return _pair(_mean(values, log_weights), len(values) / (1 + variance))


def wrong_size_largest(values, log_weights):
    """1 / the largest share, another measure that also runs from 1 to n."""
    return _pair(_mean(values, log_weights), 1 / log_weights.softmax(dim=0).max())


def wrong_swapped(values, log_weights):
    """The two numbers in the other order."""
    return right_by_logsumexp(values, log_weights).flip(0)


def wrong_divided_twice(values, log_weights):
    """Normalised weights, and then a mean instead of a sum."""
    return _pair((log_weights.softmax(dim=0) * values).mean(), _size(values, log_weights))
