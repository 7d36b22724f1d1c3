"""Answers to ex-game-step: right ones, written differently, and wrong ones, each with a bug that people make."""

import torch
from torch.nn.functional import binary_cross_entropy_with_logits, softplus


def _descend(loss, w, lr):
    """One step of gradient descent on loss(w), by automatic differentiation."""
    free = w.clone().requires_grad_()
    (slope,) = torch.autograd.grad(loss(free), free)
    return w - lr * slope


def right_by_autograd(w, real, fake, lr):
    """The loss in scores, differentiated by torch."""
    return _descend(lambda v: softplus(-real @ v).mean() + softplus(fake @ v).mean(), w, lr)


def right_by_optimizer(w, real, fake, lr):
    """An nn.Parameter, two cross-entropies and torch's SGD, as a training loop has them."""
    weight = torch.nn.Parameter(w.clone())
    optimizer = torch.optim.SGD([weight], lr=lr)
    a, b = real @ weight, fake @ weight
    loss = binary_cross_entropy_with_logits(a, torch.ones_like(a))
    (loss + binary_cross_entropy_with_logits(b, torch.zeros_like(b))).backward()
    optimizer.step()
    return weight.detach()


def right_by_loop(w, real, fake, lr):
    """One sample after the other; D(x) - 1 pulls a real sample's score up, D(x) pushes a generated one's down."""
    new = w.clone()
    for x in real:
        new -= lr * (torch.sigmoid(x @ w) - 1) * x / len(real)
    for x in fake:
        new -= lr * torch.sigmoid(x @ w) * x / len(fake)
    return new


def wrong_ascent(w, real, fake, lr):
    """Ascent on the loss: the step of the sign that Algorithm 13.1 needs for V, applied to -V."""
    return 2 * w - right_by_autograd(w, real, fake, lr)


def wrong_labels(w, real, fake, lr):
    """Real and generated swapped (a frequent answer to advice on flipped labels, ganhacks issue 36)."""
    return right_by_autograd(w, fake, real, lr)


def wrong_half(w, real, fake, lr):
    """The factor 1/2 of a lecture's PyTorch example: (loss_real + loss_fake) / 2."""
    return right_by_autograd(w, real, fake, lr / 2)


def wrong_pooled(w, real, fake, lr):
    """One mean over both batches together: half the step, and the larger batch weighs more."""
    x, y = torch.cat([real, fake]), torch.cat([torch.ones(len(real)), torch.zeros(len(fake))]).double()
    return _descend(lambda v: binary_cross_entropy_with_logits(x @ v, y), w, lr)


def wrong_sum(w, real, fake, lr):
    """Sums over the batches instead of means."""
    return _descend(lambda v: softplus(-real @ v).sum() + softplus(fake @ v).sum(), w, lr)


def wrong_double_sigmoid(w, real, fake, lr):
    """A sigmoid before a loss that already contains one (ganhacks issue 36)."""
    return _descend(
        lambda v: softplus(-torch.sigmoid(real @ v)).mean() + softplus(torch.sigmoid(fake @ v)).mean(), w, lr
    )


def wrong_raw_probability(w, real, fake, lr):
    """D instead of log D, the slip of Algorithm 13.1: -mean D(real) + mean D(fake)."""
    return _descend(lambda v: -torch.sigmoid(real @ v).mean() + torch.sigmoid(fake @ v).mean(), w, lr)


def wrong_real_only(w, real, fake, lr):
    """The generated batch forgotten: the critic learns to say yes."""
    return _descend(lambda v: softplus(-real @ v).mean(), w, lr)


def wrong_generator_loss(w, real, fake, lr):
    """The generator's -mean log D(fake) in the critic's loss: the target of the generated batch is 1."""
    return _descend(lambda v: softplus(-real @ v).mean() + softplus(-fake @ v).mean(), w, lr)


def wrong_broadcast(w, real, fake, lr):
    """Targets of shape (n, 1) against scores of shape (n,): every score meets every target, without an error."""
    x, y = torch.cat([real, fake]), torch.cat([torch.ones(len(real)), torch.zeros(len(fake))])[:, None].double()
    return _descend(lambda v: 2 * (softplus(x @ v) - y * (x @ v)).mean(), w, lr)


def wrong_accumulated(w, real, fake, lr):
    """Two backward passes, each on the loss so far, without zero_grad: the real batch counts twice."""
    free = w.clone().requires_grad_()
    on_real = softplus(-real @ free).mean()
    on_real.backward(retain_graph=True)
    (on_real + softplus(fake @ free).mean()).backward()
    return w - lr * free.grad


def wrong_two_steps(w, real, fake, lr):
    """A step on the real batch, then one on the generated batch at the weights already moved."""
    half = _descend(lambda v: softplus(-real @ v).mean(), w, lr)
    return _descend(lambda v: softplus(fake @ v).mean(), half, lr)


def wrong_no_step_size(w, real, fake, lr):
    """The step size is never used."""
    return right_by_autograd(w, real, fake, 1.0)


def wrong_gradient(w, real, fake, lr):
    """The gradient instead of the new weights."""
    return w - right_by_autograd(w, real, fake, 1.0)


def wrong_epsilon(w, real, fake, lr):
    """log(D + 1e-8): where the critic is sure and wrong the gradient vanishes instead of being largest."""

    def loss(v):
        return -torch.log(torch.sigmoid(real @ v) + 1e-8).mean() - torch.log(1 - torch.sigmoid(fake @ v) + 1e-8).mean()

    return _descend(loss, w, lr)


def wrong_in_place(w, real, fake, lr):
    """The right numbers, written over the caller's weights."""
    w -= w - right_by_autograd(w, real, fake, lr)
    return w
