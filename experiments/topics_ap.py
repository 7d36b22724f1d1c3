"""Section 1.5: topic models of 2,246 news articles, judged by the second halves of articles they were not fitted to.

    GENMODELS_DATA=DIR python -m experiments.topics_ap [--seeds 3]

Writes `results/topics_ap.json`: for each number of topics the perplexity of pLSA (folded in) and of LDA, with
scikit-learn's LDA beside ours at one of them, and the words of one model's topics. Written after each seed.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from scipy.sparse import csr_matrix
from sklearn.decomposition import LatentDirichletAllocation
from torch import Tensor

from genmodels import training
from genmodels.data.documents import Corpus, ap_news
from genmodels.density import mean_field, topics

from . import record

GRID = (5, 10, 20, 40, 80, 160)
FURTHER = {"plsa": (320, 640, 1280), "lda": (320,)}  # in the first split only
LARGER_GRID = (5, 10, 20, 40, 80)
BESIDE = 20
ALPHA, ETA = 0.1, 0.1
LARGER = 0.6
SINGLE = torch.float32
SETTING = {
    "held_out": 225,
    "alpha": ALPHA,
    "eta": ETA,
    "larger": LARGER,
    "metric": "document completion: half of each held-out article's words are seen, the others are scored; words that "
    "no article of the training set has are left out",
    "stop": "100 steps, or a gain below 2e-5 nats a word; LDA 10 sweeps a step, its documents started afresh in each",
}
LIMIT: dict[str, Any] = {"steps": 100, "tolerance": 2e-5}


def split(corpus: Corpus, *, held_out: int, seed: int) -> tuple[Corpus, Corpus, Corpus]:
    """Articles to fit to, and of the others the words seen and the words to complete."""
    rng = training.rng(seed)
    order = torch.randperm(corpus.documents, generator=rng)
    train, test = corpus.rows(order[held_out:].sort().values), corpus.rows(order[:held_out].sort().values)
    known = train.frequencies()[test.word] > 0
    test = replace(test, document=test.document[known], word=test.word[known], count=test.count[known])
    seen, hidden = test.halves(rng=rng)
    return train, seen, hidden


def last(steps: Any) -> Any:
    """The last model of an iteration, and how many steps it took."""
    *_, (number, (model, _)) = enumerate(steps)
    return model, number


def judged(
    fit: Callable[[], tuple[Tensor, int]], complete: Callable[[Tensor], Tensor], hidden: Corpus
) -> dict[str, Any]:
    """Fit, infer the held-out articles' topics, score their hidden words; None stands for more than 1e9."""
    began = time.process_time()
    found, steps = fit()
    seconds = time.process_time() - began
    value = topics.perplexity(hidden, complete(found), found)
    if math.isnan(value):
        raise ArithmeticError(f"the perplexity of {len(found)} topics is not a number.")
    return {"perplexity": round(value, 1) if value < 1e9 else None, "steps": steps, "seconds": round(seconds, 1)}


def plsa(train: Corpus, *, k: int, seed: int, pseudo: float) -> tuple[Tensor, int]:
    rng = training.rng(seed)
    start = topics.random_plsa(train.documents, train.words, topics=k, rng=rng, pseudo=pseudo, dtype=SINGLE)
    model, steps = last(topics.plsa(start, train, **LIMIT))
    return topics.topics_of(model), steps


def lda(
    train: Corpus, *, k: int, seed: int, alpha: float = ALPHA, eta: float = ETA
) -> tuple[mean_field.Posterior, int]:
    start = mean_field.random_words(k, train.words, rng=training.rng(seed), dtype=SINGLE)
    steps = mean_field.variational_bayes(
        train, start, alpha=torch.full((k,), alpha), eta=eta, sweeps=10, afresh=True, **LIMIT
    )
    return last(steps)


def inferred(seen: Corpus, words: Tensor, *, alpha: float) -> Tensor:
    """The mean proportions of new articles, given the Dirichlet distributions of the topics."""
    gamma = mean_field.infer(seen, mean_field.expected_log(words), torch.full((len(words),), alpha))
    return topics.shares(gamma)


def peer(train: Corpus, *, k: int, seed: int, steps: int) -> tuple[mean_field.Posterior, float]:
    """scikit-learn's variational Bayes with the same priors; its start is of the same kind."""
    model = LatentDirichletAllocation(
        k, doc_topic_prior=ALPHA, topic_word_prior=ETA, learning_method="batch", max_iter=steps, random_state=seed
    )
    table = csr_matrix(train.table().numpy())
    began = time.process_time()
    model.fit(table)
    seconds = time.process_time() - began
    return mean_field.Posterior(torch.from_numpy(model.components_).to(SINGLE), torch.ones(train.documents, k)), seconds


