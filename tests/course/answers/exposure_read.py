"""Answers to ex-exposure-read: right ones, written differently, and wrong ones, each with a bug that people make."""

import math

import torch


def _truth(step, k):
    return 1 / (1 + math.exp(min(step / k - math.log(k), 700)))


def _read(chosen, first=-1):
    return torch.cat([torch.full_like(chosen[:, :1], first), chosen[:, :-1]], dim=1)


def right_by_guard(true, own, coins, step, k):
    """The exponent is bounded before it is raised."""
    return _read(torch.where(coins < _truth(step, k), true, own))


def right_by_loop(true, own, coins, step, k):
    """Token by token, in plain Python."""
    truth, rows = _truth(step, k), []
    for said, drawn, tossed in zip(true.tolist(), own.tolist(), coins.tolist(), strict=True):
        row = [-1]
        for a, b, c in zip(said, drawn, tossed, strict=True):
            row.append(a if c < truth else b)
        rows.append(row[:-1])
    return torch.tensor(rows)


def right_by_mask(true, own, coins, step, k):
    """With the mask as a number: whole numbers stay whole."""
    x = step / k
    truth = k * math.exp(-x) / (1 + k * math.exp(-x)) if x < 700 else 0.0
    mask = (coins < truth).long()
    return _read(mask * true + (1 - mask) * own)


def wrong_not_shifted(true, own, coins, step, k):
    """What is chosen behind position t is said to be read before it."""
    return torch.where(coins < _truth(step, k), true, own)


def wrong_coin_inverted(true, own, coins, step, k):
    """The schedule is taken as the probability of the model's own token."""
    return _read(torch.where(coins < _truth(step, k), own, true))


def wrong_one_coin_per_text(true, own, coins, step, k):
    """The first coin of a text decides for all of it; the paper tosses one per token."""
    return _read(torch.where(coins[:, :1] < _truth(step, k), true, own))


def wrong_own_from_then_on(true, own, coins, step, k):
    """Once an own token was read, no true one is any more."""
    still = (coins < _truth(step, k)).long().cumprod(dim=1).bool()
    return _read(torch.where(still, true, own))


def wrong_begins_with_zero(true, own, coins, step, k):
    """The end, 0, stands for the beginning: another token (Texygen issue 31 starts elsewhere than training did)."""
    return _read(torch.where(coins < _truth(step, k), true, own), first=0)


def wrong_sigmoid_without_k(true, own, coins, step, k):
    """1 / (1 + exp(i/k)): a half at the very beginning."""
    return _read(torch.where(coins < 1 / (1 + math.exp(min(step / k, 700))), true, own))


def wrong_rising(true, own, coins, step, k):
    """The sign of the exponent: more and more of the truth."""
    return _read(torch.where(coins < k / (k + math.exp(-min(step / k, 700))), true, own))


def wrong_exponent_times_k(true, own, coins, step, k):
    """exp(i k) for exp(i/k): the truth is gone after a few steps."""
    return _read(torch.where(coins < 1 / (1 + math.exp(min(step * k, 700)) / k), true, own))


def wrong_linear(true, own, coins, step, k):
    """Another schedule of the same paper."""
    return _read(torch.where(coins < max(0.0, 1 - step / (10 * k)), true, own))


def wrong_coin_of_the_next(true, own, coins, step, k):
    """The coin before the shift and the token behind it: position t is read by the coin of position t."""
    chosen = torch.where(coins.roll(-1, dims=1) < _truth(step, k), true, own)
    return _read(chosen)


def wrong_mean(true, own, coins, step, k):
    """The mean of the two tokens, weighted by the schedule: a soft token, which is no token."""
    truth = _truth(step, k)
    return _read(truth * true.double() + (1 - truth) * own.double())


def wrong_wraps_around(true, own, coins, step, k):
    """A roll in place of a shift: before the first position the last token is read."""
    return torch.where(coins < _truth(step, k), true, own).roll(1, dims=1)
