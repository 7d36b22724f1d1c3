"""Section 5.2 at full scale: n-grams, an LSTM and a Transformer on the characters of tiny Shakespeare.

    python -m experiments.shakespeare [--long]

Writes `results/shakespeare.json`. The first 85 % of the text are learned from, the next 5 % decide orders, smoothings
and when to stop, the last 10 % are looked at once, at the end. An interrupted run goes on where it was.
"""

from __future__ import annotations

import argparse
import itertools
import math
import time
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from genmodels import data, training
from genmodels.data.corpora import TINY_SHAKESPEARE
from genmodels.sequence import (
    NGram,
    Recurrent,
    StepModel,
    Transformer,
    Windows,
    fit,
    ngram,
    nll,
    unroll,
    warm_then_cosine,
)
from genmodels.sequence.steps import free

from . import cells, record

CONTEXT = 128
ORDERS = range(1, 9)
SMOOTHINGS: dict[str, ngram.Smoothing] = {
    "interpolated, m = 1": ngram.interpolated,
    "interpolated, m = 5": partial(ngram.interpolated, weight=5.0),
    "discounted, d = 0.75": ngram.discounted,
}
METRIC = (
    f"nats per character. Each part of the text is cut into windows of {CONTEXT} characters that begin every "
    f"{CONTEXT // 2}; the second half of each is judged, so that every character is judged once (the first "
    f"{CONTEXT // 2} of a part are not), by every model, with {CONTEXT // 2} to {CONTEXT - 1} characters before it "
    "in its window; nothing else is read. by_position: mean over windows of the test part with so many characters "
    "before. perplexity: exp of it"
)


class Setting(NamedTuple):
    """A network, and how it learns: the setting was chosen by the validation part."""

    make: Callable[[int], StepModel]
    batch: int
    steps: int
    peak: float


def lstm(vocab: int) -> StepModel:
    return Recurrent(vocab, hidden=512, embedding=64, cell="lstm", dropout=0.2, eos=None)


def gpt(vocab: int) -> StepModel:
    return Transformer(vocab, context=CONTEXT, dim=160, heads=4, layers=4, dropout=0.1, eos=None)


NETWORKS = {
    "LSTM": Setting(lstm, batch=16, steps=6_000, peak=5e-3),
    "Transformer": Setting(gpt, batch=16, steps=6_000, peak=3e-3),
    "Transformer, twice as long": Setting(gpt, batch=16, steps=12_000, peak=3e-3),
}
LOOKS = 6


def corpus() -> tuple[data.Vocabulary, dict[str, Int[Tensor, " characters"]]]:
    """The alphabet, and the three parts of the text in its order."""
    text = data.tiny_shakespeare()
    vocabulary = data.characters([text])
    tokens = vocabulary.encode(text)[:-1]
    first, second = round(0.85 * len(tokens)), round(0.9 * len(tokens))
    parts = {"train": tokens[:first], "validation": tokens[first:second], "test": tokens[second:]}
    return vocabulary, parts


