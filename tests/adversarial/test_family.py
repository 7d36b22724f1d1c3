"""The family's judge: perfect generators reach what data reach, and every way to be wrong shows in its own number."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from genmodels import data, training
from genmodels.adversarial.conditions import Conditional, Labels
from genmodels.adversarial.family import confusion, family, judged, matched, mutual_information
from genmodels.adversarial.information import Codes
from genmodels.adversarial.networks import Generator, mlp
from genmodels.adversarial.wiring import Model
from mutants import mutants, rejects

WORLD = data.labelled_ring(std=0.1)  # four labels of two opposite modes


class Perfect(nn.Module):
    """Reads noise and a one-hot label and draws from p(x | y) exactly, by the noise's signs and sizes."""

    def __init__(self, *, label: Callable[[Tensor], Tensor] = lambda y: y, modes: int = 2) -> None:
        super().__init__()
        self.label, self.modes = label, modes
        self.unused = nn.Parameter(torch.zeros(1))

    def forward(self, x: Tensor) -> Tensor:
        z, y = x[:, :3], self.label(x[:, 3:].argmax(dim=1))
        mode = (z[:, 2] > 0).long() % self.modes
        return WORLD.centres[y, mode] + WORLD.std * z[:, :2]


def judge(network: nn.Module, *, condition: nn.Module | None = None, rows: int = 2_000) -> dict[str, float]:
    generator = Conditional(network, condition or Labels(4), latent=3)
    return judged(Model("made", generator, mlp(6, 1), WORLD), WORLD, rows=rows, rng=training.rng(0))


def test_a_perfect_generator_reaches_what_data_reach() -> None:
    found = judge(Perfect())
    assert found["obeyed"] == 1 and found["rarest"] > 0.4
    assert found["conditional"] < 0.3 and found["marginal"] < 0.4
    assert abs(found["information"] - math.log(4)) < 0.01


def test_codes_are_matched_to_labels() -> None:
    turned = judge(Perfect(label=lambda y: (y + 1) % 4), condition=Codes(4))
    assert turned["obeyed"] == 1 and turned["conditional"] < 0.3


@pytest.mark.parametrize(
    ("network", "wrong"),
    [
        (Perfect(label=lambda y: (y + 1) % 4), {"obeyed": 0.0, "information": math.log(4)}),
        (Perfect(label=torch.zeros_like), {"obeyed": 0.25, "information": 0.0, "place": 0.0}),
        (Perfect(label=lambda y: y // 2), {"obeyed": 0.25, "information": math.log(2)}),
        (Perfect(modes=1), {"obeyed": 1.0, "rarest": 0.0, "place": math.log(4), "conditional": 2.0}),
    ],
    ids=["other labels", "one label", "two labels", "one mode"],
)
def test_what_is_wrong_shows(network: nn.Module, wrong: dict[str, float]) -> None:
    found = judge(network)
    for key, value in wrong.items():
        assert abs(found[key] - value) < 0.15, key


def test_a_critic_that_infers_is_compared_with_the_labels() -> None:
    class Knows(nn.Module):
        def infer(self, x: Tensor) -> Tensor:
            return WORLD.posterior(x)

    plain = Model("made", Generator(mlp(2, 2), latent=2), Knows(), WORLD.marginal)
    assert judged(plain, WORLD, rng=training.rng(0))["recognised"] == 1


# --- information and assignment --------------------------------------------------------------------------------------


def check_information(information: Callable[[Tensor], float]) -> None:
    one, other = (torch.rand(k, generator=training.rng(k), dtype=torch.float64) for k in (3, 5))
    independent = torch.outer(one / one.sum(), other / other.sum())
    assert abs(information(independent)) < 1e-12
    shares = torch.tensor([0.5, 0.3, 0.2], dtype=torch.float64)
    assert abs(information(shares.diag()) - -(shares * shares.log()).sum().item()) < 1e-12
    noisy = torch.tensor([[0.4, 0.1], [0.1, 0.4]], dtype=torch.float64)
    assert abs(information(noisy) - (math.log(2) + 0.8 * math.log(0.8) + 0.2 * math.log(0.2))) < 1e-12


def in_bits(joint: Tensor) -> float:
    return mutual_information(joint) / math.log(2)


def given_not_joint(joint: Tensor) -> float:  # H(b | a) in place of I
    return -(torch.xlogy(joint, joint) - torch.xlogy(joint, joint.sum(1, keepdim=True))).sum().item()


def uniform_margins(joint: Tensor) -> float:
    return (torch.xlogy(joint, joint).sum() + math.log(len(joint)) + math.log(joint.shape[1])).item()


def test_information() -> None:
    check_information(mutual_information)


@mutants({f.__name__: f for f in (in_bits, given_not_joint, uniform_margins)})
def test_information_rejects(mutant: Callable[[Tensor], float]) -> None:
    rejects(check_information, mutant)


def check_matched(match: Callable[..., Tensor]) -> None:
    """Two kinds prefer label 0; only one may have it, the one whose second choice costs more."""
    kind = torch.tensor([0] * 10 + [1] * 10 + [2] * 10)
    label = torch.tensor([0] * 6 + [1] * 4 + [0] * 9 + [1] + [2] * 10)
    assert match(kind, label, classes=3).tolist() == [1, 0, 2]


def most_frequent(kind: Tensor, label: Tensor, *, classes: int) -> Tensor:
    return confusion(kind, label, sizes=(classes, classes)).argmax(dim=1)


def first_come(kind: Tensor, label: Tensor, *, classes: int) -> Tensor:
    together, names = confusion(kind, label, sizes=(classes, classes)), []
    for row in together:
        free = [k for k in range(classes) if k not in names]
        names.append(max(free, key=lambda k: row[k].item()))
    return torch.tensor(names)


def test_matched() -> None:
    check_matched(matched)


@mutants({f.__name__: f for f in (most_frequent, first_come)})
def test_matched_rejects(mutant: Callable[..., Tensor]) -> None:
    rejects(check_matched, mutant)


def test_models_have_networks_of_one_size() -> None:
    few = data.Pairs(*WORLD.sample((8,), rng=training.rng(0)))
    for model in family(WORLD, few, width=16):
        for player in (model.generator, model.critic):
            widths = [layer.in_features for layer in player.modules() if isinstance(layer, nn.Linear)]
            assert widths.count(16) >= 2 and max(widths) == 16
