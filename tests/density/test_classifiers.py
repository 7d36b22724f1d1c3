"""Classifiers: what a fit satisfies, how the two paradigms meet, and the numbers of scikit-learn."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import jaxtyping
import pytest
import torch
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import BernoulliNB, GaussianNB
from torch import Tensor
from torch.nn.functional import one_hot
from torch.testing import assert_close

from genmodels.density import Bernoulli, Density, Gaussian, Mixture, Normal, Poisson
from genmodels.density.classifiers import Logistic, as_logistic, linear_error, marginal, tied
from genmodels.training import rng
from mutants import mutants, refusal, rejects


def three_classes() -> tuple[Tensor, Tensor]:
    """Overlapping clouds of unequal size and shape; no logistic regression separates them."""
    factors = torch.tensor([[[1.0, 0.0], [0.8, 0.6]], [[0.7, 0.0], [-0.5, 1.2]], [[1.5, 0.0], [0.0, 0.5]]]).double()
    centres = torch.tensor([[0.0, 0.0], [1.5, 0.5], [-1.0, 1.0]]).double()
    y = torch.arange(3).repeat_interleave(torch.tensor([30, 50, 120]))
    noise = torch.randn(200, 2, generator=rng(0), dtype=torch.float64)
    return centres[y] + (factors[y] @ noise[..., None])[..., 0], y


X, Y = three_classes()
CANCER = load_breast_cancer()
START = torch.full((3,), 1 / 3)


# --- logistic regression ---------------------------------------------------------------------------------------------

Fit = Callable[[Tensor, Tensor, float], Logistic]


def check_scores_vanish(fit: Fit) -> None:
    """At the maximum the gradient is 0: features sum to the same under labels and predictions, up to the penalty."""
    for penalty in (0.0, 2.0):
        model = fit(X, Y, penalty)
        rest = one_hot(Y, 3).double() - model.responsibilities(X)
        assert_close(X.T @ rest, penalty * model.weight, rtol=0, atol=1e-6)
        assert_close(rest.sum(dim=0), torch.zeros(3).double(), rtol=0, atol=1e-6)


def logistic(x: Tensor, y: Tensor, penalty: float) -> Logistic:
    return Logistic.zero(x.shape[1], 3, penalty=penalty).labelled(x, y)


def without_bias(x: Tensor, y: Tensor, penalty: float) -> Logistic:
    """The line forced through the origin."""
    model = logistic(torch.cat([x, -x]), torch.cat([y, y]), penalty)
    return replace(model, bias=torch.zeros_like(model.bias))


def bias_penalised(x: Tensor, y: Tensor, penalty: float) -> Logistic:
    """A column of ones among the features, and no other bias: the penalty pulls it as well."""
    if not penalty:
        return logistic(x, y, penalty)
    design = torch.cat([x, torch.ones(len(x), 1)], dim=1)
    peer = LogisticRegression(C=1 / penalty, fit_intercept=False, tol=1e-10, max_iter=10_000)
    coefficients = torch.tensor(peer.fit(design.numpy(), y.numpy()).coef_).T
    return Logistic(coefficients[:2], coefficients[2], penalty)


def penalty_per_point(x: Tensor, y: Tensor, penalty: float) -> Logistic:
    """The penalty beside the mean of the losses, where the sum belongs."""
    return logistic(x, y, penalty * len(x))


def wrong_axis(x: Tensor, y: Tensor, penalty: float) -> Logistic:
    class OverPoints(Logistic):
        def responsibilities(self, x: Tensor) -> Tensor:
            return self.scores(x).softmax(dim=0)

    model = logistic(x, y, penalty)
    return OverPoints(model.weight, model.bias)


def one_step(x: Tensor, y: Tensor, penalty: float) -> Logistic:
    """Least squares on the labels, one Newton step from zero: linear regression where logistic was meant."""
    design = torch.cat([x, torch.ones(len(x), 1)], dim=1)
    theta = torch.linalg.lstsq(design, 3 * one_hot(y, 3).double()).solution
    return Logistic(theta[:2], theta[2], penalty)


def test_the_gradient_of_the_fit_is_zero() -> None:
    check_scores_vanish(logistic)


@mutants(
    {
        "no bias": without_bias,
        "bias penalised": bias_penalised,
        "penalty per point": penalty_per_point,
        "softmax over points": wrong_axis,
        "linear regression": one_step,
    }
)
def test_a_wrong_fit_is_seen(mutant: Fit) -> None:
    rejects(check_scores_vanish, mutant)


@pytest.mark.parametrize("penalty", [0.1, 10.0])
def test_logistic_regression_has_the_numbers_of_scikit_learn(penalty: float) -> None:
    images, labels = load_digits(return_X_y=True)
    images, labels = images[:400] / 16, labels[:400]
    mine = Logistic.zero(64, 10, penalty=penalty).labelled(torch.tensor(images), torch.tensor(labels))
    peer = LogisticRegression(C=1 / penalty, tol=1e-9, max_iter=10_000).fit(images, labels)
    assert_close(mine.weight.T, torch.tensor(peer.coef_), rtol=0, atol=1e-4)
    assert_close(
        mine.responsibilities(torch.tensor(images)), torch.tensor(peer.predict_proba(images)), rtol=0, atol=1e-5
    )
    two = (Y > 0).long()
    mine = Logistic.zero(2, 2, penalty=penalty).labelled(X, two)
    peer = LogisticRegression(C=2 / penalty, tol=1e-10).fit(X.numpy(), two.numpy())  # one vector: half the penalty
    assert_close(mine.weight[:, 1] - mine.weight[:, 0], torch.tensor(peer.coef_[0]), rtol=0, atol=1e-6)


def test_sets_side_by_side_are_fitted_as_if_alone() -> None:
    x = torch.randn(5, 4, 40, 3, generator=rng(1), dtype=torch.float64)
    y = (x[..., 0] + torch.randn(5, 4, 40, generator=rng(2), dtype=torch.float64) > 0).long()
    x[2, 1] *= 30  # one set that is easy to separate, and takes more steps
    together = Logistic.zero(3, 2, penalty=0.1).labelled(x, y)
    for i, j in itertools.product(range(5), range(4)):
        alone = Logistic.zero(3, 2, penalty=0.1).labelled(x[i, j], y[i, j])
        assert_close(together.weight[i, j], alone.weight)
        assert_close(together.responsibilities(x)[i, j], alone.responsibilities(x[i, j]))


def test_a_set_without_an_example_of_a_class_is_refused_among_others() -> None:
    x, y = X[:40].reshape(2, 20, 2), torch.stack([torch.arange(20) % 2, torch.zeros(20).long()])
    assert "no example" in refusal(ValueError, lambda: Logistic.zero(2, 2, penalty=1.0).labelled(x, y))


def test_whole_numbers_are_taken_as_numbers() -> None:
    counts, start = (10 * X).long(), Logistic.zero(2, 3, penalty=0.1)
    whole, same = start.labelled(counts, Y), start.labelled(counts.float(), Y)
    assert_close(whole.weight, same.weight)
    assert_close(whole.responsibilities(counts), same.responsibilities(counts.float()))


def test_single_precision_stays() -> None:
    model = Logistic.zero(2, 3, penalty=0.1).labelled(X.float(), Y)
    assert model.weight.dtype == torch.float32
    assert_close(model.weight, logistic(X, Y, 0.1).weight.float(), rtol=1e-3, atol=1e-4)


def test_logistic_regression_refuses_what_it_cannot_fit() -> None:
    line = torch.tensor([[-2.0], [-1.0], [1.0], [2.0]]).double()
    start = Logistic.zero(1, 2)
    assert "separates" in refusal(ValueError, lambda: start.labelled(line, torch.tensor([0, 0, 1, 1])))
    twice = torch.cat([line, 2 * line], dim=1)
    message = refusal(ValueError, lambda: Logistic.zero(2, 2).labelled(twice, torch.tensor([0, 1, 0, 1])))
    assert "linear function" in message and "penalty" in message
    for penalty in (0.0, 1.0):
        message = refusal(
            ValueError, lambda p=penalty: Logistic.zero(1, 3, penalty=p).labelled(line, torch.tensor([0, 1, 0, 1]))
        )
        assert "no example" in message and "3 classes" in message
    line[0] = math.nan
    assert "NaN" in refusal(ValueError, lambda: start.labelled(line, torch.tensor([0, 1, 0, 1])))
    assert "penalty" in refusal(ValueError, lambda: Logistic.zero(1, 2, penalty=-1.0))
    assert "two classes or more" in refusal(ValueError, lambda: Logistic.zero(1, 1))


def test_labels_are_whole_numbers_of_any_type() -> None:
    start = Logistic.zero(2, 3, penalty=0.1)
    for dtype in (torch.int32, torch.uint8, torch.float32):
        assert_close(start.labelled(X, Y.to(dtype)).weight, start.labelled(X, Y).weight, rtol=0, atol=0)
    for bad in (Y + 1, Y - 1, Y + 0.5):
        assert "from 0 to 2" in refusal(ValueError, lambda bad=bad: start.labelled(X, bad))


def test_other_shapes_than_the_rule_s_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Five features once gave a rule of five features, whatever the start had."""
    start = Logistic.zero(2, 3, penalty=0.1)
    assert "points of 2 features" in refusal(ValueError, lambda: start.labelled(torch.cat([X, X], dim=1), Y))
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)  # as for users, whom it does not check
    assert "a label for each" in refusal(ValueError, lambda: start.labelled(X, Y[1:]))


