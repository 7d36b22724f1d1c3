"""Text as numbers: vocabularies of words or characters, with one token that ends a text."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch
from jaxtyping import Int
from torch import Tensor

EOS = "<eos>"
UNKNOWN = "<unk>"


@dataclass(frozen=True)
class Vocabulary:
    """Tokens and their numbers; number 0 is `<eos>`, which ends a text and fills what follows it.

    There is no token for the beginning: models read an extra number, V, before the first token, and never emit it.
    """

    tokens: tuple[str, ...]
    joint: str = " "
    """What stands between two tokens of a text: a blank for words, nothing for characters."""

    def __post_init__(self) -> None:
        if not self.tokens or self.tokens[0] != EOS or len(set(self.tokens)) < len(self.tokens):
            raise ValueError(f"a vocabulary begins with {EOS} and has no token twice: use `words` or `characters`.")

    def __len__(self) -> int:
        return len(self.tokens)

    @cached_property
    def numbers(self) -> dict[str, int]:
        return {token: i for i, token in enumerate(self.tokens)}

    def split(self, text: str) -> list[str]:
        return text.split() if self.joint == " " else list(text)

    def encode(self, text: str) -> Int[Tensor, " length"]:
        """The numbers of a text's tokens, and 0 behind them.

        Raises
        ------
        ValueError
            For a token that is not in the vocabulary, unless `<unk>` is.
        """
        tokens = self.split(text)
        unknown = [token for token in tokens if token not in self.numbers]
        if unknown and UNKNOWN not in self.numbers:
            raise ValueError(
                f"{unknown[0]!r} is not among the {len(self)} tokens of this vocabulary: make one with room for "
                f"unknown tokens (`unknown=True`), or leave the text out."
            )
        other = self.numbers.get(UNKNOWN, 0)
        return torch.tensor([*(self.numbers.get(token, other) for token in tokens), 0])

    def decode(self, numbers: Int[Tensor, " length"] | Sequence[int]) -> str:
        """The text up to the first `<eos>`, or all of it if there is none."""
        found: list[str] = []
        for i in torch.as_tensor(numbers).tolist():
            if i == 0:
                break
            found.append(self.tokens[i])
        return self.joint.join(found)


def words(texts: Iterable[str], *, at_least: int = 1, unknown: bool = False) -> Vocabulary:
    """The words that occur `at_least` so often, the most frequent first; words are what blanks separate."""
    return _vocabulary(Counter(word for text in texts for word in text.split()), at_least, unknown, " ")


def characters(texts: Iterable[str], *, at_least: int = 1, unknown: bool = False) -> Vocabulary:
    """The characters that occur, the most frequent first: for any language, and for Chinese without a segmenter."""
    return _vocabulary(Counter(sign for text in texts for sign in text), at_least, unknown, "")


def _vocabulary(counts: Counter[str], at_least: int, unknown: bool, joint: str) -> Vocabulary:
    if not counts:
        raise ValueError("there is no text to make a vocabulary from: is the file empty?")
    if EOS in counts or (unknown and UNKNOWN in counts):
        raise ValueError(
            f"{EOS} (and, with `unknown=True`, {UNKNOWN}) is reserved and stands in a text: rename it there."
        )
    kept = sorted((token for token, n in counts.items() if n >= at_least), key=lambda token: (-counts[token], token))
    return Vocabulary((EOS, *([UNKNOWN] if unknown else []), *kept), joint)


def lines(path: str | os.PathLike[str]) -> list[str]:
    """Texts of your own: the lines of a file, without empty ones.

    Raises
    ------
    ValueError
        If the file is not in UTF-8, or holds no text.
    """
    try:
        text = Path(path).read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path} is not in UTF-8 (its byte {error.start} cannot be read): save it again in that encoding, "
            f"or convert it, for example from GB 18030: iconv -f GB18030 -t UTF-8."
        ) from None
    if found := [line.strip() for line in text.split("\n") if line.strip()]:
        return found
    raise ValueError(f"there is no text in {path}: one text per line is expected.")


def padded(sequences: Sequence[Int[Tensor, " _"]]) -> Int[Tensor, "n longest"]:
    """Sequences of different lengths in one tensor, filled up with 0.

    Raises
    ------
    ValueError
        For no sequence at all.
    """
    if not sequences:
        raise ValueError("there are no texts to put into one tensor: is the list empty?")
    return torch.nn.utils.rnn.pad_sequence(list(sequences), batch_first=True, padding_value=0)