def judged(model: StepModel, part: Int[Tensor, " characters"]) -> tuple[float, Float[Tensor, " context"]]:
    """Nats per character of the second halves, and the mean at every position of a window."""
    windows = part.unfold(0, CONTEXT, CONTEXT // 2)
    with training.evaluating(model):
        each = -torch.cat([model.log_probs(some) for some in windows.split(64)]).double()
    return each[:, CONTEXT // 2 :].mean().item(), each.mean(dim=0)


def measured(model: StepModel, parts: dict[str, Tensor], vocabulary: data.Vocabulary) -> dict[str, Any]:
    test, by_position = judged(model, parts["test"])
    with training.evaluating(model):
        tokens = unroll(model, free(), steps=CONTEXT, n=3, rng=training.rng(0)).tokens
    return {
        "validation": round(judged(model, parts["validation"])[0], 4),
        "test": round(test, 4),
        "perplexity": round(math.exp(test), 3),
        "by_position": [round(value, 3) for value in by_position.tolist()],
        "samples": [vocabulary.decode(row) for row in tokens],
    }


def count() -> dict[str, Any]:
    """All orders with all smoothings on the validation part; the best smoothing of each order on the test part too."""
    began = time.process_time()
    vocabulary, parts = corpus()
    counts = NGram(len(vocabulary), order=ORDERS[-1], eos=None).fit(parts["train"][None]).counts

    def model(order: int, smoothing: str) -> NGram:
        made = NGram(len(vocabulary), order=order, smoothing=SMOOTHINGS[smoothing], eos=None)
        made.counts = counts
        return made

    validation = {
        (order, name): judged(model(order, name), parts["validation"])[0]
        for order, name in itertools.product(ORDERS, SMOOTHINGS)
    }
    orders = []
    for order in ORDERS:
        name = min(SMOOTHINGS, key=lambda name: validation[order, name])
        found = measured(model(order, name), parts, vocabulary)
        orders.append({"order": order, "smoothing": name, **found})
    grid = [{"order": order, "smoothing": name, "validation": round(v, 4)} for (order, name), v in validation.items()]
    return {"model": "n-gram", "seconds": round(time.process_time() - began), "grid": grid, "orders": orders}


def mixed(model: StepModel, batch: Tensor, *, step: int, rng: torch.Generator) -> Tensor:
    """Teacher forcing with matrix products in bfloat16; weights, gradients and all judging are in single precision."""
    with torch.autocast("cpu", dtype=torch.bfloat16):
        return nll(model, batch)


def learn(name: str) -> dict[str, Any]:
    """One network; kept are the weights of the look with the best validation."""
    began, of = time.process_time(), NETWORKS[name]
    vocabulary, parts = corpus()
    with training.isolated(0):
        model = of.make(len(vocabulary))

    def watch(model: StepModel) -> dict[str, Tensor]:
        return {"validation": torch.tensor(judged(model, parts["validation"])[0]), **model.state_dict()}

    moments = [of.steps * look // LOOKS for look in range(LOOKS + 1)]
    history = fit(
        model, Windows(parts["train"], CONTEXT), loss=mixed, steps=of.steps, batch=of.batch,
        lr=partial(warm_then_cosine, peak=of.peak, warm=200, steps=of.steps), watch=watch, watch_at=moments,
        checkpoint=record.ROOT / "_build/runs" / f"shakespeare_{name.replace(', ', '_').replace(' ', '_')}.pt",
    )  # fmt: skip
    curve = {step: round(seen["validation"].item(), 4) for step, seen in history.watched.items()}
    best = min(curve, key=lambda step: curve[step])
    model.load_state_dict({key: x for key, x in history.watched[best].items() if key != "validation"})
    return {
        "model": name,
        "parameters": sum(p.numel() for p in model.parameters()),
        "steps": of.steps,
        "characters_read": of.steps * of.batch * CONTEXT,
        "seconds_since_last_start": round(time.process_time() - began),
        "stopped_at": best,
        "validation_curve": curve,
        "training_loss_at_the_end": round(history.losses[-200:].mean().item(), 4),
        **measured(model, parts, vocabulary),
    }


def row(name: str) -> dict[str, Any]:
    return count() if name == "n-gram" else learn(name)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--long", action="store_true", help="also a Transformer that reads twice as much")
    long = parser.parse_args().long
    torch.set_num_threads(1)
    grid = [("n-gram",), *((name,) for name in NETWORKS if long or "long" not in name)]
    command = "python -m experiments.shakespeare" + (" --long" if long else "")
    settings = {"context": CONTEXT, "split": "85 / 5 / 10 %, in the order of the text", "seed": 0}
    hashes = {"tinyshakespeare": TINY_SHAKESPEARE.sha256}
    for done in range(1, len(grid) + 1):  # what is finished can be read while the rest is learning
        about, rows = cells.run(__file__, command, grid[:done], row)
        print(record.write("shakespeare", {"metric": METRIC, **settings, "data_sha256": hashes, **about, "rows": rows}))


if __name__ == "__main__":
    main()
