"""The parametric families: equal to scipy and torch, maximal, equivariant, and clear where they cannot be fitted."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor, distributions
from torch.testing import assert_close

from genmodels.density import Bernoulli, Categorical, Density, Gaussian, Mixture, Multinomial, Normal, Poisson
from genmodels.density.base import whole
from genmodels.density.histogram import Histogram
from genmodels.density.kernel import KernelDensity
from genmodels.training import rng
from mutants import mutants, refusal, rejects

LOG_2PI = math.log(2 * math.pi)
MEAN = torch.tensor([0.5, -1.0, 2.0], dtype=torch.float64)
SIGMA = torch.tensor([[1.0, 0.6, 0.1], [0.6, 2.0, -0.5], [0.1, -0.5, 0.7]], dtype=torch.float64)
COUNTS = torch.tensor([0.0, 1.0, 2.0, 7.0, 150.0], dtype=torch.float64)

LogProb = Callable[..., Tensor]


# --- the log-density of a Gaussian: scipy's, torch's, and the determinant --------------------------------------------


def check_gaussian(log_prob: LogProb) -> None:
    x = torch.randn(20, 3, generator=rng(0)).double() * 2
    found = log_prob(x, MEAN, SIGMA)
    assert_close(found, torch.tensor(stats.multivariate_normal(MEAN, SIGMA).logpdf(x)))
    assert_close(found, distributions.MultivariateNormal(MEAN, SIGMA).log_prob(x))


def package(x: Tensor, mean: Tensor, sigma: Tensor) -> Tensor:
    return Gaussian(mean, sigma).log_prob(x)


def quadratic(x: Tensor, mean: Tensor, sigma: Tensor) -> Tensor:
    return ((x - mean) @ sigma.inverse() * (x - mean)).sum(dim=1)


def no_half(x: Tensor, mean: Tensor, sigma: Tensor) -> Tensor:
    """The factor 1/2 of the exponent left out."""
    return -quadratic(x, mean, sigma) - sigma.logdet() / 2 - 3 * LOG_2PI / 2


def no_determinant(x: Tensor, mean: Tensor, sigma: Tensor) -> Tensor:
    """A loss that forgets the volume: it would like an infinite covariance."""
    return -quadratic(x, mean, sigma) / 2 - 3 * LOG_2PI / 2


def whole_determinant(x: Tensor, mean: Tensor, sigma: Tensor) -> Tensor:
    """|Sigma| where its root belongs."""
    return -quadratic(x, mean, sigma) / 2 - sigma.logdet() - 3 * LOG_2PI / 2


def one_constant(x: Tensor, mean: Tensor, sigma: Tensor) -> Tensor:
    """One 2 pi, whatever the dimension."""
    return -quadratic(x, mean, sigma) / 2 - sigma.logdet() / 2 - LOG_2PI / 2


def no_inverse(x: Tensor, mean: Tensor, sigma: Tensor) -> Tensor:
    """The covariance where the precision belongs."""
    return -((x - mean) @ sigma * (x - mean)).sum(dim=1) / 2 - sigma.logdet() / 2 - 3 * LOG_2PI / 2


def upper_factor(x: Tensor, mean: Tensor, sigma: Tensor) -> Tensor:
    """Solved with the transpose of the Cholesky factor: the length is another one unless Sigma is diagonal."""
    factor = torch.linalg.cholesky(sigma)
    standard = torch.linalg.solve_triangular(factor.T, (x - mean).T, upper=True)
    return -standard.square().sum(dim=0) / 2 - factor.diagonal().log().sum() - 3 * LOG_2PI / 2


def all_pairs(x: Tensor, mean: Tensor, sigma: Tensor) -> Tensor:
    """The quadratic form summed over rows: every point's distance in every answer."""
    return -quadratic(x, mean, sigma).mean() / 2 - sigma.logdet() / 2 - 3 * LOG_2PI / 2 + torch.zeros(len(x)).to(x)


