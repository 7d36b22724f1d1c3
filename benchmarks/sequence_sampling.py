"""Sampling from our Transformer with its key/value cache, against the loop of minGPT on the same network.

    python -m benchmarks.sequence_sampling [--rounds 5]

Both alternate in one process; printed are medians of the ratio (peer's seconds / ours), and the share that each reaches
of the machine's own rate, measured with a large matrix product in the same process.

The peer's manner (karpathy/minGPT, `generate`; nanoGPT's is the same): for every new token the prefix, cut to the last
`block_size` tokens, goes through the whole network; the logits of all positions are computed and the last are used.
"""

from __future__ import annotations

import argparse
import statistics

import torch
from torch import Tensor
from torch.nn import functional as F

from benchmarks.timing import wall_seconds
from genmodels import training
from genmodels.sequence import Transformer, free, unroll

VOCAB, DIM, LAYERS = 65, 128, 4


def network(context: int) -> Transformer:
    with training.isolated(0):
        return Transformer(VOCAB, context=context, dim=DIM, heads=4, layers=LAYERS, eos=None).eval()


@torch.no_grad()
def in_the_peers_manner(
    model: Transformer, idx: Tensor, max_new_tokens: int, *, rng: torch.Generator, temperature: float = 1.0
) -> Tensor:
    """minGPT's `generate`; our network reads one token less, because it puts the beginning before them itself."""
    block_size = model.context
    for _ in range(max_new_tokens):
        idx_cond = idx if idx.size(1) < block_size else idx[:, -(block_size - 1) :]
        logits = model.logits(F.pad(idx_cond, (0, 1)))
        logits = logits[:, -1, :] / temperature
        probs = F.softmax(logits, dim=-1)
        idx_next = torch.multinomial(probs, num_samples=1, generator=rng)
        idx = torch.cat((idx, idx_next), dim=1)
    return idx


def ours(model: Transformer, n: int, *, rng: torch.Generator) -> Tensor:
    with torch.no_grad():
        return unroll(model, free(), steps=model.context, n=n, rng=rng).tokens


def operations(context: int, n: int, *, cached: bool) -> int:
    """Additions and multiplications in matrix products, from the shapes."""
    per_position = 24 * LAYERS * DIM**2 + 2 * DIM * VOCAB
    if cached:
        return n * (context * per_position + 2 * LAYERS * DIM * context * (context + 1))
    return n * sum(t * per_position + 4 * LAYERS * t**2 * DIM for t in range(1, context + 1))


def ceiling() -> float:
    """Operations a second of a large product: the best of five."""
    a = torch.randn(1024, 1024)
    return 2 * 1024**3 / min(wall_seconds(lambda: a @ a) for _ in range(5))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    torch.set_num_threads(2)
    best = ceiling()
    print(f"this machine: {best / 1e9:.0f} GFLOP/s in a large matrix product, 2 threads")
    for context in (64, 128, 256):
        for n in (1, 16):
            model, nothing = network(context), torch.zeros(n, 0, dtype=torch.long)
            run = {
                "peer": lambda: in_the_peers_manner(model, nothing, context, rng=training.rng(0)),  # noqa: B023
                "ours": lambda: ours(model, n, rng=training.rng(0)),  # noqa: B023
            }
            assert torch.equal(run["peer"](), run["ours"]()), "the two do not write the same text"
            times = [{name: wall_seconds(call) for name, call in run.items()} for _ in range(rounds)]
            ratios = [pair["peer"] / pair["ours"] for pair in times]
            share = {
                name: operations(context, n, cached=name == "ours")
                / statistics.median(pair[name] for pair in times)
                / best
                for name in run
            }
            print(
                f"context {context:3}, {n:2} at once: peer / ours {statistics.median(ratios):5.1f} "
                f"({min(ratios):.1f} to {max(ratios):.1f}); share of the machine's rate: "
                f"peer {share['peer']:.0%}, ours {share['ours']:.1%}"
            )


if __name__ == "__main__":
    main()
