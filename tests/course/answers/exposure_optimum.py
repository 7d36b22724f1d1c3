"""Answers to ex-exposure-optimum: right ones, written differently, and wrong ones, each with a bug that people make."""

import torch


def _conditional(p):
    first = p.sum(1, keepdim=True)
    return torch.where(first > 0, p / first, 0.0).nan_to_num()


def right_by_joint(p, truth):
    """The mixture of the two joint tables, divided at the end."""
    first = p.sum(1, keepdim=True)
    joint = truth * p + (1 - truth) * first * p.sum(0)
    return (joint / first).nan_to_num()


def right_by_loop(p, truth):
    """Row by row, in plain Python."""
    table = p.tolist()
    last = [sum(column) for column in zip(*table, strict=True)]
    rows = []
    for row in table:
        mass = sum(row)
        rows.append([truth * x / mass + (1 - truth) * y if mass else 0.0 for x, y in zip(row, last, strict=True)])
    return torch.tensor(rows, dtype=p.dtype)


def right_by_weights(p, truth):
    """How often each second token is wanted behind each first one, over all pairs of texts, then normalised."""
    first = p.sum(1)
    wanted = truth * p + (1 - truth) * torch.einsum("a,cb->ab", first, p)
    total = wanted.sum(1, keepdim=True)
    return torch.where(total > 0, wanted / total.clamp_min(1e-300), 0.0)


def wrong_the_world(p, truth):
    """The world's conditional: what teacher forcing finds, and what scheduled sampling is often said to find."""
    return _conditional(p)


def wrong_joint(p, truth):
    """The joint table, not divided by the first token's mass."""
    return truth * p + (1 - truth) * p.sum(1, keepdim=True) * p.sum(0)


def wrong_truth_inverted(p, truth):
    """The schedule is taken as the probability of the model's own token."""
    return right_by_joint(p, 1 - truth)


def wrong_marginal_of_the_first(p, truth):
    """The marginal of the first token for that of the second, cut or filled to its width."""
    first = torch.zeros_like(p.sum(0))
    n = min(p.shape)
    first[:n] = p.sum(1)[:n]
    return torch.where(p.sum(1, keepdim=True) > 0, truth * _conditional(p) + (1 - truth) * first, 0.0)


def wrong_uniform(p, truth):
    """Without the truth nothing is known, so everything is equally probable."""
    return torch.where(p.sum(1, keepdim=True) > 0, truth * _conditional(p) + (1 - truth) / p.shape[1], 0.0)


def wrong_empty_rows_get_the_marginal(p, truth):
    """A first token that never occurs is given what its row would be if it did."""
    return truth * _conditional(p) + (1 - truth) * p.sum(0)


def wrong_logarithms_mixed(p, truth):
    """A geometric mixture, as if logits were averaged."""
    first = p.sum(1, keepdim=True)
    mixed = _conditional(p).clamp_min(1e-9) ** truth * p.sum(0) ** (1 - truth)
    mixed = mixed / mixed.sum(1, keepdim=True)
    return torch.where(first > 0, mixed, 0.0)


def wrong_mean_of_rows(p, truth):
    """The plain mean of the conditionals, where each counts by how often its first token occurs."""
    rows = _conditional(p)
    mean = rows.sum(0) / (p.sum(1) > 0).sum()
    return torch.where(p.sum(1, keepdim=True) > 0, truth * rows + (1 - truth) * mean, 0.0)


def wrong_truth_squared(p, truth):
    """The coin is tossed for the target as well."""
    return right_by_joint(p, truth**2)


def wrong_columns(p, truth):
    """Normalised over the wrong axis: the first token given the second."""
    joint = truth * p + (1 - truth) * p.sum(1, keepdim=True) * p.sum(0)
    return joint / joint.sum(0, keepdim=True)