def test_gaussian_is_that_of_scipy_and_torch() -> None:
    check_gaussian(package)


@mutants(
    {
        f.__name__: f
        for f in (no_half, no_determinant, whole_determinant, one_constant, no_inverse, upper_factor, all_pairs)
    }
)
def test_gaussian_rejects(mutant: LogProb) -> None:
    rejects(check_gaussian, mutant)


def test_normal_is_that_of_scipy_and_a_diagonal_gaussian() -> None:
    x = torch.randn(20, 3, generator=rng(0)).double() * 2
    std = SIGMA.diagonal().sqrt()
    found = Normal(MEAN, std).log_prob(x)
    assert_close(found, torch.tensor(stats.norm(MEAN, std).logpdf(x).sum(axis=1)))
    assert_close(found, Gaussian(MEAN, torch.diag(std**2)).log_prob(x))


# --- the four that count ---------------------------------------------------------------------------------------------


def check_poisson(log_prob: LogProb) -> None:
    for rate in (0.3, 7.0, 140.0):
        expected = torch.tensor(stats.poisson(rate).logpmf(COUNTS))
        assert_close(log_prob(COUNTS, torch.tensor(rate).double()), expected, rtol=1e-6, atol=1e-6)


def gamma_of_x(x: Tensor, rate: Tensor) -> Tensor:
    """(x - 1)! for x!: lgamma is off by one (and infinite at 0)."""
    return torch.xlogy(x, rate) - rate - torch.lgamma(x)


def loss_without_constant(x: Tensor, rate: Tensor) -> Tensor:
    """torch.nn.PoissonNLLLoss leaves out log x! unless told (full=True)."""
    return -torch.nn.functional.poisson_nll_loss(rate.expand(len(x)), x, log_input=False, reduction="none", eps=0)


def stirling(x: Tensor, rate: Tensor) -> Tensor:
    """full=True is Stirling's approximation, and only for counts above 1."""
    return -torch.nn.functional.poisson_nll_loss(
        rate.expand(len(x)), x, log_input=False, reduction="none", eps=0, full=True
    )


def rate_forgotten(x: Tensor, rate: Tensor) -> Tensor:
    return torch.xlogy(x, rate) - torch.lgamma(x + 1)


def log_rate(x: Tensor, rate: Tensor) -> Tensor:
    """A rate where the logarithm of a rate is expected."""
    return x * rate - rate.exp() - torch.lgamma(x + 1)


def test_poisson_is_that_of_scipy() -> None:
    check_poisson(lambda x, rate: Poisson(rate).log_prob(x))


@mutants({f.__name__: f for f in (gamma_of_x, loss_without_constant, stirling, rate_forgotten, log_rate)})
def test_poisson_rejects(mutant: LogProb) -> None:
    rejects(check_poisson, mutant)


def check_multinomial(log_prob: LogProb) -> None:
    p = torch.tensor([0.25, 0.0, 0.25, 0.5], dtype=torch.float64)
    x = torch.tensor([[5.0, 0, 0, 0], [1, 0, 2, 2], [0, 0, 1, 4]]).double()
    assert_close(log_prob(x, p), torch.tensor(stats.multinomial(5, p.numpy()).logpmf(x.long().numpy())))
    assert_close(log_prob(x, p), distributions.Multinomial(5, probs=p).log_prob(x))
    assert float(log_prob(torch.tensor([[1.0, 1, 2, 1]]).double(), p)) == -math.inf


def no_coefficient(x: Tensor, p: Tensor) -> Tensor:
    """The probability of one order of the draws, not of all with these counts."""
    return torch.xlogy(x, p).sum(dim=1)


def no_repeats(x: Tensor, p: Tensor) -> Tensor:
    """n! without the factorials of the counts."""
    return torch.lgamma(x.sum(dim=1) + 1) + torch.xlogy(x, p).sum(dim=1)


