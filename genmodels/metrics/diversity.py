"""How much samples of one class differ from each other."""

from __future__ import annotations

from jaxtyping import Float, Int
from torch import Tensor


def within_classes(x: Float[Tensor, "n ..."], y: Int[Tensor, " n"]) -> float:
    r"""The variance that classes leave, :math:`\frac1K\sum_k\operatorname{tr}\,\operatorname{Cov}(x\mid y=k)`.

    Covariances are divided by n - 1. To be read beside the value of data: one sample per class, however good, has 0.

    Raises
    ------
    ValueError
        If a class has a single row: one point has no variance.
    """
    groups = [x[y == k].flatten(1) for k in y.unique()]
    if single := sum(len(group) < 2 for group in groups):
        raise ValueError(f"{single} class(es) have a single row, and variance needs 2: draw more samples per class.")
    return sum(group.var(dim=0).sum().item() for group in groups) / len(groups)
