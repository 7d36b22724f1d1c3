"""Answers to ex-seq2seq-beam: right ones, written differently, and wrong ones, each with a bug that people make."""

import itertools

import torch


def searched(first, then, width, *, grow=lambda score, p: score * p, keep=None, final=None):
    """One search whose parts can be exchanged."""
    keep = keep or (lambda texts: sorted(texts, reverse=True)[:width])
    kept = keep([(first[a].item(), [a]) for a in range(len(first))])
    for table in then:
        kept = keep([(grow(s, table[text[-1], b].item()), [*text, b]) for s, text in kept for b in range(len(first))])
    return torch.tensor((final or max)(kept)[1])


def right_by_products(first, then, width):
    """Probabilities instead of their logarithms: texts are short."""
    return searched(first, then, width)


def right_by_tensors(first, then, width):
    """Tokens and scores as tensors, prefixes reordered by their parents."""
    score, tokens = first.log().topk(min(width, len(first)))
    tokens = tokens[:, None]
    for table in then:
        grown = (score[:, None] + table[tokens[:, -1]].log()).flatten()
        score, best = grown.topk(min(width, len(grown)))
        parent, token = best // len(first), best % len(first)
        tokens = torch.cat([tokens[parent], token[:, None]], dim=1)
    return tokens[0]


def right_by_prefixes(first, then, width):
    """Every beginning is scored anew from the tables."""

    def score(text):
        steps = zip(then, itertools.pairwise(text), strict=False)
        return first[text[0]].log() + sum(table[a, b].log() for table, (a, b) in steps)

    kept = [[]]
    for _ in range(len(then) + 1):
        grown = [[*text, b] for text in kept for b in range(len(first))]
        kept = sorted(grown, key=lambda text: -score(text).item())[:width]
    return torch.tensor(kept[0])


def wrong_greedy(first, then, width):
    """The best token of each step, whatever the width."""
    return searched(first, then, 1)


def wrong_exhaustive(first, then, width):
    """Everything is kept: a better text, and no beam search."""
    return searched(first, then, len(first) ** (len(then) + 1))


def wrong_per_parent(first, then, width):
    """The best few continuations of each beginning: nothing competes, and the beam grows."""

    def keep(texts):
        groups = itertools.groupby(texts, key=lambda entry: entry[1][:-1])
        return [entry for _, group in groups for entry in sorted(group, reverse=True)[:width]]

    return searched(first, then, width, keep=keep)


def wrong_one_per_parent(first, then, width):
    """Each beginning is continued by its best token: so many greedy searches side by side."""

    def keep(texts):
        if len(texts[0][1]) == 1:
            return sorted(texts, reverse=True)[:width]
        groups = itertools.groupby(texts, key=lambda entry: entry[1][:-1])
        return [max(group) for _, group in groups]

    return searched(first, then, width, keep=keep)


def wrong_last_probability(first, then, width):
    """The last token's probability alone decides."""
    return searched(first, then, width, grow=lambda score, p: p)


def wrong_sum(first, then, width):
    """Probabilities are added."""
    return searched(first, then, width, grow=lambda score, p: score + p)


def wrong_worst(first, then, width):
    """Sorted the wrong way round."""
    return searched(first, then, width, keep=lambda texts: sorted(texts)[:width], final=min)


def wrong_parents(first, then, width):
    """Tokens are appended to the beginnings in their old order: the parents are forgotten."""
    score, tokens = first.log().topk(min(width, len(first)))
    tokens = tokens[:, None]
    for table in then:
        grown = (score[:, None] + table[tokens[:, -1]].log()).flatten()
        score, best = grown.topk(min(width, len(grown)))
        old = tokens[torch.arange(len(best)).clamp(max=len(tokens) - 1)]
        tokens = torch.cat([old, (best % len(first))[:, None]], dim=1)
    return tokens[0]


def wrong_last_kept(first, then, width):
    """Returns the worst of the beam."""
    return searched(first, then, width, final=min)


def wrong_transposed(first, then, width):
    """The table is read in the wrong order: what comes before b."""
    return searched(first, then.transpose(1, 2), width)


def wrong_one_beam_more(first, then, width):
    """One too many is kept."""
    return searched(first, then, width + 1)


def wrong_reversed(first, then, width):
    """The text is read off from its end."""
    return searched(first, then, width).flip(0)
