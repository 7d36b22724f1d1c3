"""Distances between samples: closed forms for shifts, no bias where none is promised, names that carry the size."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from genmodels import training
from genmodels.metrics import Score, median_distance, mmd, sliced_wasserstein, wasserstein
from genmodels.transport import distances
from mutants import mutants, rejects

Measure = Callable[..., Score]


def cloud(n: int, dim: int, seed: int) -> Tensor:
    return torch.randn(n, dim, generator=training.rng(seed), dtype=torch.float64)


def test_names_carry_what_the_value_depends_on() -> None:
    x, y = cloud(8, 2, 0), cloud(6, 2, 1)
    assert wasserstein(x, x).name == "W1 (n=8)"
    assert wasserstein(x, y).name == "W1 (n=8, 6)"
    assert sliced_wasserstein(x, y, directions=4, rng=training.rng(0)).name == "sliced W1 (n=8, 6, 4 directions)"
    assert mmd(x, x, bandwidth=0.5).name == "squared MMD (n=8, bandwidth 0.5)"


def test_images_are_compared_pixel_by_pixel() -> None:
    x = cloud(8, 4, 0)
    assert wasserstein(x.reshape(8, 1, 2, 2), 0 * x.reshape(8, 1, 2, 2)).value == pytest.approx(x.norm(dim=1).mean())


# --- sliced ----------------------------------------------------------------------------------------------------------


def check_sliced(measure: Measure) -> None:
    """A shift by c moves every projection by |<u, c>|; in the plane the mean over directions is 2 |c| / pi."""
    x = cloud(5, 2, 0)
    shift = torch.tensor([3.0, 4.0], dtype=torch.float64)
    given = measure(x, x + shift, directions=2_000, rng=training.rng(0)).value
    assert given == pytest.approx(5 * 2 / math.pi, rel=0.04)


def not_on_the_sphere(x: Tensor, y: Tensor, *, directions: int, rng: torch.Generator) -> Score:
    u = torch.randn(x.shape[1], directions, generator=rng, dtype=torch.float64)
    return Score(((x @ u).sort(dim=0).values - (y @ u).sort(dim=0).values).abs().mean().item(), "")


def not_sorted(x: Tensor, y: Tensor, *, directions: int, rng: torch.Generator) -> Score:
    u = torch.nn.functional.normalize(torch.randn(x.shape[1], directions, generator=rng, dtype=torch.float64), dim=0)
    return Score(((x @ u) - (y.flip(0) @ u)).abs().mean().item(), "")


def from_the_cube(x: Tensor, y: Tensor, *, directions: int, rng: torch.Generator) -> Score:
    """Directions drawn from the positive corner of a cube: not all directions of the sphere."""
    u = torch.rand(x.shape[1], directions, generator=rng, dtype=torch.float64)
    u = u / u.norm(dim=0)
    return Score(((x @ u).sort(dim=0).values - (y @ u).sort(dim=0).values).abs().mean().item(), "")


def squared_shift(x: Tensor, y: Tensor, *, directions: int, rng: torch.Generator) -> Score:
    u = torch.nn.functional.normalize(torch.randn(x.shape[1], directions, generator=rng, dtype=torch.float64), dim=0)
    return Score(((x @ u).sort(dim=0).values - (y @ u).sort(dim=0).values).square().mean().sqrt().item(), "")


def test_sliced_wasserstein_of_a_shift() -> None:
    check_sliced(sliced_wasserstein)


@mutants({f.__name__: f for f in (not_on_the_sphere, not_sorted, from_the_cube, squared_shift)})
def test_sliced_wasserstein_of_a_shift_rejects(mutant: Measure) -> None:
    rejects(check_sliced, mutant)


def test_sliced_is_below_exact_and_equal_to_it_on_the_line() -> None:
    for dim in (1, 3):
        x, y = cloud(9, dim, 0), cloud(7, dim, 1) + 1
        sliced = sliced_wasserstein(x, y, rng=training.rng(0)).value
        exact = wasserstein(x, y).value
        assert sliced == pytest.approx(exact) if dim == 1 else sliced < exact


# --- squared MMD -----------------------------------------------------------------------------------------------------


def check_unbiased(measure: Measure) -> None:
    """Exactly, by enumeration: all 6 x 6 pairs of samples of two out of four points have mean MMD^2 of the urns.

    Drawing two without replacement, every ordered pair of different points is equally likely, so the estimator's mean
    is that of the whole urns of four.
    """
    urn, other = cloud(4, 2, 0), cloud(4, 2, 1) + 0.5
    pairs = [list(pair) for pair in itertools.combinations(range(4), 2)]
    mean = sum(measure(urn[i], other[j], bandwidth=1.0).value for i in pairs for j in pairs) / len(pairs) ** 2
    assert mean == pytest.approx(by_loops(urn, other), abs=1e-12)


def by_loops(x: Tensor, y: Tensor) -> float:
    def k(s: Tensor, t: Tensor) -> float:
        return math.exp(-(s - t).square().sum().item() / 2)

    def within(s: Tensor) -> float:
        return sum(k(p, q) for p, q in itertools.permutations(s, 2)) / (len(s) * (len(s) - 1))

    return within(x) + within(y) - 2 * sum(k(p, q) for p in x for q in y) / (len(x) * len(y))


def gaussian(x: Tensor, y: Tensor, bandwidth: float) -> Tensor:
    return (-distances(x, y).square() / (2 * bandwidth**2)).exp()


def biased(x: Tensor, y: Tensor, *, bandwidth: float) -> Score:
    """The diagonal counts: never below 0, and above it for equal distributions (Gretton et al. 2012, eq. 5)."""
    parts = [gaussian(s, t, bandwidth).mean() for s, t in ((x, x), (y, y), (x, y))]
    return Score((parts[0] + parts[1] - 2 * parts[2]).item(), "")


def diagonal_in_the_divisor(x: Tensor, y: Tensor, *, bandwidth: float) -> Score:
    """The diagonal is taken out of the sum but not out of the number of terms."""
    parts = [(gaussian(s, s, bandwidth).sum() - len(s)) / len(s) ** 2 for s in (x, y)]
    return Score((parts[0] + parts[1] - 2 * gaussian(x, y, bandwidth).mean()).item(), "")


def no_two(x: Tensor, y: Tensor, *, bandwidth: float) -> Score:
    return mmd(x, y, bandwidth=bandwidth / math.sqrt(2))


def cross_term_once(x: Tensor, y: Tensor, *, bandwidth: float) -> Score:
    return Score(mmd(x, y, bandwidth=bandwidth).value + gaussian(x, y, bandwidth).mean().item(), "")


def rooted(x: Tensor, y: Tensor, *, bandwidth: float) -> Score:
    return Score(max(mmd(x, y, bandwidth=bandwidth).value, 0.0) ** 0.5, "")


def test_mmd_has_no_bias() -> None:
    check_unbiased(mmd)


@mutants({f.__name__: f for f in (biased, diagonal_in_the_divisor, no_two, cross_term_once, rooted)})
def test_mmd_has_no_bias_rejects(mutant: Measure) -> None:
    rejects(check_unbiased, mutant)


def test_mmd_of_two_gaussians() -> None:
    """Against the closed form for N(0, 1), N(s, 1): 2 (1 - exp(-s^2 / (2 (h^2 + 2)))) h / sqrt(h^2 + 2)."""
    h, s = 1.5, 2.0
    scale = h / math.sqrt(h**2 + 2)
    expected = 2 * scale * (1 - math.exp(-(s**2) / (2 * (h**2 + 2))))
    assert mmd(cloud(2_000, 1, 0), cloud(2_000, 1, 1) + s, bandwidth=h).value == pytest.approx(expected, abs=0.03)


def test_median_distance() -> None:
    points = torch.tensor([[0.0], [1.0], [10.0]])
    assert median_distance(points) == 9  # 1, 9, 10: no point is paired with itself
