"""Where penalties and projections enter the loop: added to the loss that moves the critic, and done after each move."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
import torch
from torch import Tensor, nn
from torch.optim import SGD, Adam, Optimizer
from torch.testing import assert_close

from genmodels import training
from genmodels.adversarial import (
    WASSERSTEIN,
    Generator,
    Objective,
    adam,
    clip,
    critic_step,
    game,
    gradient_penalty,
    mlp,
    play,
    r1,
    score,
    spectral,
)
from genmodels.data import ring
from mutants import mutants, refusal, rejects

Players = tuple[Generator, nn.Module]
CriticStep = Callable[..., Tensor]
BOUND = 0.05


def players() -> Players:
    with training.isolated(0):
        return Generator(mlp(2, 2, width=16), latent=2), mlp(2, 1, width=16)


def batches() -> tuple[Tensor, Tensor]:
    rng = training.rng(1)
    return ring().sample((16,), rng=rng), torch.randn(16, 2, generator=rng)


def size(critic: nn.Module, real: Tensor, fake: Tensor, *, rng: torch.Generator) -> Tensor:
    """A penalty whose gradient is known: half the squared weights, with gradient w."""
    return sum((p.square().sum() for p in critic.parameters()), torch.zeros(())) / 2


# --- a penalty is part of the loss -----------------------------------------------------------------------------------


def check_penalty_by_hand(step: CriticStep) -> None:
    """One step of gradient descent with rate .1 moves w by -.1 (gradient of the loss + w), and says the loss alone."""
    (generator, critic), (real, z) = players(), batches()
    loss = WASSERSTEIN.critic(score(critic, real), score(critic, generator(z).detach()))
    slopes = torch.autograd.grad(loss, list(critic.parameters()), allow_unused=True)
    expected = [p - 0.1 * (p + (0 if g is None else g)) for p, g in zip(critic.parameters(), slopes, strict=True)]
    told = step(generator, critic, WASSERSTEIN, SGD(critic.parameters(), lr=0.1), real, z, penalties=(size,))
    assert_close(list(critic.parameters()), [nn.Parameter(p.detach()) for p in expected])
    assert_close(told, loss.detach())
    assert not told.requires_grad


def on_one_batch(*, added: bool = True, own_step: bool = False, told: bool = False) -> CriticStep:
    """The step as others have written it; each option is a published way to get it wrong."""

    def step(
        generator: Generator,
        critic: nn.Module,
        objective: Objective,
        optimizer: Optimizer,
        real: Tensor,
        z: Tensor,
        *,
        penalties: Sequence[game.Term] = (),
    ) -> Tensor:
        fake = generator(z).detach()
        optimizer.zero_grad()
        loss = objective.critic(score(critic, real), score(critic, fake))
        charge = sum((p(critic, real, fake, rng=torch.default_generator) for p in penalties), torch.zeros(()))
        (loss + charge * (added and not own_step)).backward()
        optimizer.step()
        if own_step:
            optimizer.zero_grad()
            penalties[0](critic, real, fake, rng=torch.default_generator).backward()
            optimizer.step()
        return (loss + charge).detach() if told else loss.detach()

    return step


def test_a_penalty_joins_the_loss() -> None:
    check_penalty_by_hand(critic_step)
    check_penalty_by_hand(on_one_batch())


@mutants(
    {
        "computed, never added": on_one_batch(added=False),  # GANs-for-1D-Signal, issue 7
        "in an optimiser step of its own": on_one_batch(own_step=True),  # torchgan, losses/functional.py
        "printed with the loss": on_one_batch(told=True),  # pytorch_GAN_zoo, pull request 36
    }
)
def test_a_penalty_joins_the_loss_rejects(mutant: CriticStep) -> None:
    rejects(check_penalty_by_hand, mutant)


def test_penalties_add_up() -> None:
    (generator, critic), (real, z) = players(), batches()
    (_, other) = players()
    by, by_other = SGD(critic.parameters(), lr=0.1), SGD(other.parameters(), lr=0.1)
    critic_step(generator, critic, WASSERSTEIN, by, real, z, penalties=(size, size))
    critic_step(generator, other, WASSERSTEIN, by_other, real, z, penalties=(lambda *a, rng: 2 * size(*a, rng=rng),))
    assert_close(critic.state_dict(), other.state_dict())


# --- a projection follows the step -----------------------------------------------------------------------------------


def check_always_inside(step: CriticStep) -> None:
    (generator, critic), (real, z) = players(), batches()
    by = SGD(critic.parameters(), lr=1.0)
    for _ in range(3):
        step(generator, critic, WASSERSTEIN, by, real, z, project=partial(clip, bound=BOUND))
        assert max(p.abs().max() for p in critic.parameters()) <= BOUND


def clipped_before(*arguments: Any, project: game.Projector) -> Tensor:  # WassersteinGAN, issue 50
    project(arguments[1])
    return critic_step(*arguments)


def gradient_clipped(*arguments: Any, project: game.Projector) -> Tensor:
    """What the word is sometimes taken for: it bounds the step, not the weights."""
    by = arguments[3]
    with patch.object(by, "step", wraps=by.step) as step:
        step.side_effect = lambda: nn.utils.clip_grad_value_(arguments[1].parameters(), BOUND)
        return critic_step(*arguments)


def test_a_projection_follows_the_step() -> None:
    check_always_inside(critic_step)


@mutants({f.__name__: f for f in (clipped_before, gradient_clipped)})
def test_a_projection_follows_the_step_rejects(mutant: CriticStep) -> None:
    rejects(check_always_inside, mutant)


def test_play_controls_every_step_of_the_critic_and_none_of_the_generator() -> None:
    generator, critic = players()
    seen: list[float] = []

    def project(network: nn.Module) -> None:
        assert network is critic
        clip(network, bound=BOUND)
        seen.append(max(p.abs().max().item() for p in network.parameters()))

    before = max(p.abs().max() for p in generator.parameters())
    play(generator, critic, ring(), WASSERSTEIN, steps=3, critic_steps=4, batch=8, project=project)
    assert len(seen) == 12
    assert max(seen) <= BOUND * (1 + 1e-6)  # the bound in single precision
    assert max(p.abs().max() for p in generator.parameters()) > before / 2


# --- how many steps, and by which optimiser --------------------------------------------------------------------------


def moves(critic_steps: Any, steps: int) -> list[int]:
    """Moves of the critic before each move of the generator."""
    generator, critic = players()
    counted = [0]
    critic_moves = critic_step

    def count(*arguments: Any, **options: Any) -> Tensor:
        counted[-1] += 1
        return critic_moves(*arguments, **options)

    def turn(*arguments: Any, **options: Any) -> Tensor:
        counted.append(0)
        return torch.zeros(())

    with patch.object(game, "critic_step", count), patch.object(game, "generator_step", turn):
        play(generator, critic, ring(), WASSERSTEIN, steps=steps, critic_steps=critic_steps, batch=4)
    return counted[:-1]


def test_the_number_of_critic_steps_may_follow_a_schedule() -> None:
    assert moves(5, 3) == [5, 5, 5]
    assert moves(lambda step: 10 if step % 2 == 0 else 1, 4) == [10, 1, 10, 1]


def test_each_player_may_have_its_optimiser() -> None:
    made: dict[str, type[Optimizer]] = {}

    def noted(name: str, kind: type[Optimizer]) -> game.OptimizerFactory:
        def make(parameters: Any) -> Optimizer:
            made[name] = kind
            return kind(parameters, lr=1e-3)  # type: ignore[call-arg]

        return make

    generator, critic = players()
    still = [p.clone() for p in critic.parameters()]
    play(
        generator,
        critic,
        ring(),
        steps=1,
        batch=4,
        optimizer=noted("generator", Adam),
        critic_optimizer=lambda p: SGD(p, lr=0.0),
    )
    assert made == {"generator": Adam}
    assert all(torch.equal(a, b) for a, b in zip(still, critic.parameters(), strict=True))


# --- a controlled run can be interrupted, and is not mistaken for another --------------------------------------------

CONTROLS: dict[str, dict[str, Any]] = {
    "gradient penalty": {"penalties": (gradient_penalty,)},
    "r1": {"penalties": (partial(r1, weight=0.5),)},
    "clip": {"project": partial(clip, bound=BOUND)},
    "critic's rate": {"critic_optimizer": adam(lr=1e-2)},
}


@pytest.mark.parametrize("name", [*CONTROLS, "spectral"])
def test_a_controlled_run_resumes_bit_for_bit(tmp_path: Path, name: str) -> None:
    def run(steps: int, path: Path | None) -> list[Any]:
        generator, critic = players()
        if name == "spectral":
            with training.isolated(1):
                spectral(critic)
        play(generator, critic, ring(), WASSERSTEIN, batch=8, steps=steps, checkpoint=path, checkpoint_every=10,
             **CONTROLS.get(name, {}))  # fmt: skip
        return [*generator.state_dict().values(), *critic.state_dict().values()]

    run(10, tmp_path / "run.pt")
    assert all(torch.equal(a, b) for a, b in zip(run(20, tmp_path / "run.pt"), run(20, None), strict=True))


OTHER = CONTROLS | {
    "weight": {"penalties": (partial(gradient_penalty, weight=0.1),)},
    "schedule": {"critic_steps": lambda step: 1},
}


@pytest.mark.parametrize("name", OTHER)
def test_a_checkpoint_of_another_control_is_refused(tmp_path: Path, name: str) -> None:
    options: dict[str, Any] = {"steps": 10, "batch": 8, "checkpoint": tmp_path / "run.pt", "checkpoint_every": 10}
    first = {"penalties": (partial(gradient_penalty, weight=10.0),)} if name in ("weight", "gradient penalty") else {}
    play(*players(), ring(), WASSERSTEIN, **options, **first)
    message = refusal(training.CheckpointError, lambda: play(*players(), ring(), WASSERSTEIN, **options, **OTHER[name]))
    assert "give the same settings, or another file" in message
