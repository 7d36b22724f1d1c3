"""Section 5.2 at full scale: n-grams, an LSTM and a Transformer on the characters of tiny Shakespeare.

    python -m experiments.shakespeare

Writes `results/shakespeare.json`. The first 85 % of the text are learned from, the next 5 % decide orders, smoothings
and when to stop, the last 10 % are looked at once, at the end. An interrupted run goes on where it was.
"""

from __future__ import annotations

import math
import re
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
ORDERS = range(1, 8)


class Rule(NamedTuple):
    """A smoothing, and whether shorter contexts count continuations (then every order has counts of its own)."""

    smoothing: ngram.Smoothing
    continuations: bool = False


RULES = {
    **{f"interpolated, m = {m:g}": Rule(partial(ngram.interpolated, weight=m)) for m in (5.0, 20.0, 80.0)},
    **{f"discounted, d = {d}": Rule(partial(ngram.discounted, discount=d)) for d in (0.75, 0.9)},
    **{f"Kneser-Ney, d = {d}": Rule(partial(ngram.discounted, discount=d), continuations=True) for d in (0.8, 0.9)},
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
}
LOOKS = 6
PRECISION = "matrix products in bfloat16 while learning, everything else in float32"


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


def counted(vocab: int, text: Tensor, *, order: int, rule: str, known: NGram | None = None) -> NGram:
    """A model with counts of its own, or with those of a `known` one that has counted the same text alike."""
    smoothing, continuations = RULES[rule]
    model = NGram(vocab, order=order, smoothing=smoothing, continuations=continuations, eos=None)
    if known is None:
        return model.fit(text[None])
    model.counts = known.counts
    return model


def count() -> dict[str, Any]:
    """All orders with all rules on the validation part; the best rule of each order on the test part too."""
    began = time.process_time()
    vocabulary, parts = corpus()
    longest = counted(len(vocabulary), parts["train"], order=ORDERS[-1], rule=next(iter(RULES)))
    grid, orders, best = [], [], (math.inf, 0, "")
    for order in ORDERS:
        own = counted(len(vocabulary), parts["train"], order=order, rule=next(reversed(RULES)))
        models = {
            name: counted(
                len(vocabulary), parts["train"], order=order, rule=name, known=own if rule.continuations else longest
            )
            for name, rule in RULES.items()
        }
        validation = {name: judged(model, parts["validation"])[0] for name, model in models.items()}
        grid += [{"order": order, "smoothing": name, "validation": round(v, 4)} for name, v in validation.items()]
        name = min(validation, key=lambda name: validation[name])
        orders.append({"order": order, "smoothing": name, **measured(models[name], parts, vocabulary)})
        best = min(best, (validation[name], order, name))
    more = counted(
        len(vocabulary), torch.cat([parts["train"], parts["validation"]]), order=best[1], rule=best[2]
    )  # as section 5.1 divides the text
    return {
        "model": "n-gram",
        "seconds": round(time.process_time() - began),
        "best_counted_on_90_percent": {
            "order": best[1], "smoothing": best[2], "test": round(judged(more, parts["test"])[0], 4)
        },
        "speakers": speakers(),
        "grid": grid,
        "orders": orders,
    }  # fmt: skip


def speakers() -> dict[str, int]:
    """How many names speak in the last tenth, and how many of them speak nowhere before."""
    text = data.tiny_shakespeare()

    def named(part: str) -> set[str]:
        return set(re.findall(r"(?:^|\n\n)([^\n:]+):\n", part))

    test = named(text[round(0.9 * len(text)) :])
    return {
        "of_the_last_tenth": len(test),
        "not_in_the_first_85_percent": len(test - named(text[: round(0.85 * len(text))])),
        "not_in_the_first_90_percent": len(test - named(text[: round(0.9 * len(text))])),
    }


def mixed(model: StepModel, batch: Tensor, *, step: int, rng: torch.Generator) -> Tensor:
    """Teacher forcing at the `PRECISION`; weights, gradients and all judging are in single precision."""
    with torch.autocast("cpu", dtype=torch.bfloat16):
        return nll(model, batch)


def learn(name: str) -> dict[str, Any]:
    """One network; kept are the weights of the look with the best validation."""
    of = NETWORKS[name]
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
        "batch": of.batch,
        "peak_rate": of.peak,
        "precision": PRECISION,
        "characters_read": of.steps * of.batch * CONTEXT,
        "stopped_at": best,
        "validation_curve": curve,
        "training_loss_at_the_end": round(history.losses[-200:].mean().item(), 4),
        **measured(model, parts, vocabulary),
    }


def row(name: str) -> dict[str, Any]:
    return count() if name == "n-gram" else learn(name)


def main() -> None:
    torch.set_num_threads(1)
    grid = [("n-gram",), *((name,) for name in NETWORKS)]
    settings = {"context": CONTEXT, "split": "85 / 5 / 10 %, in the order of the text", "seed": 0}
    hashes = {"tinyshakespeare": TINY_SHAKESPEARE.sha256}
    for done in range(1, len(grid) + 1):  # what is finished can be read while the rest is learning
        about, rows = cells.run(__file__, "python -m experiments.shakespeare", grid[:done], row)
        print(record.write("shakespeare", {"metric": METRIC, **settings, "data_sha256": hashes, **about, "rows": rows}))


if __name__ == "__main__":
    main()
