"""Section 5.1: n-grams of every order and smoothing, on plays, captions and Chinese poems.

    python -m experiments.ngrams

Each smoothing's constant is chosen on 300 texts (10,000 characters of the plays) of the last tenth of the training
text, with counts of the other nine; then the model is counted on all of it and judged on other text. Writes
`results/ngrams.json`.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from genmodels import data, training
from genmodels.data.text import UNKNOWN, Vocabulary
from genmodels.sequence import nll
from genmodels.sequence.ngram import NGram, Smoothing, add, back_off, discounted, interpolated, maximum_likelihood

from . import record

METRIC = (
    "nats: mean over all tokens of the test text, ends included; perplexity: exp(nats); "
    "bits: per character, the end of a text counted as one character"
)
DISCOUNTS = (0.2, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.97)


@dataclass(frozen=True)
class Rule:
    """A smoothing, the constants that it is tried with, and whether shorter contexts count continuations."""

    name: str
    smoothing: Smoothing
    constant: str
    values: tuple[float, ...]
    continuations: bool = False

    def with_constant(self, value: float) -> Smoothing:
        return partial(self.smoothing, **{self.constant: value}) if self.constant else self.smoothing


RULES = (
    Rule("maximum likelihood", maximum_likelihood, "", (0.0,)),
    Rule("add k", add, "k", (1.0, 0.1, 0.01, 0.001, 0.0001)),
    Rule("interpolated", interpolated, "weight", (0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0)),
    Rule("discounted", discounted, "discount", DISCOUNTS),
    Rule("back-off", back_off, "discount", DISCOUNTS),
    Rule("Kneser-Ney", discounted, "discount", DISCOUNTS, continuations=True),
)


@dataclass(frozen=True)
class Corpus:
    name: str
    vocabulary: Vocabulary
    train: Tensor
    test: Tensor
    characters: int
    orders: Sequence[int]
    eos: int | None = 0

    @property
    def unknown(self) -> float:
        """The share of test tokens that the vocabulary does not have."""
        if (number := self.vocabulary.numbers.get(UNKNOWN)) is None:
            return 0.0
        words = (self.test != 0).sum()
        return ((self.test == number).sum() / words).item()


def shakespeare() -> Corpus:
    """One long text; the last tenth is the test, as in nanoGPT."""
    text = data.tiny_shakespeare()
    vocabulary = data.characters([text])
    x = vocabulary.encode(text)[None, :-1]
    cut = int(0.9 * x.shape[1])
    return Corpus(
        "Shakespeare, characters", vocabulary, x[:, :cut], x[:, cut:], x.shape[1] - cut, range(1, 7), eos=None
    )


def of_texts(name: str, vocabulary: Vocabulary, train: Sequence[str], test: Sequence[str], orders: range) -> Corpus:
    encoded = (data.padded([vocabulary.encode(text) for text in texts]) for texts in (train, test))
    return Corpus(name, vocabulary, *encoded, sum(len(text) + 1 for text in test), orders)


def captions() -> Iterator[Corpus]:
    """COCO with full stops and commas as words of their own; words that occur once are unknown."""
    train, test = ([spaced(text) for text in data.coco_captions(split)] for split in ("train", "test"))
    yield of_texts(
        "COCO captions, words", data.words(train, at_least=2, unknown=True), train, test[:1_000], range(1, 5)
    )
    yield of_texts("COCO captions, characters", data.characters(train, unknown=True), train, test[:1_000], range(1, 7))


def spaced(text: str) -> str:
    return " ".join(re.sub(r"([.,])", r" \1 ", text).split())


def quatrains() -> Corpus:
    """A tenth of the poems, drawn at random, is the test; characters that occur once are unknown."""
    poems = data.quatrains()
    order = torch.randperm(len(poems), generator=training.rng(0)).tolist()
    cut = len(poems) // 10
    test, train = ([poems[i] for i in part] for part in (order[:cut], order[cut:]))
    vocabulary = data.characters(train, at_least=2, unknown=True)
    return of_texts("Tang quatrains, characters", vocabulary, train, test, range(1, 5))


def counted(corpus: Corpus, tokens: Tensor, *, order: int, rule: Rule, known: NGram | None = None) -> NGram:
    """A model whose counts are made, or shared with one of a higher order: shorter contexts are the same there."""
    model = NGram(len(corpus.vocabulary), order=order, continuations=rule.continuations, eos=corpus.eos)
    if known is None or rule.continuations:
        return model.fit(tokens)
    model.counts = known.counts
    return model


def nats(model: NGram, tokens: Tensor, smoothing: Smoothing) -> float:
    model.smoothing = smoothing
    model._known.clear()
    return nll(model, tokens).item()


def divided(corpus: Corpus) -> tuple[Tensor, Tensor]:
    """Nine tenths of the training text, and what of the last tenth the constants are chosen on."""
    across = 1 if len(corpus.train) == 1 else 0
    size = corpus.train.shape[across]
    fit, held = corpus.train.split([size - size // 10, size // 10], dim=across)
    return fit, held[:, :10_000] if across else held[:300]


def rows(corpus: Corpus) -> Iterator[dict[str, Any]]:
    fit, held = divided(corpus)
    longest = max(corpus.orders)
    parts = {"choose": fit, "judge": corpus.train}
    shared = {name: counted(corpus, part, order=longest, rule=RULES[0]) for name, part in parts.items()}
    for rule in RULES:
        for order in corpus.orders:
            began = time.perf_counter()
            chooser = counted(corpus, fit, order=order, rule=rule, known=shared["choose"])
            best = min(rule.values, key=lambda value: nats(chooser, held, rule.with_constant(value)))
            judge = counted(corpus, corpus.train, order=order, rule=rule, known=shared["judge"])
            loss = nats(judge, corpus.test, rule.with_constant(best))
            bits = loss / math.log(2) * tokens_of(corpus) / corpus.characters
            finite = math.isfinite(loss)
            yield {
                "corpus": corpus.name,
                "rule": rule.name,
                "order": order,
                "constant": best if rule.constant else None,
                "nats": round(loss, 4) if finite else None,
                "perplexity": round(math.exp(loss), 3) if finite else None,
                "bits": round(bits, 4) if finite else None,
                "seconds": round(time.perf_counter() - began, 1),
            }


def tokens_of(corpus: Corpus) -> int:
    if corpus.eos is None:
        return corpus.test.numel()
    return int((corpus.test != 0).sum()) + len(corpus.test)


def main() -> None:
    torch.set_num_threads(1)
    about = {"metric": METRIC, **record.provenance("python -m experiments.ngrams")}
    corpora: list[dict[str, Any]] = []
    found: list[dict[str, Any]] = []
    for corpus in (shakespeare(), *captions(), quatrains()):
        size = corpus.train.numel() if corpus.eos is None else int((corpus.train != 0).sum()) + len(corpus.train)
        corpora.append(
            {
                "corpus": corpus.name,
                "vocabulary": len(corpus.vocabulary),
                "train": size,
                "test": tokens_of(corpus),
                "unknown": round(corpus.unknown, 4),
            }
        )
        print(corpora[-1], flush=True)
        for row in rows(corpus):
            print(row, flush=True)
            found.append(row)
    print(record.write("ngrams", {**about, "corpora": corpora, "rows": found}))


if __name__ == "__main__":
    main()
