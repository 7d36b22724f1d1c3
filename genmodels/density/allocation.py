r"""Latent Dirichlet allocation: topics, and a prior over the proportions in which a document mixes them.

The prior gives a likelihood to documents it has not seen, which pLSA (`topics`) has not. That likelihood is a sum over
assignments of topics to words: here it is exact for short documents and sampled for others; `mean_field` bounds it.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int
from torch import Tensor

from ..data.documents import Corpus
from .base import Density, indices, whole
from .discrete import Categorical
from .mean_field import variational_bayes
from .variational import importance_bound


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
                f"{ways} terms: give fewer topics or shorter documents, or use `mean_field.document_bound`."
            )
        return torch.cat(
            [document_log_prob(row, self.topics, self.alpha)[None] for row in numbers] or [self.alpha.new_zeros(0)]
        )

    def _sample(self, n: int, *, rng: torch.Generator) -> Tensor:
        topics = self.topics.to(rng.device)
        theta = log_dirichlet(self.alpha.expand(n, -1), rng=rng).exp()
        topic = indices(theta, self.length, rng=rng).flatten()
        block = max(1, 2**24 // topics.shape[1])  # so many distributions over words are laid out at once
        words = [indices(topics[some], 1, rng=rng) for some in topic.split(block)]
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


def log_dirichlet(dirichlet: Float[Tensor, "rows things"], *, rng: torch.Generator) -> Float[Tensor, "rows things"]:
    r"""A draw of :math:`\log\theta` for each row, in double precision on the device of `rng`.

    A Gamma(a) variable is :math:`gu^{1/a}`, with g of Gamma(a + 1) and u uniform. For a small a it underflows, and its
    logarithm does not.
    """
    a = dirichlet.detach().to(rng.device, torch.float64)
    u = 1 - torch.rand(a.shape, generator=rng, dtype=a.dtype, device=a.device)  # in (0, 1]
    return (torch._standard_gamma(a + 1, generator=rng).log() + u.log() / a).log_softmax(dim=1)


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
    return importance_bound(torch.stack(weighed))


def _log_beta(dirichlet: Tensor) -> Tensor:
    """What a Dirichlet density is divided by, in logarithms."""
    return dirichlet.lgamma().sum(dim=1) - dirichlet.sum(dim=1).lgamma()
