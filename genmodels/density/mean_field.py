r"""Variational Bayes for latent Dirichlet allocation: a bound of the likelihood, and the topics that raise it.

The posterior of a document's proportions and topics is replaced by independent distributions (mean field), each
improved in turn with the others held fixed; no such step lowers the bound.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.distributions import Dirichlet, kl_divergence

from ..data.documents import Corpus
from .topics import possible, shares


@dataclass(frozen=True, eq=False)
class Posterior:
    """What variational Bayes knows: a Dirichlet distribution for each topic and for each document's proportions."""

    words: Float[Tensor, "topics words"]
    documents: Float[Tensor, "documents topics"]

    @property
    def topics(self) -> Float[Tensor, "topics words"]:
        """The mean of each topic."""
        return shares(self.words)

    @property
    def proportions(self) -> Float[Tensor, "documents topics"]:
        """The mean proportions of each document."""
        return shares(self.documents)


def expected_log(dirichlet: Float[Tensor, "rows things"]) -> Float[Tensor, "rows things"]:
    r""":math:`\mathbb E\log\theta_k=\psi(\gamma_k)-\psi(\sum_j\gamma_j)` of Dirichlet distributions, a row each."""
    return dirichlet.digamma() - dirichlet.sum(dim=1, keepdim=True).digamma()


def scaled(log: Float[Tensor, "rows things"]) -> tuple[Float[Tensor, "rows things"], Float[Tensor, " rows"]]:
    """The numbers with these logarithms, each row divided by its largest, and the logarithm of the largest."""
    most = log.max(dim=1).values.clamp_min(torch.finfo(log.dtype).min)  # of a row of zeros: not -inf minus -inf
    return (log - most[:, None]).exp().contiguous(), most


def random_words(topics: int, words: int, *, rng: torch.Generator, dtype: torch.dtype = torch.float64) -> Tensor:
    """A start for `variational_bayes`: Gamma(100, 1/100), all close to 1, as scikit-learn begins."""
    return (torch._standard_gamma(torch.full((topics, words), 100.0, dtype=torch.float64), generator=rng) / 100).to(
        dtype
    )


def infer(
    corpus: Corpus,
    log_topics: Float[Tensor, "topics words"],
    alpha: Float[Tensor, " topics"],
    *,
    start: Float[Tensor, "documents topics"] | None = None,
    sweeps: int = 200,
    tolerance: float = 1e-4,
) -> Float[Tensor, "documents topics"]:
    r"""The documents' :math:`q(\theta)` given topics: :math:`\gamma_{dk}\leftarrow\alpha_k+\sum_wn_{dw}q(z=k\mid d,w)`.

    `log_topics` is :math:`\log p(w\mid z)` of known topics, or its expectation. Each sweep raises `document_bound`. A
    document has converged when its row of gamma moves by less than `tolerance` on average; once more than half of them
    have, only the others go on.

    Source: Blei, Ng, Jordan 2003, eqs. 6 and 7.

    Raises
    ------
    ValueError
        If no topic gives some word of a document a probability above 0.
    """
    right, _ = scaled(log_topics.T)  # a word's scale cancels in q(z), and so does a document's
    gamma = torch.ones_like(right[:1]).repeat(corpus.documents, 1) if start is None else start
    for left_over in range(sweeps - 1, -1, -1):
        left, _ = scaled(expected_log(gamma))
        ratio = corpus.count / possible(corpus.spread(left, right))
        before, gamma = gamma, alpha + left * corpus.by_document(ratio, right)
        moving = ((gamma - before).abs().mean(dim=1) >= tolerance).nonzero()[:, 0]
        if 2 * len(moving) < len(gamma):  # a sweep over all would mostly repeat what is known
            if len(moving):
                those = corpus.rows(moving)
                gamma[moving] = infer(
                    those, log_topics, alpha, start=gamma[moving], sweeps=left_over, tolerance=tolerance
                )
            break
    return gamma


