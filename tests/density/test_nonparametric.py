"""Histograms, kernel densities and neighbours: against brute force, closed forms and the libraries that have them."""

from __future__ import annotations

import math
from collections.abc import Callable
from unittest.mock import patch

import jaxtyping
import numpy as np
import pytest
import torch
from scipy import stats
from scipy.spatial import cKDTree
from sklearn.neighbors import KernelDensity as Peer
from torch import Tensor
from torch.testing import assert_close

from benchmarks import kernel_density
from experiments import kernel_rates
from genmodels.density import Mixture, Product
from genmodels.density.base import Density
from genmodels.density.histogram import Histogram
from genmodels.density.kernel import COLUMNS, ROWS, KernelDensity
from genmodels.density.neighbours import Neighbours, log_ball
from genmodels.density.selection import best_inside
from genmodels.training import rng
from mutants import mutants, refusal, rejects


def cloud(n: int, *event: int, seed: int = 0) -> Tensor:
    return torch.randn(n, *event, generator=rng(seed), dtype=torch.float64)


# --- histograms ------------------------------------------------------------------------------------------------------

EDGES = (torch.tensor([-3.0, -1.0, -0.5, 0.5, 3.0]).double(), torch.tensor([-3.0, 0.0, 1.0, 3.0]).double())


def started(kind: type[Histogram], *, pseudo: float = 0.0) -> Histogram:
    return kind(torch.full((4, 3), 1 / 12).double(), EDGES, pseudo)


def check_numpy(kind: type[Histogram]) -> None:
    """The density of every cell is numpy's; points on an edge included."""
    x = torch.cat([cloud(200, 2).clamp(-2.9, 2.9), torch.cartesian_prod(*EDGES)])
    weights = torch.arange(len(x)).double() % 3
    peer = np.histogramdd(x.numpy(), [e.numpy() for e in EDGES], density=True, weights=weights.numpy())[0]
    fitted = started(kind).fit(x, weights=weights)
    middle = torch.cartesian_prod(*[(e[1:] + e[:-1]) / 2 for e in EDGES])
    assert_close(fitted.log_prob(middle).exp().reshape(4, 3), torch.tensor(peer), atol=1e-12, rtol=1e-12)


def check_whole(kind: type[Histogram]) -> None:
    """The integral is 1 to the last digits, and there is nothing outside."""
    fitted = started(kind, pseudo=0.5).fit(cloud(50, 2).clamp(-2.9, 2.9))
    middle = torch.cartesian_prod(*[(e[1:] + e[:-1]) / 2 for e in EDGES])
    total = (fitted.log_prob(middle).exp() * fitted.volumes.flatten()).sum()
    assert abs(float(total) - 1) < 1e-14
    assert fitted.log_prob(torch.tensor([[3.1, 0.0], [0.0, -3.1]])).tolist() == [-math.inf, -math.inf]


def check_left_out_cells(kind: type[Histogram]) -> None:
    """Leaving one out is fitting again without it."""
    x, weights = cloud(30, 2, seed=1).clamp(-2.9, 2.9), torch.arange(30).double() % 3 + 0.5
    for pseudo in (0.0, 0.5):
        start = started(kind, pseudo=pseudo)
        keep = [torch.arange(30) != n for n in range(30)]
        refitted = [start.fit(x[k], weights=weights[k]).log_prob(x[n]) for n, k in enumerate(keep)]
        assert_close(start.leave_one_out(x, weights=weights), torch.stack(refitted))


def check_many_points(kind: type[Histogram]) -> None:
    """Beyond 2^24 a single-precision number does not grow when 1 is added to it, nor shrink when 1 is taken away."""
    x, weights = torch.full((2**20 + 2,), 0.5), torch.ones(2**20 + 2)
    x[-1], weights[0], weights[-1] = 1.5, 2**24, 2**24
    start, ones = kind(torch.tensor([0.5, 0.5]), (torch.tensor([0.0, 1.0, 2.0]),)), 2**20 / 2**24
    assert_close(start.fit(x, weights=weights).mass, torch.tensor([1 + ones, 1.0]) / (2 + ones), rtol=1e-6, atol=0)
    left = start.leave_one_out(torch.tensor([0.5, 0.5, 1.5]), weights=torch.tensor([2.0**24, 1.0, 2.0**24]))
    assert left.dtype == torch.float32
    assert_close(float(left[0].double().exp()), 2.0**-24, rtol=1e-5, atol=0)


