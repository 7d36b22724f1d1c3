"""The training loop: the order of its moves, its history, and what watching and interrupting must not change."""

from __future__ import annotations

import functools
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

import genmodels
from genmodels import training
from genmodels.adversarial import (
    MINIMAX,
    NON_SATURATING,
    Generator,
    History,
    adam,
    critic_step,
    generator_step,
    image_critic,
    image_generator,
    mlp,
    networks,
    play,
    score,
)
from genmodels.adversarial.objectives import cross_entropy, non_saturating
from genmodels.data import ImageSet, World, digits, ring
from mutants import mutants, refusal, rejects

Players = tuple[Generator, nn.Module]


def points() -> Players:
    with training.isolated(0):
        return Generator(mlp(2, 2, width=16), latent=2), mlp(2, 1, width=16)


def images(seed: int = 0) -> Players:
    """Small networks with all that carries state: batch normalisation, dropout, and a layer frozen on purpose."""
    with training.isolated(seed):
        generator = image_generator((1, 8, 8), latent=8, widths=(16, 16))
        critic = image_critic((1, 8, 8), widths=(16, 16))
    generator.network[1].eval()
    return generator, critic


@functools.cache
def data() -> ImageSet:
    return digits()


def weights(players: Players) -> dict[str, Tensor]:
    """Parameters and buffers of both players."""
    return {f"{i}.{k}": v.clone() for i, player in enumerate(players) for k, v in player.state_dict().items()}


def differing(a: Any, b: Any, where: str = "") -> list[str]:
    """The places at which two nests of dicts, lists and tensors are not equal, bit for bit."""
    if isinstance(a, Tensor) and isinstance(b, Tensor):
        return [] if torch.equal(a, b) else [where]
    if isinstance(a, dict) and isinstance(b, dict) and a.keys() == b.keys():
        return [d for k in a for d in differing(a[k], b[k], f"{where}/{k}")]
    if isinstance(a, list | tuple) and isinstance(b, list | tuple) and len(a) == len(b):
        return [d for i, (x, y) in enumerate(zip(a, b, strict=True)) for d in differing(x, y, f"{where}/{i}")]
    return [] if a == b else [where]


def test_the_comparison_sees_one_bit() -> None:
    a = {"x": [torch.zeros(3), {"y": 1}]}
    assert differing(a, {"x": [torch.zeros(3), {"y": 1}]}) == []
    assert differing(a, {"x": [torch.tensor([0, 0, 1e-45]), {"y": 1}]}) == ["/x/0"]
    assert differing(a, {"x": [torch.zeros(3), {"y": 2}]}) == ["/x/1/y"]
    assert differing(a, {"x": [torch.zeros(3)]}) == ["/x"]


# --- Algorithm 13.1: who moves when, and on what ---------------------------------------------------------------------


