"""Pathologies: what a critic at its best hands on, what noise before it does and keeps, and two players that circle."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from genmodels import data, training
from genmodels.adversarial import (
    MINIMAX,
    NON_SATURATING,
    Generator,
    Objective,
    adam,
    best_response,
    dirac_game,
    fade,
    generator_gradient,
    instance_noise,
    mlp,
    optimal_critic,
    play,
)
from genmodels.adversarial.pathologies import Blur
from mutants import mutants, refusal, rejects

F64 = torch.float64
SIGMA = 0.5


def shifted(place: float) -> Generator:
    """N(place, SIGMA^2); only the place can be learned."""
    linear = nn.Linear(1, 1).double()
    linear.weight.data.fill_(SIGMA)
    linear.weight.requires_grad_(False)
    linear.bias.data.fill_(place)
    return Generator(linear, latent=1)


def line(place: float) -> nn.Linear:
    """The optimal critic of N(0, SIGMA^2) against `shifted(place)`, by hand."""
    linear = nn.Linear(1, 1).double()
    linear.weight.data.fill_(-place / SIGMA**2)
    linear.bias.data.fill_(place**2 / (2 * SIGMA**2))
    return linear


# --- the generator's gradient ----------------------------------------------------------------------------------------

Gradient = Callable[[Generator, nn.Module, Objective, Tensor], Tensor]
NODES = torch.special.ndtri((torch.arange(4_000, dtype=F64) + 0.5) / 4_000)[
    :, None
]  # the normal quantiles: a quadrature


def check_gradient(gradient: Gradient) -> None:
    """With the optimal critic's line the derivative by the place is E[D] resp. E[1 - D] times the line's slope."""
    for place in (0.2, 0.7, 1.5):
        D = torch.sigmoid(line(place)(shifted(place)(NODES))).mean()
        steep = place / SIGMA**2
        assert_close(gradient(shifted(place), line(place), MINIMAX, NODES), (D * steep)[None].detach())
        assert_close(gradient(shifted(place), line(place), NON_SATURATING, NODES), ((1 - D) * steep)[None].detach())


def test_generator_gradient_of_a_shift() -> None:
    check_gradient(generator_gradient)


def uphill(generator: Generator, critic: nn.Module, objective: Objective, z: Tensor) -> Tensor:
    return -generator_gradient(generator, critic, objective, z)


def summed(generator: Generator, critic: nn.Module, objective: Objective, z: Tensor) -> Tensor:
    return len(z) * generator_gradient(generator, critic, objective, z)


def real_labels(generator: Generator, critic: nn.Module, objective: Objective, z: Tensor) -> Tensor:
    """kwotsin/mimicry, minimax_loss_gen: the non-saturating loss under both names."""
    return generator_gradient(generator, critic, NON_SATURATING, z)


@mutants({f.__name__: f for f in (uphill, summed, real_labels)})
def test_generator_gradient_of_a_shift_rejects(mutant: Gradient) -> None:
    rejects(check_gradient, mutant)


def check_nothing_moves(gradient: Gradient) -> None:
    """Asking for a gradient leaves no gradient behind, and covers all parameters that learn and no others."""
    with training.isolated(0):
        generator, critic = Generator(mlp(2, 2, width=8), latent=2), mlp(2, 1, width=8)
    next(generator.parameters()).requires_grad_(False)
    learning = sum(p.numel() for p in generator.parameters() if p.requires_grad)
    found = gradient(generator, critic, NON_SATURATING, generator.noise(16, rng=training.rng(0)))
    assert found.shape == (learning,)
    assert all(p.grad is None for network in (generator, critic) for p in network.parameters())


def test_generator_gradient_moves_nothing() -> None:
    check_nothing_moves(generator_gradient)


def by_backward(generator: Generator, critic: nn.Module, objective: Objective, z: Tensor) -> Tensor:
    """loss.backward() fills the critic's gradients too, which its next step would add to its own."""
    objective.generator(critic(generator(z)).squeeze(1)).backward()
    return torch.cat([p.grad.flatten() for p in generator.parameters() if p.grad is not None])


@mutants({"backward": by_backward})
def test_generator_gradient_moves_nothing_rejects(mutant: Gradient) -> None:
    rejects(check_nothing_moves, mutant)


# --- a critic at its best --------------------------------------------------------------------------------------------

