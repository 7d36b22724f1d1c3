"""Bounds, estimators and the linear-Gaussian model, against closed forms, quadrature and peers."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from sklearn.decomposition import PCA
from torch import Tensor
from torch.distributions import MultivariateNormal, Normal, kl_divergence
from torch.testing import assert_close

from genmodels.density.variational import (
    Belief,
    LinearGaussian,
    gaussian_kl,
    importance_bound,
    pathwise_gradient,
    score_gradient,
)
from genmodels.training import rng
from mutants import mutants, refusal, rejects


def belief(rows: int = 5, latent: int = 3) -> Belief:
    return Belief(*torch.randn(2, rows, latent, generator=rng(0), dtype=torch.float64))


# --- the divergence from the prior -----------------------------------------------------------------------------------

Divergence = Callable[[Belief], Tensor]


def check_kl(kl: Divergence) -> None:
    """Against torch, for each row: the sum over its latent variables. And 0 at the prior, never below."""
    q = belief()
    by_torch = kl_divergence(Normal(q.mean, (q.log_variance / 2).exp()), Normal(0.0, 1.0)).sum(dim=1)
    assert_close(kl(q), by_torch)
    assert_close(kl(Belief(torch.zeros(2, 3), torch.zeros(2, 3))), torch.zeros(2))


def flipped(q: Belief) -> Tensor:  # AntixK and many tutorials write -0.5 (1 + log v - m^2 - v) and lose the minus
    return -q.kl().sum(dim=-1)


def over_latents_averaged(q: Belief) -> Tensor:
    return q.kl().mean(dim=-1)


def variance_for_logarithm(q: Belief) -> Tensor:
    """The encoder's second half read as a variance, its logarithm taken again."""
    v = q.log_variance.abs()
    return ((v + q.mean.square() - 1 - v.log()) / 2).nan_to_num(posinf=0.0).sum(dim=-1)


def deviation_for_variance(q: Belief) -> Tensor:
    """exp of half the log-variance in the place of the variance."""
    return ((q.log_variance / 2).exp() + q.mean.square() - 1 - q.log_variance).sum(dim=-1) / 2


def the_other_way(q: Belief) -> Tensor:
    return kl_divergence(Normal(0.0, 1.0), Normal(q.mean, (q.log_variance / 2).exp())).sum(dim=-1)


def no_half(q: Belief) -> Tensor:
    return 2 * q.kl().sum(dim=-1)


def test_kl() -> None:
    check_kl(lambda q: q.kl().sum(dim=-1))


@mutants(
    {
        f.__name__: f
        for f in (
            flipped,
            over_latents_averaged,
            variance_for_logarithm,
            deviation_for_variance,
            the_other_way,
            no_half,
        )
    }
)
def test_kl_rejects(mutant: Divergence) -> None:
    rejects(check_kl, mutant)


def test_log_prob_of_a_belief() -> None:
    q, z = belief(), torch.randn(7, 5, 3, generator=rng(1), dtype=torch.float64)
    assert_close(q.log_prob(z), Normal(q.mean, (q.log_variance / 2).exp()).log_prob(z).sum(dim=-1))


# --- drawing, so that gradients pass ---------------------------------------------------------------------------------

Draw = Callable[[Belief, Tensor], Tensor]


def check_draw(draw: Draw) -> None:
    """Mean and variance of many draws, and the derivative of their mean square, 2 mu and sigma^2."""
    q = Belief(torch.tensor([1.0]).requires_grad_(), torch.tensor([1.2]).requires_grad_())
    z = draw(q, torch.randn(200_000, 1, generator=rng(0)))
    assert abs(z.mean().item() - 1.0) < 0.02 and abs(z.var().item() - math.exp(1.2)) < 0.06
    assert z.requires_grad, "no gradient passes"
    gradients = torch.autograd.grad(z.square().mean(), tuple(q), allow_unused=True)
    for gradient, expected in zip(gradients, (2.0, math.exp(1.2)), strict=True):
        assert gradient is not None, "no gradient passes to one of them"
        assert abs(gradient.item() - expected) < 0.05


def variance_as_deviation(q: Belief, noise: Tensor) -> Tensor:  # exp(log variance) times noise
    return q.mean + q.log_variance.exp() * noise


