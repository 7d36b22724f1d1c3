"""The model of the course's text: each attention layer sees its half of the source, exactly, and nothing else."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import pad
from torch.testing import assert_close

from genmodels import training
from genmodels.sequence import StepModel, forced, nll, unroll, within
from genmodels.sequence.dbam import DBAM, described, halves, timing
from genmodels.sequence.seq2seq import translation
from mutants import mutants, refusal, rejects

SOURCE = torch.tensor([[3, 1, 2, 4, 0, 0], [0, 0, 0, 0, 0, 0], [1, 2, 3, 0, 0, 0]])  # 5, 1 and 4 real positions
TARGET = torch.tensor([[2, 1, 3, 0], [1, 0, 0, 0], [3, 3, 1, 0]])


def model() -> DBAM:
    with training.isolated(0):
        made = DBAM(5, 4, hidden=8)
    for p in made.parameters():
        p.data *= 2
    return made.double().eval()


Halves = Callable[[Tensor], tuple[Tensor, Tensor]]


def check_halves(cut: Halves) -> None:
    """Together they are what is real, without overlap; the first has the extra one; one position has no second half."""
    first, second = cut(within(SOURCE, eos=0))
    assert first.long().tolist() == [[1, 1, 1, 0, 0, 0], [1, 0, 0, 0, 0, 0], [1, 1, 0, 0, 0, 0]]
    assert second.long().tolist() == [[0, 0, 0, 1, 1, 0], [0, 0, 0, 0, 0, 0], [0, 0, 1, 1, 0, 0]]


def by_width(real: Tensor) -> tuple[Tensor, Tensor]:
    """Half of the tensor, not of each text."""
    first = torch.arange(real.shape[1]) < (real.shape[1] + 1) // 2
    return real & first, real & ~first


def overlapping(real: Tensor) -> tuple[Tensor, Tensor]:
    first, second = halves(real)
    return first, second | (real & (torch.arange(real.shape[1]) == first.sum(1, keepdim=True) - 1))


def filling_too(real: Tensor) -> tuple[Tensor, Tensor]:
    first, _ = halves(real)
    return first, ~first


@mutants({"half of the tensor": by_width, "overlapping": overlapping, "the filling too": filling_too})
def test_halves_rejects(mutant: Halves) -> None:
    rejects(check_halves, mutant)


def test_halves() -> None:
    check_halves(halves)


def test_each_layer_sees_its_half_and_nothing_else() -> None:
    m = model()
    kept = unroll(m, forced(TARGET), steps=4, state=m.encode(SOURCE), keep=lambda s: s.weights, stop=False).kept
    assert kept is not None
    for layer, seen in enumerate(halves(within(SOURCE, eos=0))):
        assert bool((kept[:, :, layer].masked_select(~seen[:, None].expand(-1, 4, -1)) == 0).all())
        assert_close(kept[:, :, layer].sum(2), seen.any(1)[:, None].expand(-1, 4).double())


def test_stepping_is_reading_at_once_and_filling_changes_nothing() -> None:
    m = model()
    state = m.encode(SOURCE)
    assert_close(m.logits(TARGET, state=state), StepModel.logits(m, TARGET, state=state))
    assert_close(m.log_probs(TARGET, state=state), StepModel.log_probs(m, TARGET, state=state))
    filled = pad(SOURCE, (0, 2), value=3)
    assert_close(m.log_prob(TARGET, state=m.encode(filled)), m.log_prob(TARGET, state=state))
    alone = m.encode(SOURCE[1:2, :1])
    assert_close(m.log_prob(TARGET[1:2], state=alone)[0], m.log_prob(TARGET, state=state)[1])


def test_the_memory_is_that_of_a_left_to_right_language_model() -> None:
    """What stands behind a token does not change the token's vector (E-18), and the vectors are the reader's own."""
    m, changed = model(), SOURCE.clone()
    changed[0, 3] = 1
    before, after = (m.encode(x).memory[0] for x in (SOURCE, changed))
    assert torch.equal(before[:3], after[:3]) and not torch.equal(before[3], after[3])
    read = torch.cat([torch.full((1, 1), m.reader.vocab), SOURCE[:1, :5]], dim=1)
    assert_close(m.reader.cell(m.reader.embed(read))[0][0, 1:] + timing(6, 8)[:5].double(), before[:5])


def test_the_loss_is_both_likelihoods() -> None:
    m, rng = model(), training.rng(0)
    both = described(m, (SOURCE, TARGET), step=0, rng=rng)
    assert_close(both, translation(m, (SOURCE, TARGET), step=0, rng=rng) + nll(m.reader, SOURCE))


def test_times_are_pairs_of_sine_and_cosine() -> None:
    times = timing(50, 6)
    assert_close(times[:, 0], torch.arange(50).float().sin())
    assert_close(times[0], torch.tensor([0.0, 1, 0, 1, 0, 1]))
    assert_close(times.unflatten(1, (3, 2)).square().sum(2), torch.ones(50, 3))
    assert "come in pairs" in refusal(ValueError, lambda: timing(4, 5))
