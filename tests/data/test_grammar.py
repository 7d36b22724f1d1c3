"""The grammar world: its table, its parser and its samples are three ways to one distribution."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
import torch
from torch.testing import assert_close

from genmodels import training
from genmodels.data.grammar import Grammar, captions
from mutants import refusal

SMALL = Grammar({"S": {"A b A": 1, "A": 2}, "A": {"x": 1, "x y": 3}})
AMBIGUOUS = Grammar({"S": {"A B": 1, "B A": 3}, "A": {"x": 1, "x x": 1}, "B": {"x": 2, "y": 1}})
WORLDS = {"small": SMALL, "ambiguous": AMBIGUOUS}


@pytest.mark.parametrize("grammar", WORLDS.values(), ids=WORLDS)
def test_everything_by_enumeration(grammar: Grammar) -> None:
    world = grammar.automaton()
    found = list(world.sentences())
    p = torch.tensor([q for _, q in found], dtype=torch.float64)
    assert_close(p.sum().item(), 1.0)
    assert world.support == len(found) == len({said for said, _ in found})
    assert_close(world.entropy, -(p * p.log()).sum().item())
    assert_close(world.mean_length, sum(q * (len(said) - 1) for said, q in found))
    assert world.longest == max(len(said) - 1 for said, _ in found)
    for said, q in found:
        assert_close(float(grammar.probability(grammar.vocabulary.decode(said))), q)


def test_the_parser_sums_over_derivations() -> None:
    """`x x` from A B in two ways of the choice, and from B A; by hand with fractions."""
    half, third = Fraction(1, 2), Fraction(2, 3)
    assert AMBIGUOUS.probability("x x") == Fraction(1, 4) * half * third + Fraction(3, 4) * third * half
    assert AMBIGUOUS.probability("y") == 0
    assert AMBIGUOUS.probability("x x x") == Fraction(1, 4) * half * third + Fraction(3, 4) * third * half


def test_captions_parse_as_they_were_drawn() -> None:
    grammar = captions()
    world = grammar.automaton()
    drawn = world.sample((200,), rng=training.rng(0))
    by_parser = [math.log(grammar.probability(grammar.vocabulary.decode(row))) for row in drawn]
    assert_close(world.log_prob(drawn), torch.tensor(by_parser, dtype=torch.float64))


def test_captions_have_the_entropy_that_their_samples_show() -> None:
    world = captions().automaton()
    surprise = -world.log_prob(world.sample((20_000,), rng=training.rng(1)))
    assert abs(surprise.mean().item() - world.entropy) < 5 * surprise.std().item() / math.sqrt(20_000)


def test_agreement_is_part_of_the_world() -> None:
    world = captions()
    assert world.probability("a man is holding his phone near the street") > 0
    assert world.probability("a man is holding her phone near the street") == 0
    assert world.probability("two children is holding their phone near the street") == 0
    assert world.probability("a man is holding his phone near the street while") == 0


def test_what_is_impossible_or_unfinished() -> None:
    world, encode = SMALL.automaton(), SMALL.vocabulary.encode
    y_first, unended = encode("y x"), encode("x b x")[:-1]
    assert world.log_prob(y_first[None]).item() == -math.inf
    assert world.log_prob(unended[None]).item() == -math.inf
    longer = torch.nn.functional.pad(encode("x"), (0, 3), value=2)
    assert_close(world.log_prob(longer[None]), world.log_prob(encode("x")[None]))  # behind the end nothing counts


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ({"S": {"a S": 1, "a": 1}}, "S leads back to itself"),
        ({"S": {"A B": 1}, "A": {"B": 1}, "B": {"A": 1}}, "leads back to itself"),
        ({"S": {"the NOUN": 1}}, "NOUN is in capitals and has no rule"),
        ({"S": {"a": 1, "b": 0}}, "must be positive"),
    ],
)
def test_rules_that_make_no_world(rules: dict[str, dict[str, int]], said: str) -> None:
    assert said in refusal(ValueError, lambda: Grammar(rules))