def detached(q: Belief, noise: Tensor) -> Tensor:  # torch.normal(mean, std): a draw, and no way back
    return q.reparametrised(noise).detach()


def deviation_detached(q: Belief, noise: Tensor) -> Tensor:
    return q.mean + (q.log_variance / 2).exp().detach() * noise


def uniform_noise(q: Belief, noise: Tensor) -> Tensor:  # torch.rand for torch.randn
    return q.reparametrised(torch.rand(noise.shape, generator=rng(3)))


def logarithm_as_deviation(q: Belief, noise: Tensor) -> Tensor:
    return q.mean + q.log_variance * noise


def test_draw() -> None:
    check_draw(Belief.reparametrised)


@mutants(
    {
        f.__name__: f
        for f in (variance_as_deviation, detached, deviation_detached, uniform_noise, logarithm_as_deviation)
    }
)
def test_draw_rejects(mutant: Draw) -> None:
    rejects(check_draw, mutant)


# --- two unbiased gradients ------------------------------------------------------------------------------------------

Estimator = Callable[[Callable[[Tensor], Tensor], Belief, Tensor], Tensor]


def check_gradient(estimate: Estimator) -> None:
    """The mean over many draws against the derivative of E[sum_j a_j z_j^2 + z_j] in closed form, within 5 errors."""
    q, a = Belief(torch.tensor([0.7, -0.4]), torch.tensor([0.3, -0.8])), torch.tensor([1.0, -2.0])
    each = estimate(lambda z: (a * z.square() + z).sum(dim=1), q, torch.randn(100_000, 2, generator=rng(0)))
    expected = torch.cat([2 * a * q.mean + 1, a * q.log_variance.exp()])
    error = each.std(dim=0) / len(each) ** 0.5
    assert each.shape == (100_000, 4)
    assert bool(((each.mean(dim=0) - expected).abs() < 5 * error + 1e-6).all())


def score_without_logarithm(f: Callable[[Tensor], Tensor], q: Belief, noise: Tensor) -> Tensor:
    """grad q in the place of grad log q."""
    return score_gradient(f, q, noise) * q.log_prob(q.reparametrised(noise)).exp()[:, None]


def score_of_the_deviation(f: Callable[[Tensor], Tensor], q: Belief, noise: Tensor) -> Tensor:
    """The slope in sigma where that in the log-variance was asked for."""
    each = score_gradient(f, q, noise)
    return torch.cat([each[:, :2], 2 * each[:, 2:] * (-q.log_variance / 2).exp()], dim=1)


def baseline_of_the_draw(f: Callable[[Tensor], Tensor], q: Belief, noise: Tensor) -> Tensor:
    """A baseline that depends on the draw it is subtracted from: the gradient vanishes."""
    return score_gradient(lambda z: f(z) - f(z), q, noise)


def descending(f: Callable[[Tensor], Tensor], q: Belief, noise: Tensor) -> Tensor:
    return -pathwise_gradient(f, q, noise)


def test_both_gradients_are_unbiased() -> None:
    check_gradient(pathwise_gradient)
    check_gradient(score_gradient)
    check_gradient(lambda f, q, noise: score_gradient(f, q, noise, baseline=3.0))


@mutants({f.__name__: f for f in (score_without_logarithm, score_of_the_deviation, baseline_of_the_draw, descending)})
def test_both_gradients_are_unbiased_rejects(mutant: Estimator) -> None:
    rejects(check_gradient, mutant)


# --- bounds ----------------------------------------------------------------------------------------------------------

LINE = LinearGaussian(
    torch.tensor([[1.5]]).double(), torch.zeros(1).double(), torch.tensor(0.25).double(), learn_variance=False
)
X = torch.tensor([[2.0]]).double()
PRIOR = (torch.zeros(1, 1).double(), torch.eye(1).double())


def log_weights(samples: int, groups: int) -> Tensor:
    """log p(x, z) - log q(z) for the line at x = 2, with q in between the prior and the posterior."""
    q = Belief(torch.tensor([1.0]).double(), torch.tensor([-1.0]).double())
    z = q.reparametrised(torch.randn(samples, groups, 1, generator=rng(0), dtype=torch.float64))
    joint = Normal(1.5 * z, 0.5).log_prob(X[0]) + Normal(0.0, 1.0).log_prob(z)
    return joint.squeeze(-1) - q.log_prob(z)


