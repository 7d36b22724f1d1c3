"""Scheduled sampling, asking and data as demonstrator: what is fed, what is wanted, and where their optimum lies."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor, nn
from torch.testing import assert_close

from genmodels import training
from genmodels.sequence import Recurrent, StepModel, Texts, fit, free, nll, remedies
from genmodels.sequence.labelling import Chain, Labeller
from genmodels.sequence.remedies import (
    Schedule,
    asking,
    best,
    corrected,
    data_as_demonstrator,
    exponential,
    fed,
    inverse_sigmoid,
    linear,
    scheduled_sampling,
)
from mutants import mutants, refusal, rejects

# --- schedules -------------------------------------------------------------------------------------------------------


def check_inverse_sigmoid(schedule: Callable[..., float]) -> None:
    """Six values of the paper's formula at k = 500, a half at k log k, and no overflow however long training is."""
    found = [schedule(1000 * i, k=500.0) for i in range(6)]
    assert_close(found, [0.998, 0.985, 0.902, 0.553, 0.144, 0.022], rtol=0, atol=6e-4)
    assert_close(schedule(0, k=1.0), 0.5)
    assert_close(schedule(round(500 * math.log(500)), k=500.0), 0.5, rtol=0, atol=1e-3)
    assert 0 <= schedule(10**7, k=1.0) < 1e-100


def overflows(step: int, *, k: float) -> float:
    try:
        return k / (k + math.exp(step / k))
    except OverflowError:
        return math.nan


@mutants(
    {
        "overflow": overflows,
        "rising": lambda step, *, k: 1 - inverse_sigmoid(step, k=k),
        "slope without k": lambda step, *, k: k / (k + math.exp(min(step / 500, 700))) if k > 1 else 1.0,
        "sigmoid about zero": lambda step, *, k: 1 / (1 + math.exp(min(step / k, 700))),
        "exponential": lambda step, *, k: 0.999**step,
    }
)
def test_inverse_sigmoid_rejects(mutant: Callable[..., float]) -> None:
    rejects(check_inverse_sigmoid, mutant)


def test_schedules() -> None:
    check_inverse_sigmoid(inverse_sigmoid)
    assert_close([linear(i, slope=0.1, floor=0.25) for i in (0, 3, 10)], [1.0, 0.7, 0.25])
    assert_close([exponential(i, k=0.5) for i in (0, 1, 3)], [1.0, 0.5, 0.125])


# --- scheduled sampling ----------------------------------------------------------------------------------------------


def lively(*, eos: int | None = None) -> StepModel:
    model = Recurrent(4, hidden=6, eos=eos)
    with torch.no_grad():
        for p in model.parameters():
            p.copy_(1.2 * torch.randn(p.shape, generator=training.rng(7)))
    return model


TEXTS = torch.randint(4, (30, 7), generator=training.rng(0))


def weights(model: nn.Module) -> Tensor:
    return torch.cat([p.detach().flatten() for p in model.parameters()])


def test_the_truth_alone_is_teacher_forcing_bit_for_bit() -> None:
    """For texts with and without an end, and for a whole training: no coin is tossed, so the batches are the same."""
    for eos in (None, 0):
        a, b = lively(eos=eos), lively(eos=eos)
        fit(a, Texts(TEXTS), steps=5, batch=8)
        fit(b, Texts(TEXTS), loss=partial(scheduled_sampling, truth=lambda step: 1.0), steps=5, batch=8)
        assert torch.equal(weights(a), weights(b))
        assert torch.equal(corrected(a, (TEXTS, TEXTS.clone()), step=0, rng=training.rng(0)), nll(a, TEXTS))


class Stubborn(StepModel):
    """Says 2, whatever it reads; so that what is fed tells how the coins fell."""

    vocab, eos = 4, None

    def start(self, n: int) -> Any:
        return torch.zeros(n, 1)

    def step(self, token: Tensor, state: Any) -> Any:
        return torch.tensor([-99.0, -99.0, 99.0, -99.0]).expand(len(token), -1), state


def drawn_feed(truth: float, *, n: int = 400, length: int = 12) -> Tensor:
    """Which tokens were the true ones, in scheduled sampling of texts that never say 2."""
    texts = torch.ones(n, length, dtype=torch.long)
    seen: list[Tensor] = []
    with patch.object(
        StepModel, "logits", lambda self, read, state=None: seen.append(read) or torch.zeros(n, length, 4)
    ):
        scheduled_sampling(Stubborn(), texts, step=0, rng=training.rng(0), truth=lambda step: truth)
    return (seen[0][:, :-1] == 1).double()


