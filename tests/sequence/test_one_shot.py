"""Sentences for the games of chapters 2 and 3: soft rows from noise, one-hot rows from data, labels between labels."""

from __future__ import annotations

from functools import partial

import torch
from torch import nn
from torch.testing import assert_close

from genmodels import training
from genmodels.adversarial import WASSERSTEIN, Conditional, Generator, Joint, gradient_penalty, mlp, play
from genmodels.data import reviews
from genmodels.sequence.one_shot import OneHot, OneHotLabels, said, soft_writer, spoken
from mutants import mutants, rejects

LENGTH, VOCAB = 4, 6


def writer(inputs: int = 3) -> nn.Sequential:
    with training.isolated(0):
        return soft_writer(inputs, length=LENGTH, vocab=VOCAB, width=16)


def check_rows(network: nn.Module) -> None:
    """Every row is a distribution over words."""
    rows = network(torch.randn(5, 3, generator=training.rng(0)))
    assert rows.shape == (5, LENGTH, VOCAB)
    assert_close(rows.sum(dim=2), torch.ones(5, LENGTH))
    assert rows.min() > 0
    assert rows.square().sum((1, 2)).max() < LENGTH, "a soft sentence is a corner"


def test_rows_are_distributions() -> None:
    check_rows(writer())


@mutants(
    {
        "softmax over places": nn.Sequential(*list(writer())[:-1], nn.Softmax(dim=1)),
        "softmax over all": nn.Sequential(*list(writer())[:-2], nn.Softmax(dim=1), nn.Unflatten(1, (LENGTH, VOCAB))),
        "no softmax": nn.Sequential(*list(writer())[:-1]),
    }
)
def test_rows_are_distributions_rejects(mutant: nn.Module) -> None:
    rejects(check_rows, mutant)


def test_what_is_said_is_the_most_probable_word_of_each_row() -> None:
    rows = torch.tensor([[[0.2, 0.5, 0.3], [0.6, 0.3, 0.1]]])
    assert spoken(rows).tolist() == [[1, 0]]


def test_saying_changes_nothing_and_repeats() -> None:
    generator = Generator(writer(), latent=3)
    before = {name: value.clone() for name, value in generator.state_dict().items()}
    first, again = (said(generator, 50, rng=training.rng(1)) for _ in range(2))
    assert generator.training and torch.equal(first, again) and first.shape == (50, LENGTH)
    assert all(torch.equal(before[name], value) for name, value in generator.state_dict().items())
    assert len(said(generator, 50, rng=training.rng(1), scale=0.0).unique(dim=0)) == 1


def test_one_hot_rows_say_their_sentences_and_keep_their_labels() -> None:
    tokens = torch.tensor([[1, 2, 0, 0], [3, 4, 5, 0], [5, 0, 0, 0]])
    rows = OneHot(tokens, VOCAB).sample((30,), rng=training.rng(0))
    assert rows.shape == (30, LENGTH, VOCAB)  # type: ignore[union-attr]
    assert {tuple(s) for s in spoken(rows).tolist()} == {tuple(s) for s in tokens.tolist()}  # type: ignore[arg-type]
    labels = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]])
    x, y = OneHot(tokens, VOCAB, labels).sample((30,), rng=training.rng(0))
    assert torch.equal((spoken(x)[:, 0] == 3).float(), y[:, 1])


def test_a_penalty_can_interpolate_these_labels() -> None:
    """With whole numbers as labels it refuses; one-hot vectors are points with something between them."""
    data = OneHot(reviews().automaton().sample((20,), rng=training.rng(0)), 29, torch.eye(2).repeat(10, 1))
    with training.isolated(0):
        network = soft_writer(3 + 2, length=10, vocab=29, width=8)
        critic = Joint(mlp(292, 1, width=8))
    generator = Conditional(network, OneHotLabels(2), latent=3)
    before = [p.detach().clone() for p in generator.parameters()]
    play(generator, critic, data, WASSERSTEIN, steps=2, batch=8, penalties=(partial(gradient_penalty, weight=1.0),))
    assert any(not torch.equal(a, b) for a, b in zip(before, generator.parameters(), strict=True))
    asked = torch.eye(2)[torch.tensor([0, 1, 1])]
    assert generator.given(asked, rng=training.rng(0)).shape == (3, 10, 29)
    drawn = OneHotLabels(2, prior=torch.tensor([0.25, 0.75])).sample((4_000,), rng=training.rng(0))
    assert drawn.shape == (4_000, 2) and abs(drawn[:, 1].mean() - 0.75) < 0.03
