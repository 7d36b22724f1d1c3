"""Answers to ex-lipschitz-spectral: right ones, written differently, and wrong ones, each with a bug people make."""

import torch
from torch.nn.functional import normalize


def _directions(weight, u, steps):
    """The pair (u, v) after the iterations."""
    for _ in range(steps):
        v = normalize(weight.T @ u, dim=0, eps=1e-300)
        u = normalize(weight @ v, dim=0, eps=1e-300)
    return u, v


def right_by_normalize(weight, u, steps):
    """torch's normalize, and sigma as a sum."""
    u, v = _directions(weight, u, steps)
    return weight / (torch.outer(u, v) * weight).sum()


def right_by_length(weight, u, steps):
    """sigma is the length of Wv, because u is Wv divided by it."""
    for _ in range(steps):
        v = u @ weight
        v = v / v.square().sum().sqrt()
        u = weight @ v
        sigma = u.square().sum().sqrt()
        u = u / sigma
    return weight / sigma


def right_by_loop(weight, u, steps):
    """Plain Python on lists, returned as nested lists."""

    def unit(vector):
        length = sum(t * t for t in vector) ** 0.5
        return [t / length for t in vector]

    rows, left = weight.tolist(), u.tolist()
    for _ in range(steps):
        right = unit([sum(a * row[j] for a, row in zip(left, rows, strict=True)) for j in range(len(rows[0]))])
        image = [sum(a * b for a, b in zip(row, right, strict=True)) for row in rows]
        left = unit(image)
    sigma = sum(a * b for a, b in zip(left, image, strict=True))
    return [[entry / sigma for entry in row] for row in rows]


def right_by_gram(weight, u, steps):
    """All iterations at once, with the power of W W' applied to the first v."""
    v = normalize(weight.T @ u, dim=0, eps=1e-300)
    for _ in range(steps - 1):
        v = normalize(weight.T @ (weight @ v), dim=0, eps=1e-300)
    return weight / (weight @ v).norm()


def wrong_exact(weight, u, steps):
    """The exact norm by decomposition; the algorithm's estimate is asked for."""
    return weight / torch.linalg.svdvals(weight)[0]


def wrong_frobenius(weight, u, steps):
    """The Frobenius norm, the root of all singular values' squares."""
    return weight / weight.norm()


def wrong_one_step(weight, u, steps):
    """`steps` is never used: one iteration, as in training."""
    return right_by_normalize(weight, u, 1)


def wrong_one_more(weight, u, steps):
    """One iteration too many."""
    return right_by_normalize(weight, u, steps + 1)


def wrong_old_u(weight, u, steps):
    """sigma with the u from before the iterations, not normalised."""
    _, v = _directions(weight, u, steps)
    return weight / (u @ weight @ v)


def wrong_not_normalised(weight, u, steps):
    """u and v are never scaled to length 1, so sigma carries their lengths."""
    for _ in range(steps):
        v = weight.T @ u
        u = weight @ v
    return weight / (u @ weight @ v)


def wrong_u_not_normalised(weight, u, steps):
    """Only v is scaled; u keeps the length of Wv, and sigma is squared."""
    _, v = _directions(weight, u, steps)
    return weight / ((weight @ v) @ weight @ v)


def wrong_square_root(weight, u, steps):
    """The root of sigma, as if the Gram matrix had been iterated for its eigenvalue."""
    u, v = _directions(weight, u, steps)
    return weight / (u @ weight @ v).sqrt()


def wrong_only_if_larger(weight, u, steps):
    """Divides only where sigma is above 1: a projection onto the ball, not a normalisation."""
    u, v = _directions(weight, u, steps)
    return weight / (u @ weight @ v).clamp_min(1)


def wrong_multiplied(weight, u, steps):
    """Multiplied by sigma instead of divided."""
    u, v = _directions(weight, u, steps)
    return weight * (u @ weight @ v)


def wrong_sigma(weight, u, steps):
    """sigma itself in place of the weight."""
    u, v = _directions(weight, u, steps)
    return u @ weight @ v


def wrong_epsilon(weight, u, steps):
    """A generous epsilon in both lengths."""
    for _ in range(steps):
        v = weight.T @ u
        v = v / (v.norm() + 0.1)
        u = weight @ v
        u = u / (u.norm() + 0.1)
    return weight / (u @ weight @ v)


def wrong_largest_row(weight, u, steps):
    """The norm of the longest row: every row gets at most length 1, the matrix does not."""
    return weight / weight.norm(dim=1).max()


def wrong_each_row(weight, u, steps):
    """Every row by its own norm: weight normalisation, another method."""
    return weight / weight.norm(dim=1, keepdim=True)


def wrong_sum_norm(weight, u, steps):
    """Vectors are scaled by their sum of absolute values."""
    for _ in range(steps):
        v = normalize(weight.T @ u, p=1, dim=0)
        u = normalize(weight @ v, p=1, dim=0)
    return weight / (u @ weight @ v)
