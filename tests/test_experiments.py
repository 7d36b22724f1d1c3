"""What recorded tables rest on besides the package: networks stacked into one, grids that may be interrupted."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
import torch
from torch import Tensor

from experiments import cells, conditional_images, ngrams, record, semi_supervised, toy_mixtures
from genmodels import data, training
from genmodels.adversarial import score
from genmodels.sequence import NGram, nll
from mutants import mutants, rejects


class ByBlocks(toy_mixtures.Members):
    """Deals the rows out in blocks, where row i belongs to member i modulo their number."""

    def forward(self, x: Tensor) -> Tensor:
        members = len(self.weights[0])
        dealt = x.reshape(members, -1, x.shape[1]).transpose(0, 1).reshape(x.shape)
        return super().forward(dealt)


class Uncontrolled(toy_mixtures.Members):
    """Forgets to divide by the singular value."""

    def __init__(self, networks: Any, *, unit: bool = False) -> None:
        super().__init__(networks)


def check_members(members: type[toy_mixtures.Members]) -> None:
    with training.isolated(0), patch.object(toy_mixtures, "Members", members):
        toy_mixtures.check_members()


def test_members_are_the_networks_they_were_made_from() -> None:
    check_members(toy_mixtures.Members)


@mutants({f.__name__: f for f in (ByBlocks, Uncontrolled)})
def test_members_are_the_networks_they_were_made_from_rejects(mutant: type[toy_mixtures.Members]) -> None:
    rejects(check_members, mutant)


def test_a_grid_goes_on_behind_its_last_finished_cell(tmp_path: Path) -> None:
    measured: list[str] = []

    def measure(name: str) -> dict[str, Any]:
        if name == "c" and not restarted:
            raise KeyboardInterrupt
        measured.append(name)
        return {"name": name, "draw": torch.randn(1).item()}

    grid, restarted = [("a",), ("b",), ("c",)], False
    with patch.object(record, "ROOT", tmp_path):
        with pytest.raises(KeyboardInterrupt):
            cells.run(__file__, "first", grid, measure)
        restarted = True
        about, rows = cells.run(__file__, "second", grid, measure)
    assert measured == ["a", "b", "c"], "a finished cell was measured again"
    assert [row["name"] for row in rows] == ["a", "b", "c"]
    assert about["command"] == "second"


def test_wrong_labels_are_as_many_as_were_asked_for() -> None:
    labelled = data.Pairs(torch.randn(50, 1, 8, 8, generator=training.rng(0)), torch.arange(50) % 10)
    for share in (0.0, 0.4, 1.0):
        seen = semi_supervised.with_wrong_labels(labelled, share=share, rng=training.rng(1))
        assert (seen.y != labelled.y).double().mean() == share
        assert torch.equal(seen.x, labelled.x) and 0 <= int(seen.y.min()) <= int(seen.y.max()) <= 9


def test_both_learners_begin_with_the_same_weights() -> None:
    """Without unlabelled images and without steps, the game's critic and the supervised network are one network."""
    began = []

    def stop(network: torch.nn.Module) -> None:
        began.append([p.detach().clone() for p in network.parameters()])
        raise KeyboardInterrupt

    images = data.ImageSet(torch.zeros(20, 1, 8, 8), torch.arange(20) % 10)
    labelled = data.pairs(images)
    with patch.object(semi_supervised, "averaged", stop):
        for learn in (
            lambda: semi_supervised.semi(images, labelled, images, steps=1, seed=3),
            lambda: semi_supervised.alone(images.shape, labelled, images, steps=1, seed=3),
        ):
            with pytest.raises(KeyboardInterrupt):
                learn()
    assert all(torch.equal(a, b) for a, b in zip(*began, strict=True))


@pytest.mark.parametrize("way", conditional_images.WAYS)
def test_every_way_of_telling_the_label_tells_it(way: str) -> None:
    generator, critic = conditional_images.players(way, seed=0)
    x, y = generator.sample((4,), rng=training.rng(0))
    assert x.shape == (4, 1, 28, 28)
    critic.eval()  # spectral normalisation iterates while training
    assert (score(critic, (x, y)) - score(critic, (x, (y + 1) % 10))).abs().min() > 1e-6


def test_a_model_of_lower_order_shares_the_counts_of_a_higher_one() -> None:
    """The recipe of n-grams counts once: what it judges is what counting anew would give."""
    tokens = torch.randint(5, (30, 8), generator=training.rng(0))
    corpus = ngrams.Corpus("numbers", data.characters(["abcd"]), tokens, tokens[:5], 40, range(1, 4))
    known = ngrams.counted(corpus, tokens, order=3, rule=ngrams.RULES[0])
    for rule in ngrams.RULES[1:]:
        shared = ngrams.counted(corpus, tokens, order=2, rule=rule, known=known)
        anew = NGram(5, order=2, continuations=rule.continuations).fit(tokens)
        smoothing = rule.with_constant(rule.values[0])
        anew.smoothing = smoothing
        assert ngrams.nats(shared, tokens, smoothing) == pytest.approx(nll(anew, tokens).item())
