"""Answers to ex-lipschitz-slope: right ones, written differently, and wrong ones, each with a bug that people make."""

import math

import torch


def right_by_cdist(real, fake, f_real, f_fake):
    """Distances from torch; equal points have equal values, so that any positive distance gives them slope 0."""
    run = torch.cdist(real, fake, compute_mode="donot_use_mm_for_euclid_dist").clamp_min(1e-300)
    K = ((f_real[:, None] - f_fake).abs() / run).max()
    return (f_real.mean() - f_fake.mean()) / K if K > 0 else 0.0


def right_by_loop(real, fake, f_real, f_fake):
    """Plain Python; returns a float."""
    steepest = 0.0
    for x, u in zip(real.tolist(), f_real.tolist(), strict=True):
        for y, v in zip(fake.tolist(), f_fake.tolist(), strict=True):
            if x != y:
                steepest = max(steepest, abs(u - v) / math.dist(x, y))
    return float(f_real.mean() - f_fake.mean()) / steepest if steepest else 0.0


def right_by_mask(real, fake, f_real, f_fake):
    """Only the pairs that have a slope, as two lists of indices."""
    i, j = (real[:, None] != fake).any(dim=-1).nonzero(as_tuple=True)
    K = ((f_real[i] - f_fake[j]).abs() / (real[i] - fake[j]).square().sum(1).sqrt()).max()
    return torch.where(K > 0, (f_real.mean() - f_fake.mean()) / K, 0.0)


def right_one_real_point_at_a_time(real, fake, f_real, f_fake):
    """The steepest slope from each real point; infinite distance where there is none."""
    steepest = []
    for x, u in zip(real, f_real, strict=True):
        run = (fake - x).norm(dim=1)
        steepest.append(((f_fake - u).abs() / run.where(run > 0, torch.inf)).max())
    K = max(steepest)
    return (f_real.sum() / len(real) - f_fake.sum() / len(fake)) / K if K else torch.tensor(0.0)


def _gap(f_real, f_fake):
    return f_real.mean() - f_fake.mean()


def _pairs(real, fake, f_real, f_fake):
    """Rise and run of all pairs that have a slope."""
    i, j = (real[:, None] != fake).any(dim=-1).nonzero(as_tuple=True)
    return f_real[i] - f_fake[j], real[i] - fake[j]


def _steepest(real, fake, f_real, f_fake):
    rise, run = _pairs(real, fake, f_real, f_fake)
    return (rise.abs() / run.norm(dim=1)).max().item()


def _over(gap, K):
    return gap / K if K != 0 else 0.0


def wrong_all_pairs(real, fake, f_real, f_fake):
    """The slopes within a cloud count as well: still a bound, and a needlessly small one."""
    x, values = torch.cat([real, fake]), torch.cat([f_real, f_fake])
    return _over(_gap(f_real, f_fake), _steepest(x, x, values, values))


def wrong_rows_against_rows(real, fake, f_real, f_fake):
    """Row i of the one cloud against row i of the other only: steeper pairs are missed, and it is no bound."""
    k = min(len(real), len(fake))
    run = (real[:k] - fake[:k]).norm(dim=1)
    slope = ((f_real[:k] - f_fake[:k]).abs() / run).where(run > 0, torch.tensor(0.0).double())
    return _over(_gap(f_real, f_fake), slope.max())


def wrong_equal_points(real, fake, f_real, f_fake):
    """Pairs of equal points are not skipped: 0 / 0 is NaN, and so is the maximum."""
    K = ((f_real[:, None] - f_fake).abs() / (real[:, None] - fake).norm(dim=-1)).max()
    return _over(_gap(f_real, f_fake), K)


def wrong_flat(real, fake, f_real, f_fake):
    """No guard for a function that is constant."""
    rise, run = _pairs(real, fake, f_real, f_fake)
    return _gap(f_real, f_fake) / (rise.abs() / run.norm(dim=1)).max()


def wrong_epsilon(real, fake, f_real, f_fake):
    """A small number in the denominator against division by zero: near points lose their slope."""
    run = (real[:, None] - fake).norm(dim=-1)
    return _over(_gap(f_real, f_fake), ((f_real[:, None] - f_fake).abs() / (run + 1e-2)).max())


def wrong_sign(real, fake, f_real, f_fake):
    """Fake minus real, as in the loss that the critic minimises."""
    return -right_by_loop(real, fake, f_real, f_fake)


def wrong_absolute_value(real, fake, f_real, f_fake):
    """The absolute value of the bound: true as well, and not what was asked for."""
    return abs(right_by_loop(real, fake, f_real, f_fake))


def wrong_signed_slopes(real, fake, f_real, f_fake):
    """Only slopes from a high real point down to a low fake one."""
    rise, run = _pairs(real, fake, f_real, f_fake)
    return _over(_gap(f_real, f_fake), (rise / run.norm(dim=1)).max())


def wrong_mean_slope(real, fake, f_real, f_fake):
    """The mean slope: most pairs are flatter than the steepest, and the quotient is no bound."""
    rise, run = _pairs(real, fake, f_real, f_fake)
    return _over(_gap(f_real, f_fake), (rise.abs() / run.norm(dim=1)).mean())


def wrong_squared_distance(real, fake, f_real, f_fake):
    """The square root is missing: sum of squares instead of the norm."""
    rise, run = _pairs(real, fake, f_real, f_fake)
    return _over(_gap(f_real, f_fake), (rise.abs() / run.square().sum(1)).max())


def wrong_manhattan(real, fake, f_real, f_fake):
    """Sums of absolute differences: another metric, and another W1."""
    rise, run = _pairs(real, fake, f_real, f_fake)
    return _over(_gap(f_real, f_fake), (rise / run.abs().sum(1)).abs().max())


def wrong_ratio_of_extremes(real, fake, f_real, f_fake):
    """The largest rise over the largest distance, which belong to different pairs."""
    rise, run = _pairs(real, fake, f_real, f_fake)
    return _over(_gap(f_real, f_fake), rise.abs().max() / run.norm(dim=1).max())


def wrong_sums(real, fake, f_real, f_fake):
    """Sums instead of means: the larger cloud weighs more."""
    return _over(f_real.sum() - f_fake.sum(), _steepest(real, fake, f_real, f_fake))


def wrong_not_divided(real, fake, f_real, f_fake):
    """The value as it is, as if the critic were 1-Lipschitz."""
    return _gap(f_real, f_fake)


def wrong_only_if_steep(real, fake, f_real, f_fake):
    """Divided only where the slope exceeds 1: a flat critic proves more than its value."""
    return _gap(f_real, f_fake) / max(1.0, _steepest(real, fake, f_real, f_fake))


def wrong_multiplied(real, fake, f_real, f_fake):
    """Multiplied by the slope."""
    return _gap(f_real, f_fake) * _steepest(real, fake, f_real, f_fake)