def gamma_of_counts(x: Tensor, p: Tensor) -> Tensor:
    """lgamma(x) for lgamma(x + 1)."""
    return torch.lgamma(x.sum(dim=1)) - torch.lgamma(x.clamp_min(1)).sum(dim=1) + torch.xlogy(x, p).sum(dim=1)


def epsilon(x: Tensor, p: Tensor) -> Tensor:
    """log(p + 1e-8): what never happens becomes merely unlikely."""
    ways = torch.lgamma(x.sum(dim=1) + 1) - torch.lgamma(x + 1).sum(dim=1)
    return ways + (x * (p + 1e-8).log()).sum(dim=1)


def test_multinomial_is_that_of_scipy_and_torch() -> None:
    check_multinomial(lambda x, p: Multinomial(p, total=5).log_prob(x))


@mutants({f.__name__: f for f in (no_coefficient, no_repeats, gamma_of_counts, epsilon)})
def test_multinomial_rejects(mutant: LogProb) -> None:
    rejects(check_multinomial, mutant)


def test_bernoulli_and_categorical_are_those_of_torch() -> None:
    p = torch.tensor([0.2, 0.5, 0.9]).double()
    bits = (torch.rand(20, 3, generator=rng(0)) < 0.5).double()
    assert_close(Bernoulli(p).log_prob(bits), distributions.Bernoulli(p).log_prob(bits).sum(dim=1))
    table = torch.tensor([[0.1, 0.2, 0.7], [0.5, 0.3, 0.2]]).double()
    things = torch.randint(3, (20, 2), generator=rng(0))
    expected = distributions.Categorical(table).log_prob(things).sum(dim=1)
    assert_close(Categorical(table).log_prob(things), expected)


def test_a_multinomial_of_one_draw_is_a_categorical() -> None:
    p = torch.tensor([0.2, 0.3, 0.5]).double()
    assert_close(Multinomial(p, total=1).log_prob(torch.eye(3).double()), Categorical(p).log_prob(torch.arange(3)))


def test_independent_poisson_counts_given_their_sum_are_multinomial() -> None:
    rates, x = torch.tensor([0.5, 2.0, 4.0]).double(), torch.tensor([[1.0, 2.0, 2.0], [0.0, 0.0, 5.0]]).double()
    given = Poisson(rates).log_prob(x) - Poisson(rates.sum()).log_prob(x.sum(dim=1))
    assert_close(given, Multinomial(rates / rates.sum(), total=5).log_prob(x))


def check_large_counts(kinds: tuple[type[Poisson], type[Multinomial]]) -> None:
    """Of numbers as large as x log x little is left: in single precision what is left has to be scipy's."""
    poisson, multinomial = kinds
    for rate in (1e3, 1e5, 1e6):
        found = poisson(torch.tensor(rate)).log_prob(torch.tensor(int(rate)))
        assert found.dtype == torch.float32
        assert_close(float(found), float(stats.poisson(rate).logpmf(rate)), rtol=1e-5, atol=0)
    p, total = torch.tensor([0.25, 0.75]), 1_000_000
    found = multinomial(p, total).log_prob(torch.tensor([[250_000, 750_000]]))
    assert found.dtype == torch.float32
    assert_close(float(found), float(stats.binom(total, 0.25).logpmf(250_000)), rtol=1e-5, atol=0)


class SinglePoisson(Poisson):
    """Three large terms in the precision of the rate."""

    def _log_prob(self, x: Tensor) -> Tensor:
        x = x.to(self.rate)
        return torch.xlogy(x, self.rate) - self.rate - torch.lgamma(x + 1)


class SingleMultinomial(Multinomial):
    """The same with the number of ways."""

    def _log_prob(self, x: Tensor) -> Tensor:
        x = x.to(self.p)
        ways = torch.lgamma(x.new_tensor(self.total + 1.0)) - torch.lgamma(x + 1).sum(dim=1)
        return ways + torch.xlogy(x, self.p).sum(dim=1)


