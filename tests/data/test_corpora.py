"""Corpora: read as their files are, from a mirror or a cache; and a mirror's damaged file is refused."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from genmodels.data import corpora
from genmodels.data.store import DataError, Source, content
from mutants import refusal

TEXT = "first line\nsecond line\n"
HASH = "c2097f55f01fc297fc7f4acf21438123e06e4d409a818524428534e850642f4f"
SOURCE = Source("folder/text.txt", HASH, ("http://127.0.0.1:9/text.txt",), "ours", "nobody")


def mirror(folder: Path, packed: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "folder").mkdir()
    (folder / "folder/text.txt.gz").write_bytes(packed)
    monkeypatch.setenv("GENMODELS_DATA", str(folder))


def test_a_mirror_may_keep_text_compressed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mirror(tmp_path, gzip.compress(TEXT.encode()), monkeypatch)
    assert content(SOURCE).decode() == TEXT


@pytest.mark.parametrize(
    ("packed", "said"),
    [
        (gzip.compress(TEXT.encode())[:-9], "is not a complete gzip file"),
        (b"<html>quota</html>", "is not a complete gzip file"),
        (gzip.compress(b"another text"), "does not hold the published file"),
    ],
    ids=["truncated", "a web page", "another text"],  # not the bytes themselves: gzip writes the time into them
)
def test_a_damaged_mirror_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, packed: bytes, said: str) -> None:
    mirror(tmp_path, packed, monkeypatch)
    assert said in refusal(DataError, lambda: content(SOURCE))


def available(source: Source) -> bool:
    try:
        content(source)
    except DataError:
        return False
    return True


needs = {
    name: pytest.mark.skipif(not available(source), reason=f"{source.path} is neither in a mirror nor in the cache")
    for name, source in {
        "shakespeare": corpora.TINY_SHAKESPEARE,
        "quatrains": corpora.QUATRAINS,
        "captions": corpora.COCO_CAPTIONS["train"],
        "multi30k": corpora.MULTI30K["train.de"],
    }.items()
}


@needs["shakespeare"]
def test_shakespeare() -> None:
    text = corpora.tiny_shakespeare()
    assert len(text) == 1_115_394
    assert text.startswith("First Citizen:\n")
    assert len(set(text)) == 65


@needs["quatrains"]
def test_quatrains() -> None:
    poems = corpora.quatrains()
    assert len(poems) == 16_394
    assert {len(poem) for poem in poems} == {24}


@needs["captions"]
def test_captions() -> None:
    assert [len(corpora.coco_captions(split)) for split in ("train", "test")] == [10_000, 10_000]


@needs["multi30k"]
def test_multi30k() -> None:
    assert [len(corpora.multi30k(split)) for split in ("train", "val", "test")] == [29_000, 1_014, 1_000]
    assert corpora.multi30k("train")[0][1] == "Two young, White males are outside near many bushes."
