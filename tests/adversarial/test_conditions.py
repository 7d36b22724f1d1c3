"""Conditions: which label meets which sample, what a label does in a network, and what is refused."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

import pytest
import torch
from torch import Tensor, nn
from torch.distributions import MultivariateNormal
from torch.nn.functional import linear
from torch.testing import assert_close

from genmodels import training
from genmodels.adversarial import (
    NON_SATURATING,
    Conditional,
    Generator,
    Joint,
    Labels,
    Projection,
    critic_step,
    game_value,
    generator_step,
    jensen_shannon,
    mlp,
    optimal_critic,
    optimal_value,
    play,
    score,
)
from genmodels.adversarial.classes import class_loss
from genmodels.data import MISSING, Pairs, labelled_ring
from genmodels.data.pairs import checked
from genmodels.training import rng
from mutants import mutants, refusal, rejects

CLASSES = 4


class Echo(nn.Module):
    """Makes the label visible in the sample: (the number of the class, noise); `scale` is there to be moved."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, inputs: Tensor) -> Tensor:
        z, one_hot = inputs.split([1, CLASSES], dim=1)
        return self.scale * torch.cat([one_hot.argmax(dim=1, keepdim=True).float(), z], dim=1)


class Spy(nn.Module):
    """A critic that keeps what it is shown."""

    def __init__(self) -> None:
        super().__init__()
        self.weight, self.seen = nn.Parameter(torch.zeros(2)), list[tuple[Tensor, Tensor]]()

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        self.seen.append((x.detach().clone(), y.clone()))
        return x @ self.weight


