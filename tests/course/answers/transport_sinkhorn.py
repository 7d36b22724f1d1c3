"""Answers to ex-transport-sinkhorn: right ones, written differently, and wrong ones with bugs that people make."""

import math

import torch


def _sinkhorn(cost, a, b, epsilon, steps, *, rows=1, columns=0, sign=-1.0, g=None):
    """As it should be unless told otherwise. Potentials are matrices, so that a wrong axis still has a shape."""
    g = torch.zeros_like(b)[None] if g is None else g
    f = torch.zeros_like(a)[:, None]
    for _ in range(int(steps)):
        f = epsilon * (a.log()[:, None] - torch.logsumexp((g + sign * cost) / epsilon, dim=rows, keepdim=True))
        g = epsilon * (b.log()[None] - torch.logsumexp((f + sign * cost) / epsilon, dim=columns, keepdim=True))
    return ((f + g + sign * cost) / epsilon).exp()


def right_as_matrices(cost, a, b, epsilon, steps):
    """The same with potentials of shape (n, 1) and (1, m)."""
    return _sinkhorn(cost, a, b, epsilon, steps)


def right_in_place_of_potentials(cost, a, b, epsilon, steps):
    """Normalise the logarithm of the plan itself, rows and columns in turn."""
    log_plan = -cost / epsilon
    for _ in range(int(steps)):
        log_plan = torch.log_softmax(log_plan, dim=1) + a.log()[:, None]
        log_plan = torch.log_softmax(log_plan, dim=0) + b.log()
    return log_plan.exp()


def right_with_a_scaled_kernel(cost, a, b, epsilon, steps):
    """In exponentials, after the potentials have taken the largest entries of each row out, at every step."""
    g = torch.zeros_like(b)
    for _ in range(int(steps)):
        low = (cost - g).min(dim=1).values
        f = low + epsilon * (a.log() - ((low[:, None] + g - cost) / epsilon).exp().sum(dim=1).log())
        low = (cost - f[:, None]).min(dim=0).values
        g = low + epsilon * (b.log() - ((low + f[:, None] - cost) / epsilon).exp().sum(dim=0).log())
    return torch.exp((f[:, None] + g - cost) / epsilon)


def wrong_in_the_exponential(cost, a, b, epsilon, steps):
    """Scaling exp(-cost / epsilon): NaN where all of it is rounded to zero (PythonOT/POT, issue 723)."""
    kernel, v = (-cost / epsilon).exp(), torch.ones_like(b)
    for _ in range(int(steps)):
        u = a / (kernel @ v)
        v = b / (kernel.T @ u)
    return u[:, None] * kernel * v


def wrong_guarded(cost, a, b, epsilon, steps):
    """The same with 1e-16 in every denominator: finite, and no plan."""
    kernel, v = (-cost / epsilon).exp(), torch.ones_like(b)
    for _ in range(int(steps)):
        u = a / (kernel @ v + 1e-16)
        v = b / (kernel.T @ u + 1e-16)
    return u[:, None] * kernel * v


def wrong_same_axis_twice(cost, a, b, epsilon, steps):
    """logsumexp over the same axis in both halves (t-vi/pytorch-tvmisc, issue 9)."""
    return _sinkhorn(cost, a, b, epsilon, steps, columns=1)


def wrong_axes_exchanged(cost, a, b, epsilon, steps):
    """Each half sums over the axis of the other."""
    return _sinkhorn(cost, a, b, epsilon, steps, rows=0, columns=1)


def wrong_sign_of_the_cost(cost, a, b, epsilon, steps):
    """exp(+cost / epsilon): the dearest plan."""
    return _sinkhorn(cost, a, b, epsilon, steps, sign=1.0)


def wrong_columns_first(cost, a, b, epsilon, steps):
    """The two halves in the other order: after any number of steps the rows are right and not the columns."""
    return right_as_matrices(cost.T, b, a, epsilon, steps).T


def wrong_uniform_masses(cost, a, b, epsilon, steps):
    """The masses are ignored."""
    return _sinkhorn(cost, torch.full_like(a, 1 / len(a)), torch.full_like(b, 1 / len(b)), epsilon, steps)


def wrong_both_at_once(cost, a, b, epsilon, steps):
    """The columns are computed from the old f: the two halves no longer correct each other."""
    f, g = torch.zeros_like(a), torch.zeros_like(b)
    for _ in range(int(steps)):
        f, g = (
            epsilon * (a.log() - torch.logsumexp((g - cost) / epsilon, dim=1)),
            epsilon * (b.log() - torch.logsumexp((f[:, None] - cost) / epsilon, dim=0)),
        )
    return ((f[:, None] + g - cost) / epsilon).exp()


def wrong_rows_only(cost, a, b, epsilon, steps):
    """The columns are never made right."""
    return torch.softmax(-cost / epsilon, dim=1) * a[:, None]


def wrong_one_step(cost, a, b, epsilon, steps):
    """The loop returns in its first round: an indentation."""
    return _sinkhorn(cost, a, b, epsilon, 1)


def wrong_one_too_many(cost, a, b, epsilon, steps):
    """range(steps + 1)."""
    return _sinkhorn(cost, a, b, epsilon, steps + 1)


def wrong_masses_twice(cost, a, b, epsilon, steps):
    """The form with potentials relative to the masses, mixed with the other one."""
    return _sinkhorn(cost, a, b, epsilon, steps) * torch.outer(a, b)


def wrong_masses_not_in_the_logarithm(cost, a, b, epsilon, steps):
    """a and b where log a and log b belong."""
    return _sinkhorn(cost, a.exp(), b.exp(), epsilon, steps)


def wrong_epsilon_forgotten(cost, a, b, epsilon, steps):
    """epsilon = 1, whatever was asked for."""
    return _sinkhorn(cost, a, b, 1.0, steps)


def wrong_largest_only(cost, a, b, epsilon, steps):
    """A maximum in place of the log of a sum: the c-transform, right only in the limit."""
    g = torch.zeros_like(b)
    for _ in range(int(steps)):
        f = epsilon * a.log() + (cost - g).min(dim=1).values
        g = epsilon * b.log() + (cost - f[:, None]).min(dim=0).values
    return ((f[:, None] + g - cost) / epsilon).exp()


def wrong_base_two(cost, a, b, epsilon, steps):
    """Powers of two: epsilon is smaller by a factor log 2."""
    return _sinkhorn(cost, a, b, epsilon / math.log(2), steps)
