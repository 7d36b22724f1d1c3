"""Bags of words: products with the pairs are products with the table, halves add up, and the corpus is as published."""

from __future__ import annotations

from pathlib import Path
from unittest.mock import patch

import pytest
import torch
from torch import testing

from genmodels.data import documents
from genmodels.data.documents import Corpus, bars
from genmodels.training import rng
from mutants import refusal

TABLE = torch.tensor([[2.0, 0.0, 1.0, 0.0], [0.0, 0.0, 0.0, 0.0], [0.0, 5.0, 4.0, 1.0]], dtype=torch.float64)


@pytest.mark.parametrize("mkl", [True, False], ids=["compressed", "coordinates"])
def test_products_are_those_of_the_table(mkl: bool) -> None:
    corpus = Corpus.from_table(TABLE)
    left, right = torch.rand(3, 2, generator=rng(0)).double(), torch.rand(4, 2, generator=rng(1)).double()
    if mkl and not torch.backends.mkl.is_available():
        pytest.skip("this torch has no MKL")
    with patch.object(torch.backends.mkl, "is_available", lambda: mkl):
        values = corpus.spread(left, right)
        testing.assert_close(values, (left @ right.T)[corpus.document, corpus.word])
        testing.assert_close(corpus.by_document(corpus.count, right), TABLE @ right)
        testing.assert_close(corpus.by_word(corpus.count, left), TABLE.T @ left)


def test_a_corpus_counts() -> None:
    corpus = Corpus.from_table(TABLE)
    testing.assert_close(corpus.table(), TABLE)
    testing.assert_close(corpus.lengths(), TABLE.sum(dim=1))
    testing.assert_close(corpus.frequencies(), TABLE.sum(dim=0))
    assert corpus.tokens == 13
    testing.assert_close(corpus.rows(torch.tensor([2, 0])).table(), TABLE[[2, 0]])
    tokens = torch.tensor([[0, 2, 0], [3, 1, 1]])
    testing.assert_close(Corpus.from_tokens(tokens, words=4).table()[1], torch.tensor([0.0, 2.0, 0.0, 1.0]).double())


def test_a_pair_may_be_given_in_portions() -> None:
    """Every count of a corpus and every product with it takes the portions together."""
    number = torch.tensor([0, 0, 0, 1])
    corpus = Corpus(number, torch.tensor([1, 1, 0, 2]), torch.tensor([2.0, 3.0, 1.0, 4.0]).double(), 2, 3)
    table = torch.tensor([[1.0, 5.0, 0.0], [0.0, 0.0, 4.0]], dtype=torch.float64)
    testing.assert_close(corpus.table(), table)
    testing.assert_close(corpus.frequencies(), table.sum(dim=0))
    left, right = torch.rand(2, 2, generator=rng(0)).double(), torch.rand(3, 2, generator=rng(1)).double()
    testing.assert_close(corpus.spread(left, right), (left @ right.T)[corpus.document, corpus.word])
    testing.assert_close(corpus.by_document(corpus.count, right), table @ right)
    testing.assert_close(corpus.by_word(corpus.count, left), table.T @ left)


def test_halves_are_halves() -> None:
    table = torch.randint(0, 5, (30, 12), generator=rng(2)).double()
    first, second = Corpus.from_table(table).halves(rng=rng(3))
    testing.assert_close(first.table() + second.table(), table)
    assert set((first.lengths() - second.lengths()).tolist()) == {0.0, 1.0}
    many = [Corpus.from_table(TABLE).halves(rng=rng(seed))[0].table() for seed in range(300)]
    expected = TABLE * torch.tensor([[2 / 3], [0.0], [1 / 2]])  # of three tokens the first half gets two
    testing.assert_close(torch.stack(many).mean(dim=0), expected, rtol=0, atol=0.2)


def test_what_is_no_corpus_is_refused() -> None:
    number, count = torch.tensor([0, 1]), torch.ones(2)
    assert "sorted" in refusal(ValueError, lambda: Corpus(number.flip(0), number, count, 2, 2))
    assert "word" in refusal(ValueError, lambda: Corpus(number, number, count, 2, 1))
    assert "above 0" in refusal(ValueError, lambda: Corpus(number, number, count - 1, 2, 2))
    assert "counts" in refusal(ValueError, lambda: Corpus.from_table(-TABLE))
    assert "one by one" in refusal(ValueError, lambda: Corpus.from_table(TABLE / 2).halves(rng=rng(0)))
    for word in (-1, 3):
        tokens = torch.tensor([[0, word]])
        assert f"{word} was given" in refusal(ValueError, lambda tokens=tokens: Corpus.from_tokens(tokens, words=3))


def test_a_corpus_lives_on_the_cpu() -> None:
    number, elsewhere = torch.tensor([0, 1]), torch.ones(2, device="meta")
    assert ".cpu()" in refusal(ValueError, lambda: Corpus(number, number, elsewhere, 2, 2))
    where = "cuda" if torch.cuda.is_available() else "cpu"
    tokens = torch.tensor([[0, 2, 0], [3, 1, 1]], device=where)
    for corpus in (Corpus.from_tokens(tokens, words=4), Corpus.from_table(TABLE.to(where))):
        assert corpus.count.device.type == corpus.word.device.type == "cpu"


def test_corpora_can_be_compared() -> None:
    corpus = Corpus.from_table(TABLE)
    assert corpus == corpus and corpus != Corpus.from_table(TABLE)


def test_bars_are_rows_and_columns() -> None:
    testing.assert_close(bars(2) * 2, torch.tensor([[1, 1, 0, 0], [0, 0, 1, 1], [1, 0, 1, 0], [0, 1, 0, 1]]).double())


def test_the_file_is_read_as_it_is_written(tmp_path: Path) -> None:
    files = {"ap.dat": b"2 0:1 3:2\n1 2:4\n", "vocab.txt": b"a\nb\nc\nd\n" + b"x\n" * 10_469}
    with patch.object(documents, "content", lambda source: files[Path(source.path).name]):
        corpus, vocabulary = documents.ap_news()
    assert (corpus.documents, corpus.words, corpus.tokens) == (2, 10_473, 7.0) and vocabulary[:4] == list("abcd")
    testing.assert_close(corpus.table()[:, :4], torch.tensor([[1, 0, 0, 2], [0, 0, 4, 0]]).double())