Response = Callable[..., nn.Module]
WORLD = data.World(centres=torch.zeros(1, 1), std=SIGMA)


def check_best_response(respond: Response) -> None:
    """A linear critic holds the optimum, -place / sigma^2 x + const, and must find it; the generator stands still."""
    place = 0.5
    generator, critic = shifted(place).float(), nn.Linear(1, 1)
    nn.init.zeros_(critic.weight)
    before = [p.clone() for p in generator.parameters()]
    found = respond(generator, critic, WORLD, steps=400, batch=1_000, optimizer=adam(lr=0.02))
    assert found is critic
    assert all(torch.equal(a, b) for a, b in zip(before, generator.parameters(), strict=True))
    assert abs(critic.weight.item() + place / SIGMA**2) < 0.25
    x = torch.linspace(-1, 1.5, 26)
    p, q = (torch.distributions.Normal(m, SIGMA).log_prob(x).exp() for m in (0.0, place))
    assert (torch.sigmoid(critic(x[:, None])).squeeze(1) - optimal_critic(p, q)).abs().max() < 0.05


def test_best_response_finds_the_optimal_critic() -> None:
    check_best_response(best_response)


def labels_swapped(generator: Generator, critic: nn.Module, world: data.World, **options: object) -> nn.Module:
    swapped = Objective("swapped", lambda real, fake: MINIMAX.critic(fake, real), MINIMAX.generator)
    return best_response(generator, critic, world, swapped, **options)  # type: ignore[arg-type]


def generator_plays_too(generator: Generator, critic: nn.Module, world: data.World, **options: object) -> nn.Module:
    play(generator, critic, world, **options)  # type: ignore[arg-type]
    return critic


def one_step(generator: Generator, critic: nn.Module, world: data.World, **options: object) -> nn.Module:
    return best_response(generator, critic, world, **(options | {"steps": 1}))  # type: ignore[arg-type]


@mutants({f.__name__: f for f in (labels_swapped, generator_plays_too, one_step)})
def test_best_response_finds_the_optimal_critic_rejects(mutant: Response) -> None:
    rejects(check_best_response, mutant)


def test_best_response_is_repeatable_and_leaves_the_callers_stream() -> None:
    generator = shifted(0.5).float()

    def weights(seed: int) -> Tensor:
        with training.isolated(0):
            critic = nn.Sequential(nn.Dropout(0.5), nn.Linear(1, 1))
        best_response(generator, critic, WORLD, steps=5, seed=seed)
        return nn.utils.parameters_to_vector(critic.parameters())

    before = torch.get_rng_state()
    assert torch.equal(weights(3), weights(3)) and not torch.equal(weights(3), weights(4))
    assert torch.equal(torch.get_rng_state(), before)


# --- instance noise --------------------------------------------------------------------------------------------------

Noisy = Callable[..., nn.Module]


def check_instance_noise(noisy: Noisy) -> None:
    """A critic that returns its input shows what it sees: the right spread, fresh each time, none in evaluation."""
    x = torch.zeros(20_000, 1, dtype=F64)
    critic = noisy(nn.Identity(), std=0.3)
    with training.isolated(0):
        first, second = critic(x), critic(x)
    assert abs(first.std().item() - 0.3) < 0.01 and abs(first.mean().item()) < 0.01
    assert not torch.equal(first, second)
    assert torch.equal(critic.eval()(x), x)


def test_instance_noise() -> None:
    check_instance_noise(instance_noise)


class Stubborn(Blur):
    def forward(self, x: Tensor) -> Tensor:
        return x + self.std * torch.randn_like(x)


class Fixed(Blur):
    def forward(self, x: Tensor) -> Tensor:
        return x + self.std * torch.randn(x.shape, generator=training.rng(0), dtype=x.dtype) if self.training else x


class OnePerBatch(Blur):
    def forward(self, x: Tensor) -> Tensor:
        return x + self.std * torch.randn(1, dtype=x.dtype) if self.training else x


@mutants(
    {
        "noise in evaluation": lambda critic, std: nn.Sequential(Stubborn(std), critic),
        "the same noise each time": lambda critic, std: nn.Sequential(Fixed(std), critic),
        "one number per batch": lambda critic, std: nn.Sequential(OnePerBatch(std), critic),
        "variance for deviation": lambda critic, std: instance_noise(critic, std=math.sqrt(std)),
    }
)
def test_instance_noise_rejects(mutant: Noisy) -> None:
    rejects(check_instance_noise, mutant)