def test_large_counts_keep_their_digits() -> None:
    check_large_counts((Poisson, Multinomial))


@mutants({"Poisson": (SinglePoisson, Multinomial), "multinomial": (Poisson, SingleMultinomial)})
def test_large_counts_reject(mutant: tuple[type[Poisson], type[Multinomial]]) -> None:
    rejects(check_large_counts, mutant)


def check_many_points(kind: type[Categorical]) -> None:
    """Beyond 2^24 a single-precision number does not grow when 1 is added to it."""
    ones, x, weights = 2**20, torch.zeros(2**20 + 2, dtype=torch.long), torch.ones(2**20 + 2)
    x[-1], weights[0], weights[-1] = 1, 2**24, 2**24
    fitted = kind(torch.tensor([0.5, 0.5])).fit(x, weights=weights)
    assert_close(fitted.p, torch.tensor([1 + ones / 2**24, 1.0]) / (2 + ones / 2**24), rtol=1e-6, atol=0)


class SingleCounts(Categorical):
    """Ones added up in single precision, one after the other."""

    def _fit(self, x: Tensor, weights: Tensor) -> Categorical:
        counts = torch.zeros(2).scatter_add_(0, x, weights)
        return type(self)(counts / counts.sum())


def test_many_points_are_counted() -> None:
    check_many_points(Categorical)


def test_many_points_reject_single_precision() -> None:
    rejects(check_many_points, SingleCounts)


# --- the fit of a Gaussian: 1/N, about its own mean ------------------------------------------------------------------

GaussianFit = Callable[[Tensor], tuple[Tensor, Tensor]]


def fitted(x: Tensor) -> tuple[Tensor, Tensor]:
    gaussian = Gaussian.standard(x.shape[1]).fit(x)
    return gaussian.mean, gaussian.covariance


def check_gaussian_fit(fit: GaussianFit) -> None:
    """numpy's and scipy's."""
    x = torch.randn(9, 3, generator=rng(0)).double() @ SIGMA + MEAN
    mean, sigma = fit(x)
    assert_close(mean, torch.tensor(np.mean(x.numpy(), axis=0)))
    assert sigma.shape == (3, 3)
    assert_close(sigma, torch.tensor(np.cov(x.numpy().T, bias=True)))
    peer_mean, peer_sigma = stats.multivariate_normal.fit(x.numpy())
    assert_close((mean, sigma), (torch.tensor(peer_mean), torch.tensor(peer_sigma)))


def check_no_neighbour_is_better(fit: GaussianFit) -> None:
    """No small change of the fit raises the likelihood."""
    x = torch.randn(9, 3, generator=rng(0)).double() @ SIGMA + MEAN
    mean, sigma = fit(x)
    best, stream = float(Gaussian(mean, sigma).log_prob(x).mean()), rng(1)
    for _ in range(20):
        nudge, push = 0.02 * torch.randn(2, 3, 3, generator=stream).double()
        near = Gaussian(mean + push[0], sigma + 0.5 * (nudge + nudge.T))
        assert float(near.log_prob(x).mean()) < best


def unbiased(x: Tensor) -> tuple[Tensor, Tensor]:
    """1/(N - 1), the default of torch.cov and torch.std: unbiased, and not the maximum."""
    return x.mean(dim=0), torch.cov(x.T)


def uncentred(x: Tensor) -> tuple[Tensor, Tensor]:
    """The second moment (scikit-learn, pull request 6666, for the covariance of a mixture)."""
    return x.mean(dim=0), x.T @ x / len(x)


def grand_mean(x: Tensor) -> tuple[Tensor, Tensor]:
    """x.mean() without dim: one number for all coordinates."""
    centred = x - x.mean()
    return x.mean(dim=0), centred.T @ centred / len(x)


def summed(x: Tensor) -> tuple[Tensor, Tensor]:
    centred = x - x.mean(dim=0)
    return x.mean(dim=0), centred.T @ centred + 0.0