def test_rules_can_be_compared() -> None:
    """Equality field by field would ask a tensor for its truth."""
    rule = Logistic.zero(2, 3)
    assert rule == rule and rule != Logistic.zero(2, 3)


# --- generative classifiers: labelled mixtures -----------------------------------------------------------------------


def stretched(mixture: Mixture, factor: Tensor) -> Mixture:
    """Other denominators: n / (n - 1) of the class, or n / (n - classes)."""
    pairs = zip(mixture.parts, factor.expand(len(mixture.parts)), strict=True)
    return replace(mixture, parts=tuple(replace(part, covariance=part.covariance * f) for part, f in pairs))  # type: ignore[call-arg,attr-defined]


def test_discriminant_analysis_has_the_numbers_of_scikit_learn() -> None:
    fitted = Mixture(START, (Gaussian.standard(2),) * 3).labelled(X, Y)
    n, sizes = torch.tensor(200.0).double(), Y.bincount().double()

    for solver in ("lsqr", "eigen"):  # both divide by n
        peer = LinearDiscriminantAnalysis(solver=solver).fit(X.numpy(), Y.numpy())
        assert_close(tied(fitted).responsibilities(X), torch.tensor(peer.predict_proba(X.numpy())))
    # Before version 1.9 of scikit-learn these two divided by n - classes, and by the size of the class minus 1.
    svd = LinearDiscriminantAnalysis(solver="svd").fit(X.numpy(), Y.numpy()).predict_proba(X.numpy())
    own = QuadraticDiscriminantAnalysis().fit(X.numpy(), Y.numpy()).predict_proba(X.numpy())
    for model, factor, answer in ((tied(fitted), n / (n - 3), svd), (fitted, sizes / (sizes - 1), own)):
        older = stretched(model, factor)
        assert min((m.responsibilities(X) - torch.tensor(answer)).abs().max() for m in (model, older)) < 1e-9


