"""How long does a Boltzmann machine take to learn, here and in scikit-learn? `python -m benchmarks.boltzmann`.

Both make the same number of updates of persistent CD on the same bits, with as many chains. Seconds are those of the
processor, best of three.
"""

from __future__ import annotations

import torch
from sklearn.neural_network import BernoulliRBM
from torch import Tensor

from benchmarks.timing import timed
from genmodels import training
from genmodels.density.boltzmann import RBM, bits

UPDATES, BATCH = 200, 100


def ours(x: Tensor, hidden: int) -> RBM:
    """Our machine after the updates."""
    machine = RBM(x.shape[1], hidden, steps=UPDATES, batch=BATCH, lr=0.05, persistent=True)
    return machine.requires_grad_(False).fit(x)


def theirs(x: Tensor, hidden: int) -> BernoulliRBM:
    """The peer's machine after as many: one pass over the rows is as many updates as there are batches."""
    passes = UPDATES * BATCH // len(x)
    peer = BernoulliRBM(n_components=hidden, learning_rate=0.05, batch_size=BATCH, n_iter=passes, random_state=0)
    return peer.fit(x.numpy())


def main() -> None:
    torch.set_num_threads(1)
    print(f"{'units':>12}  {'scikit-learn':>12}  {'here':>8}  {'ratio':>6}")
    for visible, hidden in ((64, 16), (784, 200)):
        x = bits(torch.full((2_000, visible), 0.3), rng=training.rng(0))
        peer, house = (timed(lambda: run(x, hidden), runs=3)[1] for run in (theirs, ours))  # noqa: B023
        print(f"{visible:6} x {hidden:3}  {peer:10.3f} s  {house:6.3f} s  {peer / house:6.2f}")


if __name__ == "__main__":
    main()
