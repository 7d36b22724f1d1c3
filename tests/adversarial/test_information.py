"""The bound of InfoGAN: below the information that enumeration finds, equal at the posterior; and whom it teaches."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from functools import partial
from itertools import product
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import log_softmax, one_hot
from torch.testing import assert_close

from genmodels import data, training
from genmodels.adversarial import (
    Auxiliary,
    Codes,
    Conditional,
    adam,
    fitted,
    information,
    information_bound,
    mlp,
    play,
)
from genmodels.metrics import mutual_information
from mutants import mutants, refusal, rejects

Bound = Callable[[Codes, Tensor, Tensor], tuple[Tensor, Tensor]]

# --- the category: a world small enough to enumerate -----------------------------------------------------------------

CATEGORIES, NOISES, OUTCOMES = 4, 6, 5
CODES = Codes(CATEGORIES)


def world(seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """A generator as a table x(c, z): all (c, z), each as probable as the others; which x; and p(c, x)."""
    x = torch.randint(OUTCOMES, (CATEGORIES, NOISES), generator=training.rng(seed))
    c = torch.arange(CATEGORIES).repeat_interleave(NOISES)
    joint = torch.zeros(CATEGORIES, OUTCOMES, dtype=torch.float64)
    joint.index_put_((c, x.flatten()), torch.tensor(1 / (CATEGORIES * NOISES), dtype=torch.float64), accumulate=True)
    return one_hot(c, CATEGORIES).double(), x.flatten(), joint


def check_bound(bound: Bound) -> None:
    """L_I = I - E KL(posterior || Q), for any Q; logits may have any offset. The rows come in any order."""
    for seed in range(8):
        c, x, joint = world(seed)
        posterior = joint / joint.sum(dim=0)
        exact = mutual_information(joint)
        assert_close(bound(CODES, (posterior + 1e-300).log()[:, x].T + 5, c)[0].item(), exact, rtol=0, atol=1e-9)
        logits = torch.randn(OUTCOMES, CATEGORIES, generator=training.rng(seed + 100), dtype=torch.float64)
        log_q = log_softmax(logits, dim=1).T
        gap = (joint * ((posterior + 1e-300).log() - log_q)).sum()
        value = bound(CODES, logits[x], c)[0].item()
        assert value <= exact + 1e-9
        assert_close(value, exact - gap.item(), rtol=0, atol=1e-9)


def softmax_first(codes: Codes, inferred: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    """eriklindernoren/PyTorch-GAN, infogan: nn.Softmax() and then CrossEntropyLoss."""
    return information_bound(codes, inferred.softmax(dim=1), c)


def log_of_log(codes: Codes, inferred: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    """The logits taken for log-probabilities."""
    value = (inferred * c).sum(dim=1).mean() + codes.entropy[0]
    return value, value * 0


def without_entropy(codes: Codes, inferred: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    kinds, rest = information_bound(codes, inferred, c)
    return kinds - codes.entropy[0], rest


def sign(codes: Codes, inferred: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    kinds, rest = information_bound(codes, inferred, c)
    return -kinds, rest


def in_bits(codes: Codes, inferred: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    kinds, rest = information_bound(codes, inferred, c)
    return kinds / math.log(2), rest


def summed_over_rows(codes: Codes, inferred: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    kinds, rest = codes.log_q(inferred, c)
    return kinds.sum() + codes.entropy[0], rest.sum()


def over_all_entries(codes: Codes, inferred: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    """The mean over rows and categories: too small by the number of categories."""
    kinds = (log_softmax(inferred, dim=1) * c).mean() + codes.entropy[0]
    return kinds, 0 * kinds


def over_rows(codes: Codes, inferred: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    """Softmax over dimension 0, the batch."""
    kinds = (log_softmax(inferred, dim=0) * c).sum(dim=1).mean() + codes.entropy[0]
    return kinds, 0 * kinds


def next_row(codes: Codes, inferred: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    """A code drawn again, not the one that made the sample."""
    return information_bound(codes, inferred, c.roll(7, dims=0))


def confidence(codes: Codes, inferred: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    """E max log Q: how sure Q is, whether or not it is right."""
    kinds = log_softmax(inferred, dim=1).amax(dim=1).mean() + codes.entropy[0]
    return kinds, 0 * kinds


def from_frequencies(codes: Codes, inferred: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    """H of Q's own mean belief, where H(c) belongs: the bound is then one on nothing."""
    q = inferred.softmax(dim=1).mean(dim=0)
    kinds = (log_softmax(inferred, dim=1) * c).sum(dim=1).mean() - torch.xlogy(q, q).sum()
    return kinds, 0 * kinds


BOUND_MUTANTS = {
    f.__name__: f
    for f in (
        softmax_first,
        log_of_log,
        without_entropy,
        sign,
        in_bits,
        summed_over_rows,
        over_all_entries,
        over_rows,
        next_row,
        confidence,
        from_frequencies,
    )
}


