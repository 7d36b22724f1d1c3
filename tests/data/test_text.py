"""Vocabularies: what is encoded comes back, and what is unknown is said."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from genmodels.data.text import Vocabulary, characters, lines, padded, words
from mutants import refusal

TEXTS = ["a man and a dog", "a cat"]


def test_words_come_back() -> None:
    vocabulary = words(TEXTS)
    assert vocabulary.tokens == ("<eos>", "a", "and", "cat", "dog", "man")
    assert [vocabulary.decode(vocabulary.encode(text)) for text in TEXTS] == TEXTS
    assert vocabulary.encode("a dog").tolist() == [1, 4, 0]


def test_characters_come_back_in_any_script() -> None:
    poems = ["床前明月光，疑是地上霜。", "春眠不觉晓"]
    vocabulary = characters(poems)
    assert [vocabulary.decode(vocabulary.encode(text)) for text in poems] == poems
    assert len(vocabulary) == 1 + len(set("".join(poems)))


def test_the_end_ends() -> None:
    vocabulary = words(TEXTS)
    batch = padded([vocabulary.encode(text) for text in TEXTS])
    assert batch.tolist() == [[1, 5, 2, 1, 4, 0], [1, 3, 0, 0, 0, 0]]
    assert [vocabulary.decode(row) for row in batch] == TEXTS
    assert vocabulary.decode(torch.tensor([1, 3])) == "a cat"
    assert vocabulary.decode([0, 1]) == ""


def test_rare_and_unknown_words() -> None:
    vocabulary = words(TEXTS, at_least=2, unknown=True)
    assert vocabulary.tokens == ("<eos>", "<unk>", "a")
    assert vocabulary.decode(vocabulary.encode("a horse")) == "a <unk>"
    assert "'horse' is not among the 6 tokens" in refusal(ValueError, lambda: words(TEXTS).encode("a horse"))


def test_no_text_is_no_vocabulary() -> None:
    assert "is the file empty?" in refusal(ValueError, lambda: words([]))
    assert "is the file empty?" in refusal(ValueError, lambda: characters([""]))


def test_reserved_tokens_in_a_text_are_refused() -> None:
    assert "is reserved and stands in a text" in refusal(ValueError, lambda: words(["a horse <eos>"]))
    assert "is reserved and stands in a text" in refusal(ValueError, lambda: words(["a <unk> horse"], unknown=True))
    assert words(["a <unk> horse"]).decode(words(["a <unk> horse"]).encode("horse <unk>")) == "horse <unk>"


@pytest.mark.parametrize("tokens", [(), ("a", "<eos>"), ("<eos>", "a", "a")])
def test_what_is_no_vocabulary(tokens: tuple[str, ...]) -> None:
    assert "begins with <eos>" in refusal(ValueError, lambda: Vocabulary(tokens))


def test_an_empty_text_is_its_end() -> None:
    assert words(TEXTS).encode("").tolist() == [0]
    assert characters(TEXTS).decode(characters(TEXTS).encode("")) == ""
    assert "is the list empty?" in refusal(ValueError, lambda: padded([]))


def test_texts_of_your_own(tmp_path: Path) -> None:
    """A mark that some editors put first is no character, other separators than line feeds are inside a text."""
    file = tmp_path / "mine.txt"
    file.write_bytes("\ufeff春眠不觉晓\r\n\n a text\u2028of two parts \n".encode())
    assert lines(file) == ["春眠不觉晓", "a text\u2028of two parts"]


@pytest.mark.parametrize("encoding", ["gb18030", "utf-16", "latin-1"])
def test_another_encoding_is_named(encoding: str, tmp_path: Path) -> None:
    file = tmp_path / "mine.txt"
    file.write_bytes(("é" if encoding == "latin-1" else "春眠不觉晓").encode(encoding))
    assert "mine.txt is not in UTF-8" in refusal(ValueError, lambda: lines(file))


def test_a_file_without_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.txt").write_text(" \n\n")
    assert "no text in" in refusal(ValueError, lambda: lines(tmp_path / "empty.txt"))