class NoWidth(Histogram):
    """The share of the points, not divided by the cell's volume."""

    def _log_prob(self, x: Tensor) -> Tensor:
        at = self._cells(x.to(self.mass))
        return torch.where(at < 0, -torch.inf, self.mass.flatten()[at.clamp_min(0)].log())


class MeanWidth(Histogram):
    """Every cell counts as wide as the mean cell."""

    @property
    def volumes(self) -> Tensor:
        return super().volumes.mean().expand(self.mass.shape)


class LastEdgeLost(Histogram):
    """Half-open cells to the end: the largest point falls out, in silence."""

    def _cells(self, x: Tensor) -> Tensor:
        last = torch.stack([e[-1] for e in self.edges]).to(x)
        return torch.where((x == last).any(dim=1), -1, super()._cells(x))

    def _counts(self, x: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
        at = self._cells(x)
        return weights.new_zeros(self.mass.numel()).index_add_(0, at.clamp_min(0), weights * (at >= 0)), at


class ClampedOutside(Histogram):
    """What lies outside is given to the nearest cell."""

    def _cells(self, x: Tensor) -> Tensor:
        inner = [(e[1:] + e[:-1]) / 2 for e in self.edges]
        low, high = (torch.stack([m[i] for m in inner]).to(x) for i in (0, -1))
        return super()._cells(x.clamp(low, high))


class SingleCounts(Histogram):
    """Ones added up in single precision, one after the other."""

    def _counts(self, x: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
        at = self._cells(x.to(self.mass))
        return torch.zeros(self.mass.numel()).index_add_(0, at, weights.float()), at


class ItselfCounted(Histogram):
    """Left out of the total, not of its cell."""

    def leave_one_out(self, x: Tensor, *, weights: Tensor | None = None) -> Tensor:
        return self.fit(x, weights=weights).log_prob(x)


CHECKS = [check_numpy, check_whole, check_left_out_cells, check_many_points]


@pytest.mark.parametrize("check", CHECKS, ids=lambda c: c.__name__)
def test_histogram(check: Callable[[type[Histogram]], None]) -> None:
    check(Histogram)


@mutants(
    {
        "no width": (NoWidth, check_numpy),
        "mean width": (MeanWidth, check_numpy),
        "last edge lost": (LastEdgeLost, check_numpy),
        "clamped": (ClampedOutside, check_whole),
        "no width, whole": (NoWidth, check_whole),
        "itself counted": (ItselfCounted, check_left_out_cells),
        "counted in single": (SingleCounts, check_many_points),
    }
)
def test_histogram_rejects(mutant: tuple[type[Histogram], Callable[[type[Histogram]], None]]) -> None:
    rejects(mutant[1], mutant[0])


def test_histogram_of_numbers_is_a_part_of_a_product() -> None:
    x = cloud(100, 2).clamp(-2.9, 2.9)
    one = Histogram.uniform((-3.0, 3.0), bins=6, dtype=torch.float64)
    both = Product((one, one)).fit(x)
    assert_close(both.log_prob(x), one.fit(x[:, 0]).log_prob(x[:, 0]) + one.fit(x[:, 1]).log_prob(x[:, 1]))


def test_histogram_says_what_is_wrong() -> None:
    one = Histogram.uniform((-1.0, 1.0), bins=4)
    assert "1 points lie outside" in refusal(ValueError, lambda: one.fit(torch.tensor([0.0, 1.5])))
    assert one.fit(torch.tensor([0.0, 1.5]), weights=torch.tensor([1.0, 0.0])).mass.sum() == 1
    assert "too many" in refusal(ValueError, lambda: Histogram.uniform(*[(-1.0, 1.0)] * 30, bins=2))
    assert "increasing" in refusal(ValueError, lambda: Histogram(torch.ones(1), (torch.tensor([1.0, 1.0]),)))
    assert "shape" in refusal(ValueError, lambda: Histogram(torch.ones(1), (torch.tensor([0.0, 1.0, 2.0]),)))
    assert "add up" in refusal(ValueError, lambda: Histogram(torch.ones(2), (torch.tensor([0.0, 1.0, 2.0]),)))
    assert "bins" in refusal(ValueError, lambda: Histogram.uniform((0.0, 1.0), (0.0, 1.0), bins=[3]))
    assert "two points" in refusal(ValueError, lambda: one.leave_one_out(torch.tensor([0.5])))
    alone = torch.tensor([1.0, 0.0])  # what is left counts nothing
    assert "two points" in refusal(ValueError, lambda: one.leave_one_out(torch.tensor([0.5, 0.2]), weights=alone))
    for bad in ([math.nan, 1.0], [0.0, math.nan, 2.0], [0.0, 1.0, math.inf]):
        mass = torch.full((len(bad) - 1,), 1 / (len(bad) - 1))
        assert "finite" in refusal(ValueError, lambda m=mass, b=bad: Histogram(m, (torch.tensor(b),)))  # type: ignore[misc]
    for share in (math.nan, -1.0):
        bad_mass = torch.tensor([share, 1 - share])
        assert "add up" in refusal(ValueError, lambda m=bad_mass: Histogram(m, (torch.tensor([0.0, 1.0, 2.0]),)))  # type: ignore[misc]
    for pseudo in (-0.5, math.nan):
        assert "pseudo-count" in refusal(ValueError, lambda a=pseudo: Histogram.uniform((0.0, 1.0), bins=2, pseudo=a))  # type: ignore[misc]


# --- kernel densities ------------------------------------------------------------------------------------------------


def direct(x: Tensor, points: Tensor, weights: Tensor, h: float) -> Tensor:
    """The definition: a weighted mean of normal densities, one coordinate after the other."""
    each = torch.distributions.Normal(points.flatten(1), h).log_prob(x.flatten(1)[:, None]).sum(dim=-1)
    return ((weights / weights.sum()).log() + each).logsumexp(dim=1)


def check_definition(kind: type[KernelDensity]) -> None:
    """In 1 to 64 dimensions, with weights, over several blocks of points and of places, and far from all points."""
    for n, m, event in ((7, 5, (1,)), (COLUMNS + 9, ROWS + 3, (2,)), (40, 30, (8, 8))):
        points, weights = cloud(n, *event), torch.arange(n).double() + 0.5
        x = torch.cat([cloud(m, *event, seed=1), 1e3 + cloud(2, *event, seed=2)])
        assert_close(
            kind(points, weights, bandwidth=0.4).log_prob(x), direct(x, points, weights, 0.4), rtol=1e-9, atol=1e-9
        )


def check_left_out_kernel(kind: type[KernelDensity]) -> None:
    """Leaving one out is the kernel density of the others, one point after the other; copies of a point stay."""
    for n, event in ((6, ()), (9, (3,)), (COLUMNS + 40, (2,))):
        points, weights = cloud(n, *event), torch.arange(n).double() % 4 + 0.5
        points[1] = points[0]
        kept = [torch.arange(n) != i for i in range(n)]
        brute = [kind(points[k], weights[k], bandwidth=0.3).log_prob(points[i]) for i, k in enumerate(kept)]
        assert_close(kind(points, weights, bandwidth=0.3).leave_one_out(), torch.stack(brute), rtol=1e-9, atol=1e-9)


def check_spikes(kind: type[KernelDensity]) -> None:
    """h to 0: the points' own likelihood grows like -d log h, the one with a point left out falls like 1/h^2."""
    points = cloud(20, 2)
    own, others = {}, {}
    for h in (1e-3, 1e-4, 1e-5):
        spikes = kind(points, bandwidth=h)
        own[h], others[h] = float(spikes.log_prob(points).mean()), float(spikes.leave_one_out().mean())
    assert abs(own[1e-5] - own[1e-4] - 2 * math.log(10)) < 1e-4
    assert others[1e-5] < 90 * others[1e-4] < 0


class NotToTheD(KernelDensity):
    """h where h^d belongs."""

    def _log_prob(self, x: Tensor) -> Tensor:
        return super()._log_prob(x) + (self.points[0].numel() - 1) * math.log(self.bandwidth)


class NoTwoPi(KernelDensity):
    """The kernel's constant forgotten."""

    def _log_prob(self, x: Tensor) -> Tensor:
        return super()._log_prob(x) + self.points[0].numel() * math.log(2 * math.pi) / 2


class MeanOfLogs(KernelDensity):
    """The mean of the logarithms for the logarithm of the mean."""

    def _log_prob(self, x: Tensor) -> Tensor:
        weights = self._weights()
        each = torch.distributions.Normal(self.points.flatten(1), self.bandwidth).log_prob(x.flatten(1)[:, None])
        return (each.sum(dim=-1) * weights / weights.sum()).sum(dim=1)


class ExpFirst(KernelDensity):
    """exp, mean, log: far from all points the sum is rounded to 0."""

    def _log_prob(self, x: Tensor) -> Tensor:
        weights = self._weights()
        each = torch.distributions.Normal(self.points.flatten(1), self.bandwidth).log_prob(x.flatten(1)[:, None])
        return (each.sum(dim=-1).exp() * weights / weights.sum()).sum(dim=1).log()


class LastBlockOnly(KernelDensity):
    """The blocks of points not added up."""

    def _log_prob(self, x: Tensor) -> Tensor:
        begin = (len(self.points) - 1) // COLUMNS * COLUMNS
        return KernelDensity(self.points[begin:], self._weights()[begin:], bandwidth=self.bandwidth).log_prob(x)


class KeepsItself(KernelDensity):
    """The point itself stays under its kernel."""

    def leave_one_out(self) -> Tensor:
        return self.log_prob(self.points)


class DividesByAll(KernelDensity):
    """Divided by the weight of all, n for n - 1."""

    def leave_one_out(self) -> Tensor:
        shares = self._weights()
        return super().leave_one_out() + (1 - shares / shares.sum()).log()


class ZeroDistanceLeftOut(KernelDensity):
    """Whatever is at distance 0 is taken for the point itself, and copies of it go too."""

    def leave_one_out(self) -> Tensor:
        shares, rows = self._weights(), self.points.reshape(len(self.points), -1)
        gap = torch.cdist(rows, rows)
        each = -(gap**2) / (2 * self.bandwidth**2) + torch.where(gap == 0, -torch.inf, shares.log())
        volume = rows.shape[1] * math.log(self.bandwidth * math.sqrt(2 * math.pi))
        return each.logsumexp(dim=1) - (shares.sum() - shares).log() - volume


@pytest.mark.parametrize("check", [check_definition, check_left_out_kernel, check_spikes], ids=lambda c: c.__name__)
def test_kernel(check: Callable[[type[KernelDensity]], None]) -> None:
    check(KernelDensity)


@mutants(
    {
        "h, not h^d": (NotToTheD, check_definition),
        "no 2 pi": (NoTwoPi, check_definition),
        "mean of logs": (MeanOfLogs, check_definition),
        "exp first": (ExpFirst, check_definition),
        "last block": (LastBlockOnly, check_definition),
        "itself": (KeepsItself, check_left_out_kernel),
        "itself in the spikes": (KeepsItself, check_spikes),
        "n for n - 1": (DividesByAll, check_left_out_kernel),
        "copies left out": (ZeroDistanceLeftOut, check_left_out_kernel),
        "h, not h^d, in the spikes": (NotToTheD, check_spikes),
    }
)
def test_kernel_rejects(mutant: tuple[type[KernelDensity], Callable[[type[KernelDensity]], None]]) -> None:
    rejects(mutant[1], mutant[0])


@pytest.mark.parametrize(("dim", "h"), [(1, 0.2), (2, 0.3), (16, 1.0), (64, 3.0)])
def test_kernel_is_scikit_learns(dim: int, h: float) -> None:
    """One leaf for all points: a tree of many leaves may lose digits (scikit-learn's issue 7492)."""
    points, x, weights = cloud(300, dim), cloud(50, dim, seed=1), torch.arange(300).double() % 5 + 1
    peer = Peer(bandwidth=h, leaf_size=300).fit(points.numpy(), sample_weight=weights.numpy())
    ours = KernelDensity(points, weights, bandwidth=h).log_prob(x)
    assert_close(ours, torch.tensor(peer.score_samples(x.numpy())), rtol=1e-10, atol=1e-10)


Score = Callable[[np.ndarray, np.ndarray, float], np.ndarray]


def check_tiny_summands(score: Score) -> None:
    """64 dimensions and a small bandwidth: every summand is far below the rounding error of 1."""
    points, x = cloud(300, 64), cloud(20, 64, seed=1)
    found = torch.tensor(score(points.numpy(), x.numpy(), 1.0))
    assert_close(found, direct(x, points, torch.ones(300).double(), 1.0), rtol=1e-9, atol=1e-9)


def bounds_taken_off(points: np.ndarray, x: np.ndarray, h: float) -> np.ndarray:
    """As in a tree (scikit-learn's issue 7492): start with the bound 1 of each kernel, then put the value."""
    kernels = np.exp(-((x[:, None] - points) ** 2).sum(axis=-1) / (2 * h**2))
    total = np.full(len(x), float(len(points)))
    for column in kernels.T:
        total += column - 1.0
    logs: np.ndarray = np.log(np.maximum(total, 1e-300) / len(points))
    return logs - points.shape[1] * math.log(h * math.sqrt(2 * math.pi))


def test_kernel_is_right_where_all_summands_are_tiny() -> None:
    check_tiny_summands(lambda p, x, h: KernelDensity(torch.tensor(p), bandwidth=h).log_prob(torch.tensor(x)).numpy())


def test_tiny_summands_reject_bounds() -> None:
    rejects(check_tiny_summands, bounds_taken_off)


def test_kernel_is_scipys() -> None:
    points, x = cloud(200), cloud(40, seed=1)
    peer = stats.gaussian_kde(points.numpy())
    h = float(peer.covariance.squeeze()) ** 0.5
    ours = KernelDensity(points, bandwidth=h).log_prob(x)
    assert_close(ours, torch.tensor(peer.logpdf(x.numpy())), rtol=1e-10, atol=1e-10)


def test_kernel_far_from_the_origin_keeps_its_digits() -> None:
    points, x = cloud(50, 2), cloud(20, 2, seed=1)
    moved = KernelDensity(points + 2.0**20, bandwidth=0.3).log_prob(x + 2.0**20)
    assert_close(moved, KernelDensity(points, bandwidth=0.3).log_prob(x), rtol=1e-7, atol=1e-7)


def test_kernel_memory_is_bounded() -> None:
    """No product of all places and all points is ever held."""
    largest, product = 0, torch.Tensor.__matmul__

    def watched(a: Tensor, b: Tensor) -> Tensor:
        nonlocal largest
        found = product(a, b)
        largest = max(largest, found.numel())
        return found

    with patch.object(torch.Tensor, "__matmul__", watched):
        KernelDensity(cloud(3000, 2), bandwidth=0.5).log_prob(cloud(1000, 2, seed=1))
    assert 0 < largest <= ROWS * COLUMNS


def test_kernel_has_a_gradient() -> None:
    x = cloud(5, 2).requires_grad_()
    q = KernelDensity(cloud(20, 2, seed=1), bandwidth=0.5)
    assert torch.autograd.gradcheck(q.log_prob, (x,))


def test_kernels_are_the_parts_of_a_classifier() -> None:
    """Labelled data reach each part as weights of 0 and 1, and a part keeps what is its own."""
    x, y = torch.cat([cloud(30, 2) - 4, cloud(20, 2, seed=1) + 4]), torch.arange(50) // 30
    start = Mixture(torch.full((2,), 0.5), tuple(KernelDensity.standard(2, bandwidth=0.5) for _ in range(2)))
    fitted = start.labelled(x, y)
    assert [len(part.points) for part in fitted.parts if isinstance(part, KernelDensity)] == [30, 20]
    assert bool((fitted.responsibilities(x).argmax(dim=1) == y).all())
    assert_close(fitted.log_prob(x), KernelDensity(x, bandwidth=0.5).log_prob(x))  # the same Gaussians, in two heaps


def test_kernel_of_whole_numbers_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)  # as for users, whom it does not check
    points = torch.zeros(3, 2, dtype=torch.long)
    assert "give points.float()" in refusal(ValueError, lambda: KernelDensity(points, bandwidth=1.0))


def test_kernel_says_what_is_wrong() -> None:
    points = torch.zeros(3, 2)
    assert "above 0" in refusal(ValueError, lambda: KernelDensity(points, bandwidth=0.0))
    assert "no point" in refusal(ValueError, lambda: KernelDensity(points[:0], bandwidth=1.0))
    assert "NaN" in refusal(ValueError, lambda: KernelDensity(points / 0, bandwidth=1.0))
    assert "one weight each" in refusal(ValueError, lambda: KernelDensity(points, torch.ones(2), bandwidth=1.0))
    assert "above 0" in refusal(ValueError, lambda: KernelDensity(points, torch.zeros(3), bandwidth=1.0))
    assert "two points" in refusal(ValueError, lambda: KernelDensity(points[:1], bandwidth=1.0).leave_one_out())


def test_the_best_value_is_inside() -> None:
    assert best_inside([1, 2, 3, 4], lambda v: -((v - 3) ** 2)) == 3
    for target in (0, 9):
        assert "edge" in refusal(ValueError, lambda t=target: best_inside([1, 2, 3], lambda v: -abs(v - t)))
    assert "NaN" in refusal(ValueError, lambda: best_inside([1, 2, 3], lambda v: math.nan))


# --- neighbours ------------------------------------------------------------------------------------------------------

Estimate = Callable[[Tensor, Tensor, int], Tensor]


def package(x: Tensor, points: Tensor, k: int) -> Tensor:
    return Neighbours(points, k=k).log_estimate(x)


def check_volume(estimate: Estimate) -> None:
    """k / (N V) with the radius of scipy's tree and the volume of the ball by counting random points in it."""
    for dim in (1, 2, 3, 5):
        points, x = cloud(60, dim), cloud(9, dim, seed=1)
        inside = (torch.rand(200_000, dim, generator=rng(dim)) * 2 - 1).square().sum(dim=1) <= 1
        unit = float(inside.double().mean()) * 2**dim
        for k in (1, 7, 60):
            radius = cKDTree(points.numpy()).query(x.numpy(), k=[k])[0][:, 0]
            assert_close(
                estimate(x, points, k), torch.tensor(np.log(k / 60 / unit) - dim * np.log(radius)), atol=0.02, rtol=0
            )


def without_constant(x: Tensor, points: Tensor, k: int) -> Tensor:
    return package(x, points, k) + log_ball(points.shape[1])


def radius_for_volume(x: Tensor, points: Tensor, k: int) -> Tensor:
    near = Neighbours(points, k=k)
    return package(x, points, k) + (points.shape[1] - 1) * near.radius(x).log()


def one_too_far(x: Tensor, points: Tensor, k: int) -> Tensor:
    return package(x, points, min(k + 1, len(points))) + math.log(k / min(k + 1, len(points)))


def gamma_off_by_one(x: Tensor, points: Tensor, k: int) -> Tensor:
    return package(x, points, k) - math.log(points.shape[1] / 2)


def diameter(x: Tensor, points: Tensor, k: int) -> Tensor:
    return package(x, points, k) - points.shape[1] * math.log(2)


def test_neighbours_volume() -> None:
    check_volume(package)


@mutants(
    {f.__name__: f for f in (without_constant, radius_for_volume, one_too_far, gamma_off_by_one, diameter)},
)
def test_neighbours_volume_rejects(mutant: Estimate) -> None:
    rejects(check_volume, mutant)


def test_unit_balls() -> None:
    assert_close(log_ball(1), math.log(2))
    assert_close(log_ball(2), math.log(math.pi))
    assert_close(log_ball(3), math.log(4 * math.pi / 3))


def test_neighbours_are_no_density() -> None:
    """Beyond all points the estimate is k / 2N(x - a): its integral grows with the logarithm of the box."""
    near = Neighbours(cloud(50), k=5)
    assert not isinstance(near, Density) and not hasattr(near, "log_prob") and not hasattr(near, "sample")
    a = float(near.points.sort().values[-5])
    middle = 10 + (torch.arange(200_000).double() + 0.5) * 990 / 200_000
    tail = float(near.log_estimate(middle).exp().sum()) * 990 / 200_000
    assert abs(tail - 5 / 100 * math.log((1000 - a) / (10 - a))) < 1e-6


def check_left_out_neighbours(kind: type[Neighbours]) -> None:
    points = cloud(25, 2)
    points[3] = points[4]  # a copy is a neighbour, at distance 0
    others = [points[torch.arange(25) != n] for n in range(25)]
    brute = torch.cat([kind(rest, k=3).log_estimate(points[n][None]) for n, rest in enumerate(others)])
    assert_close(kind(points, k=3).leave_one_out(), brute)


class OwnNeighbour(Neighbours):
    """A point is the first of its own neighbours."""

    def leave_one_out(self) -> Tensor:
        return self.log_estimate(self.points)


class AllCounted(Neighbours):
    """N for N - 1."""

    def leave_one_out(self) -> Tensor:
        return super().leave_one_out() + math.log(1 - 1 / len(self.points))


def test_neighbours_leave_one_out() -> None:
    check_left_out_neighbours(Neighbours)


@mutants({"own neighbour": OwnNeighbour, "n for n - 1": AllCounted})
def test_neighbours_leave_one_out_rejects(mutant: type[Neighbours]) -> None:
    rejects(check_left_out_neighbours, mutant)


def test_neighbours_say_what_is_wrong() -> None:
    points = torch.tensor([[0.0, 0.0], [0.0, 0.0], [1.0, 0.0]])
    assert "k = 4" in refusal(ValueError, lambda: Neighbours(points, k=4))
    assert "k = 0" in refusal(ValueError, lambda: Neighbours(points, k=0))
    assert "leaves 2" in refusal(ValueError, lambda: Neighbours(points, k=3).leave_one_out())
    assert "radius 0" in refusal(ValueError, lambda: Neighbours(points, k=2).log_estimate(points))
    assert "radius 0" in refusal(ValueError, lambda: Neighbours(points, k=1).leave_one_out())
    assert "NaN" in refusal(ValueError, lambda: Neighbours(points / 0, k=1))
    assert "NaN" in refusal(ValueError, lambda: Neighbours(points, k=1).radius(points / 0))
    assert "shape" in refusal(ValueError, lambda: Neighbours(points, k=1).radius(torch.zeros(3, 3)))
    assert "shape" in refusal(ValueError, lambda: Neighbours(torch.zeros(2, 2, 2), k=1))


def test_neighbours_keep_shape_and_precision() -> None:
    x = cloud(6, 2).float()
    near = Neighbours(cloud(30, 2, seed=1), k=3)
    assert near.radius(x).dtype == torch.float32 and near.radius(x.reshape(2, 3, 2)).shape == (2, 3)
    assert near.radius(x[:0]).shape == (0,)


def check_wide(kind: type[Neighbours]) -> None:
    """Distances are taken in the higher precision, of whole numbers in that of the others; x decides the answer's."""
    halves = kind(torch.tensor([0.5, 1.5, 4.0]), k=1).radius(torch.tensor([1, 4]))
    assert halves.dtype == torch.float32 and halves.tolist() == [0.5, 0.0], "points cut to whole numbers"
    far = kind(torch.tensor([2.0**24, 2.0**24 + 1], dtype=torch.float64), k=2).radius(torch.tensor([2.0**24]))
    assert far.dtype == torch.float32 and far.tolist() == [1.0], "points rounded to single precision"


class RoundedPoints(Neighbours):
    """The points in the precision of x, whatever that is."""

    def _radius(self, x: Tensor, *, k: int) -> Tensor:
        points = self.points.to(x)
        return (x[:, None] - points).abs().to(torch.get_default_dtype()).kthvalue(k, dim=1).values


def test_neighbours_take_the_higher_precision() -> None:
    check_wide(Neighbours)
    numbers = Neighbours(torch.tensor([0, 1, 3]), k=1)
    assert_close(numbers.leave_one_out(), Neighbours(numbers.points.float(), k=1).leave_one_out())
    assert torch.equal(numbers.radius(torch.tensor([0.25]).double()), torch.tensor([0.25]).double())


def test_neighbours_in_the_precision_of_x_are_seen() -> None:
    rejects(check_wide, RoundedPoints)


def test_neighbours_can_be_compared() -> None:
    """Equality field by field would ask a tensor for its truth."""
    near = Neighbours(cloud(5, 2), k=1)
    assert near == near and near != Neighbours(cloud(5, 2), k=1)


# --- the recipe and the benchmark ------------------------------------------------------------------------------------


def test_the_recipe_measures_what_it_says() -> None:
    row = kernel_rates.cell(dim=2, n=1_000, seed=0, fresh=2_000)
    assert 0 < row["gaussians"] < row["kernel"] < 0.1
    p = kernel_rates.truth(2)
    assert kernel_rates.divergence(p, p, p.sample((10,), rng=rng(0))) == 0


def test_the_benchmark_compares_the_same_work() -> None:
    for dim in kernel_density.BANDWIDTHS:
        points, x = kernel_density.clouds(n=200, dim=dim)
        ours, theirs = kernel_density.ours(points, x), kernel_density.peer(points, x)
        assert_close(ours, theirs, rtol=1e-8, atol=1e-8)
    assert kernel_density.ratio(n=100, dim=2, rounds=1) > 0