def document_bound(
    corpus: Corpus,
    log_topics: Float[Tensor, "topics words"],
    alpha: Float[Tensor, " topics"],
    documents: Float[Tensor, "documents topics"],
) -> Float[Tensor, " documents"]:
    r"""A lower bound of each document's :math:`\log p(w)`, its words taken in one given order:

    :math:`\sum_wn_w\log\sum_ke^{\mathbb E\log\theta_k}p(w\mid k)-\mathrm{KL}(q(\theta)\|\mathrm{Dir}(\alpha))`.
    Source: Blei, Ng, Jordan 2003, appendix A.3, with its best q(z) put in.
    """
    (left, of_document), (right, of_word) = scaled(expected_log(documents)), scaled(log_topics.T)
    mixed = corpus.spread(left, right).log() + of_document[corpus.document] + of_word[corpus.word]
    prior = kl_divergence(Dirichlet(documents), Dirichlet(alpha.expand_as(documents)))
    return torch.zeros_like(prior).index_add(0, corpus.document, corpus.count * mixed) - prior


def corpus_bound(
    corpus: Corpus, q: Posterior, *, alpha: Float[Tensor, " topics"], eta: float, weights: Tensor | None = None
) -> float:
    """The lower bound of the whole corpus's log-probability that `variational_bayes` raises, in nats."""
    each = document_bound(corpus, expected_log(q.words), alpha, q.documents).double()
    prior = kl_divergence(Dirichlet(q.words), Dirichlet(torch.full_like(q.words, eta))).double().sum()
    return float((each if weights is None else each * weights).sum() - prior)


def variational_bayes(
    corpus: Corpus,
    words: Float[Tensor, "topics words"],
    *,
    alpha: Float[Tensor, " topics"],
    eta: float,
    steps: int,
    tolerance: float = 0.0,
    sweeps: int = 10,
    weights: Float[Tensor, " documents"] | None = None,
    afresh: bool = False,
) -> Iterator[tuple[Posterior, float]]:
    r"""Variational Bayes for LDA, step by step, each with its bound in nats a token; `words` is where it starts.

    A step improves the documents by at most `sweeps` of `infer`, each document from where it was, then the topics,
    :math:`\lambda_{kw}\leftarrow\eta+\sum_dn_{dw}\,q(z=k\mid d,w)`. No step lowers the bound. `weights` count documents
    as copies. Stops when a step gains less than `tolerance`. Source: Blei, Ng, Jordan 2003, section 5.4.

    With `afresh` each step forgets where the documents were and starts them all evenly, as scikit-learn does. Documents
    are then not tied to what they chose while the topics were noise; where many topics are sought in many words, the
    bound ends higher in the runs of our tests. Lost is the guarantee: while documents are not converged, or if they
    converge to another optimum, a step may lower the bound, and the iteration stops there unless `tolerance` allows it.
    """
    tokens = corpus.tokens if weights is None else float(corpus.lengths() @ weights)
    gamma, before = None, -torch.inf
    for remaining in reversed(range(steps + 1)):
        log_topics = expected_log(words)
        gamma = infer(corpus, log_topics, alpha, start=None if afresh else gamma, sweeps=sweeps)
        q = Posterior(words, gamma)
        now = corpus_bound(corpus, q, alpha=alpha, eta=eta, weights=weights) / tokens
        yield q, now
        if now - before < tolerance or not remaining:
            return
        before, words = now, eta + expected_counts(corpus, log_topics, gamma, weights)


def expected_counts(
    corpus: Corpus,
    log_topics: Float[Tensor, "topics words"],
    documents: Float[Tensor, "documents topics"],
    weights: Float[Tensor, " documents"] | None = None,
) -> Float[Tensor, "topics words"]:
    r"""How often each topic wrote each word, :math:`\sum_dn_{dw}\,q(z=k\mid d,w)`.

    `weights` count documents as copies.

    Raises
    ------
    ValueError
        If no topic gives some word of a document a probability above 0.
    """
    (left, _), (right, _) = scaled(expected_log(documents)), scaled(log_topics.T)
    ratio = corpus.count / possible(corpus.spread(left, right))
    return (right * corpus.by_word(ratio, left if weights is None else left * weights[:, None])).T
