"""Answers to ex-neural-nucleus: right ones, written differently, and wrong ones, each with a bug that people make."""

import torch


def _kept(p, inside):
    kept = torch.where(inside, p, torch.zeros_like(p))
    return kept / kept.sum()


def right_by_loop(p, mass):
    """From the best word down, until the mass is reached."""
    found, total = torch.zeros_like(p), 0.0
    for i in p.argsort(descending=True).tolist():
        if total >= mass:
            break
        found[i] = p[i]
        total += p[i].item()
    return found / found.sum()


def right_by_threshold(p, mass):
    """All words at least as probable as the one that passes the mass."""
    best = p.sort(descending=True).values
    last = (best.cumsum(dim=0) < mass).sum()
    return _kept(p, p >= best[last])


def right_from_below(p, mass):
    """A word is cut if it and all less probable ones together are at most what may be lost."""
    up = p.sort()
    lost = torch.zeros_like(p).scatter(0, up.indices, up.values.cumsum(dim=0))
    return _kept(p, lost > 1 - mass)


def wrong_without_the_last(p, mass):
    """The word that passes the mass is left out (the best one is always kept)."""
    best, order = p.sort(descending=True)
    inside = best.cumsum(dim=0) <= mass
    inside[0] = True
    return _kept(p, torch.zeros_like(inside).scatter(0, order, inside))


def wrong_one_too_many(p, mass):
    """Shifted once more than needed."""
    best, order = p.sort(descending=True)
    before = best.cumsum(dim=0) - best
    inside = torch.cat([torch.ones(1, dtype=torch.bool), before[:-1] < mass])
    return _kept(p, torch.zeros_like(inside).scatter(0, order, inside))


def wrong_not_normalised(p, mass):
    """What is cut is missing from the sum."""
    right = right_by_loop(p, mass)
    return torch.where(right > 0, p, torch.zeros_like(p))


def wrong_order_lost(p, mass):
    """The mask of the sorted words is applied to the unsorted ones."""
    best = p.sort(descending=True).values
    return _kept(p, best.cumsum(dim=0) - best < mass)


def wrong_sorted(p, mass):
    """Right, but the words stay sorted."""
    return right_by_loop(p, mass).sort(descending=True).values


def wrong_gathered(p, mass):
    """gather where scatter is meant: the mask is moved the wrong way."""
    best, order = p.sort(descending=True)
    return _kept(p, (best.cumsum(dim=0) - best < mass).gather(0, order))


def wrong_threshold(p, mass):
    """Words more probable than 1 - mass: a cut by probability, not by their sum."""
    inside = p >= min(1 - mass, p.max().item())
    return _kept(p, inside)


def wrong_ascending(p, mass):
    """From the least probable up."""
    up = p.sort()
    inside = torch.zeros(len(p), dtype=torch.bool).scatter(0, up.indices, up.values.cumsum(0) - up.values < mass)
    return _kept(p, inside)


def wrong_top_k(p, mass):
    """A share of the words in place of a share of the mass."""
    k = max(1, round(mass * len(p)))
    return _kept(p, p >= p.topk(k).values[-1])


def wrong_softmax_again(p, mass):
    """Normalised by a softmax of the probabilities."""
    right = right_by_loop(p, mass)
    return right.masked_fill(right == 0, -torch.inf).softmax(dim=0)


def wrong_rest_spread(p, mass):
    """What was cut off is shared equally by the kept."""
    inside = right_by_loop(p, mass) > 0
    return torch.where(inside, p + (1 - p[inside].sum()) / inside.sum(), torch.zeros_like(p))
