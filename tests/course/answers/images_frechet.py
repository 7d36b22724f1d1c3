"""Answers to ex-images-frechet: right ones, written differently, and wrong ones, each with a bug that people make."""

import numpy as np
import torch


def _root(cov):
    values, vectors = torch.linalg.eigh(cov)
    return (vectors * values.clamp(min=0).sqrt()) @ vectors.T


def _without_cross(mean_a, cov_a, mean_b, cov_b):
    return (mean_a - mean_b).square().sum() + cov_a.trace() + cov_b.trace()


def right_by_singular_values(mean_a, cov_a, mean_b, cov_b):
    """The trace is the nuclear norm of the product of the roots."""
    cross = torch.linalg.svdvals(_root(cov_a) @ _root(cov_b)).sum()
    return _without_cross(mean_a, cov_a, mean_b, cov_b) - 2 * cross


def right_by_eigenvalues(mean_a, cov_a, mean_b, cov_b):
    """The eigenvalues of the unsymmetric product are those of the symmetric one: real and not negative."""
    values = torch.linalg.eigvals(cov_a @ cov_b).real.clamp(min=0)
    return _without_cross(mean_a, cov_a, mean_b, cov_b) - 2 * values.sqrt().sum()


def right_with_the_other_root(mean_a, cov_a, mean_b, cov_b):
    """The root of the second covariance outside: the trace is the same. In NumPy; returns a float."""
    ma, a, mb, b = (np.asarray(x) for x in (mean_a, cov_a, mean_b, cov_b))
    values, vectors = np.linalg.eigh(b)
    root = vectors @ np.diag(np.sqrt(np.clip(values, 0, None))) @ vectors.T
    cross = np.sqrt(np.clip(np.linalg.eigvalsh(root @ a @ root), 0, None)).sum()
    return float(((ma - mb) ** 2).sum() + np.trace(a) + np.trace(b) - 2 * cross)


def wrong_cross_dropped(mean_a, cov_a, mean_b, cov_b):
    """No cross term: the distance of a Gaussian from itself is not 0 (trap of pytorch/ignite, issue 2423)."""
    return _without_cross(mean_a, cov_a, mean_b, cov_b)


def wrong_elementwise_root(mean_a, cov_a, mean_b, cov_b):
    """np.sqrt of the product, entry by entry, where the matrix's root is meant."""
    return _without_cross(mean_a, cov_a, mean_b, cov_b) - 2 * (cov_a @ cov_b).clamp(min=0).sqrt().trace()


def wrong_roots_of_entries(mean_a, cov_a, mean_b, cov_b):
    """Both roots entry by entry, then the trace of their product."""
    cross = (cov_a.clamp(min=0).sqrt() @ cov_b.clamp(min=0).sqrt()).trace()
    return _without_cross(mean_a, cov_a, mean_b, cov_b) - 2 * cross


def wrong_product_of_roots(mean_a, cov_a, mean_b, cov_b):
    """The trace of the product of the roots: right only if the covariances commute."""
    return _without_cross(mean_a, cov_a, mean_b, cov_b) - 2 * (_root(cov_a) @ _root(cov_b)).trace()


def wrong_diagonals_only(mean_a, cov_a, mean_b, cov_b):
    """Variances without correlations, one coordinate at a time."""
    cross = (cov_a.diagonal() * cov_b.diagonal()).sqrt().sum()
    return _without_cross(mean_a, cov_a, mean_b, cov_b) - 2 * cross


def wrong_cross_once(mean_a, cov_a, mean_b, cov_b):
    """The factor 2 of the cross term is lost."""
    cross = torch.linalg.svdvals(_root(cov_a) @ _root(cov_b)).sum()
    return _without_cross(mean_a, cov_a, mean_b, cov_b) - cross


def wrong_mean_not_squared(mean_a, cov_a, mean_b, cov_b):
    """The norm of the difference of the means, not its square."""
    gap = (mean_a - mean_b).square().sum()
    return right_by_singular_values(mean_a, cov_a, mean_b, cov_b) - gap + gap.sqrt()


def wrong_mean_over_coordinates(mean_a, cov_a, mean_b, cov_b):
    """A mean squared error in the place of the squared norm, as if the dimension did not count."""
    gap = (mean_a - mean_b).square()
    return right_by_singular_values(mean_a, cov_a, mean_b, cov_b) - gap.sum() + 0.5 * gap.mean()


def wrong_not_squared(mean_a, cov_a, mean_b, cov_b):
    """The distance itself, and not its square."""
    return right_by_singular_values(mean_a, cov_a, mean_b, cov_b).clamp(min=0).sqrt() + 1e-3


def wrong_sum_for_trace(mean_a, cov_a, mean_b, cov_b):
    """All entries are summed where only the diagonal counts."""
    cross = torch.linalg.svdvals(_root(cov_a) @ _root(cov_b)).sum()
    return (mean_a - mean_b).square().sum() + cov_a.sum() + cov_b.sum() - 2 * cross


def wrong_cholesky(mean_a, cov_a, mean_b, cov_b):
    """The triangular factors in the place of the symmetric roots."""
    eye = 1e-9 * torch.eye(len(mean_a), dtype=cov_a.dtype)
    a, b = (torch.linalg.cholesky(cov + eye) for cov in (cov_a, cov_b))
    return _without_cross(mean_a, cov_a, mean_b, cov_b) - 2 * (a @ b.T).trace()


def wrong_smoothed(mean_a, cov_a, mean_b, cov_b):
    """A thousandth on the diagonal of the first covariance against singular roots, and left in the result."""
    eye = 1e-3 * torch.eye(len(mean_a), dtype=cov_a.dtype)
    return right_by_singular_values(mean_a, cov_a + eye, mean_b, cov_b)


def wrong_euclidean(mean_a, cov_a, mean_b, cov_b):
    """The Frobenius distance of the covariances, as if they were vectors too."""
    return (mean_a - mean_b).square().sum() + (cov_a - cov_b).square().sum()
