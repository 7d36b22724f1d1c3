"""Answers to ex-nonparametric-ball: right ones, and wrong ones with bugs that people make."""

import math

import torch
from scipy.spatial import cKDTree


def _radius(x, points, k):
    return torch.cdist(x, points).kthvalue(k, dim=1).values


def _log(radius, n, k, d, *, constant=None):
    unit = d / 2 * math.log(math.pi) - math.lgamma(d / 2 + 1)
    return math.log(k / n) - (unit if constant is None else constant) - d * radius.log()


def right_by_kthvalue(x, points, k):
    """torch has the k-th smallest value."""
    return _log(_radius(x, points, k), len(points), k, points.shape[1])


def right_by_tree(x, points, k):
    """scipy's tree finds the neighbours without all distances."""
    distances, _ = cKDTree(points.numpy()).query(x.numpy(), k=[k])
    return _log(torch.from_numpy(distances[:, 0]).to(x), len(points), k, points.shape[1])


def right_by_recursion(x, points, k):
    """The unit ball from the one two dimensions lower, V_d = V_{d-2} 2 pi / d."""
    n, d = points.shape
    volume = 2.0 if d % 2 else math.pi
    for dim in range(3 if d % 2 else 4, d + 1, 2):
        volume *= 2 * math.pi / dim
    return torch.stack([(k / (n * volume * sorted((row - points).norm(dim=1))[k - 1] ** d)).log() for row in x])


def wrong_no_constant(x, points, k):
    """The volume r^d, without the constant of the unit ball."""
    return _log(_radius(x, points, k), len(points), k, points.shape[1], constant=0.0)


def wrong_radius_for_volume(x, points, k):
    """r where r^d belongs."""
    d, radius = points.shape[1], _radius(x, points, k)
    return _log(radius, len(points), k, d) + d * radius.log() - radius.log()


def wrong_cube(x, points, k):
    """The cube around the ball, (2r)^d."""
    d = points.shape[1]
    return _log(_radius(x, points, k), len(points), k, d, constant=d * math.log(2))


def wrong_gamma(x, points, k):
    """Gamma(d / 2) for Gamma(d / 2 + 1): the surface's constant, halved."""
    d = points.shape[1]
    unit = d / 2 * math.log(math.pi) - math.lgamma(d / 2)
    return _log(_radius(x, points, k), len(points), k, d, constant=unit)


def wrong_diameter(x, points, k):
    """The diameter for the radius."""
    return _log(2 * _radius(x, points, k), len(points), k, points.shape[1])


def wrong_next_neighbour(x, points, k):
    """sort(...)[k]: indices begin at 0, and this is the neighbour after the k-th."""
    far = torch.cdist(x, points).sort(dim=1).values[:, min(k, len(points) - 1)]
    return _log(far, len(points), k, points.shape[1])


def wrong_nearest(x, points, k):
    """The nearest point's distance, whatever k."""
    return _log(_radius(x, points, 1), len(points), k, points.shape[1])


def wrong_mean_distance(x, points, k):
    """The mean distance of the k nearest, not that of the k-th."""
    near = torch.cdist(x, points).sort(dim=1).values[:, :k].mean(dim=1)
    return _log(near, len(points), k, points.shape[1])


def wrong_all_but_one(x, points, k):
    """N - 1 for N: as if each place were one of the points."""
    return _log(_radius(x, points, k), len(points) - 1, k, points.shape[1])


def wrong_no_count(x, points, k):
    """1 / V: the k forgotten, and the N."""
    return _log(_radius(x, points, k), 1, 1, points.shape[1])


def wrong_squared_distance(x, points, k):
    """The squared distance taken for the distance."""
    return _log(_radius(x, points, k).square(), len(points), k, points.shape[1])


def wrong_no_logarithm(x, points, k):
    """The estimate itself."""
    return _log(_radius(x, points, k), len(points), k, points.shape[1]).exp()


def wrong_disc(x, points, k):
    """pi r^2 in every dimension."""
    return math.log(k / len(points)) - math.log(math.pi) - 2 * _radius(x, points, k).log()
