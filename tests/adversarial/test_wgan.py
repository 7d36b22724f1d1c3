"""The Wasserstein game: its sign, its clip, its count of critic steps, and the numbers it prints."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import softplus
from torch.testing import assert_close

from genmodels import data, training, transport
from genmodels.adversarial import (
    HINGE,
    NON_SATURATING,
    WASSERSTEIN,
    Generator,
    Objective,
    adam,
    clip,
    critic_step,
    gradient_penalty,
    mlp,
    play,
    well_trained,
)
from genmodels.adversarial.objectives import raise_score, score_gap
from mutants import mutants, refusal, rejects

SGD = partial(torch.optim.SGD, lr=0.05)


def linear(inputs: int = 1, *, weight: float = 0.0) -> nn.Linear:
    critic = nn.Linear(inputs, 1)
    for parameter in critic.parameters():
        parameter.data.fill_(weight)
    return critic


def normal(*, mean: float) -> Generator:
    """G(z) = z + mean, with the density N(mean, 1)."""
    layer = nn.Linear(1, 1)
    layer.weight.data.fill_(1.0)
    layer.bias.data.fill_(mean)
    return Generator(layer, latent=1)


# --- the critic's step: which way is up, and when it is clipped (trap G5) --------------------------------------------

Step = Callable[..., Tensor]


def check_linear_critic(step: Step) -> None:
    """Data N(3, 1), samples N(0, 1): data score higher by the distance 3, and no weight ever leaves [-1, 1]."""
    world = data.World(centres=torch.tensor([[3.0]]), std=1.0)
    generator, critic, rng = normal(mean=0.0), linear(), training.rng(0)
    optimizer = SGD(critic.parameters())
    for _ in range(60):
        real, z = world.sample((256,), rng=rng), generator.noise(256, rng=rng)
        step(generator, critic, WASSERSTEIN, optimizer, real, z, project=clip_to_1)
        assert all(parameter.abs().max() <= 1 for parameter in critic.parameters()), "a weight is out of the box"
    with torch.no_grad():
        real, fake = world.sample((20_000,), rng=rng), generator(generator.noise(20_000, rng=rng))
        assert abs((critic(real).mean() - critic(fake).mean()).item() - 3) < 0.15


clip_to_1 = partial(clip, bound=1.0)


def sign_flipped(
    generator: Generator, critic: nn.Module, objective: Objective, *rest: Tensor, **control: object
) -> Tensor:
    """The original code's sign in a place where the rest has the paper's (WassersteinGAN, issue 17)."""
    return critic_step(generator, critic, swapped(objective), *rest, **control)  # type: ignore[arg-type]


def clip_first(generator: Generator, critic: nn.Module, *rest: Tensor, project: Callable, **control: object) -> Tensor:
    """Clip, then step: the weights are outside when they are used (WassersteinGAN, issue 50)."""
    project(critic)
    return critic_step(generator, critic, *rest, **control)  # type: ignore[arg-type]


def clip_the_gradient(
    generator: Generator, critic: nn.Module, objective: Objective, optimizer: torch.optim.Optimizer, *rest: Tensor,
    project: Callable,
) -> Tensor:  # fmt: skip
    """Gradients instead of weights: a frequent misreading of "clipping"."""
    for parameter in critic.parameters():
        parameter.register_hook(lambda g: g.clamp(-1, 1))
    return critic_step(generator, critic, objective, optimizer, *rest)


def clip_the_generator(generator: Generator, critic: nn.Module, *rest: Tensor, project: Callable) -> Tensor:
    loss = critic_step(generator, critic, *rest)  # type: ignore[arg-type]
    project(generator)
    return loss


def clip_above_only(generator: Generator, critic: nn.Module, *rest: Tensor, project: Callable) -> Tensor:
    """`clamp(max=c)`: seen where the data happen to score high by positive weights. Here the bias goes down."""
    loss = critic_step(generator, critic, swapped(rest[0]), *rest[1:])  # type: ignore[arg-type]
    for parameter in critic.parameters():
        parameter.data.clamp_(max=1.0)
    return loss


def swapped(objective: Objective) -> Objective:
    return replace(objective, critic=lambda real, fake: objective.critic(fake, real))


def test_linear_critic_finds_the_distance_and_stays_in_its_box() -> None:
    check_linear_critic(critic_step)


@mutants({f.__name__: f for f in (sign_flipped, clip_first, clip_the_gradient, clip_the_generator, clip_above_only)})
def test_linear_critic_rejects(mutant: Step) -> None:
    rejects(check_linear_critic, mutant)


# --- the objective: minus a lower bound of W1, linear in the critic --------------------------------------------------


def check_lower_bound(objective: Objective) -> None:
    """For 1-Lipschitz critics minus the loss is at most W1, and on two point clouds a shift apart one reaches it."""
    rng = training.rng(1)
    x = torch.randn(40, 2, generator=rng, dtype=torch.float64)
    shift = torch.tensor([3.0, 4.0], dtype=torch.float64)
    distance = transport.wasserstein_1(x + shift, x)
    assert_close(distance, 5.0)
    best = shift / shift.norm()
    for angle in torch.linspace(0, 2 * math.pi, 60, dtype=torch.float64):
        f = torch.stack([angle.cos(), angle.sin()])
        assert -objective.critic((x + shift) @ f, x @ f) <= distance + 1e-12
    assert_close(-objective.critic((x + shift) @ best, x @ best).item(), distance)


def check_linear(objective: Objective) -> None:
    """The critic k f + c reports k times what f reports: a score has no margin, no bounds and no zero."""
    real, fake = (torch.randn(9, generator=training.rng(s), dtype=torch.float64) for s in (2, 3))
    one = objective.critic(real, fake)
    assert_close(objective.critic(7 * real + 5, 7 * fake + 5), 7 * one)
    assert_close(objective.generator(7 * fake + 5), 7 * objective.generator(fake) - 5)


def with_critic(critic: Callable[[Tensor, Tensor], Tensor]) -> Objective:
    return replace(WASSERSTEIN, critic=critic)


OBJECTIVES = {
    "hinge": HINGE,  # labml_nn/gan/wasserstein: the "WGAN" loss is the hinge loss
    "cross-entropy": NON_SATURATING,
    "sigmoid at the end": Objective(  # machine-learning-book, chapter 17: the WGAN-GP critic ends in a sigmoid
        "sigmoid", lambda r, f: score_gap(r.sigmoid(), f.sigmoid()), lambda f: raise_score(f.sigmoid())
    ),
    "sign flipped": swapped(WASSERSTEIN),
    "absolute value": with_critic(lambda r, f: -(r.mean() - f.mean()).abs()),
    "summed": with_critic(lambda r, f: f.sum() - r.sum()),
    "halved": with_critic(lambda r, f: score_gap(r, f) / 2),
    "softplus": with_critic(lambda r, f: softplus(f).mean() + softplus(-r).mean()),
}


def test_the_loss_is_minus_a_lower_bound_of_the_distance() -> None:
    check_lower_bound(WASSERSTEIN)


@mutants({name: o for name, o in OBJECTIVES.items() if name != "absolute value"})
def test_lower_bound_rejects(mutant: Objective) -> None:
    rejects(check_lower_bound, mutant)


def test_the_loss_is_linear_in_the_critic() -> None:
    check_linear(WASSERSTEIN)


@mutants(
    {name: o for name, o in OBJECTIVES.items() if name in ("hinge", "cross-entropy", "sigmoid at the end", "softplus")}
)
def test_linear_in_the_critic_rejects(mutant: Objective) -> None:
    rejects(check_linear, mutant)


def check_generator_sign(objective: Objective) -> None:
    """The generator climbs the critic by which data score high, whatever the distance: slope -1 per sample, always."""
    scores = torch.tensor([-1000.0, -1.0, 0.0, 30.0], dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(objective.generator(scores), scores)
    assert_close(gradient, torch.full_like(gradient, -1 / 4))


@mutants(
    {
        "the original code's": replace(WASSERSTEIN, generator=lambda fake: fake.mean()),
        "non-saturating": NON_SATURATING,
        "summed": replace(WASSERSTEIN, generator=lambda fake: -fake.sum()),
        "through a sigmoid": OBJECTIVES["sigmoid at the end"],
    }
)
def test_generator_sign_rejects(mutant: Objective) -> None:
    rejects(check_generator_sign, mutant)


def test_generator_climbs_the_scores() -> None:
    check_generator_sign(WASSERSTEIN)


# --- the loop: five moves of the critic to one of the generator, and honest numbers ----------------------------------

Loop = Callable[..., object]


class Counting:
    """Data that count how often they were asked for."""

    def __init__(self) -> None:
        self.draws = 0

    def sample(self, sample_shape: tuple[int, ...], *, rng: torch.Generator) -> Tensor:
        self.draws += 1
        return torch.randn(*sample_shape, 1, generator=rng)


def check_counts(loop: Loop) -> None:
    """Twenty moves of the generator, a hundred of the critic, each with a fresh batch of data."""
    moves = {"generator": 0, "critic": 0}

    def counting(who: str) -> Callable:
        def make(parameters: list[nn.Parameter]) -> torch.optim.Optimizer:
            optimizer = torch.optim.SGD(parameters, lr=0.01)
            optimizer.register_step_post_hook(lambda *_: moves.update({who: moves[who] + 1}))
            return optimizer

        return make

    batches = Counting()
    loop(
        normal(mean=1.0), linear(), batches, WASSERSTEIN, steps=20, critic_steps=5, batch=8,
        optimizer=counting("generator"), critic_optimizer=counting("critic"),
    )  # fmt: skip
    assert moves == {"generator": 20, "critic": 100}
    assert batches.draws == 100


def one_to_five(*players: object, critic_steps: int, steps: int, **settings: object) -> None:
    """The generator moves five times as often (pytorch_GAN_zoo, pull request 36)."""
    play(*players, critic_steps=1, steps=steps * critic_steps, **settings)  # type: ignore[arg-type]


def counted_in(*players: object, steps: int, critic_steps: int, **settings: object) -> None:
    """`if i % n_critic == 0` around the generator's step, counted in batches: the total is the critic's."""
    play(*players, critic_steps=critic_steps, steps=steps // critic_steps, **settings)  # type: ignore[arg-type]


def one_more(*players: object, critic_steps: int, **settings: object) -> None:
    """`while i <= n_critic`."""
    play(*players, critic_steps=critic_steps + 1, **settings)  # type: ignore[arg-type]


def same_batch(generator: Generator, critic: nn.Module, batches: Counting, *rest: object, **settings: object) -> None:
    """One batch of data for all moves of the critic."""

    class Held:
        asked = 0
        batch = torch.empty(0)

        def sample(self, sample_shape: tuple[int, ...], *, rng: torch.Generator) -> Tensor:
            if self.asked % 5 == 0:
                self.batch = batches.sample(sample_shape, rng=rng)
            self.asked += 1
            return self.batch

    play(generator, critic, Held(), *rest, **settings)  # type: ignore[arg-type]


def test_five_critic_steps_to_one() -> None:
    check_counts(play)


@mutants({f.__name__: f for f in (one_to_five, counted_in, one_more, same_batch)})
def test_five_critic_steps_to_one_rejects(mutant: Loop) -> None:
    rejects(check_counts, mutant)


def check_printed(loop: Loop) -> None:
    """The losses that are kept are, number for number, the last ones that were back-propagated in each step."""
    returned: dict[str, list[float]] = {"critic": [], "generator": []}

    def spy(name: str, loss: Callable[..., Tensor]) -> Callable[..., Tensor]:
        def record(*scores: Tensor) -> Tensor:
            value = loss(*scores)
            value.register_hook(lambda _: returned[name].append(value.item()))  # called by backward only
            return value

        return record

    watched = Objective("watched", spy("critic", WASSERSTEIN.critic), spy("generator", WASSERSTEIN.generator))
    with training.isolated(0):
        players = Generator(mlp(2, 2, width=8), latent=2), mlp(2, 1, width=8)
    history = loop(
        *players, data.ring(), watched, steps=7, critic_steps=3, batch=16, optimizer=adam(lr=0.01),
        penalties=(gradient_penalty,),
    )  # fmt: skip
    assert_close(history.critic, torch.tensor(returned["critic"][2::3]))  # type: ignore[attr-defined]
    assert_close(history.generator, torch.tensor(returned["generator"]))  # type: ignore[attr-defined]


def altered(change: Callable[[Tensor], Tensor]) -> Loop:
    """`play` with other numbers in its history."""

    def loop(*players: object, **settings: object) -> object:
        history = play(*players, **settings)  # type: ignore[arg-type]
        history.losses = change(history.losses)
        return history

    return loop


PRINTED = {
    "sign of the plot": altered(lambda losses: losses * torch.tensor([-1.0, 1.0])),  # -Loss_D, under the name Loss_D
    "previous step": altered(lambda losses: losses.roll(1, dims=0)),  # pytorch_GAN_zoo, pull request 36
    "columns swapped": altered(lambda losses: losses.flip(1)),
    "running mean": altered(lambda losses: losses.cumsum(0) / torch.arange(1, 8)[:, None]),
}


def test_printed_losses_are_those_that_were_back_propagated() -> None:
    check_printed(play)


@mutants(PRINTED)
def test_printed_losses_rejects(mutant: Loop) -> None:
    rejects(check_printed, mutant)


# --- the schedule of the published code ------------------------------------------------------------------------------

Schedule = Callable[[int], int]


def check_schedule(schedule: Schedule) -> None:
    """100 moves in each of the first 25 steps and at step 500, 1,000 ...; 5 at all others: 7,470 in 1,000 steps."""
    moves = [schedule(step) for step in range(1_001)]
    assert moves[:25] == [100] * 25 and moves[25:500] == [5] * 475
    assert moves[500] == moves[1_000] == 100 and moves[501:1_000] == [5] * 499
    assert sum(moves[:1_000]) == 7_470


SCHEDULES: dict[str, Schedule] = {
    "the paper's": lambda step: 5,
    "up to 25 inclusive": lambda step: 100 if step <= 25 or step % 500 == 0 else 5,
    "no second time": lambda step: 100 if step < 25 else 5,
    "no beginning": lambda step: 100 if step % 500 == 0 else 5,
    "counted from one": lambda step: 100 if step < 25 or (step + 1) % 500 == 0 else 5,
    "inverted": lambda step: 5 if step < 25 or step % 500 == 0 else 100,
    "both at once": lambda step: 100 if step < 25 and step % 500 == 0 else 5,
}


def test_schedule_of_the_published_code() -> None:
    check_schedule(well_trained)


@mutants(SCHEDULES)
def test_schedule_rejects(mutant: Schedule) -> None:
    rejects(check_schedule, mutant)


def test_the_loop_follows_a_schedule() -> None:
    batches = Counting()
    play(
        normal(mean=1.0), linear(), batches, WASSERSTEIN, steps=6, batch=4, project=clip_to_1, optimizer=SGD,
        critic_steps=partial(well_trained, usual=2, many=7, start=2, every=4),
    )  # fmt: skip
    assert batches.draws == 7 + 7 + 2 + 2 + 7 + 2


@pytest.mark.parametrize("wrong", [{"usual": 0}, {"many": 0}, {"every": 0}])
def test_a_critic_that_never_moves_is_refused(wrong: dict[str, int]) -> None:
    assert "must be at least 1" in refusal(ValueError, lambda: well_trained(1, **wrong))
