"""Answers to ex-classes-score: right ones, written differently, and wrong ones, each with a bug that people make."""

import torch
from torch.nn.functional import binary_cross_entropy_with_logits, pad, softplus


def right_by_softplus(real, fake):
    """-log D = softplus(-s) and -log(1 - D) = softplus(s)."""
    return softplus(-real.logsumexp(dim=1)).mean() + softplus(fake.logsumexp(dim=1)).mean()


def right_by_one_class_more(real, fake):
    """A softmax over K + 1 classes whose last logit is 0."""
    real, fake = (pad(part, (0, 1)).log_softmax(dim=1) for part in (real, fake))
    return -real[:, :-1].logsumexp(dim=1).mean() - fake[:, -1].mean()


def right_as_salimans(real, fake):
    """As the authors' code has it: -E[lse - softplus(lse)] + E[softplus(lse)]."""
    s, t = real.logsumexp(dim=1), fake.logsumexp(dim=1)
    return -(s - softplus(s)).mean() + softplus(t).mean()


def right_by_binary(real, fake):
    """Two binary cross-entropies with logits."""
    s, t = real.logsumexp(dim=1), fake.logsumexp(dim=1)
    bce = binary_cross_entropy_with_logits
    return bce(s, torch.ones_like(s)) + bce(t, torch.zeros_like(t))


def wrong_naive(real, fake):
    """Z itself, which overflows."""
    z, w = real.exp().sum(dim=1), fake.exp().sum(dim=1)
    return -(z / (z + 1)).log().mean() + (w + 1).log().mean()


def wrong_log_of_z(real, fake):
    """The logarithm of an overflowing sum instead of logsumexp."""
    return softplus(-real.exp().sum(dim=1).log()).mean() + softplus(fake.exp().sum(dim=1).log()).mean()


def wrong_largest(real, fake):
    """The largest logit instead of the logsumexp."""
    return softplus(-real.amax(dim=1)).mean() + softplus(fake.amax(dim=1)).mean()


def wrong_mean_logit(real, fake):
    """The mean logit as the score."""
    return softplus(-real.mean(dim=1)).mean() + softplus(fake.mean(dim=1)).mean()


def wrong_score_is_z(real, fake):
    """Z where log Z is the score."""
    cap = 700
    return (
        softplus(-real.clamp(max=cap).exp().sum(dim=1)).mean() + softplus(fake.clamp(max=cap).exp().sum(dim=1)).mean()
    )


def wrong_normalised(real, fake):
    """A log-softmax first: after it the logsumexp is always 0."""
    return right_by_softplus(real.log_softmax(dim=1), fake.log_softmax(dim=1))


def wrong_swapped(real, fake):
    """Data and samples exchanged."""
    return right_by_softplus(fake, real)


def wrong_missing_softplus(real, fake):
    """-E[lse] + E[softplus(lse)]: the authors' line with a softplus lost."""
    return -real.logsumexp(dim=1).mean() + softplus(fake.logsumexp(dim=1)).mean()


def wrong_half(real, fake):
    """Half of the sum, as in code that averages the two batches."""
    return right_by_softplus(real, fake) / 2


def wrong_sum(real, fake):
    """Sums over the batches."""
    return softplus(-real.logsumexp(dim=1)).sum() + softplus(fake.logsumexp(dim=1)).sum()


def wrong_over_batch(real, fake):
    """The logsumexp over the rows instead of over the classes."""
    return softplus(-real.logsumexp(dim=0)).mean() + softplus(fake.logsumexp(dim=0)).mean()


def wrong_pooled(real, fake):
    """One mean over both batches together, whatever their sizes, times two."""
    both = torch.cat([softplus(-real.logsumexp(dim=1)), softplus(fake.logsumexp(dim=1))])
    return 2 * both.mean()


def wrong_each_class(real, fake):
    """A sigmoid per class, as for K independent critics."""
    return softplus(-real).sum(dim=1).mean() + softplus(fake).sum(dim=1).mean()


def wrong_fake_labelled_real(real, fake):
    """The samples' term with the generator's target: -log D where -log(1 - D) is meant."""
    return softplus(-real.logsumexp(dim=1)).mean() + softplus(-fake.logsumexp(dim=1)).mean()
