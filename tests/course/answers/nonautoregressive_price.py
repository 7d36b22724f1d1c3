"""Answers to ex-nonautoregressive-price: right ones, and wrong ones, each with a bug that people make."""

import math

import torch


def right_by_entropies(joint):
    """The sum of the marginals' entropies minus the joint one."""

    def entropy(p):
        return -torch.xlogy(p, p).sum()

    a, b = joint.sum(1), joint.sum(0)
    mass = torch.outer(a, b)[joint > 0].sum()
    return torch.stack([entropy(a) + entropy(b) - entropy(joint.flatten()), mass])


def right_by_loop(joint):
    """Plain Python, one pair after the other."""
    a, b = joint.sum(1).tolist(), joint.sum(0).tolist()
    price = mass = 0.0
    for i, row in enumerate(joint.tolist()):
        for j, p in enumerate(row):
            if p > 0:
                price += p * math.log(p / (a[i] * b[j]))
                mass += a[i] * b[j]
    return torch.tensor([price, mass])


def right_by_complement(joint):
    """The divergence of where(p > 0), and one minus what falls on impossible pairs."""
    product = joint.sum(1)[:, None] * joint.sum(0)[None]
    ratio = torch.where(joint > 0, joint / product.clamp(min=1e-300), torch.ones_like(joint))
    return torch.stack([(joint * ratio.log()).sum(), 1 - torch.where(joint > 0, 0.0, product).sum()])


def wrong_nan_at_zeros(joint):
    """The formula as printed: 0 log 0 is nan."""
    product = joint.sum(1, keepdim=True) * joint.sum(0, keepdim=True)
    return torch.stack([(joint * (joint / product).log()).sum(), product[joint > 0].sum()])


def wrong_base_two(joint):
    """In bits."""
    price, mass = right_by_entropies(joint)
    return torch.stack([price / math.log(2), mass])


def wrong_other_direction(joint):
    """KL(q, p) instead of KL(p, q), on the pairs where it is finite."""
    product = joint.sum(1, keepdim=True) * joint.sum(0, keepdim=True)
    both = joint > 0
    return torch.stack([(product[both] * (product[both] / joint[both]).log()).sum(), product[both].sum()])


def wrong_bound_for_mass(joint):
    """exp(-TC), which is only a lower bound of the mass."""
    price, _ = right_by_entropies(joint)
    return torch.stack([price, torch.exp(-price)])


def wrong_uniform_places(joint):
    """Independent places taken to be uniform instead of the marginals."""
    product = torch.full_like(joint, 1 / joint.numel())
    return torch.stack([torch.xlogy(joint, joint / product).sum(), product[joint > 0].sum()])


def wrong_sign(joint):
    """The joint entropy minus the marginal ones."""
    price, mass = right_by_entropies(joint)
    return torch.stack([-price, mass])


def wrong_swapped(joint):
    """The two numbers in the other order."""
    return right_by_entropies(joint).flip(0)


def wrong_normalised(joint):
    """Divided by the joint entropy, as a normalised mutual information is."""
    price, mass = right_by_entropies(joint)
    return torch.stack([price / (-torch.xlogy(joint, joint).sum()).clamp(min=1e-9), mass])


def wrong_floor_of_loss(joint):
    """The loss of the best independent places, from which the entropy was not subtracted."""
    _, mass = right_by_entropies(joint)
    a, b = joint.sum(1), joint.sum(0)
    return torch.stack([-torch.xlogy(a, a).sum() - torch.xlogy(b, b).sum(), mass])


def wrong_mass_of_the_joint(joint):
    """The joint's own mass on possible pairs, which is 1."""
    price, _ = right_by_entropies(joint)
    return torch.stack([price, joint[joint > 0].sum()])


def wrong_smoothed(joint):
    """A small number in the logarithm, left in the result, and every pair possible by it."""
    p = joint + 1e-3
    p = p / p.sum()
    return right_by_entropies(p)


def wrong_best_pair(joint):
    """The probability of the pair of best words instead of the mass of all possible pairs."""
    price, _ = right_by_entropies(joint)
    return torch.stack([price, joint.sum(1).max() * joint.sum(0).max()])