def test_naive_bayes_has_the_numbers_of_scikit_learn() -> None:
    x, y = torch.tensor(CANCER.data), torch.tensor(CANCER.target)
    fitted = Mixture(torch.full((2,), 0.5), (Normal.standard(30),) * 2).labelled(x, y)
    peer = GaussianNB(var_smoothing=0.0).fit(CANCER.data, CANCER.target)
    assert_close(fitted.responsibilities(x), torch.tensor(peer.predict_proba(CANCER.data)), rtol=1e-6, atol=1e-9)

    images, labels = load_digits(return_X_y=True)
    bits = torch.tensor(images > 8).double()
    fitted = Mixture(torch.full((10,), 0.1), (Bernoulli.fair(64, pseudo=1.0),) * 10).labelled(
        bits, torch.tensor(labels)
    )
    peer = BernoulliNB(alpha=1.0).fit(bits.numpy(), labels)
    assert_close(fitted.responsibilities(bits), torch.tensor(peer.predict_proba(bits.numpy())), rtol=1e-6, atol=1e-9)


Tie = Callable[[Mixture], Mixture]


def check_tied(tie: Tie) -> None:
    """No other covariance that all classes share makes points and labels more probable."""
    for start in (Gaussian.standard(2), Normal.standard(2)):
        model = tie(Mixture(START, (start,) * 3).labelled(X, Y))
        spread = [p.covariance if isinstance(p, Gaussian) else p.std for p in model.parts]  # type: ignore[attr-defined]
        for other in spread[1:]:
            assert_close(other, spread[0])
        best = joint(model)
        for k, factor in itertools.product(range(2), (0.995, 1.005)):
            assert best > joint(scaled(model, k, factor)), "another scale is more probable"
        if isinstance(start, Gaussian):
            for slant in (-0.03, 0.03):
                shear = torch.eye(2).double() + slant * torch.tensor([[0.0, 1.0], [0.0, 0.0]]).double()
                parts = tuple(replace(p, covariance=shear @ p.covariance @ shear.T) for p in model.parts)  # type: ignore[attr-defined,call-arg]
                assert best > joint(replace(model, parts=parts)), "another slant is more probable"