def standardised(x: Tensor) -> tuple[Tensor, Tensor]:
    """The correlation matrix."""
    return x.mean(dim=0), torch.corrcoef(x.T)


def diagonal(x: Tensor) -> tuple[Tensor, Tensor]:
    return x.mean(dim=0), torch.diag(x.var(dim=0, correction=0))


def per_dimension(x: Tensor) -> tuple[Tensor, Tensor]:
    """Divided by d, not by N."""
    centred = x - x.mean(dim=0)
    return x.mean(dim=0), centred.T @ centred / x.shape[1]


def test_gaussian_fit() -> None:
    check_gaussian_fit(fitted)
    check_no_neighbour_is_better(fitted)


@mutants({f.__name__: f for f in (unbiased, uncentred, grand_mean, summed, standardised, diagonal, per_dimension)})
def test_gaussian_fit_rejects(mutant: GaussianFit) -> None:
    rejects(check_gaussian_fit, mutant)


@mutants({f.__name__: f for f in (unbiased, diagonal)})
def test_no_neighbour_rejects(mutant: GaussianFit) -> None:
    rejects(check_no_neighbour_is_better, mutant)


@pytest.mark.parametrize("n", [5, 20])
def test_the_covariance_is_biased_as_it_should_be(n: int) -> None:
    """E-30: its expectation is (N - 1)/N Sigma; measured within 4 standard errors, element by element."""
    true, stream = Gaussian(MEAN, SIGMA), rng(n)
    found = torch.stack([fitted(true.sample((n,), rng=stream))[1] for _ in range(1_500)])
    error = found.std(dim=0) / len(found) ** 0.5
    assert bool(((found.mean(dim=0) - (n - 1) / n * SIGMA).abs() < 4 * error).all())
    assert not bool(((found.mean(dim=0) - SIGMA).abs() < 4 * error).all())


# --- equivariance and invariance -------------------------------------------------------------------------------------


def check_affine(fit: GaussianFit) -> None:
    """In other units the same answer, in those units: A mean + b and A Sigma A'."""
    x = torch.randn(30, 3, generator=rng(2)).double() @ SIGMA + MEAN
    a, b = torch.randn(3, 3, generator=rng(3)).double(), torch.tensor([1.0, 100.0, -3.0]).double()
    (mean, sigma), (moved_mean, moved_sigma) = fit(x), fit(x @ a.T + b)
    assert_close(moved_mean, a @ mean + b, rtol=1e-9, atol=1e-9)
    assert_close(moved_sigma, a @ sigma @ a.T, rtol=1e-8, atol=1e-8)


def test_gaussian_fit_moves_with_affine_maps() -> None:
    check_affine(fitted)


@mutants({f.__name__: f for f in (uncentred, grand_mean, standardised, diagonal)})
def test_affine_rejects(mutant: GaussianFit) -> None:
    rejects(check_affine, mutant)


def test_log_density_moves_with_affine_maps_and_the_determinant() -> None:
    x = torch.randn(30, 3, generator=rng(2)).double()
    a = torch.randn(3, 3, generator=rng(3)).double()
    one, other = Gaussian.standard(3).fit(x), Gaussian.standard(3).fit(x @ a.T)
    assert_close(other.log_prob(x @ a.T), one.log_prob(x) - a.det().abs().log())


STARTS: list[Density] = [
    Normal.standard(3),
    Gaussian.standard(3),
    Bernoulli.fair(3),
    Categorical.uniform(6, 3),
    Poisson.unit(3),
]


@pytest.mark.parametrize("start", STARTS, ids=lambda start: type(start).__name__)
def test_the_order_of_the_points_does_not_matter(start: Density) -> None:
    high = 2 if isinstance(start, Bernoulli) else 6
    x = torch.randint(high, (40, 3), generator=rng(4)).double()
    order = torch.randperm(40, generator=rng(5))
    assert_close(start.fit(x[order]).log_prob(x), start.fit(x).log_prob(x))


