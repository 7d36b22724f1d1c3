"""Fréchet distance and Inception-style score: closed forms, their bounds, and what n does to them."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from genmodels.metrics import frechet_distance, frechet_of_moments, inception_style_score, moments
from genmodels.training import rng
from mutants import mutants, refusal, rejects

Distance = Callable[[Tensor, Tensor, Tensor, Tensor], float]
Clouds = Callable[[Tensor, Tensor], float]
Inception = Callable[[Tensor], float]

# --- the distance of given moments -----------------------------------------------------------------------------------


def matrix(*rows: tuple[float, ...]) -> Tensor:
    return torch.tensor(rows, dtype=torch.float64)


def spread(dim: int, seed: int) -> Tensor:
    """A covariance with strong correlations."""
    factor = torch.randn(dim, dim, generator=rng(seed), dtype=torch.float64)
    return factor @ factor.T


def root(covariance: Tensor) -> Tensor:
    values, vectors = torch.linalg.eigh(covariance)
    return (vectors * values.clamp_min(0).sqrt()) @ vectors.T


def check_zero(distance: Distance) -> None:
    for dim in (1, 2, 5):
        mean, covariance = torch.randn(dim, generator=rng(dim), dtype=torch.float64), spread(dim, dim)
        assert abs(distance(mean, covariance, mean, covariance)) < 1e-9


def check_seventeen(distance: Distance) -> None:
    """N(0, 1) and N(4, 4) in one dimension: (4 - 0)^2 + (2 - 1)^2 = 17."""
    assert distance(matrix((0,))[0], matrix((1,)), matrix((4,))[0], matrix((4,))) == pytest.approx(17, abs=1e-9)


def check_correlated(distance: Distance) -> None:
    """In the plane the trace of the root has a closed form, also where the two covariances do not commute:

    tr (AB)^(1/2) = sqrt(tr AB + 2 sqrt(det AB)).
    """
    a, b = matrix((2, 1.2), (1.2, 1)), matrix((1, -0.9), (-0.9, 3))
    mean_a, mean_b = matrix((1, 2))[0], matrix((-1, 0.5))[0]
    cross = math.sqrt((a @ b).trace() + 2 * math.sqrt((a @ b).det()))
    expected = (4 + 2.25) + (3 + 4) - 2 * cross
    assert distance(mean_a, a, mean_b, b) == pytest.approx(expected, abs=1e-6)
    assert distance(mean_b, b, mean_a, a) == pytest.approx(expected, abs=1e-6), "it is symmetric"


def without_the_cross_term(ma: Tensor, a: Tensor, mb: Tensor, b: Tensor) -> float:
    return ((ma - mb).square().sum() + a.trace() + b.trace()).item()


def elementwise_root(ma: Tensor, a: Tensor, mb: Tensor, b: Tensor) -> float:  # pytorch/ignite, issue 2423
    return without_the_cross_term(ma, a, mb, b) - 2 * (a @ b).clamp_min(0).sqrt().trace().item()


def elementwise_product(ma: Tensor, a: Tensor, mb: Tensor, b: Tensor) -> float:
    return without_the_cross_term(ma, a, mb, b) - 2 * (a * b).clamp_min(0).sqrt().trace().item()


def product_of_roots(ma: Tensor, a: Tensor, mb: Tensor, b: Tensor) -> float:
    """The trace of the product instead of the trace of the root: equal only if the covariances commute."""
    return without_the_cross_term(ma, a, mb, b) - 2 * (root(a) @ root(b)).trace().item()


def cross_term_once(ma: Tensor, a: Tensor, mb: Tensor, b: Tensor) -> float:
    return without_the_cross_term(ma, a, mb, b) - torch.linalg.svdvals(root(a) @ root(b)).sum().item()


def mean_not_squared(ma: Tensor, a: Tensor, mb: Tensor, b: Tensor) -> float:
    gap = (ma - mb).square().sum()
    return frechet_of_moments(ma, a, mb, b) - gap.item() + gap.sqrt().item()


def root_of_the_distance(ma: Tensor, a: Tensor, mb: Tensor, b: Tensor) -> float:
    return math.sqrt(frechet_of_moments(ma, a, mb, b))


def variances_only(ma: Tensor, a: Tensor, mb: Tensor, b: Tensor) -> float:
    return frechet_of_moments(ma, a.diag().diag(), mb, b.diag().diag())


def test_a_gaussian_is_at_zero_from_itself() -> None:
    check_zero(frechet_of_moments)


@mutants({f.__name__: f for f in (without_the_cross_term, elementwise_root, cross_term_once)})
def test_a_gaussian_is_at_zero_from_itself_rejects(mutant: Distance) -> None:
    rejects(check_zero, mutant)


def test_seventeen() -> None:
    check_seventeen(frechet_of_moments)


@mutants({f.__name__: f for f in (without_the_cross_term, cross_term_once, mean_not_squared, root_of_the_distance)})
def test_seventeen_rejects(mutant: Distance) -> None:
    rejects(check_seventeen, mutant)


def test_a_correlated_pair() -> None:
    check_correlated(frechet_of_moments)


@mutants(
    {
        f.__name__: f
        for f in (
            without_the_cross_term,
            elementwise_root,
            elementwise_product,
            product_of_roots,
            cross_term_once,
            mean_not_squared,
            root_of_the_distance,
            variances_only,
        )
    }
)
def test_a_correlated_pair_rejects(mutant: Distance) -> None:
    rejects(check_correlated, mutant)


def test_singular_covariances_are_exact() -> None:
    """Points on two lines at a right angle: the cross term is 0, and nothing becomes complex."""
    east, north, zero = matrix((1, 0), (0, 0)), matrix((0, 0), (0, 4)), matrix((0, 0))[0]
    assert frechet_of_moments(zero, east, zero, north) == pytest.approx(5, abs=1e-12)
    assert frechet_of_moments(zero, east, zero, torch.zeros(2, 2)) == pytest.approx(1, abs=1e-12)


def test_never_negative_and_symmetric() -> None:
    for seed in range(20):
        a, b = spread(6, seed), spread(6, seed + 100)
        zero = torch.zeros(6)
        there, back = frechet_of_moments(zero, a, zero, b), frechet_of_moments(zero, b, zero, a)
        assert there == pytest.approx(back, rel=1e-9)
        assert there > 0
        assert frechet_of_moments(zero, a, zero, a) >= 0


# --- the distance of clouds ------------------------------------------------------------------------------------------


def cloud(n: int, mean: Tensor, covariance: Tensor, seed: int) -> Tensor:
    """Rows with exactly this mean and this covariance (divided by n - 1), by whitening."""
    x = torch.randn(n, len(mean), generator=rng(seed), dtype=torch.float64)
    x = x - x.mean(dim=0)
    white = x @ torch.linalg.inv(root(torch.cov(x.T)))
    return white @ root(covariance) + mean


def check_clouds(distance: Clouds) -> None:
    """Exact moments, few rows, other sizes: 17, whatever n is."""
    eye = torch.eye(3, dtype=torch.float64)
    shift = matrix((4, 0, 0))[0]
    wide = matrix((4, 0, 0), (0, 1, 0), (0, 0, 1))
    x, y = cloud(12, 0 * shift, eye, seed=0), cloud(30, shift, wide, seed=1)
    assert distance(x, y) == pytest.approx(17, abs=1e-6)
    assert distance(x, x) == pytest.approx(0, abs=1e-6)


def value(x: Tensor, y: Tensor) -> float:
    return frechet_distance(x, y).value


def by_moments(covariance: Callable[[Tensor], Tensor]) -> Clouds:
    return lambda x, y: frechet_of_moments(x.mean(dim=0), covariance(x), y.mean(dim=0), covariance(y))


CLOUD_MUTANTS: dict[str, Clouds] = {
    "divided by n": by_moments(lambda x: torch.cov(x.T, correction=0)),
    "not centred": by_moments(lambda x: x.T @ x / (len(x) - 1)),
    "correlations": by_moments(lambda x: torch.corrcoef(x.T)),
    "means only": lambda x, y: (x.mean(dim=0) - y.mean(dim=0)).square().sum().item(),
    "row by row": lambda x, y: (x[: len(y)] - y[: len(x)]).square().sum(dim=1).mean().item(),
}


def test_clouds_with_exact_moments() -> None:
    check_clouds(value)


@mutants(CLOUD_MUTANTS)
def test_clouds_with_exact_moments_rejects(mutant: Clouds) -> None:
    rejects(check_clouds, mutant)


def test_the_name_says_which_features_and_how_many() -> None:
    x = torch.randn(20, 3, generator=rng(0))
    assert frechet_distance(x, x[:15]).name == "FD-classifier, n=20 against 15"
    assert frechet_distance(x, x, features="pixels").name == "FD-pixels, n=20"
    assert inception_style_score(x.softmax(dim=1)).name == "IS-classifier, n=20"


def test_it_is_biased_by_n() -> None:
    """Samples of one distribution: positive, and about ten times larger for a tenth of the rows."""
    pairs = {n: torch.randn(2, 20, n, 8, generator=rng(n), dtype=torch.float64) for n in (100, 1_000)}
    mean = {n: sum(value(x, y) for x, y in zip(*pair, strict=True)) / 20 for n, pair in pairs.items()}
    assert 0 < mean[1_000] < 0.2 * mean[100]


def test_one_feature_is_a_cloud_too() -> None:
    x = torch.randn(50, 1, generator=rng(0))
    assert value(x, x + 3) == pytest.approx(9, abs=1e-5)


def test_bad_clouds_are_refused() -> None:
    x = torch.randn(5, 3, generator=rng(0))
    assert "at least 2 rows" in refusal(ValueError, lambda: moments(x[:1]))
    x[2, 1] = torch.nan
    assert "finite" in refusal(ValueError, lambda: frechet_distance(x, x))


# --- the Inception-style score ---------------------------------------------------------------------------------------


def check_bounds(score: Inception) -> None:
    """1 where all rows are alike, sure or not; the number of classes where each is sure and all classes occur."""
    alike = torch.tensor([0.7, 0.2, 0.1], dtype=torch.float64).expand(12, 3)
    uniform = torch.full((12, 4), 0.25, dtype=torch.float64)
    sure = torch.eye(5, dtype=torch.float64).repeat(3, 1)
    one_class = torch.eye(5, dtype=torch.float64)[[2] * 8]
    assert score(alike) == pytest.approx(1, abs=1e-9)
    assert score(uniform) == pytest.approx(1, abs=1e-9)
    assert score(one_class) == pytest.approx(1, abs=1e-9)
    assert score(sure) == pytest.approx(5, abs=1e-9)


def check_by_hand(score: Inception) -> None:
    """Three sure rows and one that knows nothing: exp(H(y) - H(y|x)) from the two entropies."""
    rows = matrix((1, 0), (1, 0), (0, 1), (0.5, 0.5))
    entropy = -(5 / 8) * math.log(5 / 8) - (3 / 8) * math.log(3 / 8)
    assert score(rows) == pytest.approx(math.exp(entropy - math.log(2) / 4), abs=1e-9)


def divergences(p: Tensor) -> Tensor:
    return (torch.xlogy(p, p) - torch.xlogy(p, p.mean(dim=0))).sum(dim=1)


INCEPTION_MUTANTS: dict[str, Inception] = {
    "mean over classes too": lambda p: (torch.xlogy(p, p) - torch.xlogy(p, p.mean(dim=0))).mean().exp().item(),
    "sum over rows": lambda p: divergences(p).sum().exp().item(),
    "without the exponential": lambda p: divergences(p).mean().item(),
    "marginal over classes": lambda p: (
        (torch.xlogy(p, p) - torch.xlogy(p, p.mean(dim=1, keepdim=True))).sum(dim=1).mean().exp().item()
    ),
    "variety alone": lambda p: math.exp(-torch.xlogy(p.mean(dim=0), p.mean(dim=0)).sum().item()),
    "bits": lambda p: (divergences(p) / math.log(2)).mean().exp().item(),
    "mean after the exponential": lambda p: divergences(p).exp().mean().item(),
    "sign": lambda p: (-divergences(p)).mean().exp().item(),
}


def test_inception_style_score_at_its_bounds() -> None:
    check_bounds(lambda p: inception_style_score(p).value)


@mutants({name: f for name, f in INCEPTION_MUTANTS.items() if name != "mean after the exponential"})
def test_inception_style_score_at_its_bounds_rejects(mutant: Inception) -> None:
    rejects(check_bounds, mutant)


def test_inception_style_score_by_hand() -> None:
    check_by_hand(lambda p: inception_style_score(p).value)


@mutants(INCEPTION_MUTANTS)
def test_inception_style_score_by_hand_rejects(mutant: Inception) -> None:
    rejects(check_by_hand, mutant)


def test_inception_style_score_refuses_logits() -> None:
    logits = torch.randn(4, 3, generator=rng(0))
    for wrong in (logits, logits.log_softmax(dim=1), logits.sigmoid()):
        assert "softmax" in refusal(ValueError, lambda wrong=wrong: inception_style_score(wrong))


def test_it_sees_no_variety_within_a_class() -> None:
    """One perfect sample per class reaches the maximum: why it is never the only number."""
    assert_close(inception_style_score(torch.eye(10)).value, 10.0)
