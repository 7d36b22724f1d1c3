"""The VAE on pictures of three bits, where every sum and integral can be done."""

from __future__ import annotations

import copy
import itertools
import math
from collections.abc import Callable
from functools import partial

import pytest
import torch
from scipy import stats
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits
from torch.testing import assert_close

from genmodels import training
from genmodels.density.base import bits
from genmodels.density.vae import VAE, Before, PixelVAE, active, negative_elbo, networks
from genmodels.density.variational import Belief
from genmodels.training import rng
from mutants import mutants, refusal, rejects

BITS = torch.tensor(list(itertools.product((0.0, 1.0), repeat=3))).double()


def small(kind: type[VAE] = VAE, *, latent: int = 1, seed: int = 0) -> VAE:
    """Three bits, weights large enough that the code matters."""
    with training.isolated(seed):
        encoder, decoder = networks(dim=3, latent=latent, width=4)
        more = (Before(3, units=2),) if issubclass(kind, PixelVAE) else ()
        vae = kind(encoder, decoder, *more, latent=latent).double()
        with torch.no_grad():
            for p in vae.parameters():
                p.copy_(torch.randn(p.shape))
    return vae


def grid(vae: VAE) -> tuple[Tensor, Tensor]:
    """Codes along a line, and the logarithm of the prior's mass at each."""
    z = torch.linspace(-8, 8, 4_001, dtype=torch.float64)[:, None]
    return z, torch.distributions.Normal(0.0, 1.0).log_prob(z[:, 0]) + math.log(z[1, 0] - z[0, 0])


# --- the likelihood given a code -------------------------------------------------------------------------------------

Likelihood = Callable[[VAE, Tensor, Tensor], Tensor]


def check_likelihood(likelihood: Likelihood) -> None:
    """Given any code, the probability of each of the eight pictures, multiplied by hand; they add up to 1."""
    vae = small()
    for z in torch.randn(3, 1, generator=rng(0), dtype=torch.float64):
        given, p = likelihood(vae, BITS, z.expand(8, 1)), vae.decoder(z).sigmoid()
        assert_close(given, torch.where(BITS == 1, p, 1 - p).log().sum(dim=1))
        assert_close(given.exp().sum().item(), 1.0)


def mean_over_pixels(vae: VAE, x: Tensor, z: Tensor) -> Tensor:
    """reduction="mean", the most published of VAE bugs: the divergence weighs as much as all pixels together."""
    return vae.log_likelihood(x, z) / x.shape[-1]


def mean_over_everything(vae: VAE, x: Tensor, z: Tensor) -> Tensor:
    return -binary_cross_entropy_with_logits(vae.logits(z, x), x).expand(len(x))


def squared_error(vae: VAE, x: Tensor, z: Tensor) -> Tensor:
    return -(vae.decode(z) - x).square().sum(dim=-1)


def sigmoid_twice(vae: VAE, x: Tensor, z: Tensor) -> Tensor:
    """Probabilities given to a loss that expects logits: it still adds up to 1."""
    return -binary_cross_entropy_with_logits(vae.decode(z), x, reduction="none").sum(dim=-1)


def flipped(vae: VAE, x: Tensor, z: Tensor) -> Tensor:
    return vae.log_likelihood(1 - x, z)


def code_ignored(vae: VAE, x: Tensor, z: Tensor) -> Tensor:
    return vae.log_likelihood(x, 0 * z)


def test_likelihood() -> None:
    check_likelihood(lambda vae, x, z: vae.log_likelihood(x, z))


LIKELIHOOD_MUTANTS = (
    mean_over_pixels,
    mean_over_everything,
    squared_error,
    sigmoid_twice,
    flipped,
    code_ignored,
)


@mutants({f.__name__: f for f in LIKELIHOOD_MUTANTS})
def test_likelihood_rejects(mutant: Likelihood) -> None:
    rejects(check_likelihood, mutant)


# --- the integral over codes -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("latent", [1, 2])
def test_quadrature_adds_up_to_one(latent: int) -> None:
    vae = small(latent=latent)
    assert_close(vae.quadrature(BITS, half=8.0).exp().sum().item(), 1.0, rtol=0, atol=1e-9)
    assert "too large" in refusal(ValueError, lambda: small(latent=3).quadrature(BITS))


