"""Any folder of pictures, or a zip of one, as a set of square colour images: a reader's own data."""

from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path, PurePath, PurePosixPath

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image, ImageOps
from torch import Tensor

from .images import ImageSet
from .store import DataError

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff")


def folder(path: str | os.PathLike[str], *, size: int = 64) -> ImageSet:
    """Every picture below `path`, cropped to its central square and resized to `size`, as RGB in [-1, 1].

    Labels number the subfolders by name; a flat folder has the one label 0. What is transparent becomes white, of a
    moving picture the first frame is taken, and a camera's rotation mark is obeyed. All images are held in memory:
    49 kB each at 64 x 64. It is everything or nothing: one bad file, and no set is made of the others.

    Raises
    ------
    DataError
        If there is no picture, or one cannot be read or is smaller than `size`; the message names the file.
    """
    files = _files(Path(path))
    if not files:
        raise DataError(f"{path} has no picture in it; files are read that end in {', '.join(SUFFIXES)}.")
    images = torch.stack([_pixels(content, size, f"{path}: {name}") for name, content in files.items()])
    kinds = sorted({str(PurePosixPath(name).parent) for name in files})
    return ImageSet(images, torch.tensor([kinds.index(str(PurePosixPath(name).parent)) for name in files]))


def _files(path: Path) -> dict[str, bytes]:
    """The pictures' names, in order, and their bytes; what a system hid there is left out."""
    if path.is_dir():
        inside = {file.relative_to(path): file for file in path.rglob("*") if file.is_file()}
        found = {name.as_posix(): file.read_bytes() for name, file in inside.items() if _wanted(name)}
    elif zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            found = {name: archive.read(name) for name in archive.namelist() if _wanted(PurePosixPath(name))}
    else:
        raise DataError(f"{path} is neither a folder nor a complete zip: give the path of one of the two.")
    return dict(sorted(found.items()))


def _wanted(file: PurePath) -> bool:
    return file.suffix.lower() in SUFFIXES and not any(part.startswith((".", "__MACOSX")) for part in file.parts)


def _pixels(content: bytes, size: int, name: str) -> Float[Tensor, "3 size size"]:
    try:
        with Image.open(io.BytesIO(content)) as raw:
            picture = ImageOps.exif_transpose(raw).convert("RGBA")
    except Exception as error:  # Pillow raises many kinds, from OSError to SyntaxError
        raise DataError(f"{name} cannot be read ({type(error).__name__}): replace it or take it away.") from error
    if min(picture.size) < size:
        raise DataError(
            f"{name} has {picture.width} x {picture.height} pixels, fewer than {size} x {size}, and nothing is "
            "enlarged: take it away, or ask for a smaller `size`."
        )
    on_white = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture).convert("RGB")
    square = ImageOps.fit(on_white, (size, size), Image.Resampling.LANCZOS)
    return torch.from_numpy(np.array(square)).permute(2, 0, 1).float() / 127.5 - 1
