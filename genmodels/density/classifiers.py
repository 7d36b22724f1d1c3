r"""Classifiers, discriminative and generative, on the same terms.

Both have `labelled(x, y)`, the fit, and `responsibilities(x)`, the probabilities :math:`p(y\mid x)`. A generative
classifier is a `Mixture` with one part per class; it has `log_prob` and `sample` as well. Logistic regression has not.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float, Shaped
from torch import Tensor
from torch.nn.functional import one_hot

from .base import D, Density, whole
from .discrete import Bernoulli
from .gaussian import Gaussian, Normal
from .mixture import Mixture


@dataclass(frozen=True, eq=False)
class Logistic:
    r"""Logistic regression, :math:`p(y=k\mid x)\propto e^{x^\top w_k+b_k}`, for two classes or more.

    The fit maximises :math:`\sum_n\log p(y_n\mid x_n)-\frac\lambda2\sum_k\Vert w_k\Vert^2` by Newton's method, with
    :math:`\lambda` = `penalty` (scikit-learn's 1 / C; for two classes its 2 / C, as it has one weight vector there).
    Leading axes are independent data sets of the same size, fitted side by side. Source: nndl, sections 3.2 and 3.3.

    Raises
    ------
    ValueError
        If the penalty is negative, there is one class, or the likelihood has no maximum: where a class has no example,
        or, without a penalty, where a hyperplane separates the classes or a feature is a linear function of the others.
    """

    weight: Float[Tensor, "*sets dim classes"]
    bias: Float[Tensor, "*sets classes"]
    penalty: float = 0.0

    def __post_init__(self) -> None:
        if self.penalty < 0:
            raise ValueError(f"a penalty of {self.penalty} would reward large weights: give 0 or more.")
        if self.bias.shape[-1] < 2:
            raise ValueError("there is nothing to tell apart: give two classes or more.")

    @classmethod
    def zero(cls, dim: int, classes: int, *, penalty: float = 0.0) -> Logistic:
        """All classes alike, whatever x is."""
        return cls(torch.zeros(dim, classes), torch.zeros(classes), penalty)

    def scores(self, x: Shaped[Tensor, "*sets n dim"]) -> Float[Tensor, "*sets n classes"]:
        """What the softmax turns into probabilities."""
        x = _floating(x)
        return x @ self.weight.to(x) + self.bias.to(x).unsqueeze(-2)

    def responsibilities(self, x: Shaped[Tensor, "*sets n dim"]) -> Float[Tensor, "*sets n classes"]:
        r""":math:`p(y=k\mid x)`, under the name that it has in a `Mixture`."""
        return self.scores(x).softmax(dim=-1)

    def labelled(self, x: Shaped[Tensor, "*sets n dim"], y: Shaped[Tensor, "*sets n"]) -> Logistic:
        """The fit to points with labels, whole numbers; like that of a density, it returns another classifier.

        Raises
        ------
        ValueError
            If x has other features than this rule, there is not one label for each point, or one names no class;
            and where the likelihood has no maximum.
        """
        dim, classes = self.weight.shape[-2:]
        if x.shape[-1:] != (dim,) or y.shape != x.shape[:-1]:
            raise ValueError(
                f"x and y have shapes {tuple(x.shape)} and {tuple(y.shape)}: give points of {dim} features, and a "
                "label for each."
            )
        whole(y, low=0, high=classes - 1, what=f"a label is a whole number from 0 to {classes - 1}")
        if not bool(x.isfinite().all()):
            raise ValueError("x has entries that are NaN or infinite: logistic regression cannot leave a feature out.")
        target = one_hot(y.long(), classes)
        if bool(target.sum(dim=-2).eq(0).any()):
            raise ValueError(
                f"a class has no example in y, and its bias would be minus infinity: each of the {classes} classes "
                "needs one."
            )
        x = _floating(x)
        design = torch.cat([x, torch.ones_like(x[..., :1])], dim=-1)
        theta = _newton(design, target.to(x), self.penalty)
        return replace(self, weight=theta[..., :-1, :], bias=theta[..., -1, :])


def _floating(x: Tensor) -> Tensor:
    """Whole numbers become floating ones, as in a `Density`."""
    return x if x.is_floating_point() else x.to(torch.get_default_dtype())


def _newton(design: Tensor, target: Tensor, penalty: float, *, steps: int = 100) -> Tensor:
    """Weights over biases, (*sets, dim + 1, classes). The first class has score 0 on the way: nothing is redundant."""
    others, columns = target.shape[-1] - 1, design.shape[-1]
    # The weights of all classes minus their mean, squared and summed, in terms of the differences to the first class.
    classes = torch.eye(others).to(design) - 1 / (others + 1)
    ridge = torch.full((columns,), penalty).to(design)
    ridge[-1] = 0  # the bias is free

    def loss(theta: Tensor) -> Tensor:
        fit = (target * _log_posterior(design, theta)).sum(dim=(-2, -1))
        return ((ridge[:, None] * theta) * (theta @ classes)).sum(dim=(-2, -1)) / 2 - fit

    theta = torch.zeros(*design.shape[:-2], columns, others).to(design)
    for _ in range(steps):
        p = _log_posterior(design, theta).exp()[..., 1:]
        gradient = design.mT @ (p - target[..., 1:]) + ridge[:, None] * (theta @ classes)
        hessian = _hessian(design, p) + torch.kron(classes, ridge.diag())
        step = _solve(hessian, gradient.mT.flatten(-2)).unflatten(-1, (others, columns)).mT
        theta = _descend(loss, theta, step)
        # Newton's method squares the relative error: after a step this small there is nothing left to gain.
        if bool(step.abs().amax() <= torch.finfo(theta.dtype).eps ** 0.5 * (1 + theta.abs().amax())):
            full = torch.nn.functional.pad(theta, (1, 0))
            return full - full.mean(dim=-1, keepdim=True)
    raise ValueError(_UNBOUNDED)


_UNBOUNDED = (
    "the likelihood has no single maximum: a hyperplane separates the classes, or a feature is a linear function of "
    "the others. Set penalty=1e-3 or more."
)


def _log_posterior(design: Tensor, theta: Tensor) -> Tensor:
    return torch.nn.functional.pad(design @ theta, (1, 0)).log_softmax(dim=-1)


def _hessian(design: Tensor, p: Tensor) -> Tensor:
    """The sum over points of (diag p - p p') x (x x'), one block of columns for each pair of classes."""
    pairs = [(k, j) for k in range(p.shape[-1]) for j in range(p.shape[-1])]
    blocks = [design.mT @ (design * (p[..., [k]] * (float(k == j) - p[..., [j]]))) for k, j in pairs]
    rows = [torch.cat(blocks[i : i + p.shape[-1]], dim=-1) for i in range(0, len(blocks), p.shape[-1])]
    return torch.cat(rows, dim=-2)


def _solve(hessian: Tensor, gradient: Tensor) -> Tensor:
    factor, failed = torch.linalg.cholesky_ex(hessian)
    if bool(failed.any()):
        raise ValueError(_UNBOUNDED)
    return torch.cholesky_solve(gradient.unsqueeze(-1), factor).squeeze(-1)


def _descend(loss: Callable[[Tensor], Tensor], theta: Tensor, step: Tensor) -> Tensor:
    """A Newton step, halved for those data sets whose loss it would raise."""
    before, size = loss(theta), torch.ones(theta.shape[:-2]).to(theta)
    slack = 1e-12 + 10 * torch.finfo(theta.dtype).eps * before.abs()
    for _ in range(30):
        rises = loss(theta - size[..., None, None] * step) > before + slack
        if not bool(rises.any()):
            break
        size = torch.where(rises, size / 2, size)
    return theta - size[..., None, None] * step


def tied(mixture: Mixture) -> Mixture:
    r"""The Gaussian parts with one covariance for all, :math:`\Sigma=\sum_k\pi_k\Sigma_k`.

    After `labelled`, or after any M-step, this is the maximum likelihood under the condition that the covariances are
    equal: the mean square about the mean *of a point's own class*, divided by n (not n minus the number of classes).
    With `Gaussian` parts and labels this is linear discriminant analysis.

    Raises
    ------
    ValueError
        If the parts are not all `Gaussian`, or all `Normal`.
    """
    pi = mixture.weights
    gaussians = [part for part in mixture.parts if isinstance(part, Gaussian)]
    normals = [part for part in mixture.parts if isinstance(part, Normal)]
    parts: tuple[Density, ...]
    if len(gaussians) == len(pi):
        each = torch.stack([part.covariance for part in gaussians])
        covariance = torch.tensordot(pi.to(each), each, dims=1)
        parts = tuple(replace(part, covariance=covariance) for part in gaussians)
    elif len(normals) == len(pi):
        each = torch.stack([part.std.square() for part in normals])
        std = torch.tensordot(pi.to(each), each, dims=1).sqrt()
        parts = tuple(replace(part, std=std) for part in normals)
    else:
        raise ValueError("only Gaussian or Normal parts have a covariance to share; this mixture has others.")
    return replace(mixture, parts=parts)


def as_logistic(mixture: Mixture) -> Logistic:
    r"""The logistic regression with the same :math:`p(y\mid x)` as this generative classifier.

    Gaussian parts with covariance :math:`\Sigma` give :math:`w_k=\Sigma^{-1}\mu_k` and
    :math:`b_k=\log\pi_k-\frac12\mu_k^\top\Sigma^{-1}\mu_k`; bits give :math:`w_k=\log\frac{p_k}{1-p_k}` and
    :math:`b_k=\log\pi_k+\sum_i\log(1-p_{ki})`.

    Raises
    ------
    ValueError
        If there is none: the covariances differ, a bit is certain, or the parts are of other families.
    """
    forms = [_linear(part, mixture.parts[0]) for part in mixture.parts]
    weight, bias = (torch.stack(each, dim=-1) for each in zip(*forms, strict=True))
    return Logistic(weight, bias + mixture.weights.to(bias).log())


def _linear(part: Density, first: Density) -> tuple[Tensor, Tensor]:
    """The terms of log p(x | class) that are linear in x and constant; what all classes share is left out."""
    if isinstance(part, Gaussian) and isinstance(first, Gaussian) and torch.equal(part.covariance, first.covariance):
        weight = torch.cholesky_solve(part.mean[:, None], part.factor)[:, 0]
        return weight, -(part.mean @ weight) / 2
    if isinstance(part, Normal) and isinstance(first, Normal) and torch.equal(part.std, first.std):
        weight = part.mean / part.std.square()
        return weight, -(part.mean @ weight) / 2
    if isinstance(part, Bernoulli) and isinstance(first, Bernoulli):
        if not bool(((part.p > 0) & (part.p < 1)).all()):
            raise ValueError("a bit that is certain has infinite log-odds: fit with pseudo=1.")
        return part.p.logit(), (1 - part.p).log().sum()
    raise ValueError(
        "log p(y | x) is linear in x for bits, and for Gaussians with one covariance: call tied(mixture) first."
    )


def marginal(density: D, seen: Bool[Tensor, " dim"]) -> D:
    r"""The density of the coordinates that were seen, :math:`p(x_S)=\int p(x)\,dx_{\bar S}`: the others summed out.

    For a Gaussian this is a part of the mean and of the covariance, for independent coordinates it is some of the
    factors, and for a mixture it is that of each part. So a generative classifier needs no second training to
    classify points with missing features.

    Raises
    ------
    ValueError
        If `seen` has not one entry per coordinate, none of them was seen, or the family is none of these.
    """
    if density.event_shape != tuple(seen.shape):
        raise ValueError(f"seen has shape {tuple(seen.shape)}, and a point of this density {density.event_shape}.")
    if not bool(seen.any()):
        raise ValueError("no coordinate was seen, so that nothing is left to have a density: use p(y), the weights.")
    if isinstance(density, Mixture):
        return replace(density, parts=tuple(marginal(part, seen) for part in density.parts))
    if isinstance(density, Gaussian):
        return replace(density, mean=density.mean[seen], covariance=density.covariance[seen][:, seen])
    if isinstance(density, Normal):
        return replace(density, mean=density.mean[seen], std=density.std[seen])
    if isinstance(density, Bernoulli):
        return replace(density, p=density.p[seen])
    raise ValueError("the marginals of Gaussian, Normal and Bernoulli densities, and of their mixtures, are known.")


def linear_error(rule: Logistic, classes: Mixture) -> Float[Tensor, "*sets"]:
    r"""How often a linear rule for two classes is wrong where the classes' densities are known: exact, no test set.

    Under :math:`N(\mu,\Sigma)` the score difference is normal with mean :math:`\mu^\top w+b` and variance
    :math:`w^\top\Sigma w`, so that a point is on the wrong side with probability
    :math:`\Phi(\pm(\mu^\top w+b)/\sqrt{w^\top\Sigma w})`. A class may also be a mixture of Gaussians.

    Raises
    ------
    ValueError
        If there are not two classes, one of them is no Gaussian and no mixture of Gaussians, or a rule prefers
        neither class anywhere.
    """
    if len(classes.parts) != 2 or rule.bias.shape[-1] != 2:
        raise ValueError(f"a linear rule is for two classes; here are {len(classes.parts)} and {rule.bias.shape[-1]}.")
    weight = (rule.weight[..., 1] - rule.weight[..., 0]).double()
    bias = (rule.bias[..., 1] - rule.bias[..., 0]).double()
    wrong = torch.zeros_like(bias)
    for sign, prior, part in zip((1.0, -1.0), classes.weights, classes.parts, strict=True):
        mixture = part if isinstance(part, Mixture) else Mixture(torch.ones(1).to(prior), (part,))
        for share, bump in zip(mixture.weights, mixture.parts, strict=True):
            if not isinstance(bump, Gaussian):
                raise ValueError(f"a class is a Gaussian or a mixture of Gaussians here, not a {type(bump).__name__}.")
            spread = (weight @ bump.factor.double()).square().sum(dim=-1).sqrt()
            wrong = wrong + prior * share * torch.special.ndtr(sign * (weight @ bump.mean.double() + bias) / spread)
    if bool(wrong.isnan().any()):  # 0 / 0
        raise ValueError("a rule without slope and bias prefers neither class, and is neither right nor wrong: fit it.")
    return wrong.to(rule.bias)
