"""Answers to ex-bigan-value: right ones, written differently, and wrong ones, each with a bug that people make."""

import math

import torch


def joints(p_x, encoder, p_z, generator):
    return p_x[:, None] * encoder, (p_z[:, None] * generator).T


def value(p, q):
    return (torch.xlogy(p, p) + torch.xlogy(q, q) - torch.xlogy(p + q, p + q)).sum()


def right_by_divergence(p_x, encoder, p_z, generator):
    """Twice the Jensen-Shannon divergence, less log 4."""
    p, q = joints(p_x, encoder, p_z, generator)
    m = (p + q) / 2
    jsd = (torch.xlogy(p, p) + torch.xlogy(q, q) - 2 * torch.xlogy(m, m)).sum() / 2
    return 2 * jsd - math.log(4)


def right_by_critic(p_x, encoder, p_z, generator):
    """The value at the best critic, cell by cell."""
    p, q = joints(p_x, encoder, p_z, generator)
    d = torch.where(p + q > 0, p / (p + q).clamp_min(1e-300), 0.5)
    return (torch.xlogy(p, d) + torch.xlogy(q, 1 - d)).sum()


def right_by_loop(p_x, encoder, p_z, generator):
    """Plain Python."""
    total = 0.0
    for x, weight in enumerate(p_x.tolist()):
        for z, other in enumerate(p_z.tolist()):
            p, q = weight * encoder[x, z].item(), other * generator[z, x].item()
            total += p * math.log(p / (p + q)) if p > 0 else 0.0
            total += q * math.log(q / (p + q)) if q > 0 else 0.0
    return total


def wrong_order_of_pairs(p_x, encoder, p_z, generator):
    """The generator's pairs arrive as (z, G(z)): its table is read in the wrong order."""
    p, q = p_x[:, None] * encoder, p_z[:, None] * generator
    return value(p, q.reshape(p.shape))


def wrong_marginals(p_x, encoder, p_z, generator):
    """A critic of images alone: the latent vectors are summed out."""
    p, q = joints(p_x, encoder, p_z, generator)
    return value(p.sum(dim=1), q.sum(dim=1))


def wrong_latent_marginals(p_x, encoder, p_z, generator):
    """A critic of latent vectors alone, as in an adversarial autoencoder."""
    p, q = joints(p_x, encoder, p_z, generator)
    return value(p.sum(dim=0), q.sum(dim=0))


def wrong_conditionals(p_x, encoder, p_z, generator):
    """The conditionals without the weights of x and z."""
    return value(encoder / len(p_x), generator.T / len(p_z))


def wrong_another_z(p_x, encoder, p_z, generator):
    """G(z) beside another z: the generator's joint becomes the product of its marginals."""
    p, q = joints(p_x, encoder, p_z, generator)
    return value(p, q.sum(dim=1, keepdim=True) * p_z)


def wrong_divergence(p_x, encoder, p_z, generator):
    """2 JSD, with log 4 forgotten."""
    return right_by_divergence(p_x, encoder, p_z, generator) + math.log(4)


def wrong_one_divergence(p_x, encoder, p_z, generator):
    """JSD - log 4: the factor 2 is missing."""
    return (right_by_divergence(p_x, encoder, p_z, generator) - math.log(4)) / 2


def wrong_bits(p_x, encoder, p_z, generator):
    """Logarithms to base 2."""
    return right_by_divergence(p_x, encoder, p_z, generator) / math.log(2)


def wrong_sign(p_x, encoder, p_z, generator):
    """The critic's loss instead of the value."""
    return -right_by_divergence(p_x, encoder, p_z, generator)


def wrong_undecided(p_x, encoder, p_z, generator):
    """The value at D = 1/2, where the game would end, whatever the joints are."""
    p, q = joints(p_x, encoder, p_z, generator)
    return (p + q).sum() * math.log(0.5)


def wrong_guarded(p_x, encoder, p_z, generator):
    """A small number inside the logarithms, 1e-2 here, against a log 0 that xlogy does not have."""
    p, q = joints(p_x, encoder, p_z, generator)
    return (p * (p / (p + q + 1e-2) + 1e-2).log() + q * (q / (p + q + 1e-2) + 1e-2).log()).sum()
