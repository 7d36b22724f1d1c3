r"""Two numbers for sets of images: the Fréchet distance of feature clouds, and the Inception-style score.

Neither knows what an image is. They see what a classifier makes of it, `metrics.Classifier`, so their values depend on
that classifier, and on the number of samples: every score carries both in its name.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from .score import Score

Matrix = Float[Tensor, "dim dim"]


class Moments(NamedTuple):
    """Mean and covariance (divided by n - 1) of a cloud of features, in float64, and how many rows they come from."""

    mean: Float[Tensor, " dim"]
    covariance: Matrix
    n: int


def moments(features: Float[Tensor, "n dim"]) -> Moments:
    """The first two moments of a cloud: all that the Fréchet distance sees of it.

    Raises
    ------
    ValueError
        If there are fewer than two rows, or a number that is not finite.
    """
    if len(features) < 2:
        raise ValueError(f"a covariance needs at least 2 rows, and {len(features)} came: draw more samples.")
    if not features.isfinite().all():
        raise ValueError("a feature is not a finite number: look at the samples, then at the network that sees them.")
    x = features.detach().double().cpu()
    return Moments(x.mean(dim=0), torch.cov(x.T).reshape(x.shape[1], x.shape[1]), len(x))


def frechet_of_moments(
    mean_a: Float[Tensor, " dim"], covariance_a: Matrix, mean_b: Float[Tensor, " dim"], covariance_b: Matrix
) -> float:
    r"""The squared Fréchet (2-Wasserstein) distance of two Gaussians,

    .. math:: \|\mu_a-\mu_b\|^2+\operatorname{tr}\Sigma_a+\operatorname{tr}\Sigma_b
              -2\operatorname{tr}\bigl(\Sigma_a^{1/2}\Sigma_b\Sigma_a^{1/2}\bigr)^{1/2}\ge0 .

    The last trace is the sum of the singular values of :math:`\Sigma_a^{1/2}\Sigma_b^{1/2}`. Written so it is symmetric
    in the two clouds, real, and exact for singular covariances, where the root of the product is none of these.

    Source: Dowson and Landau 1982; Heusel et al. 2017, eq. 6.
    """
    cross = torch.linalg.svdvals(_root(covariance_a) @ _root(covariance_b)).sum()
    square = (mean_a.double() - mean_b.double()).square().sum()
    return max(0.0, (square + covariance_a.trace() + covariance_b.trace() - 2 * cross).item())


def frechet_distance(x: Float[Tensor, "n dim"], y: Float[Tensor, "m dim"], *, features: str = "classifier") -> Score:
    """How far two clouds of features are apart, as if both were Gaussian; 0 for a cloud and itself.

    Biased upwards: even for two halves of one set it is positive, and the smaller they are the larger it is. Compare it
    only at equal `n`, in the same features, and beside the distance of held-out real data.
    """
    a, b = moments(x), moments(y)
    sizes = f"n={a.n}" if a.n == b.n else f"n={a.n} against {b.n}"
    return Score(frechet_of_moments(*a[:2], *b[:2]), f"FD-{features}, {sizes}")


def inception_style_score(probabilities: Float[Tensor, "n classes"], *, features: str = "classifier") -> Score:
    r""":math:`\exp\mathbb E_x\,\mathrm{KL}\bigl(p(y|x)\,\|\,p(y)\bigr)`, from 1 to the number of classes.

    It is 1 if all rows are alike, and high if the classifier is sure of every sample and all classes occur. One perfect
    sample per class reaches the maximum: it sees no variety within a class, and it never looks at data.

    Raises
    ------
    ValueError
        If a row is no distribution: logits or log-probabilities were passed.

    Source: Salimans et al. 2016, section 4.
    """
    p = probabilities.detach().double().cpu()
    if (p < 0).any() or not torch.allclose(p.sum(dim=1), torch.ones(len(p), dtype=p.dtype), atol=1e-4):
        raise ValueError("a row does not sum to 1: pass probabilities, the softmax of a classifier's logits.")
    marginal = p.mean(dim=0)
    divergence = (torch.xlogy(p, p) - torch.xlogy(p, marginal)).sum(dim=1)
    return Score(math.exp(divergence.mean().item()), f"IS-{features}, n={len(p)}")


def _root(covariance: Matrix) -> Matrix:
    """The symmetric square root; eigenvalues that rounding made negative count as 0."""
    values, vectors = torch.linalg.eigh(covariance.double())
    return (vectors * values.clamp_min(0).sqrt()) @ vectors.T
