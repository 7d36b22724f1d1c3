"""Answers to ex-bigan-losses: right ones, written differently, and wrong ones, each with a bug that people make."""

import torch
from torch.nn.functional import binary_cross_entropy_with_logits as bce
from torch.nn.functional import logsigmoid, softplus


def right_by_logsigmoid(real, fake):
    """log D = logsigmoid(a), log(1 - D) = logsigmoid(-a)."""
    critic = -logsigmoid(real).mean() - logsigmoid(-fake).mean()
    return torch.stack([critic, -logsigmoid(-real).mean() - logsigmoid(fake).mean()])


def right_by_labels(real, fake):
    """Cross-entropies with logits; for encoder and generator the labels are exchanged."""
    ones, zeros = torch.ones_like, torch.zeros_like
    critic = bce(real, ones(real)) + bce(fake, zeros(fake))
    return [critic, bce(real, zeros(real)) + bce(fake, ones(fake))]


def right_by_exchange(real, fake):
    """The second loss is the first at negated scores."""

    def critic(a, b):
        return softplus(-a).mean() + softplus(b).mean()

    return torch.stack([critic(real, fake), critic(-real, -fake)])


def wrong_without_minus(real, fake):
    """The encoder's half at the score instead of minus the score: the encoder helps the critic."""
    critic = softplus(-real).mean() + softplus(fake).mean()
    return torch.stack([critic, softplus(-real).mean() + softplus(-fake).mean()])


def wrong_fake_side_only(real, fake):
    """The generator's half alone: the encoder is never trained."""
    return torch.stack([softplus(-real).mean() + softplus(fake).mean(), softplus(-fake).mean()])


def wrong_real_side_only(real, fake):
    """The encoder's half alone: the generator is never trained."""
    return torch.stack([softplus(-real).mean() + softplus(fake).mean(), softplus(real).mean()])


def wrong_saturating(real, fake):
    """The zero-sum form, V itself, for encoder and generator."""
    critic = softplus(-real).mean() + softplus(fake).mean()
    return torch.stack([critic, -critic])


def wrong_labels_swapped(real, fake):
    """The critic's labels swapped, and the others' with them (udacity/deep-learning, pull request 238)."""
    return right_by_exchange(-real, -fake)


def wrong_naive(real, fake):
    """Sigmoid first, logarithm afterwards, with 1e-8 against log 0: no loss can exceed 18.4."""
    a, b = real.sigmoid(), fake.sigmoid()
    critic = -(a + 1e-8).log().mean() - (1 - b + 1e-8).log().mean()
    return torch.stack([critic, -(1 - a + 1e-8).log().mean() - (b + 1e-8).log().mean()])


def wrong_double_sigmoid(real, fake):
    """A sigmoid before a loss that already contains one (ganhacks issue 36)."""
    return right_by_exchange(real.sigmoid(), fake.sigmoid())


def wrong_halved(real, fake):
    """The mean over both kinds of pairs, where the value has a sum of two means."""
    return right_by_exchange(real, fake) / 2


def wrong_summed(real, fake):
    """Sums over the batch instead of means."""
    critic = softplus(-real).sum() + softplus(fake).sum()
    return torch.stack([critic, softplus(real).sum() + softplus(-fake).sum()])


def wrong_pooled(real, fake):
    """One mean over all pairs, times two: right only for equal numbers and for a single pair of each."""
    critic = 2 * torch.cat([softplus(-real), softplus(fake)]).mean()
    return torch.stack([critic, 2 * torch.cat([softplus(real), softplus(-fake)]).mean()])


def wrong_order(real, fake):
    """Encoder and generator first."""
    return right_by_exchange(real, fake).flip(0)
