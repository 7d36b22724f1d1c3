"""Public files: a mirror first, then the cache, then the network; every byte is checked before it is used."""

from __future__ import annotations

import gzip
import hashlib
import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pooch  # downloads, caches, checks hashes and writes atomically, so that this file does not have to


@dataclass(frozen=True)
class Source:
    """One public file: where it lies below a mirror's root, its hash, its addresses, and what one may do with it."""

    path: str
    sha256: str
    urls: tuple[str, ...]
    licence: str
    citation: str


class DataError(RuntimeError):
    """A file that cannot be had, or is not the file it should be."""


def cache_dir() -> Path:
    """Where downloads are kept: the user's cache directory."""
    return Path(pooch.os_cache("genmodels"))


def fetch(source: Source) -> Path:
    """The verified local file of `source`.

    Looks in the directory named by GENMODELS_DATA, then in the cache, then tries each public address.

    Raises
    ------
    DataError
        If the mirror's file is not the expected one, or no address can be reached; the message says what to do.
    """
    mirror = os.environ.get("GENMODELS_DATA")
    if mirror and (file := Path(mirror) / source.path).exists():
        return _verified(
            file, source, remedy=f"replace it by a complete copy, delete it, or unset GENMODELS_DATA (now {mirror})"
        )
    cached = cache_dir() / source.path
    if cached.exists() and _sha256(cached) == source.sha256:
        return cached
    return _download(source, cached)


def content(source: Source) -> bytes:
    """The file's verified bytes; a mirror may keep it compressed, as `path`.gz, and the hash is that of what is inside.

    Raises
    ------
    DataError
        As `fetch`, and if the compressed file is damaged or holds something else.
    """
    mirror = os.environ.get("GENMODELS_DATA")
    packed = Path(mirror or "") / f"{source.path}.gz"
    if not mirror or not packed.exists():
        return fetch(source).read_bytes()
    try:
        inside = gzip.decompress(packed.read_bytes())
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{packed} is not a complete gzip file: replace it, or delete it.") from error
    if (found := hashlib.sha256(inside).hexdigest()) != source.sha256:
        raise DataError(
            f"{packed} does not hold the published file: expected sha256 {source.sha256} inside, found {found}; "
            f"replace it by a complete copy, delete it, or unset GENMODELS_DATA (now {mirror})."
        )
    return inside


def _download(source: Source, cached: Path) -> Path:
    reasons = []
    for url in source.urls:
        try:
            got = pooch.retrieve(
                url, f"sha256:{source.sha256}", fname=cached.name, path=cached.parent, progressbar=False
            )
            return Path(got)
        except Exception as error:  # pooch hands on whatever its transport raised
            reasons.append(f"{url}: {_one_line(error, source)}")
    raise DataError(
        f"{source.path} is neither in a mirror nor in the cache, and could not be downloaded ({'; '.join(reasons)}). "
        f"Either connect this machine to the network and try again, or put the file (sha256 {source.sha256}) "
        f"at DIR/{source.path} and set GENMODELS_DATA=DIR."
    )


def _one_line(error: Exception, source: Source) -> str:
    """A hash mismatch in our words (a quota page saved as data is the classic), anything else by its name."""
    if isinstance(error, ValueError) and "hash" in str(error).lower():
        found = next(_hashes(str(error), but=source.sha256), "another one")
        return f"the server sent another file, sha256 {found}, and nothing was kept"
    return type(error).__name__  # the transport's own text runs over several lines


def _hashes(text: str, *, but: str) -> Iterator[str]:
    words = (word.strip("().,:'\"") for word in text.replace("sha256:", " ").split())
    return (word for word in words if len(word) == 64 and word != but)


def _verified(file: Path, source: Source, *, remedy: str) -> Path:
    found = _sha256(file)
    if found != source.sha256:
        raise DataError(
            f"{file} ({file.stat().st_size:,} bytes) is not the published file: "
            f"expected sha256 {source.sha256}, found {found}; {remedy}."
        )
    return file


def _sha256(file: Path) -> str:
    with open(file, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