def check_bound(bound: Callable[[Tensor], Tensor]) -> None:
    """Its mean grows with K, stays below log p(x) and comes near; for one sample it is the ELBO's."""
    truth, errors = LINE.log_prob(X).item(), []
    for samples in (1, 2, 4, 16, 64):
        each = bound(log_weights(samples, 20_000))
        error = each.std().item() / 20_000**0.5
        errors.append(truth - each.mean().item())
        assert errors[-1] > -5 * error, "above log p(x)"
    assert all(later < earlier for earlier, later in itertools.pairwise(errors)), "not monotone"
    assert errors[0] > 0.3 and errors[-1] < 0.02, "not towards log p(x)"
    assert_close(bound(log_weights(1, 50)), log_weights(1, 50).mean(dim=0))
    assert bound(torch.full((3, 2), -1000.0)).isfinite().all(), "exp of the weights underflows"


def mean_of_logarithms(log_weights: Tensor) -> Tensor:
    return log_weights.mean(dim=0)


def sum_for_mean(log_weights: Tensor) -> Tensor:  # the log K is missing
    return log_weights.logsumexp(dim=0)


def best_sample(log_weights: Tensor) -> Tensor:
    return log_weights.max(dim=0).values


def by_exponentials(log_weights: Tensor) -> Tensor:
    return log_weights.exp().mean(dim=0).log()


def over_the_pictures(log_weights: Tensor) -> Tensor:
    """The wrong axis: pictures are averaged in place of samples."""
    return (log_weights.logsumexp(dim=1) - math.log(log_weights.shape[1])).mean().expand(log_weights.shape[1])


def test_importance_bound() -> None:
    check_bound(importance_bound)


@mutants({f.__name__: f for f in (mean_of_logarithms, sum_for_mean, best_sample, by_exponentials, over_the_pictures)})
def test_importance_bound_rejects(mutant: Callable[[Tensor], Tensor]) -> None:
    rejects(check_bound, mutant)


# --- the linear-Gaussian model ---------------------------------------------------------------------------------------


def model(dim: int = 4, latent: int = 2) -> LinearGaussian:
    draw = lambda *shape: torch.randn(*shape, generator=rng(dim), dtype=torch.float64)  # noqa: E731
    return LinearGaussian(draw(dim, latent), draw(dim), torch.tensor(0.3).double())


def test_the_marginal_is_the_integral() -> None:
    z = torch.linspace(-8, 8, 4_001, dtype=torch.float64)
    joint = Normal(1.5 * z, 0.5).log_prob(X) + Normal(0.0, 1.0).log_prob(z)
    assert_close((joint.exp().sum(dim=1) * (z[1] - z[0])).log(), LINE.log_prob(X))


def test_the_posterior_is_bayes() -> None:
    of = model()
    x, z = of.sample((3,), rng=rng(0)), torch.randn(3, 2, generator=rng(1), dtype=torch.float64)
    likelihood = Normal(z @ of.weight.T + of.mean, of.variance.sqrt()).log_prob(x).sum(dim=1)
    centre, covariance = of.posterior(x)
    by_bayes = likelihood + Normal(0.0, 1.0).log_prob(z).sum(dim=1) - of.log_prob(x)
    assert_close(MultivariateNormal(centre, covariance).log_prob(z), by_bayes)


Objective = Callable[[LinearGaussian, Tensor, Tensor, Tensor], Tensor]


def check_elbo(elbo: Objective) -> None:
    """Below log p(x) by exactly KL(q || posterior), for any Gaussian q; equal at the posterior. The numbers of E-25."""
    of = model()
    x = of.sample((3,), rng=rng(0))
    centre, covariance = of.posterior(x)
    root = torch.randn(2, 2, generator=rng(2), dtype=torch.float64)
    other, spread = torch.randn(3, 2, generator=rng(3), dtype=torch.float64), root @ root.T
    gap = kl_divergence(MultivariateNormal(other, spread), MultivariateNormal(centre, covariance))
    assert_close(of.log_prob(x) - elbo(of, x, other, spread), gap)
    assert_close(elbo(of, x, centre, covariance), of.log_prob(x), rtol=0, atol=1e-12)
    assert abs(elbo(LINE, X, *LINE.posterior(X)).item() + 2.17708) < 1e-5
    assert abs(elbo(LINE, X, *PRIOR).item() + 12.726) < 1e-3


