"""Section 5.6: a GPT and a GAN on one small world: writers of equal size, equal data, about equal processor time.

    python -m experiments.gpt_and_gan [--seeds 8]

Writes `results/gpt_and_gan.json`. May be interrupted: finished cells are kept under `_build/runs`.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from functools import cache, partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot

from genmodels import training
from genmodels.adversarial import WASSERSTEIN, Conditional, Generator, Joint, adam, gradient_penalty, mlp, play
from genmodels.data import padded, reviews
from genmodels.sequence import Texts, Transformer, fit, free, prefix_then, unroll
from genmodels.sequence.one_shot import OneHot, OneHotLabels, said, soft_writer, spoken
from genmodels.sequence.tables import Table, total_variation

from . import cells, record

TRAINING, SMALL, DRAWS, LATENT = 2_000, 100, 20_000, 32
UPDATES = {"GPT": 1_000, "GAN": 1_200}
"""Chosen so that the GAN gets about the same processor time, rather a little more."""
RATES = {"GPT": 3e-3, "GAN": 2e-3}
FACTORS = {"a third": 1 / 3, "one": 1.0, "three": 3.0}
CONTROL: dict[str, Any] = {
    "objective": WASSERSTEIN,
    "critic_steps": 2,
    "batch": 64,
    "penalties": (partial(gradient_penalty, weight=10.0),),
}
METRIC = (
    "distance: total variation between the GPT and the true table, exactly; counted: the same of 20,000 samples, for "
    "both; possible: mass on possible sentences; produced: share of the 490 sentences that occur among the samples; "
    "missed: true mass of the others; nats: the GPT's cross-entropy per sentence on the true table; seconds: processor "
    "time of training alone"
)


@cache
def table() -> Table:
    return Table.of(reviews().automaton())


@cache
def moods() -> Tensor:
    """0 for praise, 1 for a complaint, for every row of the table."""
    return reviews("BAD").automaton().log_prob(table().tokens).isfinite().long()


def sentences(n: int) -> Tensor:
    """The training sentences, the same for every seed."""
    return reviews().automaton().sample((n,), rng=training.rng(0))


VOCAB, LENGTH = len(reviews().vocabulary), table().tokens.shape[1]


# --- the models ------------------------------------------------------------------------------------------------------


def gpt(*, seed: int, labels: int = 0) -> Transformer:
    with training.isolated(seed):
        return Transformer(VOCAB + labels, context=LENGTH + bool(labels), dim=64, heads=4, layers=2)


def gan(*, seed: int, labels: int = 0) -> tuple[Generator, nn.Module]:
    """Generator and critic; the generator has the GPT's number of parameters, within 3 %."""
    with training.isolated(seed):
        network = soft_writer(LATENT + labels, length=LENGTH, vocab=VOCAB, width=192)
        judge = mlp(LENGTH * VOCAB + labels, 1, width=256)
        if labels:
            return Conditional(network, OneHotLabels(labels), latent=LATENT), Joint(judge)
        return Generator(network, latent=LATENT), nn.Sequential(nn.Flatten(), judge)


class Watch:
    """Measures while a model learns, and counts the processor time that this costs."""

    def __init__(self, measure: Callable[[nn.Module], dict[str, float]]) -> None:
        self.measure, self.spent = measure, 0.0

    def __call__(self, model: nn.Module, *critic: nn.Module) -> dict[str, Tensor]:
        began = time.process_time()
        found = {name: torch.tensor(value) for name, value in self.measure(model).items()}
        self.spent += time.process_time() - began
        return found


def by_table(model: nn.Module) -> dict[str, float]:
    p = table().prob
    q = table().under(model)  # type: ignore[arg-type]
    nats = -(p * q.clamp_min(1e-300).log()).sum().item()
    return {"distance": total_variation(p, q), "possible": q.sum().item(), "nats": nats}


def by_count(tokens: Tensor, *, p: Tensor | None = None) -> dict[str, float]:
    p = table().prob if p is None else p
    q = table().frequencies(tokens)
    return {
        "counted": total_variation(p, q),
        "possible": q.sum().item(),
        "produced": (q > 0).double().mean().item(),
        "missed": p[q == 0].sum().item(),
    }


