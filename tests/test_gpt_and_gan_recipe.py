"""What the comparison of a GPT and a GAN rests on: equal sizes, the same data, and counters that count."""

from __future__ import annotations

import torch
from torch.testing import assert_close

from experiments import gpt_and_gan as recipe
from genmodels import training
from genmodels.sequence import Exact


def test_both_write_with_as_many_parameters() -> None:
    sizes = recipe.floors()["parameters"]
    assert abs(sizes["generator"] / sizes["GPT"] - 1) < 0.03


def test_the_moods_are_two_halves() -> None:
    assert recipe.moods().bincount().tolist() == [245, 245]
    assert_close(recipe.table().prob[recipe.moods() == 1].sum().item(), 0.5)


def test_the_truth_scores_like_the_truth() -> None:
    world = recipe.reviews().automaton()
    assert recipe.by_table(Exact(world))["distance"] < 1e-9
    counted = recipe.by_count(world.sample((20_000,), rng=training.rng(3)))
    assert 0.045 < counted["counted"] < 0.07 and counted["possible"] == 1.0 and counted["missed"] < 0.003


def test_a_mute_model_misses_everything() -> None:
    counted = recipe.by_count(torch.ones(50, recipe.LENGTH, dtype=torch.long))
    assert counted == {"counted": 1.0, "possible": 0.0, "produced": 0.0, "missed": counted["missed"]}
    assert_close(counted["missed"], 1.0)


def test_both_leave_a_curve_and_write() -> None:
    data = recipe.sentences(200)
    for name in recipe.UPDATES:
        model, row = recipe.learn(name, data, updates=10, rate=1e-3, seed=0)
        assert [point["update"] for point in row["curve"]] == list(range(11)) and row["seconds"] >= 0
        assert recipe.written(model, 30).shape[0] == 30
