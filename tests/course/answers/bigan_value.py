"""Answers to ex-bigan-value: right ones, written differently, and wrong ones, each with a bug that people make."""

import math

import torch


def joints(p_x, encoder, p_z, generator):
    return p_x[:, None] * encoder, (p_z[:, None] * generator).T


def value(p, q):
    return (torch.xlogy(p, p) + torch.xlogy(q, q) - torch.xlogy(p + q, p + q)).sum()


def gain(p, q):
    return value(p, q) - value(p.sum(dim=1), q.sum(dim=1))


def right_by_divergence(p_x, encoder, p_z, generator):
    """Twice the difference of two Jensen-Shannon divergences: log 4 cancels."""

    def jsd(p, q):
        m = (p + q) / 2
        return (torch.xlogy(p, p) + torch.xlogy(q, q) - 2 * torch.xlogy(m, m)).sum() / 2

    p, q = joints(p_x, encoder, p_z, generator)
    return 2 * (jsd(p, q) - jsd(p.sum(dim=1), q.sum(dim=1)))


def right_by_critic(p_x, encoder, p_z, generator):
    """Both values on the same cells: the best critic of x alone gives every z the same."""

    def at(a, b):
        d = torch.where(a + b > 0, a / (a + b).clamp_min(1e-300), 0.5)
        return (torch.xlogy(p, d) + torch.xlogy(q, 1 - d)).sum()

    p, q = joints(p_x, encoder, p_z, generator)
    return at(p, q) - at(p.sum(dim=1, keepdim=True).expand_as(p), q.sum(dim=1, keepdim=True).expand_as(q))


def right_by_loop(p_x, encoder, p_z, generator):
    """Plain Python."""

    def part(p, q):
        return (p * math.log(p / (p + q)) if p > 0 else 0.0) + (q * math.log(q / (p + q)) if q > 0 else 0.0)

    total = 0.0
    for x, weight in enumerate(p_x.tolist()):
        made = 0.0
        for z, other in enumerate(p_z.tolist()):
            p, q = weight * encoder[x, z].item(), other * generator[z, x].item()
            made += q
            total += part(p, q)
        total -= part(weight, made)
    return total


def wrong_order_of_pairs(p_x, encoder, p_z, generator):
    """The generator's pairs arrive as (z, G(z)): its table is read in the wrong order."""
    p, q = p_x[:, None] * encoder, p_z[:, None] * generator
    return gain(p, q.reshape(p.shape))


def wrong_pairs_alone(p_x, encoder, p_z, generator):
    """The value of the best critic of pairs, with nothing subtracted."""
    return value(*joints(p_x, encoder, p_z, generator))


def wrong_images_alone(p_x, encoder, p_z, generator):
    """The value of the best critic of images."""
    p, q = joints(p_x, encoder, p_z, generator)
    return value(p.sum(dim=1), q.sum(dim=1))


def wrong_latent_marginals(p_x, encoder, p_z, generator):
    """The other marginals: what reading x adds to reading z."""
    p, q = joints(p_x, encoder, p_z, generator)
    return value(p, q) - value(p.sum(dim=0), q.sum(dim=0))


def wrong_conditionals(p_x, encoder, p_z, generator):
    """The conditionals without the weights of x and z."""
    return gain(encoder / len(p_x), generator.T / len(p_z))


def wrong_another_z(p_x, encoder, p_z, generator):
    """G(z) beside another z: the generator's joint becomes the product of its marginals."""
    p, q = joints(p_x, encoder, p_z, generator)
    return gain(p, q.sum(dim=1, keepdim=True) * p_z)


def wrong_prior_of_x(p_x, encoder, p_z, generator):
    """The critic of x alone compares the data with themselves, not with what the generator makes."""
    p, q = joints(p_x, encoder, p_z, generator)
    return value(p, q) - value(p_x, p_x)


def wrong_one_divergence(p_x, encoder, p_z, generator):
    """The difference of the divergences: the factor 2 is missing."""
    return gain(*joints(p_x, encoder, p_z, generator)) / 2


def wrong_bits(p_x, encoder, p_z, generator):
    """Logarithms to base 2."""
    return gain(*joints(p_x, encoder, p_z, generator)) / math.log(2)


def wrong_sign(p_x, encoder, p_z, generator):
    """The difference of the critics' losses instead of their values."""
    return -gain(*joints(p_x, encoder, p_z, generator))


def wrong_guarded(p_x, encoder, p_z, generator):
    """A small number inside the logarithms, 1e-2 here, against a log 0 that xlogy does not have."""

    def guarded(p, q):
        return (p * (p / (p + q + 1e-2) + 1e-2).log() + q * (q / (p + q + 1e-2) + 1e-2).log()).sum()

    p, q = joints(p_x, encoder, p_z, generator)
    return guarded(p, q) - guarded(p.sum(dim=1), q.sum(dim=1))
