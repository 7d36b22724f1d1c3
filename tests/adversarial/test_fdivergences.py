"""f-divergences: each row of the table against its definition, and the printed formulas against the functions."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal, localcontext
from typing import Any

import pytest
import torch
from scipy.optimize import minimize_scalar
from torch import Tensor
from torch.testing import assert_close

from genmodels.adversarial.divergences import jensen_shannon, kl
from genmodels.adversarial.fdivergences import (
    F_DIVERGENCES,
    GAN,
    HELLINGER,
    JENSEN_SHANNON,
    KL,
    LOG2,
    NEYMAN,
    PEARSON,
    REVERSE_KL,
    FDivergence,
)
from genmodels.adversarial.formulas import evaluate
from genmodels.adversarial.objectives import MINIMAX, NON_SATURATING
from mutants import mutants, refusal, rejects

F64 = torch.float64
RATIOS = torch.logspace(-4, 4, 81, dtype=F64)
rows = pytest.mark.parametrize("row", F_DIVERGENCES, ids=lambda row: row.name)


def scalar(x: float) -> Tensor:
    return torch.tensor(x, dtype=F64)


# --- the conjugate is the largest ut - f(u) --------------------------------------------------------------------------


def check_conjugate(row: FDivergence) -> None:
    """At 20 points of its domain, by a search over u = e^w that knows nothing of the closed form."""
    top = row.supremum if math.isfinite(row.supremum) else 3.0
    for t in torch.linspace(-1.9, top - 0.05, 20, dtype=F64):
        found = minimize_scalar(
            lambda w, t=t: row.f(scalar(w).exp()).item() - t.item() * math.exp(w),
            bounds=(-20, 12),
            method="bounded",
            options={"xatol": 1e-9},
        )
        assert_close(row.conjugate(t).item(), -found.fun, rtol=1e-6, atol=1e-6)
    if math.isfinite(row.supremum):
        outside = row.conjugate(torch.tensor([row.supremum + 1e-6, row.supremum + 10], dtype=F64))
        assert (outside == math.inf).all(), "outside its domain a conjugate is infinite"


@rows
def test_conjugate(row: FDivergence) -> None:
    check_conjugate(row)


CONJUGATE_MUTANTS = {
    "KL without the 1": replace(KL, conjugate=torch.exp),
    "KL of -t": replace(KL, conjugate=lambda t: (-t - 1).exp()),
    "reverse KL, +1": replace(REVERSE_KL, conjugate=lambda t: 1 - (-t).log()),
    "Pearson, t^2/2": replace(PEARSON, conjugate=lambda t: t + t.square() / 2),
    "Pearson, -t": replace(PEARSON, conjugate=lambda t: t.square() / 4 - t),
    "Neyman, +": replace(NEYMAN, conjugate=lambda t: 2 + 2 * (1 - t).sqrt()),
    "Hellinger, t/(t-1)": replace(HELLINGER, conjugate=lambda t: t / (t - 1)),
    "Hellinger, negative outside": replace(HELLINGER, conjugate=lambda t: t / (1 - t)),
    "JS with GAN's": replace(JENSEN_SHANNON, conjugate=GAN.conjugate),
    "GAN, sign": replace(GAN, conjugate=lambda t: (1 - t.exp()).log()),
}


@mutants(CONJUGATE_MUTANTS)
def test_conjugate_rejects(mutant: FDivergence) -> None:
    rejects(check_conjugate, mutant)


def test_pearsons_printed_conjugate_is_too_large_below_minus_two() -> None:
    """Over u >= 0 the supremum there is -f(0) = -1; a larger conjugate gives a looser bound, and still a bound."""
    t = torch.linspace(-6, -2.01, 20, dtype=F64)
    assert (PEARSON.conjugate(t) > -1).all()
    assert_close(PEARSON.conjugate(scalar(-2.0)), scalar(-1.0))


# --- Fenchel-Young: f(u) + f*(t) >= ut, and equal where t = f'(u) ----------------------------------------------------


def check_fenchel_young(row: FDivergence) -> None:
    ratios = torch.logspace(-2, 2, 41, dtype=F64)
    at_tangent = row.f(ratios) + row.conjugate(row.derivative(ratios)) - ratios * row.derivative(ratios)
    assert_close(at_tangent, torch.zeros_like(at_tangent), rtol=0, atol=1e-8)
    u, t = torch.meshgrid(ratios, row.activation(torch.linspace(-4, 4, 41, dtype=F64)), indexing="ij")
    assert (row.f(u) + row.conjugate(t) - u * t > -1e-9).all()


@rows
def test_fenchel_young(row: FDivergence) -> None:
    check_fenchel_young(row)


@mutants(
    {name: row for name, row in CONJUGATE_MUTANTS.items() if "outside" not in name}  # inside it is right
    | {
        "derivative of q/p": replace(KL, derivative=lambda u: 1 - u.log()),
        "KL's derivative without the 1": replace(KL, derivative=torch.log),
        "reverse KL's, sign": replace(REVERSE_KL, derivative=lambda u: 1 / u),
        "Pearson's without the 2": replace(PEARSON, derivative=lambda u: u - 1),
    }
)
def test_fenchel_young_rejects(mutant: FDivergence) -> None:
    rejects(check_fenchel_young, mutant)


@rows
def test_derivative_by_autograd(row: FDivergence) -> None:
    u = RATIOS.clone().requires_grad_()
    (slope,) = torch.autograd.grad(row.f(u).sum(), u)
    assert_close(slope, row.derivative(RATIOS), rtol=1e-6, atol=1e-9)
    assert (row.derivative(RATIOS).diff() > 0).all(), "f is convex"


def test_values_at_one() -> None:
    """f(1) = 0 makes a divergence; GAN's row is -log 4 off (correction E-36). f'(1) is where p = q puts the critic."""
    one = scalar(1.0)
    slopes = {KL: 1.0, REVERSE_KL: -1.0, PEARSON: 0.0, HELLINGER: 0.0, JENSEN_SHANNON: 0.0, GAN: -LOG2, NEYMAN: 0.0}
    for row, slope in slopes.items():
        assert_close(row.f(one).item(), -2 * LOG2 if row is GAN else 0.0)
        assert_close(row.derivative(one).item(), slope)


# --- the activation: into the domain, onto all of it, and upwards ----------------------------------------------------


def check_activation(row: FDivergence) -> None:
    v = torch.linspace(-30, 30, 601, dtype=F64)
    t = row.activation(v)
    assert (t <= row.supremum).all(), "outside the domain of the conjugate"
    assert (t.diff() >= 0).all() and (t[:331].diff() > 0).all(), "a higher score must mean: more like data"
    assert t[0] < -20, "every output below the end of the domain must be within reach"
    assert t[-1] > 20 if math.isinf(row.supremum) else abs(t[-1] - row.supremum) < 1e-12


@rows
def test_activation(row: FDivergence) -> None:
    check_activation(row)


@mutants(
    {
        "reverse KL falls (the paper's appendix)": replace(REVERSE_KL, activation=lambda v: -v.exp()),
        "reverse KL, no activation": replace(REVERSE_KL, activation=lambda v: v),
        "Hellinger with exp(v)": replace(HELLINGER, activation=lambda v: 1 - v.exp()),
        "JS without log 2": replace(JENSEN_SHANNON, activation=GAN.activation),
        "GAN with JS's": replace(GAN, activation=JENSEN_SHANNON.activation),
        "GAN, a probability": replace(GAN, activation=torch.sigmoid),
        "KL through a sigmoid": replace(KL, activation=torch.sigmoid),
    }
)
def test_activation_rejects(mutant: FDivergence) -> None:
    rejects(check_activation, mutant)


# --- f*(g(v)), simplified by hand, is exact where the composition is not ---------------------------------------------


def check_charge(row: FDivergence) -> None:
    """In float32, against the two printed formulas, one in the other, with 200 decimal digits."""
    with localcontext() as context:
        context.prec = 200
        for score in (-110, -60, -20, -1, 0, 1, 20, 60, 110):
            t = evaluate(row.latex["activation"], v=Decimal(score))
            exact = torch.tensor(float(evaluate(row.latex["conjugate"], t=t)))
            assert_close(row.charge(torch.tensor(float(score))), exact, rtol=1e-6, atol=1e-7)


@rows
def test_charge(row: FDivergence) -> None:
    check_charge(row)


def composed(row: FDivergence) -> FDivergence:
    return replace(row, charge=lambda v: row.conjugate(row.activation(v)))


@mutants(
    {row.name: composed(row) for row in (REVERSE_KL, NEYMAN, HELLINGER, JENSEN_SHANNON, GAN)}
    | {
        "guarded GAN": replace(GAN, charge=lambda v: -(1 - v.sigmoid() + 1e-8).log()),
        "sign slip": replace(REVERSE_KL, charge=lambda v: v + 1),
        "JS with GAN's": replace(JENSEN_SHANNON, charge=GAN.charge),
    }
)
def test_charge_rejects(mutant: FDivergence) -> None:
    rejects(check_charge, mutant)


@pytest.mark.parametrize("row", [REVERSE_KL, JENSEN_SHANNON, GAN], ids=lambda row: row.name)
def test_float32_gradients_at_large_scores(row: FDivergence) -> None:
    """Both sides of the critic's loss are finite, with finite gradients, where their size allows."""
    for score in (-1000.0, 1000.0):
        v = torch.tensor([score], requires_grad=True)
        real = torch.tensor([20.0])
        (gradient,) = torch.autograd.grad(row.objective().critic(real, v), v)
        assert gradient.isfinite().all() and 0 <= gradient.item() <= 1


