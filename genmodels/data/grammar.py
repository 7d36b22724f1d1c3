r"""A world of sentences about which everything is known: probability, entropy, number, and what may come next.

A probabilistic grammar without recursion is written as rules and compiled into a table: one row per *state*, what a
reader of the sentence so far can know, with the exact probability of every next word.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache, cached_property

import torch
from jaxtyping import Float, Int
from torch import Tensor

from .text import EOS, Vocabulary

Stack = tuple[str, ...]
Belief = dict[Stack, Fraction]
Combine = Callable[[Tensor, Tensor, Tensor], Tensor]
"""(probabilities of the next words, the quantity behind each, 1 where it is a word and 0 for `<eos>`).

:meta hide-value:
"""


@dataclass(frozen=True)
class Grammar:
    """Rules `{"NOUN": {"dog": 2, "cat": 1}, "S": {"the NOUN sleeps": 1}}`: capitals are rewritten, the rest are words.

    Numbers are relative weights. Raises `ValueError` for a symbol without a rule, a rule that leads back to itself, or
    a weight that is not positive.
    """

    rules: Mapping[str, Mapping[str, int]]
    start: str = "S"

    def __post_init__(self) -> None:
        weights = [weight for options in self.rules.values() for weight in options.values()]
        if any(weight <= 0 for weight in weights):
            raise ValueError("a rule's weights must be positive: leave an option out instead of giving it 0.")
        for symbol in self.rules:
            self._check(symbol, ())

    def _check(self, symbol: str, above: tuple[str, ...]) -> None:
        if symbol in above:
            raise ValueError(f"{symbol} leads back to itself: this world is finite, write the repetition out.")
        if symbol.isupper() and symbol not in self.rules:
            raise ValueError(f"{symbol} is in capitals and has no rule: add one, or write the word in small letters.")
        for part in {part for option in self.rules.get(symbol, {}) for part in option.split()}:
            self._check(part, (*above, symbol))

    def options(self, symbol: str) -> list[tuple[Stack, Fraction]]:
        total = sum(self.rules[symbol].values())
        return [(tuple(text.split()), Fraction(weight, total)) for text, weight in self.rules[symbol].items()]

    @cached_property
    def vocabulary(self) -> Vocabulary:
        found = {part for options in self.rules.values() for option in options for part in option.split()}
        return Vocabulary((EOS, *sorted(part for part in found if part not in self.rules)))

    def probability(self, sentence: str) -> Fraction:
        """Exact probability of a sentence, by parsing it: the sum over all its derivations (the inside algorithm)."""
        said = tuple(sentence.split())

        @cache
        def inside(symbols: Stack, i: int, j: int) -> Fraction:
            if not symbols:
                return Fraction(i == j)
            first, rest = symbols[0], symbols[1:]
            if first not in self.rules:
                return inside(rest, i + 1, j) if i < j and said[i] == first else Fraction(0)
            if not rest:
                return sum((p * inside(option, i, j) for option, p in self.options(first)), Fraction(0))
            return sum(
                (left * inside(rest, k, j) for k in range(i, j + 1) if (left := inside((first,), i, k))), Fraction(0)
            )

        return inside((self.start,), 0, len(said))

    def successors(self, belief: Belief) -> dict[str, Belief]:
        """Each word that may come next (or `<eos>`), with the unnormalised belief about the rest that it leaves."""
        found: dict[str, Belief] = {}
        waiting = list(belief.items())
        while waiting:
            stack, p = waiting.pop()
            if stack and stack[0] in self.rules:
                waiting += [((*option, *stack[1:]), p * q) for option, q in self.options(stack[0])]
            else:
                word, rest = (stack[0], stack[1:]) if stack else (EOS, ())
                left = found.setdefault(word, {})
                left[rest] = left.get(rest, Fraction(0)) + p
        return found

    def automaton(self) -> Automaton:
        """The table of exact next-word probabilities, one state per different belief about the rest."""
        numbers = self.vocabulary.numbers
        beginning: Belief = {(self.start,): Fraction(1)}
        states: dict[frozenset[tuple[Stack, Fraction]], int] = {frozenset(beginning.items()): 0}
        edges: list[tuple[int, int, int, Fraction]] = []
        waiting: list[tuple[int, Belief]] = [(0, beginning)]
        while waiting:
            here, belief = waiting.pop()
            for word, left in self.successors(belief).items():
                p = sum(left.values(), Fraction(0))
                rest = {} if word == EOS else {stack: q / p for stack, q in left.items()}
                if (key := frozenset(rest.items())) not in states:
                    states[key] = len(states)
                    waiting.append((states[key], rest))  # after the end there is nothing left, and no successor
                edges.append((here, numbers[word], states[key], p))
        return Automaton.of(edges, states=len(states), vocabulary=self.vocabulary)


@dataclass(frozen=True)
class Automaton:
    """A finite set of sentences as a table: `follow[s, w]` is the state after word w, `prob[s, w]` its probability.

    State 0 is the beginning. Nothing follows the end; impossible words lead to `dead`, where all are impossible.
    """

    follow: Int[Tensor, "states vocab"]
    prob: Float[Tensor, "states vocab"]
    vocabulary: Vocabulary

    @classmethod
    def of(cls, edges: Sequence[tuple[int, int, int, Fraction]], *, states: int, vocabulary: Vocabulary) -> Automaton:
        follow = torch.full((states + 1, len(vocabulary)), states)
        prob = torch.zeros(states + 1, len(vocabulary), dtype=torch.float64)
        for here, word, there, p in edges:
            follow[here, word], prob[here, word] = there, float(p)
        return cls(follow, prob, vocabulary)

    @property
    def dead(self) -> int:
        return len(self.follow) - 1

    @cached_property
    def order(self) -> list[int]:
        """States so that everything that follows a state stands behind it."""
        seen: dict[int, None] = {}

        def visit(state: int) -> None:
            for word in self.prob[state].nonzero().squeeze(1).tolist():
                if (there := int(self.follow[state, word])) not in seen:
                    visit(there)
            seen[state] = None

        visit(0)
        return list(seen)[::-1]

    def _backwards(self, combine: Combine, *, end: float = 0.0) -> float:
        """A quantity of the sentences from the beginning on, computed from their ends backwards."""
        at = torch.full((len(self.follow),), end, dtype=torch.float64)
        for state in reversed(self.order):
            words = self.prob[state].nonzero().squeeze(1)
            if len(words):
                at[state] = combine(self.prob[state, words], at[self.follow[state, words]], (words != 0).double())
        return at[0].item()

    @property
    def support(self) -> int:
        """How many different sentences there are."""
        return round(self._backwards(lambda p, then, word: then.sum(), end=1.0))

    @property
    def entropy(self) -> float:
        """Of a sentence, in nats."""
        return self._backwards(lambda p, then, word: (p * (then - p.log())).sum())

    @property
    def mean_length(self) -> float:
        """In words, without `<eos>`."""
        return self._backwards(lambda p, then, word: (p * (then + word)).sum())

    @property
    def longest(self) -> int:
        """In words, without `<eos>`."""
        return round(self._backwards(lambda p, then, word: (then + word).max()))

    def states(self, tokens: Int[Tensor, "n length"]) -> Int[Tensor, "n length"]:
        """The state *before* each token."""
        state, before = torch.zeros(len(tokens), dtype=torch.long), []
        for column in tokens.unbind(1):
            before.append(state)
            state = self.follow[state, column]
        return torch.stack(before, dim=1)

    def log_prob(self, tokens: Int[Tensor, "n length"]) -> Float[Tensor, " n"]:
        """Logarithm of each sentence's probability in nats; minus infinity if it is impossible or has no `<eos>`."""
        each = self.prob[self.states(tokens), tokens].log()
        ended = (tokens == 0).cumsum(dim=1)
        counts = (ended - (tokens == 0).long()) == 0  # up to the first <eos>, that one too
        total = torch.where(counts, each, 0.0).sum(dim=1)
        return torch.where(ended[:, -1] > 0, total, -math.inf)

    def sample(self, sample_shape: Sequence[int], *, rng: torch.Generator) -> Int[Tensor, ...]:
        """Sentences of numbers, all as long as the longest possible one with its `<eos>`."""
        state = torch.zeros(math.prod(sample_shape), dtype=torch.long)
        columns = []
        for _ in range(self.longest + 1):
            p = self.prob[state]
            p = torch.where(p.sum(1, keepdim=True) > 0, p, torch.eye(1, p.shape[1], dtype=p.dtype))
            token = torch.multinomial(p, 1, generator=rng).squeeze(1)
            columns.append(token)
            state = self.follow[state, token]
        return torch.stack(columns, dim=1).reshape(*sample_shape, -1)

    def sentences(self) -> Iterator[tuple[tuple[int, ...], float]]:
        """Every sentence with its probability: for small grammars."""
        waiting: list[tuple[int, tuple[int, ...], float]] = [(0, (), 1.0)]
        while waiting:
            state, said, p = waiting.pop()
            for word in self.prob[state].nonzero().squeeze(1).tolist():
                q = p * self.prob[state, word].item()
                if word == 0:
                    yield (*said, 0), q
                else:
                    waiting.append((int(self.follow[state, word]), (*said, word), q))