def from_the_prior(of: LinearGaussian, x: Tensor, centre: Tensor, covariance: Tensor) -> Tensor:  # E-25
    return of.expected(x, torch.zeros_like(centre), torch.eye(len(covariance)).to(x)) - gaussian_kl(centre, covariance)


def divergence_added(of: LinearGaussian, x: Tensor, centre: Tensor, covariance: Tensor) -> Tensor:
    return of.expected(x, centre, covariance) + gaussian_kl(centre, covariance)


def at_the_mean(of: LinearGaussian, x: Tensor, centre: Tensor, covariance: Tensor) -> Tensor:
    """log p(x | m) in the place of an expectation: the spread of q costs nothing."""
    return of.expected(x, centre, torch.zeros_like(covariance)) - gaussian_kl(centre, covariance)


def squared_error(of: LinearGaussian, x: Tensor, centre: Tensor, covariance: Tensor) -> Tensor:
    """The squared error alone, without the noise's variance and normaliser."""
    return -(x - of.mean - centre @ of.weight.T).square().sum(dim=1) - gaussian_kl(centre, covariance)


def test_elbo() -> None:
    check_elbo(LinearGaussian.elbo)


@mutants({f.__name__: f for f in (from_the_prior, divergence_added, at_the_mean, squared_error)})
def test_elbo_rejects(mutant: Objective) -> None:
    rejects(check_elbo, mutant)


def test_what_the_wrong_objective_prefers() -> None:
    at_posterior, at_prior = from_the_prior(LINE, X, *LINE.posterior(X)), from_the_prior(LINE, X, *PRIOR)
    assert abs(at_posterior.item() + 14.147) < 1e-3 and abs(at_prior.item() + 12.726) < 1e-3


def check_fit(fit: Callable[[LinearGaussian, Tensor], LinearGaussian]) -> None:
    """scikit-learn's PCA has the same model; it divides its covariance by n - 1."""
    x = model(5, 2).sample((60,), rng=rng(0))
    ours, theirs = fit(LinearGaussian.standard(5, latent=2).like(x), x), PCA(2).fit(x.numpy())
    unbiased = 60 / 59
    assert_close(ours.variance.item() * unbiased, float(theirs.noise_variance_))
    assert_close(ours.marginal.covariance * unbiased, torch.from_numpy(theirs.get_covariance()))
    assert_close(ours.mean, torch.from_numpy(theirs.mean_))


def not_shortened(of: LinearGaussian, x: Tensor) -> LinearGaussian:
    """W = U Lambda^(1/2): the noise is counted twice."""
    good = of.fit(x)
    length = good.weight.norm(dim=0)
    return replace(good, weight=good.weight / length * (length.square() + good.variance).sqrt())


def smallest_axes(of: LinearGaussian, x: Tensor) -> LinearGaussian:
    """The eigenvalues taken from the wrong end."""
    sizes, axes = torch.linalg.eigh((x - x.mean(dim=0)).T @ (x - x.mean(dim=0)) / len(x))
    return LinearGaussian(axes[:, :2] * sizes[:2].sqrt(), x.mean(dim=0), sizes[2:].mean())


def not_centred(of: LinearGaussian, x: Tensor) -> LinearGaussian:
    return replace(of.fit(torch.cat([x, -x])), mean=x.mean(dim=0))


def test_fit() -> None:
    check_fit(lambda of, x: of.fit(x))


@mutants({f.__name__: f for f in (not_shortened, smallest_axes, not_centred)})
def test_fit_rejects(mutant: Callable[[LinearGaussian, Tensor], LinearGaussian]) -> None:
    rejects(check_fit, mutant)


