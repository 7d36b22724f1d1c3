"""Answers to ex-wgan-step: right ones, written differently, and wrong ones, each with a bug that people make."""

import torch


def _ascended(w, real, fake, lr):
    return w + lr * (real.mean(dim=0) - fake.mean(dim=0))


def right_by_autograd(w, real, fake, lr, bound):
    """The gap of the means, differentiated by torch."""
    free = w.clone().requires_grad_()
    (slope,) = torch.autograd.grad((real @ free).mean() - (fake @ free).mean(), free)
    return torch.clamp(w + lr * slope, min=-bound, max=bound)


def right_by_optimizer(w, real, fake, lr, bound):
    """Descent on minus the gap with torch's SGD, then a clamp of the parameter's data, as in a training loop."""
    weight = torch.nn.Parameter(w.clone())
    optimizer = torch.optim.SGD([weight], lr=lr)
    ((fake @ weight).mean() - (real @ weight).mean()).backward()
    optimizer.step()
    weight.data.clamp_(-bound, bound)
    return weight.detach()


def right_by_loop(w, real, fake, lr, bound):
    """One weight after the other."""
    new = []
    for j in range(len(w)):
        moved = w[j] + lr * (sum(x[j] for x in real) / len(real) - sum(x[j] for x in fake) / len(fake))
        new.append(max(-bound, min(bound, moved)))
    return torch.stack([torch.as_tensor(x, dtype=w.dtype) for x in new])


def wrong_sign(w, real, fake, lr, bound):
    """Descent where ascent was asked: the published code's sign beside the textbook's (WassersteinGAN issue 17)."""
    return right_by_autograd(w, fake, real, lr, bound)


def wrong_clip_first(w, real, fake, lr, bound):
    """Clip, then step: the weights that are used lie outside (WassersteinGAN issue 50)."""
    return _ascended(w.clamp(-bound, bound), real, fake, lr)


def wrong_no_clip(w, real, fake, lr, bound):
    """No clipping at all, as in a much-read collection whose "WGAN" has none."""
    return _ascended(w, real, fake, lr)


def wrong_gradient_clipped(w, real, fake, lr, bound):
    """The gradient is clipped instead of the weights."""
    return w + lr * (real.mean(dim=0) - fake.mean(dim=0)).clamp(-bound, bound)


def wrong_above_only(w, real, fake, lr, bound):
    """Clipped above and not below."""
    return _ascended(w, real, fake, lr).clamp(max=bound)


def wrong_norm(w, real, fake, lr, bound):
    """The norm is bounded instead of every weight: a ball in the place of the box."""
    new = _ascended(w, real, fake, lr)
    return new * min(1.0, bound / max(new.norm().item(), 1e-12))


def wrong_sum(w, real, fake, lr, bound):
    """Sums over the batches instead of means."""
    return (w + lr * (real.sum(dim=0) - fake.sum(dim=0))).clamp(-bound, bound)


def wrong_real_only(w, real, fake, lr, bound):
    """The generated batch forgotten."""
    return (w + lr * real.mean(dim=0)).clamp(-bound, bound)


def wrong_hinge(w, real, fake, lr, bound):
    """The hinge loss under the name of WGAN (labml's annotated papers)."""
    pull = ((real @ w < 1).to(w)[:, None] * real).mean(dim=0)
    push = ((fake @ w > -1).to(w)[:, None] * fake).mean(dim=0)
    return (w + lr * (pull - push)).clamp(-bound, bound)


def wrong_no_step_size(w, real, fake, lr, bound):
    """The step size is never used."""
    return _ascended(w, real, fake, 1.0).clamp(-bound, bound)
