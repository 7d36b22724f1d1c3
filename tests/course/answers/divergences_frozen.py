"""Answers to ex-divergences-frozen: right ones, and wrong ones, each with a bug that people make."""

import torch


def _by_autograd(logits, losses):
    theta = logits.detach().clone().requires_grad_()
    rows = [torch.autograd.grad(loss, theta, retain_graph=True)[0] for loss in losses(theta)]
    return torch.stack(rows)


def right_by_autograd(logits, p):
    """Automatic differentiation with a detached critic, as a training loop has it."""

    def losses(theta):
        q = theta.softmax(0)
        D = (p / (p + q)).detach()
        return (q * torch.log1p(-D)).sum(), -(q * D.log()).sum()

    return _by_autograd(logits, losses)


def right_by_jacobian(logits, p):
    """The softmax's Jacobian, diag(q) - q q', times each cost."""
    q = logits.softmax(0)
    jacobian = torch.diag(q) - torch.outer(q, q)
    return torch.stack([jacobian @ (q.log() - (p + q).log()), jacobian @ ((p + q).log() - p.log())])


def right_by_divergences(logits, p):
    """The theorem: the gradients of 2 JSD and of 2 KL(p_a || p), by automatic differentiation."""

    def losses(theta):
        q = theta.softmax(0)
        a = (p + q) / 2
        jsd = (p * (p / a).log() + q * (q / a).log()).sum()
        return jsd, 2 * (a * (a / p).log()).sum()

    return _by_autograd(logits, losses)


def _closed(logits, p, minimax, non_saturating):
    q = logits.softmax(0)
    costs = torch.stack([minimax(q), non_saturating(q)])
    return q * (costs - (q * costs).sum(1, keepdim=True))


def wrong_not_frozen(logits, p):
    """D* follows the generator: the gradient of another function of it (correction E-34)."""

    def losses(theta):
        q = theta.softmax(0)
        D = p / (p + q)
        return (q * torch.log1p(-D)).sum(), -(q * D.log()).sum()

    return _by_autograd(logits, losses)


def wrong_same_twice(logits, p):
    """The minimax row computed with real labels: the non-saturating loss twice (mimicry's minimax_loss_gen)."""
    row = right_by_jacobian(logits, p)[1]
    return torch.stack([row, row])


def wrong_order(logits, p):
    """The two rows in the other order."""
    return right_by_jacobian(logits, p).flip(0)


def wrong_ascent(logits, p):
    """The direction of the step instead of the gradient."""
    return -right_by_jacobian(logits, p)


def wrong_no_baseline(logits, p):
    """q c without the mean of c: the softmax's normalisation is forgotten."""
    q = logits.softmax(0)
    return q * torch.stack([(q / (p + q)).log(), -(p / (p + q)).log()])


def wrong_in_probabilities(logits, p):
    """The gradient in q instead of in the logits."""
    q = logits.softmax(0)
    return torch.stack([(q / (p + q)).log(), -(p / (p + q)).log()])


def wrong_bits(logits, p):
    """Logarithms to base 2."""
    return _closed(logits, p, lambda q: (q / (p + q)).log2(), lambda q: -(p / (p + q)).log2())


def wrong_swapped_critic(logits, p):
    """D = q / (p + q): the labels of real and generated are swapped."""
    return _closed(logits, p, lambda q: (p / (p + q)).log(), lambda q: -(q / (p + q)).log())


def wrong_raw_probability(logits, p):
    """The bare D of Algorithm 13.1 as printed, without its logarithm (correction E-32)."""
    return _closed(logits, p, lambda q: (q / (p + q)).log(), lambda q: -p / (p + q))


def wrong_mean(logits, p):
    """A mean over the outcomes where an expectation is meant."""
    return right_by_jacobian(logits, p) / len(p)


def wrong_double_squash(logits, p):
    """A probability goes through the sigmoid again (ganhacks, issue 36)."""
    return _closed(
        logits,
        p,
        lambda q: torch.log(1 - torch.sigmoid(p / (p + q))),
        lambda q: -torch.log(torch.sigmoid(p / (p + q))),
    )


def wrong_clamped(logits, p):
    """The logarithm of a clamped probability, against log 0: wrong wherever the critic is sure."""
    return _closed(
        logits,
        p,
        lambda q: (q / (p + q)).clamp(0.2, 0.8).log(),
        lambda q: -(p / (p + q)).clamp(0.2, 0.8).log(),
    )


def wrong_jsd_not_doubled(logits, p):
    """The gradient of JSD for the minimax loss; the theorem has twice that."""
    rows = right_by_jacobian(logits, p)
    return torch.stack([rows[0] / 2, rows[1]])


def wrong_reverse_kl(logits, p):
    """KL(q || p) for the non-saturating loss: what the lecture says a GAN minimises (correction E-41)."""
    return _closed(logits, p, lambda q: (q / (p + q)).log(), lambda q: (q / p).log())