@dataclass
class Diary:
    """A data set and a generator that write down what they were asked for."""

    lines: list[str] = field(default_factory=list)
    noises: list[Tensor] = field(default_factory=list)
    batches: list[Tensor] = field(default_factory=list)

    def sample(self, sample_shape: Any, *, rng: torch.Generator) -> Tensor:
        self.lines.append("data")
        self.batches.append(ring().sample(sample_shape, rng=rng))
        return self.batches[-1]

    def attach(self, generator: Generator) -> None:
        def write(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            self.lines.append("generator moves" if torch.is_grad_enabled() else "generator is read")
            self.noises.append(inputs[0].clone())

        generator.register_forward_pre_hook(write)


Play = Callable[..., History]


def check_order_of_moves(game: Play) -> None:
    """K moves of the critic, each on its own batch and noise, then one of the generator on noise of its own."""
    diary, (generator, critic) = Diary(), points()
    diary.attach(generator)
    game(generator, critic, diary, steps=3, critic_steps=2, batch=5)
    assert diary.lines == (["data", "generator is read"] * 2 + ["generator moves"]) * 3
    for drawn, count in ((diary.batches, 6), (diary.noises, 9)):
        assert all(x.shape == (5, 2) for x in drawn)
        assert len({tuple(x.flatten().tolist()) for x in drawn}) == count, "the same draw was used twice"


def homemade(
    *, generator_moves: int = 1, same_noise: bool = False, same_batch: bool = False, generator_first: bool = False
) -> Play:
    """The loop as one writes it in an afternoon; each option is a way to get it wrong."""

    def game(generator: Generator, critic: nn.Module, world: Any, *, steps: int, critic_steps: int, batch: int) -> None:
        rng = training.rng(0)
        by_critic, by_generator = (torch.optim.SGD(m.parameters(), lr=0.1) for m in (critic, generator))
        for _ in range(steps):
            z, real = generator.noise(batch, rng=rng), None
            for k in range(critic_steps + generator_moves):
                z = z if same_noise else generator.noise(batch, rng=rng)
                if (k < generator_moves) if generator_first else (k >= critic_steps):
                    generator_step(generator, critic, NON_SATURATING, by_generator, z)
                else:
                    real = real if same_batch and real is not None else world.sample((batch,), rng=rng)
                    critic_step(generator, critic, NON_SATURATING, by_critic, real, z)

    return game  # type: ignore[return-value]


def test_order_of_moves() -> None:
    check_order_of_moves(play)
    check_order_of_moves(homemade())


@mutants(
    {
        "two moves of the generator": homemade(generator_moves=2),
        "noise of the critic's move used again": homemade(same_noise=True),
        "one batch for all moves of the critic": homemade(same_batch=True),
        "generator first": homemade(generator_first=True),
        "K forgotten": lambda *args, critic_steps, **options: play(*args, **options),
        "K times the generator": lambda *args, critic_steps, **options: homemade(generator_moves=critic_steps)(
            *args, critic_steps=1, **options
        ),
    }
)
def test_order_of_moves_rejects(mutant: Play) -> None:
    rejects(check_order_of_moves, mutant)


# --- history ---------------------------------------------------------------------------------------------------------


def test_history_holds_the_losses_of_every_step() -> None:
    """The first row is worked out by hand: both losses of the untrained players, before and after the critic's move."""
    (generator, critic), rng = points(), training.rng(3)
    real = ring().sample((32,), rng=rng)
    z = [generator.noise(32, rng=rng) for _ in range(2)]
    first = cross_entropy(score(critic, real), score(critic, generator(z[0]))).detach()
    rate0 = functools.partial(torch.optim.SGD, lr=0.0)  # nobody moves, so that both losses are of the same players
    history = play(generator, critic, ring(), steps=4, batch=32, seed=3, optimizer=rate0)
    assert history.losses.shape == (4, 2)
    assert_close(history.critic[0], first)
    assert_close(history.generator[0], non_saturating(score(critic, generator(z[1]))).detach())
    assert torch.equal(torch.stack([history.critic, history.generator], dim=1), history.losses)


def test_watching_happens_before_a_step_and_after_the_last() -> None:
    generator, critic = points()
    before = generator.network[0].weight.detach().clone()
    history = play(generator, critic, ring(), steps=5, batch=8, watch=first_weight, watch_at=(0, 2, 5))
    assert list(history.watched) == [0, 2, 5]
    assert torch.equal(history.watched[0]["weight"], before)
    assert torch.equal(history.watched[5]["weight"], generator.network[0].weight.detach())
    assert not torch.equal(history.watched[2]["weight"], before)


def first_weight(generator: Generator, critic: nn.Module) -> dict[str, Tensor]:
    assert not generator.training
    assert not critic.training
    return {"weight": generator.network[0].weight}  # the live parameter: what is kept of it must be a copy


# --- seeds -----------------------------------------------------------------------------------------------------------


def played(steps: int = 6, *, seed: int = 0, **options: Any) -> tuple[dict[str, Tensor], Players]:
    players = images()
    play(*players, data(), steps=steps, batch=16, seed=seed, **options)
    return weights(players), players


def check_own_randomness(isolated: Callable[[int], AbstractContextManager[None]]) -> None:
    """A run depends on its seed and not on what was drawn before it, and leaves the caller's stream alone."""
    players = images()
    torch.manual_seed(1)
    stream = torch.get_rng_state()
    with patch.object(training, "isolated", isolated):
        play(*players, data(), steps=3, batch=16)
    assert torch.equal(torch.get_rng_state(), stream), "the caller's stream was used"
    again = images()
    torch.manual_seed(2)
    with patch.object(training, "isolated", isolated):
        play(*again, data(), steps=3, batch=16)
    assert differing(weights(players), weights(again)) == []


@contextmanager
def seeded_and_left(seed: int) -> Iterator[None]:
    torch.manual_seed(seed)
    yield


@contextmanager
def forked_unseeded(seed: int) -> Iterator[None]:
    with torch.random.fork_rng():
        yield


def test_a_run_has_its_own_randomness() -> None:
    check_own_randomness(training.isolated)
    assert differing(played(seed=0)[0], played(seed=1)[0]) != []


@mutants(
    {"nothing": lambda seed: nullcontext(), "seeded and left": seeded_and_left, "forked unseeded": forked_unseeded}
)
def test_a_run_has_its_own_randomness_rejects(mutant: Callable[[int], AbstractContextManager[None]]) -> None:
    rejects(check_own_randomness, mutant)


class Noisy(nn.Module):
    """Adds noise as a random encoder does, and writes down what it drew."""

    def __init__(self) -> None:
        super().__init__()
        self.shift, self.drawn = nn.Parameter(torch.zeros(())), []

    def forward(self, x: Tensor) -> Tensor:
        self.drawn.append(torch.randn_like(x))
        return x + self.shift + self.drawn[-1]


def check_layers_draw_apart(apart: Callable[[int], int]) -> None:
    """What layers draw from the global stream is none of what the run draws from its own: noise, or data."""
    diary, generator = Diary(), Generator(Noisy(), latent=2)
    diary.attach(generator)
    with patch.object(training, "apart", apart):
        play(generator, mlp(2, 1), diary, steps=3, batch=8)
    own = torch.cat([x.flatten() for x in (*diary.noises, *diary.batches)])
    layers = torch.cat([x.flatten() for x in generator.network.drawn])
    assert not torch.isin(layers, own).any(), "a layer drew what the run drew"


def test_layers_draw_apart() -> None:
    check_layers_draw_apart(training.apart)


@mutants({"the same seed": lambda seed: seed, "beyond 32 bits": lambda seed: seed + 2**32})
def test_layers_draw_apart_rejects(mutant: Callable[[int], int]) -> None:
    """Met here: with one seed for both, ALI's encoder drew the very z that it was shown."""
    rejects(check_layers_draw_apart, mutant)


# --- watching changes nothing ----------------------------------------------------------------------------------------

Evaluating = Callable[..., AbstractContextManager[None]]


def look(generator: Generator, critic: nn.Module) -> dict[str, Tensor]:
    """What readers do in a watch: sample, score, and draw from the global stream without thinking."""
    noise = torch.randn(16, generator.latent)
    samples = generator.sample((16,), rng=training.rng(0))
    return {"scores": critic(generator(noise)), "samples": samples}


def check_watching_changes_nothing(evaluating: Evaluating) -> None:
    unwatched, players = played()
    modes = [[m.training for m in player.modules()] for player in players]
    with patch.object(training, "evaluating", evaluating), patch.object(networks, "evaluating", evaluating):
        watched, players = played(watch=look, watch_at=range(7))
    assert differing(watched, unwatched) == []
    assert [[m.training for m in player.modules()] for player in players] == modes


@contextmanager
def without_fork(*modules: nn.Module) -> Iterator[None]:
    modes = [(m, m.training) for module in modules for m in module.modules()]
    for module in modules:
        module.eval()
    with torch.no_grad():
        yield
    for m, mode in modes:
        m.training = mode


@contextmanager
def then_train(*modules: nn.Module) -> Iterator[None]:
    for module in modules:
        module.eval()
    with torch.no_grad(), torch.random.fork_rng():
        yield
    for module in modules:
        module.train()


@contextmanager
def left_in_eval(*modules: nn.Module) -> Iterator[None]:
    for module in modules:
        module.eval()
    with torch.no_grad(), torch.random.fork_rng():
        yield


@contextmanager
def in_training_mode(*modules: nn.Module) -> Iterator[None]:
    with torch.no_grad(), torch.random.fork_rng():
        yield


@contextmanager
def top_modes_only(*modules: nn.Module) -> Iterator[None]:
    modes = [module.training for module in modules]
    for module in modules:
        module.eval()
    with torch.no_grad(), torch.random.fork_rng():
        yield
    for module, mode in zip(modules, modes, strict=True):
        module.train(mode)


def test_watching_every_step_changes_nothing() -> None:
    check_watching_changes_nothing(training.evaluating)


@mutants({f.__name__: f for f in (without_fork, then_train, left_in_eval, in_training_mode, top_modes_only)})
def test_watching_every_step_changes_nothing_rejects(mutant: Evaluating) -> None:
    rejects(check_watching_changes_nothing, mutant)


# --- interrupted and resumed -----------------------------------------------------------------------------------------

Saved = dict[str, Any]
Load = Callable[[Path], Saved]


def finished(path: Path, *, interrupted: bool, make: Callable[[], Players], world: Any, load: Load) -> list[Any]:
    """Twenty steps in one go, or ten and ten with other players in between; all that is left, optimizers included."""
    options: dict[str, Any] = {"batch": 16, "critic_steps": 2, "checkpoint": path, "checkpoint_every": 10}
    options |= {"watch": look, "watch_at": (5, 15)}
    players = make()
    if interrupted:
        play(*players, world, steps=10, **options)
        players = make()
        with torch.no_grad():
            for p in (p for player in players for p in player.parameters()):
                p.fill_(0.1)  # whatever these players were, the file decides
        with patch.object(training, "load", load):
            history = play(*players, world, steps=20, **options)
    else:
        history = play(*players, world, steps=20, **options)
    return [weights(players), history.losses, history.watched, training.load(path)]


def check_resuming(load: Load, path: Path, make: Callable[[], Players], world: Any) -> None:
    whole, parts = (
        finished(path / str(interrupted), interrupted=interrupted, make=make, world=world, load=load)
        for interrupted in (False, True)
    )
    assert differing(whole, parts) == []


@pytest.mark.parametrize("kind", ["points", "images"])
def test_ten_and_ten_steps_are_twenty(tmp_path: Path, kind: str) -> None:
    make, world = {"points": (points, ring()), "images": (images, data())}[kind]
    check_resuming(training.load, tmp_path, make, world)


def forgetting(**forgotten: Callable[[Saved], Any]) -> Load:
    """A loader that loses parts of the file: what they would be had nobody saved them."""
    real = training.load

    def load(path: Path) -> Saved:
        saved = real(path)
        return saved | {name: fresh(saved) for name, fresh in forgotten.items()}

    return load


def fresh_stream(which: str) -> Callable[[Saved], Any]:
    return lambda saved: saved["streams"] | {which: training.rng(0).get_state()}


def fresh_moments(which: str) -> Callable[[Saved], Any]:
    return lambda saved: saved[which] | {"state": {}}


def fresh_weights(which: int) -> Callable[[Saved], Any]:
    return lambda saved: images()[which].state_dict()


def fresh_running_statistics(saved: Saved) -> dict[str, Tensor]:
    new = images()[0].state_dict()
    return {k: new[k] if "running" in k else v for k, v in saved["generator"].items()}


@mutants(
    {
        "own stream not restored": forgetting(streams=fresh_stream("own")),
        "global stream not restored": forgetting(streams=fresh_stream("torch")),
        "critic's optimizer not restored": forgetting(by_critic=fresh_moments("by_critic")),
        "generator's optimizer not restored": forgetting(by_generator=fresh_moments("by_generator")),
        "critic not restored": forgetting(critic=fresh_weights(1)),
        "generator not restored": forgetting(generator=fresh_weights(0)),
        "running statistics not restored": forgetting(generator=fresh_running_statistics),
        "one step played twice": forgetting(
            step=lambda saved: saved["step"] - 1, losses=lambda saved: saved["losses"][:-1]
        ),
        "watched not restored": forgetting(watched=lambda saved: {}),
        "losses not restored": forgetting(losses=lambda saved: torch.zeros_like(saved["losses"])),
    }
)
def test_ten_and_ten_steps_are_twenty_rejects(tmp_path: Path, mutant: Load) -> None:
    rejects(lambda load: check_resuming(load, tmp_path, images, data()), mutant)


def test_a_finished_run_is_only_read_again(tmp_path: Path) -> None:
    options: dict[str, Any] = {"steps": 10, "batch": 8, "checkpoint": tmp_path / "run", "checkpoint_every": 10}
    first = play(*points(), ring(), **options)
    players = points()
    again = play(*players, ring(), **options)
    assert torch.equal(first.losses, again.losses)
    assert differing(players[0].state_dict(), training.load(tmp_path / "run")["generator"]) == []


# --- killed ----------------------------------------------------------------------------------------------------------

LONG = 300


class Slow:
    """The digits, one hundredth of a second per batch: time enough to be killed in."""

    def sample(self, sample_shape: Any, *, rng: torch.Generator) -> Tensor:
        time.sleep(0.01)
        return data().sample(sample_shape, rng=rng)


def long_run(world: Any, path: Path | None) -> dict[str, Tensor]:
    players = images()
    play(*players, world, steps=LONG, batch=16, checkpoint=path, checkpoint_every=5)
    return weights(players)


def test_a_killed_run_goes_on_as_if_nothing_had_happened(tmp_path: Path) -> None:
    """The real thing: another process, SIGKILL, whatever it was doing, then the same call once more."""
    path = tmp_path / "run.pt"
    here = Path(__file__)
    roots = [str(Path(genmodels.__file__).parents[1]), str(here.parents[1])]
    process = subprocess.Popen([sys.executable, here, path], env=os.environ | {"PYTHONPATH": os.pathsep.join(roots)})
    deadline = time.monotonic() + 120
    while not path.exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)
    process.kill()
    assert process.wait() != 0, "the run was over before it could be killed"
    killed_at = training.load(path)["step"]
    assert 0 < killed_at < LONG
    assert differing(long_run(data(), path), long_run(data(), None)) == []


