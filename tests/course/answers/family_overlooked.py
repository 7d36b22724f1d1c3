"""Answers to ex-family-overlooked: right ones, written differently, and wrong ones, each with a bug of its own."""

import torch


def _jsd(p, q):
    m = (p + q) / 2
    return (torch.xlogy(p, p) + torch.xlogy(q, q)).sum() / 2 - torch.xlogy(m, m).sum()


def _kl(p, q):
    return (torch.xlogy(p, p) - torch.xlogy(p, q)).sum()


def right_by_relative_entropies(p, q):
    """Two KL divergences from the average, for the pairs and for the samples."""

    def divergence(a, b):
        return (_kl(a, (a + b) / 2) + _kl(b, (a + b) / 2)) / 2

    return divergence(p, q) - divergence(p.sum(1), q.sum(1))


def right_by_posteriors(p, q):
    """The second part itself: the mean divergence of the posteriors, row by row."""
    m = (p + q) / 2
    total = torch.zeros((), dtype=p.dtype)
    for a, b, c in zip(p, q, m, strict=True):
        for row in (a, b):
            if row.sum() > 0:
                total = total + row.sum() * _kl(row / row.sum(), c / c.sum()) / 2
    return total


def right_by_conditional_entropies(p, q):
    """H(y|x) of the average minus the mean of both."""

    def entropy(pairs):
        return torch.xlogy(pairs.sum(1), pairs.sum(1)).sum() - torch.xlogy(pairs, pairs).sum()

    return entropy((p + q) / 2) - (entropy(p) + entropy(q)) / 2


def wrong_the_pairs(p, q):
    """The divergence of the pairs, with nothing taken off."""
    return _jsd(p, q)


def wrong_the_samples(p, q):
    """The divergence of the samples: what the score does see."""
    return _jsd(p.sum(1), q.sum(1))


def wrong_labels_summed(p, q):
    """Sums over x in place of y: what a score of labels overlooks."""
    return _jsd(p, q) - _jsd(p.sum(0), q.sum(0))


def wrong_sign(p, q):
    """Samples minus pairs."""
    return _jsd(p.sum(1), q.sum(1)) - _jsd(p, q)


def wrong_bits(p, q):
    """Logarithms of base 2."""
    return (_jsd(p, q) - _jsd(p.sum(1), q.sum(1))) / torch.log(torch.tensor(2.0, dtype=p.dtype))


def wrong_doubled(p, q):
    """The sum of both KL divergences in place of their mean."""
    return 2 * (_jsd(p, q) - _jsd(p.sum(1), q.sum(1)))


def wrong_both_margins(p, q):
    """Takes off the divergence of the labels too."""
    return _jsd(p, q) - _jsd(p.sum(1), q.sum(1)) - _jsd(p.sum(0), q.sum(0))


def wrong_unweighted(p, q):
    """The mean over rows of the posteriors' divergence, every x alike."""
    a, b = (t / t.sum(1, keepdim=True).clamp_min(1e-12) for t in (p, q))
    return torch.stack([_jsd(x, y) for x, y in zip(a, b, strict=True)]).mean()


def wrong_equal_shares(p, q):
    """Weights the posteriors by m(x), but halves in place of pi(x)."""
    a, b = (t / t.sum(1, keepdim=True).clamp_min(1e-12) for t in (p, q))
    m = ((p + q) / 2).sum(1)
    return torch.stack([w * _jsd(x, y) for w, x, y in zip(m, a, b, strict=True)]).sum()


def wrong_square_root(p, q):
    """The Jensen-Shannon distance, the root of the divergence."""
    return (_jsd(p, q) - _jsd(p.sum(1), q.sum(1))).clamp_min(0).sqrt()


def wrong_smoothed(p, q):
    """Adds a little to every entry, against the logarithm of 0."""
    p, q = ((t + 1e-3) / (t + 1e-3).sum() for t in (p, q))
    return _jsd(p, q) - _jsd(p.sum(1), q.sum(1))


def wrong_mean_over_rows(p, q):
    """Averages over y to get the marginal, which then sums to less than 1."""
    return _jsd(p, q) - _jsd(p.mean(1), q.mean(1))
