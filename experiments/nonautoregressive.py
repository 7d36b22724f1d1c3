"""Section 5.5: quality, diversity and cost of writing one word after the other, all at once, and in a few passes.

    python -m experiments.nonautoregressive [--seeds 5] [--steps 2000]

Writes `results/nonautoregressive.json`. A teacher (a causal Transformer) and a masked network are trained for `steps`,
the networks with independent places for half as many; every seed has its own weights and batches. Finished seeds are
kept in `_build/runs`, so that an interrupted recipe goes on where it was, as long as the commit is the same.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from genmodels import training
from genmodels.data.dialects import Dialects
from genmodels.sequence import Transformer, fit, free, greedy, warm_then_cosine
from genmodels.sequence.nonautoregressive import (
    Parallel,
    Taught,
    at_once,
    continuation,
    continued,
    independent,
    mask_predict,
    masked,
    multiplications,
    unmask,
)
from genmodels.training import evaluating

from . import record

WORLD = Dialects()
SETTING = (
    "dim 64, 4 heads; teacher: 2 causal layers; parallel networks: 2 layers for the source, 2 for the target; batch "
    "64, Adam with 50 steps of warm-up to 5e-3, then half a cosine; 4 source words, dialects .42/.33/.25; students "
    "learn from 4,000 sources that the teacher has translated greedily"
)
METRIC = (
    "right: share of 1,000 outputs that are a sentence of some dialect; found: of the three dialects, how many turn up "
    "among ten outputs for one source, on sources that they say differently; passes: of the target side, in sequence, "
    "mean over the sources; multiplications: in matrix products, for a source with eight target tokens, batch of one"
)
ITERATIONS = (1, 2, 3, 4, 6, 8, 12)
Decode = Callable[[Tensor, torch.Generator], Tensor]


def different(source: Tensor) -> Tensor:
    """Sources that the three dialects say in three different ways."""
    said = WORLD.variants(source)
    return (said[:, [0, 0, 1]] != said[:, [1, 2, 2]]).any(dim=2).all(dim=1)


def measure(decode: Decode, source: Tensor, *, draws: int = 10) -> dict[str, float]:
    """How much of what is written is a sentence, and how many of the dialects turn up."""
    rng = training.rng(11)
    reached = [WORLD.speakers(source, decode(source, rng)) for _ in range(draws)]
    right = torch.stack(reached).any(dim=2).double().mean()
    found = torch.stack(reached).any(dim=0)[different(source)].double().sum(dim=1).mean()
    return {"right": round(right.item(), 4), "found": round(found.item(), 4)}


def learn(model: Any, data: Any, loss: Any, *, steps: int, seed: int) -> Any:
    rate = partial(warm_then_cosine, peak=5e-3, warm=50, steps=steps)
    fit(model, data, loss=loss, steps=steps, lr=rate, seed=seed)
    return model


def parallel(seed: int) -> Parallel:
    with training.isolated(seed):
        return Parallel(WORLD.source_vocab, WORLD.vocab, most=WORLD.most, length=WORLD.length)


def causal(seed: int) -> Transformer:
    with training.isolated(seed):
        return Transformer(WORLD.vocab, context=WORLD.words + WORLD.length, dim=64)


def run(seed: int, *, steps: int) -> list[dict[str, Any]]:
    """Four networks of one seed, and what each way of decoding makes of them."""
    began, length = time.process_time(), WORLD.length
    teacher = learn(causal(seed), WORLD, continuation, steps=steps, seed=seed)
    sources = WORLD.sources(4_000, rng=training.rng(training.apart(seed)))
    lesson = Taught(sources, WORLD.fertility(sources), continued(teacher, sources, length=length, policy=greedy()))
    plain = learn(parallel(seed), WORLD, independent, steps=steps // 2, seed=seed)
    student = learn(parallel(seed), lesson, independent, steps=steps // 2, seed=seed)
    filler = learn(parallel(seed), WORLD, masked, steps=steps, seed=seed)

    ways: dict[tuple[str, str, int], Decode] = {
        ("autoregressive", "drawn", 0): lambda x, rng: continued(teacher, x, length=length, policy=free(), rng=rng),
        ("autoregressive", "best", 0): lambda x, rng: continued(teacher, x, length=length, policy=greedy()),
        ("independent", "drawn", 1): lambda x, rng: at_once(plain, x, rng=rng),
        ("independent", "best", 1): lambda x, rng: at_once(plain, x),
        ("distilled", "drawn", 1): lambda x, rng: at_once(student, x, rng=rng),
        ("distilled", "best", 1): lambda x, rng: at_once(student, x),
    }
    for t in ITERATIONS:
        ways["masked", "drawn", t] = lambda x, rng, t=t: unmask(filler, x, iterations=t, rng=rng)  # type: ignore[misc]
        ways["masked", "best", t] = lambda x, rng, t=t: mask_predict(filler, x, iterations=t)  # type: ignore[misc]
    x, fertility, target = WORLD.sample((1_000,), rng=training.rng(99))
    written = (fertility.sum(dim=1) + 1).double().mean().item()
    eight = WORLD.fertility(x).sum(dim=1) == 8
    one = x[eight & WORLD.speakers(x, continued(teacher, x, length=length, policy=greedy())).any(dim=1)][:1]
    rows = []
    for (network, how, t), decode in ways.items():
        cost = multiplications(lambda: decode(one, training.rng(0)))  # noqa: B023
        draws = 1 if how == "best" else 10
        row = {"seed": seed, "network": network, "decoding": how, "passes": t or round(written, 3)}
        rows.append(row | measure(decode, x, draws=draws) | {"multiplications": cost})
        print(rows[-1], flush=True)
    batch = (x, fertility, target)
    with evaluating(teacher, plain, student, filler):
        taught = continued(teacher, x, length=length, policy=greedy())
        nats = {
            "autoregressive": continuation(teacher, batch, step=0, rng=training.rng(0)).item() * written,
            "independent": -plain.log_probs(*batch)[0].sum(dim=1).mean().item(),
            "distilled": -student.log_probs(x, fertility, taught)[0].sum(dim=1).mean().item(),
        }
        guessed = plain.fertility(plain.encode(x)).argmax(dim=2)
    right = (guessed == fertility).double().mean().item()
    seconds = round(time.process_time() - began, 1)
    return [*rows, {"seed": seed, "nats": nats, "fertilities right": right, "cpu_seconds": seconds}]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=2_000)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    budget = {"seeds": arguments.seeds, "steps": arguments.steps}
    command = "python -m experiments.nonautoregressive --seeds {seeds} --steps {steps}".format(**budget)
    about = {"setting": SETTING, "metric": METRIC, **budget, **record.provenance(command)}
    rows: list[dict[str, Any]] = []
    for seed in range(arguments.seeds):
        path = record.ROOT / f"_build/runs/nonautoregressive_{arguments.steps}_{about['commit'][:12]}_{seed}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            path.write_text(json.dumps(run(seed, steps=arguments.steps)))
        rows += json.loads(path.read_text())
    print(record.write("nonautoregressive", {**about, "rows": rows}))


if __name__ == "__main__":
    main()