def joint(model: Mixture) -> float:
    return model.joint(X)[torch.arange(200), Y].mean().item()


def scaled(model: Mixture, k: int, factor: float) -> Mixture:
    size = torch.ones(2).double().index_fill(0, torch.tensor([k]), factor)
    parts: list[Density] = []
    for part in model.parts:
        if isinstance(part, Gaussian):
            parts.append(replace(part, covariance=size[:, None] * part.covariance * size))
        elif isinstance(part, Normal):
            parts.append(replace(part, std=size * part.std))
    return replace(model, parts=tuple(parts))


def weights_forgotten(mixture: Mixture) -> Mixture:
    """The plain mean of the classes' covariances: a small class counts as much as a large one."""
    return replace(tied(replace(mixture, weights=START.double())), weights=mixture.weights)


def about_the_overall_mean(mixture: Mixture) -> Mixture:
    """The covariance of all points together: what separates the classes is counted as noise (scikit-learn PR 6666)."""
    centred = X - X.mean(dim=0)
    total = centred.T @ centred / len(X)
    alike = {Gaussian: {"covariance": total}, Normal: {"std": total.diagonal().sqrt()}}
    return replace(mixture, parts=tuple(replace(part, **alike[type(part)]) for part in mixture.parts))  # type: ignore[type-var,arg-type,index]


def unbiased(mixture: Mixture) -> Mixture:
    """Divided by n - classes."""
    shared = tied(mixture)
    return scaled(scaled(shared, 0, math.sqrt(200 / 197)), 1, math.sqrt(200 / 197))


def stds_averaged(mixture: Mixture) -> Mixture:
    """Standard deviations averaged, where variances add up."""
    parts = []
    for part in tied(mixture).parts:
        if isinstance(part, Normal):
            std = torch.stack([p.std for p in mixture.parts if isinstance(p, Normal)])
            part = replace(part, std=mixture.weights @ std)
        parts.append(part)
    return replace(mixture, parts=tuple(parts))


def test_one_covariance_for_all_is_the_most_likely_one() -> None:
    check_tied(tied)


@mutants(
    {
        "weights forgotten": weights_forgotten,
        "about the overall mean": about_the_overall_mean,
        "n minus classes": unbiased,
        "standard deviations averaged": stds_averaged,
        "not tied": lambda mixture: mixture,
    }
)
def test_another_covariance_is_seen(mutant: Tie) -> None:
    rejects(check_tied, mutant)


# --- where the two meet ----------------------------------------------------------------------------------------------

Form = Callable[[Mixture], Logistic]
BITS = torch.tensor(list(itertools.product((0.0, 1.0), repeat=3))).double()


def check_form(form: Form) -> None:
    """The same p(y | x), far out as well: not nearly, but to rounding."""
    far = torch.cat([X, 5 * X])
    for start in (Gaussian.standard(2), Normal.standard(2)):
        model = tied(Mixture(START, (start,) * 3).labelled(X, Y))
        assert_close(form(model).responsibilities(far), model.responsibilities(far), rtol=0, atol=1e-10)
    p = torch.tensor([[0.2, 0.5, 0.9], [0.7, 0.1, 0.4], [0.3, 0.3, 0.6]]).double()
    model = Mixture(torch.tensor([0.2, 0.3, 0.5]).double(), tuple(Bernoulli(row) for row in p))
    assert_close(form(model).responsibilities(BITS), model.responsibilities(BITS), rtol=0, atol=1e-10)


def without_priors(mixture: Mixture) -> Logistic:
    return as_logistic(replace(mixture, weights=START.double()))


def without_squares(mixture: Mixture) -> Logistic:
    """The constant of each class forgotten: -mu' Sigma^-1 mu / 2, or the bits that are 0."""
    model = as_logistic(mixture)
    return replace(model, bias=mixture.weights.log())


def priors_not_logged(mixture: Mixture) -> Logistic:
    model = as_logistic(mixture)
    return replace(model, bias=model.bias - mixture.weights.log() + mixture.weights)


def half_the_weight(mixture: Mixture) -> Logistic:
    model = as_logistic(mixture)
    return replace(model, weight=model.weight / 2)


def test_shared_covariance_and_bits_are_logistic() -> None:
    check_form(as_logistic)