class Echoing:
    """Data whose label can be read off the sample, and told from generated ones by the sign."""

    def sample(self, sample_shape: tuple[int, ...], *, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        y = torch.randint(CLASSES, sample_shape, generator=rng)
        return torch.stack([-1.0 - y, torch.randn(sample_shape, generator=rng)], dim=-1), y


# --- trap G14: every sample meets the critic with its own label ------------------------------------------------------

Step = Callable[..., Tensor]
Steps = tuple[Step, Step]


def check_pairing(steps: Steps) -> None:
    """A spy is shown the critic's two batches and the generator's one; each label must be legible in its sample."""
    on_critic, on_generator = steps
    generator = Conditional(Echo(), Labels(CLASSES), latent=1)
    spy, stream = Spy(), rng(0)
    real, z = Echoing().sample((64,), rng=stream), generator.noise(64, rng=stream)
    on_critic(generator, spy, NON_SATURATING, torch.optim.SGD(spy.parameters(), lr=0.0), real, z)
    on_generator(generator, spy, NON_SATURATING, torch.optim.SGD(generator.parameters(), lr=0.0), z)
    (x, y), (fake, asked), (again, asked_again) = spy.seen
    assert torch.equal(x[:, 0], -1.0 - y), "a real sample was shown with a label that is not its own"
    assert torch.equal(fake[:, 0], asked.float()), "a sample was shown to the critic with a label that did not make it"
    assert torch.equal(again[:, 0], asked_again.float()), "the generator was judged by a label that it was not given"
    assert torch.equal(asked, z[1])
    assert torch.equal(y, real[1])


class With(nn.Module):
    """Shows the critic the samples with other labels."""

    def __init__(self, critic: nn.Module, label: Callable[[Tensor, Tensor], Tensor]) -> None:
        super().__init__()
        self.critic, self.label = critic, label

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return self.critic(x, self.label(x, y))


def with_labels(label: Callable[[Tensor, Tensor, Tensor, Tensor], Tensor], *, generator_too: bool = True) -> Steps:
    """Steps in which `label(x, own, of the real batch, asked)` says which labels the critic is shown."""

    def on_critic(generator: Conditional, critic: nn.Module, objective, optimizer, real, z) -> Tensor:  # type: ignore[no-untyped-def]
        on_critic.last = real[1]  # type: ignore[attr-defined]
        shown = With(critic, lambda x, own: label(x, own, real[1], z[1]))
        return critic_step(generator, shown, objective, optimizer, real, z)

    def on_generator(generator: Conditional, critic: nn.Module, objective, optimizer, z) -> Tensor:  # type: ignore[no-untyped-def]
        last = on_critic.last  # type: ignore[attr-defined]
        shown = With(critic, lambda x, own: label(x, own, last, z[1])) if generator_too else critic
        return generator_step(generator, shown, objective, optimizer, z)

    return on_critic, on_generator


def is_fake(x: Tensor) -> bool:
    return bool((x[:, 0] >= 0).all())


MISPAIRED = {
    # confused with labels drawn anew, which are right as long as each sample keeps its own (kozistr/Awesome-GANs, 20)
    "fake judged with the real batch's labels": with_labels(lambda x, own, real, asked: real if is_fake(x) else own),
    # eriklindernoren/Keras-GAN, issue 105: new labels are drawn for the samples, and shown with the data too
    "real judged with the fake's labels": with_labels(lambda x, own, real, asked: own if is_fake(x) else asked),
    "labels shuffled": with_labels(lambda x, own, real, asked: own.roll(1)),
    "only the critic's step is wrong": with_labels(lambda x, own, real, asked: own.roll(1), generator_too=False),
    "one label for all": with_labels(lambda x, own, real, asked: torch.zeros_like(own)),
}


def test_every_sample_meets_the_critic_with_its_own_label() -> None:
    check_pairing((critic_step, generator_step))


@mutants(MISPAIRED)
def test_every_sample_meets_the_critic_with_its_own_label_rejects(mutant: Steps) -> None:
    rejects(check_pairing, mutant)


def test_the_loop_pairs_as_its_steps_do() -> None:
    spy = Spy()
    play(Conditional(Echo(), Labels(CLASSES), latent=1), spy, Echoing(), steps=3, critic_steps=2, batch=32)
    assert len(spy.seen) == 3 * (2 * 2 + 1)
    for x, y in spy.seen:
        real = bool((x[:, 0] < 0).all())
        order = torch.stack([x[y == k, 0].mean() for k in range(CLASSES)])
        assert all(b < a if real else b > a for a, b in pairwise(order.tolist()))


# --- the generator ---------------------------------------------------------------------------------------------------

Given = Callable[..., Tensor]


def check_given(given: Given) -> None:
    """In evaluation mode, without gradients, from the given stream, and what it was asked for."""
    with training.isolated(0):
        network = nn.Sequential(nn.Linear(2 + CLASSES, 8), nn.BatchNorm1d(8), nn.Linear(8, 2))
        generator = Conditional(network, Labels(CLASSES), latent=2)
    y = torch.tensor([3, 0, 0, 2, 1])
    before, state = generator.state_dict(), torch.get_rng_state()
    before = {name: value.clone() for name, value in before.items()}
    x = given(generator, y, rng=rng(1))
    assert not x.requires_grad, "a sample carries a gradient"
    assert generator.training, "the generator was left in evaluation mode"
    assert_close(generator.state_dict(), before)
    assert torch.equal(torch.get_rng_state(), state), "the global stream was used"
    z = torch.randn(5, 2, generator=rng(1))
    generator.eval()
    assert_close(x, generator(z, y)[0].detach())
    generator.train()


def in_training_mode(generator: Conditional, y: Tensor, *, rng: torch.Generator) -> Tensor:  # DualGAN, issue 10
    with torch.no_grad():
        return generator(Generator.noise(generator, len(y), rng=rng), y)[0]


def with_gradient(generator: Conditional, y: Tensor, *, rng: torch.Generator) -> Tensor:
    generator.eval()
    x = generator(Generator.noise(generator, len(y), rng=rng), y)[0]
    generator.train()
    return x


def with_labels_of_its_own(generator: Conditional, y: Tensor, *, rng: torch.Generator) -> Tensor:
    x, _ = generator.sample((len(y),), rng=rng)
    return x


def sorted_by_label(generator: Conditional, y: Tensor, *, rng: torch.Generator) -> Tensor:
    return Conditional.given(generator, y.sort().values, rng=rng)


def test_samples_on_demand() -> None:
    check_given(Conditional.given)


@mutants({f.__name__: f for f in (in_training_mode, with_gradient, with_labels_of_its_own, sorted_by_label)})
def test_samples_on_demand_rejects(mutant: Given) -> None:
    rejects(check_given, mutant)


def test_another_label_is_another_sample() -> None:
    with training.isolated(0):
        generator = Conditional(mlp(2 + CLASSES, 2), Labels(CLASSES), latent=2)
    z = torch.randn(20, 2, generator=rng(0))
    made = torch.stack([generator(z, torch.full((20,), k))[0] for k in range(CLASSES)])
    assert all((a - b).abs().amax(dim=1).min() > 1e-4 for a, b in pairwise(made))


def test_with_one_label_it_is_an_ordinary_generator() -> None:
    with training.isolated(0):
        conditional = Conditional(mlp(2 + 1, 2), Labels(1), latent=2)
        plain = Generator(mlp(2, 2), latent=2)
    first = conditional.network[0]  # type: ignore[index]
    state = conditional.network.state_dict()
    state |= {"0.weight": first.weight[:, :2], "0.bias": first.bias + first.weight[:, 2]}
    plain.network.load_state_dict(state)
    z = torch.randn(30, 2, generator=rng(1))
    x, y = conditional(z, torch.zeros(30, dtype=torch.long))
    assert_close(x, plain(z))
    assert (y == 0).all()


def test_samples_have_any_shape() -> None:
    generator = Conditional(mlp(2 + CLASSES, 3), Labels(CLASSES), latent=2)
    x, y = generator.sample((5, 7), rng=rng(0))
    assert (x.shape, y.shape) == ((5, 7, 3), (5, 7))


# --- labels ----------------------------------------------------------------------------------------------------------


def check_frequencies(sample: Callable[..., Tensor]) -> None:
    """20,000 labels: every frequency within five standard errors of its prior, and neighbours are independent."""
    prior = torch.tensor([0.5, 0.0, 0.3, 0.2])
    for labels, expected in ((Labels(4), torch.full((4,), 0.25)), (Labels(4, prior=prior), prior)):
        drawn = sample(labels, (200, 100), rng=rng(0))
        assert drawn.shape == (200, 100)
        found = drawn.flatten().bincount(minlength=4) / 20_000
        assert len(found) == 4
        assert ((found - expected).abs() <= 5 * (expected * (1 - expected) / 20_000).sqrt()).all()
        alike = (drawn.flatten()[1:] == drawn.flatten()[:-1]).double().mean().item()
        assert abs(alike - expected.square().sum().item()) < 0.02, "a label depends on the one before"


def uniform_whatever_the_prior(labels: Labels, sample_shape: tuple[int, ...], *, rng: torch.Generator) -> Tensor:
    return torch.randint(labels.classes, sample_shape, generator=rng)


def without_the_last_class(labels: Labels, sample_shape: tuple[int, ...], *, rng: torch.Generator) -> Tensor:
    return torch.randint(labels.classes - 1, sample_shape, generator=rng)


def counted_from_one(labels: Labels, sample_shape: tuple[int, ...], *, rng: torch.Generator) -> Tensor:
    return Labels.sample(labels, sample_shape, rng=rng) + 1


def one_after_the_other(labels: Labels, sample_shape: tuple[int, ...], *, rng: torch.Generator) -> Tensor:
    return Labels.sample(labels, sample_shape, rng=rng).flatten().sort().values.reshape(sample_shape)


def test_labels_are_drawn_from_their_prior() -> None:
    check_frequencies(Labels.sample)


@mutants(
    {f.__name__: f for f in (uniform_whatever_the_prior, without_the_last_class, counted_from_one, one_after_the_other)}
)
def test_labels_are_drawn_from_their_prior_rejects(mutant: Callable[..., Tensor]) -> None:
    rejects(check_frequencies, mutant)


def test_a_one_hot_label_in_a_linear_layer_is_an_embedding() -> None:
    with training.isolated(0):
        layer = nn.Linear(3 + CLASSES, 5)
    x, y = torch.randn(40, 3, generator=rng(0)), torch.randint(CLASSES, (40,), generator=rng(1))
    joined = layer(torch.cat([x, Labels(CLASSES)(y)], dim=1))
    assert_close(joined, linear(x, layer.weight[:, :3], layer.bias) + layer.weight[:, 3:].T[y])


@pytest.mark.parametrize("labels", [Labels(3), Labels(3, width=2)], ids=["one-hot", "embedded"])
@pytest.mark.parametrize(
    ("y", "says"),
    [
        (torch.tensor([0, 3]), "label 3 is none of the 3 classes 0..2"),
        (torch.tensor([-2, 1]), "label -2 is none of the 3 classes"),
        (torch.tensor([1, MISSING]), "missing label: leave such rows out"),
    ],
)
def test_what_is_no_label_is_refused(labels: Labels, y: Tensor, says: str) -> None:
    assert says in refusal(ValueError, lambda: labels(y))
    generator = Conditional(mlp(2 + labels.width, 2), labels, latent=2)
    assert says in refusal(ValueError, lambda: generator.given(y, rng=rng(0)))
    critic = Joint(mlp(2 + labels.width, 1), labels)
    assert says in refusal(ValueError, lambda: critic(torch.zeros(2, 2), y))


@pytest.mark.parametrize("y", [torch.tensor([1.0, 2.0]), torch.tensor([True, False])])
def test_labels_are_whole_numbers(y: Tensor) -> None:
    assert "labels must be whole numbers, not" in refusal(ValueError, lambda: checked(y, classes=3))


@pytest.mark.parametrize("prior", [[0.5, 0.5], [0.5, 0.6, 0.1], [1.5, -0.5, 0.0], [math.nan, 0.5, 0.5]])
def test_what_is_no_prior_is_refused(prior: list[float]) -> None:
    assert "3 masses that sum to 1" in refusal(ValueError, lambda: Labels(3, prior=torch.tensor(prior)))


def test_data_with_missing_labels_are_refused_by_the_game_and_played_without_them() -> None:
    x, y = torch.randn(20, 2, generator=rng(0)), torch.arange(20).remainder(2)
    y[::5] = MISSING
    pairs = Pairs(x, y)
    generator, critic = Conditional(mlp(4, 2), Labels(2), latent=2), Joint(mlp(4, 1), Labels(2))
    assert "missing" in refusal(ValueError, lambda: play(generator, critic, pairs, steps=2, batch=32))
    assert play(generator, critic, pairs.known, steps=2, batch=32).losses.isfinite().all()


# --- critics of pairs ------------------------------------------------------------------------------------------------


class WithOne(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x, torch.ones(len(x), 1)], dim=1)