@pytest.mark.parametrize("start", STARTS, ids=lambda start: type(start).__name__)
def test_the_fit_forgets_the_start(start: Density) -> None:
    high = 2 if isinstance(start, Bernoulli) else 6
    x = torch.randint(high, (40, 3), generator=rng(4)).double()
    assert_close(start.fit(x[:20]).fit(x).log_prob(x), start.fit(x).log_prob(x))


def test_renaming_the_categories_renames_the_fit() -> None:
    x, names = torch.randint(6, (200,), generator=rng(6)), torch.randperm(6, generator=rng(7))
    assert_close(Categorical.uniform(6).fit(names[x]).p[names], Categorical.uniform(6).fit(x).p)


# --- maximum likelihood is minimum KL from the data ------------------------------------------------------------------


def test_the_mean_log_likelihood_is_minus_entropy_minus_divergence() -> None:
    x = torch.randint(4, (50,), generator=rng(8))
    data = Categorical.uniform(4).fit(x, weights=torch.ones(50).double())
    model = Categorical(torch.tensor([0.1, 0.2, 0.3, 0.4]).double())
    entropy = -torch.xlogy(data.p, data.p).sum()
    divergence = torch.tensor(stats.entropy(data.p, model.p))
    assert_close(model.log_prob(x).mean(), -entropy - divergence)
    assert_close(data.log_prob(x).mean(), -entropy)


# --- pseudo-counts ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("a", [0.0, 0.5, 1.0, 3.0])
def test_pseudo_counts_are_counts(a: float) -> None:
    """Each value seen a times more: the same as those points added with weight a."""
    ones, few = torch.ones(3).double(), torch.tensor([0.0, 0.0, 1.0]).double()
    bit = Bernoulli.fair(pseudo=a).fit(few)
    assert_close(bit.p, torch.tensor((1 + a) / (3 + 2 * a)).double())
    die = Categorical.uniform(3, pseudo=a).fit(torch.tensor([0, 0, 1]), weights=ones)
    assert_close(die.p, torch.tensor([2 + a, 1 + a, a]).double() / (3 + 3 * a))
    urn = Multinomial.uniform(3, total=2, pseudo=a).fit(torch.tensor([[2.0, 0, 0], [1, 1, 0]]).double())
    assert_close(urn.p, torch.tensor([3 + a, 1 + a, a]).double() / (4 + 3 * a))


def test_pseudo_counts_are_the_posterior_mean_under_a_dirichlet() -> None:
    """Importance sampling from the prior: no formula of the posterior is used."""
    x, a = torch.tensor([0, 0, 1, 0]), 0.7
    prior = torch.tensor(stats.dirichlet([a] * 3).rvs(100_000, random_state=0))
    likelihood = prior[:, 0] ** 3 * prior[:, 1]
    posterior = (likelihood[:, None] * prior).sum(dim=0) / likelihood.sum()
    fit = Categorical.uniform(3, pseudo=a).fit(x, weights=torch.ones(4).double())
    assert_close(fit.p, posterior, rtol=0, atol=5e-3)


@pytest.mark.parametrize("make", [Bernoulli.fair, lambda pseudo: Categorical.uniform(3, pseudo=pseudo)])
@pytest.mark.parametrize("a", [-1.0, math.inf, math.nan])
def test_a_pseudo_count_is_0_or_more(make: Callable[..., Density], a: float) -> None:
    assert "pseudo-count" in refusal(ValueError, lambda: make(pseudo=a))
    assert "pseudo-count" in refusal(ValueError, lambda: Multinomial.uniform(3, total=2, pseudo=a))


def test_an_unseen_category_is_impossible() -> None:
    die = Categorical.uniform(3).fit(torch.tensor([0, 0, 1]))
    assert float(die.log_prob(torch.tensor(2))) == -math.inf
    assert float(Bernoulli.fair().fit(torch.zeros(9)).log_prob(torch.tensor(1.0))) == -math.inf
    assert float(Poisson.unit().fit(torch.zeros(9)).log_prob(torch.tensor(1.0))) == -math.inf
    assert float(Poisson.unit().fit(torch.zeros(9)).log_prob(torch.tensor(0.0))) == 0


