"""Lipschitz control: closed forms for linear critics, exact distances, and the bugs that six papers' codes shipped."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from genmodels import training, transport
from genmodels.adversarial import (
    WASSERSTEIN,
    Generator,
    clip,
    critic_step,
    dcgan_critic,
    gradient_penalty,
    mlp,
    r1,
    score,
    slopes,
    spectral,
)
from genmodels.adversarial.game import Term
from genmodels.adversarial.lipschitz import (
    GroupSort,
    between,
    distance_found,
    empirical_slope,
    operator_norm,
    power_iteration,
    spectral_bound,
)
from mutants import mutants, refusal, rejects

IMAGES = (16, 3, 4, 4)


def pictures(seed: int) -> Tensor:
    return torch.randn(*IMAGES, generator=training.rng(seed), dtype=torch.float64)


class Plane(nn.Module):
    """f(x) = c sum(x) / sqrt(n): linear, with slope c in every direction that counts."""

    def __init__(self, c: float) -> None:
        super().__init__()
        self.c = nn.Parameter(torch.tensor(c, dtype=torch.float64))

    def forward(self, x: Tensor) -> Tensor:
        return self.c * x.flatten(1).sum(1) / x[0].numel() ** 0.5


# --- the penalty of a linear critic is known (G1) ---------------------------------------------------------------------


def check_linear(penalty: Term) -> None:
    for c in (0.5, 1.0, 3.0):
        charged = penalty(Plane(c), pictures(0), pictures(1), rng=training.rng(2))
        assert_close(charged.item(), 10 * (c - 1) ** 2, rtol=0, atol=1e-9)


def with_norm(norm: Callable[[Tensor], Tensor]) -> Term:
    def penalty(critic: nn.Module, real: Tensor, fake: Tensor, *, rng: torch.Generator) -> Tensor:
        x = between(real, fake, rng=rng).requires_grad_()
        (gradient,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
        return 10 * (norm(gradient) - 1).square().mean()

    return penalty


LINEAR_MUTANTS: dict[str, Term] = {
    "channels": with_norm(lambda g: g.norm(dim=1)),  # PyTorch-GAN 20, pytorch-wgan 40
    "batch": with_norm(lambda g: g.norm()),  # torchgan: charges 49 for 64 rows of a critic of slope 1
    "squared": with_norm(lambda g: g.flatten(1).square().sum(1)),
    "entries": with_norm(lambda g: g),
    "weight forgotten": partial(gradient_penalty, weight=1.0),
    "one-sided": partial(gradient_penalty, one_sided=True),
    "R1": r1,
}


def test_penalty_of_a_linear_critic() -> None:
    check_linear(gradient_penalty)


@mutants(LINEAR_MUTANTS)
def test_penalty_of_a_linear_critic_rejects(mutant: Term) -> None:
    rejects(check_linear, mutant)


def check_one_sided(penalty: Term) -> None:
    for c, expected in ((0.0, 0.0), (0.5, 0.0), (3.0, 40.0)):
        charged = penalty(Plane(c), pictures(0), pictures(1), rng=training.rng(2))
        assert_close(charged.item(), expected, rtol=0, atol=1e-9)


def test_one_sided_penalty_lets_flat_critics_be() -> None:
    check_one_sided(partial(gradient_penalty, one_sided=True))


@mutants({"two-sided": gradient_penalty, "R1": r1})
def test_one_sided_penalty_rejects(mutant: Term) -> None:
    rejects(check_one_sided, mutant)


def check_r1(penalty: Term) -> None:
    """On the data only: f(x) = |x|^2 / 2 has slope |x|, whatever the samples are."""

    class Bowl(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.flatten(1).square().sum(1) / 2

    expected = pictures(0).flatten(1).square().sum(1).mean() / 2
    assert_close(penalty(Bowl(), pictures(0), 9 * pictures(1), rng=training.rng(2)), expected)


def test_r1_is_the_mean_square_slope_at_the_data() -> None:
    check_r1(r1)


@mutants(
    {
        "half forgotten": partial(r1, weight=2.0),
        "at the samples": lambda critic, real, fake, *, rng: r1(critic, fake, real, rng=rng),
        "gradient penalty": gradient_penalty,
    }
)
def test_r1_rejects(mutant: Term) -> None:
    rejects(check_r1, mutant)


# --- between data and samples, each row with its own share (G2) -------------------------------------------------------

Between = Callable[..., Tensor]


def check_between(points: Between) -> None:
    real, fake = (torch.randn(256, 2, 3, generator=training.rng(s), dtype=torch.float64) for s in (0, 1))
    at = points(real, fake, rng=training.rng(2))
    share = ((at - fake) / (real - fake)).flatten(1)
    assert_close(share, share[:, :1].expand_as(share), rtol=0, atol=1e-6)
    assert share.min() > -1e-9
    assert share.max() < 1 + 1e-9
    assert share[:, 0].std() > 0.2, "one share for all rows"
    assert abs(share.mean() - 0.5) < 0.1


def per_pixel(real: Tensor, fake: Tensor, *, rng: torch.Generator) -> Tensor:  # PyTorch-GAN 5, hwalsuklee 33
    share = torch.rand(real.shape, generator=rng).to(real)
    return share * real + (1 - share) * fake


def gaussian(real: Tensor, fake: Tensor, *, rng: torch.Generator) -> Tensor:  # keras-io 143, 415, 624
    share = torch.randn(len(real), 1, 1, generator=rng).to(real)
    return share * real + (1 - share) * fake


def per_batch(real: Tensor, fake: Tensor, *, rng: torch.Generator) -> Tensor:  # torchgan
    share = torch.rand(1, generator=rng).to(real)
    return share * real + (1 - share) * fake


def at_the_data(real: Tensor, fake: Tensor, *, rng: torch.Generator) -> Tensor:  # labml evaluates at share 1
    return real + 0 * fake


def test_points_between_data_and_samples() -> None:
    check_between(between)


@mutants({f.__name__: f for f in (per_pixel, gaussian, per_batch, at_the_data)})
def test_points_between_data_and_samples_rejects(mutant: Between) -> None:
    rejects(check_between, mutant)


# --- its gradient must reach the weights (G3) -------------------------------------------------------------------------


def check_second_order(penalty: Term) -> None:
    """The loss with the penalty, minus the loss without, differentiated by c: 20 (c - 1)."""
    critic = Plane(3.0)
    loss = WASSERSTEIN.critic(score(critic, pictures(0)), score(critic, pictures(1)))
    (without,) = torch.autograd.grad(loss, critic.c, retain_graph=True)
    charged = loss + penalty(critic, pictures(0), pictures(1), rng=training.rng(2))
    (with_it,) = torch.autograd.grad(charged, critic.c)
    step = 1e-6
    finite = (10 * (3 + step - 1) ** 2 - 10 * (3 - step - 1) ** 2) / (2 * step)
    assert_close((with_it - without).item(), finite, rtol=0, atol=1e-6)


def no_graph(critic: nn.Module, real: Tensor, fake: Tensor, *, rng: torch.Generator) -> Tensor:  # igul222 18
    x = between(real, fake, rng=rng).requires_grad_()
    (gradient,) = torch.autograd.grad(score(critic, x).sum(), x)
    return 10 * (gradient.flatten(1).norm(dim=1) - 1).square().mean()


def only_looked_at(critic: nn.Module, real: Tensor, fake: Tensor, *, rng: torch.Generator) -> Tensor:
    return gradient_penalty(critic, real, fake, rng=rng).detach()  # GANs-for-1D-Signal 7: computed, never added


def test_penalty_reaches_the_weights() -> None:
    check_second_order(gradient_penalty)


@mutants({"create_graph forgotten": no_graph, "detached": only_looked_at})
def test_penalty_reaches_the_weights_rejects(mutant: Term) -> None:
    rejects(check_second_order, mutant)


def test_a_weight_of_zero_is_no_penalty() -> None:
    assert gradient_penalty(Plane(3.0), pictures(0), pictures(1), rng=training.rng(0), weight=0.0) == 0


# --- a row's slope must be its own (G4) -------------------------------------------------------------------------------


def check_rows_are_independent(norm: Callable[[int], nn.Module]) -> None:
    with training.isolated(0):
        critic = nn.Sequential(nn.Linear(2, 16), norm(16), nn.ReLU(), nn.Linear(16, 1)).double()
    x = torch.randn(8, 2, generator=training.rng(0), dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(critic(x)[0].sum(), x)
    assert gradient[0].norm() > 1e-3
    assert gradient[1:].abs().max() < 1e-12


def test_layer_norm_keeps_rows_apart() -> None:
    check_rows_are_independent(nn.LayerNorm)


@mutants({"batch norm": nn.BatchNorm1d})  # GDL_code 98, Keras-GAN 48
def test_batch_norm_does_not(mutant: Callable[[int], nn.Module]) -> None:
    rejects(check_rows_are_independent, mutant)


# --- the box (E-37, G5) -----------------------------------------------------------------------------------------------

BOUND = 0.05
Step = Callable[..., object]


def linear_estimate(step: Step, *, bound: float) -> float:
    """A linear critic between N(3, 1) and N(0, 1), clipped after each of 60 steps; its value, or an assertion."""
    critic, stream = nn.Linear(1, 1), training.rng(0)
    nn.init.zeros_(critic.weight)
    optimizer = torch.optim.RMSprop(critic.parameters(), lr=1e-2)
    for _ in range(60):
        real, fake = (shift + torch.randn(64, 1, generator=stream) for shift in (3.0, 0.0))
        step(critic, optimizer, real, fake, bound)
        assert all(p.abs().max() <= bound for p in critic.parameters())
    real, fake = (shift + torch.randn(4_000, 1, generator=stream) for shift in (3.0, 0.0))
    return -WASSERSTEIN.critic(score(critic, real), score(critic, fake)).item()


def check_clipped(step: Step) -> None:
    """The best clipped linear critic has w = bound, so it finds 3 * bound: in proportion to the box."""
    for bound in (BOUND, 2 * BOUND):
        assert abs(linear_estimate(step, bound=bound) / bound - 3) < 0.15


def clipped_step(critic: nn.Module, optimizer: torch.optim.Optimizer, real: Tensor, fake: Tensor, bound: float) -> None:
    still = Generator(nn.Identity(), latent=1)
    critic_step(still, critic, WASSERSTEIN, optimizer, real, fake, project=partial(clip, bound=bound))


def clip_before(critic: nn.Module, optimizer: torch.optim.Optimizer, real: Tensor, fake: Tensor, bound: float) -> None:
    clip(critic, bound=bound)  # WassersteinGAN 50: the step that follows leaves the box
    critic_step(Generator(nn.Identity(), latent=1), critic, WASSERSTEIN, optimizer, real, fake)


def sign_flipped(critic: nn.Module, optimizer: torch.optim.Optimizer, real: Tensor, fake: Tensor, bound: float) -> None:
    clipped_step(critic, optimizer, fake, real, bound)  # WassersteinGAN 17


def never_clipped(critic: nn.Module, optimizer: torch.optim.Optimizer, *batch: Tensor) -> None:
    critic_step(Generator(nn.Identity(), latent=1), critic, WASSERSTEIN, optimizer, *batch[:2])


def test_clipping_after_the_step() -> None:
    check_clipped(clipped_step)


@mutants({f.__name__: f for f in (clip_before, sign_flipped, never_clipped)})
def test_clipping_after_the_step_rejects(mutant: Step) -> None:
    rejects(check_clipped, mutant)


def test_the_box_is_not_the_constant() -> None:
    """k = 0.01: 0.28 for a linear critic on 784 pixels, 1.898 for 2-512-512-512-1 with all weights +k."""
    pixels = nn.Linear(784, 1)
    nn.init.constant_(pixels.weight, 0.01)
    assert_close(slopes(pixels, torch.zeros(1, 784)), torch.tensor([0.28]))
    deep = mlp(2, 1, width=512, depth=3, activation=nn.ReLU)
    for layer in deep:
        if isinstance(layer, nn.Linear):
            nn.init.constant_(layer.weight, 0.01)
            nn.init.zeros_(layer.bias)
    product = 0.01**4 * (2 * 512) ** 0.5 * 512 * 512 * 512**0.5
    assert_close(slopes(deep, torch.ones(1, 2)).item(), product, rtol=1e-4, atol=0)
    assert_close(spectral_bound(deep, (2,)).item(), product, rtol=1e-4, atol=0)
    assert abs(product - 1.898) < 1e-3


# --- singular values and convolutions ---------------------------------------------------------------------------------

NormOf = Callable[[nn.Module, tuple[int, ...]], Tensor]

LAYERS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "linear": (lambda: nn.Linear(7, 5), (7,)),
    "convolution": (lambda: nn.Conv2d(2, 3, 3, padding=1), (2, 6, 6)),
    "stride": (lambda: nn.Conv2d(2, 3, 4, stride=2, padding=1), (2, 6, 6)),
    "transposed": (lambda: nn.ConvTranspose2d(2, 3, 4, stride=2, padding=1), (2, 4, 4)),
}


def check_norm(norm_of: NormOf) -> None:
    """Against the singular values of the matrix whose columns are the outputs for every unit vector."""
    for seed, (make, shape) in enumerate(LAYERS.values()):
        with training.isolated(seed):
            layer = make().double()
        units = torch.eye(torch.Size(shape).numel(), dtype=torch.float64).reshape(-1, *shape)
        with torch.no_grad():
            matrix = (layer(units) - layer(torch.zeros_like(units))).flatten(1)
        assert_close(norm_of(layer, shape), torch.linalg.svdvals(matrix)[0], rtol=1e-4, atol=0)


def reshaped(layer: nn.Module, shape: tuple[int, ...]) -> Tensor:
    """The norm of the filters: what spectral normalisation divides by."""
    weight = next(layer.parameters()).detach()
    return torch.linalg.matrix_norm(weight.flatten(1), 2)


def with_bias(layer: nn.Module, shape: tuple[int, ...]) -> Tensor:
    start = torch.randn(1, *shape, generator=training.rng(0), dtype=torch.float64)
    return power_iteration(layer, start, iterations=300)


def test_operator_norm_is_the_largest_singular_value() -> None:
    check_norm(partial(operator_norm, iterations=1_000))


@mutants(
    {
        "filters": reshaped,
        "bias included": with_bias,
        "one iteration": partial(operator_norm, iterations=1),
        "Frobenius": lambda layer, shape: next(layer.parameters()).detach().norm(),
    }
)
def test_operator_norm_rejects(mutant: NormOf) -> None:
    rejects(check_norm, mutant)


def test_power_iteration_never_overshoots_and_knows_zero() -> None:
    W = torch.randn(6, 9, generator=training.rng(0), dtype=torch.float64)
    v = torch.randn(1, 9, generator=training.rng(1), dtype=torch.float64)
    found = torch.stack([power_iteration(lambda x: x @ W.T, v, iterations=n) for n in range(40)])
    assert bool((found.diff() > -1e-12).all())
    assert found[-1] <= torch.linalg.svdvals(W)[0] * (1 + 1e-12)
    assert power_iteration(lambda x: 0 * x, v, iterations=3) == 0


def test_a_mean_filter_is_three_times_its_matrix() -> None:
    """3 x 3 equal numbers on a large image: the constant image is stretched by their sum, 9c; the matrix says 3c."""
    conv = nn.Conv2d(1, 1, 3, padding=1, padding_mode="circular", bias=False)
    nn.init.constant_(conv.weight, 1 / 3)
    assert_close(reshaped(conv, (1, 8, 8)), torch.tensor(1.0))
    assert_close(operator_norm(conv, (1, 8, 8)), torch.tensor(3.0))


# --- spectral normalisation -------------------------------------------------------------------------------------------


def check_spectral(normalise: Callable[[nn.Module], nn.Module]) -> None:
    """After 50 iterations every weight matrix has norm 1 within 1e-4, and after a training step it is still near."""
    with training.isolated(0):
        critic = normalise(mlp(2, 1, width=32, depth=3))
    x = torch.randn(16, 2, generator=training.rng(0))
    for _ in range(50):
        critic(x)
    layers = [layer for layer in critic.modules() if isinstance(layer, nn.Linear)]
    for layer in layers:
        assert abs(torch.linalg.matrix_norm(layer.weight.detach(), 2) - 1) < 1e-4
    optimizer = torch.optim.Adam(critic.parameters(), lr=1e-3)
    WASSERSTEIN.critic(score(critic, x), score(critic, -x)).backward()
    optimizer.step()
    critic(x)
    for layer in layers:
        assert abs(torch.linalg.matrix_norm(layer.weight.detach(), 2) - 1) < 0.01


def unnormalised(critic: nn.Module) -> nn.Module:
    return critic


def once_and_for_all(critic: nn.Module) -> nn.Module:
    """Divides the initial weights, and lets training do with them what it wants."""
    with torch.no_grad():
        for layer in critic.modules():
            if isinstance(layer, nn.Linear):
                layer.weight /= layer.weight.norm()  # and by the Frobenius norm
    return critic


def last_layer_forgotten(critic: nn.Module) -> nn.Module:
    spectral(nn.Sequential(*list(critic.children())[:-1]))
    return critic


def test_spectral_normalisation() -> None:
    check_spectral(spectral)


@mutants({f.__name__: f for f in (unnormalised, once_and_for_all, last_layer_forgotten)})
def test_spectral_normalisation_rejects(mutant: Callable[[nn.Module], nn.Module]) -> None:
    rejects(check_spectral, mutant)


def test_group_sort_permutes_and_so_keeps_every_norm() -> None:
    x = torch.randn(5, 6, 2, 2, generator=training.rng(0))
    y = GroupSort()(x)
    assert_close(y.square().sum(), x.square().sum())
    assert bool((y[:, 0::2] <= y[:, 1::2]).all())
    assert_close(y[:, 0], torch.minimum(x[:, 0], x[:, 1]))
    odd = refusal(ValueError, lambda: GroupSort()(torch.zeros(2, 3)))
    assert "3 units: use an even width" in odd


# --- bracket: slopes found <= constant <= product of norms ------------------------------------------------------------


def steep_pairs_by_loop(critic: nn.Module, x: Tensor, y: Tensor) -> float:
    with torch.no_grad():
        a, b = score(critic, x), score(critic, y)
    slopes_found = [
        abs(a[i] - b[j]).item() / (x[i] - y[j]).norm().item()
        for i in range(len(x))
        for j in range(len(y))
        if not torch.equal(x[i], y[j])
    ]
    return max(slopes_found)


class Negative(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return -x


PairSlope = Callable[[nn.Module, Tensor, Tensor], Tensor]


def check_pairs(slope: PairSlope) -> None:
    with training.isolated(0):
        critic = mlp(3, 1).double()
    x = torch.randn(30, 3, generator=training.rng(0), dtype=torch.float64)
    y = torch.cat([x[:1], x[1:2] + 1e-5, torch.randn(9, 3, generator=training.rng(1), dtype=torch.float64)])
    for either in (critic, nn.Sequential(critic, Negative())):
        assert_close(slope(either, x, y).item(), steep_pairs_by_loop(critic, x, y), rtol=1e-5, atol=0)


def row_by_row(critic: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    n = min(len(x), len(y))
    run = (x[1:n] - y[1:n]).norm(dim=1)
    return (score(critic, x)[1:n] - score(critic, y)[1:n]).abs().div(run).max().detach()


def of_extremes(critic: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    rise = (score(critic, x)[:, None] - score(critic, y)).abs()
    return (rise.max() / torch.cdist(x, y).max()).detach()


def signed(critic: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    rise = score(critic, y) - score(critic, x)[:, None]
    run = torch.cdist(x, y)
    return (rise / run.where(run > 0, torch.inf)).max().detach()


def with_epsilon(critic: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    rise = (score(critic, x)[:, None] - score(critic, y)).abs()
    return (rise / (torch.cdist(x, y) + 1e-3)).max().detach()


def test_empirical_slope_is_the_steepest_pair() -> None:
    check_pairs(empirical_slope)


@mutants({f.__name__: f for f in (row_by_row, of_extremes, signed, with_epsilon)})
def test_empirical_slope_rejects(mutant: PairSlope) -> None:
    rejects(check_pairs, mutant)


def test_a_slope_needs_two_points() -> None:
    message = refusal(ValueError, lambda: empirical_slope(nn.Linear(2, 1), torch.zeros(3, 2)))
    assert "two different points" in message


@pytest.mark.parametrize("activation", [nn.ReLU, nn.LeakyReLU, nn.Tanh, GroupSort, nn.Sigmoid])
def test_what_is_found_stays_below_the_product(activation: Callable[[], nn.Module]) -> None:
    with training.isolated(0):
        critic = mlp(2, 1, width=32, depth=3, activation=activation)
    x = 3 * torch.randn(200, 2, generator=training.rng(0))
    bound = spectral_bound(critic, (2,), iterations=300)
    assert empirical_slope(critic, x) <= bound
    assert slopes(critic, x).max() <= bound


def test_the_product_through_convolutions_holds_too() -> None:
    critic = dcgan_critic((1, 8, 8), norm=None, width=8)
    x = torch.randn(40, 1, 8, 8, generator=training.rng(0))
    assert max(empirical_slope(critic, x), slopes(critic, x).max()) <= spectral_bound(critic, (1, 8, 8))


def test_no_bound_where_none_is_known() -> None:
    for layer in (nn.BatchNorm1d(4), nn.LayerNorm(4)):
        critic = nn.Sequential(nn.Linear(2, 4), layer, nn.Linear(4, 1))
        assert "no Lipschitz constant is known" in refusal(ValueError, lambda c=critic: spectral_bound(c, (2,)))  # type: ignore[misc]


# --- what a critic proves about the exact distance --------------------------------------------------------------------

Found = Callable[[nn.Module, Tensor, Tensor], Tensor]


class Potential(nn.Module):
    """A critic for two points: the distance from the second one, times any factor."""

    def __init__(self, origin: Tensor, factor: float) -> None:
        super().__init__()
        self.origin, self.factor = origin, factor

    def forward(self, x: Tensor) -> Tensor:
        return self.factor * (x - self.origin).norm(dim=1)


def check_found(found: Found) -> None:
    """Never above the exact distance; equal for the best critic of two points, whatever its scale."""
    x, y = torch.tensor([[3.0, 4.0]]), torch.zeros(1, 2)
    for factor in (0.01, 1.0, 50.0):
        assert_close(found(Potential(y, factor), x, y).item(), 5.0)
    for seed in range(5):
        stream = training.rng(seed)
        a, b = torch.randn(20, 2, generator=stream), 1 + torch.randn(30, 2, generator=stream)
        with training.isolated(seed):
            critic = mlp(2, 1)
        assert found(critic, a, b).item() <= transport.wasserstein_1(a, b) * (1 + 1e-5)
        assert_close(found(Potential(a.mean(0), -1.0), a, b), -found(Potential(a.mean(0), 1.0), a, b))


def undivided(critic: nn.Module, x: Tensor, y: Tensor) -> Tensor:  # the "estimate" that clipping plots
    return (score(critic, x).mean() - score(critic, y).mean()).detach()


def by_the_mean_slope(critic: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    rise = (score(critic, x)[:, None] - score(critic, y)).abs()
    return undivided(critic, x, y) / (rise / torch.cdist(x, y)).mean().detach()


def absolute(critic: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    return distance_found(critic, x, y).abs()


def test_distance_found_is_a_proven_lower_bound() -> None:
    check_found(distance_found)


@mutants({f.__name__: f for f in (undivided, by_the_mean_slope, absolute)})
def test_distance_found_rejects(mutant: Found) -> None:
    rejects(check_found, mutant)


def test_a_penalised_critic_between_two_points_finds_their_distance() -> None:
    """f between masses at 0 and at 2: the critic learns slope 1 (a little more: the penalty is a price), value 2."""
    with training.isolated(0):
        critic = mlp(1, 1, width=16)
    x, y, stream = torch.full((32, 1), 2.0), torch.zeros(32, 1), training.rng(0)
    optimizer = torch.optim.Adam(critic.parameters(), lr=1e-2)
    for _ in range(300):
        critic_step(
            Generator(nn.Identity(), latent=1),
            critic,
            WASSERSTEIN,
            optimizer,
            x,
            y,
            penalties=[gradient_penalty],
            rng=stream,
        )
    assert abs(-WASSERSTEIN.critic(score(critic, x), score(critic, y)).item() - 2) < 0.4
    assert_close(distance_found(critic, x, y).item(), 2.0)