def sizes(model: str, *, seed: int) -> tuple[int, ...]:
    """The numbers of topics that are tried."""
    return GRID + (FURTHER[model] if seed == 0 else ())


def rows_of(corpus: Corpus, *, seed: int) -> list[dict[str, Any]]:
    train, seen, hidden = split(corpus, held_out=SETTING["held_out"], seed=seed)  # type: ignore[arg-type]
    unigram = (train.frequencies() + ETA)[None]
    alone = torch.ones(hidden.documents, 1)
    value = topics.perplexity(hidden, alone, unigram / unigram.sum())
    rows = [{"model": "unigram", "topics": 1, "perplexity": round(value, 1), "hidden": hidden.tokens, "seed": seed}]
    fold = lambda found: topics.folded(seen, found)  # noqa: E731
    for k in sizes("plsa", seed=seed):
        bare = {"plsa without pseudo-counts": 0.0} if k == BESIDE else {}
        for name, pseudo in ({"plsa": ETA} | bare).items():
            row = judged(lambda k=k, pseudo=pseudo: plsa(train, k=k, seed=seed, pseudo=pseudo), fold, hidden)
            rows.append({"model": name, "topics": k, "seed": seed, **row})
            print(rows[-1], flush=True)
    for k in sizes("lda", seed=seed):
        larger = {"lda, larger priors": LARGER} if k in LARGER_GRID else {}
        for name, prior in ({"lda": ALPHA} | larger).items():
            began = time.process_time()
            q, steps = lda(train, k=k, seed=seed, alpha=prior, eta=prior)
            row = completed(q, seen, hidden, alpha=prior, began=began)
            rows.append({"model": name, "topics": k, "seed": seed, "steps": steps, **row})
            print(rows[-1], flush=True)
    return rows


def completed(
    q: mean_field.Posterior, seen: Corpus, hidden: Corpus, *, alpha: float = ALPHA, began: float | None = None
) -> dict[str, Any]:
    """The perplexity of the hidden words, and the seconds since `began`."""
    seconds = {} if began is None else {"seconds": round(time.process_time() - began, 1)}
    return {
        "perplexity": round(topics.perplexity(hidden, inferred(seen, q.words, alpha=alpha), q.topics), 1),
        **seconds,
    }


def beside(corpus: Corpus, *, seed: int) -> list[dict[str, Any]]:
    """Ours and scikit-learn's at the same number of topics: the bound on the training articles, perplexity, seconds."""
    train, seen, hidden = split(corpus, held_out=SETTING["held_out"], seed=seed)  # type: ignore[arg-type]
    alpha, rows = torch.full((BESIDE,), ALPHA), []
    q, seconds = peer(train, k=BESIDE, seed=seed, steps=20)
    own = {"model": "scikit-learn, 20 passes", "seconds": round(seconds, 1)}
    began = time.process_time()
    ours, steps = lda(train, k=BESIDE, seed=seed)
    us = {"model": f"ours, {steps} steps", "seconds": round(time.process_time() - began, 1)}
    for name, found in ((own, q), (us, ours)):
        gamma = mean_field.infer(train, mean_field.expected_log(found.words), alpha)
        value = mean_field.corpus_bound(train, replace(found, documents=gamma), alpha=alpha, eta=ETA) / train.tokens
        rows.append(
            {**name, "topics": BESIDE, "seed": seed, "bound": round(value, 4), **completed(found, seen, hidden)}
        )
    print(*rows, sep="\n", flush=True)
    return rows


def top_words(corpus: Corpus, vocabulary: list[str], *, k: int) -> list[dict[str, Any]]:
    """Each topic's ten likeliest words, and its share of all words."""
    q, _ = lda(corpus, k=k, seed=0)
    share = corpus.lengths() @ q.proportions / corpus.tokens
    tops = q.topics.topk(10).indices
    return [
        {"share": round(float(share[i]), 4), "words": [vocabulary[w] for w in tops[i].tolist()]}
        for i in share.argsort(descending=True).tolist()
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    seeds = parser.parse_args().seeds
    torch.set_num_threads(1)
    began, about = time.process_time(), record.provenance(f"python -m experiments.topics_ap --seeds {seeds}")
    corpus, vocabulary = ap_news()
    corpus = corpus.to(SINGLE)
    words, peers, rows = top_words(corpus, vocabulary, k=BESIDE), beside(corpus, seed=0), []
    for seed in range(seeds):
        rows += rows_of(corpus, seed=seed)
        result = {**about, "setting": SETTING, "rows": rows, "peers": peers, "words": words}
        print(record.write("topics_ap", {**result, "seconds": round(time.process_time() - began)}))


if __name__ == "__main__":
    main()
