"""Answers to ex-bigan-losses: right ones, written differently, and wrong ones, each with a bug that people make."""

import torch
from torch.nn.functional import mse_loss


def half(scores, goal):
    return (scores - goal).square().mean() / 2


def right_by_mse(real, fake):
    """torch's squared error against constant labels; for encoder and generator the labels are exchanged."""
    ones = torch.ones_like
    critic = mse_loss(real, ones(real)) + mse_loss(fake, -ones(fake))
    return [critic / 2, (mse_loss(real, -ones(real)) + mse_loss(fake, ones(fake))) / 2]


def right_by_exchange(real, fake):
    """The second loss is the first at negated scores."""

    def critic(a, b):
        return half(a, 1) + half(b, -1)

    return torch.stack([critic(real, fake), critic(-real, -fake)])


def right_by_moments(real, fake):
    """Squares multiplied out: both losses share all but the sign of the linear part."""
    even = (real.square().mean() + fake.square().mean()) / 2 + 1
    odd = real.mean() - fake.mean()
    return torch.stack([even - odd, even + odd])


def wrong_without_minus(real, fake):
    """The encoder's half at the score instead of minus the score: the encoder helps the critic."""
    return torch.stack([half(real, 1) + half(fake, -1), half(real, 1) + half(fake, 1)])


def wrong_fake_side_only(real, fake):
    """The generator's half alone: the encoder is never trained."""
    return torch.stack([half(real, 1) + half(fake, -1), half(fake, 1)])


def wrong_real_side_only(real, fake):
    """The encoder's half alone: the generator is never trained."""
    return torch.stack([half(real, 1) + half(fake, -1), half(real, -1)])


def wrong_zero_sum(real, fake):
    """The critic's loss negated, which has no smallest value."""
    critic = half(real, 1) + half(fake, -1)
    return torch.stack([critic, -critic])


def wrong_minus_the_loss(real, fake):
    """The encoder's half negated in the place of the score."""
    return torch.stack([half(real, 1) + half(fake, -1), half(fake, 1) - half(real, 1)])


def wrong_labels_swapped(real, fake):
    """The critic's labels swapped, and the others' with them (udacity/deep-learning, pull request 238)."""
    return right_by_exchange(-real, -fake)


def wrong_zero_and_one(real, fake):
    """The labels 0 and 1 of most published least-squares code."""
    return torch.stack([half(real, 1) + half(fake, 0), half(real, 0) + half(fake, 1)])


def wrong_towards_zero(real, fake):
    """Encoder and generator want the critic undecided: both scores at 0."""
    return torch.stack([half(real, 1) + half(fake, -1), half(real, 0) + half(fake, 0)])


def wrong_sigmoid(real, fake):
    """A sigmoid before the squares, as for cross-entropy."""
    return right_by_exchange(real.sigmoid(), fake.sigmoid())


def wrong_doubled(real, fake):
    """The factor 1/2 forgotten."""
    return right_by_exchange(real, fake) * 2


def wrong_halved(real, fake):
    """The mean over both kinds of pairs, where the loss has a sum of two."""
    return right_by_exchange(real, fake) / 2


def wrong_squared_mean(real, fake):
    """The square of the mean instead of the mean of squares."""
    return right_by_exchange(real.mean(), fake.mean())


def wrong_order(real, fake):
    """Encoder and generator first."""
    return right_by_exchange(real, fake).flip(0)