# --- where a fit does not exist, and other bad input -----------------------------------------------------------------


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_too_few_points_for_a_covariance(n: int, dtype: torch.dtype) -> None:
    """n points span n - 1 dimensions: the likelihood has no maximum, and rounding must not hide it."""
    x = torch.randn(n, 3, generator=rng(n)).to(dtype) * 1000
    message = refusal(ValueError, lambda: Gaussian.standard(3).fit(x))
    assert "singular" in message and "floor" in message
    assert bool(Gaussian.standard(3, floor=1e-2).fit(x / 1000).log_prob(x).isfinite().all())


def test_as_many_points_as_parameters_need() -> None:
    x = torch.randn(4, 3, generator=rng(0)).double()
    assert bool(Gaussian.standard(3).fit(x).log_prob(x).isfinite().all())


def test_points_on_a_line_and_a_constant_coordinate() -> None:
    line = torch.randn(50, 1, generator=rng(0)) * torch.tensor([[1.0, 2.0]])
    assert "singular" in refusal(ValueError, lambda: Gaussian.standard(2).fit(line))
    flat = torch.stack([torch.randn(50, generator=rng(0)), torch.zeros(50)], dim=1)
    assert "alike" in refusal(ValueError, lambda: Normal.standard(2).fit(flat))


def test_a_mixture_cannot_collapse_silently() -> None:
    """More parts than points: some part gets one point, and its density has no maximum."""
    x = torch.tensor([[0.0, 0.0], [1.0, 5.0]]).double()
    parts = tuple(Gaussian(row, 0.01 * torch.eye(2).double()) for row in x)
    mixture = Mixture(torch.tensor([0.5, 0.5]).double(), parts)
    assert "singular" in refusal(ValueError, lambda: mixture.fit(x))


@pytest.mark.parametrize("n", range(1, 400, 7))
def test_ones_alone_give_a_probability_of_1_and_no_more(n: int) -> None:
    """Of 95 ones the mean in single precision is 1.0000001, and log(1 - p) would be NaN."""
    for ones in (torch.ones(n), torch.ones(95)):
        bit = Bernoulli.fair().fit(ones)
        assert float(bit.p) == 1
        assert float(bit.log_prob(torch.tensor(0.0))) == -math.inf
        assert float(bit.log_prob(torch.tensor(1.0))) == 0


@pytest.mark.parametrize(
    ("density", "x", "word"),
    [
        (Bernoulli.fair(), 0.5, "bit"),
        (Bernoulli.fair(), 2.0, "bit"),
        (Categorical.uniform(3), 3.0, "from 0 to 2"),
        (Categorical.uniform(3), -1.0, "from 0 to 2"),
        (Poisson.unit(), -1.0, "count"),
        (Poisson.unit(), 0.5, "count"),
        (Poisson.unit(), math.inf, "count"),
    ],
)
def test_what_is_no_point_is_refused(density: Density, x: float, word: str) -> None:
    assert word in refusal(ValueError, lambda: density.log_prob(torch.tensor([x])))
    if math.isfinite(x):
        assert word in refusal(ValueError, lambda: density.fit(torch.tensor([x])))


DRAWN = [
    Categorical.uniform(3, 2),
    Histogram.uniform((0.0, 1.0), bins=3),
    KernelDensity.standard(2, bandwidth=1.0),
    Mixture(torch.tensor([0.5, 0.5]), (Categorical.uniform(3), Poisson.unit())),
]


