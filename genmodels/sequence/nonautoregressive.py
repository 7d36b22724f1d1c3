r"""Sequences without an order of generation: every position at once, from the source alone or from some of the others.

.. math:: p(y\mid x)=\sum_zp(z\mid x)\prod_ip(y_i\mid z,x)

The latent :math:`z` says how many tokens each source word becomes, its *fertility*, and with that the length. A network
that also sees some of the target's tokens can be asked again, with its least certain answers hidden (mask-predict).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from ..data.dialects import Dialects
from ..training import evaluating
from .recurrent import SoftEmbedding
from .steps import Policy, StepModel, Tokens, prefix_then, unroll, within

Source = Int[Tensor, "n source"]
Memory = Float[Tensor, "n source dim"]
Triple = tuple[Source, Int[Tensor, "n source"], Tokens]
"""Source, fertilities, target.

:meta hide-value:
"""


def copied(memory: Memory, fertility: Int[Tensor, "n source"], *, length: int) -> Float[Tensor, "n length dim"]:
    """Each row as often as its fertility says, in order; zeros behind the last. Source: Gu et al. 2018, section 3.1.

    Raises
    ------
    ValueError
        If the fertilities ask for more than `length` copies.
    """
    ends = fertility.cumsum(dim=1)
    if int(ends[:, -1].max()) > length:
        raise ValueError(f"the fertilities sum to {int(ends[:, -1].max())}, and there are {length} places: allow more.")
    which = (torch.arange(length, device=ends.device)[:, None] >= ends[:, None]).sum(dim=2)
    behind = nn.functional.pad(memory, (0, 0, 0, 1))
    return behind.gather(1, which[..., None].expand(-1, -1, memory.shape[2]))


def places(fertility: Int[Tensor, "n source"], *, length: int) -> Bool[Tensor, "n length"]:
    """Where the target has tokens: as many as the fertilities sum to."""
    return torch.arange(length, device=fertility.device) < fertility.sum(dim=1, keepdim=True)


def _encoder(dim: int, *, heads: int, layers: int) -> nn.TransformerEncoder:
    layer = nn.TransformerEncoderLayer(dim, heads, 4 * dim, 0.0, "gelu", batch_first=True, norm_first=True)
    return nn.TransformerEncoder(layer, layers, nn.LayerNorm(dim), enable_nested_tensor=False)


class Parallel(nn.Module):
    """A Transformer without a causal mask on both sides: one reads the source, one fills in all of the target.

    What stands in a place of the target is the encoded source word that it comes from, plus its position, plus the
    token that is seen there or `vocab`, the mask. Source: Gu et al. 2018, simplified (no cross-attention: the copies
    are of the encoder's output); with tokens seen, Ghazvininejad et al. 2019.
    """

    def __init__(
        self, source_vocab: int, vocab: int, *, most: int, length: int, dim: int = 64, heads: int = 4, layers: int = 2
    ) -> None:
        super().__init__()
        self.vocab, self.length = vocab, length
        self.read, self.embed = nn.Embedding(source_vocab, dim), SoftEmbedding(vocab + 1, dim)
        self.order, self.positions = nn.Embedding(length, dim), nn.Embedding(length, dim)
        self.encoder, self.decoder = (_encoder(dim, heads=heads, layers=layers) for _ in range(2))
        self.fertility, self.output = nn.Linear(dim, most + 1), nn.Linear(dim, vocab)
        for table in (self.read, self.embed, self.order, self.positions):
            nn.init.normal_(table.weight, std=0.1)

    def encode(self, source: Source) -> Memory:
        """One vector per source word; `self.fertility` of it are the logits of 0, 1, 2 ... copies."""
        return self.encoder(self.read(source) + self.order.weight[: source.shape[1]])

    def logits(
        self, memory: Memory, fertility: Int[Tensor, "n source"], seen: Tensor | None = None
    ) -> Float[Tensor, "n length vocab"]:
        """Of every place at once. `seen` are tokens, `vocab` where hidden (or rows of probabilities); default: none."""
        width = max(int(fertility.sum(dim=1).max()), 1)
        hidden = torch.full((len(memory), self.length), self.vocab, device=memory.device)
        x = copied(memory, fertility, length=width) + self.positions.weight[:width]
        x = x + self.embed((hidden if seen is None else seen)[:, :width])
        out = self.output(self.decoder(x, src_key_padding_mask=~places(fertility, length=width)))
        return nn.functional.pad(out, (0, 0, 0, self.length - width))

    def log_probs(
        self, source: Source, fertility: Int[Tensor, "n source"], target: Tokens, *, seen: Tokens | None = None
    ) -> tuple[Float[Tensor, "n length"], Float[Tensor, "n source"]]:
        r""":math:`\log p(y_i\mid z,x)` of every token (0 behind the last), and :math:`\log p(z_j\mid x)`, in nats."""
        memory = self.encode(source)
        each = _of(self.logits(memory, fertility, seen), target)
        return each * places(fertility, length=self.length), _of(self.fertility(memory), fertility)


def _of(logits: Float[Tensor, "n length options"], chosen: Int[Tensor, "n length"]) -> Float[Tensor, "n length"]:
    return logits.log_softmax(dim=2).gather(2, chosen[..., None]).squeeze(2)


class Perfect(nn.Module):
    """What a parallel network would answer if it knew the world: exact marginals, given what is seen.

    Where no dialect agrees with all that is seen, those that contradict least of it count.
    """

    def __init__(self, world: Dialects) -> None:
        super().__init__()
        self.world, self.vocab, self.length = world, world.vocab, world.length

    def encode(self, source: Source) -> Source:
        return source

    def fertility(self, memory: Source) -> Float[Tensor, "n source options"]:
        return nn.functional.one_hot(self.world.fertility(memory), self.world.most + 1).double().log()

    def logits(
        self, memory: Source, fertility: Int[Tensor, "n source"], seen: Tokens | None = None
    ) -> Float[Tensor, "n length vocab"]:
        said = self.world.variants(memory)
        hidden = torch.full_like(said[:, 0], self.vocab)
        seen = (hidden if seen is None else seen)[:, None]
        wrong = ((seen != said) & (seen != self.vocab)).sum(dim=2)
        weights = self.world.p * (wrong == wrong.min(dim=1, keepdim=True).values)
        p = nn.functional.one_hot(said, self.vocab) * (weights / weights.sum(dim=1, keepdim=True))[..., None, None]
        return p.sum(dim=1).log()


# --- losses ----------------------------------------------------------------------------------------------------------


def independent(model: Parallel, batch: Triple, *, step: int, rng: torch.Generator) -> Tensor:
    r""":math:`-\log p(z\mid x)-\sum_i\log p(y_i\mid z,x)` per token: maximum likelihood of independent places."""
    tokens, words = model.log_probs(*batch)
    return -(tokens.sum() + words.sum()) / batch[1].sum()


def masked(model: Parallel, batch: Triple, *, step: int, rng: torch.Generator) -> Tensor:
    """The same of hidden tokens only, the others being seen; from one of them to all, each number equally often.

    Source: Ghazvininejad et al. 2019, section 3.
    """
    source, fertility, target = batch
    there = places(fertility, length=model.length)
    count = 1 + (torch.rand(len(source), generator=rng).to(source.device) * there.sum(dim=1)).long()
    hidden = lowest(torch.rand(there.shape, generator=rng).to(source.device), there, count=count)
    tokens, words = model.log_probs(*batch, seen=torch.where(hidden, model.vocab, target))
    return -(tokens * hidden).sum() / hidden.sum() - words.sum() / fertility.sum()


def lowest(
    score: Float[Tensor, "n length"], there: Bool[Tensor, "n length"], *, count: Int[Tensor, " n"]
) -> Bool[Tensor, "n length"]:
    """Where the `count` lowest scores of each row are, among the places that are there."""
    rank = score.masked_fill(~there, torch.inf).argsort(dim=1, stable=True).argsort(dim=1)
    return (rank < count[:, None]) & there


# --- decoding --------------------------------------------------------------------------------------------------------


def at_once(
    model: Parallel | Perfect, source: Source, *, fertility: Tensor | None = None, rng: torch.Generator | None = None
) -> Tokens:
    """Each token by itself, in one pass: the most probable one, or drawn if there is an `rng`. 0 behind the last.

    The fertilities are the most probable ones unless they are given.
    """
    if rng is None:
        return mask_predict(model, source, iterations=1, fertility=fertility)
    return unmask(model, source, iterations=1, fertility=fertility, rng=rng)


def mask_predict(
    model: Parallel | Perfect, source: Source, *, iterations: int, fertility: Tensor | None = None
) -> Tokens:
    r"""Answer, hide the :math:`\lfloor n(T-t)/T\rfloor` least certain of n answers, answer those again; T passes.

    A token keeps the probability with which it was answered last. Source: Ghazvininejad et al. 2019, section 4.

    Raises
    ------
    ValueError
        For less than one iteration.
    """
    with evaluating(model):
        memory, fertility, there = _begin(model, source, fertility, iterations)
        tokens, sure = torch.zeros_like(there, dtype=torch.long), torch.zeros(there.shape, device=there.device)
        for t in range(iterations):
            hidden = lowest(sure, there, count=there.sum(dim=1) * (iterations - t) // iterations)
            seen = torch.where(hidden, model.vocab, tokens)
            p, best = model.logits(memory, fertility, seen).softmax(dim=2).max(dim=2)
            tokens, sure = torch.where(hidden, best, tokens), torch.where(hidden, p, sure)
    return tokens


def unmask(
    model: Parallel | Perfect, source: Source, *, iterations: int, rng: torch.Generator, fertility: Tensor | None = None
) -> Tokens:
    """Draw a share of the tokens per pass, in a random order, given all before; nothing is taken back.

    With as many passes as tokens it is the chain rule, in another order for every sentence.

    Raises
    ------
    ValueError
        For less than one iteration.
    """
    with evaluating(model):
        memory, fertility, there = _begin(model, source, fertility, iterations)
        turn = torch.rand(there.shape, generator=rng).to(memory.device)
        tokens = torch.where(there, model.vocab, 0)
        for t in range(1, iterations + 1):
            p = model.logits(memory, fertility, tokens).softmax(dim=2).to(rng.device)
            drawn = torch.multinomial(p.flatten(0, 1), 1, generator=rng).reshape(there.shape).to(memory.device)
            hidden = lowest(turn, there, count=there.sum(dim=1) * (iterations - t) // iterations)
            tokens = torch.where((tokens == model.vocab) & ~hidden, drawn, tokens)
    return tokens


def _begin(
    model: Parallel | Perfect, source: Source, fertility: Tensor | None, iterations: int
) -> tuple[Tensor, Tensor, Tensor]:
    if iterations < 1:
        raise ValueError(f"{iterations} iterations predict nothing: use 1 (all at once) or more.")
    memory = model.encode(source)
    fertility = model.fertility(memory).argmax(dim=2) if fertility is None else fertility
    return memory, fertility, places(fertility, length=model.length)


# --- the autoregressive peer -----------------------------------------------------------------------------------------


def continuation(model: StepModel, batch: Triple, *, step: int, rng: torch.Generator) -> Tensor:
    """Teacher forcing of the target as the continuation of its source, per target token with its end."""
    source, _, target = batch
    tokens = model.log_probs(torch.cat([source, target], dim=1))[:, source.shape[1] :]
    return -tokens.sum() / within(target, eos=model.eos).sum()


@dataclass(frozen=True)
class Taught:
    """Sources and their fertilities with a teacher's targets, drawn with replacement: what a student learns from."""

    source: Source
    fertility: Int[Tensor, "n source"]
    target: Tokens

    def sample(self, sample_shape: Sequence[int], *, rng: torch.Generator) -> Triple:
        which = torch.randint(len(self.source), tuple(sample_shape), generator=rng)
        return self.source[which], self.fertility[which], self.target[which]


def continued(
    model: StepModel, source: Source, *, length: int, policy: Policy, rng: torch.Generator | None = None
) -> Tokens:
    """What the model writes behind the sources, one token at a time; filled up with `eos` to `length`."""
    with evaluating(model):
        policy = prefix_then(source, length=source.shape[1], policy=policy)
        written = unroll(model, policy, steps=source.shape[1] + length, n=len(source), rng=rng).tokens
    return nn.functional.pad(written[:, source.shape[1] :], (0, source.shape[1] + length - written.shape[1]))


# --- what it costs ---------------------------------------------------------------------------------------------------


def multiplications(run: Callable[[], object]) -> int:
    """How many numbers are multiplied in matrix products while `run` runs, counted by torch's dispatcher.

    Fused kernels, which the counter cannot look into, are switched off meanwhile.
    """
    fused = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
            run()
    finally:
        torch.backends.mha.set_fastpath_enabled(fused)
    return counter.get_total_flops() // 2
