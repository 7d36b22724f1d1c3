"""Section 5.3: German captions translated into English, with attention and from one vector.

    python -m experiments.multi30k [--models attention vector] [--steps 2400]

Writes `results/multi30k.json`. Needs the data (29,000 pairs) and a quarter of an hour per model on one core; a run
that is interrupted goes on from its last checkpoint. How to search is chosen on the validation pairs; the test pairs
are translated once. Sentences are not stored, numbers are.
"""

from __future__ import annotations

import argparse
import re
import time
from functools import partial
from typing import Any

import torch
from sacrebleu.metrics import BLEU
from torch import Tensor

from genmodels import data, training
from genmodels.sequence import fit, within
from genmodels.sequence.beam import beam
from genmodels.sequence.learning import warm_then_cosine
from genmodels.sequence.seq2seq import Seq2Seq, TextPairs, shortened, translation

from . import record

WORD = re.compile(r"\w+(?:['’-]\w+)*|[^\w\s]")
SETTINGS: dict[str, Any] = {"hidden": 192, "dropout": 0.3, "batch": 64, "peak": 3e-3, "warm": 200, "at_least": 3}
WIDTHS, PENALTIES, LONGEST = (1, 2, 5, 10), (0.0, 0.5, 1.0), 45
METRIC = (
    "BLEU by sacrebleu on untokenised text, upper and lower case alike; length: words of the translations per word of "
    "the references, as sacrebleu counts; nll: nats per token of the validation translations, ends included"
)

Pair = tuple[str, str]


def words_of(text: str) -> str:
    """Lower case, and a blank between words and signs; what is joined by an apostrophe or a hyphen stays one word."""
    return " ".join(WORD.findall(text.lower()))


def written(words: str) -> str:
    """Signs back at their words; unknown words are left out."""
    text = " ".join(words.replace("<unk>", "").split())
    return re.sub(r"([(\[$#]) ", r"\1", re.sub(r" ([.,;:!?%)\]])", r"\1", text))


def vocabularies(pairs: list[Pair], *, at_least: int) -> tuple[data.Vocabulary, data.Vocabulary]:
    texts = (map(words_of, side) for side in zip(*pairs, strict=True))
    german, english = (data.words(side, at_least=at_least, unknown=True) for side in texts)
    return german, english


def numbered(pairs: list[Pair], german: data.Vocabulary, english: data.Vocabulary) -> TextPairs:
    sides = zip((german, english), zip(*pairs, strict=True), strict=True)
    source, target = (data.padded([words.encode(words_of(text)) for text in texts]) for words, texts in sides)
    return TextPairs(source, target)


def held_out(model: Seq2Seq, pairs: TextPairs) -> float:
    """Nats per target token."""
    total = torch.zeros(())
    with training.evaluating(model):
        for source, target in zip(pairs.source.split(100), pairs.target.split(100), strict=True):
            total += model.log_prob(shortened(target), state=model.encode(shortened(source))).sum()
    return -total.item() / int(within(pairs.target, eos=0).sum())


def translated(model: Seq2Seq, source: Tensor, english: data.Vocabulary, *, width: int, penalty: float) -> list[str]:
    found: list[str] = []
    for part in source.split(100):
        with training.evaluating(model):
            state = model.encode(shortened(part))
        tokens, _ = beam(model, width=width, steps=LONGEST, state=state, penalty=penalty)
        found += [written(english.decode(best)) for best in tokens[:, 0]]
    return found


def judged(found: list[str], pairs: list[Pair]) -> dict[str, float]:
    score = BLEU(lowercase=True).corpus_score(found, [[english for _, english in pairs]])
    return {"bleu": round(score.score, 2), "length": round(score.sys_len / score.ref_len, 3)}


def signature() -> str:
    bleu = BLEU(lowercase=True)
    bleu.corpus_score(["a"], [["a"]])
    return str(bleu.get_signature())


def run(name: str, *, steps: int) -> dict[str, Any]:
    splits = {split: data.multi30k(split) for split in ("train", "val", "test")}  # type: ignore[arg-type]
    german, english = vocabularies(splits["train"], at_least=SETTINGS["at_least"])
    train, val, test = (numbered(splits[split], german, english) for split in ("train", "val", "test"))
    with training.isolated(0):
        model = Seq2Seq(
            len(german),
            len(english),
            hidden=SETTINGS["hidden"],
            dropout=SETTINGS["dropout"],
            attention=name == "attention",
        )
    history = fit(
        model,
        train,
        loss=translation,
        steps=steps,
        batch=SETTINGS["batch"],
        lr=partial(warm_then_cosine, peak=SETTINGS["peak"], warm=SETTINGS["warm"], steps=steps),
        watch=lambda now: {"nll": torch.tensor(held_out(now, val))},
        watch_at=range(0, steps + 1, 600),
        checkpoint=record.ROOT / f"_build/runs/multi30k_{name}_{steps}.pt",
        checkpoint_every=100,
    )
    began = time.process_time()
    chosen = {
        (width, penalty): judged(translated(model, val.source, english, width=width, penalty=penalty), splits["val"])
        for width in WIDTHS
        for penalty in (PENALTIES if width > 1 else PENALTIES[:1])
    }
    penalty = max(PENALTIES, key=lambda penalty: chosen[5, penalty]["bleu"])
    once = {
        "greedy": judged(translated(model, test.source, english, width=1, penalty=0.0), splits["test"]),
        "beam": judged(translated(model, test.source, english, width=5, penalty=penalty), splits["test"]),
    }
    return {
        "model": name,
        "steps": steps,
        "words": [len(german), len(english)],
        "parameters": sum(p.numel() for p in model.parameters()),
        "loss": round(history.losses[-250:].mean().item(), 3),
        "nll": {str(step): round(seen["nll"].item(), 3) for step, seen in history.watched.items()},
        "validation": [{"width": w, "penalty": a, **row} for (w, a), row in chosen.items()],
        "penalty": penalty,
        "test": once,
        "seconds_searching": round(time.process_time() - began),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", default=["attention", "vector"], choices=["attention", "vector"])
    parser.add_argument("--steps", type=int, default=2_400)
    options = parser.parse_args()
    torch.set_num_threads(1)
    command = f"python -m experiments.multi30k --models {' '.join(options.models)} --steps {options.steps}"
    about = {
        "metric": METRIC,
        "signature": signature(),
        "direction": "German to English",
        "settings": SETTINGS,
        "seeds": [0],
        "data": {name: source.sha256 for name, source in data.corpora.MULTI30K.items()},
        **record.provenance(command),
    }
    rows: list[dict[str, Any]] = []
    for name in options.models:
        began = time.process_time()
        rows.append(run(name, steps=options.steps))
        rows[-1]["seconds"] = round(time.process_time() - began)
        print({key: rows[-1][key] for key in ("model", "nll", "test", "seconds")}, flush=True)
        print(record.write("multi30k", {**about, "rows": rows}))


if __name__ == "__main__":
    main()
