"""Slant, width and ink: exact on blobs of ink whose moments are known, and on digits that were sheared."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.testing import assert_close

from genmodels.data import digits
from genmodels.metrics import Strokes, strokes
from mutants import mutants, refusal, rejects

Measure = Callable[[Tensor], Strokes]


def blob(*, slant: float, width: float, height: float, at: tuple[float, float] = (0, 0), ink: float = 1.0) -> Tensor:
    """A Gaussian blob on 33 x 41 pixels: u = slant * v + noise of std `width`, v of std `height` (upwards)."""
    v, u = torch.meshgrid(16 - torch.arange(33.0) - at[1], torch.arange(41.0) - 20 - at[0], indexing="ij")
    density = torch.exp(-0.5 * ((u - slant * v) / width) ** 2 - 0.5 * (v / height) ** 2)
    return (2 * ink * density - 1)[None, None]


def check_blobs(measure: Measure) -> None:
    for slant, width, height, at in ((0.0, 2.0, 3.0, (0, 0)), (0.6, 2.0, 2.5, (0, 0)), (-0.4, 2.5, 2.0, (3, -2))):
        found = measure(blob(slant=slant, width=width, height=height, at=at))
        assert_close(found.slant, torch.tensor([slant]), rtol=0, atol=1e-3)
        assert_close(found.width, torch.tensor([width]), rtol=1e-3, atol=0)
        assert_close(found.ink, torch.tensor([2 * torch.pi * width * height / (33 * 41)]), rtol=1e-3, atol=0)


def changed(change: Callable[[Tensor], Tensor]) -> Measure:
    return lambda images: strokes(change(images))


def with_its_slant(images: Tensor) -> Strokes:
    """The plain standard deviation across, which grows when the same stroke is sheared."""
    found = strokes(images)
    ink = (images[:, 0] + 1) / 2
    v = torch.arange(ink.shape[1], dtype=ink.dtype)[:, None]
    down = (ink * v).sum((1, 2)) / ink.sum((1, 2))
    tall = (ink * (v - down[:, None, None]) ** 2).sum((1, 2)) / ink.sum((1, 2))
    return found._replace(width=(found.width**2 + found.slant**2 * tall).sqrt())


def as_a_correlation(images: Tensor) -> Strokes:
    found = strokes(images)
    return found._replace(slant=found.slant / (found.slant**2 + 1).sqrt())


MUTANTS = {
    "rows counted downwards": changed(lambda x: x.flip(2)),
    "rows for columns": changed(lambda x: x.transpose(2, 3)),
    "paper counts as half ink": changed(lambda x: x / 2 + 0.5),
    "ink and paper exchanged": changed(lambda x: -x),
    "width with its slant": with_its_slant,
    "slant as a correlation": as_a_correlation,
    "width as a variance": lambda x: strokes(x)._replace(width=strokes(x).width ** 2),
    "ink summed": lambda x: strokes(x)._replace(ink=strokes(x).ink * x[0].numel()),
}


def test_blobs() -> None:
    check_blobs(strokes)


@mutants(MUTANTS)
def test_blobs_rejects(mutant: Measure) -> None:
    rejects(check_blobs, mutant)


def test_less_ink_has_the_same_slant_and_width() -> None:
    dark, pale = (strokes(blob(slant=0.5, width=2, height=2.5, ink=ink)) for ink in (1.0, 0.3))
    assert_close(dark.slant, pale.slant, rtol=1e-5, atol=1e-6)
    assert_close(dark.width, pale.width, rtol=1e-5, atol=0)
    assert_close(0.3 * dark.ink, pale.ink, rtol=1e-5, atol=0)


def test_a_mirror_turns_the_slant_and_nothing_else() -> None:
    images = digits().images[:200]
    there, back = strokes(images), strokes(images.flip(3))
    assert_close(there.slant, -back.slant, rtol=0, atol=1e-4)
    assert_close(there.width, back.width, rtol=1e-4, atol=1e-4)
    assert_close(there.ink, back.ink)


def test_a_shear_by_whole_pixels_adds_to_the_slant() -> None:
    images = torch.nn.functional.pad(digits().images[:200], (8, 8), value=-1.0)
    sheared = torch.stack([images[:, :, row].roll(4 - row, dims=2) for row in range(8)], dim=2)  # one pixel per row
    before, after = strokes(images), strokes(sheared)
    assert_close(after.slant, before.slant + 1, rtol=0, atol=1e-4)
    assert_close(after.width, before.width, rtol=1e-3, atol=1e-3)


def test_images_without_a_slant_are_refused() -> None:
    images = digits().images[:3].clone()
    images[1] = -1
    assert "image 1 is blank" in refusal(ValueError, lambda: strokes(images))
    images[1, :, 4] = 1
    assert "image 1 lies in one row" in refusal(ValueError, lambda: strokes(images))
