"""Answers to ex-mixtures-covariance: right ones, written differently, and wrong ones with bugs people make."""

import torch


def right_by_outer_products(x, r, floor):
    """The sum in the formula, point by point."""
    mean = (r[:, None] * x).sum(dim=0) / r.sum()
    total = sum(w * torch.outer(row - mean, row - mean) for w, row in zip(r, x, strict=True))
    return total / r.sum() + floor * torch.eye(x.shape[1], dtype=x.dtype)


def right_by_cov(x, r, floor):
    """torch.cov with observation weights and without its correction."""
    covariance = torch.cov(x.T, aweights=r, correction=0).reshape(x.shape[1], x.shape[1])
    return covariance + floor * torch.eye(x.shape[1], dtype=x.dtype)


def right_by_einsum(x, r, floor):
    """One einsum over centred points, each scaled by the root of its share."""
    share = (r / r.sum()).sqrt()
    rows = share[:, None] * (x - (r @ x) / r.sum())
    return torch.einsum("ni,nj->ij", rows, rows) + torch.diag(torch.full((x.shape[1],), floor, dtype=x.dtype))


def _about(x, r, mean):
    return (r[:, None] * (x - mean)).T @ (x - mean) / r.sum()


def _floor(x, floor):
    return floor * torch.eye(x.shape[1], dtype=x.dtype)


def wrong_not_centred(x, r, floor):
    """The second moment about 0."""
    return (r[:, None] * x).T @ x / r.sum() + _floor(x, floor)


def wrong_difference_of_squares(x, r, floor):
    """The second moment less the squared mean: equal on paper, and no digit is left far from 0."""
    mean = r @ x / r.sum()
    return (r[:, None] * x).T @ x / r.sum() - torch.outer(mean, mean) + _floor(x, floor)


def wrong_plain_mean(x, r, floor):
    """About the mean of all points, as before the step."""
    return _about(x, r, x.mean(dim=0)) + _floor(x, floor)


def wrong_divided_by_n(x, r, floor):
    """Divided by the number of points, not by what the part answers for."""
    return _about(x, r, r @ x / r.sum()) * r.sum() / len(x) + _floor(x, floor)


def wrong_minus_one(x, r, floor):
    """The correction of an unbiased estimate, where the greatest likelihood is asked for."""
    return torch.cov(x.T, aweights=r).reshape(x.shape[1], x.shape[1]) + _floor(x, floor)


def wrong_weights_twice(x, r, floor):
    """The responsibilities on both factors of the product."""
    rows = r[:, None] * (x - r @ x / r.sum())
    return rows.T @ rows / r.sum() + _floor(x, floor)


def wrong_unweighted(x, r, floor):
    """The covariance of all points."""
    return _about(x, torch.ones_like(r), x.mean(dim=0)) + _floor(x, floor)


def wrong_floor_everywhere(x, r, floor):
    """The floor added to every entry and not to the diagonal; in one dimension, forgotten the second time."""
    return _about(x, r, r @ x / r.sum()) + floor * (1 + torch.eye(x.shape[1], dtype=x.dtype))


def wrong_floor_on_precision(x, r, floor):
    """The floor on the inverse: variances fall instead of rising."""
    covariance = _about(x, r, r @ x / r.sum())
    return torch.linalg.inv(torch.linalg.inv(covariance + 1e-9 * _floor(x, 1.0)) + _floor(x, floor + 1e-3))


def wrong_only_variances(x, r, floor):
    """A diagonal, as of independent coordinates, and the standard deviations at that."""
    return torch.diag(_about(x, r, r @ x / r.sum()).diagonal().sqrt()) + _floor(x, floor)


def wrong_hard(x, r, floor):
    """Only the points of which the part answers for more than half, all alike."""
    hard = (r >= r.max() / 2).to(r)
    return _about(x, hard, hard @ x / hard.sum()) + _floor(x, floor)
