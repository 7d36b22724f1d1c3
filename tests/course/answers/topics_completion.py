"""Answers to ex-topics-completion: right ones, written differently, and wrong ones, each with a bug people make."""

import torch


def _fold(seen, topics, steps):
    theta = torch.full((len(seen), len(topics)), 1 / len(topics), dtype=topics.dtype)
    for _ in range(steps):
        theta = theta * ((seen / (theta @ topics)) @ topics.T)
        theta = theta / theta.sum(dim=1, keepdim=True)
    return theta


def _score(hidden, theta, topics):
    return torch.exp(-(hidden * (theta @ topics).log()).sum() / hidden.sum())


def right_by_lengths(seen, hidden, topics, steps):
    """Each step divided by the document's length, which is the sum it has."""
    theta = torch.ones(len(seen), len(topics), dtype=topics.dtype) / len(topics)
    for _ in range(steps):
        theta = theta * ((seen / (theta @ topics)) @ topics.T) / seen.sum(dim=1, keepdim=True)
    return _score(hidden, theta, topics)


def right_by_responsibilities(seen, hidden, topics, steps):
    """Document by document, with the shares of each word written out."""
    logs = torch.zeros((), dtype=topics.dtype)
    for s, h in zip(seen, hidden, strict=True):
        theta = torch.ones(len(topics), dtype=topics.dtype) / len(topics)
        for _ in range(steps):
            q = theta[:, None] * topics
            theta = (s * q / q.sum(0)).sum(1) / s.sum()
        logs = logs + (h * torch.log(theta @ topics)).sum()
    return torch.exp(-logs / hidden.sum())


def right_in_logs(seen, hidden, topics, steps):
    """Proportions kept as logarithms."""
    logits = torch.zeros(len(seen), len(topics), dtype=topics.dtype)
    for _ in range(steps):
        q = (logits[:, :, None] + topics.log()).softmax(dim=1)
        logits = (q * seen[:, None]).sum(dim=2).log()
        logits = logits - logits.logsumexp(dim=1, keepdim=True)
    p = (logits.log_softmax(dim=1)[:, :, None] + topics.log()).logsumexp(dim=1)
    return (-(hidden * p).sum() / hidden.sum()).exp()


def wrong_peeks(seen, hidden, topics, steps):
    """Folds in with the hidden words as well: scored on what it was fitted to."""
    return _score(hidden, _fold(seen + hidden, topics, steps), topics)


def wrong_scores_seen(seen, hidden, topics, steps):
    """Scores the words it has seen."""
    return _score(seen, _fold(seen, topics, steps), topics)


def wrong_no_folding(seen, hidden, topics, steps):
    """Leaves the proportions equal, whatever the document says."""
    return _score(hidden, _fold(seen, topics, 0), topics)


def wrong_one_more(seen, hidden, topics, steps):
    """One step too many."""
    return _score(hidden, _fold(seen, topics, steps + 1), topics)


def wrong_counts_ignored(seen, hidden, topics, steps):
    """Each seen word counts once, however often it occurs, and each hidden one too."""
    once = (seen > 0).to(topics)
    return _score((hidden > 0).to(topics), _fold(once, topics, steps), topics)


def wrong_mean_of_perplexities(seen, hidden, topics, steps):
    """A perplexity per document, and their mean: short documents weigh as much as long ones."""
    p = (_fold(seen, topics, steps) @ topics).log()
    each = -(hidden * p).sum(dim=1) / hidden.sum(dim=1).clamp_min(1)
    return each.exp().mean()


def wrong_mean_over_table(seen, hidden, topics, steps):
    """The mean over all entries of the table, zeros included, in place of the mean over words."""
    p = (_fold(seen, topics, steps) @ topics).log()
    return torch.exp(-(hidden * p).mean())


def wrong_per_document(seen, hidden, topics, steps):
    """Divided by the number of documents: that is no mean per word."""
    p = (_fold(seen, topics, steps) @ topics).log()
    return torch.exp(-(hidden * p).sum() / len(hidden))


def wrong_loss(seen, hidden, topics, steps):
    """The mean loss, without exp."""
    return _score(hidden, _fold(seen, topics, steps), topics).log()


def wrong_log_of_mean(seen, hidden, topics, steps):
    """One over the mean probability, in place of exp of the mean logarithm."""
    p = _fold(seen, topics, steps) @ topics
    return hidden.sum() / (hidden * p).sum()


def wrong_shared(seen, hidden, topics, steps):
    """One set of proportions for all documents together."""
    theta = _fold(seen.sum(dim=0, keepdim=True), topics, steps)
    return _score(hidden, theta.expand(len(seen), -1), topics)
