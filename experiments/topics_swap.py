"""Section 1.5: is it the topics, or how new articles are inferred? Both models' topics, with both ways of inference.

    GENMODELS_DATA=DIR python -m experiments.topics_swap [--seeds 3]

Writes `results/topics_swap.json`: the perplexity of document completion as in `topics_ap`, same splits and fits, for
pLSA's and LDA's topics, each once folded in and once with the variational inference of LDA, for which a topic is a
table of probabilities here (of LDA's, the mean; `topics_ap` takes exp E log); and how many hidden words pLSA without
pseudo-counts gives the probability 0.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import torch

from genmodels.data.documents import Corpus, ap_news
from genmodels.density import mean_field, topics

from . import record
from .topics_ap import ALPHA, BESIDE, ETA, SETTING, SINGLE, lda, plsa, split


def rows_of(corpus: Corpus, *, k: int, seed: int, held_out: int) -> list[dict[str, Any]]:
    train, seen, hidden = split(corpus, held_out=held_out, seed=seed)
    found = {
        "plsa": plsa(train, k=k, seed=seed, pseudo=ETA)[0],
        "lda": lda(train, k=k, seed=seed)[0].topics,
    }
    rows = []
    for name, table in found.items():
        gamma = mean_field.infer(seen, table.log(), torch.full((k,), ALPHA))
        ways = {"folded in": topics.folded(seen, table), "with prior": topics.shares(gamma)}
        rows += [
            {
                "topics of": name,
                "way": way,
                "seed": seed,
                "perplexity": round(topics.perplexity(hidden, theta, table), 1),
            }
            for way, theta in ways.items()
        ]
    bare, _ = plsa(train, k=k, seed=seed, pseudo=0.0)
    mixed = hidden.spread(topics.folded(seen, bare), bare.T.contiguous())
    impossible = float(hidden.count[~(mixed > 0)].sum())
    rows.append(
        {"topics of": "plsa without pseudo-counts", "seed": seed, "impossible": impossible, "hidden": hidden.tokens}
    )
    print(*rows, sep="\n", flush=True)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    seeds = parser.parse_args().seeds
    torch.set_num_threads(1)
    began, about = time.process_time(), record.provenance(f"python -m experiments.topics_swap --seeds {seeds}")
    corpus, rows = ap_news()[0].to(SINGLE), []
    for seed in range(seeds):
        rows += rows_of(corpus, k=BESIDE, seed=seed, held_out=225)
    setting = {"topics": BESIDE, "alpha": ALPHA, "eta": ETA, **{k: SETTING[k] for k in ("held_out", "metric", "stop")}}
    size = {"documents": corpus.documents, "tokens": corpus.tokens, "words": corpus.words}
    result = {
        **about,
        "collection": size,
        "setting": setting,
        "rows": rows,
        "seconds": round(time.process_time() - began),
    }
    print(record.write("topics_swap", result))


if __name__ == "__main__":
    main()
