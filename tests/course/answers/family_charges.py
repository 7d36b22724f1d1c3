"""Answers to ex-family-charges: right ones, written differently, and wrong ones, each with a bug that people make."""

import torch
from torch.nn.functional import binary_cross_entropy, binary_cross_entropy_with_logits, logsigmoid, softplus


def right_by_cross_entropy(real, fake, terms, charged):
    """Binary cross-entropies with logits; the terms by a broadcast product."""
    bce = binary_cross_entropy_with_logits
    critic = bce(real, torch.ones_like(real)) + bce(fake, torch.zeros_like(fake))
    generator = bce(fake, torch.ones_like(fake))
    return torch.stack([critic, generator]) + (terms[:, None] * charged).sum(dim=0)


def right_by_logsigmoid(real, fake, terms, charged):
    """log D and log(1 - D) as logsigmoid of the score and of its negative."""
    critic = -logsigmoid(real).mean() - logsigmoid(-fake).mean() + terms @ charged[:, 0]
    return torch.stack([critic, -logsigmoid(fake).mean() + terms @ charged[:, 1]])


def right_by_loop(real, fake, terms, charged):
    """Adds the terms one by one."""
    losses = [softplus(-real).mean() + softplus(fake).mean(), softplus(-fake).mean()]
    for value, weights in zip(terms, charged, strict=True):
        losses = [loss + value * weight for loss, weight in zip(losses, weights, strict=True)]
    return torch.stack(losses)


def _objective(real, fake):
    return torch.stack([softplus(-real).mean() + softplus(fake).mean(), softplus(-fake).mean()])


def wrong_swapped_columns(real, fake, terms, charged):
    """Charges the generator what the critic owes."""
    return _objective(real, fake) + terms @ charged.flip(1)


def wrong_generator_subtracts(real, fake, terms, charged):
    """Reads "the generator maximises L_C - L_S" as a term of opposite sign: the players fight over it."""
    return _objective(real, fake) + (terms @ charged) * torch.tensor([1.0, -1.0], dtype=terms.dtype)


def wrong_critic_subtracts(real, fake, terms, charged):
    """Maximises the penalty in the critic's loss."""
    return _objective(real, fake) + (terms @ charged) * torch.tensor([-1.0, 1.0], dtype=terms.dtype)


def wrong_critic_alone(real, fake, terms, charged):
    """Charges the critic only: an InfoGAN whose generator never hears of its codes."""
    return _objective(real, fake) + (terms @ charged) * torch.tensor([1.0, 0.0], dtype=terms.dtype)


def wrong_everybody_pays(real, fake, terms, charged):
    """Adds every charge to both losses."""
    return _objective(real, fake) + (terms @ charged).sum()


def wrong_without_weights(real, fake, terms, charged):
    """Takes a weight for yes or no."""
    return _objective(real, fake) + terms @ (charged > 0).to(terms.dtype)


def wrong_mean_of_terms(real, fake, terms, charged):
    """Averages all terms with a term of its own, the objective."""
    return (_objective(real, fake) + terms @ charged) / (1 + len(terms))


def wrong_saturating(real, fake, terms, charged):
    """The generator's minimax loss, log(1 - D)."""
    losses = torch.stack([softplus(-real).mean() + softplus(fake).mean(), -softplus(fake).mean()])
    return losses + terms @ charged


def wrong_labels_swapped(real, fake, terms, charged):
    """The critic is asked to call data generated (udacity/deep-learning, pull request 238)."""
    losses = torch.stack([softplus(real).mean() + softplus(-fake).mean(), softplus(-fake).mean()])
    return losses + terms @ charged


def wrong_halved(real, fake, terms, charged):
    """The mean of the critic's two parts in place of their sum."""
    losses = torch.stack([(softplus(-real).mean() + softplus(fake).mean()) / 2, softplus(-fake).mean()])
    return losses + terms @ charged


def wrong_summed(real, fake, terms, charged):
    """Sums over the batch in place of means."""
    losses = torch.stack([softplus(-real).sum() + softplus(fake).sum(), softplus(-fake).sum()])
    return losses + terms @ charged


def wrong_probabilities(real, fake, terms, charged):
    """Sigmoid first: torch clamps the logarithms at -100, so that a loss of 400 reads 100."""
    bce = binary_cross_entropy
    d, g = real.sigmoid(), fake.sigmoid()
    critic = bce(d, torch.ones_like(d)) + bce(g, torch.zeros_like(g))
    return torch.stack([critic, bce(g, torch.ones_like(g))]) + terms @ charged


def wrong_terms_forgotten(real, fake, terms, charged):
    """Computed, never added (igul222/improved_wgan_training issue 18)."""
    return _objective(real, fake)
