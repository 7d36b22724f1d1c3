"""One token after the other against all at once: how many times longer does it take? `python -m benchmarks.decoding`.

Untrained networks of the same width, two layers against two for the source and two for the target, write sentences of
the same length, which is given; a causal Transformer with its cache, token by token, and a parallel one in one pass or
several. Both read the source in one pass. The two alternate in one process; printed is the median of the ratio (one by
one / parallel) per round, so that a machine that slows down slows both. What the ratio is depends on the machine, on
the length and on the number of sentences written side by side.
"""

from __future__ import annotations

import argparse
import statistics

import torch
from torch import Tensor

from benchmarks.timing import seconds
from genmodels import training
from genmodels.data.dialects import Dialects
from genmodels.sequence import Transformer, forced, greedy, unroll
from genmodels.sequence.nonautoregressive import Parallel, mask_predict
from genmodels.sequence.steps import State
from genmodels.training import evaluating


def peers(*, words: int, batch: int) -> tuple[Transformer, Parallel, Tensor, Tensor]:
    """Both writers, and sources in which every word becomes three tokens."""
    world = Dialects(words=words)
    with training.isolated(0):
        teacher = Transformer(world.vocab, context=words + world.length, dim=64, eos=None)
        filler = Parallel(world.source_vocab, world.vocab, most=world.most, length=world.length, dim=64)
    source = torch.full((batch, words), 2)
    return teacher, filler, source, world.fertility(source)


def cached(teacher: Transformer, source: Tensor) -> State:
    """The cache behind the source, filled before the clock starts: `unroll` would read one token per step."""
    with evaluating(teacher):
        return unroll(teacher, forced(source), steps=source.shape[1], n=len(source)).state


def one_by_one(teacher: Transformer, source: Tensor, cache: State, *, length: int) -> Tensor:
    """The source in one pass, then token after token; the first step reads the beginning, at the cost of any token."""
    with evaluating(teacher):
        teacher.logits(source)
        return unroll(teacher, greedy(), steps=length, state=cache).tokens


def ratio(
    teacher: Transformer, filler: Parallel, source: Tensor, fertility: Tensor, *, passes: int, rounds: int
) -> float:
    length, cache = int(fertility[0].sum()), cached(teacher, source)
    ratios = [
        seconds(lambda: one_by_one(teacher, source, cache, length=length))
        / seconds(lambda: mask_predict(filler, source, iterations=passes, fertility=fertility))
        for _ in range(rounds)
    ]
    return statistics.median(ratios)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    print("seconds one by one / seconds parallel")
    print(f"{'sentences':>9} {'tokens':>6} {'1 pass':>8} {'4 passes':>9} {'10 passes':>10}")
    for batch in (1, 100):
        for words in (4, 16, 32):
            world = peers(words=words, batch=batch)
            ratio(*world, passes=1, rounds=2)  # warm
            found = [ratio(*world, passes=passes, rounds=arguments.rounds) for passes in (1, 4, 10)]
            print(f"{batch:9} {3 * words:6} {found[0]:8.1f} {found[1]:9.1f} {found[2]:10.1f}", flush=True)


if __name__ == "__main__":
    main()
