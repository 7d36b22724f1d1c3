"""Facts about a GPT that do not depend on training: its size, its tied table, its cache, what it says untrained."""

from __future__ import annotations

import math

import pytest
import torch
from torch.testing import assert_close

from benchmarks import sequence_sampling
from genmodels import training
from genmodels.sequence import Recurrent, StepModel, Transformer, forced, nll, unroll


@pytest.mark.parametrize(("vocab", "context", "dim", "layers"), [(5, 8, 16, 1), (50, 32, 24, 3)])
def test_number_of_parameters(vocab: int, context: int, dim: int, layers: int) -> None:
    model = Transformer(vocab, context=context, dim=dim, layers=layers)
    blocks = 12 * layers * dim**2 + 13 * layers * dim + 2 * dim
    assert sum(p.numel() for p in model.parameters()) == blocks + dim * (vocab + 1 + context)


def test_the_table_is_read_and_predicted_with() -> None:
    """One table: another vector for word 3 changes the logit of word 3 alone, where that word is not read."""
    with training.isolated(0):
        model = Transformer(6, context=8).eval()
    tokens = torch.tensor([[1, 2, 1, 2]])
    before = model.logits(tokens)
    with torch.no_grad():
        model.embed.weight[3] = torch.linspace(-1, 1, 64).sin()
    moved = (model.logits(tokens) - before).abs().amax(dim=(0, 1))
    assert moved[3] > 1e-3 and moved[[0, 1, 2, 4, 5]].max() == 0


def test_the_cache_equals_the_whole_pass_in_single_precision() -> None:
    with training.isolated(0):
        model = Transformer(50, context=64, layers=3, eos=None).eval()
    tokens = torch.randint(50, (4, 64), generator=training.rng(1))
    assert_close(unroll(model, forced(tokens), steps=64, n=4).logits, model.logits(tokens), rtol=0, atol=1e-5)


@pytest.mark.parametrize("model", [Transformer(50, context=16, eos=None), Recurrent(50, cell="lstm", eos=None)])
def test_untrained_it_is_as_uncertain_as_a_die(model: StepModel) -> None:
    tokens = torch.randint(50, (100, 16), generator=training.rng(0))
    assert abs(nll(model, tokens).item() - math.log(50)) < 0.3


def test_the_benchmark_compares_loops_that_write_the_same_text() -> None:
    model = sequence_sampling.network(12)
    peer = sequence_sampling.in_the_peers_manner(model, torch.zeros(2, 0, dtype=torch.long), 12, rng=training.rng(0))
    assert torch.equal(peer, sequence_sampling.ours(model, 2, rng=training.rng(0)))