def check_coins(feed: Callable[[float], Tensor]) -> None:
    """One coin per token, with the probability of *true*: its mean, and its variance along a text and across texts."""
    for truth in (0.3, 0.8):
        coins = feed(truth)
        n, length = coins.shape
        assert abs(coins.mean() - truth) < 4.5 * math.sqrt(truth * (1 - truth) / coins.numel())
        per_text = length * truth * (1 - truth)
        assert 0.75 * per_text < coins.sum(dim=1).var() < 1.3 * per_text
        assert coins.mean(dim=0).std() < 2.5 * math.sqrt(truth * (1 - truth) / n)


def coin(shape: Callable[[int, int], tuple[int, int]], *, inverted: bool = False) -> Callable[[float], Tensor]:
    def feed(truth: float, *, n: int = 400, length: int = 12) -> Tensor:
        heads = (torch.rand(shape(n, length), generator=training.rng(3)) < truth).double().expand(n, length)
        return 1 - heads if inverted else heads

    return feed


def test_one_coin_per_token() -> None:
    check_coins(drawn_feed)


@mutants(
    {
        "one coin per text": coin(lambda n, length: (n, 1)),
        "one coin per position": coin(lambda n, length: (1, length)),
        "one coin per batch": coin(lambda n, length: (1, 1)),
        "the probability of the model's own": coin(lambda n, length: (n, length), inverted=True),
    }
)
def test_one_coin_per_token_rejects(mutant: Callable[[float], Tensor]) -> None:
    rejects(check_coins, mutant)


Feed = Callable[..., Tensor]


def check_never(feed: Feed) -> None:
    """Without the truth, what is fed is the model's own text: another reference changes nothing but the targets."""
    model, other = lively(), (TEXTS + 1) % 4
    a, b = (feed(model, remedies.scheduled(x, truth=0.0), like=x, rng=training.rng(5)) for x in (TEXTS, other))
    assert torch.equal(a[:, :-1], b[:, :-1])
    own = model.sample((400,), steps=6, rng=training.rng(1))
    same = TEXTS[:1].expand(400, -1)
    fed_often = feed(model, remedies.scheduled(same, truth=0.0), like=same, rng=training.rng(2))
    for t in range(6):  # position by position the two have the same distribution
        p, q = (torch.bincount(x[:, t], minlength=4) / 400 for x in (own, fed_often))
        assert (p - q).abs().sum() / 2 < 0.15


@mutants(
    {
        "the truth": lambda model, policy, *, like, rng: like,
        "one token late": lambda model, policy, *, like, rng: fed(model, policy, like=like, rng=rng).roll(1, dims=1),
        "the first token is true": lambda model, policy, *, like, rng: torch.cat(
            [like[:, :1], fed(model, policy, like=like, rng=rng)[:, 1:]], dim=1
        ),
    }
)
def test_never_the_truth_rejects(mutant: Feed) -> None:
    rejects(check_never, mutant)


def test_never_the_truth() -> None:
    check_never(fed)


def test_no_gradient_passes_the_draw() -> None:
    """The gradient is that of the same prefix given as data."""
    model, truth = lively(), 0.4
    loss = scheduled_sampling(model, TEXTS, step=0, rng=training.rng(3), truth=lambda step: truth)
    found = torch.autograd.grad(loss, list(model.parameters()))
    read = fed(model, remedies.scheduled(TEXTS, truth=truth), like=TEXTS, rng=training.rng(3))
    assert not read.is_floating_point() and not torch.equal(read, TEXTS)
    given = torch.autograd.grad(corrected(model, (read, TEXTS), step=0, rng=training.rng(0)), list(model.parameters()))
    for a, b in zip(found, given, strict=True):
        assert torch.equal(a, b)


def test_a_schedule_that_is_no_probability() -> None:
    for wrong in (-0.1, 1.1, math.nan):
        said = refusal(
            ValueError,
            lambda wrong=wrong: scheduled_sampling(  # type: ignore[misc]
                lively(), TEXTS, step=3, rng=training.rng(0), truth=lambda step: wrong
            ),
        )
        assert "at step 3" in said


def test_pairs_start_from_what_is_encoded() -> None:
    model, chain = Labeller(4, hidden=6), Chain(length=5)
    batch = chain.sample((8,), rng=training.rng(0))
    true = scheduled_sampling(model, batch, step=0, rng=training.rng(1), truth=lambda step: 1.0)
    assert_close(true, -model.log_probs(batch[1], state=model.encode(batch[0])).mean())
    never = scheduled_sampling(model, batch, step=0, rng=training.rng(1), truth=lambda step: 0.0)
    assert never.isfinite() and not torch.equal(never, true)


