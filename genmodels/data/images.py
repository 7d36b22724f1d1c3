"""Images in [-1, 1], the range of a generator that ends in tanh: scikit-learn's digits, MNIST, Fashion-MNIST."""

from __future__ import annotations

import gzip
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from .store import DataError, Source, fetch

Split = Literal["train", "test"]


@dataclass(frozen=True)
class ImageSet:
    """Images and labels; `sample` draws with replacement, as from the empirical distribution."""

    images: Float[Tensor, "n channels height width"]
    labels: Int[Tensor, " n"]

    def __len__(self) -> int:
        return len(self.images)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height and width of one image."""
        channels, height, width = self.images.shape[1:]
        return channels, height, width

    def sample(self, sample_shape: Sequence[int], *, rng: torch.Generator) -> Float[Tensor, ...]:
        return self.images[torch.randint(len(self), tuple(sample_shape), generator=rng)]


def digits() -> ImageSet:
    """The 1,797 handwritten digits of 8 x 8 pixels that come with scikit-learn: real images, no download.

    Licence: CC BY 4.0 (UCI repository). Source: Alpaydin and Kaynak 1998.
    """
    from sklearn.datasets import load_digits  # late: importing scikit-learn costs a second

    bunch = load_digits()
    images = torch.tensor(bunch.images, dtype=torch.float32).unsqueeze(1) / 8 - 1  # 0..16 grey levels
    return ImageSet(images, torch.tensor(bunch.target))


_LECUN = "LeCun, Bottou, Bengio, Haffner. Gradient-based learning applied to document recognition. Proc. IEEE 1998."
_XIAO = "Xiao, Rasul, Vollgraf. Fashion-MNIST. arXiv:1708.07747, 2017."
_MNIST_URLS = ("https://ossci-datasets.s3.amazonaws.com/mnist/", "https://storage.googleapis.com/cvdf-datasets/mnist/")
_FASHION_URLS = ("http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",)


def _sources(
    folder: str, hashes: dict[str, str], urls: Sequence[str], licence: str, citation: str
) -> dict[str, Source]:
    return {
        name: Source(
            f"{folder}/{name}-ubyte.gz", sha256, tuple(f"{url}{name}-ubyte.gz" for url in urls), licence, citation
        )
        for name, sha256 in hashes.items()
    }


MNIST = _sources(
    "mnist",
    {
        "train-images-idx3": "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        "train-labels-idx1": "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        "t10k-images-idx3": "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        "t10k-labels-idx1": "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
    },
    _MNIST_URLS,
    "not stated by its origin; no image of it is redistributed here",
    _LECUN,
)
FASHION_MNIST = _sources(
    "fashion-mnist",
    {
        "train-images-idx3": "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
        "train-labels-idx1": "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
        "t10k-images-idx3": "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
        "t10k-labels-idx1": "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
    },
    _FASHION_URLS,
    "MIT",
    _XIAO,
)


def mnist(split: Split = "train") -> ImageSet:
    """60,000 (test: 10,000) handwritten digits of 28 x 28 pixels; mirror, cache or download, see `store.fetch`."""
    return _idx_set(MNIST, split)


def fashion_mnist(split: Split = "train") -> ImageSet:
    """60,000 (test: 10,000) pieces of clothing of 28 x 28 pixels, in the format of MNIST; licence MIT."""
    return _idx_set(FASHION_MNIST, split)


def _idx_set(sources: dict[str, Source], split: Split) -> ImageSet:
    stem = {"train": "train", "test": "t10k"}[split]
    images = _idx(sources[f"{stem}-images-idx3"], magic=2051)
    labels = _idx(sources[f"{stem}-labels-idx1"], magic=2049)
    pixels = torch.from_numpy(images).float().unsqueeze(1) / 127.5 - 1
    return ImageSet(pixels, torch.from_numpy(labels).long())


def _idx(source: Source, *, magic: int) -> np.ndarray:
    """The idx format: a big-endian magic number whose last byte is the rank, the sizes, then unsigned bytes."""
    with gzip.open(fetch(source)) as file:
        raw = file.read()
    (found,) = struct.unpack(">I", raw[:4])
    if found != magic:
        raise DataError(f"{source.path} begins with {found}, where an idx file of this kind has {magic}: wrong file.")
    sizes = struct.unpack(f">{magic % 256}I", raw[4 : 4 + 4 * (magic % 256)])
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * (magic % 256)).reshape(sizes).copy()
