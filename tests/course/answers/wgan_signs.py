"""Answers to ex-wgan-signs: right ones, written differently, and wrong ones, each with a bug that people make."""

import torch


def right_by_cases(real, fake, data_high):
    """Each convention written out."""
    r, f = real.mean(), fake.mean()
    return torch.stack([f - r, -f, r - f]) if data_high else torch.stack([r - f, f, f - r])


def right_by_negation(real, fake, data_high):
    """The published code plays the textbook's game with minus the scores."""
    if not data_high:
        return right_by_negation(-real, -fake, 1)
    gap = torch.mean(real) - torch.mean(fake)
    return torch.stack([-gap, -torch.mean(fake), gap])


def right_by_lists(real, fake, data_high):
    """Sums of plain numbers."""
    r, f = sum(real.tolist()) / len(real), sum(fake.tolist()) / len(fake)
    s = 2 * data_high - 1
    return torch.tensor([s * (f - r), -s * f, s * (r - f)])


def wrong_one_convention(real, fake, data_high):
    """The textbook's signs whatever was asked (or the paper's, beside the code's)."""
    return right_by_cases(real, fake, 1)


def wrong_swapped(real, fake, data_high):
    """The two conventions the wrong way round."""
    return right_by_cases(real, fake, not data_high)


def wrong_plot(real, fake, data_high):
    """Loss_D itself is plotted as the distance, where it is minus Loss_D (WassersteinGAN issue 17)."""
    critic, generator, distance = right_by_cases(real, fake, data_high)
    return torch.stack([critic, generator, -distance])


def wrong_mixed(real, fake, data_high):
    """The critic's loss of one convention with the generator's of the other: the samples walk away."""
    critic, generator, distance = right_by_cases(real, fake, data_high)
    return torch.stack([critic, -generator, distance])


def wrong_absolute(real, fake, data_high):
    """The estimate's absolute value: a critic that has it the wrong way round looks good."""
    _, generator, distance = right_by_cases(real, fake, data_high)
    return torch.stack([-distance.abs(), generator, distance.abs()])


def wrong_sigmoid(real, fake, data_high):
    """A sigmoid at the critic's end (a textbook's WGAN-GP)."""
    return right_by_cases(real.sigmoid(), fake.sigmoid(), data_high)


def wrong_hinge(real, fake, data_high):
    """The hinge loss under the name of WGAN (labml's annotated papers)."""
    s = 1.0 if data_high else -1.0
    critic = torch.relu(1 - s * real).mean() + torch.relu(1 + s * fake).mean()
    return torch.stack([critic, -s * fake.mean(), -critic])


def wrong_pairs(real, fake, data_high):
    """Differences of pairs, as far as the shorter batch goes."""
    n = min(len(real), len(fake))
    return right_by_cases(real[:n], fake[:n], data_high)


def wrong_sum(real, fake, data_high):
    """Sums instead of means."""
    s = 1.0 if data_high else -1.0
    gap = s * (real.sum() - fake.sum())
    return torch.stack([-gap, -s * fake.sum(), gap])


def wrong_generator_sees_data(real, fake, data_high):
    """The generator's loss is the whole gap: the same gradient, another number, and the curve of the critic twice."""
    critic, _, distance = right_by_cases(real, fake, data_high)
    return torch.stack([critic, distance, distance])