def test_quadrature_is_the_integral() -> None:
    vae = small()
    z, mass = grid(vae)
    each = vae.log_likelihood(BITS, z[:, None].expand(-1, 8, 1)) + mass[:, None]
    assert_close(vae.quadrature(BITS, half=8.0, points=1_000), each.logsumexp(dim=0))


# --- the bound -------------------------------------------------------------------------------------------------------

Elbo = Callable[[VAE, Tensor, torch.Generator], Tensor]


def gap(vae: VAE) -> Tensor:
    """KL(q(z | x) || p(z | x)) for each picture, by quadrature."""
    z, mass = grid(vae)
    log_q = vae.infer(BITS).log_prob(z[:, None]) + math.log(z[1, 0] - z[0, 0])
    posterior = vae.log_likelihood(BITS, z[:, None].expand(-1, 8, 1)) + mass[:, None] - vae.quadrature(BITS, half=8.0)
    return (log_q.exp() * (log_q - posterior)).sum(dim=0)


def check_elbo(elbo: Elbo) -> None:
    """log p(x) minus the divergence of q from the true posterior: within 5 standard errors of 4,000 draws."""
    vae = small()
    with torch.no_grad():
        each = elbo(vae, BITS.repeat(4_000, 1), rng(0)).reshape(4_000, 8)
        error = each.std(dim=0) / 4_000**0.5
        off = each.mean(dim=0) - (vae.quadrature(BITS, half=8.0) - gap(vae))
    assert bool((off.abs() < 5 * error).all()), off


def from_the_prior(vae: VAE, x: Tensor, stream: torch.Generator) -> Tensor:  # E-25
    q = vae.infer(x)
    z = torch.randn(q.mean.shape, generator=stream, dtype=x.dtype)
    return vae.log_likelihood(x, z) - q.kl().sum(dim=1)


def divergence_averaged(vae: VAE, x: Tensor, stream: torch.Generator) -> Tensor:
    """.mean() over the whole (batch, latent) table."""
    fits, kl = vae.terms(x, rng=stream)
    return fits - kl.mean()


def divergence_added(vae: VAE, x: Tensor, stream: torch.Generator) -> Tensor:
    fits, kl = vae.terms(x, rng=stream)
    return fits + kl.sum(dim=1)


def at_the_mean(vae: VAE, x: Tensor, stream: torch.Generator) -> Tensor:
    q = vae.infer(x)
    noise = torch.randn(q.mean.shape, generator=stream, dtype=x.dtype)  # drawn, and not used
    return vae.log_likelihood(x, q.mean + 0 * noise) - q.kl().sum(dim=1) + 1e-9 * noise.sum()


def variance_as_deviation(vae: VAE, x: Tensor, stream: torch.Generator) -> Tensor:
    q = vae.infer(x)
    z = q.mean + q.log_variance.exp() * torch.randn(q.mean.shape, generator=stream, dtype=x.dtype)
    return vae.log_likelihood(x, z) - q.kl().sum(dim=1)


def pixels_averaged(vae: VAE, x: Tensor, stream: torch.Generator) -> Tensor:
    fits, kl = vae.terms(x, rng=stream)
    return fits / x.shape[1] - kl.sum(dim=1)


def test_elbo() -> None:
    check_elbo(lambda vae, x, stream: vae.elbo(x, rng=stream))


ELBO_MUTANTS = (
    from_the_prior,
    divergence_averaged,
    divergence_added,
    at_the_mean,
    variance_as_deviation,
    pixels_averaged,
)


@mutants({f.__name__: f for f in ELBO_MUTANTS})
def test_elbo_rejects(mutant: Elbo) -> None:
    rejects(check_elbo, mutant)


def test_the_loss_is_minus_the_elbo() -> None:
    vae = small(latent=2)
    loss = negative_elbo(vae, BITS, step=0, rng=rng(0))
    assert_close(loss, -vae.elbo(BITS, rng=rng(0)).mean())


Bound = Callable[[VAE, Tensor, int, torch.Generator], Tensor]


def check_bound(bound: Bound) -> None:
    """Two thousand samples come near log p(x); one sample is an ELBO, in the mean."""
    vae = small()
    with torch.no_grad():
        truth = vae.quadrature(BITS, half=8.0)
        near = bound(vae, BITS.repeat(40, 1), 2_000, rng(0)).reshape(40, 8).mean(dim=0)
        fair = gap(vae) < 2  # where q is far off, as many samples are not enough
        assert fair.sum() >= 4 and bool(((near - truth)[fair].abs() < 0.05).all()), near - truth
        few = bound(vae, BITS.repeat(4_000, 1), 1, rng(0)).reshape(4_000, 8)
        assert bool(((few.mean(dim=0) - truth + gap(vae)).abs() < 5 * few.std(dim=0) / 4_000**0.5).all())


