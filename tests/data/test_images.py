"""Images: their range, their orientation, their labels, and the parser of the idx format."""

from __future__ import annotations

import gzip
import hashlib
import os
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import stats
from sklearn.datasets import load_digits
from torch import Tensor
from torch.testing import assert_close

from genmodels.data import DataError, ImageSet, Source, digits, fashion_mnist, images, mnist
from genmodels.training import rng
from mutants import mutants, refusal, rejects

# --- scikit-learn's digits -------------------------------------------------------------------------------------------


def test_digits_are_those_of_scikit_learn() -> None:
    found, bunch = digits(), load_digits()
    assert found.shape == (1, 8, 8)
    assert len(found) == 1_797
    assert found.images.dtype == torch.float32
    assert (found.images.min(), found.images.max()) == (-1, 1)
    assert_close((found.images[:, 0] + 1) * 8, torch.tensor(bunch.images, dtype=torch.float32))
    assert torch.equal(found.labels, torch.tensor(bunch.target))


# --- sampling --------------------------------------------------------------------------------------------------------

Sample = Callable[..., Tensor]


def check_sampling(draw: Sample) -> None:
    """From ten one-pixel images: with replacement, uniformly, by the given stream alone."""
    ten = ImageSet(torch.arange(10.0).reshape(10, 1, 1, 1), torch.arange(10))
    stream = torch.get_rng_state()
    x = draw(ten, (50, 100), rng=rng(0))
    assert x.shape == (50, 100, 1, 1, 1)
    assert torch.equal(torch.get_rng_state(), stream)
    assert stats.chisquare(torch.bincount(x.flatten().long(), minlength=10).numpy()).pvalue > 1e-4
    assert torch.equal(draw(ten, (50, 100), rng=rng(0)), x)


def without_the_last(data: ImageSet, shape: tuple[int, ...], *, rng: torch.Generator) -> Tensor:
    return data.images[torch.randint(len(data) - 1, shape, generator=rng)]


def from_the_global_stream(data: ImageSet, shape: tuple[int, ...], *, rng: torch.Generator) -> Tensor:
    return data.images[torch.randint(len(data), shape)]


def one_draw_per_batch(data: ImageSet, shape: tuple[int, ...], *, rng: torch.Generator) -> Tensor:
    return data.images[torch.randint(len(data), shape[:1], generator=rng)].unsqueeze(1).expand(*shape, 1, 1, 1)


def test_sampling_is_from_the_empirical_distribution() -> None:
    check_sampling(ImageSet.sample)


@mutants({f.__name__: f for f in (without_the_last, from_the_global_stream, one_draw_per_batch)})
def test_sampling_is_from_the_empirical_distribution_rejects(mutant: Sample) -> None:
    rejects(check_sampling, mutant)


# --- the idx format --------------------------------------------------------------------------------------------------

PIXELS = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4)  # two images, three rows, four columns
PIXELS[1, 2, 3] = 255
LABELS = np.array([7, 2], dtype=np.uint8)


def idx(array: np.ndarray, magic: int) -> bytes:
    return gzip.compress(struct.pack(f">I{array.ndim}I", magic, *array.shape) + array.tobytes())


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, bytes], Source]:
    """Put a file into a mirror of this test's own and say what it is."""
    monkeypatch.setenv("GENMODELS_DATA", str(tmp_path))

    def put(name: str, content: bytes) -> Source:
        (tmp_path / name).write_bytes(content)
        return Source(name, hashlib.sha256(content).hexdigest(), (), "", "")

    return put


@pytest.mark.parametrize("name", ["MNIST", "FASHION_MNIST"])
def test_a_set_in_the_idx_format(
    mirror: Callable[[str, bytes], Source], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    flipped = 255 - PIXELS
    files = {
        "train-images-idx3": mirror("a", idx(PIXELS, 2051)),
        "train-labels-idx1": mirror("b", idx(LABELS, 2049)),
        "t10k-images-idx3": mirror("c", idx(flipped, 2051)),
        "t10k-labels-idx1": mirror("d", idx(LABELS[::-1], 2049)),
    }
    monkeypatch.setattr(images, name, files)
    load = {"MNIST": mnist, "FASHION_MNIST": fashion_mnist}[name]
    train, test = load(), load("test")
    assert train.shape == (1, 3, 4)
    assert_close((train.images[:, 0] + 1) * 127.5, torch.tensor(PIXELS, dtype=torch.float32))
    assert (train.images.min(), train.images.max()) == (-1, 1)
    assert train.labels.tolist() == [7, 2]
    assert_close(test.images, -train.images)
    assert test.labels.tolist() == [2, 7]


Parse = Callable[..., np.ndarray]


def check_magic(parse: Parse, put: Callable[[str, bytes], Source]) -> None:
    """Labels given for images, and a file whose numbers are little-endian, are refused by name."""
    labels, little = idx(LABELS, 2049), gzip.compress(struct.pack("<4I", 2051, 2, 3, 4) + PIXELS.tobytes())
    for content, found in ((labels, 2049), (little, struct.unpack(">I", struct.pack("<I", 2051))[0])):
        message = refusal(DataError, lambda content=content: parse(put("file.gz", content), magic=2051))
        assert f"file.gz begins with {found}" in message
        assert "2051" in message


def parse_without_looking(source: Source, *, magic: int) -> np.ndarray:
    raw = gzip.decompress((Path(os.environ["GENMODELS_DATA"]) / source.path).read_bytes())
    return np.array(list(raw[16:]), dtype=np.uint8)


def test_another_idx_file_is_refused(mirror: Callable[[str, bytes], Source]) -> None:
    check_magic(images._idx, mirror)


@mutants({"header skipped": parse_without_looking})
def test_another_idx_file_is_refused_rejects(mirror: Callable[[str, bytes], Source], mutant: Parse) -> None:
    rejects(lambda parse: check_magic(parse, mirror), mutant)


@pytest.mark.parametrize("sources", [images.MNIST, images.FASHION_MNIST], ids=["mnist", "fashion-mnist"])
def test_published_files_are_named_and_hashed(sources: dict[str, Source]) -> None:
    assert len(sources) == 4
    assert len({s.sha256 for s in sources.values()}) == 4
    for s in sources.values():
        assert len(bytes.fromhex(s.sha256)) == 32
        assert s.urls
        assert all(url.endswith(Path(s.path).name) for url in s.urls)
        assert s.licence
        assert s.citation


@pytest.mark.parametrize(("load", "source"), [(mnist, images.MNIST), (fashion_mnist, images.FASHION_MNIST)])
def test_the_real_sets(load: Callable[..., ImageSet], source: dict[str, Source]) -> None:
    mirror = os.environ.get("GENMODELS_DATA")
    if not mirror or not (Path(mirror) / source["t10k-images-idx3"].path).exists():
        pytest.skip("set GENMODELS_DATA to a mirror with these files to run this test; it downloads nothing")
    test = load("test")
    assert (len(test), test.shape) == (10_000, (1, 28, 28))
    assert (test.images.min(), test.images.max()) == (-1, 1)
    assert set(test.labels.tolist()) == set(range(10))
    assert len(test.labels) == 10_000