# --- refused ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "other",
    [{"objective": MINIMAX}, {"critic_steps": 2}, {"batch": 9}, {"seed": 1}, {"steps": 9}, {"optimizer": adam(lr=0.1)}],
    ids=lambda other: next(iter(other)),
)
def test_a_checkpoint_of_another_run_is_refused(tmp_path: Path, other: dict[str, Any]) -> None:
    path = tmp_path / "run.pt"
    options: dict[str, Any] = {"steps": 10, "batch": 8, "checkpoint": path, "checkpoint_every": 10}
    play(*points(), ring(), **options)
    before, players = path.read_bytes(), points()
    message = refusal(training.CheckpointError, lambda: play(*players, ring(), **options | other))
    assert str(path) in message
    (name,) = other
    assert (name in message) or (name == "steps" and "it is at step 10, this run ends at 9" in message)
    assert "give the same settings, or another file" in message
    assert path.read_bytes() == before
    assert differing(weights(players), weights(points())) == [], "refused, and yet loaded"


def test_a_checkpoint_of_other_networks_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "run.pt"
    play(*points(), ring(), steps=5, batch=8, checkpoint=path, checkpoint_every=5)
    wide = Generator(mlp(2, 2, width=16), latent=2), mlp(2, 1, width=16, activation=torch.nn.Tanh)
    message = refusal(training.CheckpointError, lambda: play(*wide, ring(), steps=10, batch=8, checkpoint=path))
    assert "players was" in message and "another file" in message


