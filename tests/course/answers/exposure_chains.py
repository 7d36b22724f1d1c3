"""Answers to ex-exposure-chains: right ones, written differently, and wrong ones, each with a bug that people make."""

import math

import torch


def _each(p, q):
    return (p * (p / q).log()).sum(1)


def _curve(start, table, each, steps):
    rows = [start]
    for _ in range(int(steps) - 1):
        rows.append(rows[-1] @ table)
    return torch.stack(rows) @ each


def right_by_powers(start, p, q, steps):
    """Powers of the transition tables."""
    each = _each(p, q)
    return torch.stack(
        [torch.stack([start @ torch.linalg.matrix_power(m, t) @ each for t in range(int(steps))]) for m in (p, q)]
    )


def right_by_loop(start, p, q, steps):
    """Plain Python over states."""
    k, out = len(start), []
    for table in (p.tolist(), q.tolist()):
        now, line = start.tolist(), []
        for _ in range(int(steps)):
            line.append(
                sum(now[i] * float(p[i, j]) * math.log(float(p[i, j] / q[i, j])) for i in range(k) for j in range(k))
            )
            now = [sum(now[i] * table[i][j] for i in range(k)) for j in range(k)]
        out.append(line)
    return torch.tensor(out, dtype=start.dtype)


def right_by_cross_entropy(start, p, q, steps):
    """Cross-entropy minus entropy, position by position."""
    each = -(p * q.log()).sum(1) + (p * p.log()).sum(1)
    return torch.stack([_curve(start, p, each, steps), _curve(start, q, each, steps)])


def wrong_reverse(start, p, q, steps):
    """KL(model | world)."""
    return torch.stack([_curve(start, m, _each(q, p), steps) for m in (p, q)])


def wrong_cross_entropy(start, p, q, steps):
    """The cross-entropy, with the world's own entropy left in: the bias may come out as a gift of easy prefixes."""
    each = -(p * q.log()).sum(1)
    return torch.stack([_curve(start, m, each, steps) for m in (p, q)])


def wrong_swapped(start, p, q, steps):
    """The free-running curve first."""
    return right_by_cross_entropy(start, p, q, steps).flip(0)


def wrong_one_step_late(start, p, q, steps):
    """The first transition is made before anything is measured."""
    each = _each(p, q)
    return torch.stack([_curve(start @ m, m, each, steps) for m in (p, q)])


def wrong_model_teaches(start, p, q, steps):
    """In the free-running curve the truth is the model too: the error is 0."""
    found = right_by_cross_entropy(start, p, q, steps)
    return torch.stack([found[0], 0 * found[1]])


def wrong_bits(start, p, q, steps):
    """Logarithms to the base two."""
    return right_by_cross_entropy(start, p, q, steps) / torch.log(torch.tensor(2.0))


def wrong_cumulative(start, p, q, steps):
    """The sum up to t, which is the divergence of whole prefixes."""
    return right_by_cross_entropy(start, p, q, steps).cumsum(1)


def wrong_transposed(start, p, q, steps):
    """Columns for rows: the chain runs backwards, and its masses do not sum to one."""
    each = _each(p, q)
    return torch.stack([_curve(start, m.T, each, steps) for m in (p, q)])


def wrong_uniform_prefixes(start, p, q, steps):
    """Every last token counts alike, whoever wrote the prefix."""
    return _each(p, q).mean().expand(2, int(steps)).clone()


def wrong_stationary(start, p, q, steps):
    """The long run at once: prefixes are drawn from where the chains end up."""
    each = _each(p, q)
    return torch.stack([_curve(start @ torch.linalg.matrix_power(m, 64), m, each, steps) for m in (p, q)])


def wrong_mixed_chain(start, p, q, steps):
    """Own prefixes are written half by the world, as in scheduled sampling."""
    each = _each(p, q)
    return torch.stack([_curve(start, p, each, steps), _curve(start, (p + q) / 2, each, steps)])