# --- the bound -------------------------------------------------------------------------------------------------------

GRID = torch.linspace(-14, 14, 5601, dtype=F64)
CELL = 28 / 5600


def normal(mean: float, std: float) -> Tensor:
    return torch.distributions.Normal(scalar(mean), scalar(std)).log_prob(GRID).exp()


PAIRS = {
    "two Gaussians": (normal(0.5, 1.0), normal(0.0, 1.2)),
    "a mixture and a Gaussian": ((normal(-1.5, 0.9) + normal(1.0, 1.1)) / 2, normal(0.2, 1.25)),
}


def check_bound(row: FDivergence) -> None:
    """By quadrature, for two pairs: tight at T* = f'(p/q), lower at every other output, whatever a critic does."""
    rng = torch.Generator().manual_seed(0)
    for p, q in PAIRS.values():
        divergence = evaluate(row.latex["integrand"], p=p, q=q).sum() * CELL
        assert_close(row.divergence(p, q, cell=CELL), divergence, rtol=0, atol=1e-9)
        best = row.optimal(p, q)
        assert_close(row.bound(best, p, q, cell=CELL), divergence, rtol=0, atol=1e-6)
        for other in (best - 0.1, best + 0.1, best * 1.1, row.activation(torch.randn(5601, generator=rng, dtype=F64))):
            assert row.bound(other, p, q, cell=CELL) < divergence - 1e-4


