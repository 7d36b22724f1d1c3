"""Answers to ex-robustness-block: right ones, written differently, and wrong ones, each with a bug that people make."""

from itertools import pairwise

import torch
from torch.nn.functional import leaky_relu, linear, relu


def _change(x, first, second, third):
    return relu(relu(relu(x) @ first.T) @ second.T) @ third.T


def _through(x, weights, block):
    """The input of the first block and the outputs of all."""
    signals = [x]
    for i in range(0, len(weights), 3):
        signals.append(block(signals[-1], *weights[i : i + 3]))
    return signals


def _ratios(signals, size=lambda x: x.square().mean()):
    return torch.stack([size(after) / size(before) for before, after in pairwise(signals)])


def _growth(x, weights, block):
    return _ratios(_through(x, weights, block))


def right_by_products(x, scale, *weights):
    """Matrix products; the mean squares of all signals first, then their quotients."""
    signals = _through(x, weights, lambda x, *block: x + scale * _change(x, *block))
    sizes = torch.stack([signal.square().mean() for signal in signals])
    return sizes[1:] / sizes[:-1]


def right_by_norms(x, scale, *weights):
    """torch's own linear function; the quotient of the norms, squared, in a list of floats."""
    ratios = []
    for block in zip(weights[::3], weights[1::3], weights[2::3], strict=True):
        change = x
        for weight in block:
            change = linear(relu(change), weight)
        y = torch.add(x, change, alpha=scale)
        ratios.append(((y.norm() / x.norm()) ** 2).item())
        x = y
    return ratios


def right_by_modules(x, scale, *weights):
    """Each block as a stack of modules whose weights are put in."""

    def block(x, *matrices):
        stack = torch.nn.Sequential()
        for weight in matrices:
            layer = torch.nn.Linear(weight.shape[1], weight.shape[0], bias=False, dtype=weight.dtype)
            layer.weight.data = weight
            stack += torch.nn.Sequential(torch.nn.ReLU(), layer)
        return x + scale * stack(x).detach()

    return _ratios(_through(x, weights, block), lambda x: (x * x).sum())


def _right_signals(x, scale, weights):
    return _through(x, weights, lambda x, *block: x + scale * _change(x, *block))


def wrong_no_shortcut(x, scale, *weights):
    """A plain stack of layers: nothing is added to the input."""
    return _growth(x, weights, lambda x, *block: scale * _change(x, *block))


def wrong_no_scale(x, scale, *weights):
    """The scale is never used."""
    return _growth(x, weights, lambda x, *block: x + _change(x, *block))


def wrong_scaled_sum(x, scale, *weights):
    """The sum is scaled, so that the input shrinks from block to block."""
    return _growth(x, weights, lambda x, *block: scale * (x + _change(x, *block)))


def wrong_scaled_shortcut(x, scale, *weights):
    """The scale is on the shortcut instead of the change."""
    return _growth(x, weights, lambda x, *block: scale * x + _change(x, *block))


def wrong_mixture(x, scale, *weights):
    """A weighted average instead of a sum."""
    return _growth(x, weights, lambda x, *block: (1 - scale) * x + scale * _change(x, *block))


def wrong_inplace_shortcut(x, scale, *weights):
    """nn.ReLU(inplace=True) at the head of the branch: the shortcut, too, then carries the rectified input."""
    return _growth(x, weights, lambda x, *block: relu(x) + scale * _change(x, *block))


def wrong_relu_after(x, scale, *weights):
    """ReLU after the sum, as in the first residual networks: the block cannot be the identity for negative numbers."""
    return _growth(x, weights, lambda x, *block: relu(x + scale * _change(x, *block)))


def wrong_post_activation(x, scale, *weights):
    """ReLU after each layer instead of before: the input is not rectified, and the change is never negative."""

    def block(x, first, second, third):
        return x + scale * relu(relu(relu(x @ first.T) @ second.T) @ third.T)

    return _growth(x, weights, block)


def wrong_no_first_relu(x, scale, *weights):
    """The first layer sees the input without ReLU."""

    def block(x, first, second, third):
        return x + scale * (relu(relu(x @ first.T) @ second.T) @ third.T)

    return _growth(x, weights, block)


def wrong_leaky(x, scale, *weights):
    """The critic's usual leaky ReLU, slope 0.2."""

    def block(x, *matrices):
        change = x
        for weight in matrices:
            change = linear(leaky_relu(change, 0.2), weight)
        return x + scale * change

    return _growth(x, weights, block)


def wrong_two_layers(x, scale, *weights):
    """The middle layer is left out; at a bottleneck the shapes fit all the same."""
    return _growth(x, weights, lambda x, first, _, third: x + scale * (relu(relu(x) @ first.T) @ third.T))


def wrong_from_the_start(x, scale, *weights):
    """Every block's output is compared with the input of the first block."""
    signals = _right_signals(x, scale, weights)
    return torch.stack([after.square().mean() / x.square().mean() for after in signals[1:]])


def wrong_side_by_side(x, scale, *weights):
    """x is never replaced: every block gets the batch itself."""
    blocks = [weights[i : i + 3] for i in range(0, len(weights), 3)]
    return torch.stack([_growth(x, block, lambda x, *b: x + scale * _change(x, *b))[0] for block in blocks])


def wrong_root(x, scale, *weights):
    """Quotients of root mean squares."""
    return _ratios(_right_signals(x, scale, weights), lambda x: x.norm())


def wrong_upside_down(x, scale, *weights):
    """Input over output."""
    return 1 / _ratios(_right_signals(x, scale, weights))


def wrong_variance(x, scale, *weights):
    """The variance over all entries, which leaves the mean out."""
    return _ratios(_right_signals(x, scale, weights), lambda x: x.var())


def wrong_mean_of_rows(x, scale, *weights):
    """A quotient for each row first, and then their mean."""
    return _ratios(_right_signals(x, scale, weights), lambda x: x.square().mean(dim=1)).mean(dim=1)


def wrong_change_alone(x, scale, *weights):
    """1 plus the mean square of the change over that of the input: as if the two were uncorrelated."""
    signals = _right_signals(x, scale, weights)
    pairs = pairwise(signals)
    return torch.stack([1 + (y - x).square().mean() / x.square().mean() for x, y in pairs])


def wrong_by_the_estimate(x, scale, *weights):
    """1 + s^2 for every block, whatever its weights are."""
    return torch.full((len(weights) // 3,), 1 + scale**2)


def wrong_in_place(x, scale, *weights):
    """The right numbers, with the changes added into the caller's tensor."""
    ratios = []
    for i in range(0, len(weights), 3):
        before = x.square().mean()
        x += scale * _change(x, *weights[i : i + 3])
        ratios.append(x.square().mean() / before)
    return torch.stack(ratios)
