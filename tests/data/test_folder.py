"""A folder of pictures: what is read, what is refused, and that it is refused as a whole and in words."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.testing import assert_close

from genmodels.data import DataError, ImageSet, folder
from mutants import mutants, refusal, rejects

Read = Callable[..., ImageSet]


def paint(path: Path, colour: tuple[int, ...], size: tuple[int, int] = (20, 20), mode: str = "RGB") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, colour).save(path)


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    root = tmp_path / ".hidden above" / "pictures"  # where the folder itself lies must not matter
    paint(root / "b/red.PNG", (255, 0, 0))
    paint(root / "a/black.png", (0, 0, 0))
    paint(root / "b/c.png", (255, 255, 255, 0), mode="RGBA")
    (root / "a/notes.txt").write_text("no picture")
    (root / "a/._black.png").write_bytes(b"what a Mac leaves")
    (root / "__MACOSX").mkdir()
    (root / "__MACOSX/x.png").write_bytes(b"")
    return root


def zipped(folder: Path) -> Path:
    path = folder.with_suffix(".zip")
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(folder.rglob("*"), reverse=True):
            archive.write(file, file.relative_to(folder))
    return path


def check_set(found: ImageSet) -> None:
    assert found.shape == (3, 8, 8)
    assert found.images.dtype == torch.float32
    corners = found.images[:, :, 0, 0].tolist()
    assert corners == [[-1, -1, -1], [1, 1, 1], [1, -1, -1]], "in the order of the names; transparent is white"
    assert found.labels.tolist() == [0, 1, 1]


def test_folder_and_zip_are_the_same_set(pictures: Path) -> None:
    check_set(folder(pictures, size=8))
    check_set(folder(zipped(pictures), size=8))
    check_set(folder(str(pictures), size=8))


def check_crop(read: Read, path: Path) -> None:
    """Red, green, red from left to right: the central square is green, and nothing is squeezed into it."""
    stripes = np.zeros((16, 48, 3), np.uint8)
    stripes[:, :, 0] = 255
    stripes[:, 16:32] = (0, 255, 0)
    Image.fromarray(stripes).save(path / "stripes.png")
    image = read(path, size=16).images[0]
    assert_close(image, torch.tensor([-1.0, 1.0, -1.0])[:, None, None].expand(3, 16, 16))


def squeezed(path: Path, *, size: int) -> ImageSet:
    image = Image.open(path / "stripes.png").resize((size, size))
    return ImageSet(torch.tensor(np.array(image)).permute(2, 0, 1)[None] / 127.5 - 1, torch.zeros(1, dtype=torch.long))


def left_corner(path: Path, *, size: int) -> ImageSet:
    image = Image.open(path / "stripes.png").crop((0, 0, size, size))
    return ImageSet(torch.tensor(np.array(image)).permute(2, 0, 1)[None] / 127.5 - 1, torch.zeros(1, dtype=torch.long))


def between_zero_and_one(path: Path, *, size: int) -> ImageSet:
    found = folder(path, size=size)
    return ImageSet((found.images + 1) / 2, found.labels)


def blue_first(path: Path, *, size: int) -> ImageSet:
    found = folder(path, size=size)
    return ImageSet(found.images.roll(1, dims=1), found.labels)


def test_the_central_square_is_kept(tmp_path: Path) -> None:
    check_crop(folder, tmp_path)


@mutants({f.__name__: f for f in (squeezed, left_corner, between_zero_and_one, blue_first)})
def test_the_central_square_is_kept_rejects(mutant: Read, tmp_path: Path) -> None:
    rejects(lambda read: check_crop(read, tmp_path), mutant)


def test_a_cameras_rotation_is_obeyed(tmp_path: Path) -> None:
    halves = np.zeros((16, 16, 3), np.uint8)
    halves[:8] = 255  # white above black, and marked "turn by 180 degrees"
    exif = Image.Exif()
    exif[0x0112] = 3
    Image.fromarray(halves).save(tmp_path / "photo.png", exif=exif)
    image = folder(tmp_path, size=16).images[0]
    assert image[:, :8].max() == -1 and image[:, 8:].min() == 1


def test_grey_and_palette_pictures(tmp_path: Path) -> None:
    paint(tmp_path / "a.png", (128,), mode="L")
    Image.new("RGB", (20, 20), (0, 0, 255)).quantize(4).save(tmp_path / "b.gif")
    found = folder(tmp_path, size=8).images
    assert found[0].min() == found[0].max() == pytest.approx(128 / 127.5 - 1, abs=1e-6)
    assert found[1, :, 0, 0].tolist() == [-1, -1, 1]


# --- what is refused -------------------------------------------------------------------------------------------------


def test_a_damaged_picture_is_named_and_nothing_is_read(pictures: Path) -> None:
    whole = (pictures / "b/red.PNG").read_bytes()
    for damaged in (whole[: len(whole) // 2], b"", b"<!DOCTYPE html>quota exceeded"):
        (pictures / "b/red.PNG").write_bytes(damaged)
        told = refusal(DataError, lambda: folder(pictures, size=8))
        assert "b/red.PNG" in told and "cannot be read" in told
    (pictures / "b/red.PNG").write_bytes(whole)
    check_set(folder(pictures, size=8))


def test_a_small_picture_is_named(pictures: Path) -> None:
    paint(pictures / "a/tiny.png", (0, 0, 0), size=(30, 12))
    told = refusal(DataError, lambda: folder(pictures, size=16))
    assert "a/tiny.png has 30 x 12 pixels" in told and "smaller `size`" in told


def test_nothing_to_read(tmp_path: Path) -> None:
    assert "no picture" in refusal(DataError, lambda: folder(tmp_path))
    missing = tmp_path / "gone"
    assert "neither a folder nor a complete zip" in refusal(DataError, lambda: folder(missing))
    (tmp_path / "half.zip").write_bytes(b"PK\x03\x04 and then the line broke")
    assert "half.zip" in refusal(DataError, lambda: folder(tmp_path / "half.zip"))
