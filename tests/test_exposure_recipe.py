"""What the recorded comparison of section 5.4 rests on besides the package."""

from __future__ import annotations

import torch

from experiments import exposure_bias as recipe
from genmodels import training
from genmodels.sequence import Texts


def weights(model: torch.nn.Module) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in model.parameters()])


def test_pairs_are_drawn_together() -> None:
    read = torch.arange(20).reshape(10, 2)
    a, b = recipe.Demonstrations(read, read + 100).sample((50,), rng=training.rng(0))
    assert a.shape == (50, 2)
    assert torch.equal(b, a + 100)


def test_the_first_round_of_demonstrations_is_teacher_forcing() -> None:
    """Bit for bit: so the table's first row is the beginning of its third."""
    world = recipe.worlds()["mistyped"]
    texts = recipe.Endless(world, length=5).sample((40,), rng=training.rng(0))
    rounds, said = recipe.demonstrated(world, texts, texts, seed=1, steps=3, rounds=1)
    alone = recipe.learnt(recipe.new(world, 1), Texts(texts), steps=3, seed=1)
    assert torch.equal(weights(rounds[0].model), weights(alone))
    assert len(rounds) == 2 and len(said["nll"]) == 2


def test_a_measurement_repeats() -> None:
    world = recipe.worlds()["captions"]
    texts = recipe.Endless(world, length=30).sample((40,), rng=training.rng(0))
    names = []
    for name, model, _ in recipe.trained(world, texts, texts, seed=0, steps=1, demo=False):
        names.append(name)
        if name == "teacher forcing":
            row = recipe.measured(world, model, length=30, n=60)
            assert repr(row) == repr(
                recipe.measured(world, model, length=30, n=60)
            )  # not a number is not equal to itself
            assert len(row["forced"]) == len(row["free"]) == len(row["left"]) == len(row["tv"]) == 30
    assert len(set(names)) == len(names) == 6