CAPTIONS: Mapping[str, Mapping[str, int]] = {
    "S": {"SCENE": 3, "SCENE while SCENE": 2},
    "SCENE": {
        "MAN is DOING his THING AT": 3,
        "WOMAN is DOING her THING AT": 3,
        "GROUP are DOING their THING AT": 2,
        "ANIMAL is RESTING AT": 2,
    },
    "MAN": {"a PERSONAL man": 3, "a man": 2, "the old man": 1},
    "WOMAN": {"a PERSONAL woman": 3, "a woman": 2, "the old woman": 1},
    "GROUP": {"two children": 2, "a group of people": 1, "some PERSONAL people": 1},
    "ANIMAL": {"a COLOUR dog": 3, "a COLOUR cat": 2, "one of the dogs": 1},
    "PERSONAL": {"young": 3, "tall": 2, "smiling": 1},
    "COLOUR": {"black": 2, "white": 2, "brown": 1},
    "DOING": {"holding": 3, "carrying": 2, "cleaning": 1, "looking at": 2},
    "THING": {"bike": 2, "new bike": 1, "phone": 3, "umbrella": 1, "COLOUR bag": 2},
    "RESTING": {"sleeping": 3, "sitting": 3, "looking at a bird": 1},
    "AT": {"on the PLACE": 3, "near the PLACE": 2, "in the ROOM": 2},
    "PLACE": {"street": 3, "beach": 2, "old bridge": 1},
    "ROOM": {"kitchen": 2, "park": 3, "living room": 1},
}


def captions() -> Grammar:
    """Captions like those of Image COCO, with agreement over a distance: a man holds *his* phone, people *are*."""
    return Grammar(CAPTIONS)
