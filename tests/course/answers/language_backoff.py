"""Answers to ex-language-backoff: right ones, written differently, and wrong ones, each with a bug that people make."""

import torch


def right_by_rows(counts, shorter, d):
    """Row after row, with the three cases apart."""
    rows = []
    for row in counts:
        seen = row > 0
        if not seen.any():
            rows.append(shorter.clone())
        elif seen.all():
            rows.append(row / row.sum())
        else:
            freed = d * seen.sum() / row.sum()
            rows.append(torch.where(seen, (row - d) / row.sum(), freed * shorter / shorter[~seen].sum()))
    return torch.stack(rows)


def right_by_loop(counts, shorter, d):
    """Plain Python; returns nested lists' tensor."""
    table = []
    for row in counts.tolist():
        total, free = sum(row), sum(s for c, s in zip(row, shorter.tolist(), strict=True) if c == 0)
        kinds = sum(c > 0 for c in row)
        less = d if free > 0 else 0.0
        table.append(
            [
                (c - less) / total if c > 0 else (less * kinds / total if total else 1.0) * s / free
                for c, s in zip(row, shorter.tolist(), strict=True)
            ]
        )
    return torch.tensor(table, dtype=torch.float64)


def right_by_clamp(counts, shorter, d):
    """The discount as a clamp, the freed mass as what is missing to 1, full rows repaired at the end."""
    total = counts.sum(dim=1, keepdim=True)
    kept = (counts - d).clamp_min(0) / torch.where(total > 0, total, 1.0)
    rest = shorter * (counts == 0)
    given = (1 - kept.sum(dim=1, keepdim=True)) * rest / rest.sum(dim=1, keepdim=True)
    full = (counts > 0).all(dim=1, keepdim=True)
    return torch.where(full, counts / torch.where(total > 0, total, 1.0), kept + given.nan_to_num())


def _parts(counts, shorter, d):
    seen = counts > 0
    total = counts.sum(dim=1, keepdim=True).clamp_min(1)
    rest, tiny = torch.where(seen, 0.0, shorter), torch.finfo(shorter.dtype).tiny
    return seen, seen.all(dim=1, keepdim=True), total, rest, rest.sum(dim=1, keepdim=True).clamp_min(tiny)


def wrong_stupid(counts, shorter, d):
    """Brants et al. 2007: a fixed factor and no discount. A score; its rows do not sum to 1."""
    seen, _, total, _, _ = _parts(counts, shorter, d)
    return torch.where(seen, counts / total, 0.4 * shorter)


def wrong_mass_lost(counts, shorter, d):
    """The freed mass spread as `shorter` stands, without dividing by what the unseen tokens have of it."""
    right = right_by_rows(counts, shorter, d)
    seen, full, total, rest, _ = _parts(counts, shorter, d)
    freed = d * seen.sum(dim=1, keepdim=True) / total
    return torch.where(full | seen | (counts.sum(dim=1, keepdim=True) == 0), right, freed * rest)


def wrong_interpolated(counts, shorter, d):
    """Absolute discounting with interpolation: seen tokens receive as well."""
    seen, _, total, _, _ = _parts(counts, shorter, d)
    mixed = ((counts - d).clamp_min(0) + d * seen.sum(dim=1, keepdim=True) * shorter) / total
    return torch.where(seen.any(dim=1, keepdim=True), mixed, shorter)


def wrong_one_discount(counts, shorter, d):
    """The freed mass counted as one discount per context, not one per token that was seen."""
    seen, full, total, rest, free = _parts(counts, shorter, d)
    kept = torch.where(seen & ~full, counts - d, counts) / total
    freed = torch.where(seen.any(dim=1, keepdim=True), d / total, 1.0)
    return kept + torch.where(full, 0.0, freed) * rest / free


def wrong_no_discount(counts, shorter, d):
    """Nobody gives: relative frequencies, and the shorter context only where there is nothing at all."""
    seen, _, total, _, _ = _parts(counts, shorter, d)
    return torch.where(seen.any(dim=1, keepdim=True), counts / total, shorter)


def wrong_empty_rows(counts, shorter, d):
    """An unseen context has no total, and its row stays 0 (a division by zero, swept away)."""
    return torch.where(counts.sum(dim=1, keepdim=True) > 0, right_by_rows(counts, shorter, d), 0.0)


def wrong_full_rows(counts, shorter, d):
    """Full rows give although nobody receives: they sum to less than 1."""
    _, full, total, _, _ = _parts(counts, shorter, d)
    return torch.where(full, (counts - d) / total, right_by_rows(counts, shorter, d))


def wrong_uniform(counts, shorter, d):
    """The unseen tokens share equally; the shorter context is not asked."""
    return right_by_rows(counts, torch.full_like(shorter, 1 / len(shorter)), d)


def wrong_share_per_row(counts, shorter, d):
    """A discount of d times the count: linear instead of absolute."""
    seen, full, total, rest, free = _parts(counts, shorter, d)
    kept = torch.where(seen & ~full, counts * (1 - d), counts) / total
    return kept + (1 - kept.sum(dim=1, keepdim=True)) * rest / free


def wrong_divided_by_what_is_kept(counts, shorter, d):
    """Divides by the discounted total: the seen tokens already sum to 1, the unseen ones come on top."""
    seen, full, _total, rest, free = _parts(counts, shorter, d)
    less = torch.where(seen & ~full, counts - d, counts)
    kept = less / less.sum(dim=1, keepdim=True).clamp_min(torch.finfo(shorter.dtype).tiny)
    freed = d * seen.sum(dim=1, keepdim=True) / counts.sum(dim=1, keepdim=True).clamp_min(1)
    return torch.where(seen.any(dim=1, keepdim=True), kept + torch.where(full, 0.0, freed) * rest / free, shorter)


def wrong_column_totals(counts, shorter, d):
    """Divides by the sum over contexts, along the wrong axis, and then makes the rows sum to 1 by force."""
    seen, _, _, rest, free = _parts(counts, shorter, d)
    kept = (counts - d).clamp_min(0) / counts.sum(dim=0, keepdim=True).clamp_min(1)
    mixed = kept + d * seen.sum(dim=0, keepdim=True) / counts.sum(dim=0, keepdim=True).clamp_min(1) * rest / free
    return mixed / mixed.sum(dim=1, keepdim=True).clamp_min(torch.finfo(shorter.dtype).tiny)


def wrong_probability_discount(counts, shorter, d):
    """Takes d from the relative frequency instead of from the count, as far as there is any."""
    _, full, total, rest, free = _parts(counts, shorter, d)
    kept = torch.where(full, counts / total, (counts / total - d).clamp_min(0))
    return kept + (1 - kept.sum(dim=1, keepdim=True)) * rest / free
