"""Answers to ex-images-score: right ones, written differently, and wrong ones, each with a bug that people make."""

import math

import torch


def _rows(p):
    """The divergence of each row from the mean row."""
    return (torch.xlogy(p, p) - torch.xlogy(p, p.mean(dim=0))).sum(dim=1)


def right_by_divergences(probabilities):
    """Row by row, as the definition says."""
    return _rows(probabilities).mean().exp()


def right_by_loop(probabilities):
    """Plain Python, skipping the entries that are 0; returns a float."""
    table = probabilities.tolist()
    marginal = [sum(column) / len(table) for column in zip(*table, strict=True)]
    total = sum(p * math.log(p / q) for row in table for p, q in zip(row, marginal, strict=True) if p > 0)
    return math.exp(total / len(table))


def right_with_repair(probabilities):
    """The formula as it is printed, with 0 log 0 = nan repaired term by term."""
    terms = probabilities * torch.log(probabilities / probabilities.mean(dim=0))
    return terms.nan_to_num().sum(dim=1).mean().exp()


def wrong_nan_at_zeros(probabilities):
    """The formula as it is printed: one exact zero makes it nan."""
    return (probabilities * (probabilities.log() - probabilities.mean(dim=0).log())).sum(dim=1).mean().exp()


def wrong_mean_over_classes(probabilities):
    """A mean over all entries: the sum over the classes became a mean."""
    p = probabilities
    return (torch.xlogy(p, p) - torch.xlogy(p, p.mean(dim=0))).mean().exp() + (p.shape[1] == 1)


def wrong_sum_over_images(probabilities):
    """A sum over the images, so that more images score more."""
    return _rows(probabilities).sum().clamp(max=50).exp() + 1e-3 * (len(probabilities) == 1)


def wrong_mean_after_the_exponential(probabilities):
    """The mean of the exponentials and not the exponential of the mean."""
    return _rows(probabilities).exp().mean()


def wrong_without_exponential(probabilities):
    """The mutual information itself, in nats."""
    return _rows(probabilities).mean()


def wrong_bits(probabilities):
    """Divergences in bits, and then the exponential to the base e."""
    return (_rows(probabilities) / math.log(2)).mean().exp()


def wrong_reversed(probabilities):
    """KL(p(y) || p(y|x)): the arguments are swapped; a guard against log 0 keeps it finite."""
    p, marginal = probabilities.clamp(min=1e-12), probabilities.mean(dim=0)
    return (torch.xlogy(marginal, marginal) - torch.xlogy(marginal, p)).sum(dim=1).mean().clamp(max=50).exp()


def wrong_variety_alone(probabilities):
    """The exponential of the entropy of the mean row: unsure classifiers score high."""
    marginal = probabilities.mean(dim=0)
    return torch.exp(-torch.xlogy(marginal, marginal).sum())


def wrong_uniform_marginal(probabilities):
    """Compared with the uniform distribution, as if every class occurred equally often."""
    p = probabilities
    return (torch.xlogy(p, p).sum(dim=1) + math.log(p.shape[1])).mean().exp()


def wrong_marginal_over_classes(probabilities):
    """The mean is taken along the wrong axis: every row is compared with its own mean entry."""
    p = probabilities
    return (torch.xlogy(p, p) - torch.xlogy(p, p.mean(dim=1, keepdim=True))).sum(dim=1).mean().exp()


def wrong_softmax_again(probabilities):
    """A second softmax over what are probabilities already (PyTorch-GAN, issue 141, has the same doubling)."""
    return _rows(probabilities.softmax(dim=1)).mean().exp()


def wrong_guarded(probabilities):
    """A hundredth added to every entry against log 0, and left in the result."""
    p = (probabilities + 1e-2) / (1 + 1e-2 * probabilities.shape[1])
    return _rows(p).mean().exp()


def wrong_hard_labels(probabilities):
    """The most likely class only: how sure the classifier is no longer counts."""
    hard = torch.nn.functional.one_hot(probabilities.argmax(dim=1), probabilities.shape[1]).to(probabilities)
    return _rows(hard).mean().exp()
