"""A GPT from its parts: attention, the causal mask, positions, blocks; with a cache for one step at a time."""

from __future__ import annotations

import math

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from .recurrent import SoftEmbedding
from .steps import Logits, State, StepModel, Tokens

Vectors = Float[Tensor, "n length dim"]
Queries = Float[Tensor, "n heads queries each"]
Keys = Float[Tensor, "n heads keys each"]
Seen = Bool[Tensor, "queries keys"] | None
Cache = tuple[Float[Tensor, "n heads read each"], Float[Tensor, "n heads read each"]]
"""Keys and values of the positions read so far.

:meta hide-value:
"""


def attention(query: Queries, key: Keys, value: Keys, *, seen: Seen = None) -> Queries:
    r""":math:`\operatorname{softmax}\bigl(QK^\top/\sqrt d\bigr)V` over the keys that may be seen: without `seen`, all.

    What may not be seen gets minus infinity *before* the softmax. Source: Vaswani et al. 2017, eq. 1.
    """
    scores = query @ key.transpose(-1, -2) / math.sqrt(query.shape[-1])
    if seen is not None:
        scores = scores.masked_fill(~seen, -math.inf)
    return scores.softmax(dim=-1) @ value


def causal(queries: int, keys: int) -> Bool[Tensor, "queries keys"]:
    """Each position sees itself and what is before it; with a cache, the queries are the last of the keys."""
    return torch.ones(queries, keys, dtype=torch.bool).tril(keys - queries)


class SelfAttention(nn.Module):
    """Queries, keys and values from one sequence, in heads; returns the keys and values it has used, for a cache."""

    def __init__(self, dim: int, *, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads, self.into, self.out = heads, nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)
        self.drop = nn.Dropout(dropout)

    def forward(self, x: Vectors, past: Cache, seen: Seen) -> tuple[Vectors, tuple[Tensor, Tensor]]:
        query, key, value = (
            part.unflatten(2, (self.heads, -1)).transpose(1, 2) for part in self.into(x).chunk(3, dim=2)
        )
        key, value = (torch.cat([old, new], dim=2) for old, new in zip(past, (key, value), strict=True))
        mixed = attention(query, key, value, seen=seen).transpose(1, 2).flatten(2)
        return self.drop(self.out(mixed)), (key, value)


class Block(nn.Module):
    """Attention, then two linear layers, each on a normalised copy that is added back. Source: Radford et al. 2019."""

    def __init__(self, dim: int, *, heads: int, dropout: float) -> None:
        super().__init__()
        self.attention = SelfAttention(dim, heads=heads, dropout=dropout)
        self.norms = nn.ModuleList([nn.LayerNorm(dim), nn.LayerNorm(dim)])
        self.feed = nn.Sequential(nn.Linear(dim, 4 * dim), nn.GELU(), nn.Linear(4 * dim, dim), nn.Dropout(dropout))

    def forward(self, x: Vectors, past: Cache, seen: Seen) -> tuple[Vectors, tuple[Tensor, Tensor]]:
        mixed, cache = self.attention(self.norms[0](x), past, seen)
        x = x + mixed
        return x + self.feed(self.norms[1](x)), cache


class Transformer(StepModel):
    """A decoder-only Transformer with learned positions and the output tied to the embedding.

    Its state is the key/value cache: one pair per block. `logits` reads a whole sequence at once; `step` reads one
    token and looks the rest up. Source: Radford et al. 2018 (GPT), normalisation first as in GPT-2.
    """

    def __init__(
        self,
        vocab: int,
        *,
        context: int,
        dim: int = 64,
        heads: int = 4,
        layers: int = 2,
        dropout: float = 0.0,
        eos: int | None = 0,
    ) -> None:
        super().__init__()
        if dim % heads:
            raise ValueError(f"{dim} dimensions cannot be shared by {heads} heads: choose a multiple.")
        self.vocab, self.eos, self.context, self.heads, self.dim = vocab, eos, context, heads, dim
        self.embed, self.positions = SoftEmbedding(vocab + 1, dim), nn.Embedding(context, dim)
        self.drop, self.norm = nn.Dropout(dropout), nn.LayerNorm(dim)
        self.blocks = nn.ModuleList(Block(dim, heads=heads, dropout=dropout) for _ in range(layers))
        for module in self.modules():
            if isinstance(module, nn.Linear | nn.Embedding):
                nn.init.normal_(module.weight, std=0.02)
            if isinstance(module, nn.Linear):
                nn.init.zeros_(module.bias)

    def start(self, n: int) -> State:
        """An empty cache: no positions yet."""
        empty = self.embed.weight.new_zeros(n, self.heads, 0, self.dim // self.heads)
        return tuple((empty, empty) for _ in self.blocks)

    def step(self, token: Tensor, state: State) -> tuple[Logits, State]:
        logits, state = self._run(self.embed(token).unsqueeze(1), state)
        return logits.squeeze(1), state

    def logits(self, tokens: Tokens, *, state: State | None = None) -> Float[Tensor, "n length vocab"]:
        """Every position in one pass, behind the causal mask; equal to stepping (a test holds them together)."""
        read = torch.cat([torch.full_like(tokens[:, :1], self.vocab), tokens[:, :-1]], dim=1)
        return self._run(self.embed(read), self.start(len(tokens)) if state is None else state)[0]

    def _run(self, x: Vectors, state: State) -> tuple[Float[Tensor, "n length vocab"], State]:
        done, new = state[0][0].shape[2], x.shape[1]
        if done + new > self.context:
            raise ValueError(
                f"position {done + new} is beyond this model's context of {self.context}: give a shorter text, or "
                "train a model with a longer context."
            )
        x = self.drop(x + self.positions(torch.arange(done, done + new, device=x.device)))
        # The last position sees everything, so that a single step needs no mask.
        seen = causal(new, done + new).to(x.device) if new > 1 else None
        caches = []
        for block, past in zip(self.blocks, state, strict=True):
            x, cache = block(x, past, seen)
            caches.append(cache)
        return self.norm(x) @ self.embed.weight[: self.vocab].T, tuple(caches)