def test_a_checkpoint_of_other_data_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "run.pt"
    play(*points(), ring(), steps=5, batch=8, checkpoint=path, checkpoint_every=5)
    other = ring(modes=7)
    message = refusal(training.CheckpointError, lambda: play(*points(), other, steps=10, batch=8, checkpoint=path))
    assert "data was" in message


def test_a_truncated_checkpoint_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "run.pt"
    options: dict[str, Any] = {"steps": 10, "batch": 8, "checkpoint": path, "checkpoint_every": 10}
    play(*points(), ring(), **options)
    path.write_bytes(path.read_bytes()[:-100])
    message = refusal(training.CheckpointError, lambda: play(*points(), ring(), **options))
    assert "not a complete checkpoint" in message
    assert f"delete {path}" in message


# --- losses that are no numbers --------------------------------------------------------------------------------------


@dataclass
class Spoilt:
    """A world whose batches are not a number from the given one on."""

    good: int

    def sample(self, sample_shape: Any, *, rng: torch.Generator) -> Tensor:
        self.good -= 1
        return ring().sample(sample_shape, rng=rng) * (1.0 if self.good >= 0 else math.nan)


def test_a_loss_that_is_not_finite_is_reported_and_not_saved(tmp_path: Path) -> None:
    path = tmp_path / "run.pt"
    world = Spoilt(good=14)  # one draw more: a run with a checkpoint looks at its data first
    game = functools.partial(play, *points(), world, batch=8, checkpoint=path, checkpoint_every=5)
    message = refusal(FloatingPointError, lambda: game(steps=30))
    assert "from step 13 on" in message
    saved = training.load(path)
    assert saved["step"] == 10
    assert all(v.isfinite().all() for v in saved["generator"].values())


