"""Answers to ex-duel-blur: right ones, written differently, and wrong ones, each with a bug that people make."""

import math

import torch


def right_by_scatter(rows):
    """The one-hot sentence by `scatter`, the norm over both dimensions at once."""
    said = torch.zeros_like(rows).scatter(2, rows.argmax(dim=2, keepdim=True), 1.0)
    return torch.linalg.matrix_norm(rows - said).mean()


def right_by_formula(rows):
    """||r - e_i||^2 = ||r||^2 - 2 r_i + 1 for each row."""
    squared = rows.square().sum(dim=2) - 2 * rows.amax(dim=2) + 1
    return squared.sum(dim=1).sqrt().mean()


def right_by_loop(rows):
    """Plain Python; returns a float."""
    total = 0.0
    for sentence in rows.tolist():
        squared = 0.0
        for row in sentence:
            said = row.index(max(row))
            squared += sum((value - (i == said)) ** 2 for i, value in enumerate(row))
        total += math.sqrt(squared)
    return total / len(rows)


def _said(rows, dim=2):
    return torch.zeros_like(rows).scatter(dim, rows.argmax(dim=dim, keepdim=True), 1.0)


def wrong_norm_per_row(rows):
    """The norm over dimension 2 alone: a mean over words, not over sentences (PyTorch-GAN issue 20 has the like)."""
    return (rows - _said(rows)).norm(dim=2).mean()


def wrong_sum_of_rows(rows):
    """Norms of rows, added: an upper bound of the norm."""
    return (rows - _said(rows)).norm(dim=2).sum(dim=1).mean()


def wrong_norm_of_batch(rows):
    """One norm over the whole batch (torchgan's gradient penalty does that)."""
    return (rows - _said(rows)).norm()


def wrong_norm_of_batch_averaged(rows):
    """One norm over the whole batch, divided by its size."""
    return (rows - _said(rows)).norm() / len(rows)


def wrong_squared(rows):
    """No root."""
    return (rows - _said(rows)).flatten(1).square().sum(dim=1).mean()


def wrong_absolute(rows):
    """The sum of absolute differences."""
    return (rows - _said(rows)).flatten(1).abs().sum(dim=1).mean()


def wrong_argmax_over_places(rows):
    """The argmax runs over the places: the most probable place of each word."""
    return (rows - _said(rows, dim=1)).flatten(1).norm(dim=1).mean()


def wrong_second_softmax(rows):
    """Probabilities go through a softmax again (ganhacks issue 36 has the sigmoid's case)."""
    return (rows.softmax(dim=2) - _said(rows)).flatten(1).norm(dim=1).mean()


def wrong_root_mean_square(rows):
    """Divided by the root of the number of coordinates."""
    return (rows - _said(rows)).flatten(1).norm(dim=1).mean() / math.sqrt(rows[0].numel())


def wrong_lack_of_certainty(rows):
    """1 - max, the missing mass, where a distance is asked for."""
    return (1 - rows.amax(dim=2)).square().sum(dim=1).sqrt().mean()


def wrong_mean_sentence(rows):
    """The mean sentence first, its distance afterwards."""
    mean = rows.mean(dim=0, keepdim=True)
    return (mean - _said(mean)).norm()
