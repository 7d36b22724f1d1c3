"""Answers to ex-robustness-success: right ones, written differently, and wrong ones, each with a common bug."""

import torch


def right_by_masks(a, b, thresholds):
    """Two masks of shape (thresholds, networks)."""
    A, B = a[None] >= thresholds[:, None], b[None] >= thresholds[:, None]
    return torch.stack([(A & ~B).sum(1), (B & ~A).sum(1), (A & B).sum(1), (~A & ~B).sum(1)], dim=1)


def right_by_codes(a, b, thresholds):
    """Each pair is a number from 0 to 3; count the numbers and put them into the table's order."""
    rows = []
    for threshold in thresholds:
        code = (a >= threshold).long() + 2 * (b >= threshold).long()
        rows.append(torch.bincount(code, minlength=4)[[1, 2, 3, 0]])
    return torch.stack(rows)


def right_by_loop(a, b, thresholds):
    """Plain Python."""
    table = []
    for threshold in thresholds.tolist():
        row = [0, 0, 0, 0]
        for x, y in zip(a.tolist(), b.tolist(), strict=True):
            good = (x >= threshold, y >= threshold)
            row[{(True, False): 0, (False, True): 1, (True, True): 2, (False, False): 3}[good]] += 1
        table.append(row)
    return table


def _table(A, B):
    return torch.stack([(A & ~B).sum(1), (B & ~A).sum(1), (A & B).sum(1), (~A & ~B).sum(1)], dim=1)


def wrong_strict(a, b, thresholds):
    """Above the threshold instead of at least: a score on it counts as a failure."""
    return _table(a[None] > thresholds[:, None], b[None] > thresholds[:, None])


def wrong_swapped(a, b, thresholds):
    """The columns of the two methods are exchanged."""
    return right_by_masks(a, b, thresholds)[:, [1, 0, 2, 3]]


def wrong_order(a, b, thresholds):
    """Neither before both."""
    return right_by_masks(a, b, thresholds)[:, [0, 1, 3, 2]]


def wrong_not_only(a, b, thresholds):
    """The first two columns count all successes of a method, those of both included."""
    A, B = a[None] >= thresholds[:, None], b[None] >= thresholds[:, None]
    return torch.stack([A.sum(1), B.sum(1), (A & B).sum(1), (~A & ~B).sum(1)], dim=1)


def wrong_neither(a, b, thresholds):
    """Neither is taken for not both: the networks of the first two columns count twice."""
    A, B = a[None] >= thresholds[:, None], b[None] >= thresholds[:, None]
    return torch.stack([(A & ~B).sum(1), (B & ~A).sum(1), (A & B).sum(1), (~(A & B)).sum(1)], dim=1)


def wrong_lower_is_better(a, b, thresholds):
    """The scores are read as distances."""
    return _table(a[None] <= thresholds[:, None], b[None] <= thresholds[:, None])


def wrong_shares(a, b, thresholds):
    """Shares instead of counts."""
    return right_by_masks(a, b, thresholds) / len(a)


def wrong_sorted(a, b, thresholds):
    """The two lists are sorted first, so that scores of different networks are compared."""
    return right_by_masks(a.sort().values, b.sort().values, thresholds)


def wrong_winner(a, b, thresholds):
    """Where both succeed, the better one gets the point alone."""
    A, B = a[None] >= thresholds[:, None], b[None] >= thresholds[:, None]
    first, second = A & (a > b)[None], B & (b > a)[None]
    return torch.stack([first.sum(1), second.sum(1), (A & B & (a == b)[None]).sum(1), (~A & ~B).sum(1)], dim=1)


def wrong_first_threshold(a, b, thresholds):
    """Every row is made with the first threshold."""
    return right_by_masks(a, b, thresholds[:1].expand(len(thresholds)))


def wrong_transposed(a, b, thresholds):
    """One column per threshold; where there are four thresholds nobody notices the shape."""
    return right_by_masks(a, b, thresholds).T
