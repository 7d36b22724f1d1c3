"""Answers to ex-robustness-block: right ones, written differently, and wrong ones, each with a bug that people make."""

import torch
from torch.nn.functional import leaky_relu, linear, relu


def right_by_products(x, first, second, third, scale):
    """Matrix products."""
    return x + scale * (((x.relu() @ first.T).relu() @ second.T).relu() @ third.T)


def right_by_linear(x, first, second, third, scale):
    """torch's own linear function, layer by layer."""
    change = x
    for weight in (first, second, third):
        change = linear(relu(change), weight)
    return x + scale * change


def right_by_modules(x, first, second, third, scale):
    """As a stack of modules whose weights are put in."""
    stack = torch.nn.Sequential()
    for weight in (first, second, third):
        layer = torch.nn.Linear(weight.shape[1], weight.shape[0], bias=False, dtype=weight.dtype)
        layer.weight.data = weight
        stack += torch.nn.Sequential(torch.nn.ReLU(), layer)
    return x + scale * stack(x).detach()


def _change(x, first, second, third):
    return right_by_products(x, first, second, third, 1.0) - x


def wrong_no_shortcut(x, first, second, third, scale):
    """A plain stack of layers: nothing is added to the input."""
    return scale * _change(x, first, second, third)


def wrong_no_scale(x, first, second, third, scale):
    """The scale is never used."""
    return x + _change(x, first, second, third)


def wrong_scaled_sum(x, first, second, third, scale):
    """The sum is scaled, so that the input shrinks from block to block."""
    return scale * (x + _change(x, first, second, third))


def wrong_scaled_shortcut(x, first, second, third, scale):
    """The scale is on the shortcut instead of the change."""
    return scale * x + _change(x, first, second, third)


def wrong_mixture(x, first, second, third, scale):
    """A weighted average instead of a sum."""
    return (1 - scale) * x + scale * _change(x, first, second, third)


def wrong_inplace_shortcut(x, first, second, third, scale):
    """nn.ReLU(inplace=True) at the head of the branch: the shortcut, too, then carries the rectified input."""
    x = relu(x)
    return x + scale * _change(x, first, second, third)


def wrong_relu_after(x, first, second, third, scale):
    """ReLU after the sum, as in the first residual networks: the block cannot be the identity for negative numbers."""
    return relu(x + scale * _change(x, first, second, third))


def wrong_post_activation(x, first, second, third, scale):
    """ReLU after each layer instead of before: the input is not rectified, and the change is never negative."""
    change = relu(relu(relu(x @ first.T) @ second.T) @ third.T)
    return x + scale * change


def wrong_no_first_relu(x, first, second, third, scale):
    """The first layer sees the input without ReLU."""
    return x + scale * (relu(relu(x @ first.T) @ second.T) @ third.T)


def wrong_leaky(x, first, second, third, scale):
    """The critic's usual leaky ReLU, slope 0.2."""
    change = x
    for weight in (first, second, third):
        change = linear(leaky_relu(change, 0.2), weight)
    return x + scale * change


def wrong_two_layers(x, first, second, third, scale):
    """The middle layer is left out; at a bottleneck the shapes fit all the same."""
    return x + scale * (relu(relu(x) @ first.T) @ third.T)


def wrong_in_place(x, first, second, third, scale):
    """The right numbers, added into the caller's tensor."""
    x += scale * _change(x, first, second, third)
    return x
