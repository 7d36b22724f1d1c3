r"""Latent Dirichlet allocation: topics, and a prior over the proportions in which a document mixes them.

The prior gives a likelihood to documents it has not seen, which pLSA (`topics`) has not. That likelihood is a sum over
assignments of topics to words: exact for short documents, bounded from below by variational Bayes for all others.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.distributions import Dirichlet, kl_divergence

from ..data.documents import Corpus
from .base import Density, whole
from .discrete import Categorical
from .topics import possible, shares


@dataclass(frozen=True, eq=False)
class LDA(Density):
    r"""Documents of equal length: :math:`\theta\sim\mathrm{Dir}(\alpha)`, :math:`z_i\sim\theta,\ w_i\sim p(w\mid z_i)`.

    `log_prob` is exact, by a sum over how many words each topic wrote. `fit` maximises a bound of it, starting from
    these topics, with a Dirichlet prior `eta` on each; its topics are the means of their posterior. Source: Blei, Ng,
    Jordan 2003, eq. 3.

    Raises
    ------
    ValueError
        If alpha or eta is not above 0, there is not one alpha for each topic, `length` is below 1, `steps` below 0, or
        there are too many ways for the exact sum.
    """

    alpha: Float[Tensor, " topics"]
    topics: Float[Tensor, "topics words"]
    length: int
    eta: float = 0.1
    steps: int = 100

    def __post_init__(self) -> None:
        if self.alpha.shape != (len(self.topics),) or not bool((self.alpha > 0).all()):
            raise ValueError(f"alpha has a number above 0 for each of the {len(self.topics)} topics; got {self.alpha}.")
        if self.length < 1 or not self.eta > 0 or self.steps < 0:
            given = f"length={self.length}, eta={self.eta:g}, steps={self.steps}"
            raise ValueError(f"length is 1 or more, eta above 0 and steps 0 or more; got {given}.")
        Categorical(self.topics)  # refuses rows that do not add up to 1

    @property
    def event_shape(self) -> tuple[int, ...]:
        return (self.length,)

    def _log_prob(self, x: Tensor) -> Tensor:
        numbers = self._numbers(x)
        if (ways := (self.length + 1) ** (len(self.topics) - 1)) > 10**6:
            raise ValueError(
                f"the exact sum over how many of {self.length} words each of {len(self.topics)} topics wrote has "
                f"{ways} terms: give fewer topics or shorter documents, or use `document_bound`."
            )
        return torch.cat(
            [document_log_prob(row, self.topics, self.alpha)[None] for row in numbers] or [self.alpha.new_zeros(0)]
        )

    def _sample(self, n: int, *, rng: torch.Generator) -> Tensor:
        topics = self.topics.detach().to(rng.device)
        if not n:
            return torch.zeros(0, self.length, dtype=torch.long, device=self.topics.device)
        theta = log_dirichlet(self.alpha.expand(n, -1), rng=rng).exp()
        topic = torch.multinomial(theta, self.length, replacement=True, generator=rng).flatten()
        block = max(1, 2**24 // topics.shape[1])  # so many distributions over words are laid out at once
        words = [torch.multinomial(topics[some], 1, generator=rng) for some in topic.split(block)]
        return torch.cat(words).reshape(n, self.length).to(self.topics.device)

    def _fit(self, x: Tensor, weights: Tensor) -> LDA:
        corpus = Corpus.from_tokens(self._numbers(x), words=self.topics.shape[1])
        topics, alpha = self.topics.cpu(), self.alpha.cpu()  # where a corpus lives
        start = self.eta + topics * float(weights.sum()) * self.length / len(topics)
        steps = variational_bayes(
            corpus.to(start.dtype), start, alpha=alpha, eta=self.eta, steps=self.steps, weights=weights.to(start)
        )
        *_, (last, _) = steps
        return replace(self, topics=last.topics.to(self.topics))

    def _numbers(self, x: Tensor) -> Tensor:
        words = self.topics.shape[1]
        whole(x, low=0, high=words - 1, what=f"a word is a whole number from 0 to {words - 1}")
        return x.long()


def document_log_prob(
    document: Int[Tensor, " length"], topics: Float[Tensor, "topics words"], alpha: Float[Tensor, " topics"]
) -> Float[Tensor, ""]:
    r""":math:`\log p(w_1\dots w_L)=\log\sum_np(n)\sum_{z:\,n(z)=n}\prod_ip(w_i\mid z_i)` of LDA.

    The prior of an assignment z of topics to words depends on z only through :math:`n_k`, how many words topic k wrote:
    :math:`\frac{\Gamma(\sum\alpha)}{\Gamma(\sum\alpha+L)}\prod_k\frac{\Gamma(\alpha_k+n_k)}{\Gamma(\alpha_k)}`. So one
    word after the other is added to a table over n, :math:`(L+1)^{K-1}` numbers (the last topic wrote the rest).
    """
    length, others = len(document), len(topics) - 1
    # In logarithms, since the prior may prefer counts whose likelihood is e^-1000 times that of the likeliest.
    table = topics.new_full((length + 1,) * others, -torch.inf)
    table.view(-1)[0] = 0.0
    for *first, last in topics.log().T[document]:
        grown = table + last
        for k, log_p in enumerate(first):
            more = grown.narrow(k, 1, length)
            more.copy_(torch.logaddexp(more, table.narrow(k, 0, length) + log_p))
        table = grown
    return (table + _log_urn(alpha, length)).flatten().logsumexp(dim=0)


def _log_urn(alpha: Tensor, length: int) -> Tensor:
    """The prior of an assignment in which topic k wrote n_k words, axis k being n_k; the last topic wrote the rest."""
    steps = torch.arange(length + 1, dtype=alpha.dtype, device=alpha.device)
    wrote = torch.meshgrid(*[steps] * (len(alpha) - 1), indexing="ij") if len(alpha) > 1 else ()
    rest = (length - sum(wrote, start=torch.zeros_like(steps[0]))).clamp_min(0)  # of impossible n any finite number
    urn = alpha.sum().lgamma() - (alpha.sum() + length).lgamma()
    return urn + sum((a + n).lgamma() - a.lgamma() for a, n in zip(alpha, (*wrote, rest), strict=True))


def enumerated(
    document: Int[Tensor, " length"], topics: Float[Tensor, "topics words"], alpha: Float[Tensor, " topics"]
) -> Float[Tensor, ""]:
    r"""`document_log_prob` the long way, over all :math:`K^L` assignments of topics to words: for tiny documents."""
    terms = []
    for assignment in itertools.product(range(len(topics)), repeat=len(document)):
        z = torch.tensor(assignment, dtype=torch.long)
        n = torch.bincount(z, minlength=len(topics))
        urn = alpha.sum().lgamma() - (alpha.sum() + len(z)).lgamma() + ((alpha + n).lgamma() - alpha.lgamma()).sum()
        terms.append(urn + topics[z, document].log().sum())
    return torch.stack(terms).logsumexp(dim=0)


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


def log_dirichlet(dirichlet: Float[Tensor, "rows things"], *, rng: torch.Generator) -> Float[Tensor, "rows things"]:
    r"""A draw of :math:`\log\theta` for each row, in double precision on the device of `rng`.

    A Gamma(a) variable is :math:`gu^{1/a}`, with g of Gamma(a + 1) and u uniform. For a small a it underflows, and its
    logarithm does not.
    """
    a = dirichlet.detach().to(rng.device, torch.float64)
    u = 1 - torch.rand(a.shape, generator=rng, dtype=a.dtype, device=a.device)  # in (0, 1]
    return (torch._standard_gamma(a + 1, generator=rng).log() + u.log() / a).log_softmax(dim=1)


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


def importance(
    corpus: Corpus,
    topics: Float[Tensor, "topics words"],
    alpha: Float[Tensor, " topics"],
    documents: Float[Tensor, "documents topics"],
    *,
    samples: int,
    rng: torch.Generator,
) -> Float[Tensor, " documents"]:
    r"""Estimates of :math:`\log p(w)`: the log of the mean of :math:`p(w\mid\theta)p(\theta)/q(\theta)` over q.

    The mean is unbiased, its logarithm too low on average, and the less so the more samples.
    """
    right, scale = topics.T.contiguous(), _log_beta(documents) - _log_beta(alpha[None])
    weighed = []
    for _ in range(samples):
        log_theta = log_dirichlet(documents, rng=rng).to(documents)
        words = corpus.count * corpus.spread(log_theta.exp(), right).log()
        given = torch.zeros_like(log_theta[:, 0]).index_add(0, corpus.document, words)
        weighed.append(given + ((alpha - documents) * log_theta).sum(dim=1) + scale)
    return torch.stack(weighed).logsumexp(dim=0) - math.log(samples)


def _log_beta(dirichlet: Tensor) -> Tensor:
    """What a Dirichlet density is divided by, in logarithms."""
    return dirichlet.lgamma().sum(dim=1) - dirichlet.sum(dim=1).lgamma()