def gaussian_critic(kind: type[Projection]) -> tuple[Projection, Callable[[Tensor, Tensor], Tensor]]:
    """The best critic of two families of Gaussians with one covariance, and the log-ratio that it must equal."""
    mu, nu = torch.randn(2, CLASSES, 2, generator=rng(0))
    sigma = torch.tensor([[1.0, 0.6], [0.6, 0.8]])
    inverse = torch.linalg.inv(sigma)
    offset = [(b @ inverse @ b - a @ inverse @ a) / 2 for a, b in zip(mu, nu, strict=True)]
    critic = kind(WithOne(), width=3, classes=CLASSES)
    assert critic.direction.table is not None
    critic.direction.table.weight.data = torch.cat([(mu - nu) @ inverse, torch.stack(offset)[:, None]], dim=1)
    for parameter in critic.rest.parameters():
        parameter.data.zero_()

    def ratio(x: Tensor, y: Tensor) -> Tensor:
        return MultivariateNormal(mu[y], sigma).log_prob(x) - MultivariateNormal(nu[y], sigma).log_prob(x)

    return critic, ratio


def check_projection(kind: type[Projection]) -> None:
    critic, ratio = gaussian_critic(kind)
    x, y = torch.randn(60, 2, generator=rng(1)), torch.randint(CLASSES, (60,), generator=rng(2))
    assert_close(score(critic, (x, y)), ratio(x, y), rtol=1e-4, atol=1e-4)
    critic.rest.weight.data.copy_(torch.tensor([[1.0, -2.0, 0.5]]))  # and psi is added, once
    critic.rest.bias.data.fill_(3.0)
    assert_close(score(critic, (x, y)), ratio(x, y) + x @ torch.tensor([1.0, -2.0]) + 3.5, rtol=1e-4, atol=1e-4)


