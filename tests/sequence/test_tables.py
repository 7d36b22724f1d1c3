"""Tables of small worlds: the exact distribution of a model, counted samples, and the distance between the two."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from genmodels import training
from genmodels.data import reviews
from genmodels.sequence import Exact, Recurrent
from genmodels.sequence.tables import Table, total_variation
from mutants import mutants, rejects

WORLD = reviews().automaton()
TABLE = Table.of(WORLD)


def test_the_table_is_the_world() -> None:
    """By another way: the grammar parses every sentence, and the step model of the automaton multiplies words."""
    assert len(TABLE) == WORLD.support == 490
    assert_close(TABLE.prob.sum().item(), 1.0)
    assert len(TABLE.tokens.unique(dim=0)) == 490
    for i in range(0, 490, 61):
        sentence = WORLD.vocabulary.decode(TABLE.tokens[i])
        assert_close(TABLE.prob[i].item(), float(reviews().probability(sentence)))
    assert_close(TABLE.under(Exact(WORLD)), TABLE.prob)


def test_two_moods_share_the_world() -> None:
    good, bad = (Table.of(reviews(mood).automaton()) for mood in ("GOOD", "BAD"))
    assert len(good) == len(bad) == 245
    rows = torch.cat([TABLE.which(good.tokens), TABLE.which(bad.tokens)])
    assert torch.equal(rows.sort().values, torch.arange(490))
    assert_close(TABLE.prob[rows], torch.cat([good.prob, bad.prob]) / 2)


def check_under(under: Callable[..., Tensor]) -> None:
    """Over *all* sequences of a tiny model the probabilities sum to 1, also at a temperature; one world is a part."""
    model = Recurrent(3, hidden=4)
    with torch.no_grad():
        for p in model.parameters():
            p.copy_(torch.randn(p.shape, generator=training.rng(5)))
    ending = [(*words, 0, 0, 0)[:3] for n in range(3) for words in itertools.product((1, 2), repeat=n)]
    every = Table(torch.tensor(ending), torch.ones(len(ending), dtype=torch.float64) / len(ending))
    for temperature in (1.0, 0.5):
        q = under(every, model, temperature=temperature)
        going_on = torch.tensor(list(itertools.product((1, 2), repeat=3)))
        logits = model.logits(going_on).double() / temperature
        unended = logits.log_softmax(2).gather(2, going_on[..., None]).sum((1, 2)).exp().sum()
        assert_close((q.sum() + unended).item(), 1.0, atol=1e-6, rtol=0)
    assert_close(under(every, model), model.log_prob(every.tokens).double().exp(), atol=1e-6, rtol=1e-5)


def behind_the_end(table: Table, model: Recurrent, *, temperature: float = 1.0) -> Tensor:
    """Charges for the ends that only fill a row."""
    logits = model.logits(table.tokens).double() / temperature
    return logits.log_softmax(2).gather(2, table.tokens[..., None]).squeeze(2).sum(1).exp()


def without_the_end(table: Table, model: Recurrent, *, temperature: float = 1.0) -> Tensor:
    """Forgets that a sentence must also end."""
    logits = model.logits(table.tokens).double() / temperature
    each = logits.log_softmax(2).gather(2, table.tokens[..., None]).squeeze(2)
    return torch.where(table.tokens != 0, each, 0.0).sum(1).exp()


def after_the_softmax(table: Table, model: Recurrent, *, temperature: float = 1.0) -> Tensor:
    """Divides log-probabilities by the temperature and does not normalise again."""
    return table.under(model) ** (1 / temperature)


def test_a_model_spends_its_mass_once() -> None:
    check_under(Table.under)


@mutants({f.__name__: f for f in (behind_the_end, without_the_end, after_the_softmax)})
def test_a_model_spends_its_mass_once_rejects(mutant: Callable[..., Tensor]) -> None:
    rejects(check_under, mutant)


def check_which(which: Callable[[Table, Tensor], Tensor]) -> None:
    """Rows are found whatever stands behind the end, in shorter and longer tensors too; what is impossible is -1."""
    draws = WORLD.sample((200,), rng=training.rng(0))
    rows = which(TABLE, draws)
    assert torch.equal(TABLE.tokens[rows], draws)
    short = draws[(draws == 0).int().argmax(1) < 6][:, :6]
    assert torch.equal(TABLE.tokens[which(TABLE, short)][:, :6], short)
    ended = (draws == 0).cumsum(1) > 1
    assert torch.equal(which(TABLE, torch.where(ended, 5, draws)), rows)
    assert which(TABLE, torch.ones(3, 10, dtype=torch.long)).tolist() == [-1, -1, -1]
    assert torch.equal(which(TABLE, torch.nn.functional.pad(draws, (0, 3))), rows), "longer tensors"
    two = Table(torch.tensor([[1, 0], [1, 2]]), torch.tensor([0.5, 0.5]))  # its second sentence fills its row
    assert which(two, torch.tensor([[1, 2, 0], [1, 2, 1], [1, 0, 2]])).tolist() == [1, -1, 0]


def reads_behind_the_end(table: Table, tokens: Tensor) -> Tensor:
    tokens = torch.nn.functional.pad(tokens, (0, table.tokens.shape[1] - tokens.shape[1]))
    same = (tokens[:, None] == table.tokens).all(2)
    return torch.where(same.any(1), same.int().argmax(1), -1)


def never_impossible(table: Table, tokens: Tensor) -> Tensor:
    """The nearest possible sentence."""
    tokens = torch.nn.functional.pad(tokens, (0, table.tokens.shape[1] - tokens.shape[1]))
    return (tokens[:, None] == table.tokens).sum(2).argmax(1)


def only_of_its_length(table: Table, tokens: Tensor) -> Tensor:
    """What this table did at first: a possible sentence in a longer tensor is called impossible."""
    longer = tokens.shape[1] > table.tokens.shape[1]
    return torch.full((len(tokens),), -1) if longer else table.which(tokens)


def cuts_what_is_too_long(table: Table, tokens: Tensor) -> Tensor:
    """Reads the first words of a longer sentence as if it had ended there."""
    return table.which(tokens[:, : table.tokens.shape[1]])


def test_rows_are_found() -> None:
    check_which(Table.which)


@mutants({f.__name__: f for f in (reads_behind_the_end, never_impossible, only_of_its_length, cuts_what_is_too_long)})
def test_rows_are_found_rejects(mutant: Callable[[Table, Tensor], Tensor]) -> None:
    rejects(check_which, mutant)


def test_frequencies_count_all_samples() -> None:
    impossible = torch.ones(30, 10, dtype=torch.long)
    tokens = torch.cat([TABLE.tokens[3].repeat(10, 1), TABLE.tokens[7].repeat(60, 1), impossible])
    q = TABLE.frequencies(tokens)
    assert_close(q[[3, 7]], torch.tensor([0.1, 0.6], dtype=torch.float64))
    assert_close(q.sum().item(), 0.7)


def check_distance(distance: Callable[[Tensor, Tensor], float]) -> None:
    """The largest difference of any event, by trying all events of a world of three, one of them impossible."""
    stream = training.rng(1)
    for _ in range(20):
        p, q = torch.rand(2, 4, generator=stream, dtype=torch.float64).softmax(1)
        p = torch.cat([p[:3] / p[:3].sum(), torch.zeros(1)])
        events = torch.tensor(list(itertools.product((0.0, 1.0), repeat=4)), dtype=torch.float64)
        largest = (events @ (p - q)).abs().max().item()
        assert abs(distance(p[:3], q[:3]) - largest) < 1e-12
        assert abs(distance(q[:3], p[:3]) - largest) < 1e-12


@mutants(
    {
        "forgets what is outside": lambda p, q: 0.5 * (p - q).abs().sum().item(),
        "outside counts whole": lambda p, q: 0.5 * (p - q).abs().sum().item() + (p.sum() - q.sum()).abs().item(),
        "among the possible ones": lambda p, q: 0.5 * (p / p.sum() - q / q.sum()).abs().sum().item(),
        "no half": lambda p, q: 2 * total_variation(p, q),
    }
)
def test_the_distance_is_that_of_the_worst_event_rejects(mutant: Callable[[Tensor, Tensor], float]) -> None:
    rejects(check_distance, mutant)


def test_the_distance_is_that_of_the_worst_event() -> None:
    check_distance(total_variation)


@pytest.mark.parametrize("n", [1, 50])
def test_counts_of_real_samples_are_real(n: int) -> None:
    assert_close(TABLE.frequencies(WORLD.sample((n,), rng=training.rng(n))).sum().item(), 1.0)