def test_the_bound_falls_short_by_a_divergence() -> None:
    check_bound(information_bound)


@mutants(BOUND_MUTANTS)
def test_the_bound_falls_short_by_a_divergence_rejects(mutant: Bound) -> None:
    rejects(check_bound, mutant)


def test_at_most_the_entropy_and_minus_nothing_is_known() -> None:
    codes = Codes(10)
    c = one_hot(torch.arange(10), 10).double()
    assert_close(information_bound(codes, 100 * c, c)[0].item(), math.log(10))
    assert_close(information_bound(codes, 0 * c, c)[0].item(), 0.0)
    softmaxed = information_bound(codes, (100 * c).softmax(dim=1), c)[0].item()
    assert_close(softmaxed, math.log(10) - 1.4611501717344748)  # what a softmax too many leaves of 2.303


# --- continuous codes ------------------------------------------------------------------------------------------------


def check_gaussian(bound: Bound) -> None:
    """A row by hand, the ceiling log 2 - log(std) - log(2 pi) / 2 per code, and the sum over codes."""
    for std, count in product((0.1, 1.0, 2.0), (1, 2)):
        codes = Codes(1, continuous=count, std=std)
        c = torch.cat([torch.ones(6, 1), 2 * torch.rand(6, count, generator=training.rng(0)) - 1], dim=1).double()
        ceiling = count * (math.log(2) - math.log(std) - 0.5 * math.log(2 * math.pi))
        assert_close(bound(codes, c, c)[1].item(), ceiling)
        off = torch.cat([torch.ones(6, 1), torch.full((6, count), 0.25)], dim=1).double()
        assert_close(bound(codes, c + off, c)[1].item(), ceiling - count * 0.25**2 / (2 * std**2))


