"""Answers to ex-neural-clip: right ones, written differently, and wrong ones, each with a bug that people make."""

import math

import torch


def right_by_branch(gradients, limit):
    """With a condition in place of the minimum."""
    total = gradients.norm()
    return gradients * (limit / total) if total > limit else gradients.clone()


def right_by_library(gradients, limit):
    """torch's own function, on parameters made for it."""
    parameter = torch.nn.Parameter(torch.zeros_like(gradients))
    parameter.grad = gradients.clone()
    torch.nn.utils.clip_grad_norm_(parameter, limit)
    return parameter.grad


def right_by_loop(gradients, limit):
    """Plain Python."""
    rows = gradients.tolist()
    total = math.sqrt(sum(x * x for row in rows for x in row))
    factor = limit / total if total > limit else 1.0
    return [[factor * x for x in row] for row in rows]


def wrong_by_value(gradients, limit):
    """Every number is clipped for itself: the direction changes."""
    return gradients.clamp(-limit, limit)


def wrong_per_row(gradients, limit):
    """Every parameter has its own norm, as when the function is called parameter by parameter."""
    norms = gradients.norm(dim=1, keepdim=True)
    return gradients * torch.clamp(limit / norms.clamp_min(1e-300), max=1.0)


def wrong_always_scaled(gradients, limit):
    """Short gradients are made longer."""
    total = gradients.norm()
    return gradients * (limit / total) if total > 0 else gradients.clone()


def wrong_not_the_root(gradients, limit):
    """The squared norm: the root is missing."""
    return gradients * min(1.0, limit / max(gradients.square().sum().item(), 1e-300))


def wrong_largest_number(gradients, limit):
    """The maximum norm."""
    return gradients * min(1.0, limit / max(gradients.abs().max().item(), 1e-300))


def wrong_sum_of_norms(gradients, limit):
    """The rows' norms are added; their squares should be."""
    return gradients * min(1.0, limit / max(gradients.norm(dim=1).sum().item(), 1e-300))


def wrong_sign(gradients, limit):
    """E-17: the formula as printed, which turns the step around."""
    return -gradients.clamp(min=-limit)


def wrong_one_side(gradients, limit):
    """E-17: the minimum alone leaves large negative numbers."""
    return gradients.clamp(max=limit)


def wrong_mean(gradients, limit):
    """The root mean square: a norm divided by the number of numbers."""
    return gradients * min(1.0, limit / max(gradients.square().mean().sqrt().item(), 1e-300))


def wrong_zeroed(gradients, limit):
    """A step that is too long is left out."""
    return gradients.clone() if gradients.norm() <= limit else torch.zeros_like(gradients)


def wrong_not_divided(gradients, limit):
    """The factor is the limit itself."""
    return gradients * limit if gradients.norm() > limit else gradients.clone()
