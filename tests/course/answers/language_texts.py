"""Answers to ex-language-texts: right ones, written differently, and wrong ones, each with a bug that people make."""

import math

import torch


def right_by_loop(table, tokens):
    """Plain Python, token after token, until the end."""
    found = []
    for row in tokens.long().tolist():
        before, total = table.shape[1], 0.0
        for token in row:
            total += math.log(table[before, token].item())
            before = token
            if token == 0:
                break
        found.append(total)
    return torch.tensor(found, dtype=torch.float64)


def right_by_padding(table, tokens):
    """A row for the end that leads to the end for nothing, as many libraries fill up."""
    table = table.clone()
    table[0] = 0.0
    table[0, 0] = 1.0
    tokens = tokens.long()
    for i in range(1, tokens.shape[1]):
        tokens[:, i] = torch.where(tokens[:, i - 1] == 0, 0, tokens[:, i])
    before = torch.nn.functional.pad(tokens[:, :-1], (1, 0), value=table.shape[1])
    return table[before, tokens].log().sum(dim=1)


def right_by_product(table, tokens):
    """The product of the probabilities up to the end, then its logarithm; texts here are short enough."""
    tokens, p = tokens.long(), torch.ones(len(tokens), dtype=torch.float64)
    going, before = torch.ones(len(tokens), dtype=torch.bool), torch.full((len(tokens),), table.shape[1])
    for column in tokens.unbind(1):
        p = torch.where(going, p * table[before, column], p)
        going, before = going & (column != 0), column
    return p.log()


def _before(table, tokens, first=None):
    tokens = tokens.long()
    first = table.shape[1] if first is None else first
    return torch.cat([torch.full_like(tokens[:, :1], first), tokens[:, :-1]], dim=1), tokens


def _inside(tokens):
    ends = (tokens == 0).long()
    return ends.cumsum(dim=1) - ends == 0


def wrong_end_masked(table, tokens):
    """The end shares its number with the padding and is masked with it: texts of one length sum to 1, not all texts."""
    before, tokens = _before(table, tokens)
    return (table[before, tokens].log() * (_inside(tokens) & (tokens != 0))).sum(dim=1)


def wrong_padding_counted(table, tokens):
    """No mask: ends behind the end are charged as well."""
    before, tokens = _before(table, tokens)
    return table[before, tokens].log().sum(dim=1)


def wrong_every_word_counted(table, tokens):
    """All words and the first end, also the words that stand behind it."""
    before, tokens = _before(table, tokens)
    first_end = (tokens == 0) & _inside(tokens)
    return (table[before, tokens].log() * ((tokens != 0) | first_end)).sum(dim=1)


def wrong_start_token(table, tokens):
    """Begins behind `<eos>`, number 0, instead of behind the beginning (Texygen issue 31 has a wrong start token)."""
    before, tokens = _before(table, tokens, first=0)
    return (table[before, tokens].log() * _inside(tokens)).sum(dim=1)


def wrong_first_token_free(table, tokens):
    """The first factor is left out: the chain begins at its second token."""
    before, tokens = _before(table, tokens)
    return (table[before, tokens].log() * _inside(tokens))[:, 1:].sum(dim=1)


def wrong_shifted(table, tokens):
    """Each token is read in the row of itself: not shifted by one."""
    tokens = tokens.long()
    return (table[tokens, tokens].log() * _inside(tokens)).sum(dim=1)


def wrong_transposed(table, tokens):
    """p(h | w) for p(w | h): the indices of the table in the other order."""
    before, tokens = _before(table, tokens)
    square = torch.cat([table[:-1].T, table[-1:]])
    return (square[before, tokens].log() * _inside(tokens)).sum(dim=1)


def wrong_mean(table, tokens):
    """Per token: a loss, and no longer the logarithm of a probability."""
    before, tokens = _before(table, tokens)
    mask = _inside(tokens)
    return (table[before, tokens].log() * mask).sum(dim=1) / mask.sum(dim=1)


def wrong_base_two(table, tokens):
    """In bits."""
    return right_by_loop(table, tokens) / math.log(2)


def wrong_probability(table, tokens):
    """Conditional probabilities added up, where their logarithms are to be (a slip of the lecture's notes, E-48)."""
    before, tokens = _before(table, tokens)
    return (table[before, tokens] * _inside(tokens)).sum(dim=1)


def wrong_sign(table, tokens):
    """The loss, minus the log-probability."""
    return -right_by_loop(table, tokens)


def wrong_cut_off_impossible(table, tokens):
    """A row without an end is called impossible (here: very improbable, so that the number stays finite)."""
    value = right_by_loop(table, tokens)
    return torch.where((tokens == 0).any(dim=1), value, torch.full_like(value, -1e6))


def wrong_cut_off_ended(table, tokens):
    """Adds an end to a row that has none."""
    value, last = right_by_loop(table, tokens), tokens[:, -1].long()
    return torch.where((tokens == 0).any(dim=1), value, value + table[last, 0].log())


def wrong_softmax(table, tokens):
    """Takes the probabilities for logits, and normalises them once more."""
    return right_by_loop(table.softmax(dim=1), tokens)


def wrong_all_in_one(table, tokens):
    """One number for the whole batch, repeated."""
    value = right_by_loop(table, tokens)
    return value.sum().expand(len(value)).clone()