@mutants(
    {
        "no priors": without_priors,
        "no squares": without_squares,
        "priors not logged": priors_not_logged,
        "half the weight": half_the_weight,
    }
)
def test_a_wrong_form_is_seen(mutant: Form) -> None:
    rejects(check_form, mutant)


def test_what_is_not_linear_is_refused() -> None:
    fitted = Mixture(START, (Gaussian.standard(2),) * 3).labelled(X, Y)
    assert "tied" in refusal(ValueError, lambda: as_logistic(fitted))
    sure = Mixture(torch.tensor([0.5, 0.5]), (Bernoulli(torch.tensor([1.0])), Bernoulli(torch.tensor([0.5]))))
    assert "pseudo" in refusal(ValueError, lambda: as_logistic(sure))
    assert "covariance" in refusal(ValueError, lambda: tied(sure))


# --- missing features ------------------------------------------------------------------------------------------------

Marginal = Callable[[Density, Tensor], Density]
SEEN = torch.tensor([True, False, True])


def check_marginal(part: Marginal) -> None:
    """Bits: the others summed out, one value after the other. Gaussians: by quadrature."""
    pair = torch.tensor([[0.2, 0.5, 0.9], [0.7, 0.1, 0.4]]).double()
    bits = Mixture(torch.tensor([0.3, 0.7]).double(), (Bernoulli(pair[0]), Bernoulli(pair[1])))
    wanted = bits.log_prob(BITS).exp().reshape(2, 2, 2).sum(dim=1).flatten()
    assert_close(part(bits, SEEN).log_prob(BITS.reshape(2, 2, 2, 3)[:, 0][..., SEEN].reshape(-1, 2)).exp(), wanted)

    slant = torch.tensor([[1.0, 0.8, 0.3], [0.8, 2.0, -0.4], [0.3, -0.4, 0.5]]).double()
    gaussian = Gaussian(torch.tensor([0.5, -1.0, 2.0]).double(), slant)
    normal = Normal(torch.tensor([0.5, -1.0, 2.0]).double(), torch.tensor([1.0, 0.5, 2.0]).double())
    steps = torch.linspace(-12, 12, 2401).double()
    points = torch.tensor([[0.0, 1.5], [1.0, 3.0], [-1.0, 2.0]]).double()
    for density in (gaussian, normal, Mixture(torch.tensor([0.4, 0.6]).double(), (gaussian, gaussian))):
        filled = torch.zeros(3, len(steps), 3).double()
        filled[..., 0], filled[..., 2], filled[..., 1] = points[:, :1], points[:, 1:], steps
        mass = density.log_prob(filled).exp().sum(dim=1) * 0.01
        assert_close(part(density, SEEN).log_prob(points).exp(), mass, rtol=1e-6, atol=0)


def of_the_precision(density: Density, seen: Tensor) -> Density:
    """Rows and columns taken out of the precision matrix: that conditions on zero, it does not marginalise."""
    if isinstance(density, Gaussian):
        precision = torch.linalg.inv(density.covariance)[seen][:, seen]
        return replace(density, mean=density.mean[seen], covariance=torch.linalg.inv(precision))
    return marginal(density, seen)


def filled_with(value: Callable[[Density], Tensor]) -> Marginal:
    """The unseen coordinates set to a value instead of summed out."""

    def filled(density: Density, seen: Tensor) -> Any:
        def log_prob(x: Tensor) -> Tensor:
            whole = value(density).expand(len(x), -1).clone().to(x)
            whole[:, seen] = x
            return density.log_prob(whole)

        return SimpleNamespace(log_prob=log_prob)

    return filled


def test_marginals_are_sums_over_what_was_not_seen() -> None:
    check_marginal(marginal)


@mutants(
    {
        "of the precision": of_the_precision,
        "filled with 0": filled_with(lambda _: torch.zeros(3)),
        "filled with 1": filled_with(lambda _: torch.ones(3)),
        "the others": lambda density, seen: marginal(density, ~seen | torch.tensor([False, True, True])),
    }
)
def test_a_wrong_marginal_is_seen(mutant: Marginal) -> None:
    rejects(check_marginal, mutant)


def test_marginals_refuse() -> None:
    assert "shape" in refusal(ValueError, lambda: marginal(Normal.standard(2), SEEN))
    assert "known" in refusal(ValueError, lambda: marginal(Poisson.unit(3), SEEN))
    none = torch.tensor([False, False])
    for family in (Normal.standard(2), Gaussian.standard(2), Bernoulli.fair(2)):
        for density in (family, Mixture(torch.ones(1), (family,))):
            assert "no coordinate" in refusal(ValueError, lambda d=density: marginal(d, none))