@rows
def test_bound(row: FDivergence) -> None:
    check_bound(row)


def printed(row: FDivergence, **latex: str) -> FDivergence:
    return replace(row, latex=row.latex | latex)  # type: ignore[operator]


@mutants(
    {
        "the lecture's Pearson (E-36)": printed(PEARSON, integrand=r"\frac{(q-p)^2}{p}"),
        "the lecture's JS (E-36)": printed(
            JENSEN_SHANNON, integrand=r"\frac{1}{2}(p\log\frac{2p}{p+q}+q\log\frac{2q}{p+q})"
        ),
        "GAN without the offset": printed(GAN, integrand=JENSEN_SHANNON.latex["integrand"]),
        "KL and reverse KL swapped": printed(KL, integrand=REVERSE_KL.latex["integrand"]),
        "Neyman's f in Pearson's row": replace(PEARSON, f=NEYMAN.f),
        "ratio q/p": replace(HELLINGER, derivative=lambda u: 1 - u.sqrt()),
        "optimal D for optimal T": replace(GAN, derivative=lambda u: u / (1 + u)),
        "log p/q for 1 + log p/q": replace(KL, derivative=torch.log),
        "conjugate forgotten": replace(PEARSON, conjugate=lambda t: t),
    }
)
def test_bound_rejects(mutant: FDivergence) -> None:
    rejects(check_bound, mutant)


def test_rows_agree_with_the_divergences_of_section_2_1() -> None:
    p, q = PAIRS["two Gaussians"]
    assert_close(KL.divergence(p, q, cell=CELL), kl(p, q, cell=CELL))
    assert_close(REVERSE_KL.divergence(p, q, cell=CELL), kl(q, p, cell=CELL))
    twice = 2 * jensen_shannon(p, q, cell=CELL)
    assert_close(JENSEN_SHANNON.divergence(p, q, cell=CELL), twice)
    assert_close(GAN.divergence(p, q, cell=CELL), twice - 2 * LOG2)


