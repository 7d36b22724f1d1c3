"""Answers to ex-classes-signs: right ones, written differently, and wrong ones, each with a bug that people make."""

import math

import torch
from torch.nn.functional import binary_cross_entropy_with_logits, softplus


def right_by_softplus(a, b, c, d, weight):
    """-log D = softplus(-a) and -log(1 - D) = softplus(b)."""
    data, samples = -c.log().mean(), -d.log().mean()
    critic = softplus(-a).mean() + softplus(b).mean() + weight * (data + samples)
    return torch.stack([critic, softplus(-b).mean() + weight * samples])


def right_by_binary(a, b, c, d, weight):
    """Binary cross-entropies with logits, and a list."""
    bce, ones, zeros = binary_cross_entropy_with_logits, torch.ones_like(a), torch.zeros_like(b)
    classes = -weight * (c.log() + d.log()).mean()
    return [bce(a, ones) + bce(b, zeros) + classes, bce(b, ones) - weight * d.log().mean()]


def right_by_loop(a, b, c, d, weight):
    """Plain Python, with the larger exponent taken out."""

    def soft(s):
        return max(s, 0.0) + math.log1p(math.exp(-abs(s)))

    n = len(a)
    source = sum(soft(-s) for s in a.tolist()) / n + sum(soft(s) for s in b.tolist()) / n
    data, samples = (-sum(map(math.log, p.tolist())) / n for p in (c, d))
    return source + weight * (data + samples), sum(soft(-s) for s in b.tolist()) / n + weight * samples


def _parts(a, b, c, d):
    return softplus(-a).mean() + softplus(b).mean(), softplus(-b).mean(), -c.log().mean(), -d.log().mean()


def wrong_generator_opposed(a, b, c, d, weight):
    """The class term as one more game: minus for the generator."""
    source, fool, data, samples = _parts(a, b, c, d)
    return torch.stack([source + weight * (data + samples), fool - weight * samples])


def wrong_critic_opposed(a, b, c, d, weight):
    """The critic is paid for not recognising samples."""
    source, fool, data, samples = _parts(a, b, c, d)
    return torch.stack([source + weight * (data - samples), fool + weight * samples])


def wrong_data_only(a, b, c, d, weight):
    """The critic's classes are learned from data alone."""
    source, fool, data, samples = _parts(a, b, c, d)
    return torch.stack([source + weight * data, fool + weight * samples])


def wrong_samples_only(a, b, c, d, weight):
    """The critic's classes are learned from samples alone."""
    source, fool, _, samples = _parts(a, b, c, d)
    return torch.stack([source + weight * samples, fool + weight * samples])


def wrong_half(a, b, c, d, weight):
    """(d_real + d_fake) / 2, as in PyTorch-GAN."""
    source, fool, data, samples = _parts(a, b, c, d)
    return torch.stack([(source + weight * (data + samples)) / 2, fool + weight * samples])


def wrong_minimax(a, b, c, d, weight):
    """The saturating loss for the generator."""
    source, _, data, samples = _parts(a, b, c, d)
    return torch.stack([source + weight * (data + samples), -softplus(b).mean() + weight * samples])


def wrong_no_class_for_the_generator(a, b, c, d, weight):
    """The generator's loss without the class term: then nothing ties samples to labels."""
    source, fool, data, samples = _parts(a, b, c, d)
    return torch.stack([source + weight * (data + samples), fool])


def wrong_weight_ignored(a, b, c, d, weight):
    """The weight is left out."""
    source, fool, data, samples = _parts(a, b, c, d)
    return torch.stack([source + data + samples, fool + samples])


def wrong_weight_on_critic_only(a, b, c, d, weight):
    """The generator's class term without its weight."""
    source, fool, data, samples = _parts(a, b, c, d)
    return torch.stack([source + weight * (data + samples), fool + samples])


def wrong_naive(a, b, c, d, weight):
    """Sigmoid first, logarithm afterwards: infinite for sure critics."""
    p, q = torch.sigmoid(a), torch.sigmoid(b)
    data, samples = -c.log().mean(), -d.log().mean()
    critic = -p.log().mean() - (1 - q).log().mean() + weight * (data + samples)
    return torch.stack([critic, -q.log().mean() + weight * samples])


def wrong_probabilities(a, b, c, d, weight):
    """NLLLoss of probabilities: -c where -log c is meant (Obj-GAN, issue 30)."""
    source, fool, _, _ = _parts(a, b, c, d)
    return torch.stack([source - weight * (c.mean() + d.mean()), fool - weight * d.mean()])


def wrong_data_for_the_generator(a, b, c, d, weight):
    """The generator is charged for the classes of data."""
    source, fool, data, samples = _parts(a, b, c, d)
    return torch.stack([source + weight * (data + samples), fool + weight * data])


def wrong_order(a, b, c, d, weight):
    """The generator's loss first."""
    return right_by_softplus(a, b, c, d, weight).flip(0)


def wrong_maximised(a, b, c, d, weight):
    """L_S + L_C and L_C - L_S themselves, to be maximised."""
    return -right_by_softplus(a, b, c, d, weight)
