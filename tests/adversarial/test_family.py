"""The family's judge: perfect generators reach what data reach, and every way to be wrong shows in its own number."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from genmodels import data, training
from genmodels.adversarial.conditions import Conditional, Labels
from genmodels.adversarial.family import family, judged
from genmodels.adversarial.information import Codes
from genmodels.adversarial.networks import Generator, mlp
from genmodels.adversarial.wiring import Model

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


def test_models_have_networks_of_one_size() -> None:
    few = data.Pairs(*WORLD.sample((8,), rng=training.rng(0)))
    for model in family(WORLD, few, width=16):
        for player in (model.generator, model.critic):
            widths = [layer.in_features for layer in player.modules() if isinstance(layer, nn.Linear)]
            assert widths.count(16) >= 2 and max(widths) == 16
