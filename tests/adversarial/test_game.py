"""One move of each player, and the score that both moves are made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits as bce
from torch.testing import assert_close

from genmodels import training
from genmodels.adversarial import MINIMAX, NON_SATURATING, PROBABILITY, Generator, Objective, mlp, score
from genmodels.adversarial.game import critic_step, generator_step
from genmodels.adversarial.objectives import cross_entropy, minimax, non_saturating, probability
from mutants import mutants, refusal, rejects

Optimizer = torch.optim.Optimizer
CriticStep = Callable[[Generator, nn.Module, Objective, Optimizer, Tensor, Tensor], Tensor]
GeneratorStep = Callable[[Generator, nn.Module, Objective, Optimizer, Tensor], Tensor]

RATE = 0.1


def players() -> tuple[Generator, nn.Sequential]:
    with training.isolated(0):
        return Generator(mlp(2, 2, width=8), latent=2), mlp(2, 1, width=8)


def batch(seed: int, n: int = 16) -> Tensor:
    return torch.randn(n, 2, generator=training.rng(seed))


def sgd(*modules: nn.Module, rate: float = RATE) -> Optimizer:
    return torch.optim.SGD([p for module in modules for p in module.parameters()], lr=rate)


def snapshot(module: nn.Module) -> list[Tensor]:
    return [p.detach().clone() for p in module.parameters()]


def unmoved(module: nn.Module, before: list[Tensor]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(module.parameters(), before, strict=True))


def without_gradients(module: nn.Module) -> bool:
    return all(p.grad is None or not p.grad.any() for p in module.parameters())


# --- the critic's move -----------------------------------------------------------------------------------------------


def check_critic_step_moves_the_critic_alone(step: CriticStep) -> None:
    generator, critic = players()
    before, critic_before = snapshot(generator), snapshot(critic)
    step(generator, critic, MINIMAX, sgd(critic), batch(1), batch(2))
    assert without_gradients(generator), "the generator has gradients of the critic's loss"
    assert unmoved(generator, before), "the generator moved"
    assert not unmoved(critic, critic_before), "the critic did not move"


def check_critic_step_by_hand(step: CriticStep) -> None:
    """Two steps, each against gradient descent on the loss written out here."""
    generator, critic = players()
    optimizer = sgd(critic)
    for seed in (1, 3):
        real, z = batch(seed), batch(seed + 1)
        loss = cross_entropy(critic(real)[:, 0], critic(generator(z).detach())[:, 0])
        gradients = torch.autograd.grad(loss, list(critic.parameters()))
        expected = [p - RATE * g for p, g in zip(snapshot(critic), gradients, strict=True)]
        assert_close(step(generator, critic, MINIMAX, optimizer, real, z), loss.detach())
        assert_close(snapshot(critic), expected)


def critic_loss(generator: Generator, critic: nn.Module, real: Tensor, z: Tensor) -> Tensor:
    """The loss with the generator still attached to it."""
    return cross_entropy(score(critic, real), score(critic, generator(z)))


def critic_not_detached(g: Generator, d: nn.Module, o: Objective, by: Optimizer, real: Tensor, z: Tensor) -> Tensor:
    by.zero_grad()  # yunjey/pytorch-tutorial, issue 56
    loss = critic_loss(g, d, real, z)
    loss.backward()
    by.step()
    return loss.detach()


def critic_not_detached_one_optimizer(
    g: Generator, d: nn.Module, o: Objective, by: Optimizer, real: Tensor, z: Tensor
) -> Tensor:
    return critic_not_detached(g, d, o, sgd(g, d), real, z)


def critic_without_zero_grad(
    g: Generator, d: nn.Module, o: Objective, by: Optimizer, real: Tensor, z: Tensor
) -> Tensor:
    with torch.no_grad():
        fake = g(z)
    loss = o.critic(score(d, real), score(d, fake))
    loss.backward()
    by.step()
    return loss.detach()


def critic_with_the_wrong_optimizer(
    g: Generator, d: nn.Module, o: Objective, by: Optimizer, real: Tensor, z: Tensor
) -> Tensor:
    return critic_step(g, d, o, sgd(g), real, z)  # ESRGAN-PyTorch, issue 39


def critic_of_swapped_batches(
    g: Generator, d: nn.Module, o: Objective, by: Optimizer, real: Tensor, z: Tensor
) -> Tensor:
    swapped = replace(o, critic=lambda real, fake: o.critic(fake, real))
    return critic_step(g, d, swapped, by, real, z)


def test_critic_step_moves_the_critic_alone() -> None:
    check_critic_step_moves_the_critic_alone(critic_step)


@mutants(
    {f.__name__: f for f in (critic_not_detached, critic_not_detached_one_optimizer, critic_with_the_wrong_optimizer)}
)
def test_critic_step_moves_the_critic_alone_rejects(mutant: CriticStep) -> None:
    rejects(check_critic_step_moves_the_critic_alone, mutant)


def test_critic_step_descends_its_loss() -> None:
    check_critic_step_by_hand(critic_step)


@mutants(
    {f.__name__: f for f in (critic_without_zero_grad, critic_with_the_wrong_optimizer, critic_of_swapped_batches)}
)
def test_critic_step_descends_its_loss_rejects(mutant: CriticStep) -> None:
    rejects(check_critic_step_by_hand, mutant)


# --- the generator's move --------------------------------------------------------------------------------------------


def check_generator_step_moves_the_generator_alone(step: GeneratorStep) -> None:
    """And leaves the critic as it found it, gradients and a layer frozen on purpose included."""
    generator, critic = players()
    critic[0].requires_grad_(False)
    wanted = [p.requires_grad for p in critic.parameters()]
    before, critic_before = snapshot(generator), snapshot(critic)
    step(generator, critic, NON_SATURATING, sgd(generator), batch(1))
    assert unmoved(critic, critic_before), "the critic moved"
    assert without_gradients(critic), "the critic has gradients of the generator's loss"
    assert [p.requires_grad for p in critic.parameters()] == wanted, "a layer was frozen, or a frozen one released"
    assert not unmoved(generator, before), "the generator did not move"


def check_generator_step_by_hand(step: GeneratorStep) -> None:
    generator, critic = players()
    optimizer = sgd(generator)
    for seed in (1, 2):
        loss = non_saturating(critic(generator(batch(seed)))[:, 0])
        gradients = torch.autograd.grad(loss, list(generator.parameters()))
        expected = [p - RATE * g for p, g in zip(snapshot(generator), gradients, strict=True)]
        assert_close(step(generator, critic, NON_SATURATING, optimizer, batch(seed)), loss.detach())
        assert_close(snapshot(generator), expected)


def generator_leaving_gradients(g: Generator, d: nn.Module, o: Objective, by: Optimizer, z: Tensor) -> Tensor:
    by.zero_grad()
    loss = o.generator(score(d, g(z)))
    loss.backward()
    by.step()
    return loss.detach()


def generator_with_one_optimizer(g: Generator, d: nn.Module, o: Objective, by: Optimizer, z: Tensor) -> Tensor:
    return generator_leaving_gradients(g, d, o, sgd(g, d), z)


def generator_with_the_wrong_optimizer(g: Generator, d: nn.Module, o: Objective, by: Optimizer, z: Tensor) -> Tensor:
    return generator_leaving_gradients(g, d, o, sgd(d), z)


def generator_freezing_the_critic(g: Generator, d: nn.Module, o: Objective, by: Optimizer, z: Tensor) -> Tensor:
    d.requires_grad_(False)
    return generator_leaving_gradients(g, d, o, by, z)


def generator_releasing_the_critic(g: Generator, d: nn.Module, o: Objective, by: Optimizer, z: Tensor) -> Tensor:
    loss = generator_freezing_the_critic(g, d, o, by, z)
    d.requires_grad_(True)
    return loss


def generator_without_zero_grad(g: Generator, d: nn.Module, o: Objective, by: Optimizer, z: Tensor) -> Tensor:
    loss = o.generator(score(d, g(z)))
    loss.backward(inputs=list(g.parameters()))
    by.step()
    return loss.detach()


def generator_detached(g: Generator, d: nn.Module, o: Objective, by: Optimizer, z: Tensor) -> Tensor:
    loss = o.generator(score(d, g(z).detach().requires_grad_()))
    loss.backward()  # the sample of the critic's step, used again
    by.step()
    d.zero_grad()
    return loss.detach()


def test_generator_step_moves_the_generator_alone() -> None:
    check_generator_step_moves_the_generator_alone(generator_step)


@mutants(
    {
        f.__name__: f
        for f in (
            generator_leaving_gradients,
            generator_with_one_optimizer,
            generator_with_the_wrong_optimizer,
            generator_freezing_the_critic,
            generator_releasing_the_critic,
            generator_detached,
        )
    }
)
def test_generator_step_moves_the_generator_alone_rejects(mutant: GeneratorStep) -> None:
    rejects(check_generator_step_moves_the_generator_alone, mutant)


def test_generator_step_descends_its_loss() -> None:
    check_generator_step_by_hand(generator_step)


@mutants({f.__name__: f for f in (generator_without_zero_grad, generator_detached)})
def test_generator_step_descends_its_loss_rejects(mutant: GeneratorStep) -> None:
    rejects(check_generator_step_by_hand, mutant)


# --- one move does not reach into the next ---------------------------------------------------------------------------


def check_moves_are_separate(steps: tuple[CriticStep, GeneratorStep]) -> None:
    """The critic's next move is the same, bit for bit, with and without a generator's backward pass before it."""
    move_critic, move_generator = steps
    found = []
    for between in (False, True):
        generator, critic = players()
        by_critic, by_generator = sgd(critic), sgd(generator, rate=0.0)  # rate 0: a backward pass, and no move
        move_critic(generator, critic, MINIMAX, by_critic, batch(1), batch(2))
        by_critic.zero_grad()  # so that only what happens in between could make a difference
        if between:
            move_generator(generator, critic, MINIMAX, by_generator, batch(3))
        move_critic(generator, critic, MINIMAX, by_critic, batch(4), batch(5))
        found.append((generator, critic))
    (_, without), (_, with_backward) = found
    assert unmoved(with_backward, snapshot(without)), "the generator's gradients leaked into the critic's move"


def test_moves_are_separate() -> None:
    check_moves_are_separate((critic_step, generator_step))
    check_moves_are_separate((critic_without_zero_grad, generator_step))  # either precaution alone is enough
    check_moves_are_separate((critic_step, generator_leaving_gradients))


# pytorch-lightning, issue 591
@mutants({"neither zero_grad nor a closed gate": (critic_without_zero_grad, generator_leaving_gradients)})
def test_moves_are_separate_rejects(mutant: tuple[CriticStep, GeneratorStep]) -> None:
    rejects(check_moves_are_separate, mutant)


# --- which way the generator goes (correction E-13) ------------------------------------------------------------------


def check_generator_goes_uphill(objective: Objective) -> None:
    """A small step of the generator must make its samples look *more* real to the critic, not less."""
    generator, critic = players()
    for seed in range(20):
        critic_step(generator, critic, MINIMAX, sgd(critic), batch(seed), batch(100 + seed))
    z = batch(7, n=256)

    def belief() -> float:
        with torch.no_grad():
            return score(critic, generator(z)).double().sigmoid().mean().item()

    before = belief()
    generator_step(generator, critic, objective, sgd(generator, rate=1e-2), z)
    assert belief() > before


@pytest.mark.parametrize("objective", [MINIMAX, NON_SATURATING, PROBABILITY], ids=lambda o: o.name)
def test_a_small_generator_step_raises_the_critics_belief(objective: Objective) -> None:
    check_generator_goes_uphill(objective)


@mutants(
    {
        "cooperative": replace(MINIMAX, generator=lambda fake: -minimax(fake)),
        "target 0": replace(MINIMAX, generator=lambda fake: bce(fake, torch.zeros_like(fake))),
        "probability of generated": replace(MINIMAX, generator=lambda fake: -probability(fake)),
        "sign flipped": replace(MINIMAX, generator=lambda fake: -non_saturating(fake)),
    }
)
def test_a_small_generator_step_raises_the_critics_belief_rejects(mutant: Objective) -> None:
    rejects(check_generator_goes_uphill, mutant)


# --- one score per row -----------------------------------------------------------------------------------------------


class Shaped(nn.Module):
    """A critic whose output has the wrong shape, or the right one in another form."""

    def __init__(self, form: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.form, self.slope = form, nn.Parameter(torch.tensor([0.3, -0.7]))

    def forward(self, x: Tensor) -> Tensor:
        return self.form(x @ self.slope)


Scorer = Callable[[nn.Module, Tensor], Tensor]


def check_refusals(scorer: Scorer) -> None:
    x = batch(1, n=4)
    wrong = {
        (4, 4): lambda a: a[:, None] - a,
        (4, 2): lambda a: torch.stack([a, -a], dim=1),
        (): lambda a: a.mean(),
    }
    for shape, form in wrong.items():
        message = refusal(ValueError, lambda form=form: scorer(Shaped(form), x))
        assert str(shape) in message
        assert "4 rows" in message
        assert "one score per row" in message


def test_only_one_score_per_row_is_accepted() -> None:
    check_refusals(score)


@mutants(
    {
        "taken as it comes": lambda critic, x: critic(x),
        "squeezed": lambda critic, x: critic(x).squeeze(-1),
        "flattened": lambda critic, x: critic(x).flatten(),
        "first column": lambda critic, x: critic(x).reshape(len(x), -1)[:, 0] if critic(x).ndim else critic(x),
    }
)
def test_only_one_score_per_row_is_accepted_rejects(mutant: Scorer) -> None:
    rejects(check_refusals, mutant)


def loss_in_the_package(critic: nn.Module, real: Tensor, fake: Tensor) -> Tensor:
    return cross_entropy(score(critic, real), score(critic, fake))


def loss_that_broadcasts(critic: nn.Module, real: Tensor, fake: Tensor) -> Tensor:
    """Scores (N, 1) against labels (N,): N x N pairs, every score with every label."""
    scores = critic(torch.cat([real, fake]))
    labels = torch.cat([torch.ones(len(real)), torch.zeros(len(fake))])
    every = bce(*torch.broadcast_tensors(scores, labels), reduction="none")
    return 2 * every.mean()


def check_forms_agree(loss: Callable[[nn.Module, Tensor, Tensor], Tensor]) -> None:
    """Scores as (n,) and as (n, 1) are the same scores, for a full batch and a partial last one."""
    for n in (16, 5, 1):
        real, fake = batch(1, n) + 1, batch(2, n) - 1
        flat, column = Shaped(lambda a: a), Shaped(lambda a: a[:, None])
        by_hand = -flat(real).sigmoid().log().mean() - (1 - flat(fake).sigmoid()).log().mean()
        for critic in (flat, column):
            assert_close(loss(critic, real, fake), by_hand)


def test_every_form_of_scores_gives_the_same_loss() -> None:
    check_forms_agree(loss_in_the_package)


@mutants({"(N, 1) against (N,)": loss_that_broadcasts})
def test_every_form_of_scores_gives_the_same_loss_rejects(mutant: Callable[..., Tensor]) -> None:
    rejects(check_forms_agree, mutant)
