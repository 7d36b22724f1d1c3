"""A world of translations about which everything is known: one source, several right targets, each in one dialect."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

WORDS = 9


@dataclass(frozen=True)
class Dialects:
    r"""Three dialects of one language, any two of which share a third of the words; a sentence is in one of them.

    A source has `words` words, numbered 1 to 9. Word w becomes :math:`w\bmod3+1` copies (its *fertility*) of one token:
    of its own form w + 18 in dialect :math:`\lfloor(w-1)/3\rfloor`, of its shared form w + 9 in the two others. Targets
    end with 0 and are filled up with it; `weights` are the dialects' probabilities, one draw per sentence.

    Raises
    ------
    ValueError
        If the weights are not three numbers that sum to 1, or there are no words.
    """

    weights: tuple[float, float, float] = (0.42, 0.33, 0.25)
    words: int = 4

    vocab = 1 + 3 * WORDS
    source_vocab = 1 + WORDS
    most = 3
    """The largest fertility."""

    def __post_init__(self) -> None:
        if len(self.weights) != 3 or min(self.weights) < 0 or not math.isclose(sum(self.weights), 1):
            raise ValueError(f"the dialects' weights are {self.weights}: give three, not negative, that sum to 1.")
        if self.words < 1:
            raise ValueError(f"a source of {self.words} words says nothing: use 1 or more.")

    @property
    def length(self) -> int:
        """Of every target tensor: the longest target with its end."""
        return self.most * self.words + 1

    @property
    def p(self) -> Float[Tensor, " dialects"]:
        return torch.tensor(self.weights, dtype=torch.float64)

    def sources(self, n: int, *, rng: torch.Generator) -> Int[Tensor, "n words"]:
        """Each word is any of the nine with equal probability."""
        return torch.randint(1, WORDS + 1, (n, self.words), generator=rng)

    def fertility(self, source: Int[Tensor, "n words"]) -> Int[Tensor, "n words"]:
        """How many tokens each word becomes."""
        return torch.where(source > 0, source % 3 + 1, 0)

    def variants(self, source: Int[Tensor, "n words"]) -> Int[Tensor, "n 3 length"]:
        """The sentence in each dialect; some may be equal."""
        own = (source[:, None] - 1) // 3 == torch.arange(3)[:, None]
        said = source[:, None] + WORDS + WORDS * own
        ends = self.fertility(source).cumsum(dim=1)
        which = (torch.arange(self.length)[:, None] >= ends[:, None]).sum(dim=2)
        ended = torch.nn.functional.pad(said, (0, 1))
        return ended.gather(2, which[:, None].expand(-1, 3, -1))

    def sample(self, sample_shape: Sequence[int], *, rng: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Sources, their fertilities, and a target each, in a dialect drawn for it."""
        source = self.sources(math.prod(sample_shape), rng=rng)
        dialect = torch.multinomial(self.p, len(source), replacement=True, generator=rng)
        target = self.variants(source)[torch.arange(len(source)), dialect]
        drawn = (source, self.fertility(source), target)
        return tuple(part.reshape(*sample_shape, -1) for part in drawn)  # type: ignore[return-value]

    def speakers(self, source: Int[Tensor, "n words"], target: Int[Tensor, "n length"]) -> Bool[Tensor, "n 3"]:
        """Which dialects would say exactly this; none of them if the target is no translation."""
        return (self.variants(source) == target[:, None]).all(dim=2)

    def log_prob(self, source: Int[Tensor, "n words"], target: Int[Tensor, "n length"]) -> Float[Tensor, " n"]:
        r""":math:`\log p(y\mid x)`: the weights of the dialects that say it; minus infinity if none does."""
        return (self.speakers(source, target) * self.p).sum(dim=1).log()

    def write(self, tokens: Int[Tensor, " length"]) -> str:
        """Source words as a to i; of a target, shared forms small and own forms capital, up to the end."""
        letters = " abcdefghiabcdefghiABCDEFGHI"
        return "".join(letters[token] for token in tokens.tolist()).split(" ")[0]