class Every(Projection):  # a matrix product where row by row was meant
    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        h = self.body(x)
        return self.rest(h).squeeze(1) + (h @ self.direction(y).T).sum(dim=1)


class WithoutPsi(Projection):
    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return (self.direction(y) * self.body(x)).sum(dim=1)


class Averaged(Projection):
    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        h = self.body(x)
        return self.rest(h).squeeze(1) + (self.direction(y) * h).mean(dim=1)


class Deaf(Projection):
    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return super().forward(x, torch.zeros_like(y))


def test_projection_is_the_best_critic_of_gaussians() -> None:
    check_projection(Projection)


@mutants({f.__name__: f for f in (Every, WithoutPsi, Averaged, Deaf)})
def test_projection_is_the_best_critic_of_gaussians_rejects(mutant: type[Projection]) -> None:
    rejects(check_projection, mutant)


CRITICS: dict[str, Callable[[], nn.Module]] = {
    "concatenation": lambda: Joint(mlp(2 + CLASSES, 1), Labels(CLASSES)),
    "embedding": lambda: Joint(mlp(2 + 3, 1), Labels(CLASSES, width=3)),
    "projection": lambda: Projection(mlp(2, 8), width=8, classes=CLASSES),
    "body": lambda: Joint(mlp(5 + CLASSES, 1), Labels(CLASSES), body=nn.Linear(2, 5)),
}


