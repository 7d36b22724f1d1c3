"""Answers to ex-seq2seq-length: right ones, written differently, and wrong ones, each with a bug that people make."""

import torch


def counted(tokens):
    end = (tokens == 0).long()
    return end.cumsum(dim=1) - end == 0


def right_by_loop(tokens, log_probs, alpha):
    """Plain Python, up to the first end."""
    scores = []
    for row, each in zip(tokens.tolist(), log_probs.tolist(), strict=True):
        length = row.index(0) + 1 if 0 in row else len(row)
        scores.append(sum(each[:length]) / length**alpha)
    return torch.tensor(scores, dtype=torch.float64)


def right_by_products(tokens, log_probs, alpha):
    """A token counts while the product of all tokens before it is not 0."""
    before = torch.cat([torch.ones_like(tokens[:, :1]), tokens[:, :-1]], dim=1).cumprod(dim=1) != 0
    return (log_probs * before).sum(dim=1) * before.sum(dim=1).double() ** -alpha


def right_by_gather(tokens, log_probs, alpha):
    """Running sums, read at the first end."""
    ended = (tokens == 0).double()
    last = torch.where(ended.any(dim=1), ended.argmax(dim=1), tokens.shape[1] - 1)
    total = log_probs.cumsum(dim=1).gather(1, last[:, None]).squeeze(1)
    return total / (last + 1).double().pow(alpha)


def wrong_everything(tokens, log_probs, alpha):
    """What stands behind the end is added, and counted."""
    return log_probs.sum(dim=1) / tokens.shape[1] ** alpha


def wrong_sum_of_filling(tokens, log_probs, alpha):
    """The length is right, the sum runs on behind the end."""
    return log_probs.sum(dim=1) / counted(tokens).sum(dim=1) ** alpha


def wrong_full_length(tokens, log_probs, alpha):
    """The sum is right, the length is that of the tensor: texts of all lengths are divided by the same."""
    return (log_probs * counted(tokens)).sum(dim=1) / tokens.shape[1] ** alpha


def wrong_end_not_counted(tokens, log_probs, alpha):
    """The end is charged and not counted; a text that ends at once is divided by 1."""
    length = (counted(tokens) & (tokens != 0)).sum(dim=1).clamp_min(1)
    return (log_probs * counted(tokens)).sum(dim=1) / length**alpha


def wrong_end_not_charged(tokens, log_probs, alpha):
    """The end is counted and not charged."""
    return (log_probs * (counted(tokens) & (tokens != 0))).sum(dim=1) / counted(tokens).sum(dim=1) ** alpha


def wrong_all_but_zeros(tokens, log_probs, alpha):
    """Every token that is not 0 counts, behind the end too."""
    counts = tokens != 0
    return (log_probs * counts).sum(dim=1) / counts.sum(dim=1).clamp_min(1) ** alpha


def wrong_last_end(tokens, log_probs, alpha):
    """Up to the last end, not the first."""
    counts = (tokens == 0).flip(1).cumsum(dim=1).flip(1) > 0
    counts = torch.where((tokens == 0).any(dim=1, keepdim=True), counts, True)
    return (log_probs * counts).sum(dim=1) / counts.sum(dim=1) ** alpha


def wrong_factor(tokens, log_probs, alpha):
    """Divided by alpha times the length."""
    return (log_probs * counted(tokens)).sum(dim=1) / (1 + alpha * counted(tokens).sum(dim=1))


def wrong_always_mean(tokens, log_probs, alpha):
    """The mean per token, whatever alpha is."""
    return (log_probs * counted(tokens)).sum(dim=1) / counted(tokens).sum(dim=1)


def wrong_multiplied(tokens, log_probs, alpha):
    """Multiplied by the power of the length: long texts lose even more."""
    return (log_probs * counted(tokens)).sum(dim=1) * counted(tokens).sum(dim=1) ** alpha


def wrong_probabilities(tokens, log_probs, alpha):
    """The probability is divided, not its logarithm."""
    return (log_probs * counted(tokens)).sum(dim=1).exp() / counted(tokens).sum(dim=1) ** alpha


def wrong_one_length(tokens, log_probs, alpha):
    """All rows are divided by the mean length of the batch."""
    length = counted(tokens).sum(dim=1).double().mean()
    return (log_probs * counted(tokens)).sum(dim=1) / length**alpha