def test_noise_blurs_both_sides_and_keeps_the_fixed_point() -> None:
    """The best critic behind noise is that of the blurred densities: sigma^2 becomes sigma^2 + std^2."""
    place, std = 0.5, 0.5
    critic = instance_noise(nn.Linear(1, 1), std=std)
    best_response(shifted(place).float(), critic, WORLD, steps=600, batch=1_000, optimizer=adam(lr=0.02))
    weight = next(critic.parameters()).item()
    assert abs(weight + place / (SIGMA**2 + std**2)) < 0.2
    assert abs(weight + place / SIGMA**2) > 0.5


def test_noise_fades_during_a_game_and_is_part_of_the_state() -> None:
    with training.isolated(0):
        generator, critic = Generator(mlp(2, 2, width=8), latent=2), instance_noise(mlp(2, 1, width=8), std=1.0)
    play(generator, critic, data.ring(), steps=4, critic_steps=2, batch=8, project=partial(fade, factor=0.5))
    assert_close(critic.state_dict()["0.std"], torch.tensor(0.5**8))


def test_bad_noise_is_refused() -> None:
    assert "-1" in refusal(ValueError, lambda: instance_noise(nn.Identity(), std=-1.0))
    assert "instance_noise" in refusal(ValueError, lambda: fade(nn.Linear(1, 1), factor=0.5))


# --- the Dirac-GAN ---------------------------------------------------------------------------------------------------

Path = Callable[..., Tensor]


def check_growth(path: Path) -> None:
    """Close to the solution the distance multiplies by the length of the eigenvalues, 1 +- i eta/2, on average."""
    for objective in (MINIMAX, NON_SATURATING):
        for lr, gamma in ((0.1, 0.0), (0.3, 0.0), (0.1, 0.5), (0.2, 1.0)):
            steps = 200
            walked = path(objective, start=(1e-4, 0.0), steps=steps, lr=lr, penalty=gamma)
            assert walked.shape == (steps + 1, 2)
            step = torch.tensor([[1.0, lr / 2], [-lr / 2, 1 - lr * gamma]], dtype=F64)
            expected = torch.linalg.matrix_power(step, steps) @ torch.tensor([1e-4, 0.0], dtype=F64)
            assert_close(walked[-1], expected, rtol=1e-3, atol=1e-9)


def test_dirac_game_follows_its_eigenvalues() -> None:
    check_growth(dirac_game)


def alternating(objective: Objective, *, start: tuple[float, float], steps: int, lr: float, penalty: float) -> Tensor:
    """One player after the other: another map, whose eigenvalues have length 1."""
    path = [torch.tensor(start, dtype=F64)]
    for _ in range(steps):
        half = dirac_game(objective, start=tuple(path[-1].tolist()), steps=1, lr=lr, penalty=penalty)[1]  # type: ignore[arg-type]
        between = (path[-1][0].item(), half[1].item())
        rest = dirac_game(objective, start=between, steps=1, lr=lr, penalty=penalty)[1]
        path.append(torch.stack([rest[0], half[1]]))
    return torch.stack(path)


def penalty_not_halved(objective: Objective, *, penalty: float, **options: object) -> Tensor:
    return dirac_game(objective, penalty=2 * penalty, **options)  # type: ignore[arg-type]


def cooperative(objective: Objective, **options: object) -> Tensor:
    """The generator descends the critic's own loss (correction E-13)."""
    together = Objective("together", objective.critic, lambda fake: objective.critic(0 * fake, fake))
    return dirac_game(together, **options)  # type: ignore[arg-type]


@mutants({f.__name__: f for f in (alternating, penalty_not_halved, cooperative)})
def test_dirac_game_follows_its_eigenvalues_rejects(mutant: Path) -> None:
    rejects(check_growth, mutant)


@pytest.mark.parametrize("objective", [MINIMAX, NON_SATURATING], ids=lambda o: o.name)
def test_dirac_game_stays_at_its_solution(objective: Objective) -> None:
    assert (dirac_game(objective, start=(0.0, 0.0), steps=5, lr=0.1) == 0).all()
