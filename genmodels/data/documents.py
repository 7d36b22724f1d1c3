"""Documents as bags of words: how often each word occurs in each document, whatever the order.

A corpus is kept as its pairs (document, word) that occur, with their counts: the tables are nearly empty.
"""

from __future__ import annotations

import functools
import warnings
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor

from .store import Source, content

_LDA = "https://raw.githubusercontent.com/ML-course/master/57e5c14b5cff7891e9abb9038c601aca19f5e8fd/data/ap"
_BLEI = "Blei, Ng, Jordan. Latent Dirichlet allocation. JMLR 3, 2003 (a part of TREC's AP corpus, as counts)."
AP = {
    name: Source(f"ap_corpus/{name}", sha256, (f"{_LDA}/{name}",), "not stated; for research", _BLEI)
    for name, sha256 in {
        "ap.dat": "c9b946b6cdb2c6e876198ae227afb573df023db84fb53a9d2b31c0d59224fea1",
        "vocab.txt": "fbf0d0f836cb2b0360bd3cae0f71c2f34b140b1dd8dd0d0bdb618a64704337f6",
    }.items()
}


@dataclass(frozen=True, eq=False)
class Corpus:
    """Pairs (document, word) with their counts, sorted by document; a document may be empty.

    A pair may be given in portions, whose counts add up. A corpus lives on the CPU: so do the topics and proportions
    it is multiplied with, and what comes of them. `from_table` and `from_tokens` bring what they are given there.

    Raises
    ------
    ValueError
        If a number is out of range, a count is not above 0, the pairs are not sorted by document, or a tensor is on
        another device.
    """

    document: Int[Tensor, " pairs"]
    word: Int[Tensor, " pairs"]
    count: Float[Tensor, " pairs"]
    documents: int
    words: int

    def __post_init__(self) -> None:
        if any(given.device.type != "cpu" for given in (self.document, self.word, self.count)):
            raise ValueError("a corpus lives on the CPU, and a tensor of this one does not: give its .cpu().")
        for name, numbers, high in (("document", self.document, self.documents), ("word", self.word, self.words)):
            if bool(((numbers < 0) | (numbers >= high)).any()):
                raise ValueError(f"each {name} is a whole number from 0 to {high - 1}, and others were given.")
        if bool((self.document.diff() < 0).any()):
            raise ValueError("the pairs of a corpus are sorted by document, and these are not.")
        if not bool((self.count > 0).all()):
            raise ValueError("a corpus holds the pairs that occur: give counts above 0.")

    @classmethod
    def from_table(cls, table: Shaped[Tensor, "documents words"]) -> Corpus:
        """The counts in a table, a row for each document; a table that is not floating is counted in double precision.

        Raises
        ------
        ValueError
            If an entry is negative or no number.
        """
        if not bool((table >= 0).all()):
            raise ValueError("a table of counts has numbers of 0 or more, and this one has others.")
        table = (table if table.is_floating_point() else table.double()).cpu()
        document, word = table.nonzero(as_tuple=True)
        return cls(document, word, table[document, word], *table.shape)

    @classmethod
    def from_tokens(cls, tokens: Int[Tensor, "documents length"], *, words: int) -> Corpus:
        """The bags of documents written out word by word: here the order is lost.

        Raises
        ------
        ValueError
            If a token is none of the numbers 0 to words - 1.
        """
        tokens = tokens.cpu()
        if len(strange := tokens[(tokens < 0) | (tokens >= words)]):
            raise ValueError(f"a word is a whole number from 0 to {words - 1}, and {int(strange[0])} was given.")
        table = torch.zeros(len(tokens), words, dtype=torch.float64)
        return cls.from_table(table.scatter_add_(1, tokens, torch.ones(tokens.shape, dtype=torch.float64)))

    def table(self) -> Float[Tensor, "documents words"]:
        """All counts, with the zeros."""
        nothing = self.count.new_zeros(self.documents, self.words)
        return nothing.index_put((self.document, self.word), self.count, accumulate=True)

    @property
    def pairs(self) -> Int[Tensor, "pairs 2"]:
        """The pairs as points of a density; their weights are `count`."""
        return torch.stack([self.document, self.word], dim=1)

    @property
    def tokens(self) -> float:
        """How many words there are, each as often as it occurs."""
        return float(self.count.double().sum())

    def lengths(self) -> Float[Tensor, " documents"]:
        """The number of tokens of each document."""
        return self.count.new_zeros(self.documents).index_add(0, self.document, self.count)

    def frequencies(self) -> Float[Tensor, " words"]:
        """How often each word occurs in all documents together."""
        return self.count.new_zeros(self.words).index_add(0, self.word, self.count)

    def to(self, dtype: torch.dtype) -> Corpus:
        """The same counts in another precision, which decides that of everything computed from them."""
        return replace(self, count=self.count.to(dtype))

    def rows(self, which: Int[Tensor, " chosen"]) -> Corpus:
        """Some of the documents, in the order of `which`, numbered from 0."""
        sizes = torch.bincount(self.document, minlength=self.documents)
        starts = sizes.cumsum(0) - sizes
        lengths = sizes[which]
        document = torch.arange(len(which)).repeat_interleave(lengths)
        within = torch.arange(len(document)) - (lengths.cumsum(0) - lengths)[document]
        at = starts[which][document] + within
        return Corpus(document, self.word[at], self.count[at], len(which), self.words)

    def halves(self, *, rng: torch.Generator) -> tuple[Corpus, Corpus]:
        """Each document's tokens dealt at random to two corpora, half to each; the first gets the odd one.

        Raises
        ------
        ValueError
            If a count is not whole.
        """
        if bool((self.count != self.count.round()).any()):
            raise ValueError("tokens are dealt one by one, and a count of this corpus is not whole: round the counts.")
        # One row per token, shuffled within its document by sorting random numbers between the document's and the next.
        pair = torch.arange(len(self.count)).repeat_interleave(self.count.long())
        order = (self.document[pair] + torch.rand(len(pair), generator=rng, dtype=torch.float64)).argsort()
        lengths = self.lengths().long()
        place = torch.arange(len(pair)) - (lengths.cumsum(0) - lengths)[self.document[pair[order]]]
        first = torch.bincount(pair[order[place % 2 == 0]], minlength=len(self.count)).to(self.count)
        return self._counted(first), self._counted(self.count - first)

    def _counted(self, count: Tensor) -> Corpus:
        kept = count > 0
        return replace(self, document=self.document[kept], word=self.word[kept], count=count[kept])

    def spread(self, left: Float[Tensor, "documents topics"], right: Float[Tensor, "words topics"]) -> Tensor:
        r""":math:`\sum_kl_{dk}r_{wk}` at the pairs that occur, and nowhere else."""
        if not torch.backends.mkl.is_available():
            return (left[self.document] * right[self.word]).sum(dim=1)
        nothing = self._rows(torch.zeros_like(self.count))
        return torch.sparse.sampled_addmm(nothing, left, right.T, beta=0.0).values()

    def by_document(
        self, values: Float[Tensor, " pairs"], right: Float[Tensor, "words topics"]
    ) -> Float[Tensor, "documents topics"]:
        r""":math:`\sum_wv_{dw}r_{wk}`: the table with `values` at the pairs, times `right`."""
        return self._rows(values) @ right

    def by_word(
        self, values: Float[Tensor, " pairs"], left: Float[Tensor, "documents topics"]
    ) -> Float[Tensor, "words topics"]:
        r""":math:`\sum_dv_{dw}l_{dk}`: the transposed table times `left`."""
        order, starts, document = self._by_word
        return _sparse(starts, document, values[order], (self.words, self.documents)) @ left

    def _rows(self, values: Tensor) -> Tensor:
        return _sparse(self._starts, self.word, values, (self.documents, self.words))

    @functools.cached_property
    def _starts(self) -> Tensor:
        return _cumulated(self.document, self.documents)

    @functools.cached_property
    def _by_word(self) -> tuple[Tensor, Tensor, Tensor]:
        order = self.word.argsort(stable=True)
        return order, _cumulated(self.word, self.words), self.document[order]


