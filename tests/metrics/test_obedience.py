"""Obedience and variety: their anchors, the classes they hold apart, and what they cannot be asked."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import one_hot
from torch.testing import assert_close

from genmodels.metrics import Obedience, obedience, variety
from genmodels.training import rng
from mutants import mutants, refusal, rejects

# --- obedience -------------------------------------------------------------------------------------------------------

Judge = Callable[[Tensor, Tensor], Obedience]


def ten(judge: Judge) -> Obedience:
    """Six samples asked of class 0, two of class 1, two of class 2."""
    asked = torch.tensor([0, 1, 0, 2, 0, 0, 1, 0, 2, 0])
    seen = torch.tensor([0, 1, 0, 0, 0, 0, 2, 0, 0, 1])
    return judge(0.7 * one_hot(seen, 3).double() + 0.1, asked)


def check_table(judge: Judge) -> None:
    """As what they were seen, counted by hand."""
    found = ten(judge)
    assert_close(found.table, torch.tensor([[5 / 6, 1 / 6, 0], [0, 1 / 2, 1 / 2], [1, 0, 0]], dtype=torch.float64))
    assert_close(found.by_class, torch.tensor([5 / 6, 1 / 2, 0], dtype=torch.float64))


def check_value(judge: Judge) -> None:
    """Every class counts the same, however often it was asked for."""
    assert_close(ten(judge).value, (5 / 6 + 1 / 2) / 3)


def of_all_samples(probabilities: Tensor, asked: Tensor) -> Obedience:
    """Frequent classes count for more."""
    right = (probabilities.argmax(dim=1) == asked).double().mean()
    return Obedience(right * torch.eye(3, dtype=torch.float64), "")


def by_what_was_seen(probabilities: Tensor, asked: Tensor) -> Obedience:
    """Precision in place of recall: the share of what looks like a seven that was asked to be one."""
    counts = torch.zeros(3, 3, dtype=torch.float64)
    counts.index_put_((asked, probabilities.argmax(dim=1)), torch.ones(len(asked)).double(), accumulate=True)
    return Obedience(counts / counts.sum(dim=0), "")


def by_mean_probability(probabilities: Tensor, asked: Tensor) -> Obedience:
    return Obedience(torch.stack([probabilities[asked == k].mean(dim=0) for k in range(3)]), "")


def transposed(probabilities: Tensor, asked: Tensor) -> Obedience:
    found = obedience(probabilities, asked)
    return found._replace(table=found.table.T)


def test_obedience_by_hand() -> None:
    check_table(obedience)
    check_value(obedience)


@mutants({f.__name__: f for f in (by_what_was_seen, by_mean_probability, transposed)})
def test_the_table_by_hand_rejects(mutant: Judge) -> None:
    rejects(check_table, mutant)


@mutants({f.__name__: f for f in (of_all_samples, by_what_was_seen, by_mean_probability)})
def test_the_value_by_hand_rejects(mutant: Judge) -> None:
    rejects(check_value, mutant)


def test_who_does_not_listen_is_right_by_chance() -> None:
    asked = torch.arange(10).repeat_interleave(200)
    blind = torch.randn(2_000, 10, generator=rng(0)).softmax(dim=1)
    assert abs(obedience(blind, asked).value - 0.1) < 0.03
    always_one = one_hot(torch.ones(2_000, dtype=torch.long), 10).float()
    assert_close(obedience(always_one, asked).value, 0.1)
    assert obedience(one_hot(asked, 10).float(), asked, judge="test").name == "obedience-test, n=2000"


def test_obedience_refuses_what_it_cannot_judge() -> None:
    asked = torch.tensor([0, 1, 2])
    assert "sum to 1" in refusal(ValueError, lambda: obedience(torch.randn(3, 3), asked))
    assert "class 1 was never asked for" in refusal(
        ValueError, lambda: obedience(torch.full((2, 3), 1 / 3), torch.tensor([0, 2]))
    )
    assert "label 3 is none" in refusal(ValueError, lambda: obedience(torch.full((1, 3), 1 / 3), torch.tensor([3])))


# --- variety ---------------------------------------------------------------------------------------------------------

Variety = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]


def cloud(seed: int, *, each: int = 40) -> tuple[Tensor, Tensor]:
    """Three classes, far apart and of different width."""
    y = torch.arange(3).repeat_interleave(each)
    noise = torch.randn(3 * each, 1, 2, 2, generator=rng(seed), dtype=torch.float64)
    return 50.0 * y.reshape(-1, 1, 1, 1) + (1 + y.reshape(-1, 1, 1, 1)) * noise, y


def check_variety(measure: Variety) -> None:
    """0 for copies, 1 for the data themselves, the factor for scaled data, and each class by itself."""
    x, y = cloud(0)
    ones = torch.ones(3, dtype=torch.float64)
    assert_close(measure(x, y, x, y), ones)
    assert_close(measure(x[y == 0][:1].expand(120, 1, 2, 2), y, x, y), 0 * ones)
    assert_close(measure(0.5 * x, y, x, y), 0.5 * ones)
    tame = torch.where(y.reshape(-1, 1, 1, 1) == 1, 0.1 * x, x)
    assert_close(measure(tame, y, x, y), torch.tensor([1.0, 0.1, 1.0], dtype=torch.float64))
    order = torch.randperm(120, generator=rng(1))
    assert_close(measure(x[order], y[order], x, y), ones)
    two = torch.tensor([0, 1, 40, 41, 80, 81])
    apart = torch.stack([(x[k] - x[k + 1]).norm() for k in (0, 40, 80)])
    own = torch.stack([torch.pdist(x[y == k].flatten(1)).mean() for k in range(3)])
    assert_close(measure(x[two], y[two], x, y), apart / own)


def over_all_classes(x: Tensor, asked: Tensor, real: Tensor, labels: Tensor) -> Tensor:
    return (torch.pdist(x.flatten(1)).mean() / torch.pdist(real.flatten(1)).mean()).expand(3)


def with_itself(x: Tensor, asked: Tensor, real: Tensor, labels: Tensor) -> Tensor:
    """Every sample is paired with itself as well: small classes look alike."""
    made, own = (
        torch.stack([torch.cdist(part[of == k].flatten(1), part[of == k].flatten(1)).mean() for k in range(3)])
        for part, of in ((x, asked), (real, labels))
    )
    return made / own


def from_the_data(x: Tensor, asked: Tensor, real: Tensor, labels: Tensor) -> Tensor:
    """The distance to real images, which copies of one picture have as well."""
    own = torch.stack([torch.pdist(real[labels == k].flatten(1)).mean() for k in range(3)])
    cross = [torch.cdist(x[asked == k].flatten(1), real[labels == k].flatten(1)).mean() for k in range(3)]
    return torch.stack(cross) / own


def squared(x: Tensor, asked: Tensor, real: Tensor, labels: Tensor) -> Tensor:
    return variety(x, asked, real, labels) ** 2


def test_variety_at_its_anchors() -> None:
    check_variety(variety)


@mutants({f.__name__: f for f in (over_all_classes, with_itself, from_the_data, squared)})
def test_variety_at_its_anchors_rejects(mutant: Variety) -> None:
    rejects(check_variety, mutant)


def test_neither_is_enough_alone() -> None:
    """One picture per class obeys without fault; the data under shuffled labels vary more than enough."""
    x, y = cloud(0)
    asked = torch.arange(3).repeat_interleave(40)
    monotonous = torch.stack([x[y == k][0] for k in range(3)]).repeat_interleave(40, dim=0)
    assert variety(monotonous, asked, x, y).max() == 0
    shuffled = asked[torch.randperm(120, generator=rng(3))]
    assert variety(x, shuffled, x, y).min() > 1


def test_variety_needs_two_of_each() -> None:
    x, y = cloud(0)
    few = torch.tensor([0, 1, 40, 41, 80])
    assert "class 2 has 1 sample(s)" in refusal(ValueError, lambda: variety(x[few], y[few], x, y))
    assert "label 3 is none" in refusal(ValueError, lambda: variety(x, y + 1, x, y))