def written(model: nn.Module, n: int = DRAWS, *, seed: int = 7) -> Tensor:
    """Sentences of either model."""
    rng = training.rng(seed)
    if isinstance(model, Generator):
        return said(model, n, rng=rng)
    blocks = [min(2_000, n - done) for done in range(0, n, 2_000)]  # a long batch leaves the processor's cache
    parts = [model.sample((m,), steps=LENGTH, rng=rng) for m in blocks]  # type: ignore[operator]
    return padded([row for part in parts for row in part]) if len(parts) > 1 else parts[0]


def learn(model: str, data: Tensor, *, updates: int, rate: float, seed: int) -> tuple[nn.Module, dict[str, Any]]:
    """Train one of the two; returns it with its curve and the processor time of the training alone."""
    at = [updates * i // 10 for i in range(11)]
    watch = Watch(by_table if model == "GPT" else lambda generator: by_count(written(generator)))
    began = time.process_time()
    if model == "GPT":
        learner: nn.Module = gpt(seed=seed)
        watched = fit(
            learner,
            Texts(data),
            steps=updates,
            lr=rate,
            seed=seed,
            watch=watch,
            watch_at=at,  # type: ignore[arg-type]
        ).watched
    else:
        learner, critic = gan(seed=seed)
        by = adam(lr=rate, betas=(0.5, 0.9))
        watched = play(
            learner, critic, OneHot(data, VOCAB), steps=updates, optimizer=by, seed=seed, watch=watch, watch_at=at,
            **CONTROL,
        ).watched  # fmt: skip
    seconds = time.process_time() - began - watch.spent
    curve = [{"update": step, **{k: round(v.item(), 4) for k, v in seen.items()}} for step, seen in watched.items()]
    return learner, {"seconds": round(seconds, 2), "curve": curve}


# --- the cells -------------------------------------------------------------------------------------------------------


def train(model: str, factor: str, seed: int, *, data: Tensor) -> dict[str, Any]:
    """One run: its curve, and how its samples compare with the table at the end."""
    updates, rate = UPDATES[model], FACTORS[factor] * RATES[model]
    try:
        learner, row = learn(model, data, updates=updates, rate=rate, seed=seed)
    except FloatingPointError as error:
        return {"diverged": str(error)}
    final = by_table(learner) if model == "GPT" else {}
    return {**row, "updates": updates, "rate": rate, **rounded(final | by_count(written(learner)))}


def memorise(model: str, factor: str, seed: int) -> dict[str, Any]:
    """A hundred training sentences: what share of the samples repeats them, is new and possible, or impossible?"""
    data = sentences(SMALL)
    learner, row = learn(model, data, updates=UPDATES[model], rate=RATES[model], seed=seed)
    known = torch.zeros(len(table()), dtype=torch.bool)
    known[table().which(data)] = True
    q = table().frequencies(written(learner))
    shares = {"repeated": q[known].sum().item(), "new": q[~known].sum().item(), "impossible": 1 - q.sum().item()}
    return {**row, **rounded({**shares, "truly": table().prob[known].sum().item(), "counted": tv(q)})}


def tv(q: Tensor) -> float:
    return total_variation(table().prob, q)


def obey(model: str, factor: str, seed: int) -> dict[str, Any]:
    """Told a mood: the GPT by a first token, the GAN by an input of both players. Does it write in that mood?"""
    data, began = sentences(TRAINING), time.process_time()
    labels = moods()[table().which(data)]
    write = (label_gpt if model == "GPT" else label_gan)(data, labels, seed=seed)
    row: dict[str, Any] = {"seconds": round(time.process_time() - began, 2)}
    found = []
    for mood in (0, 1):
        q = table().frequencies(write(torch.full((DRAWS // 2,), mood)))
        p = torch.where(moods() == mood, table().prob, 0.0)
        asked, other = q[moods() == mood].sum().item(), q[moods() != mood].sum().item()
        found.append({"obeyed": asked, "disobeyed": other, "counted": total_variation(p / p.sum(), q)})
    return {**row, **rounded({name: statistics.fmean(one[name] for one in found) for name in found[0]})}


def label_gpt(data: Tensor, labels: Tensor, *, seed: int) -> Callable[[Tensor], Tensor]:
    """The label as a word of its own, before the sentence: the joint distribution of label and sentence."""
    model, told = gpt(seed=seed, labels=2), torch.cat([VOCAB + labels[:, None], data], dim=1)
    fit(model, Texts(told), steps=UPDATES["GPT"], lr=RATES["GPT"], seed=seed)

    def write(y: Tensor) -> Tensor:
        policy = prefix_then(VOCAB + y[:, None], length=1, policy=free())
        with training.evaluating(model):
            return unroll(model, policy, steps=LENGTH + 1, n=len(y), rng=training.rng(7)).tokens[:, 1:]

    return write


def label_gan(data: Tensor, labels: Tensor, *, seed: int) -> Callable[[Tensor], Tensor]:
    """The conditional GAN of section 4.1, its label a one-hot vector that the penalty interpolates too."""
    generator, critic = gan(seed=seed, labels=2)
    pairs = OneHot(data, VOCAB, one_hot(labels, 2).float())
    by = adam(lr=RATES["GAN"], betas=(0.5, 0.9))
    play(generator, critic, pairs, steps=UPDATES["GAN"], optimizer=by, seed=seed, **CONTROL)
    return lambda y: spoken(generator.given(one_hot(y, 2).float(), rng=training.rng(7)))  # type: ignore[operator]


def speed(model: str, factor: str, seed: int) -> dict[str, Any]:
    """Seconds per sentence, one at a time and 256 at a time, both models in turns: medians of the ratios."""
    data = sentences(TRAINING)
    models = {name: learn(name, data, updates=200, rate=RATES[name], seed=0)[0] for name in UPDATES}
    row = {}
    for n in (1, 256):
        ratios = []
        for _ in range(15):
            took = {}
            for name, one in models.items():
                began = time.process_time()
                for again in range(10):
                    written(one, n, seed=again)
                took[name] = time.process_time() - began
            ratios.append(took["GPT"] / took["GAN"])
        row[f"ratio at {n}"] = [round(x, 1) for x in (min(ratios), statistics.median(ratios), max(ratios))]
    return row


def rounded(row: dict[str, float]) -> dict[str, float]:
    return {name: round(value, 4) for name, value in row.items()}


WHAT: dict[str, Callable[..., dict[str, Any]]] = {
    "train": lambda *cell: train(*cell, data=sentences(TRAINING)),
    "memorise": memorise,
    "obey": obey,
    "speed": speed,
}


def measure(what: str, model: str, factor: str, seed: str) -> dict[str, Any]:
    named = {"what": what, "model": model, "factor": factor, "seed": int(seed)}
    return {**named, **WHAT[what](model, factor, int(seed))}


def floors() -> dict[str, Any]:
    """What real samples score, and what the training sentences do when they are simply repeated."""
    stream = training.rng(11)
    real = [by_count(reviews().automaton().sample((DRAWS,), rng=stream)) for _ in range(10)]
    repeated = table().frequencies(sentences(TRAINING))
    return {
        "real": {name: [round(row[name], 4) for row in real] for name in real[0]},
        "repeated": rounded({"distance": tv(repeated), "produced": (repeated > 0).double().mean().item()}),
        "parameters": {
            name: sum(p.numel() for p in network.parameters())
            for name, network in zip(("GPT", "generator", "critic"), (gpt(seed=0), *gan(seed=0)), strict=True)
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=8)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    many = [str(seed) for seed in range(arguments.seeds)]
    few = many[: max(1, arguments.seeds // 2)]
    grid = [
        *(("train", model, factor, seed) for seed in many for model in UPDATES for factor in FACTORS),
        *((what, model, "one", seed) for what in ("obey", "memorise") for seed in few for model in UPDATES),
        ("speed", "both", "one", "0"),
    ]
    command = f"python -m experiments.gpt_and_gan --seeds {arguments.seeds}"
    about, rows = cells.run(__file__, command, grid, measure)
    print(record.write("gpt_and_gan", {"metric": METRIC, **about, **floors(), "rows": rows}))


if __name__ == "__main__":
    main()
