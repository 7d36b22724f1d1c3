"""Real text behind the verified door: Shakespeare, Tang quatrains, captions, translated captions."""

from __future__ import annotations

import gzip
from typing import Literal

from .store import Source, content, fetch

_RAW = "https://raw.githubusercontent.com"

TINY_SHAKESPEARE = Source(
    "tinyshakespeare/input.txt",
    "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
    (f"{_RAW}/karpathy/char-rnn/master/data/tinyshakespeare/input.txt",),
    "text in the public domain; its collection MIT",
    "Karpathy. char-rnn, 2015.",
)
QUATRAINS = Source(
    "chinese_poetry/shi.txt",
    "ac03c5fbb07776f0e43cb1ccfc74732f5313ab3d832df81c8e0db327df35e666",
    (f"{_RAW}/geek-ai/Texygen/master/data/shi.txt",),
    "poems in the public domain; their collection MIT",
    "Zhu, Lu, Zheng, Guo, Zhang, Wang, Yu. Texygen: a benchmarking platform for text generation models. SIGIR 2018.",
)
_COCO = "Chen, Fang, Lin, Vedantam, Gupta, Dollar, Zitnick. Microsoft COCO captions. arXiv:1504.00325, 2015."
COCO_CAPTIONS = {
    "train": Source(
        "image_coco/image_coco.txt",
        "2c0fd1f0f43aac6a9dc3926a535516ccf395de535e15ac1fd17cd569420736f5",
        (f"{_RAW}/geek-ai/Texygen/master/data/image_coco.txt",),
        "MIT (its collection)",
        _COCO,
    ),
    "test": Source(
        "image_coco/test_coco.txt",
        "72e25c9fb4d2cd43182ac602c92f6ffc377762147f9709572943b0b09174bcae",
        (f"{_RAW}/geek-ai/Texygen/master/data/testdata/test_coco.txt",),
        "MIT (its collection)",
        _COCO,
    ),
}
_ELLIOTT = "Elliott, Frank, Sima'an, Specia. Multi30K: multilingual English-German image descriptions. VL 2016."
MULTI30K = {
    name: Source(
        f"multi30k/{name}.gz",
        sha256,
        (f"{_RAW}/multi30k/dataset/master/data/task1/raw/{name}.gz",),
        "not stated; for research and education",
        _ELLIOTT,
    )
    for name, sha256 in {
        "train.de": "726e39b2fa9eb9ffb6dc763fb35a179f80fae06ffc5d28b6ace5faa883de28a6",
        "train.en": "d79cfa999dd4c51d2cb42499b6796d5a882c3a8a961923c25a898c90f8bbd56f",
        "val.de": "f0cba2f995189cf5770f29a8a9a537a3ad3f51657ad873405082ff6863a5e75a",
        "val.en": "14f7d25ddd868909a9213e361768460edcacdd6ab9d1e77b92560dc10c10dc28",
        "test_2016_flickr.de": "9204244e408ccb38d2a55cfcd344df15005fc42a07a6e55ca6c52b6ababb8cc8",
        "test_2016_flickr.en": "611d361c6334bc7246101d48097c13cf5c4413c5befc793cc629934359d532d9",
    }.items()
}


def tiny_shakespeare() -> str:
    """Forty thousand lines of plays, 1,115,394 characters."""
    return content(TINY_SHAKESPEARE).decode()


def quatrains() -> list[str]:
    """16,394 Tang poems of four lines of five characters, simplified, with their commas and full stops."""
    return [line.replace(" ", "") for line in _lines(content(QUATRAINS))]


def coco_captions(split: Literal["train", "test"] = "train") -> list[str]:
    """10,000 captions, one sentence each, lower case; words are what blanks separate."""
    return _lines(content(COCO_CAPTIONS[split]))


def multi30k(split: Literal["train", "val", "test"] = "train") -> list[tuple[str, str]]:
    """29,000 pairs (validation 1,014, test 1,000): a German caption and its English translation, as written."""
    stem = "test_2016_flickr" if split == "test" else split
    names = (f"{stem}.{tongue}" for tongue in ("de", "en"))
    german, english = (_lines(gzip.decompress(fetch(MULTI30K[name]).read_bytes())) for name in names)
    return list(zip(german, english, strict=True))


def _lines(text: bytes) -> list[str]:
    """Split at line feeds alone (other separators occur inside lines), and without blanks at the ends."""
    return [line.strip() for line in text.decode().split("\n") if line.strip()]
