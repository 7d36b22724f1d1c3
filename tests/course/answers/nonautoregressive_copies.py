"""Answers to ex-nonautoregressive-copies: right ones, and wrong ones, each with a bug that people make."""

import torch


def _filled(rows, memory, length):
    out = memory.new_zeros(int(length), memory.shape[1])
    out[: len(rows)] = rows[: int(length)]
    return out


def right_by_loop(memory, fertility, length):
    """Word after word, copy after copy."""
    out = torch.zeros(int(length), memory.shape[1], dtype=memory.dtype)
    place = 0
    for row, times in zip(memory, fertility.tolist(), strict=True):
        for _ in range(int(times)):
            out[place] = row
            place += 1
    return out


def right_by_ends(memory, fertility, length):
    """For each place, how many words end at or before it: the index of its word."""
    ends = fertility.cumsum(0)
    which = (torch.arange(int(length))[:, None] >= ends).sum(1)
    return torch.cat([memory, torch.zeros_like(memory[:1])])[which]


def right_by_matrix(memory, fertility, length):
    """A matrix of ones and zeros, places by words, times the memory."""
    place = torch.arange(int(length))[:, None]
    ends = fertility.cumsum(0)
    return ((place < ends) & (place >= ends - fertility)).double() @ memory


def wrong_rounds(memory, fertility, length):
    """`repeat`, round after round: one copy of every word that has some left, then the next round."""
    rows = [memory[j] for r in range(int(fertility.max())) for j in range(len(memory)) if fertility[j] > r]
    return _filled(torch.stack(rows) if rows else memory[:0], memory, length)


def wrong_last_goes_on(memory, fertility, length):
    """No zeros: the last word is copied until the end."""
    which = (torch.arange(int(length))[:, None] >= fertility.cumsum(0)).sum(1).clamp(max=len(memory) - 1)
    return memory[which]


def wrong_one_off(memory, fertility, length):
    """`>` for `>=`: every word gets its boundary one place too late."""
    which = (torch.arange(int(length))[:, None] > fertility.cumsum(0)).sum(1)
    return torch.cat([memory, torch.zeros_like(memory[:1])])[which]


def wrong_at_least_once(memory, fertility, length):
    """A dropped word is copied once all the same."""
    return _filled(torch.repeat_interleave(memory, fertility.long().clamp(min=1), dim=0), memory, length)


def wrong_uniform(memory, fertility, length):
    """The source stretched evenly over the target, the paper's other way, whatever the fertilities."""
    n = int(fertility.sum())
    which = (torch.arange(n) * len(memory)) // max(n, 1)
    return _filled(memory[which], memory, length)


def wrong_divided(memory, fertility, length):
    """Each copy gets its share of the word, so that the copies sum to it."""
    shared = memory / fertility.clamp(min=1)[:, None]
    return _filled(torch.repeat_interleave(shared, fertility.long(), dim=0), memory, length)


def wrong_one_more(memory, fertility, length):
    """Fertility read as the number of further copies."""
    return _filled(torch.repeat_interleave(memory, fertility.long() + 1, dim=0), memory, length)


def wrong_reversed(memory, fertility, length):
    """Filled up from the left: the zeros come first."""
    return right_by_loop(memory, fertility, length).roll(int(length - fertility.sum()), dims=0)


def wrong_shifted(memory, fertility, length):
    """Each word gets the fertility of its neighbour."""
    return _filled(torch.repeat_interleave(memory, fertility.roll(1).long(), dim=0), memory, length)


def wrong_scaled(memory, fertility, length):
    """The row times its fertility, once: a weight instead of a number of copies."""
    return _filled(memory * fertility[:, None], memory, length)


def wrong_minus_one_fill(memory, fertility, length):
    """Filled up with -1, as index tensors often are."""
    out = right_by_loop(memory, fertility, length)
    out[int(fertility.sum()) :] = -1.0
    return out
