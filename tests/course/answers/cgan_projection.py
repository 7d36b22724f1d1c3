"""Answers to ex-cgan-projection: right ones, written differently, and wrong ones, each with a bug that people make."""

import torch
from torch.nn.functional import linear, normalize, one_hot


def right_by_one_hot(features, labels, V, u, b):
    """y^T V phi with one-hot rows, as in the paper."""
    y = one_hot(labels.long(), len(V)).double()
    return torch.einsum("nk,kd,nd->n", y, V, features) + features @ u + b


def right_by_gather(features, labels, V, u, b):
    """All classes' scores, of which the label's is picked."""
    every = linear(features, V)
    return every.gather(1, labels.long()[:, None]).squeeze(1) + linear(features, u[None]).squeeze(1) + b


def right_by_loop(features, labels, V, u, b):
    """One sample after the other."""
    return torch.stack([f @ V[int(k)] + f @ u + b for f, k in zip(features, labels, strict=True)])


def wrong_all_pairs(features, labels, V, u, b):
    """A matrix product where row by row was meant, summed: every sample meets every label."""
    return (features @ V[labels.long()].T).sum(dim=1) + features @ u + b


def wrong_no_psi(features, labels, V, u, b):
    """The unconditional part forgotten: the critic cannot say that no class looks like this."""
    return (V[labels.long()] * features).sum(dim=1)


def wrong_no_bias(features, labels, V, u, b):
    """psi without its constant."""
    return ((V[labels.long()] + u) * features).sum(dim=1)


def wrong_no_label(features, labels, V, u, b):
    """Only psi: the score of an ordinary critic."""
    return features @ u + b


def wrong_added(features, labels, V, u, b):
    """The vector of the class is added up, not multiplied: concatenation in a linear layer."""
    return V[labels.long()].sum(dim=1) + features @ u + b


def wrong_mean(features, labels, V, u, b):
    """The mean over features where the sum belongs."""
    return (V[labels.long()] * features).mean(dim=1) + features @ u + b


def wrong_label_as_number(features, labels, V, u, b):
    """The label multiplied as if class 4 were twice class 2."""
    return labels * (features @ V[0]) + features @ u + b


def wrong_off_by_one(features, labels, V, u, b):
    """Classes counted from 1: an index of -1 is the last row, without an error."""
    return ((V[labels.long() - 1] + u) * features).sum(dim=1) + b


def wrong_cosine(features, labels, V, u, b):
    """Normalised vectors: the cosine, as in a contrastive loss."""
    cosine = (normalize(V[labels.long()], dim=1) * normalize(features, dim=1)).sum(dim=1)
    return cosine + features @ u + b


def wrong_best_class(features, labels, V, u, b):
    """The class that fits best instead of the class that was named, softly."""
    return (features @ V.T).logsumexp(dim=1) + features @ u + b


def wrong_psi_in_product(features, labels, V, u, b):
    """The class vector multiplies psi's output as well: v . phi times psi."""
    return (V[labels.long()] * features).sum(dim=1) * (features @ u + b)


def wrong_column_shape(features, labels, V, u, b):
    """Scores of shape (n, 1) added to scores of shape (n,): a square, whose diagonal nobody took; its row means."""
    product = (V[labels.long()] * features).sum(dim=1, keepdim=True)
    return (product + (features @ u + b)).mean(dim=1)