@pytest.mark.parametrize("density", DRAWN, ids=lambda density: type(density).__name__)
def test_to_draw_nothing_takes_no_randomness(density: Density) -> None:
    """A part of a mixture that nobody falls to leaves the draws of the next part as they are."""
    stream = rng(0)
    assert density.sample((0,), rng=stream).shape == (0, *density.event_shape)
    assert torch.equal(torch.rand(2, generator=stream), torch.rand(2, generator=rng(0)))


@pytest.mark.parametrize("x", [math.inf, -math.inf, math.nan, 0.5, -1.0])
def test_whole_numbers_are_finite(x: float) -> None:
    assert "a count" in refusal(ValueError, lambda: whole(torch.tensor([1.0, x]), low=0, high=None, what="a count"))


def test_a_large_count_is_a_count() -> None:
    """It could be fitted, and then not evaluated: the limit stood in one of the two."""
    x = torch.tensor([1e30])
    assert bool(Poisson.unit().fit(x).log_prob(x).isfinite().all())


def test_counts_may_be_weights() -> None:
    """Whole numbers on whole numbers: how often each point was seen."""
    x, often = torch.tensor([0, 1, 2]), torch.tensor([1, 2, 3])
    assert_close(Poisson.unit().fit(x, weights=often).rate, torch.tensor(8 / 6))
    urn = Multinomial.uniform(2, total=2).fit(torch.tensor([[2, 0], [1, 1], [0, 2]]), weights=often)
    assert_close(urn.p, torch.tensor([4 / 12, 8 / 12]))
    assert_close(Bernoulli.fair().fit(x.clamp_max(1), weights=often).p, torch.tensor(5 / 6))
    assert_close(Categorical.uniform(3).fit(x, weights=often).p, often / 6)


def test_one_point_of_each_family() -> None:
    """`sample(())`, as torch.distributions allows it."""
    for density in (Normal.standard(), Normal.standard(2), Poisson.unit(), Categorical.uniform(3, 2)):
        assert density.sample((), rng=rng(0)).shape == density.event_shape


def test_a_fit_in_double_precision_can_be_evaluated_in_single() -> None:
    """Cast down, this covariance is singular: the answer is computed in double and cast."""
    x = torch.randn(100, 2, generator=rng(0)).double() * torch.tensor([1.0, 1e4])
    gaussian = Gaussian.standard(2).fit(x)
    found = gaussian.log_prob(x.float())
    assert found.dtype == torch.float32
    assert_close(found.double(), gaussian.log_prob(x), rtol=1e-5, atol=1e-5)


def test_a_fit_wants_one_point_per_row() -> None:
    """Two columns given to a density of numbers were once fitted as one."""
    for density, x in (
        (Normal.standard(), torch.randn(5, 3)),
        (Normal.standard(), torch.tensor(1.0)),
        (Gaussian.standard(2), torch.randn(4, 5, 2)),
        (Normal.standard(2), torch.randn(2)),
    ):
        assert "one point per row" in refusal(ValueError, lambda d=density, x=x: d.fit(x))  # type: ignore[misc]


def test_parameters_outside_the_family_are_refused() -> None:
    assert "from 0 to 1" in refusal(ValueError, lambda: Bernoulli(torch.tensor([0.5, 1.5])))
    assert "from 0 to 1" in refusal(ValueError, lambda: Bernoulli(torch.tensor([math.nan])))
    assert "from 0 to 1" in refusal(ValueError, lambda: Bernoulli(torch.tensor(1 + 5e-7)))
    assert "add up to 1" in refusal(ValueError, lambda: Categorical(torch.tensor([0.5, 0.4])))
    assert "rate" in refusal(ValueError, lambda: Poisson(torch.tensor(-1.0)))
    assert "total" in refusal(ValueError, lambda: Multinomial.uniform(3, total=0))
    assert "add up to 5" in refusal(ValueError, lambda: Multinomial.uniform(3, total=5).fit(torch.ones(1, 3)))
    assert "symmetric" in refusal(ValueError, lambda: Gaussian(torch.zeros(2), torch.tensor([[1.0, 0.5], [0.0, 1.0]])))