def prior_forgotten(vae: VAE, x: Tensor, samples: int, stream: torch.Generator) -> Tensor:
    q = vae.infer(x)
    z = q.reparametrised(torch.randn(samples, *q.mean.shape, generator=stream, dtype=x.dtype))
    return (vae.log_likelihood(x, z) - q.log_prob(z)).logsumexp(dim=0) - math.log(samples)


def not_divided(vae: VAE, x: Tensor, samples: int, stream: torch.Generator) -> Tensor:
    return vae.bound(x, samples=samples, rng=stream) + math.log(samples)


def mean_of_logarithms(vae: VAE, x: Tensor, samples: int, stream: torch.Generator) -> Tensor:
    return vae.elbo(x, samples=samples, rng=stream)


def closed_divergence(vae: VAE, x: Tensor, samples: int, stream: torch.Generator) -> Tensor:
    """The logarithm of the mean of p(x | z) alone, minus the closed KL: neither bound."""
    q = vae.infer(x)
    z = q.reparametrised(torch.randn(samples, *q.mean.shape, generator=stream, dtype=x.dtype))
    return vae.log_likelihood(x, z).logsumexp(dim=0) - math.log(samples) - q.kl().sum(dim=1)


def test_bound() -> None:
    check_bound(lambda vae, x, samples, stream: vae.bound(x, samples=samples, rng=stream))


@mutants({f.__name__: f for f in (prior_forgotten, not_divided, mean_of_logarithms, closed_divergence)})
def test_bound_rejects(mutant: Bound) -> None:
    rejects(check_bound, mutant)


# --- gradients and training ------------------------------------------------------------------------------------------


def check_gradient(elbo: Elbo) -> None:
    """The encoder's mean gradient over 100 times 40 draws against the derivative of the expectation by quadrature."""
    vae = small()
    bias = vae.encoder[-1].bias  # type: ignore[index]
    z, mass = grid(vae)  # standard noise and its mass
    q = vae.infer(BITS)
    fits = vae.log_likelihood(BITS, q.reparametrised(z[:, None].expand(-1, 8, 1)))
    (expected,) = torch.autograd.grad(((mass.exp()[:, None] * fits).sum(dim=0) - q.kl().sum(dim=1)).mean(), bias)
    gradients = []
    for seed in range(100):
        (each,) = torch.autograd.grad(elbo(vae, BITS.repeat(40, 1), rng(seed)).mean(), bias)
        gradients.append(each)
    found = torch.stack(gradients)
    assert bool(((found.mean(dim=0) - expected).abs() < 5 * found.std(dim=0) / 10 + 1e-9).all())


def detached(vae: VAE, x: Tensor, stream: torch.Generator) -> Tensor:
    """A draw without a way back: the encoder learns from the divergence alone."""
    q = vae.infer(x)
    z = q.reparametrised(torch.randn(q.mean.shape, generator=stream, dtype=x.dtype)).detach()
    return vae.log_likelihood(x, z) - q.kl().sum(dim=1)


def test_the_encoder_learns_from_both_terms() -> None:
    check_gradient(lambda vae, x, stream: vae.elbo(x, rng=stream))


@mutants({f.__name__: f for f in (detached, from_the_prior)})
def test_the_encoder_learns_from_both_terms_rejects(mutant: Elbo) -> None:
    rejects(check_gradient, mutant)


def test_fit_trains_a_copy() -> None:
    start = small().float()
    before = {name: p.clone() for name, p in start.state_dict().items()}
    x = BITS[[1, 1, 1, 6, 6, 7]].float()
    seen: list[int] = []
    fitted = start.fit(x, steps=300, batch=16, lr=2e-2, watch=lambda step, model: seen.append(step))
    assert seen == list(range(301)) and type(fitted) is VAE
    for name, p in start.state_dict().items():
        assert torch.equal(p, before[name]), "the start was changed"
    with torch.no_grad():
        assert fitted.quadrature(x).mean() > start.quadrature(x).mean() + 0.3
        assert fitted.quadrature(x).mean() > -1.4  # the frequencies' own entropy is 1.01