def _cumulated(numbers: Tensor, high: int) -> Tensor:
    return torch.cat([torch.zeros(1, dtype=torch.long), torch.bincount(numbers, minlength=high).cumsum(0)])


def _sparse(starts: Tensor, columns: Tensor, values: Tensor, shape: tuple[int, int]) -> Tensor:
    """A compressed table: products with it cost what its entries cost. Without MKL, as a list of coordinates."""
    if not torch.backends.mkl.is_available():
        rows = torch.arange(shape[0]).repeat_interleave(starts.diff())
        return torch.sparse_coo_tensor(torch.stack([rows, columns]), values, shape, check_invariants=False)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Sparse CSR tensor support")
        return torch.sparse_csr_tensor(starts, columns, values, shape, check_invariants=False)


def bars(side: int = 3) -> Float[Tensor, "topics words"]:
    r"""Topics one can see: the words are the pixels of a square, a topic is one of its rows or columns, evenly.

    Source: Griffiths and Steyvers 2004, figure 1.
    """
    square = torch.eye(side, dtype=torch.float64)[:, :, None].expand(side, side, side).reshape(side, -1) / side
    across = torch.eye(side, dtype=torch.float64)[:, None, :].expand(side, side, side).reshape(side, -1) / side
    return torch.cat([square, across])


def ap_news() -> tuple[Corpus, list[str]]:
    """2,246 news articles of the Associated Press as bags of words, and the vocabulary of 10,473 words."""
    vocabulary = content(AP["vocab.txt"]).decode().split("\n")[:10_473]
    lines = content(AP["ap.dat"]).decode().splitlines()
    rows = [[entry.split(":") for entry in line.split()[1:]] for line in lines]
    document = torch.arange(len(rows)).repeat_interleave(torch.tensor([len(row) for row in rows]))
    flat = torch.tensor([[int(word), int(count)] for row in rows for word, count in row])
    return Corpus(document, flat[:, 0], flat[:, 1].double(), len(rows), len(vocabulary)), vocabulary
