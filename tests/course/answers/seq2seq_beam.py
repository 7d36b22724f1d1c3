"""Answers to ex-seq2seq-beam: right ones, written differently, and wrong ones, each with a bug that people make."""

import itertools

import torch


def searched(first, then, steps, width, *, grow=lambda score, p: score * p, keep=None, final=None):
    """One search whose parts can be exchanged."""
    keep = keep or (lambda texts: sorted(texts, reverse=True)[:width])
    kept = keep([(first[a].item(), [a]) for a in range(len(first))])
    for _ in range(steps - 1):
        kept = keep([(grow(s, then[text[-1], b].item()), [*text, b]) for s, text in kept for b in range(len(first))])
    return torch.tensor((final or max)(kept)[1])


def right_by_products(first, then, steps, width):
    """Probabilities instead of their logarithms: texts are short."""
    return searched(first, then, steps, width)


def right_by_tensors(first, then, steps, width):
    """Tokens and scores as tensors, prefixes reordered by their parents."""
    score, tokens = first.log().topk(min(width, len(first)))
    tokens = tokens[:, None]
    for _ in range(steps - 1):
        grown = (score[:, None] + then[tokens[:, -1]].log()).flatten()
        score, best = grown.topk(min(width, len(grown)))
        parent, token = best // len(first), best % len(first)
        tokens = torch.cat([tokens[parent], token[:, None]], dim=1)
    return tokens[0]


def right_by_prefixes(first, then, steps, width):
    """Every beginning is scored anew from the tables."""

    def score(text):
        return first[text[0]].log() + sum(then[a, b].log() for a, b in itertools.pairwise(text))

    kept = [[]]
    for _ in range(steps):
        grown = [[*text, b] for text in kept for b in range(len(first))]
        kept = sorted(grown, key=lambda text: -score(text).item())[:width]
    return torch.tensor(kept[0])


def wrong_greedy(first, then, steps, width):
    """The best token of each step, whatever the width."""
    return searched(first, then, steps, 1)


def wrong_exhaustive(first, then, steps, width):
    """Everything is kept: a better text, and no beam search."""
    return searched(first, then, steps, len(first) ** steps)


def wrong_per_parent(first, then, steps, width):
    """The best few continuations of each beginning: nothing competes, and the beam grows."""

    def keep(texts):
        groups = itertools.groupby(texts, key=lambda entry: entry[1][:-1])
        return [entry for _, group in groups for entry in sorted(group, reverse=True)[:width]]

    return searched(first, then, steps, width, keep=keep)


def wrong_one_per_parent(first, then, steps, width):
    """Each beginning is continued by its best token: so many greedy searches side by side."""

    def keep(texts):
        if len(texts[0][1]) == 1:
            return sorted(texts, reverse=True)[:width]
        groups = itertools.groupby(texts, key=lambda entry: entry[1][:-1])
        return [max(group) for _, group in groups]

    return searched(first, then, steps, width, keep=keep)


def wrong_last_probability(first, then, steps, width):
    """The last token's probability alone decides."""
    return searched(first, then, steps, width, grow=lambda score, p: p)


def wrong_sum(first, then, steps, width):
    """Probabilities are added."""
    return searched(first, then, steps, width, grow=lambda score, p: score + p)


def wrong_worst(first, then, steps, width):
    """Sorted the wrong way round."""
    return searched(first, then, steps, width, keep=lambda texts: sorted(texts)[:width], final=min)


def wrong_parents(first, then, steps, width):
    """Tokens are appended to the beginnings in their old order: the parents are forgotten."""
    score, tokens = first.log().topk(min(width, len(first)))
    tokens = tokens[:, None]
    for _ in range(steps - 1):
        grown = (score[:, None] + then[tokens[:, -1]].log()).flatten()
        score, best = grown.topk(min(width, len(grown)))
        old = tokens[torch.arange(len(best)).clamp(max=len(tokens) - 1)]
        tokens = torch.cat([old, (best % len(first))[:, None]], dim=1)
    return tokens[0]


def wrong_last_kept(first, then, steps, width):
    """Returns the worst of the beam."""
    return searched(first, then, steps, width, final=min)


def wrong_transposed(first, then, steps, width):
    """The table is read in the wrong order: what comes before b."""
    return searched(first, then.T, steps, width)


def wrong_one_beam_more(first, then, steps, width):
    """One too many is kept."""
    return searched(first, then, steps, width + 1)


def wrong_reversed(first, then, steps, width):
    """The text is read off from its end."""
    return searched(first, then, steps, width).flip(0)