Fit = Callable[..., VAE]


def check_seed(fit: Fit) -> None:
    """The seed alone decides, also for a layer that draws by itself; the caller's random stream is left alone."""
    start = small().float()
    start.encoder = nn.Sequential(nn.Dropout(0.5), start.encoder)
    found, untouched = [], []
    for caller, seed in ((0, 3), (1, 3), (1, 4)):
        torch.manual_seed(caller)
        before = torch.get_rng_state()
        found.append(fit(start, BITS.float(), steps=5, seed=seed).encoder[1][0].weight)
        untouched.append(torch.equal(torch.get_rng_state(), before))
    assert torch.equal(found[0], found[1]), "the caller's stream decides"
    assert not torch.equal(found[1], found[2]), "the seed decides nothing"
    assert all(untouched), "the caller's stream was used"


def open_to_the_caller(vae: VAE, x: Tensor, *, steps: int, seed: int) -> VAE:
    """A generator of its own for batches and codes, and dropout from the global stream."""
    model, stream = copy.deepcopy(vae), rng(seed)
    optimizer = torch.optim.Adam(model.parameters())
    for step in range(steps):
        optimizer.zero_grad()
        negative_elbo(model, x, step=step, rng=stream).backward()
        optimizer.step()
    return model


def seeds_the_caller(vae: VAE, x: Tensor, *, steps: int, seed: int) -> VAE:
    """torch.manual_seed inside: it repeats itself, and so does whatever the caller draws next."""
    torch.manual_seed(seed)
    return open_to_the_caller(vae, x, steps=steps, seed=seed)


def one_seed_for_all(vae: VAE, x: Tensor, *, steps: int, seed: int) -> VAE:
    with training.isolated(0):
        return open_to_the_caller(vae, x, steps=steps, seed=0)


def test_the_seed_of_a_fit_decides_alone() -> None:
    check_seed(VAE.fit)


@mutants({f.__name__: f for f in (open_to_the_caller, seeds_the_caller, one_seed_for_all)})
def test_the_seed_of_a_fit_decides_alone_rejects(mutant: Fit) -> None:
    rejects(check_seed, mutant)


def test_variants_of_the_loss() -> None:
    vae = small(latent=2)
    fits, kl = vae.terms(BITS, rng=rng(0))
    fits, kl = fits.mean(), kl.mean(dim=0)
    lost = lambda step=0, **how: negative_elbo(vae, BITS, step=step, rng=rng(0), **how)  # noqa: E731
    assert_close(lost(beta=3.0), -fits + 3 * kl.sum())
    assert_close(lost(step=4, warm=10), -fits + 0.5 * kl.sum())
    assert_close(lost(step=40, warm=10), lost())
    assert_close(lost(free=1.0), -fits + kl.clamp_min(1.0).sum())
    assert_close(lost(free=1e6), -fits + 2e6)
    (slope,) = torch.autograd.grad(partial(lost, free=1e6)(), vae.encoder[-1].bias)  # type: ignore[index]
    (other,) = torch.autograd.grad(-vae.terms(BITS, rng=rng(0))[0].mean(), vae.encoder[-1].bias)  # type: ignore[index]
    assert_close(slope, other)  # free: no gradient of the divergence


# --- samples, and decoders that read ---------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [VAE, PixelVAE])
def test_samples_fall_as_often_as_the_likelihood_says(kind: type[VAE]) -> None:
    vae = small(kind)
    z, mass = grid(vae)
    with torch.no_grad():
        each = vae.log_likelihood(BITS, z[:, None].expand(-1, 8, 1)) + mass[:, None]
        expected = each.exp().sum(dim=0)
    assert_close(expected.sum().item(), 1.0, rtol=0, atol=1e-9)
    drawn = vae.sample((20, 1_000), rng=rng(0))
    assert drawn.shape == (20, 1_000, 3) and not drawn.requires_grad
    counts = torch.bincount((drawn.reshape(-1, 3) @ torch.tensor([4.0, 2.0, 1.0]).double()).long(), minlength=8)
    assert stats.chisquare(counts.numpy(), (expected * 20_000).numpy()).pvalue > 1e-4
    torch.manual_seed(0)
    assert torch.equal(vae.sample((5,), rng=rng(1)), vae.sample((5,), rng=rng(1)))


