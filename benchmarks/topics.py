"""How much faster than scikit-learn's is LDA here, pass for pass? `python -m benchmarks.topics`.

Both raise the same bound by the same updates, documents until they move by less than 1e-3 or 100 sweeps, then topics.
scikit-learn takes one document after the other in double precision,
ours all at once as sparse products in single. Printed are the bounds that
both reach, processor seconds, and their ratio. The documents are drawn from random topics.
"""

from __future__ import annotations

import torch
from scipy.sparse import csr_matrix
from sklearn.decomposition import LatentDirichletAllocation

from benchmarks.timing import timed
from genmodels.data.documents import Corpus
from genmodels.density import mean_field
from genmodels.density.allocation import LDA
from genmodels.training import rng

ALPHA, ETA = 0.1, 0.1


def documents(n: int, *, length: int, words: int, of: int) -> Corpus:
    """Documents of a random LDA."""
    rows = torch._sample_dirichlet(torch.full((of, words), 0.05, dtype=torch.float64), generator=rng(0))
    world = LDA(torch.full((of,), ALPHA, dtype=torch.float64), rows, length)
    return Corpus.from_tokens(world.sample((n,), rng=rng(1)), words=words)


def theirs(corpus: Corpus, *, k: int, passes: int) -> tuple[torch.Tensor, float]:
    model = LatentDirichletAllocation(k, doc_topic_prior=ALPHA, topic_word_prior=ETA, max_iter=passes, random_state=0)
    table = csr_matrix(corpus.table().numpy())
    _, spent = timed(lambda: model.fit(table))
    return torch.from_numpy(model.components_), spent


def ours(corpus: Corpus, *, k: int, passes: int) -> tuple[torch.Tensor, float]:
    return timed(lambda: fitted(corpus, k=k, passes=passes))


def fitted(corpus: Corpus, *, k: int, passes: int) -> torch.Tensor:
    words, alpha = mean_field.random_words(k, corpus.words, rng=rng(0), dtype=torch.float32), torch.full((k,), ALPHA)
    corpus = corpus.to(torch.float32)
    for _ in range(passes):
        log_topics = mean_field.expected_log(words)
        gamma = mean_field.infer(corpus, log_topics, alpha, sweeps=100, tolerance=1e-3)
        words = ETA + mean_field.expected_counts(corpus, log_topics, gamma)
    return words


def reached(corpus: Corpus, words: torch.Tensor) -> float:
    alpha = torch.full((len(words),), ALPHA).double()
    q = mean_field.Posterior(words, mean_field.infer(corpus, mean_field.expected_log(words), alpha))
    return mean_field.corpus_bound(corpus, q, alpha=alpha, eta=ETA) / corpus.tokens


def main() -> None:
    torch.set_num_threads(1)
    print(
        f"{'documents':>9} {'topics':>6} {'bound: peer':>12} {'ours':>8} {'seconds: peer':>14} {'ours':>6} {'ratio':>6}"
    )
    for n, k in ((500, 10), (500, 50), (2_000, 20)):
        corpus = documents(n, length=150, words=5_000, of=20)
        (a, slow), (b, fast) = theirs(corpus, k=k, passes=10), ours(corpus, k=k, passes=10)
        print(
            f"{n:9} {k:6} {reached(corpus, a):12.4f} {reached(corpus, b.double()):8.4f} "
            f"{slow:14.1f} {fast:6.1f} {slow / fast:6.1f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
