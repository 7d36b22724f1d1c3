"""Answers to ex-nonparametric-cells: right ones, and wrong ones with bugs that people make."""

import numpy as np
import torch


def _numbers(z, edges):
    cells = len(edges) - 1
    at = torch.searchsorted(edges, z.contiguous(), right=True) - 1
    return torch.where(z == edges[-1], cells - 1, at)


def _filled(at, values):
    inside = (at >= 0) & (at < len(values))
    return torch.where(inside, values[at.clamp(0, len(values) - 1)], torch.zeros((), dtype=values.dtype))


def _counts(points, edges):
    return torch.bincount(_numbers(points, edges), minlength=len(edges) - 1).to(edges)


def right_by_search(x, points, edges):
    """searchsorted finds the cell."""
    return _filled(_numbers(x, edges), _counts(points, edges) / (len(points) * edges.diff()))


def right_by_numpy(x, points, edges):
    """numpy.histogram with density=True knows all of it."""
    density, _ = np.histogram(points.numpy(), edges.numpy(), density=True)
    return _filled(_numbers(x, edges), torch.from_numpy(density).to(edges))


def right_by_loop(x, points, edges):
    """Plain Python, cell by cell."""
    found = []
    for place in x.tolist():
        density, last = 0.0, len(edges) - 2
        for c in range(last + 1):
            low, high = edges[c].item(), edges[c + 1].item()
            if low <= place < high or (c == last and place == high):
                inside = sum(low <= p < high or (c == last and p == high) for p in points.tolist())
                density = inside / (len(points) * (high - low))
        found.append(density)
    return torch.tensor(found, dtype=edges.dtype)


def wrong_share(x, points, edges):
    """The share of the points: not divided by the width, and so no density."""
    return _filled(_numbers(x, edges), _counts(points, edges) / len(points))


def wrong_mean_width(x, points, edges):
    """One width for all cells, their mean."""
    return _filled(_numbers(x, edges), _counts(points, edges) / (len(points) * edges.diff().mean()))


def wrong_first_width(x, points, edges):
    """The first cell's width for all, as where cells are equal."""
    return _filled(_numbers(x, edges), _counts(points, edges) / (len(points) * (edges[1] - edges[0])))


def wrong_counts(x, points, edges):
    """Divided by the width and not by the number of points."""
    return _filled(_numbers(x, edges), _counts(points, edges) / edges.diff())


def wrong_next_cell(x, points, edges):
    """searchsorted without the - 1: the density of the cell to the right."""
    density = _counts(points, edges) / (len(points) * edges.diff())
    return _filled(_numbers(x, edges) + 1, density)


def wrong_upper_edges(x, points, edges):
    """Cells that own their upper edge."""
    number = lambda z: torch.where(z == edges[0], 0, torch.searchsorted(edges, z.contiguous()) - 1)  # noqa: E731
    counts = torch.bincount(number(points), minlength=len(edges) - 1).to(edges)
    return _filled(number(x), counts / (len(points) * edges.diff()))


def wrong_last_point_lost(x, points, edges):
    """Half-open cells to the end: the points on the last edge are not counted."""
    at = torch.searchsorted(edges, points.contiguous(), right=True) - 1
    counts = torch.bincount(at, minlength=len(edges))[: len(edges) - 1].to(edges)
    return _filled(_numbers(x, edges), counts / (len(points) * edges.diff()))


def wrong_last_place_lost(x, points, edges):
    """The last edge has density 0 when it is asked about."""
    at = torch.searchsorted(edges, x.contiguous(), right=True) - 1
    return _filled(at, _counts(points, edges) / (len(points) * edges.diff()))


def wrong_clamped(x, points, edges):
    """Places outside get the density of the nearest cell, and the integral is infinite."""
    density = _counts(points, edges) / (len(points) * edges.diff())
    return density[_numbers(x, edges).clamp(0, len(edges) - 2)]


def wrong_wrapped(x, points, edges):
    """Index -1 is the last cell: a place left of all edges lands at the right end."""
    density = torch.cat([_counts(points, edges) / (len(points) * edges.diff()), torch.zeros(1).to(edges)])
    at = _numbers(x, edges)
    return density[torch.where(at < 0, len(edges) - 2, at.clamp_max(len(edges) - 1))]


def wrong_smoothed(x, points, edges):
    """One pseudo-count in every cell, which nobody asked for."""
    counts = _counts(points, edges) + 1
    return _filled(_numbers(x, edges), counts / (counts.sum() * edges.diff()))


def wrong_equal_cells(x, points, edges):
    """torch.histc between the first and the last edge: equal cells, whatever the edges say."""
    cells = len(edges) - 1
    counts = torch.histc(points, cells, edges[0].item(), edges[-1].item())
    return _filled(_numbers(x, edges), counts / (len(points) * edges.diff()))
