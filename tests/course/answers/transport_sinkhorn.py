"""Answers to ex-transport-sinkhorn: right ones, written differently, and wrong ones with bugs that people make."""

import torch


def right_in_words(plan, cost, a, b):
    """Each step as the page says it, row by row and column by column."""
    plan = plan.clone()
    for i in range(len(a)):
        if plan[i].sum() > a[i]:
            plan[i] *= a[i] / plan[i].sum()
    for j in range(len(b)):
        if plan[:, j].sum() > b[j]:
            plan[:, j] *= b[j] / plan[:, j].sum()
    rows, columns = a - plan.sum(1), b - plan.sum(0)
    total = rows.sum()
    if total != 0:
        plan += rows[:, None] * columns / total
    return (plan * cost).sum()


def right_without_the_plan(plan, cost, a, b):
    """The price of the correction apart, from the missing masses; its denominator from the total."""
    plan = torch.minimum(a / plan.sum(1), torch.ones_like(a))[:, None] * plan
    plan = plan * torch.minimum(b / plan.sum(0), torch.ones_like(b))
    r, s, total = a - plan.sum(1), b - plan.sum(0), 1 - plan.sum()
    extra = r @ cost @ s / total if total > 1e-12 else 0.0
    return torch.einsum("ij,ij->", plan, cost) + extra


def right_by_lists(plan, cost, a, b):
    """Plain Python on lists; returns a float."""
    rows, a, b = plan.tolist(), a.tolist(), b.tolist()
    rows = [[v * min(1.0, target / sum(row)) for v in row] for row, target in zip(rows, a, strict=True)]
    factors = [min(1.0, target / sum(column)) for column, target in zip(zip(*rows, strict=True), b, strict=True)]
    rows = [[v * factor for v, factor in zip(row, factors, strict=True)] for row in rows]
    r = [target - sum(row) for row, target in zip(rows, a, strict=True)]
    s = [target - sum(column) for column, target in zip(zip(*rows, strict=True), b, strict=True)]
    whole = sum(r) or 1.0
    return sum((v + r[i] * s[j] / whole) * cost[i, j].item() for i, row in enumerate(rows) for j, v in enumerate(row))


def right_transposed(plan, cost, a, b):
    """Rows are the columns of the transpose; a tiny number in the denominator does no harm."""
    turned = plan.T * torch.clamp(a / plan.T.sum(0), max=1.0)
    turned = turned * torch.clamp(b / turned.sum(1), max=1.0).unsqueeze(1)
    r, s = a - turned.sum(0), b - turned.sum(1)
    return ((turned + torch.outer(s, r) / (r.sum() + 1e-30)) * cost.T).sum()


def _scale(masses, sums, most=1.0):
    return (masses / sums).clamp(max=most)


def _correct(plan, cost, a, b, *, by=None):
    """The third step and the price."""
    r, s = a - plan.sum(1), b - plan.sum(0)
    by = r.sum() if by is None else by(r, s)
    return ((plan + torch.outer(r, s) / by) * cost).sum() if by != 0 else (plan * cost).sum()


def _scaled(plan, a, b):
    """The first two steps."""
    plan = plan * _scale(a, plan.sum(1))[:, None]
    return plan * _scale(b, plan.sum(0))


def wrong_not_repaired(plan, cost, a, b):
    """The price of the plan as it came."""
    return (plan * cost).sum()


def wrong_no_correction(plan, cost, a, b):
    """Without the third step: mass is missing."""
    return (_scaled(plan, a, b) * cost).sum()


def wrong_one_more_iteration(plan, cost, a, b):
    """Rows and columns are scaled to their masses, up as well as down: Sinkhorn again, and its rows are not exact."""
    plan = plan * (a / plan.sum(1))[:, None]
    return (plan * (b / plan.sum(0)) * cost).sum()


def wrong_rows_scaled_up(plan, cost, a, b):
    """No bound of 1 on the factors of the rows."""
    plan = plan * (a / plan.sum(1))[:, None]
    return _correct(plan * _scale(b, plan.sum(0)), cost, a, b)


def wrong_scaled_up_only(plan, cost, a, b):
    """A minimum where a maximum belongs: rows and columns that are too small grow, the others stay too large."""
    plan = plan * (a / plan.sum(1)).clamp(min=1)[:, None]
    return _correct(plan * (b / plan.sum(0)).clamp(min=1), cost, a, b)


def wrong_rows_forgotten(plan, cost, a, b):
    """Only the columns are scaled: what is missing in the rows may be negative."""
    return _correct(plan * _scale(b, plan.sum(0)), cost, a, b)


def wrong_columns_forgotten(plan, cost, a, b):
    """Only the rows are scaled, which is enough for plans with right columns and not for others."""
    return _correct(plan * _scale(a, plan.sum(1))[:, None], cost, a, b)


def wrong_columns_first(plan, cost, a, b):
    """The first two steps in the other order: another plan with the right sums."""
    plan = plan * _scale(b, plan.sum(0))
    return _correct(plan * _scale(a, plan.sum(1))[:, None], cost, a, b)


def wrong_both_from_the_start(plan, cost, a, b):
    """The factors of the columns from the sums before the rows were scaled."""
    return _correct(plan * _scale(a, plan.sum(1))[:, None] * _scale(b, plan.sum(0)), cost, a, b)


def wrong_one_factor(plan, cost, a, b):
    """One factor for the whole plan, its total made 1: the sums are no more right than before."""
    return (plan / plan.sum() * cost).sum()


def wrong_missing_at_the_start(plan, cost, a, b):
    """What is missing is taken from the plan before it was scaled."""
    r, s = a - plan.sum(1), b - plan.sum(0)
    added = torch.outer(r, s) / r.sum() if r.sum() != 0 else 0.0
    return ((_scaled(plan, a, b) + added) * cost).sum()


def wrong_not_divided(plan, cost, a, b):
    """The product of what is missing, without the division: far too little is added."""
    return _correct(_scaled(plan, a, b), cost, a, b, by=lambda r, s: 1.0)


def wrong_euclidean_length(plan, cost, a, b):
    """Divided by the length of the missing masses instead of their sum."""
    return _correct(_scaled(plan, a, b), cost, a, b, by=lambda r, s: r.norm())


def wrong_divided_twice(plan, cost, a, b):
    """Divided by the sum for the rows and by that for the columns."""
    return _correct(_scaled(plan, a, b), cost, a, b, by=lambda r, s: r.sum() * s.sum())


def wrong_epsilon(plan, cost, a, b):
    """A generous number in the denominator against division by zero: not all that is missing is added."""
    return _correct(_scaled(plan, a, b), cost, a, b, by=lambda r, s: r.sum() + 1e-3)


def wrong_nothing_missing(plan, cost, a, b):
    """No guard where nothing is missing: 0 / 0."""
    plan = _scaled(plan, a, b)
    r, s = a - plan.sum(1), b - plan.sum(0)
    return ((plan + torch.outer(r, s) / r.sum()) * cost).sum()


def wrong_spread_by_masses(plan, cost, a, b):
    """What is missing is spread like the masses, not to where it is missing: the total is right, the sums are not."""
    plan = _scaled(plan, a, b)
    return ((plan + (1 - plan.sum()) * torch.outer(a, b)) * cost).sum()
