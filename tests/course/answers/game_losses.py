"""Answers to ex-game-losses: right ones, written differently, and wrong ones, each with a bug that people make."""

import math

import torch
from torch.nn.functional import binary_cross_entropy, binary_cross_entropy_with_logits, logsigmoid, softplus


def right_by_softplus(scores):
    """With log D = -softplus(-a) and log(1 - D) = -softplus(a)."""
    return torch.stack([-softplus(scores).mean(), softplus(-scores).mean()])


def right_by_cross_entropy(scores):
    """Two binary cross-entropies with logits; the minimax loss is the critic's own, with the sign turned."""
    fake = binary_cross_entropy_with_logits(scores, torch.zeros_like(scores))
    real = binary_cross_entropy_with_logits(scores, torch.ones_like(scores))
    return [-fake, real]


def right_by_logaddexp(scores):
    """log(1 + exp a) as a log-sum of two exponentials."""
    nothing = torch.zeros_like(scores)
    return torch.stack([-torch.logaddexp(nothing, scores), torch.logaddexp(nothing, -scores)]).mean(dim=1)


def right_by_loop(scores):
    """Plain Python with the larger exponent taken out; returns a tuple of floats."""

    def soft(a):
        return max(a, 0.0) + math.log1p(math.exp(-abs(a)))

    values = scores.tolist()
    return (-sum(map(soft, values)) / len(values), sum(soft(-a) for a in values) / len(values))


def wrong_naive(scores):
    """Sigmoid first, logarithm afterwards: infinite as soon as D is rounded to 0 or 1."""
    d = torch.sigmoid(scores)
    return torch.stack([torch.log(1 - d).mean(), -torch.log(d).mean()])


def wrong_order(scores):
    """Non-saturating loss first."""
    return torch.stack([-logsigmoid(scores).mean(), logsigmoid(-scores).mean()])


def wrong_double_sigmoid(scores):
    """A sigmoid before a loss that already contains one (ganhacks issue 36)."""
    d = torch.sigmoid(scores)
    return torch.stack([-softplus(d).mean(), softplus(-d).mean()])


def wrong_clamped(scores):
    """BCELoss on probabilities: torch clamps its logarithms at -100, so that a loss of 1000 reads 100."""
    d = torch.sigmoid(scores)
    zeros, ones = torch.zeros_like(d), torch.ones_like(d)
    return torch.stack([-binary_cross_entropy(d, zeros), binary_cross_entropy(d, ones)])


def wrong_epsilon(scores):
    """log(D + 1e-8), a frequent cure for log 0: no loss can exceed 18.4 any more."""
    d = torch.sigmoid(scores)
    return torch.stack([torch.log(1 - d + 1e-8).mean(), -torch.log(d + 1e-8).mean()])


def wrong_raw_probability(scores):
    """Algorithm 13.1 as printed: -D instead of -log D."""
    return torch.stack([logsigmoid(-scores).mean(), -torch.sigmoid(scores).mean()])


def wrong_label(scores):
    """The non-saturating loss with the label of generated samples: target 0 where 1 is meant."""
    return torch.stack([-softplus(scores).mean(), softplus(scores).mean()])


def wrong_sign(scores):
    """The minimax loss as the critic writes it: the generator would then help the critic."""
    return torch.stack([softplus(scores).mean(), softplus(-scores).mean()])


def wrong_half(scores):
    """The factor 1/2 that belongs to a critic's average over a real and a generated batch."""
    return right_by_softplus(scores) / 2


def wrong_sum(scores):
    """A sum over the batch instead of the mean."""
    return torch.stack([-softplus(scores).sum(), softplus(-scores).sum()])


def wrong_log_of_mean(scores):
    """The logarithm of the mean instead of the mean of the logarithms."""
    mean = scores.mean()
    return torch.stack([-softplus(mean), softplus(-mean)])


def wrong_base_two(scores):
    """In bits."""
    return right_by_softplus(scores) / math.log(2)


def wrong_clipped_scores(scores):
    """Scores clipped to 30 against an overflow that softplus does not have."""
    return right_by_softplus(scores.clamp(-30, 30))


def wrong_shape(scores):
    """One loss per sample: the mean is missing."""
    return torch.stack([-softplus(scores), softplus(-scores)])
