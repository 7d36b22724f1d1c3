"""The wiring of a model: measured graphs against known ones, and models with a wire cut, crossed, or one too many."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from genmodels import data, training
from genmodels.adversarial import gradient_penalty, information, inversion
from genmodels.adversarial import wiring as room
from genmodels.adversarial.classes import Auxiliary, SemiSupervised, class_loss, classification, feature_matching
from genmodels.adversarial.conditions import Conditional, Joint, Labels, Projection
from genmodels.adversarial.family import family
from genmodels.adversarial.information import Codes
from genmodels.adversarial.inversion import Bidirectional, GaussianEncoder
from genmodels.adversarial.networks import Generator, mlp
from genmodels.adversarial.objectives import MINIMAX
from genmodels.adversarial.wiring import Model, Wiring, code_lines, pieces
from genmodels.adversarial.wiring import wiring as measure
from genmodels.batches import Batch, samples
from mutants import mutants, rejects

RING = data.labelled_ring()
FEW = data.Pairs(*RING.sample((20,), rng=training.rng(0)))


def models() -> dict[str, Model]:
    with training.isolated(0):
        return {model.name: model for model in family(RING, FEW, width=8)}


def measured(name: str, **changed: Any) -> Wiring:
    return measure(models()[name]._replace(**changed))


# --- the measurement itself: networks wired at random are found as they were wired -----------------------------------


class Wired(nn.Module):
    """A critic whose parts are wired by a list of pairs; `x` and `y` are what it is shown."""

    def __init__(self, edges: Sequence[tuple[str, str]], *, reads: Sequence[str]) -> None:
        super().__init__()
        self.edges, self.reads = edges, reads
        self.part = nn.ModuleDict({name: nn.Linear(2, 2) for name in "abcd"})

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        values = {"x": x, "y": y[:, None].expand(-1, 2).float()}
        for name in "abcd":
            values[name] = self.part[name](sum((values[a] for a, b in self.edges if b == name), torch.zeros(len(x), 2)))
        return sum((values[name].sum(dim=1) for name in self.reads), torch.zeros(len(x)))


def wired_at_random(seed: int) -> tuple[Model, set[tuple[str, str]]]:
    rng = training.rng(seed)
    possible = [(a, b) for b in "abcd" for a in ("x", "y", *"abcd") if a in "xy" or a < b]
    edges = [pair for pair in possible if torch.rand((), generator=rng) < 0.4]
    reads = [name for name in "abcd" if torch.rand((), generator=rng) < 0.5]
    model = models()["conditional GAN"]
    with training.isolated(seed):
        critic = Wired(edges, reads=reads)
    names = {"x": ["data.x", "generator.network"], "y": ["data.y", "noise.y"]}
    known = {(start, f"critic.part.{b}") for a, b in edges for start in names.get(a, [f"critic.part.{a}"])}
    return model._replace(critic=critic), known | {(f"critic.part.{name}", "score") for name in reads}


def check_random_wires(measure: Callable[[Model], Wiring]) -> None:
    for seed in range(8):
        model, known = wired_at_random(seed)
        if not any(goal == "score" for _, goal in known):
            continue  # such a score has no gradient
        inside = {(a, b) for a, b in measure(model).edges if b.startswith("critic") or b == "score"}
        assert inside == known


def test_random_wires_are_found() -> None:
    check_random_wires(measure)


def all_that_follows(model: Model) -> Wiring:
    """An edge wherever there is a path, as if one output were exchanged and the others free to follow."""
    found = measure(model)
    nodes = (*found.sources, *found.networks, "score", *found.losses)
    paths = frozenset((a, b) for a in nodes for b in nodes if a != b and found.reaches(a, b))
    return replace(found, edges=paths)


def by_gradient(model: Model) -> Wiring:
    """Only what a gradient reaches: labels, which have none, lose their wires."""
    found = measure(model)
    edges = frozenset(pair for pair in found.edges if pair[0] not in ("data.y", "noise.y"))
    return replace(found, edges=edges)


@mutants({f.__name__: f for f in (all_that_follows, by_gradient)})
def test_random_wires_are_found_rejects(mutant: Callable[[Model], Wiring]) -> None:
    rejects(check_random_wires, mutant)


def check_changes_differ(another: Callable[..., Tensor]) -> None:
    """Feature matching subtracts what one network says of two batches: equal changes would cancel."""
    value = torch.randn(32, 2, generator=training.rng(0))
    change = [another(value, call=k) - value for k in range(2)]
    assert (change[0] - change[1]).abs().min() > 1e-4
    assert (change[0].mean(dim=0) - change[1].mean(dim=0)).abs().min() > 1e-4


def same_noise_in_each_call(value: Tensor, *, call: int) -> Tensor:
    return room._another(value, call=0)


def rows_exchanged(value: Tensor, *, call: int) -> Tensor:  # a mean over the batch does not see it
    return value.roll(call + 1, 0)


def test_changes_differ() -> None:
    check_changes_differ(room._another)
    assert ("critic.body", "feature_matching") in measured("semi-supervised GAN").edges


@mutants({f.__name__: f for f in (same_noise_in_each_call, rows_exchanged)})
def test_changes_differ_rejects(mutant: Callable[..., Tensor]) -> None:
    rejects(check_changes_differ, mutant)


def test_the_model_and_torchs_stream_stay_as_they_are() -> None:
    for model in models().values():
        before = copy.deepcopy([model.generator.state_dict(), model.critic.state_dict()])
        stream = torch.get_rng_state()
        measure(model)
        assert torch.equal(torch.get_rng_state(), stream)
        assert_close([model.generator.state_dict(), model.critic.state_dict()], before, rtol=0, atol=0)
        assert not model.critic._forward_hooks and all(p.grad is None for p in model.generator.parameters())


def test_the_wiring_does_not_depend_on_the_batch() -> None:
    for model in models().values():
        assert measure(model) == measure(model, rows=48, seed=7)


def test_reaches_stops_at_what_is_held() -> None:
    found = measured("conditional GAN")
    assert found.reaches("noise.z", "score") and not found.reaches("noise.z", "score", held=["generator.network"])
    assert found.reaches("noise.y", "score", held=["generator.network"]), "the label also goes to the critic itself"
    assert found.reaches("noise.z", "noise.z") and not found.reaches("score", "noise.z")


# --- conditional GAN -------------------------------------------------------------------------------------------------


def check_critic_hears_the_label(critic: nn.Module) -> None:
    found = measured("conditional GAN", critic=critic)
    assert found.reaches("data.y", "score") and found.reaches("noise.y", "score", held=["generator.network"])


class Deaf(Joint):
    """Reads no label: the generator is told one and never checked."""

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return super().forward(x, torch.zeros_like(y))


class HearsOnlyItsName(Projection):
    """A projection whose direction is multiplied by nothing."""

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return self.rest(self.body(x)).squeeze(1) + 0 * self.direction(y).sum(dim=1)


def projection(kind: type[Projection]) -> Projection:
    return kind(nn.Linear(2, 8), width=8, classes=4)


def test_a_conditional_critic_hears_the_label() -> None:
    check_critic_hears_the_label(Joint(mlp(6, 1, width=8), Labels(4)))
    check_critic_hears_the_label(projection(Projection))


@mutants({"deaf": Deaf(mlp(6, 1, width=8), Labels(4)), "no direction": projection(HearsOnlyItsName)})
def test_a_conditional_critic_hears_the_label_rejects(mutant: nn.Module) -> None:
    rejects(check_critic_hears_the_label, mutant)


def check_generator_hears_the_label(generator: type[Conditional]) -> None:
    found = measured("conditional GAN", generator=generator(mlp(6, 2, width=8), Labels(4), latent=2))
    assert ("noise.y", "generator.network") in found.edges


class NeverTold(Conditional):
    def forward(self, z: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:  # type: ignore[override]
        return self.network(torch.cat([z, torch.zeros(len(z), 4)], dim=1)), y


def test_a_conditional_generator_hears_the_label() -> None:
    check_generator_hears_the_label(Conditional)
    rejects(check_generator_hears_the_label, NeverTold)


def test_a_learned_encoding_is_a_network_and_one_hot_is_a_wire() -> None:
    model = models()["conditional GAN"]
    embedded = Conditional(mlp(5, 2, width=8), Labels(4, width=3), latent=2)
    assert "generator.condition.table" in measure(model._replace(generator=embedded)).networks
    assert measure(model).networks == ("generator.network", "critic.network")


# --- AC-GAN ----------------------------------------------------------------------------------------------------------


def check_score_ignores_the_label(critic: type[Auxiliary]) -> None:
    found = measured("AC-GAN", critic=critic(mlp(2, 8, width=8), width=8, outputs=4))
    assert not found.reaches("data.y", "score") and not found.reaches("noise.y", "score", held=["generator.network"])


class ReadsTheLabel(Auxiliary):
    def forward(self, x: Tensor, *unread: Tensor) -> Tensor:
        return super().forward(x) + unread[0][:, None]


class ReadsItOnData(Auxiliary):
    """Takes the label into the body, so that head and score both know it."""

    def forward(self, x: Tensor, *unread: Tensor) -> Tensor:
        return super().forward(x + unread[0][:, None])


def test_the_auxiliary_score_ignores_the_label() -> None:
    check_score_ignores_the_label(Auxiliary)


@mutants({f.__name__: f for f in (ReadsTheLabel, ReadsItOnData)})
def test_the_auxiliary_score_ignores_the_label_rejects(mutant: type[Auxiliary]) -> None:
    rejects(check_score_ignores_the_label, mutant)


Pair = tuple[Tensor, Tensor]


def check_classification(term: Any) -> None:
    """It reads both labels and the head, and moves the critic and the generator."""
    found = measured("AC-GAN", penalties=(term,), generator_terms=(term,))
    (name,) = set(found.losses) - {"objective"}
    assert found.into(name) == {"critic.head", "data.y", "noise.y"}
    moved = {box for loss, box in found.moves if loss == name}
    assert moved == {"generator.network", "critic.body", "critic.head"}


def data_only(critic: Any, real: Pair, fake: Pair, *, rng: torch.Generator) -> Tensor:  # PyTorch-GAN, early AC-GAN
    return class_loss(critic.infer(real[0]), real[1])


def detached(critic: Any, real: Pair, fake: Pair, *, rng: torch.Generator) -> Tensor:
    return class_loss(critic.infer(real[0]), real[1]) + class_loss(critic.infer(fake[0].detach()), fake[1])


def labels_of_data_for_both(critic: Any, real: Pair, fake: Pair, *, rng: torch.Generator) -> Tensor:  # Keras-GAN 105
    return class_loss(critic.infer(real[0]), real[1]) + class_loss(critic.infer(fake[0]), real[1])


def test_classification_is_shared() -> None:
    check_classification(classification)


@mutants({f.__name__: f for f in (data_only, detached, labels_of_data_for_both)})
def test_classification_is_shared_rejects(mutant: Any) -> None:
    rejects(check_classification, mutant)


# --- InfoGAN ---------------------------------------------------------------------------------------------------------


def check_information(term: Any) -> None:
    """It reads the code and what was inferred of the sample, nothing of the data, and moves generator and critic."""
    term = partial(term, codes=Codes(4))
    found = measured("InfoGAN", penalties=(term,), generator_terms=(term,))
    (name,) = set(found.losses) - {"objective"}
    assert found.into(name) == {"critic.head", "noise.c"}
    assert {box for loss, box in found.moves if loss == name} == {"generator.network", "critic.body", "critic.head"}
    assert not found.reaches("noise.c", "score", held=["generator.network"])


def code_without_gradient(critic: Any, real: Batch, fake: Pair, *, rng: torch.Generator, codes: Any) -> Tensor:
    return information(critic, real, (fake[0].detach(), fake[1]), rng=rng, codes=codes)


def code_of_another_sample(critic: Any, real: Batch, fake: Pair, *, rng: torch.Generator, codes: Any) -> Tensor:
    return information(critic, real, (fake[0], codes.sample((len(fake[0]),), rng=rng)), rng=rng, codes=codes)


def reads_data(critic: Any, real: Batch, fake: Pair, *, rng: torch.Generator, codes: Any) -> Tensor:
    return information(critic, real, (samples(real), fake[1]), rng=rng, codes=codes)


def test_information_is_shared() -> None:
    check_information(information)


@mutants({f.__name__: f for f in (code_without_gradient, code_of_another_sample, reads_data)})
def test_information_is_shared_rejects(mutant: Any) -> None:
    rejects(check_information, mutant)


# --- semi-supervised -------------------------------------------------------------------------------------------------


def check_semi_supervised(model: Model) -> None:
    found = measure(model)
    assert ("critic.head", "score") in found.edges, "the logits are the score"
    assert ("labelled.y", "supervised") in found.edges and not found.reaches("labelled.y", "score")
    by = {loss: {box.split(".")[0] for name, box in found.moves if name == loss} for loss in found.losses}
    assert by == {"objective": {"critic"}, "supervised": {"critic"}, "feature_matching": {"generator"}}


def test_semi_supervised() -> None:
    check_semi_supervised(models()["semi-supervised GAN"])


def nothing_to_match(critic: Any, real: Batch, fake: Batch, *, rng: torch.Generator) -> Tensor:
    return feature_matching(critic, real, samples(fake).detach(), rng=rng)


class OwnScore(SemiSupervised):
    """A score beside the logits, so that the classes learn nothing from data without labels."""

    def __init__(self, body: nn.Module, *, width: int, classes: int) -> None:
        super().__init__(body, width=width, classes=classes)
        self.source = nn.Linear(width, 1)

    def forward(self, x: Tensor, *unread: Tensor) -> Tensor:
        return self.source(self.body(x)).squeeze(1)


SEMI = {
    "a generator that also plays": {"objective": MINIMAX},
    "features without a gradient": {"generator_terms": (nothing_to_match,)},
    "a score of its own": {"critic": OwnScore(mlp(2, 8, width=8), width=8, classes=4)},
    "labels for nobody": {"penalties": ()},
}


@mutants(SEMI)
def test_semi_supervised_rejects(mutant: dict[str, Any]) -> None:
    rejects(check_semi_supervised, models()["semi-supervised GAN"]._replace(**mutant))


# --- BiGAN -----------------------------------------------------------------------------------------------------------


def check_bidirectional(model: Model) -> None:
    found = measure(model)
    assert {("data.x", "generator.encoder"), ("generator.encoder", "critic.network")} <= found.edges
    assert {("data.x", "critic.network"), ("noise.z", "critic.network")} <= found.edges
    assert {box for loss, box in found.moves if loss == "inversion"} == {"generator.encoder"}


class Unconnected(Bidirectional):
    """Shows the critic data with fresh noise; the encoder is there and plays no part."""

    def complete(self, real: Batch) -> Pair:
        return samples(real), torch.randn(len(samples(real)), self.latent)


class Frozen(Bidirectional):
    def complete(self, real: Batch) -> Pair:
        x, z = super().complete(real)
        return x, z.detach()


class EncodesSamples(Bidirectional):
    """Shows (G(z), E(G(z))): both pairs come from the encoder."""

    def forward(self, z: Tensor) -> Pair:
        return self.network(z), self.encoder(self.network(z))


def bidirectional(kind: type[Bidirectional]) -> Model:
    return models()["BiGAN"]._replace(generator=kind(mlp(2, 2, width=8), mlp(2, 2, width=8), latent=2))


def test_the_encoder_plays() -> None:
    check_bidirectional(models()["BiGAN"])


@mutants({f.__name__: bidirectional(f) for f in (Unconnected, Frozen, EncodesSamples)})
def test_the_encoder_plays_rejects(mutant: Model) -> None:
    rejects(check_bidirectional, mutant)


def test_a_random_encoder_draws_the_same_noise_each_time() -> None:
    encoder = GaussianEncoder(mlp(2, 4, width=8))
    found = measure(models()["BiGAN"]._replace(generator=Bidirectional(mlp(2, 2, width=8), encoder, latent=2)))
    assert found.into("generator.encoder.network") == {"data.x"}


# --- other models, and how much code they are ------------------------------------------------------------------------


def test_adding_a_model_needs_nothing_else() -> None:
    plain = Model("penalised", Generator(mlp(2, 2), latent=2), mlp(2, 1), RING.marginal, penalties=(gradient_penalty,))
    found = measure(plain)
    assert found.networks == ("generator.network", "critic")
    assert {box for loss, box in found.moves if loss == "gradient_penalty"} == {"critic"}
    assert found.into("gradient_penalty") == {"data.x", "generator.network"}, "a slope is no value: no wire from it"


def example(a: int, b: int = 2) -> int:
    """Not code.

    Nor this.
    """
    # nor a comment

    "nor text"
    total = sum(
        (a, b, *[number for number in range(a) if number > 100_000], *[number for number in range(b) if number < 0])
    )
    return total


def test_lines_of_code() -> None:
    assert code_lines(example) == 5  # def, three of the sum, return
    assert code_lines(class_loss) == 4


def test_each_model_adds_few_lines() -> None:
    made_of = {name: pieces(model) for name, model in models().items()}
    for name, mine in made_of.items():
        others = set().union(*(theirs for other, theirs in made_of.items() if other != name))
        assert sum(map(code_lines, mine - others)) <= 40, name
    assert classification in made_of["AC-GAN"] and class_loss in made_of["AC-GAN"] & made_of["semi-supervised GAN"]
    assert inversion in made_of["BiGAN"] and Conditional not in made_of["BiGAN"]


@pytest.mark.parametrize("name", list(models()))
def test_no_network_is_left_over(name: str) -> None:
    """Every network is moved by some loss and lies on a way to one."""
    found = measured(name)
    assert {box for _, box in found.moves} == set(found.networks)
    assert all(any(found.reaches(box, loss) for loss in found.losses) for box in found.networks)