@pytest.mark.parametrize("variance", [0.05, 0.5, 2.0])
def test_fit_with_known_noise_drops_what_is_below_it(variance: float) -> None:
    """No direction with less variance than the noise; and the likelihood has no slope at the fit."""
    x = model(5, 2).sample((200,), rng=rng(0))
    start = replace(
        LinearGaussian.standard(5, latent=4).like(x), variance=torch.tensor(variance).double(), learn_variance=False
    )
    fitted = start.fit(x)
    sizes = torch.linalg.eigvalsh(torch.cov(x.T, correction=0))
    assert int((fitted.weight.norm(dim=0) > 1e-9).sum()) == min(4, int((sizes > variance).sum()))
    weight = fitted.weight.clone().requires_grad_()
    log_prob = replace(fitted, weight=weight).log_prob(x).mean()
    (slope,) = torch.autograd.grad(log_prob, weight)
    assert slope.abs().max() < 1e-9


def test_refusals() -> None:
    assert "rows" in refusal(ValueError, lambda: LinearGaussian(torch.ones(3, 1), torch.zeros(2), torch.tensor(1.0)))
    assert "variance" in refusal(
        ValueError, lambda: LinearGaussian(torch.ones(2, 1), torch.zeros(2), torch.tensor(0.0))
    )
    assert "use fewer" in refusal(ValueError, lambda: LinearGaussian.standard(2, latent=2).fit(torch.randn(9, 2)))
    assert "column" in refusal(ValueError, lambda: LinearGaussian.standard(2, latent=0))
    many = LinearGaussian(torch.ones(1, 3), torch.zeros(1), torch.tensor(1.0), learn_variance=False)
    assert "3 latent variables for 1" in refusal(ValueError, lambda: many.fit(torch.randn(9, 1, generator=rng(0))))


def learns_noise_or_says_no(fit: Callable[[LinearGaussian, Tensor], LinearGaussian]) -> None:
    """Points without noise are refused, whatever rounding leaves of them; a fit that is returned can be evaluated."""
    for dtype, seed, noise in itertools.product((torch.float32, torch.float64), range(6), (0.0, 1e-3, 0.1)):
        z, line, more = torch.randn(101, 3, generator=rng(seed)).to(dtype).split((50, 1, 50))
        x = z[:, :1] * line + 1 + noise * more
        try:
            fitted = fit(LinearGaussian.standard(3, latent=1), x)
        except ValueError as refused:
            assert "no noise" in str(refused), "another sentence"
            assert noise < 0.1 and (noise == 0 or dtype == torch.float32), "refused, though there is noise"
        else:
            assert noise > 0, "noise was found where there is none"
            assert bool(fitted.log_prob(x).isfinite().all())


def as_rounding_left_it(of: LinearGaussian, x: Tensor) -> LinearGaussian:
    centred = x - x.mean(dim=0)
    sizes, axes = torch.linalg.eigh(centred.T @ centred / len(x))
    noise = sizes[:-1].mean().clamp_min(torch.finfo(x.dtype).tiny)
    return LinearGaussian(axes[:, -1:] * (sizes[-1:] - noise).clamp_min(0).sqrt(), x.mean(dim=0), noise)


def never_without_noise(of: LinearGaussian, x: Tensor) -> LinearGaussian:
    """A floor on the quiet."""
    fitted = as_rounding_left_it(of, x)
    return replace(fitted, variance=fitted.variance.clamp_min(1e-2))


def easily_frightened(of: LinearGaussian, x: Tensor) -> LinearGaussian:
    if as_rounding_left_it(of, x).variance < 0.1:
        raise ValueError("no noise")
    return of.fit(x)


def test_points_without_noise_are_refused() -> None:
    learns_noise_or_says_no(lambda of, x: of.fit(x))
    with pytest.raises(ValueError, match="no noise"):
        LinearGaussian.standard(2, latent=1).fit(torch.arange(6.0)[:, None] * torch.tensor([1.0, 0.0]))


@mutants({f.__name__: f for f in (as_rounding_left_it, never_without_noise, easily_frightened)})
def test_points_without_noise_are_refused_rejects(mutant: Callable[[LinearGaussian, Tensor], LinearGaussian]) -> None:
    rejects(learns_noise_or_says_no, mutant)


def test_models_can_be_compared() -> None:
    same = model()
    assert same in [LINE, same] and same != model()