# --- where the optimum lies ------------------------------------------------------------------------------------------

JOINT = torch.tensor([[0.45, 0.05], [0.1, 0.4]])


class Table(StepModel):
    """Two tokens of two kinds: a table for the first, and one for the second given the first."""

    vocab, eos = 2, None

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Parameter(torch.zeros(2)), nn.Parameter(torch.zeros(2, 2))

    def start(self, n: int) -> Any:
        return torch.zeros(n, 1)

    def step(self, token: Tensor, state: Any) -> Any:
        both = torch.cat([self.second, self.first[None]])
        return both[token], state


class Joint:
    def sample(self, shape: Any, *, rng: torch.Generator) -> Tensor:
        which = torch.multinomial(JOINT.flatten(), shape[0], replacement=True, generator=rng)
        return torch.stack([which // 2, which % 2], dim=1)


class World(Table):
    def __init__(self) -> None:
        super().__init__()
        self.first.data, self.second.data = JOINT.sum(1).log(), (JOINT / JOINT.sum(1, keepdim=True)).log()


def falling(step: int) -> float:
    return 0.2 * (1 - step / 60)


def learnt(loss: Any) -> Tensor:
    model = Table()
    fit(model, Joint(), loss=loss, steps=60, batch=512, lr=falling, clip=None)
    first, second = model.first.softmax(0), model.second.softmax(1)
    return (first[:, None] * second).detach()


def check_inconsistent(make: Callable[[Schedule], Any]) -> None:
    """Huszar's example: without the truth the optimum is the product of the marginals, in between a mixture."""
    for truth in (0.0, 0.5):
        exact = remedies.two_token_optimum(JOINT, truth=truth)
        assert_close(learnt(make(lambda step, truth=truth: truth)), exact, rtol=0, atol=0.03)  # type: ignore[misc]


Optimum = Callable[..., Tensor]


def check_optimum(optimum: Optimum) -> None:
    """No other conditional has a smaller loss: by its definition, with the model's first token already right."""
    first, last = JOINT.sum(1), JOINT.sum(0)
    rng = training.rng(0)
    for truth in (0.0, 0.3, 1.0):
        weights = truth * JOINT + (1 - truth) * first[:, None] * last  # how often second token b is wanted behind a
        found = optimum(JOINT, truth=truth)
        assert_close(found.sum(1), first)
        assert_close(found.sum(0), last)
        best_loss = -(weights * (found / first[:, None]).log()).sum()
        for _ in range(20):
            other = (found.log() + 0.3 * torch.randn(2, 2, generator=rng)).softmax(dim=1)
            assert -(weights * other.log()).sum() > best_loss


@mutants(
    {
        "the world": lambda joint, *, truth: joint,
        "uniform without the truth": lambda joint, *, truth: (
            truth * joint + (1 - truth) * joint.sum(1, keepdim=True) / 2
        ),
        "inverted": lambda joint, *, truth: remedies.two_token_optimum(joint, truth=1 - truth),
        "a geometric mixture": lambda joint, *, truth: (
            lambda m: m / m.sum(1, keepdim=True) * joint.sum(1, keepdim=True)
        )(joint**truth * (joint.sum(1, keepdim=True) * joint.sum(0)) ** (1 - truth)),
    }
)
def test_the_optimum_for_two_tokens_rejects(mutant: Optimum) -> None:
    rejects(check_optimum, mutant)


def test_the_optimum_for_two_tokens() -> None:
    check_optimum(remedies.two_token_optimum)
    assert "sums to 2" in refusal(ValueError, lambda: remedies.two_token_optimum(2 * JOINT, truth=0.0))


def of_schedule(truth: Schedule) -> Any:
    return partial(scheduled_sampling, truth=truth)


def own_target(truth: Schedule) -> Any:
    """Wants what it said itself: nothing is learnt from the second token."""

    def loss(model: Any, batch: Tensor, *, step: int, rng: torch.Generator) -> Tensor:
        read = fed(model, remedies.scheduled(batch, truth=truth(step)), like=batch, rng=rng)
        return corrected(model, (read, read), step=step, rng=rng)

    return loss


def inverted(truth: Schedule) -> Any:
    return of_schedule(lambda step: 1 - truth(step))


def consistent(truth: Schedule) -> Any:
    return partial(asking, world=World())


@mutants({f.__name__: f for f in (own_target, inverted, consistent)})
def test_always_sampling_has_the_product_of_marginals_rejects(mutant: Any) -> None:
    rejects(check_inconsistent, mutant)


def test_always_sampling_has_the_product_of_marginals() -> None:
    check_inconsistent(of_schedule)


def test_asking_is_consistent() -> None:
    assert_close(learnt(partial(asking, world=World())), JOINT, rtol=0, atol=0.03)


# --- data as demonstrator --------------------------------------------------------------------------------------------

Algorithm = Callable[..., list[Any]]
START = (torch.arange(4.0)[:, None], torch.arange(4.0)[:, None] + 10)


def check_dad(algorithm: Algorithm) -> None:
    """Data grow by one set of pairs per round, all with true next states; no round is no remedy."""
    seen: list[tuple[Tensor, Tensor]] = []

    def learn(shown: tuple[Tensor, Tensor]) -> int:
        seen.append(shown)
        return len(seen)

    rolled: list[int] = []

    def roll(model: int) -> tuple[Tensor, Tensor]:
        rolled.append(model)
        return START[0] + 100 * model, START[1]

    found = algorithm(START, learn=learn, roll=roll, error=lambda model: float(abs(model - 2)), rounds=3)
    assert [len(read) for read, _ in seen] == [4, 8, 12, 16]
    assert torch.equal(seen[0][0], START[0])
    assert torch.equal(seen[3][0][:, 0], torch.cat([torch.arange(4.0) + 100 * k for k in range(4)]))
    assert torch.equal(seen[3][1][:, 0], (torch.arange(4.0) + 10).repeat(4))
    assert rolled == [1, 2, 3], "nothing is rolled out that nobody learns from"
    assert [(r.model, r.error) for r in found] == [(1, 1.0), (2, 0.0), (3, 1.0), (4, 2.0)]
    seen.clear()
    assert len(algorithm(START, learn=learn, roll=roll, error=float, rounds=0)) == 1


def variant(*, keep_old: bool = True, true_next: bool = True, from_first: bool = False) -> Algorithm:
    def algorithm(shown: Any, *, learn: Any, roll: Any, error: Any, rounds: int) -> list[Any]:
        found: list[Any] = []
        for k in range(rounds + 1):
            model = learn(shown)
            found.append(remedies.Round(model, error(model)))
            if k < rounds:
                read, wanted = roll(found[0].model if from_first else model)
                wanted = wanted if true_next else read + 1
                parts = zip(shown, (read, wanted), strict=True)
                shown = tuple(torch.cat(pair) for pair in parts) if keep_old else (read, wanted)
        return found

    return algorithm


def test_data_as_demonstrator() -> None:
    check_dad(data_as_demonstrator)
    check_dad(variant())


@mutants(
    {
        "old data thrown away": variant(keep_old=False),
        "own next states": variant(true_next=False),
        "always the first model's roll-outs": variant(from_first=True),
        "one round too few": lambda *a, rounds, **k: data_as_demonstrator(*a, rounds=max(rounds - 1, 0), **k),
    }
)
def test_data_as_demonstrator_rejects(mutant: Algorithm) -> None:
    rejects(check_dad, mutant)


def check_best(pick: Callable[[list[Any]], Any]) -> None:
    """Never worse on validation than the ordinary fit; and the ordinary fit where nothing is gained."""
    rounds = [remedies.Round(k, error) for k, error in enumerate((3.0, 1.0, 2.0))]
    assert pick(rounds).model == 1
    assert pick(rounds[:1]).model == 0
    assert pick([remedies.Round(k, 1.0) for k in range(3)]).model == 0


def test_the_best_round_is_kept() -> None:
    check_best(best)


@mutants(
    {
        "the last": lambda rounds: rounds[-1],
        "the first": lambda rounds: rounds[0],
        "the worst": lambda rounds: max(rounds, key=lambda r: r.error),
        "the last of equals": lambda rounds: min(reversed(rounds), key=lambda r: r.error),
    }
)
def test_the_best_round_is_kept_rejects(mutant: Any) -> None:
    rejects(check_best, mutant)


def test_rolled_out_texts_are_the_models_own() -> None:
    model = lively(eos=0)
    read = fed(model, free(), like=TEXTS, rng=training.rng(2))
    assert read.shape == TEXTS.shape
    assert torch.equal(read[:, :-1], fed(model, free(), like=(TEXTS + 1) % 4, rng=training.rng(2))[:, :-1])
