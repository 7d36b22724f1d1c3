"""Answers to ex-cgan-chain: right ones, written differently, and wrong ones, each with a bug that people make."""

import math

import torch
from torch import xlogy


def _kl(a, b):
    """KL with 0 log 0 = 0; b is positive wherever a is."""
    return (xlogy(a, a) - xlogy(a, torch.where(a == 0, 1.0, b))).sum()


def _jsd(a, b, share=0.5):
    m = share * a + (1 - share) * b
    return share * _kl(a, m) + (1 - share) * _kl(b, m)


def _conditional(table):
    """p(x | y); rows of labels that never occur stay 0."""
    total = table.sum(dim=1, keepdim=True)
    return table / torch.where(total == 0, 1.0, total)


def _parts(p, q, weights=None, shares=None):
    p_y, q_y = p.sum(dim=1), q.sum(dim=1)
    weights = (p_y + q_y) / 2 if weights is None else weights
    given_p, given_q = _conditional(p), _conditional(q)
    rest = p.new_zeros(())
    for k in range(len(p)):
        if p_y[k] + q_y[k] == 0:
            continue
        share = p_y[k] / (p_y[k] + q_y[k]) if shares is None else shares
        rest = rest + weights[k] * _jsd(given_p[k], given_q[k], share)
    return _jsd(p_y, q_y), rest


def right_by_definition(p, q):
    """Label by label, with the weights of the formula."""
    return torch.stack(_parts(p, q))


def right_by_chain_rule(p, q):
    """Four Kullback-Leibler divergences: of joints and of marginals, from their averages."""
    m = (p + q) / 2
    joint = (_kl(p, m) + _kl(q, m)) / 2
    labels = (_kl(p.sum(1), m.sum(1)) + _kl(q.sum(1), m.sum(1))) / 2
    return torch.stack([labels, joint - labels])


def right_by_entropies(p, q):
    """JSD is the entropy of the average minus the average of the entropies."""

    def entropy(a):
        return torch.special.entr(a).sum()

    def jsd(a, b):
        return entropy((a + b) / 2) - (entropy(a) + entropy(b)) / 2

    whole, labels = jsd(p.flatten(), q.flatten()), jsd(p.sum(dim=1), q.sum(dim=1))
    return torch.stack([labels, whole - labels])


def wrong_even_shares(p, q):
    """The ordinary JSD of the conditionals, which is right only if the labels are as frequent in both."""
    return torch.stack(_parts(p, q, shares=0.5))


def wrong_data_weights(p, q):
    """Weighted by p(y) instead of by the average of both."""
    return torch.stack(_parts(p, q, weights=p.sum(dim=1)))


def wrong_equal_weights(p, q):
    """Every label counts the same."""
    return torch.stack(_parts(p, q, weights=torch.full((len(p),), 1 / len(p), dtype=p.dtype)))


def wrong_whole_and_labels(p, q):
    """The whole divergence in place of what is left of it."""
    labels, rest = _parts(p, q)
    return torch.stack([labels, labels + rest])


def wrong_outcomes(p, q):
    """Summed over the wrong axis: the marginal of x in place of that of y."""
    return torch.stack(_parts(p.T, q.T))


def wrong_doubled(p, q):
    """Twice the divergence, as it stands in the value of the game."""
    return 2 * torch.stack(_parts(p, q))


def wrong_bits(p, q):
    """In bits."""
    return torch.stack(_parts(p, q)) / math.log(2)


def wrong_swapped_shares(p, q):
    """The weights of data and generator exchanged inside the average."""
    labels, _ = _parts(p, q)
    p_y, q_y, given_p, given_q = p.sum(1), q.sum(1), _conditional(p), _conditional(q)
    rest = sum(
        (p_y[k] + q_y[k]) / 2 * _jsd(given_q[k], given_p[k], p_y[k] / (p_y[k] + q_y[k]))
        for k in range(len(p))
        if p_y[k] + q_y[k] > 0
    )
    return torch.stack([labels, rest])


def wrong_epsilon(p, q):
    """A small number added to every entry against log 0, and no new normalisation."""
    return torch.stack(_parts(p + 1e-2, q + 1e-2))


def wrong_kl(p, q):
    """A Kullback-Leibler divergence in place of Jensen-Shannon's, clamped so that nothing is infinite."""
    a, b = p.clamp_min(1e-9), q.clamp_min(1e-9)
    labels = (a.sum(1) * (a.sum(1) / b.sum(1)).log()).sum()
    return torch.stack([labels, (a * (a / b).log()).sum() - labels])


def wrong_order(p, q):
    """The two parts in the wrong order."""
    return torch.stack(_parts(p, q)).flip(0)
