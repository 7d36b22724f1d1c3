"""Answers to ex-topics-step: right ones, written differently, and wrong ones, each with a bug that people make."""

import torch


def right_by_matrices(counts, weights, documents, words):
    """Two matrix products: the counts over p(d, w), times the documents' shares."""
    left = (weights[:, None] * documents).T
    ratio = counts / (left @ words)
    new = words * (left.T @ ratio)
    return new / new.sum(dim=1, keepdim=True)


def right_by_loop(counts, weights, documents, words):
    """Pair by pair."""
    new = torch.zeros_like(words)
    for d in range(counts.shape[0]):
        for w in range(counts.shape[1]):
            q = weights * documents[:, d] * words[:, w]
            new[:, w] += counts[d, w] * q / q.sum()
    return new / new.sum(1)[:, None]


def right_by_einsum(counts, weights, documents, words):
    """Logarithms and a softmax over topics."""
    logs = weights.log()[:, None, None] + documents.log()[:, :, None] + words.log()[:, None, :]
    new = torch.einsum("dw,kdw->kw", counts, logs.softmax(0))
    return new / new.sum(dim=1, keepdim=True)


def _step(counts, joint):
    return (counts * joint / joint.sum(dim=0)).sum(dim=1)


def _joint(weights, documents, words):
    return weights[:, None, None] * documents[:, :, None] * words[:, None, :]


def wrong_counts_ignored(counts, weights, documents, words):
    """Each pair that occurs counts once, however often it occurs."""
    new = _step((counts > 0).to(words), _joint(weights, documents, words))
    return new / new.sum(dim=1, keepdim=True)


def wrong_every_pair(counts, weights, documents, words):
    """The counts forgotten altogether: pairs that never occur take part."""
    new = _step(torch.ones_like(counts), _joint(weights, documents, words))
    return new / new.sum(dim=1, keepdim=True)


def wrong_no_weights(counts, weights, documents, words):
    """The E-step without p(z): a rare topic answers as if it were frequent."""
    new = _step(counts, _joint(torch.ones_like(weights), documents, words))
    return new / new.sum(dim=1, keepdim=True)


def wrong_no_document(counts, weights, documents, words):
    """The E-step without p(d | z): the topic of a word is the same in every document."""
    new = _step(counts, _joint(weights, torch.ones_like(documents), words))
    return new / new.sum(dim=1, keepdim=True)


def wrong_unnormalised(counts, weights, documents, words):
    """Expected counts, not divided by their sum."""
    return _step(counts, _joint(weights, documents, words))


def wrong_over_topics(counts, weights, documents, words):
    """Divided over the topics: p(z | w), not p(w | z)."""
    new = _step(counts, _joint(weights, documents, words))
    return new / new.sum(dim=0, keepdim=True).clamp_min(1e-9)


def wrong_joint_table(counts, weights, documents, words):
    """The whole table sums to 1, and not each topic."""
    new = _step(counts, _joint(weights, documents, words))
    return new / new.sum()


def wrong_by_length(counts, weights, documents, words):
    """Divided by the number of documents."""
    return _step(counts, _joint(weights, documents, words)) / len(counts)


def wrong_hard(counts, weights, documents, words):
    """Each pair goes to its likeliest topic alone, k-means style; a small number avoids empty topics."""
    joint = _joint(weights, documents, words)
    new = (counts * (joint == joint.amax(dim=0))).sum(dim=1) + 1e-3
    return new / new.sum(dim=1, keepdim=True)


def wrong_smoothed(counts, weights, documents, words):
    """One is added to every count: Laplace's rule, where maximum likelihood was asked for."""
    new = _step(counts, _joint(weights, documents, words)) + 1
    return new / new.sum(dim=1, keepdim=True)


def wrong_old_words(counts, weights, documents, words):
    """The new topics are the mean of the old ones and the step, a damping left in."""
    new = _step(counts, _joint(weights, documents, words))
    return (new / new.sum(dim=1, keepdim=True) + words) / 2