# --- exact errors ----------------------------------------------------------------------------------------------------

ErrorRate = Callable[[Logistic, Mixture], Tensor]


def check_error(error: ErrorRate) -> None:
    """In closed form for the best rule between two round Gaussians; by counting for any rule and any Gaussians."""
    eye, half = torch.eye(2).double(), torch.tensor([0.5, 0.5]).double()
    gap = torch.tensor([1.5, 2.0]).double()
    known = Mixture(half, (Gaussian(-gap / 2, eye), Gaussian(gap / 2, eye)))
    assert_close(error(as_logistic(known), known), torch.special.ndtr(torch.tensor(-1.25).double()))

    slant = torch.tensor([[1.0, 0.8], [0.8, 2.0]]).double()
    two = Mixture(torch.tensor([0.7, 0.3]).double(), (Gaussian(gap, slant), Gaussian(3 * gap, eye)))
    classes = Mixture(torch.tensor([0.4, 0.6]).double(), (Gaussian(-gap / 2, slant), two))
    weight = torch.tensor([[[0.3, 1.0], [0.1, -0.4]], [[0.0, 1.0], [0.0, 1.0]]]).double()
    rules = Logistic(weight, torch.tensor([[0.2, 0.0], [0.5, -0.5]]).double())
    x = torch.stack([part.sample((200_000,), rng=rng(k)) for k, part in enumerate(classes.parts)])
    for k in range(2):
        rule = Logistic(rules.weight[k], rules.bias[k])
        wrong = torch.stack([(rule.scores(points).argmax(dim=1) != y).double().mean() for y, points in enumerate(x)])
        assert_close(error(rules, classes)[k], classes.weights @ wrong, rtol=0, atol=4e-3)


def bias_scaled_apart(rule: Logistic, classes: Mixture) -> Tensor:
    longer = replace(rule, weight=3 * rule.weight, bias=2 * rule.bias)
    return linear_error(longer, classes)


@mutants(
    {
        "priors forgotten": lambda rule, classes: linear_error(
            rule, replace(classes, weights=torch.tensor([0.5, 0.5]))
        ),
        "right, not wrong": lambda rule, classes: 1 - linear_error(rule, classes),
        "bias scaled apart": bias_scaled_apart,
        "bias forgotten": lambda rule, classes: linear_error(replace(rule, bias=0 * rule.bias), classes),
    }
)
def test_a_wrong_error_is_seen(mutant: ErrorRate) -> None:
    rejects(check_error, mutant)


def test_errors_are_exact_and_refuse() -> None:
    check_error(linear_error)
    bits = Mixture(torch.tensor([0.5, 0.5]), (Bernoulli.fair(2), Bernoulli.fair(2)))
    assert "Bernoulli" in refusal(ValueError, lambda: linear_error(Logistic.zero(2, 2), bits))
    assert "two classes" in refusal(ValueError, lambda: linear_error(Logistic.zero(2, 3), bits))


def test_a_rule_without_slope() -> None:
    """It calls all points alike and is wrong about the other class; if it prefers neither, it is no rule."""
    classes = Mixture(torch.tensor([0.3, 0.7]), (Gaussian.standard(2), Gaussian(torch.ones(2), torch.eye(2))))
    first = Logistic(torch.ones(2, 2), torch.tensor([1.0, 0.0]))
    assert_close(linear_error(first, classes), torch.tensor(0.7))
    assert "prefers neither" in refusal(ValueError, lambda: linear_error(Logistic.zero(2, 2), classes))


def test_parts_in_double_precision_beside_single_weights() -> None:
    """`Mixture(torch.tensor([0.5, 0.5]), ...)` is what one writes."""
    weights = torch.tensor([0.3, 0.7])
    for start in (Gaussian.standard(2), Normal.standard(2)):
        parts = tuple(start.fit((1 + k) * X + k) for k in range(2))
        mixed, wide = Mixture(weights, parts), Mixture(weights.double(), parts)
        assert_close(tied(mixed).log_prob(X), tied(wide).log_prob(X), rtol=1e-6, atol=1e-6)
        if isinstance(start, Gaussian):
            rule = as_logistic(tied(wide))
            single = Logistic(rule.weight.float(), rule.bias.float())
            assert_close(linear_error(single, mixed).double(), linear_error(rule, wide), rtol=1e-5, atol=0)