def check_prices(row: FDivergence) -> None:
    """Where supports differ, missed data cost lim f(u)/u, the end of the domain, and invented samples cost f(0)."""
    p, q = torch.tensor([0.3, 0.7, 0.0, 0.0], dtype=F64), torch.tensor([0.0, 0.5, 0.5, 0.0], dtype=F64)
    far = scalar(1e12)
    missed = (row.f(far) / far).item() if math.isfinite(row.supremum) else math.inf
    invented = row.f(scalar(0.0)).item()
    expected = 0.3 * missed + 0.5 * row.f(scalar(1.4)).item() + 0.5 * invented
    assert_close(row.divergence(p, q).item(), expected, rtol=1e-4, atol=1e-4)
    if math.isfinite(row.supremum):
        assert_close(row.supremum, missed, rtol=0, atol=1e-5)


@rows
def test_prices_of_missed_data_and_invented_samples(row: FDivergence) -> None:
    check_prices(row)


@mutants(
    {
        "JS bounded by 1": replace(JENSEN_SHANNON, supremum=1.0),
        "KL never infinite": replace(KL, supremum=0.0),
        "Hellinger bounded by 2": replace(HELLINGER, supremum=2.0),
    }
)
def test_prices_reject(mutant: FDivergence) -> None:
    rejects(check_prices, mutant)


def test_a_bound_over_holes_is_a_number() -> None:
    p, q = torch.tensor([0.4, 0.6, 0.0], dtype=F64), torch.tensor([0.5, 0.5, 0.0], dtype=F64)
    for row in F_DIVERGENCES:
        assert_close(row.bound(row.optimal(p, q), p, q), row.divergence(p, q))


def test_an_output_outside_the_domain_bounds_nothing() -> None:
    p, q = PAIRS["two Gaussians"]
    assert HELLINGER.bound(torch.full_like(p, 1.5), p, q, cell=CELL) == -math.inf


# --- the formulas as they are printed --------------------------------------------------------------------------------


def check_printed(row: FDivergence) -> None:
    v = torch.linspace(-5, 5, 41, dtype=F64)
    p, q = PAIRS["two Gaussians"]
    for name, argument in {
        "f": {"u": RATIOS},
        "derivative": {"u": RATIOS},
        "activation": {"v": v},
        "conjugate": {"t": row.activation(v)},
        "charge": {"v": v},
    }.items():
        (x,) = argument.values()
        assert_close(evaluate(row.latex[name], **argument), getattr(row, name)(x), rtol=1e-8, atol=1e-10)
    assert_close(evaluate(row.latex["integrand"], p=p, q=q), q * row.f(p / q), rtol=1e-8, atol=1e-10)
    assert ("supremum" in row.latex) == math.isfinite(row.supremum)
    if "supremum" in row.latex:
        assert_close(evaluate(row.latex["supremum"], v=v).item(), row.supremum)


@rows
def test_printed_formulas_are_the_functions(row: FDivergence) -> None:
    check_printed(row)


@mutants(
    {
        "the lecture's Pearson (E-36)": printed(PEARSON, integrand=NEYMAN.latex["integrand"]),
        "the paper's appendix": printed(REVERSE_KL, activation="-e^v"),
        "a sign": printed(GAN, conjugate=r"\log(1-e^t)"),
        "a power": printed(NEYMAN, derivative=r"1-\frac{1}{u}"),
        "a bracket": printed(JENSEN_SHANNON, f=r"u\log u-u+1\log\frac{1+u}{2}"),
        "the end of the domain": printed(JENSEN_SHANNON, supremum="2"),
        "the charge": printed(KL, charge="e^v"),
    }
)
def test_printed_formulas_reject(mutant: FDivergence) -> None:
    rejects(check_printed, mutant)


def test_formulas_are_read_as_a_mathematician_reads_them() -> None:
    x = scalar(3.0)
    for latex, value in {
        "2x^2": 18,
        "-x^2+1": -8,
        r"\log x^2": 2 * math.log(3),
        r"\log 2-\log(1+e^{-x})": math.log(2) - math.log1p(math.exp(-3)),
        r"\frac{x}{2}\sqrt{x+1}": 3,
        "2-x-1": -2,
        "(x-1)(x+1)": 8,
    }.items():
        assert_close(evaluate(latex, x=x).item(), float(value))


@pytest.mark.parametrize("latex", [r"\sin x", "x*y", "x y", "(x", "x)", "x+", ""])
def test_unknown_formulas_are_refused(latex: str) -> None:
    assert "cannot be read" in (message := refusal(ValueError, lambda: evaluate(latex, x=scalar(1.0)))) or (
        "does not close" in message
    )


# --- the objective ---------------------------------------------------------------------------------------------------