def gaussian_entropy(codes: Codes, inferred: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    """openai/InfoGAN, distributions.py: -log of the standard normal density at c, where H(c) = log 2 belongs."""
    kinds, rest = information_bound(codes, inferred, c)
    cross = -torch.distributions.Normal(0.0, 1.0).log_prob(c[:, codes.categories :]).sum(dim=1).mean()
    return kinds, rest - codes.entropy[1] + cross


def unnormalised(codes: Codes, inferred: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    """A mean squared error called a likelihood: its value is no number of nats."""
    kinds, _ = information_bound(codes, inferred, c)
    return kinds, -(inferred - c)[:, codes.categories :].square().mean()


def std_for_variance(codes: Codes, inferred: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    """chainer's gaussian_nll takes a log-variance, torch's Normal a standard deviation."""
    wrong = Codes(codes.categories, continuous=codes.continuous, std=codes.std**0.5)
    return information_bound(wrong, inferred, c)


def mean_over_codes(codes: Codes, inferred: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    kinds, rest = information_bound(codes, inferred, c)
    return kinds, (rest - codes.entropy[1]) / codes.continuous + codes.entropy[1]


@mutants({f.__name__: f for f in (gaussian_entropy, unnormalised, std_for_variance, mean_over_codes)})
def test_gaussian_bound_rejects(mutant: Bound) -> None:
    rejects(check_gaussian, mutant)


def test_gaussian_bound() -> None:
    check_gaussian(information_bound)


def check_fitted(fit: Callable[[Codes, Tensor, Tensor], Codes]) -> None:
    """No other std gives a larger bound on the same rows."""
    codes = Codes(3, continuous=2)
    c = codes.sample((200,), rng=training.rng(1)).double()
    read = c + torch.randn(200, 5, generator=training.rng(2)) * torch.tensor([9.0, 9, 9, 0.1, 0.3])
    best = information_bound(fit(codes, read, c), read, c)[1]
    for factor in (0.7, 0.95, 1.05, 1.4):
        std = fit(codes, read, c).std * factor
        assert best > information_bound(Codes(3, continuous=2, std=std), read, c)[1]


def test_fitted() -> None:
    check_fitted(fitted)


@mutants(
    {
        "categories as well": lambda codes, read, c: Codes(
            3, continuous=2, std=(read - c).square().mean().sqrt().item()
        ),
        "a variance": lambda codes, read, c: Codes(3, continuous=2, std=fitted(codes, read, c).std ** 2),
        "mean absolute error": lambda codes, read, c: Codes(3, continuous=2, std=(read - c)[:, 3:].abs().mean().item()),
        "as it was": lambda codes, read, c: codes,
    }
)
def test_fitted_rejects(mutant: Callable[[Codes, Tensor, Tensor], Codes]) -> None:
    rejects(check_fitted, mutant)


def test_nothing_to_fit() -> None:
    codes = Codes(3)
    assert fitted(codes, torch.randn(5, 3), codes.sample((5,), rng=training.rng(0))) is codes
    c = Codes(3, continuous=1).sample((5,), rng=training.rng(0))
    assert "error on these rows is 0" in refusal(ValueError, lambda: fitted(Codes(3, continuous=1), c, c))


def test_std_is_a_weight() -> None:
    """A std of 1/2 at weight 1/4 has the gradient of std 1 at weight 1."""
    c = torch.cat([torch.ones(8, 1), 2 * torch.rand(8, 2, generator=training.rng(0)) - 1], dim=1)
    read = torch.randn(8, 3, generator=training.rng(1)).requires_grad_()
    slopes = [
        weight * torch.autograd.grad(information_bound(Codes(1, continuous=2, std=std), read, c)[1], read)[0]
        for weight, std in ((1, 1.0), (0.25, 0.5))
    ]
    assert_close(*slopes)


# --- codes -----------------------------------------------------------------------------------------------------------


def check_codes(sample: Callable[..., Tensor]) -> None:
    codes = Codes(3, continuous=2)
    c = sample(codes, (3_000,), rng=training.rng(0))
    kinds, rest = c.split((3, 2), dim=1)
    assert c.shape == (3_000, 5)
    assert torch.equal(kinds.sum(dim=1), torch.ones(3_000))
    assert set(kinds.unique().tolist()) == {0.0, 1.0}
    assert (kinds.mean(dim=0) - 1 / 3).abs().max() < 0.05
    assert rest.abs().max() <= 1
    assert (rest.abs() > 0.9).double().mean() > 0.05
    assert_close(rest.square().mean().item(), 1 / 3, rtol=0, atol=0.02)
    assert rest.mean(dim=0).abs().max() < 0.05
    assert torch.corrcoef(c.T[3:])[0, 1].abs() < 0.1
    assert torch.equal(c, sample(codes, (3_000,), rng=training.rng(0)))


def positive_only(codes: Codes, shape: Any, *, rng: torch.Generator) -> Tensor:
    c = codes.sample(shape, rng=rng)
    return torch.cat([c[:, :3], (c[:, 3:] + 1) / 2], dim=1)


def normal(codes: Codes, shape: Any, *, rng: torch.Generator) -> Tensor:
    c = codes.sample(shape, rng=rng)
    return torch.cat([c[:, :3], torch.randn(*shape, 2, generator=rng)], dim=1)


def twice_the_same(codes: Codes, shape: Any, *, rng: torch.Generator) -> Tensor:
    c = codes.sample(shape, rng=rng)
    return torch.cat([c[:, :4], c[:, 3:4]], dim=1)


def global_stream(codes: Codes, shape: Any, *, rng: torch.Generator) -> Tensor:
    return codes.sample(shape, rng=torch.default_generator)


@mutants({f.__name__: f for f in (positive_only, normal, twice_the_same, global_stream)})
def test_codes_rejects(mutant: Callable[..., Tensor]) -> None:
    rejects(check_codes, mutant)


def test_codes() -> None:
    check_codes(Codes.sample)


def test_entropies() -> None:
    codes = Codes(10, continuous=2)
    assert_close(codes.entropy, (math.log(10), 2 * math.log(2)))


def test_bad_input_gets_a_sentence() -> None:
    for bad in (
        {"categories": 0},
        {"categories": 3, "continuous": -1},
        *({"categories": 3, "std": std} for std in (0.0, -1.0, math.nan, math.inf)),
    ):
        assert "at least one category" in refusal(ValueError, lambda bad=bad: Codes(**bad))
    codes = Codes(3, continuous=1)
    c = codes.sample((5,), rng=training.rng(0))
    for wide in (3, 5):
        assert "outputs=codes.width" in refusal(
            ValueError, lambda wide=wide: information_bound(codes, torch.zeros(5, wide), c)
        )


# --- whom it teaches -------------------------------------------------------------------------------------------------

LEARNED = Codes(3, continuous=1)


def players(seed: int = 0) -> tuple[Conditional, Auxiliary]:
    with training.isolated(seed):
        generator = Conditional(mlp(2 + LEARNED.width, 2, width=32), LEARNED, latent=2)
        body = nn.Sequential(nn.Linear(2, 32), nn.LeakyReLU(0.2))
        return generator, Auxiliary(body, width=32, outputs=LEARNED.width)


def check_term(term: Any) -> None:
    """A step of either player along its own gradient, with the other held still, raises the bound on the same rows."""
    for teach in ("generator", "critic"):
        generator, critic = players()
        noise = generator.noise(256, rng=training.rng(3))
        real = torch.randn(256, 2, generator=training.rng(4))

        def bound(generator: Conditional = generator, critic: Auxiliary = critic, noise: Any = noise) -> float:
            with torch.no_grad():
                x, c = generator(*noise)
                return sum(part.item() for part in information_bound(LEARNED, critic.infer(x), c))

        before = bound()
        charged = term(critic, real, generator(*noise), rng=training.rng(5), codes=LEARNED)
        assert charged.requires_grad, "the graph was dropped: nobody can learn from this number"
        assert_close(charged.item(), -before, rtol=1e-4, atol=1e-5)
        learner = generator if teach == "generator" else critic
        parameters = [p for name, p in learner.named_parameters() if not name.startswith("source")]
        slopes = torch.autograd.grad(charged, parameters, allow_unused=True)
        assert all(g is not None and g.abs().max() > 0 for g in slopes), f"a part of the {teach} learns nothing"
        with torch.no_grad():
            for p, g in zip(parameters, slopes, strict=True):
                p -= 1e-2 * g
        assert bound() > before


def dropped_graph(critic: Any, real: Any, fake: Any, *, rng: Any, codes: Codes) -> Tensor:
    """torchgan, mutual_information_penalty: a new tensor made from the numbers of the old ones."""
    x, c = fake
    bound = information_bound(codes, critic.infer(x), c)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # newer versions of torch suspect what older ones did in silence
        return -torch.Tensor([*bound]).sum()


def of_detached_samples(critic: Any, real: Any, fake: Any, *, rng: Any, codes: Codes) -> Tensor:
    """The generator is not charged, whoever is told."""
    x, c = fake
    return information(critic, real, (x.detach(), c), rng=rng, codes=codes)


def frozen_body(critic: Any, real: Any, fake: Any, *, rng: Any, codes: Codes) -> Tensor:
    """A head on features that it may not change."""
    x, c = fake
    head = critic.head(critic.body(x.detach()).detach() + 0 * critic.body(x))
    return -sum(information_bound(codes, head, c), torch.zeros(()))


def no_continuous(critic: Any, real: Any, fake: Any, *, rng: Any, codes: Codes) -> Tensor:
    x, c = fake
    return -information_bound(codes, critic.infer(x), c)[0]


def wrong_sign(critic: Any, real: Any, fake: Any, *, rng: Any, codes: Codes) -> Tensor:
    return -information(critic, real, fake, rng=rng, codes=codes)


def of_real_rows(critic: Any, real: Any, fake: Any, *, rng: Any, codes: Codes) -> Tensor:
    """Data have no code; these are those of the samples."""
    x, c = fake
    return information(critic, real, (real + 0 * x, c), rng=rng, codes=codes)


def rolled(critic: Any, real: Any, fake: Any, *, rng: Any, codes: Codes) -> Tensor:
    x, c = fake
    return information(critic, real, (x, c.roll(1, dims=0)), rng=rng, codes=codes)


TERM_MUTANTS = {
    f.__name__: f
    for f in (dropped_graph, of_detached_samples, frozen_body, no_continuous, wrong_sign, of_real_rows, rolled)
}


def test_both_players_learn_from_the_term() -> None:
    check_term(information)


@mutants(TERM_MUTANTS)
def test_both_players_learn_from_the_term_rejects(mutant: Any) -> None:
    rejects(check_term, mutant)


def test_weight_multiplies() -> None:
    generator, critic = players()
    fake = generator(*generator.noise(16, rng=training.rng(0)))
    one, third = (
        information(critic, fake[0], fake, rng=training.rng(0), codes=LEARNED, weight=w) for w in (1.0, 1 / 3)
    )
    assert_close(third, one / 3)


def test_the_game_raises_the_bound_where_its_generator_is_charged() -> None:
    ring, term = data.ring(modes=3), partial(information, codes=LEARNED)
    bounds = {}
    for name, charged in {"charged": [term], "not charged": []}.items():
        generator, critic = players(seed=1)
        play(generator, critic, ring, steps=400, batch=64, penalties=[term], generator_terms=charged, optimizer=adam())
        with training.evaluating(generator, critic):
            x, c = generator(*generator.noise(2_000, rng=training.rng(2)))
            bounds[name] = information_bound(LEARNED, critic.infer(x), c)[0].item()
    assert bounds["charged"] > 0.9 * math.log(3)
    assert bounds["not charged"] < 0.6 * math.log(3)


@pytest.mark.parametrize("charged", [False, True])
def test_a_dropped_graph_plays_the_game_without_the_term(charged: bool) -> None:
    """Bit for bit: the number is printed, summed, and teaches nobody."""
    term = partial(dropped_graph, codes=LEARNED)
    weights = []
    for terms in ([], [term]):
        generator, critic = players()
        penalties, both = (terms, terms) if charged else (terms, [])
        play(generator, critic, data.ring(), steps=5, batch=32, penalties=penalties, generator_terms=both)
        weights.append([*generator.state_dict().values(), *critic.state_dict().values()])
    assert all(torch.equal(a, b) for a, b in zip(*weights, strict=True))
