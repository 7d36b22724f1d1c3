"""Answers to ex-cgan-pairing: right ones, written differently, and wrong ones, each with a bug that people make."""

import torch
from torch.nn.functional import binary_cross_entropy_with_logits as bce
from torch.nn.functional import logsigmoid, one_hot, softplus


def _scores(W, x, y):
    return (W[y.long()] * x).sum(dim=1)


def _losses(real, fake):
    return torch.stack([softplus(-real).mean() + softplus(fake).mean(), softplus(-fake).mean()])


def right_by_one_hot(W, x, y, made, asked):
    """All scores of all classes, masked by a one-hot label; logsigmoid instead of softplus."""
    real, fake = ((s @ W.T * one_hot(label.long(), len(W))).sum(dim=1) for s, label in ((x, y), (made, asked)))
    return torch.stack([-logsigmoid(real).mean() - logsigmoid(-fake).mean(), -logsigmoid(fake).mean()])


def right_by_loop(W, x, y, made, asked):
    """One pair after the other."""
    real = torch.stack([x[i] @ W[int(y[i])] for i in range(len(x))])
    fake = torch.stack([made[i] @ W[int(asked[i])] for i in range(len(made))])
    return _losses(real, fake)


def right_by_cross_entropy(W, x, y, made, asked):
    """torch's cross-entropy with logits and targets."""
    real, fake = torch.einsum("nd,nd->n", W[y.long()], x), torch.einsum("nd,nd->n", W[asked.long()], made)
    critic = bce(real, torch.ones_like(real)) + bce(fake, torch.zeros_like(fake))
    return torch.stack([critic, bce(fake, torch.ones_like(fake))])


def wrong_real_labels_for_fake(W, x, y, made, asked):
    """Samples made from other labels, judged with those of the real batch (see Awesome-GANs, issue 20)."""
    borrowed = y[torch.arange(len(made)) % len(y)]
    return _losses(_scores(W, x, y), _scores(W, made, borrowed))


def wrong_asked_labels_for_real(W, x, y, made, asked):
    """Data judged with the labels that were drawn for the samples (Keras-GAN issue 105)."""
    borrowed = asked[torch.arange(len(x)) % len(asked)]
    return _losses(_scores(W, x, borrowed), _scores(W, made, asked))


def wrong_labels_exchanged(W, x, y, made, asked):
    """Both batches with each other's labels."""
    real = _scores(W, x, asked[torch.arange(len(x)) % len(asked)])
    return _losses(real, _scores(W, made, y[torch.arange(len(made)) % len(y)]))


def wrong_labels_rolled(W, x, y, made, asked):
    """Labels one row off, as when samples are shuffled and labels are not."""
    return _losses(_scores(W, x, y.roll(1)), _scores(W, made, asked.roll(1)))


def wrong_all_pairs(W, x, y, made, asked):
    """A matrix product where row by row was meant: every sample meets every label, without an error."""
    return _losses((x @ W[y.long()].T).flatten(), (made @ W[asked.long()].T).flatten())


def wrong_all_classes(W, x, y, made, asked):
    """The label is never looked at: the sum of the scores of all classes."""
    return _losses((x @ W.T).sum(dim=1), (made @ W.T).sum(dim=1))


def wrong_first_class(W, x, y, made, asked):
    """The first label decides for the whole batch."""
    return _losses(x @ W[int(y[0])], made @ W[int(asked[0])])


def wrong_swapped_targets(W, x, y, made, asked):
    """Real and generated exchanged in the critic's loss (udacity/deep-learning pull request 238)."""
    real, fake = _scores(W, x, y), _scores(W, made, asked)
    return torch.stack([softplus(real).mean() + softplus(-fake).mean(), softplus(-fake).mean()])


def wrong_saturating(W, x, y, made, asked):
    """The minimax loss for the generator."""
    losses = _losses(_scores(W, x, y), _scores(W, made, asked))
    return torch.stack([losses[0], -softplus(_scores(W, made, asked)).mean()])


def wrong_order(W, x, y, made, asked):
    """The right numbers in the wrong order."""
    return _losses(_scores(W, x, y), _scores(W, made, asked)).flip(0)


def wrong_sums(W, x, y, made, asked):
    """Sums over the batches instead of means."""
    real, fake = _scores(W, x, y), _scores(W, made, asked)
    return torch.stack([softplus(-real).sum() + softplus(fake).sum(), softplus(-fake).sum()])


def wrong_epsilon(W, x, y, made, asked):
    """log(D + 1e-8): bounded where the loss is not."""
    real, fake = torch.sigmoid(_scores(W, x, y)), torch.sigmoid(_scores(W, made, asked))
    eps = 1e-8
    critic = -torch.log(real + eps).mean() - torch.log(1 - fake + eps).mean()
    return torch.stack([critic, -torch.log(fake + eps).mean()])


def wrong_halved(W, x, y, made, asked):
    """The factor 1/2 of a lecture's PyTorch example."""
    losses = _losses(_scores(W, x, y), _scores(W, made, asked))
    return torch.stack([losses[0] / 2, losses[1]])
