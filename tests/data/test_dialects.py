"""The world of three dialects, counted out."""

from __future__ import annotations

import math

import torch
from torch.testing import assert_close

from genmodels import training
from genmodels.data.dialects import Dialects
from mutants import refusal

ALL = torch.cartesian_prod(*[torch.arange(1, 10)] * 2)


def test_every_sentence_of_a_source_is_counted_once() -> None:
    world = Dialects(words=2)
    for source, said in zip(ALL, world.variants(ALL), strict=True):
        sentences = said.unique(dim=0)
        total = world.log_prob(source.expand(len(sentences), -1), sentences).exp().sum()
        assert_close(total.item(), 1.0)


def test_a_target_has_as_many_tokens_as_the_fertilities_say() -> None:
    world = Dialects()
    source, fertility, target = world.sample((500,), rng=training.rng(0))
    assert torch.equal((target != 0).sum(1), fertility.sum(1))
    assert int(fertility.min()) == 1 and int(fertility.max()) == world.most
    assert target.shape[1] == world.length and bool((target[:, -1] == 0).all())
    words = torch.where(target > 18, target - 18, target - 9)
    repeated = [torch.repeat_interleave(s, f) for s, f in zip(source, fertility, strict=True)]
    assert all(torch.equal(w[: len(r)], r) for w, r in zip(words, repeated, strict=True))


def test_any_two_dialects_share_a_third_of_the_words() -> None:
    world = Dialects(words=1)
    said = world.variants(torch.arange(1, 10)[:, None])[:, :, 0]
    for i, j in ((0, 1), (0, 2), (1, 2)):
        assert (said[:, i] == said[:, j]).sum() == 3
    assert bool((said.unique(dim=1).shape[1] > 1) and (said != said[:, :1]).any())


def test_dialects_are_drawn_with_their_weights() -> None:
    world = Dialects(weights=(0.6, 0.3, 0.1))
    source, _, target = world.sample((4_000,), rng=training.rng(0))
    by = world.speakers(source, target)
    alone = by.sum(dim=1) == 1
    assert_close(by[alone].double().mean(dim=0), world.p, atol=0.03, rtol=0)
    mixed = target.clone()
    mixed[:, 0] = torch.where(mixed[:, 0] > 18, mixed[:, 0] - 9, mixed[:, 0] + 9)
    wrong = ~world.speakers(source, mixed).any(dim=1)
    assert bool(torch.isneginf(world.log_prob(source, mixed))[wrong].all()) and wrong.double().mean() > 0.5


def test_one_dialect_is_certain() -> None:
    world = Dialects(weights=(0.0, 1.0, 0.0))
    source, _, target = world.sample((50,), rng=training.rng(0))
    assert_close(world.log_prob(source, target), torch.zeros(50, dtype=torch.float64))
    assert torch.equal(target, world.variants(source)[:, 1])


def test_sentences_can_be_read() -> None:
    world = Dialects(words=2)
    source = torch.tensor([[1, 5]])
    assert world.write(source[0]) == "ae"
    assert [world.write(said) for said in world.variants(source)[0]] == ["AAeee", "aaEEE", "aaeee"]


def test_what_is_refused() -> None:
    assert "sum to 1" in refusal(ValueError, lambda: Dialects(weights=(0.5, 0.5, 0.5)))
    assert "sum to 1" in refusal(ValueError, lambda: Dialects(weights=(1.5, -0.5, 0.0)))
    assert "1 or more" in refusal(ValueError, lambda: Dialects(words=0))
    assert math.isclose(sum(Dialects().weights), 1)