@pytest.mark.parametrize("kind", CRITICS)
def test_a_critic_reads_sample_and_label(kind: str) -> None:
    with training.isolated(0):
        critic = CRITICS[kind]()
    x, y = torch.randn(30, 2, generator=rng(0)), torch.randint(CLASSES, (30,), generator=rng(1))
    scores = score(critic, (x, y))
    assert (scores - score(critic, (x, (y + 1) % CLASSES))).abs().min() > 1e-6
    assert (scores - score(critic, (x + 1, y))).abs().min() > 1e-6
    order = torch.randperm(30, generator=rng(2))
    assert_close(score(critic, (x[order], y[order])), scores[order])


def per_class(critic: nn.Module) -> Tensor:
    """What the critic keeps for each class: a row per class."""
    labels = critic.direction if isinstance(critic, Projection) else critic.condition
    assert isinstance(labels, Labels)
    return labels.table.weight if labels.table is not None else critic.network[0].weight[:, -CLASSES:].T  # type: ignore[index,union-attr]


def check_one_class(make: Callable[[], nn.Module]) -> None:
    """A step on a batch of one class leaves what belongs to the other classes as it is."""
    only_one = Labels(CLASSES, prior=torch.tensor([0.0, 1.0, 0.0, 0.0]))
    with training.isolated(0):
        critic, generator = make(), Conditional(mlp(2 + CLASSES, 2), only_one, latent=2)
    before = per_class(critic).detach().clone()
    real = labelled_ring().given(1).sample((16,), rng=rng(0)), torch.ones(16, dtype=torch.long)
    sgd = torch.optim.SGD(critic.parameters(), lr=0.1)
    assert critic_step(generator, critic, NON_SATURATING, sgd, real, generator.noise(16, rng=rng(1))).isfinite()
    moved = (per_class(critic).detach() - before).abs().sum(dim=1)
    assert len(moved) == CLASSES
    assert moved[1] > 0, "the batch's own class did not move"
    assert moved[[0, 2, 3]].sum() == 0, "a class that is not in the batch moved"


