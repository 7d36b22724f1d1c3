r"""Does a conditional generator do as it is told? Whether it obeys, and whether it varies what it was told to make.

Neither is enough: one perfect picture per class, over and over, obeys without fault, and the data in any order vary
as they should.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from ..data.pairs import checked


class Obedience(NamedTuple):
    """What was asked for, row by row, and as what it was recognised: shares that sum to 1 in each row."""

    table: Float[Tensor, "classes classes"]
    name: str

    @property
    def by_class(self) -> Float[Tensor, " classes"]:
        """The share of each class's samples that is recognised as what was asked for."""
        return self.table.diagonal()

    @property
    def value(self) -> float:
        """The mean over classes, 1 / classes for a generator that does not listen."""
        return self.by_class.mean().item()


def obedience(
    probabilities: Float[Tensor, "n classes"], asked: Int[Tensor, " n"], *, judge: str = "classifier"
) -> Obedience:
    """As what a judge recognises samples that were asked to be of the classes `asked`, by its most probable class.

    The judge must have had no part in the game. It errs on data too: compare with its accuracy on held-out data, which
    samples that follow the data's distribution would reach. More is no merit: a generator may leave out what the judge
    errs on.

    Raises
    ------
    ValueError
        If a row is no distribution, a label is none of the classes, or a class was never asked for.
    """
    n, classes = probabilities.shape
    if (probabilities < 0).any() or not torch.allclose(probabilities.sum(dim=1), torch.ones(n).to(probabilities)):
        raise ValueError("a row does not sum to 1: pass probabilities, the softmax of a classifier's logits.")
    cells = classes * checked(asked, classes=classes) + probabilities.argmax(dim=1)
    counts = torch.bincount(cells, minlength=classes**2).reshape(classes, classes).double()
    asked_for = counts.sum(dim=1)
    if (asked_for == 0).any():
        raise ValueError(f"class {asked_for.argmin().item()} was never asked for: ask for every class.")
    return Obedience(counts / asked_for[:, None], f"obedience-{judge}, n={n}")


def variety(
    x: Float[Tensor, "n ..."], asked: Int[Tensor, " n"], real: Float[Tensor, "m ..."], labels: Int[Tensor, " m"]
) -> Float[Tensor, " classes"]:
    r"""How different two samples of one class are, in units of the data, for each class.

    .. math:: \frac{\mathbb E\Vert x-x'\Vert}{\mathbb E\Vert r-r'\Vert}

    over pairs of different samples: 0 for copies of one picture, 1 for the data's own variety. Noise raises it, and so
    do pictures of other classes: read it beside the obedience.

    Raises
    ------
    ValueError
        If a class of the data has fewer than two samples, asked for or real.
    """
    classes = int(labels.max()) + 1
    made, own = (_apart(part, of, classes=classes) for part, of in ((x, asked), (real, labels)))
    return made / own


def _apart(x: Tensor, labels: Tensor, *, classes: int) -> Float[Tensor, " classes"]:
    """The mean Euclidean distance of two different samples of a class."""
    count = checked(labels, classes=classes).bincount(minlength=classes)
    if (count < 2).any():
        raise ValueError(
            f"class {count.argmin().item()} has {count.min().item()} sample(s), and variety needs 2: draw more of it."
        )
    return torch.stack([torch.pdist(x[labels == k].flatten(1).double()).mean() for k in range(classes)])
