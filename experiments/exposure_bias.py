"""Section 5.4: exposure bias of ways to train one small model, in two worlds with exact probabilities, several seeds.

    python -m experiments.exposure_bias [--seeds 5]

Writes `results/exposure_bias.json` after every seed.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch

from genmodels import data, metrics, training
from genmodels.sequence import Exact, Recurrent, StepModel, Texts, fit, nll, teacher_forcing, within
from genmodels.sequence.exposure import exposure, filled, prefix_tv, sentences, states, told_apart
from genmodels.sequence.learning import Loss
from genmodels.sequence.noisy import Noisy
from genmodels.sequence.professor import Listener, Professor
from genmodels.sequence.remedies import (
    asking,
    best,
    corrected,
    data_as_demonstrator,
    fed,
    linear,
    scheduled_sampling,
)
from genmodels.sequence.steps import free

from . import record

STEPS, RATE, TEXTS, HIDDEN, NOISE, DRAWN = 300, 5e-3, 4_000, 48, 0.02, 1_500
LEARNT, MEASURED = {"captions": 30, "mistyped": 24}, {"captions": 30, "mistyped": 36}
METRIC = (
    "forced, free: mean KL(world | model) of the next word by position, on prefixes from the world and from the model "
    "that have not ended and are possible; left: share of the model's texts that left the world before the position; "
    "tv: total variation of the two distributions of the first words; apart: accuracy of a linear classifier between "
    "teacher-forced and free-running hidden states at a position (1/2 is chance); sentences: nats per word"
)
APART = (3, 7, 11)


def worlds() -> dict[str, StepModel]:
    automaton = data.captions().automaton()
    return {"captions": Exact(automaton), "mistyped": Noisy(automaton, noise=NOISE)}


def new(world: StepModel, seed: int) -> Recurrent:
    with training.isolated(seed):
        return Recurrent(world.vocab, hidden=HIDDEN, eos=world.eos)


def learnt(model: Recurrent, texts: Any, *, steps: int, seed: int, loss: Loss = teacher_forcing) -> Recurrent:
    fit(model, texts, loss=loss, steps=steps, lr=RATE, seed=seed)
    return model


def truth(*, steps: int) -> Callable[[int], float]:
    """Linear, from 1 to a quarter at the end of training."""
    return partial(linear, slope=0.75 / steps, floor=0.25)


@dataclass(frozen=True)
class Demonstrations:
    """Pairs (read, wanted) of two tensors, drawn together."""

    read: torch.Tensor
    wanted: torch.Tensor

    def sample(self, sample_shape: Any, *, rng: torch.Generator) -> Any:
        which = torch.randint(len(self.read), tuple(sample_shape), generator=rng)
        return self.read[which], self.wanted[which]


class Endless:
    """Texts that are drawn anew from the world in every step."""

    def __init__(self, world: StepModel, *, length: int) -> None:
        self.world, self.length = world, length

    def sample(self, sample_shape: Any, *, rng: torch.Generator) -> torch.Tensor:
        texts = self.world.sample(sample_shape, steps=self.length, rng=rng)
        return filled(texts, steps=self.length, eos=self.world.eos)


def demonstrated(
    world: StepModel, train: torch.Tensor, valid: torch.Tensor, *, seed: int, steps: int, rounds: int = 2
) -> tuple[list[Any], dict[str, Any]]:
    """Data as demonstrator, each round fitted from the same beginning; validation by likelihood and by roll-outs."""

    def learn(shown: tuple[torch.Tensor, torch.Tensor]) -> Recurrent:
        return learnt(new(world, seed), Demonstrations(*shown), loss=corrected, steps=steps, seed=seed)

    def roll(model: Recurrent, texts: torch.Tensor = train) -> tuple[torch.Tensor, torch.Tensor]:
        return fed(model, free(), like=texts, rng=training.rng(seed + 100)), texts

    def error(model: Recurrent) -> float:
        with training.evaluating(model):
            return corrected(model, roll(model, valid), step=0, rng=training.rng(0)).item()

    found = data_as_demonstrator((train, train), learn=learn, roll=roll, error=error, rounds=rounds)
    with training.evaluating(*(each.model for each in found)):
        likelihood = [nll(each.model, valid).item() for each in found]
    return found, {
        "roll-out error": [each.error for each in found],
        "nll": likelihood,
        "kept by roll-out error": found.index(best(found)),
        "kept by nll": likelihood.index(min(likelihood)),
    }


def trained(
    world: StepModel, train: torch.Tensor, valid: torch.Tensor, *, seed: int, steps: int = STEPS, demo: bool = True
) -> Iterator[tuple[str, Recurrent, dict[str, Any]]]:
    """Every way of training: its name, its model, and what its training had to say."""
    learn, texts = partial(learnt, steps=steps, seed=seed), Texts(train)
    rounds, said = demonstrated(world, train, valid, seed=seed, steps=steps)
    yield "teacher forcing", rounds[0].model, {}
    loss: Loss = partial(scheduled_sampling, truth=truth(steps=steps))
    yield "scheduled sampling", learn(new(world, seed), texts, loss=loss), {}
    yield "data as demonstrator", rounds[-1].model, said
    for name, listen in (("professor forcing", 0.75), ("professor forcing, gate open", -1.0))[: 1 + demo]:
        with training.isolated(training.apart(seed)):
            professor = Professor(Listener(HIDDEN), listen=listen, seed=seed)
        model = learn(new(world, seed), texts, loss=professor)
        heard = torch.tensor(professor.heard)
        yield (
            name,
            model,
            {
                "accuracy": heard[-100:].mean().item(),
                "listened": (heard > listen).double().mean().item(),
            },
        )
    endless = Endless(world, length=train.shape[1])
    yield "endless texts", learn(new(world, seed), endless), {}
    yield "asking the world", learn(new(world, seed), endless, loss=partial(asking, world=world)), {}


def measured(world: StepModel, model: StepModel, *, length: int, n: int = DRAWN) -> dict[str, Any]:
    """All measures of one model; prefixes are drawn with the same numbers for every model."""
    curves = exposure(world, model, n=n, steps=length, rng=training.rng(1))
    true, own = (
        filled(x.sample((n,), steps=length, rng=training.rng(2)), steps=length, eos=world.eos) for x in (world, model)
    )
    led, loose = (states(model, tokens) for tokens in (true, own))
    apart = {}
    for t in APART:
        a, b = (kept[within(tokens, eos=world.eos)[:, t], t] for kept, tokens in ((led, true), (loose, own)))
        width = metrics.median_distance(torch.cat([a, b])[:1000].double())
        apart[str(t)] = {
            "accuracy": round(told_apart(a, b, rng=training.rng(3)), 4),
            "mmd": round(float(metrics.mmd(a[:1000].double(), b[:1000].double(), bandwidth=width).value), 6),
        }
    rounded = {
        name: [round(x, 5) for x in curve.tolist()]
        for name, curve in {
            "forced": curves.forced.value, "forced error": curves.forced.error,
            "free": curves.free.value, "free error": curves.free.error,
            "left": curves.left, "tv": prefix_tv(world, model, own).value,
        }.items()
    }  # fmt: skip
    return {**rounded, "apart": apart, "sentences": sentences(world, model, true, own)._asdict()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    seeds = parser.parse_args().seeds
    torch.set_num_threads(1)
    about = {"metric": METRIC, **record.provenance(f"python -m experiments.exposure_bias --seeds {seeds}")}
    about["setting"] = {"steps": STEPS, "texts": TEXTS, "hidden": HIDDEN, "noise": NOISE, "learnt": LEARNT}
    rows: list[dict[str, Any]] = []
    for seed in range(seeds):
        for place, world in worlds().items():
            texts = Endless(world, length=LEARNT[place]).sample((TEXTS + 1_000,), rng=training.rng(1_000 + seed))
            began = time.process_time()
            for name, model, said in trained(world, texts[:TEXTS], texts[TEXTS:], seed=seed, demo=seed < 3):
                row = {"world": place, "method": name, "seed": seed, **said}
                rows.append(row | measured(world, model, length=MEASURED[place]))
                print(place, name, seed, said, rows[-1]["apart"], rows[-1]["sentences"], flush=True)
            rows[-1]["seconds"] = round(time.process_time() - began, 1)
        print(record.write("exposure_bias", {**about, "rows": rows}), flush=True)


if __name__ == "__main__":
    main()
