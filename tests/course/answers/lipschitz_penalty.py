"""Answers to ex-lipschitz-penalty: right ones, written differently, and wrong ones, each with a bug people make."""

import torch


def _charge(gradient):
    return 10 * (gradient.norm(dim=1) - 1).square().mean()


def _slope(A, w, x):
    return x @ (A + A.T) / 2 + w


def _between(real, fake, share):
    return fake + share[:, None] * (real - fake)


def right_by_autograd(A, w, real, fake, share):
    """The critic as a function, differentiated by torch."""
    x = _between(real, fake, share).requires_grad_()
    score = (x @ A * x).sum(1) / 2 + x @ w
    (gradient,) = torch.autograd.grad(score.sum(), x)
    return _charge(gradient)


def right_by_loop(A, w, real, fake, share):
    """One row after the other."""
    total = 0.0
    for a, b, e in zip(real, fake, share, strict=True):
        x = e * a + (1 - e) * b
        total = total + (torch.sqrt(((A @ x + A.T @ x) / 2 + w).square().sum()) - 1) ** 2
    return 10 * total / len(real)


def right_by_einsum(A, w, real, fake, share):
    """Ten times the mean of the norm squared, minus twice the norm, plus one."""
    x = torch.lerp(fake, real, share[:, None])
    gradient = torch.einsum("ij,nj->ni", (A + A.T) / 2, x) + w
    square = (gradient * gradient).sum(1)
    return 10 * (square - 2 * square.sqrt() + 1).mean()


def wrong_not_symmetric(A, w, real, fake, share):
    """The gradient of x'Ax/2 as Ax: right for a symmetric A alone."""
    return _charge(_between(real, fake, share) @ A.T + w)


def wrong_factor(A, w, real, fake, share):
    """The half of the quadratic form forgotten: gradient (A + A')x + w."""
    return _charge(2 * _slope(A, 0, _between(real, fake, share)) + w)


def wrong_share_reversed(A, w, real, fake, share):
    """The share goes to the generated row."""
    return _charge(_slope(A, w, _between(fake, real, share)))


def wrong_one_share(A, w, real, fake, share):
    """One share for the batch (keras-io issue 415, torchgan); here their mean."""
    return _charge(_slope(A, w, _between(real, fake, share.mean().expand(len(real)))))


def wrong_at_the_data(A, w, real, fake, share):
    """Judged at the real rows only, which the share 1 would give (labml evaluates at 1)."""
    return _charge(_slope(A, w, real))


def wrong_at_the_samples(A, w, real, fake, share):
    """Judged at the generated rows only."""
    return _charge(_slope(A, w, fake))


def wrong_outside(A, w, real, fake, share):
    """x + share * (x - fake): beyond the data instead of between (a sign in the difference)."""
    return _charge(_slope(A, w, real + share[:, None] * (real - fake)))


def wrong_over_the_batch(A, w, real, fake, share):
    """The norm over dimension 0: each coordinate over the batch (PyTorch-GAN issue 20 took the wrong one, too)."""
    gradient = _slope(A, w, _between(real, fake, share))
    return 10 * (gradient.norm(dim=0) - 1).square().mean()


def wrong_one_norm(A, w, real, fake, share):
    """One norm over the whole batch (torchgan): grows with the batch."""
    gradient = _slope(A, w, _between(real, fake, share))
    return 10 * (gradient.norm() - 1).square()


def wrong_entries(A, w, real, fake, share):
    """Every entry of the gradient is compared with 1, no norm at all."""
    return 10 * (_slope(A, w, _between(real, fake, share)).abs() - 1).square().mean()


def wrong_square_of_the_norm(A, w, real, fake, share):
    """The squared norm minus 1: the root is missing."""
    return 10 * (_slope(A, w, _between(real, fake, share)).square().sum(1) - 1).square().mean()


def wrong_mean_first(A, w, real, fake, share):
    """The mean slope is compared with 1, so steep and flat rows cancel."""
    return 10 * (_slope(A, w, _between(real, fake, share)).norm(dim=1).mean() - 1).square()


def wrong_sum(A, w, real, fake, share):
    """A sum over the rows."""
    return len(real) * right_by_einsum(A, w, real, fake, share)


def wrong_one_sided(A, w, real, fake, share):
    """Charges only slopes above 1."""
    excess = _slope(A, w, _between(real, fake, share)).norm(dim=1) - 1
    return 10 * excess.clamp_min(0).square().mean()


def wrong_not_squared(A, w, real, fake, share):
    """The absolute deviation."""
    return 10 * (_slope(A, w, _between(real, fake, share)).norm(dim=1) - 1).abs().mean()


def wrong_no_weight(A, w, real, fake, share):
    """The weight 10 forgotten."""
    return right_by_einsum(A, w, real, fake, share) / 10


def wrong_to_zero(A, w, real, fake, share):
    """Slopes are pulled to 0 instead of 1, as R1 does."""
    return 10 * _slope(A, w, _between(real, fake, share)).square().sum(1).mean()


def wrong_no_linear_part(A, w, real, fake, share):
    """w is forgotten in the gradient."""
    return _charge(_slope(A, 0, _between(real, fake, share)))