def check_decoder_runs_once(sample: Callable[..., Tensor]) -> None:
    """The code's share of the logits is the same for every bit: 784 bits do not need 784 decoders."""
    vae, runs = small(PixelVAE), []
    vae.decoder.register_forward_hook(lambda *_: runs.append(1))
    drawn = sample(vae, (9,), rng=rng(0))
    assert drawn.shape == (9, 3) and len(runs) == 1


def decoded_for_each_bit(vae: PixelVAE, shape: tuple[int, ...], *, rng: torch.Generator) -> Tensor:
    with torch.no_grad():
        z = torch.randn(*shape, vae.latent, generator=rng).double()
        x = torch.zeros(*shape, 3, dtype=torch.float64)
        for i in range(3):
            x[..., i] = bits(vae.logits(z, x)[..., i].sigmoid(), rng=rng)
    return x


def test_the_decoder_runs_once_for_all_bits() -> None:
    check_decoder_runs_once(PixelVAE.sample)


@mutants({"decoded for each bit": decoded_for_each_bit})
def test_the_decoder_runs_once_for_all_bits_rejects(mutant: Callable[..., Tensor]) -> None:
    rejects(check_decoder_runs_once, mutant)
    vae = small(PixelVAE)
    assert torch.equal(mutant(vae, (50,), rng=rng(0)), vae.sample((50,), rng=rng(0))), "as slow, and the same bits"


class ReadsItself(Before):
    """The diagonal left open: each bit's logit knows the bit."""

    def __init__(self, dim: int, *, units: int) -> None:
        super().__init__(dim, units=units)
        unit = torch.arange(dim).repeat_interleave(units)
        self.write.copy_((torch.arange(dim)[:, None] >= unit).float())


class ReadsAll(Before):
    """No mask at all."""

    def __init__(self, dim: int, *, units: int) -> None:
        super().__init__(dim, units=units)
        self.write.fill_(1.0)


class ReadsBackwards(Before):
    """The masks transposed in meaning: the bits after, in place of those before."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.flip(-1)).flip(-1)


class ReadsNothing(Before):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(torch.zeros_like(x))


def check_before(kind: type[Before]) -> None:
    """The logit of bit i depends on each bit before it and on no other."""
    with training.isolated(0):
        before = kind(5, units=8).double()
    x = torch.rand(5, generator=rng(0), dtype=torch.float64)
    slopes = torch.autograd.functional.jacobian(before, x)
    assert bool((slopes.triu() == 0).all()), "a bit reads itself or the future"
    assert bool((slopes[*torch.tril_indices(5, 5, -1)] != 0).all()), "a bit does not read all before it"


def test_bits_read_those_before() -> None:
    check_before(Before)


@mutants({f.__name__: f for f in (ReadsItself, ReadsAll, ReadsBackwards, ReadsNothing)})
def test_bits_read_those_before_rejects(mutant: type[Before]) -> None:
    rejects(check_before, mutant)


# --- small things ----------------------------------------------------------------------------------------------------


def test_active_units() -> None:
    codes = torch.randn(500, 4, generator=rng(0)) * torch.tensor([1.0, 0.2, 0.05, 0.0])
    assert int(active(Belief(codes + 3, torch.zeros(500, 4)))) == 2
    assert int(active(Belief(codes, torch.zeros(500, 4)), above=1e-4)) == 3


def test_refusals() -> None:
    vae = small()
    grey = "This VAE".lower()
    assert grey in refusal(ValueError, lambda: vae.infer(BITS / 2)).lower()
    wrong = VAE(nn.Linear(3, 3).double(), nn.Linear(2, 3).double(), latent=2)
    assert "log-variance" in refusal(ValueError, lambda: wrong.infer(BITS))
    assert "empty" in refusal(ValueError, lambda: vae.fit(BITS[:0], steps=1))
    for bound in (vae.elbo, vae.bound):
        assert "samples = 0" in refusal(ValueError, lambda bound=bound: bound(BITS, samples=0, rng=rng(0)))
    assert not hasattr(vae, "log_prob"), "a VAE's density is written down, and not computed"
    reading = small(PixelVAE)
    assert "sample" in refusal(TypeError, lambda: reading.decode(torch.zeros(1, 1).double()))
    assert "bound" in refusal(TypeError, lambda: reading.quadrature(BITS))