def check_is_the_gan(row: FDivergence) -> None:
    """The GAN row is the game of section 2.1, both of its generators included."""
    rng = torch.Generator().manual_seed(0)
    real, fake = 3 * torch.randn(16, generator=rng, dtype=F64), 3 * torch.randn(9, generator=rng, dtype=F64)
    assert_close(row.objective().critic(real, fake), MINIMAX.critic(real, fake))
    assert_close(row.objective().generator(fake), MINIMAX.generator(fake))
    assert_close(row.objective(non_saturating=True).generator(fake), NON_SATURATING.generator(fake))


def test_the_gan_row_is_the_minimax_game() -> None:
    check_is_the_gan(GAN)


@mutants({row.name: row for row in F_DIVERGENCES if row is not GAN})
def test_the_gan_row_is_the_minimax_game_rejects(mutant: FDivergence) -> None:
    rejects(check_is_the_gan, mutant)


Losses = Callable[[FDivergence], Any]


def check_objective(objective: Losses) -> None:
    """The critic's loss is minus the bound, the generator's what of the bound it can move; both are means.

    Repeating a batch changes nothing, and batches of two sizes are no matter: a partial last batch needs no care.
    """
    rng = torch.Generator().manual_seed(0)
    real, fake = torch.randn(7, generator=rng, dtype=F64), torch.randn(5, generator=rng, dtype=F64)
    for row in F_DIVERGENCES:
        losses = objective(row)
        minus_bound = row.conjugate(row.activation(fake)).mean() - row.activation(real).mean()
        assert_close(losses.critic(real, fake), minus_bound)
        assert_close(losses.critic(real.repeat(3), fake.repeat(2)), minus_bound)
        assert_close(losses.generator(fake), -row.conjugate(row.activation(fake)).mean())


def test_objective() -> None:
    check_objective(FDivergence.objective)


@mutants(
    {
        "raises its samples' output": lambda row: row.objective(non_saturating=True),
        "real and fake swapped": lambda row: replace(
            row.objective(), critic=lambda real, fake: row.objective().critic(fake, real)
        ),
        "critic descends the bound": lambda row: replace(
            row.objective(), critic=lambda real, fake: -row.objective().critic(real, fake)
        ),
        "generator raises the bound": lambda row: replace(
            row.objective(), generator=lambda fake: -row.objective().generator(fake)
        ),
        "sums": lambda row: replace(
            row.objective(), critic=lambda real, fake: len(fake) * row.objective().critic(real, fake)
        ),
        "no activation": lambda row: replace(
            row.objective(), critic=lambda real, fake: row.charge(fake).mean() - real.mean()
        ),
    }
)
def test_objective_rejects(mutant: Losses) -> None:
    rejects(check_objective, mutant)


def check_generator_descends_the_divergence(objective: Losses) -> None:
    """With the best critic of the moment frozen, the generator's gradient is that of the divergence."""
    rng = torch.Generator().manual_seed(3)
    p = torch.randn(5, generator=rng, dtype=F64).softmax(0)
    logits = torch.randn(5, generator=rng, dtype=F64).requires_grad_()
    q = logits.softmax(0)
    for row in F_DIVERGENCES:
        (whole,) = torch.autograd.grad(row.divergence(p, q), logits, retain_graph=True)
        best = row.optimal(p, q).detach()
        inverse = _scores(row, best)
        per_sample = torch.stack([objective(row).generator(v[None]) for v in inverse])
        (frozen,) = torch.autograd.grad((q * per_sample.detach()).sum(), logits, retain_graph=True)
        assert_close(frozen, whole, rtol=1e-6, atol=1e-8)


def _scores(row: FDivergence, t: Tensor) -> Tensor:
    """The scores that the activation turns into `t`, by bisection."""
    low, high = torch.full_like(t, -60), torch.full_like(t, 60)
    for _ in range(200):
        middle = (low + high) / 2
        above = row.activation(middle) > t
        low, high = torch.where(above, low, middle), torch.where(above, middle, high)
    return (low + high) / 2


def test_generator_descends_the_divergence() -> None:
    check_generator_descends_the_divergence(FDivergence.objective)


@mutants(
    {
        "non-saturating": lambda row: row.objective(non_saturating=True),
        "flipped": lambda row: replace(row.objective(), generator=lambda fake: row.charge(fake).mean()),
    }
)
def test_generator_descends_the_divergence_rejects(mutant: Losses) -> None:
    rejects(check_generator_descends_the_divergence, mutant)
