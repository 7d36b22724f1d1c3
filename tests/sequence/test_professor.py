"""Professor forcing: its gates, what moves whom, and that without weight it is maximum likelihood."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.testing import assert_close

from genmodels import training
from genmodels.adversarial.objectives import NON_SATURATING
from genmodels.sequence import Recurrent, Texts, fit, nll
from genmodels.sequence.professor import Listener, Professor, accuracy
from mutants import mutants, rejects

TEXTS = torch.tensor([[1, 2, 3, 0], [2, 2, 0, 0], [3, 1, 2, 0], [1, 1, 1, 0]])


def new(seed: int = 0) -> Recurrent:
    with training.isolated(seed):
        return Recurrent(4, hidden=6)


def listener() -> Listener:
    with training.isolated(5):
        return Listener(6, width=4)


def weights(model: nn.Module) -> Tensor:
    return torch.cat([p.detach().flatten() for p in model.parameters()])


class Mock(nn.Module):
    """Names the given shares of the behaviours rightly: first it is shown the model's free ones, then the led ones."""

    def __init__(self, right: float) -> None:
        super().__init__()
        self.scale, self.right, self.calls = nn.Parameter(torch.ones(())), right, 0

    def forward(self, states: Tensor, real: Tensor) -> Tensor:
        free_behaviour = self.calls % 2 == 0 if self.calls < 2 else self.calls % 2 == 1
        self.calls += 1
        n = len(states)
        right = torch.arange(n) < round(self.right * n)
        sign = torch.where(right, 1.0, -1.0) * (-1 if free_behaviour else 1)
        return self.scale * (sign + 0.01 * states.mean(dim=(1, 2)))[:, None]


Make = Callable[..., Professor]


def check_gates(make: Make) -> None:
    """At .6 and .75 it only learns, at .8 and .95 it is heard as well, at 1 it is heard and no longer learns."""
    texts = TEXTS.repeat(5, 1)  # twenty: shares are exact
    for right, learns, is_heard in (
        (0.6, True, False),
        (0.75, True, False),
        (0.8, True, True),
        (0.95, True, True),
        (1.0, False, True),
    ):
        model, critic = new(), Mock(right)
        professor = make(critic)
        loss = professor(model, texts, step=0, rng=training.rng(0))
        assert (critic.scale.item() != 1) == learns, right
        assert (loss.item() != nll(model, texts).item()) == is_heard, right
        assert abs(professor.heard[-1] - right) < 1e-9


def gates(**changed: Any) -> Make:
    return lambda critic: Professor(critic, **changed)


def test_gates() -> None:
    check_gates(Professor)


@mutants(
    {
        "always heard": gates(listen=-1.0),
        "heard from .7": gates(listen=0.7),
        "heard from .9": gates(listen=0.9),
        "never heard": gates(listen=1.0),
        "learns always": gates(teach=1.1),
        "learns below .75": gates(teach=0.75),
        "gates swapped": gates(teach=0.75, listen=0.99),
    }
)
def test_gates_reject(mutant: Make) -> None:
    rejects(check_gates, mutant)


def check_weightless(make: Make) -> None:
    """With weight 0 and open gates a whole training is that of maximum likelihood, bit for bit."""
    a, b = new(), new()
    fit(a, Texts(TEXTS), steps=6, batch=4)
    fit(b, Texts(TEXTS), loss=make(listener()), steps=6, batch=4)
    assert torch.equal(weights(a), weights(b))


class Greedy(Professor):
    """Draws its free texts from the run's own stream, so that the batches become others."""

    def __call__(self, model: Any, batch: Tensor, *, step: int, rng: torch.Generator) -> Tensor:
        self.stream = rng
        return super().__call__(model, batch, step=step, rng=rng)


class Counts(Professor):
    """Adds weight decay."""

    def __call__(self, model: Any, batch: Tensor, *, step: int, rng: torch.Generator) -> Tensor:
        loss = super().__call__(model, batch, step=step, rng=rng)
        return loss + 0.1 * sum(p.square().sum() for p in model.parameters())


def test_without_weight_it_is_likelihood() -> None:
    check_weightless(lambda critic: Professor(critic, weight=0.0, listen=-1.0))


