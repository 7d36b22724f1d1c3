"""Vocabularies: what is encoded comes back, and what is unknown is said."""

from __future__ import annotations

import pytest
import torch

from genmodels.data.text import Vocabulary, characters, padded, words
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


@pytest.mark.parametrize("tokens", [(), ("a", "<eos>"), ("<eos>", "a", "a")])
def test_what_is_no_vocabulary(tokens: tuple[str, ...]) -> None:
    assert "begins with <eos>" in refusal(ValueError, lambda: Vocabulary(tokens))
