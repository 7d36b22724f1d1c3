r"""Topic models: a document mixes topics, a topic is a distribution over words.

Here pLSA, a mixture of products over pairs (document, word), fitted by the EM of every mixture. It has proportions only
for the documents it was fitted to; `allocation` gives them a prior.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from jaxtyping import Float, Int
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from ..data.documents import Corpus
from .discrete import Categorical
from .mixture import Mixture, Product


def random_plsa(
    documents: int,
    words: int,
    *,
    topics: int,
    rng: torch.Generator,
    pseudo: float = 0.0,
    dtype: torch.dtype = torch.float64,
) -> Mixture:
    r"""A random start for pLSA, :math:`p(d,w)=\sum_zp(z)\,p(d\mid z)\,p(w\mid z)`.

    With equal topics EM would stand still: nothing tells them apart. `pseudo` is added to the words' counts in each
    M-step, so that no topic rules a word out. Source: Hofmann 1999.
    """

    def rows(things: int) -> Tensor:
        return (1 + torch.rand(topics, things, generator=rng, dtype=torch.float64)).to(dtype)

    return _mixture(torch.ones(topics, dtype=dtype), rows(documents), rows(words), pseudo=pseudo)


def _mixture(weights: Tensor, documents: Tensor, words: Tensor, *, pseudo: float) -> Mixture:
    """The mixture with these weights and rows, once each is divided by its sum; a topic that has died is even."""
    documents, words = (shares(table) for table in (documents, words))
    parts = tuple(Product((Categorical(d), Categorical(w, pseudo))) for d, w in zip(documents, words, strict=True))
    return Mixture(weights / weights.sum(), parts)


def shares(table: Float[Tensor, "rows things"]) -> Float[Tensor, "rows things"]:
    """Each row divided by its sum; a row of zeros becomes even."""
    total = table.sum(dim=1, keepdim=True)
    return torch.where(total > 0, table / total, 1 / table.shape[1])


def topics_of(mixture: Mixture) -> Float[Tensor, "topics words"]:
    r"""The topics of a pLSA, :math:`p(w\mid z)`."""
    return _column(mixture, 1)


def proportions_of(mixture: Mixture) -> Float[Tensor, "documents topics"]:
    r"""The documents' topics, :math:`p(z\mid d)\propto p(z)\,p(d\mid z)`; even for a document without words."""
    return shares((mixture.weights[:, None] * _column(mixture, 0)).T)


def _column(mixture: Mixture, which: int) -> Tensor:
    return torch.stack([part.parts[which].p for part in mixture.parts])  # type: ignore[attr-defined]


def possible(mixed: Float[Tensor, " pairs"]) -> Float[Tensor, " pairs"]:
    r"""What topics give to the words of documents, :math:`\sum_k\theta_{dk}p(w\mid k)` or proportional, once checked.

    Raises
    ------
    ValueError
        If a word that occurs gets 0: it could not be shared out among the topics.
    """
    if not bool((mixed > 0).all()):  # false for NaN as well
        raise ValueError(
            "no topic gives some word of a document a probability above 0: "
            "add a little to all words of the topics, or fit them with pseudo=0.01 or more."
        )
    return mixed


def plsa(mixture: Mixture, corpus: Corpus, *, steps: int, tolerance: float = 0.0) -> Iterator[tuple[Mixture, float]]:
    r"""`em` for the mixture of `random_plsa`, on tables: the same mixtures, much sooner.

    With :math:`r_{dw}=n_{dw}/p(d,w)` the E-step and the M-step together are
    :math:`p(d,z)\leftarrow p(d,z)\sum_wr_{dw}p(w\mid z)/N` and :math:`p(w\mid z)\propto p(w\mid z)\sum_dr_{dw}p(d,z)`.

    Raises
    ------
    ValueError
        If a mixture on the way gives a pair that occurs probability 0.
    """
    before, pseudo = -torch.inf, mixture.parts[0].parts[1].pseudo  # type: ignore[attr-defined]
    for remaining in reversed(range(steps + 1)):
        left, right = (mixture.weights[:, None] * _column(mixture, 0)).T, topics_of(mixture).T
        mixed = possible(corpus.spread(left, right))
        now = float(corpus.count @ mixed.log() / corpus.count.sum())
        yield mixture, now
        if now - before < tolerance or not remaining:
            return
        before = now
        by_document = left * corpus.by_document(corpus.count / mixed, right)
        by_word = right * corpus.by_word(corpus.count / mixed, left)
        mixture = _mixture(by_word.sum(dim=0), by_document.T, by_word.T + pseudo, pseudo=pseudo)


def folded(
    corpus: Corpus, topics: Float[Tensor, "topics words"], *, steps: int = 200
) -> Float[Tensor, "documents topics"]:
    r"""Folding in: :math:`p(z\mid d)` of documents that pLSA was not fitted to, by EM with the topics held fixed.

    A document without words has even proportions. Source: Hofmann 1999.

    Raises
    ------
    ValueError
        If no topic gives some word of a document a probability above 0.
    """
    right = topics.T.contiguous()
    theta = right.new_full((corpus.documents, len(topics)), 1 / len(topics))
    for _ in range(steps):
        ratio = corpus.count / possible(corpus.spread(theta, right))
        theta = shares(theta * corpus.by_document(ratio, right))
    return theta


def perplexity(
    corpus: Corpus, proportions: Float[Tensor, "documents topics"], topics: Float[Tensor, "topics words"]
) -> float:
    r""":math:`\exp(-\frac1N\sum_{dw}n_{dw}\log\sum_z\theta_{dz}p(w\mid z))`: as hard as among so many words."""
    mixed = corpus.spread(proportions, topics.T.contiguous()).double()
    return float((-(corpus.count.double() @ mixed.log()) / corpus.tokens).exp())


def matched(
    found: Float[Tensor, "found words"], true: Float[Tensor, "true words"]
) -> tuple[Int[Tensor, " true"], Float[Tensor, " true"]]:
    """For each true topic the found one it is paired with, and their total-variation distance.

    Topics have no order, so the pairs are those with the smallest sum of distances (the Hungarian method).

    Raises
    ------
    ValueError
        If fewer topics were found than there are.
    """
    if len(found) < len(true):
        raise ValueError(f"{len(found)} topics cannot be paired with {len(true)}: find at least as many.")
    distances = (true[:, None] - found[None]).abs().sum(dim=2) / 2
    _, chosen = linear_sum_assignment(distances.cpu().numpy())
    order = torch.as_tensor(chosen)
    return order, distances[torch.arange(len(true)), order]