def test_a_loss_that_is_not_finite_is_reported_without_a_checkpoint() -> None:
    message = refusal(FloatingPointError, lambda: play(*points(), Spoilt(good=2), steps=4, batch=8))
    assert "from step 2 on" in message


# --- and it learns ---------------------------------------------------------------------------------------------------


def check_it_learns(game: Play) -> None:
    """One Gaussian off the origin: from a distance of 2.8 the samples come within 1 of it, and circle there."""
    world = World(torch.tensor([[2.0, -2.0]]), 0.5)
    generator, critic = points()
    game(generator, critic, world, steps=600, batch=64)
    x = generator.sample((2_000,), rng=training.rng(1))
    assert (x.mean(dim=0) - world.centres[0]).norm() < 1


def test_it_learns() -> None:
    check_it_learns(play)


@mutants(
    {
        "cooperative generator": functools.partial(
            play, objective=replace(NON_SATURATING, generator=lambda fake: -non_saturating(fake))
        ),
        "critic of swapped labels": functools.partial(
            play, objective=replace(NON_SATURATING, critic=lambda real, fake: cross_entropy(fake, real))
        ),
    }
)
def test_it_learns_rejects(mutant: Play) -> None:
    rejects(check_it_learns, mutant)


if __name__ == "__main__":  # the run that is killed
    torch.set_num_threads(1)
    long_run(Slow(), Path(sys.argv[1]))
