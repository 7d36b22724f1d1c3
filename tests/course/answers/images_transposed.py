"""Answers to ex-images-transposed: right ones, written differently, and wrong ones with bugs that people make."""

import torch


def _cut(canvas, padding):
    return canvas[padding : len(canvas) - padding]


def right_by_matrix(y, kernel, stride, padding):
    """The matrix of the convolution, transposed."""
    n, k = len(y), len(kernel)
    matrix = torch.zeros(n, (n - 1) * stride + k, dtype=y.dtype)
    for i in range(n):
        matrix[i, i * stride : i * stride + k] = kernel
    return _cut(matrix.T @ y, padding)


def right_by_insertion(y, kernel, stride, padding):
    """Fractionally strided: zeros between the inputs, then a plain convolution with the turned kernel."""
    n, k = len(y), len(kernel)
    spaced = torch.zeros((n - 1) * stride + 1 + 2 * (k - 1), dtype=y.dtype)
    spaced[k - 1 : k - 1 + (n - 1) * stride + 1 : stride] = y
    full = torch.stack([(spaced[i : i + k] * kernel.flip(0)).sum() for i in range((n - 1) * stride + k)])
    return _cut(full, padding)


def right_by_entries(y, kernel, stride, padding):
    """Plain Python, one product after the other; returns a list."""
    canvas = [0.0] * ((len(y) - 1) * stride + len(kernel))
    for i, value in enumerate(y.tolist()):
        for j, weight in enumerate(kernel.tolist()):
            canvas[i * stride + j] += value * weight
    return torch.tensor(canvas[padding : len(canvas) - padding], dtype=torch.float64)


def right_by_library(y, kernel, stride, padding):
    """What the exercise forbids, and must agree with."""
    return torch.nn.functional.conv_transpose1d(y[None], kernel[None, None], stride=stride, padding=padding)[0]


def wrong_overwrites(y, kernel, stride, padding):
    """Later paintings replace earlier ones where they overlap, instead of adding up."""
    canvas = torch.zeros((len(y) - 1) * stride + len(kernel), dtype=y.dtype)
    for i, value in enumerate(y):
        canvas[i * stride : i * stride + len(kernel)] = value * kernel
    return _cut(canvas, padding)


def wrong_kernel_turned(y, kernel, stride, padding):
    """The kernel is turned round, as in the mathematicians' convolution."""
    return right_by_matrix(y, kernel.flip(0), stride, padding)


def wrong_inserted_without_turning(y, kernel, stride, padding):
    """Zeros between the inputs, then the kernel as it is: the insertion needs it turned."""
    return right_by_insertion(y, kernel.flip(0), stride, padding)


def wrong_stride_one(y, kernel, stride, padding):
    """Every painting begins one further, whatever the stride; zeros fill the rest."""
    canvas = torch.zeros((len(y) - 1) * stride + len(kernel), dtype=y.dtype)
    for i, value in enumerate(y):
        canvas[i : i + len(kernel)] += value * kernel
    return _cut(canvas, padding)


def wrong_padding_added(y, kernel, stride, padding):
    """Zeros are added at both ends, as a convolution's padding does, where the transpose cuts."""
    full = right_by_matrix(y, kernel, stride, 0)
    margin = torch.zeros(padding, dtype=y.dtype)
    grown = torch.cat([margin, full, margin])
    return grown[: len(full) - 2 * padding]


def wrong_cut_on_one_side(y, kernel, stride, padding):
    """All of the margin is cut at the near side: the whole image moves (Keras and PyTorch differ by such a shift)."""
    return right_by_matrix(y, kernel, stride, 0)[2 * padding :]


def wrong_mean_of_overlaps(y, kernel, stride, padding):
    """Overlaps are averaged: it looks smoother, and is no transpose."""
    full = right_by_matrix(y, kernel, stride, 0)
    counts = right_by_matrix(torch.ones_like(y), torch.ones_like(kernel), stride, 0)
    return _cut(full / counts.clamp(min=1), padding)


def wrong_upsampled(y, kernel, stride, padding):
    """Each input is repeated and then smoothed: nearest-neighbour enlarging, another layer."""
    n, k = len(y), len(kernel)
    spaced = torch.zeros((n - 1) * stride + 1 + 2 * (k - 1), dtype=y.dtype)
    spaced[k - 1 : k - 1 + (n - 1) * stride + 1] = y.repeat_interleave(stride)[: (n - 1) * stride + 1]
    full = torch.stack([(spaced[i : i + k] * kernel.flip(0)).sum() for i in range((n - 1) * stride + k)])
    return _cut(full, padding)


def wrong_one_too_many(y, kernel, stride, padding):
    """The size n * stride + k - 2p: the last gap is counted too."""
    return torch.cat([right_by_matrix(y, kernel, stride, padding), torch.zeros(stride, dtype=y.dtype)])


def wrong_dilated(y, kernel, stride, padding):
    """The gaps come between the weights of the kernel and not between the inputs."""
    n, k = len(y), len(kernel)
    canvas = torch.zeros(n + (k - 1) * stride, dtype=y.dtype)
    for i, value in enumerate(y):
        canvas[i : i + (k - 1) * stride + 1 : stride] += value * kernel
    wanted = (n - 1) * stride + k
    return _cut(torch.cat([canvas, torch.zeros(wanted, dtype=y.dtype)])[:wanted], padding)


def wrong_last_input_lost(y, kernel, stride, padding):
    """The loop ends one input early."""
    canvas = torch.zeros((len(y) - 1) * stride + len(kernel), dtype=y.dtype)
    for i, value in enumerate(y[:-1]):
        canvas[i * stride : i * stride + len(kernel)] += value * kernel
    return _cut(canvas, padding)