class Smoothed(Labels):  # a little of every label
    def forward(self, y: Tensor) -> Tensor:
        return 0.9 * super().forward(y) + 0.1 / self.classes


class Centred(Labels):  # every class's vector contains all others
    def forward(self, y: Tensor) -> Tensor:
        assert self.table is not None
        return super().forward(y) - self.table.weight.mean(dim=0)


class OfTheFirst(Labels):  # one vector for the batch, whatever is in it
    def forward(self, y: Tensor) -> Tensor:
        return super().forward(torch.zeros_like(y))


def projection_with(labels: Labels) -> Projection:
    critic = Projection(mlp(2, 8), width=8, classes=CLASSES)
    critic.direction = labels
    return critic


@pytest.mark.parametrize("kind", CRITICS)
def test_a_batch_of_one_class_moves_that_class_alone(kind: str) -> None:
    check_one_class(CRITICS[kind])


@mutants(
    {
        "smoothed labels": lambda: Joint(mlp(2 + CLASSES, 1), Smoothed(CLASSES)),
        "centred embedding": lambda: Joint(mlp(2 + 3, 1), Centred(CLASSES, width=3)),
        "centred projection": lambda: projection_with(Centred(CLASSES, width=8)),
        "the first class for all": lambda: projection_with(OfTheFirst(CLASSES, width=8)),
    }
)
def test_a_batch_of_one_class_moves_that_class_alone_rejects(mutant: Callable[[], nn.Module]) -> None:
    rejects(check_one_class, mutant)


# --- what the game about pairs measures ------------------------------------------------------------------------------


def tables(seed: int, *, labels: int = 3, outcomes: int = 4) -> tuple[Tensor, Tensor]:
    """p(y) and p(x | y), random."""
    draws = 2 * torch.randn(labels, outcomes + 1, generator=rng(seed), dtype=torch.float64)
    return draws[:, 0].softmax(dim=0), draws[:, 1:].softmax(dim=1)


def test_the_value_is_the_divergence_of_the_joints_and_averages_over_labels() -> None:
    p_y, p = tables(0)
    _, q = tables(1)
    joint, model = (p_y[:, None] * p).flatten(), (p_y[:, None] * q).flatten()
    best = game_value(optimal_critic(joint, model), joint, model)
    each = torch.stack([jensen_shannon(a, b) for a, b in zip(p, q, strict=True)])
    assert_close(best, 2 * (p_y * each).sum() - math.log(4))


def test_wrong_frequencies_cost_what_labels_alone_give_away_and_move_nothing() -> None:
    p_y, p = tables(0)
    q_y, _ = tables(1)
    logits = p.log().requires_grad_()
    joint, model = (p_y[:, None] * p).flatten(), (q_y[:, None] * logits.softmax(dim=1)).flatten()
    assert_close(optimal_value(joint, model), optimal_value(p_y, q_y))
    loss = (model * torch.log(1 - optimal_critic(joint, model).detach())).sum()
    (gradient,) = torch.autograd.grad(loss, logits)
    assert_close(gradient, torch.zeros_like(gradient), rtol=0, atol=1e-12)


def test_labels_of_class_losses_are_held_to_the_same_rules() -> None:
    assert "label 3 is none of the 3" in refusal(ValueError, lambda: class_loss(torch.zeros(1, 3), torch.tensor([3])))
