"""The classifier that judges samples: good enough, in evaluation mode, repeatable, and split before it learns."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from genmodels.data import ImageSet, digits
from genmodels.metrics import Classifier, classifier, held_out
from genmodels.training import rng
from mutants import mutants, refusal, rejects

Look = Callable[[Classifier, Tensor], Tensor]


@pytest.fixture(scope="module")
def judge() -> tuple[Classifier, ImageSet, ImageSet]:
    train, test = held_out(digits())
    return classifier(train, test), train, test


def test_it_knows_the_digits(judge: tuple[Classifier, ImageSet, ImageSet]) -> None:
    network, _, test = judge
    assert network.accuracy > 0.95
    assert network.accuracy == (network.probabilities(test.images).argmax(dim=1) == test.labels).double().mean()
    assert not network.training


def test_its_features_have_unit_variance_on_average(judge: tuple[Classifier, ImageSet, ImageSet]) -> None:
    network, train, _ = judge
    features = network.features(train.images)
    assert features.shape == (len(train), 32)
    assert_close(features.var(dim=0).mean(), torch.tensor(1.0), rtol=1e-4, atol=0)


def test_probabilities_are_probabilities(judge: tuple[Classifier, ImageSet, ImageSet]) -> None:
    network, _, test = judge
    p = network.probabilities(test.images)
    assert p.shape == (len(test), 10)
    assert p.min() >= 0
    assert_close(p.sum(dim=1), torch.ones(len(test)))


def check_repeats(look: Look) -> None:
    """Left in training mode by somebody, it must still see the same image twice in the same way."""
    train, test = held_out(digits())
    network = classifier(train, test, steps=2).train()
    stream = torch.get_rng_state()
    first, again = look(network, test.images[:50]), look(network, test.images[:50])
    assert torch.equal(first, again)
    assert network.training, "looking changed the mode"
    assert torch.equal(torch.get_rng_state(), stream), "looking drew from the global stream"
    assert not first.requires_grad


def with_dropout(network: Classifier, x: Tensor) -> Tensor:  # sangwoomo/FreezeD: the judge was left in training mode
    with torch.no_grad():
        return network.body(x)


def left_in_evaluation_mode(network: Classifier, x: Tensor) -> Tensor:
    with torch.no_grad():
        return network.eval().body(x)


def test_it_looks_in_evaluation_mode() -> None:
    check_repeats(Classifier.features)
    check_repeats(Classifier.probabilities)


@mutants({f.__name__: f for f in (with_dropout, left_in_evaluation_mode)})
def test_it_looks_in_evaluation_mode_rejects(mutant: Look) -> None:
    rejects(check_repeats, mutant)


def test_the_same_seed_trains_the_same_classifier() -> None:
    train, test = held_out(digits())
    first, again, other = (classifier(train, test, steps=5, seed=seed) for seed in (0, 0, 1))
    assert torch.equal(first.features(test.images), again.features(test.images))
    assert not torch.equal(first.features(test.images), other.features(test.images))


def test_training_leaves_the_global_stream_alone() -> None:
    stream = torch.get_rng_state()
    classifier(*held_out(digits()), steps=1)
    assert torch.equal(torch.get_rng_state(), stream)


def test_colour_and_other_sizes() -> None:
    images = ImageSet(torch.randn(20, 3, 13, 9, generator=rng(0)), torch.arange(20) % 3)
    network = classifier(images, images, steps=2, width=4, features=5)
    assert network.features(images.images).shape == (20, 5)
    assert network.probabilities(images.images).shape == (20, 3)


Split = Callable[[ImageSet], tuple[ImageSet, ImageSet]]


def check_split(split: Split) -> None:
    """Every image once, labels with their images, both parts mixed."""
    images = ImageSet(torch.arange(100.0).reshape(100, 1, 1, 1), torch.arange(100) // 50)
    train, test = split(images)
    assert (len(train), len(test)) == (80, 20)
    every = torch.cat([train.images, test.images]).flatten()
    assert torch.equal(every.sort().values, torch.arange(100.0))
    assert torch.equal(torch.cat([train.labels, test.labels]), (every // 50).long())
    assert test.labels.bincount(minlength=2).min() > 3, "one part has all of one class"


def last_fifth(images: ImageSet) -> tuple[ImageSet, ImageSet]:
    return ImageSet(images.images[:80], images.labels[:80]), ImageSet(images.images[80:], images.labels[80:])


def overlapping(images: ImageSet) -> tuple[ImageSet, ImageSet]:
    parts = [torch.randperm(100, generator=rng(seed)) for seed in (0, 1)]
    train, test = (ImageSet(images.images[part], images.labels[part]) for part in (parts[0][:80], parts[1][80:]))
    return train, test


def labels_left_behind(images: ImageSet) -> tuple[ImageSet, ImageSet]:
    train, test = held_out(images)
    return ImageSet(train.images, images.labels[:80]), ImageSet(test.images, images.labels[80:])


def test_held_out() -> None:
    check_split(held_out)


@mutants({f.__name__: f for f in (last_fifth, overlapping, labels_left_behind)})
def test_held_out_rejects(mutant: Split) -> None:
    rejects(check_split, mutant)


def test_one_class_is_refused() -> None:
    images = ImageSet(torch.zeros(4, 1, 8, 8), torch.zeros(4, dtype=torch.long))
    assert "two classes" in refusal(ValueError, lambda: classifier(images, images))