@mutants(
    {
        "a weight": lambda critic: Professor(critic, weight=0.1, listen=-1.0),
        "the run's stream": lambda critic: Greedy(critic, weight=0.0, listen=-1.0),
        "weight decay": lambda critic: Counts(critic, weight=0.0, listen=-1.0),
    }
)
def test_without_weight_it_is_likelihood_rejects(mutant: Make) -> None:
    rejects(check_weightless, mutant)


def test_who_moves_whom() -> None:
    """The critic's step leaves no gradient in the model; the model's step leaves the critic where it was."""
    model, critic = new(), listener()
    professor = Professor(critic, listen=-1.0, teach=-1.0)
    before = weights(critic)
    professor(model, TEXTS, step=0, rng=training.rng(0)).backward()
    assert torch.equal(weights(critic), before)
    assert model.cell.weight_hh_l0.grad is not None
    model = new()
    professor = Professor(critic, listen=2.0)
    loss = professor(model, TEXTS, step=0, rng=training.rng(0))
    assert not torch.equal(weights(critic), before)
    assert all(p.grad is None for p in model.parameters())
    assert torch.equal(loss, nll(model, TEXTS))  # the teacher-forced pass is unchanged


def test_the_model_is_moved_through_its_states_alone() -> None:
    """The readout is behind the states: the critic's word never reaches it."""
    model = new()
    professor = Professor(listener(), weight=100.0, listen=-1.0)
    (professor(model, TEXTS, step=0, rng=training.rng(0)) - nll(model, TEXTS)).backward()
    assert model.output.weight.grad.abs().max() < 1e-4  # type: ignore[union-attr]
    assert model.cell.weight_hh_l0.grad.abs().max() > 1e-3  # type: ignore[operator, union-attr]


def check_roles(objective: Any) -> None:
    """Led behaviour is the data: after learning the critic scores it higher."""
    model, critic = new(), listener()
    with torch.no_grad():
        model.output.bias.copy_(torch.tensor([-9.0, 9.0, -9.0, -9.0]))  # free, it says 1 for ever
    professor = Professor(critic, objective=objective, listen=2.0, lr=1e-2)
    for step in range(40):
        professor(model, TEXTS, step=step, rng=training.rng(0))
    assert professor.heard[-1] > 0.8  # one of the four texts is what it says freely


def test_roles() -> None:
    check_roles(NON_SATURATING)


@mutants({"swapped": replace(NON_SATURATING, critic=lambda real, fake: NON_SATURATING.critic(fake, real))})
def test_roles_reject(mutant: Any) -> None:
    rejects(check_roles, mutant)


Critic = Callable[[], nn.Module]


def check_listener(make: Critic) -> None:
    """What lies behind the end is not heard, on which side of a batch a text stands neither."""
    critic = make().double()
    states = torch.randn(5, 7, 6, generator=training.rng(0), dtype=torch.float64)
    real = torch.arange(7) < torch.tensor([7, 3, 5, 1, 7])[:, None]
    noise = states + (~real)[:, :, None] * 5.0
    assert_close(critic(states, real), critic(noise, real))
    assert_close(critic(states, real)[1:], critic(states[1:], real[1:]))
    changed = states.clone()
    changed[:, 0] += 1.0
    assert (critic(states, real) - critic(changed, real)).abs().min() > 1e-4


class Unmasked(Listener):
    def forward(self, states: Tensor, real: Tensor) -> Tensor:
        return super().forward(states, torch.ones_like(real))


class HearsLast(Listener):
    def forward(self, states: Tensor, real: Tensor) -> Tensor:
        return self.judge(self.read(states)[0][:, -1])


class MaskedLate(Listener):
    """Hides what is behind the end from the mean, not from the reading."""

    def forward(self, states: Tensor, real: Tensor) -> Tensor:
        heard, _ = self.read(states)
        return self.judge((heard * real.unsqueeze(2)).sum(1) / real.sum(1, keepdim=True))


def made(kind: type[Listener]) -> Critic:
    def make() -> nn.Module:
        with training.isolated(5):
            return kind(6, width=4)

    return make


def test_listener() -> None:
    check_listener(listener)


@mutants({f.__name__: made(f) for f in (Unmasked, HearsLast, MaskedLate)})
def test_listener_rejects(mutant: Critic) -> None:
    rejects(check_listener, mutant)


def test_accuracy() -> None:
    assert accuracy(torch.tensor([1.0, -1.0]), torch.tensor([-1.0, -1.0, 1.0, -1.0])) == 0.625
    assert accuracy(torch.zeros(3), torch.zeros(3)) == 0.0  # undecided is not right
