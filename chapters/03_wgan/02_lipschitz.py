# %% [markdown]
# (sec-lipschitz)=
# # Lipschitz functions
#
# **The Wasserstein distance asks for a critic that is nowhere steeper than 1. How steep is a network, and what keeps it from being steeper?**
#
# Nothing keeps it, unless we do. This section defines steepness, measures it on networks from below and from above, and compares
# the three ways to control it: put the weights back into a box, charge for slope, or divide every layer by its norm. At the end each of
# them estimates a distance that we know exactly. The popular ones do worse than their names promise, for reasons that can be seen.

# %% tags=["remove-cell"]
import importlib.util
import subprocess
import sys

REPOSITORY = ""  # the published address, as in _config.yml
if importlib.util.find_spec("genmodels") is None:  # Colab, or another bare kernel
    if not REPOSITORY:
        raise SystemExit(
            "genmodels is not installed for this kernel: "
            "run `pip install -e .` in your clone of the book, then restart the kernel."
        )
    subprocess.run(["git", "clone", "--depth", "1", REPOSITORY, "book"], check=True)
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "-q", "-e", "book"], check=True
    )
    sys.path.insert(0, "book")

# %% tags=["parameters", "remove-cell"]
scale = None  # "quick" or "full"; None asks the environment: GENMODELS_SCALE

# %% tags=["hide-input"]
import math
from collections.abc import Callable
from functools import partial

import matplotlib.pyplot as plt
import torch
from IPython.display import Markdown
from torch import nn

from genmodels import data, lab, plots, training, transport
from genmodels.adversarial import (
    WASSERSTEIN, Generator, clip, critic_step, dcgan_critic, gradient_penalty, mlp,
    play, r1, score, slopes, spectral,
)  # fmt: skip
from genmodels.adversarial.lipschitz import (
    GroupSort, between, distance_found, empirical_slope, operator_norm, power_iteration,
    spectral_bound,
)  # fmt: skip

lab.start(scale)

# %% [markdown]
# ## A cone that the graph may not enter
#
# Put a double cone of slope $K$ on a point of a graph, opening upwards and downwards. If the graph stays out of it, wherever the cone is put, the
# function never rises or falls faster than $K$. Move the slider: with $K=1$ the sine and the absolute value stay outside; the
# parabola enters wherever the point is; from the middle it does so beyond $|x|=1$.


# %% tags=["hide-input"]
SHAPES: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    r"$\sin x$": torch.sin,
    "$|x|$": torch.abs,
    "$x^2$": torch.square,
}


def cone_figure(at: float) -> plt.Figure:
    line = torch.linspace(-3, 3, 601)
    figure, axes = plt.subplots(1, 3, figsize=(7.2, 2.4))
    for ax, (name, shape) in zip(axes, SHAPES.items(), strict=True):
        height, top = shape(line), shape(torch.tensor(at))
        reach = (line - at).abs()  # K = 1
        ax.fill_between(line, top + reach, 9, color=plots.PALETTE["line"], linewidth=0)
        ax.fill_between(line, -9, top - reach, color=plots.PALETTE["line"], linewidth=0)
        inside = (height - top).abs() > reach + 1e-5
        ax.plot(line, height, color=plots.PALETTE["critic"])
        entered = torch.where(inside, height, torch.nan)
        ax.plot(line, entered, color=plots.PALETTE["ink"], linewidth=3.2)
        ax.plot(at, top, "o", color=plots.PALETTE["ink"], markersize=5)
        ax.set(xlim=(-3, 3), ylim=(-2.2, 3.2), title=name)
    return figure


cone_player = plots.explore(
    cone_figure,
    [-2.0, -1.5, -1.0, -0.5, 0.0, 0.5, 1.0, 1.5, 2.0],
    label=lambda at: f"cone at x = {at:g}",
    alt="Graphs of the sine, the absolute value and the parabola, each with a grey double cone of slope 1; the part of a graph inside the cone is drawn thick",
    start=6,
)
cone_player

# %% [markdown]
# :::{prf:definition} Lipschitz function
# :label: def-lipschitz
#
# A function $f$ between metric spaces is $K$-{term}`Lipschitz <Lipschitz continuous>` (Lipschitz 连续) if distances grow at most $K$-fold. For a critic
# $f:\mathbb R^d\to\mathbb R$, with the Euclidean distance (nndl, eq. 13.54), for all $x$ and $y$
#
# $$
# |f(x)-f(y)|\le K\,\Vert x-y\Vert .
# $$ (eq-lipschitz)
#
# The smallest such $K$ is *the* Lipschitz constant of $f$.
# :::
#
# :::{margin} Correction E-39
# The lecture defines Lipschitz functions on $\mathbb R\to\mathbb R$ and equates them, if differentiable, with those of bounded derivative. A
# critic lives on $\mathbb R^d$; the equivalence needs a convex domain; and a Lipschitz function need not be differentiable.
# :::
#
# :::{prf:proposition} A bounded gradient suffices
# :label: prop-lipschitz-gradient
#
# If $f$ is continuously differentiable on a *convex* open set and $\Vert\nabla f\Vert\le K$ there, then $f$ is $K$-Lipschitz on it. Conversely, a
# differentiable $K$-Lipschitz function on an open set has $\Vert\nabla f\Vert\le K$.
# :::
#
# :::{prf:proof}
# Let $u=x-y$. The segment from $y$ to $x$ lies in the set, so $f(x)-f(y)$ is $\int_0^1\nabla f(y+tu)\cdot u\,dt$, and the integrand is at most $K\Vert u\Vert$.
# Conversely, the slope along the gradient's own direction, $\frac{f(x+hg)-f(x)}{h\Vert g\Vert}$ with $g=\nabla f(x)$, tends to $\Vert g\Vert$ and never
# exceeds $K$.
# :::
#
# A network of linear layers and ReLUs has kinks, and the first half still holds: along any segment it is piecewise linear.
# Two lines measure the constant of a function on a set of points, and with them the claims of the margin:


# %%
def steepest(values, points):
    """The largest slope over all pairs: values (n,), points (n, d)."""
    run = (points[:, None] - points).norm(dim=-1)
    return ((values[:, None] - values).abs() / run)[run > 0].max()


line = torch.linspace(-3, 3, 1201, dtype=torch.float64)
for name, shape in SHAPES.items():
    print(f"{name:9} on [-3, 3]: {steepest(shape(line), line[:, None]):.4f}")
assert abs(steepest(line.sin(), line[:, None]) - line.cos().abs().max()) < 1e-5
assert abs(steepest(line.abs(), line[:, None]) - 1) < 1e-9  # no derivative at 0

for half in (1, 10, 100):  # the parabola: twice as far, twice as steep
    wide = half * line / 3
    assert abs(steepest(wide.square(), wide[:, None]) - 2 * half) < 0.01 * half

for gap in (1.0, 0.1, 0.01):  # derivative 0, on two intervals
    right_of = torch.linspace(gap / 2, 3, 600, dtype=torch.float64)
    islands = torch.cat([-right_of, right_of])
    jump = steepest(islands.sign(), islands[:, None])
    print(f"a step across a gap of {gap:4}: derivative 0, constant {jump:.1f}")
    assert abs(jump * gap / 2 - 1) < 1e-9

some_net, cloud = mlp(2, 1), torch.randn(200, 2, generator=training.rng(0))
mine = steepest(some_net(cloud).squeeze(1), cloud)
torch.testing.assert_close(mine.detach(), empirical_slope(some_net, cloud))

# %% [markdown]
# The islands are no curiosity. Data live on such sets: a critic may be flat on the data and flat on the samples, and steep in the gap
# between them. That is why a penalty on its gradient has to look *between* data and samples.
#
# ## How steep is a network?
#
# The constant of a network is hard to compute and easy to bracket. From below, every pair of points gives a slope, and every point a gradient norm. From
# above, constants multiply when functions are composed. ReLU, leaky ReLU and tanh have constant 1, and a linear layer $x\mapsto Wx+b$ has its largest singular value, the
# {term}`spectral norm` (谱范数) $\sigma(W)=\max_x\Vert Wx\Vert/\Vert x\Vert$:
#
# $$
# \max_{i,j}\frac{|f(x_i)-f(x_j)|}{\Vert x_i-x_j\Vert}\;\le\;K\;\le\;\prod_l\sigma(W_l).
# $$ (eq-lipschitz-product)
#
# The spectral norm needs no decomposition. Multiplying by $W^\top W$ again and again turns almost any vector towards the direction
# that is stretched most (power iteration, 幂迭代):


# %%
def largest_singular_value(W, v, iterations):
    for _ in range(iterations):
        v = v / v.norm()
        v = W.T @ (W @ v)
    return (W @ (v / v.norm())).norm()


with training.isolated(0):
    W = nn.Linear(64, 64).weight.detach()
start = torch.randn(64, generator=training.rng(0))
exact = torch.linalg.svdvals(W)[0]
for iterations in (1, 10, 20, 50):
    found = largest_singular_value(W, start, iterations)
    print(f"after {iterations:2} iterations {found:.5f}; exact {exact:.5f}")
    assert found < exact + 1e-5  # from below
assert abs(found / exact - 1) < 1e-4
torch.testing.assert_close(
    power_iteration(lambda v: v @ W.T, start[None], iterations=50), found
)

# %% [markdown]
# The package's {py:func}`~genmodels.adversarial.lipschitz.power_iteration` does the same for any linear map, and lets automatic differentiation
# apply the transpose. So it can be asked about a convolution (卷积), whose matrix nobody wants to write down. Here that matters: practice takes
# $\sigma$ of the *filters*, reshaped to a matrix of (channels out) x (everything else). Is that the convolution's norm?
#
# **Prediction:** no. Neighbouring windows overlap, so one input pixel is counted several times; for a 3 x 3 filter of equal numbers the true norm is close to
# $\sqrt9=3$ times as large.

# %%
mean_filter = nn.Conv2d(1, 1, 3, padding=1, bias=False)
nn.init.constant_(mean_filter.weight, 1 / 3)
with training.isolated(0):
    usual = nn.Conv2d(8, 16, 4, stride=2, padding=1)


def as_matrix(layer: nn.Module, shape: tuple[int, ...]) -> torch.Tensor:
    """The matrix of a linear layer: its outputs for every unit vector, as rows."""
    units = torch.eye(math.prod(shape)).reshape(-1, *shape)
    with torch.no_grad():
        return (layer(units) - layer(torch.zeros_like(units))).flatten(1)


ratios = {}
for name, conv, size in (
    ("3 x 3, all equal", mean_filter, (1, 16, 16)),
    ("4 x 4, stride 2, random", usual, (8, 8, 8)),
):
    filters = torch.linalg.matrix_norm(conv.weight.detach().flatten(1), 2)
    true = operator_norm(conv, size, iterations=200)
    by_matrix = torch.linalg.matrix_norm(as_matrix(conv, size), 2)
    torch.testing.assert_close(true, by_matrix, rtol=2e-3, atol=0.0)
    ratios[name] = (true / filters).item()
    print(f"{name:24} filters {filters:.2f}, norm {true:.2f}: {true / filters:.2f} x")
assert 2.8 < ratios["3 x 3, all equal"] < 3 and ratios["4 x 4, stride 2, random"] > 1.1

# %% [markdown]
# Now whole networks, untrained and trained. The second critic has played 400 updates of the game of section 2.1 on the ring; the third
# sees digits of 8 x 8 pixels.
#
# **Prediction:** the bracket {eq}`eq-lipschitz-product` holds, and it is wide: the upper bound is at least twice what any pair or gradient shows.
# Training without control makes a critic steeper, at least fivefold.

# %%
ring, window = data.ring(), plots.mesh(half=3, points=50)
with training.isolated(0):
    generator, fresh, trained = Generator(mlp(2, 2), latent=2), mlp(2, 1), mlp(2, 1)
    on_images = dcgan_critic((1, 8, 8), norm=None, width=16)
play(generator, trained, ring, steps=400, seed=0)
images = data.digits().images[:1_000]

brackets = {}
for name, network, seen in (
    ("plane, untrained", fresh, window),
    ("plane, 400 updates", trained, window),
    ("images, untrained", on_images, images),
):
    pairs, gradient = empirical_slope(network, seen), slopes(network, seen).max()
    above = spectral_bound(network, tuple(seen.shape[1:]))
    brackets[name] = (max(pairs, gradient).item(), above.item())
    print(f"{name:19} pairs {pairs:.3f} gradient {gradient:.3f} product {above:.3f}")
assert all(2 * below < above for below, above in brackets.values())
assert brackets["plane, 400 updates"][0] > 5 * brackets["plane, untrained"][0]

# %% [markdown]
# The product is loose because it assumes that the steepest output of one layer is the steepest input of the next. Both sides have their use: a slope
# found by looking proves that $K$ is *at least* so large, the product proves that it is *at most* so large, and neither tells which it is.
#
# ## Three kinds of control
#
# The Wasserstein critic maximises $\mathbb E_{p_r}f-\mathbb E_{p_\theta}f$ (nndl, eq. 13.55). Without control that has no
# maximum: twice the critic, twice the value. Three kinds of control are in use.
#
# - **Projection.** After each step every weight is put back into $[-c,c]$: {term}`weight clipping` (权重截断) {cite}`arjovsky2017wgan`.
# - **Penalty.** The loss charges for slopes: the {term}`gradient penalty` (梯度惩罚), two-sided {cite}`gulrajani2017improved` or one-sided
#   {cite}`petzka2018regularization`, and R1, on the data only {cite}`mescheder2018which`.
# - **Reparametrisation.** Every weight matrix is divided by its spectral norm wherever it is used: {term}`spectral normalisation`
#   (谱归一化) {cite}`miyato2018spectral`.
#
# ## What the box promises
#
# :::{margin} Correction E-37
# The lecture captions $w\in[-k,k]^l$ as the "$k$-Lipschitz constraint". The box makes the critic $K$-Lipschitz with a $K$ that depends on the architecture,
# not with $K=k$. (Data score high here; the original code trains the negated critic, which is a convention.)
# :::
#
# If every weight of a critic with layers of $n_0,n_1,\dots,n_L$ units lies in $[-k,k]$, then $\sigma(W_l)\le k\sqrt{n_ln_{l-1}}$ and
# $K\le\prod_lk\sqrt{n_ln_{l-1}}$. **Prediction:** at $k=0.01$ a linear critic on 28 x 28 pixels has at most 0.28; with three hidden layers of 512 units, all
# weights at $+k$ reach the bound, 1.898, and random signs stay a thousand times below it ({numref}`fig-lipschitz-box`).


# %%
def boxed(width: int, *, k: float, signs: int | None) -> nn.Sequential:
    """A ReLU critic with every weight at +k, or at a random one of -k and +k."""
    critic = mlp(2, 1, width=width, depth=3, activation=nn.ReLU)
    stream = training.rng(signs or 0)
    for layer in critic:
        if isinstance(layer, nn.Linear):
            sign = torch.randint(2, layer.weight.shape, generator=stream) * 2.0 - 1
            layer.weight.data = k * (sign.abs() if signs is None else sign)
            nn.init.zeros_(layer.bias)
    return critic


linear_critic = nn.Linear(784, 1)
nn.init.constant_(linear_critic.weight, 0.01)
assert abs(slopes(linear_critic, torch.zeros(1, 784)).item() - 0.28) < 1e-6

plane = plots.mesh(half=3, points=20)
widths = [8, 16, 32, 64, 128, 256, 512]
bounds = [0.01**4 * math.sqrt(2 * n) * n * n * math.sqrt(n) for n in widths]
same = [slopes(boxed(n, k=0.01, signs=None), plane).max().item() for n in widths]
mixed = [
    [slopes(boxed(n, k=0.01, signs=seed), plane).max().item() for seed in range(3)]
    for n in widths
]
print(f"width 512: all +k {same[-1]:.3f}, random signs {max(mixed[-1]):.5f} at most")
torch.testing.assert_close(torch.tensor(same), torch.tensor(bounds), rtol=1e-4, atol=0)
assert abs(same[-1] - 1.898) < 1e-3 and 1e3 * max(mixed[-1]) < same[-1]

# %% mystnb={"figure": {"caption": "The same box, $|w|\\le0.01$, and what it says about a critic with three hidden layers: next to nothing.", "name": "fig-lipschitz-box"}, "image": {"alt": "Lipschitz constant against width, both logarithmic: a line for all weights at plus k rises from about ten to the minus five to 1.9, a lower line for random signs lies up to four orders of magnitude below, and k itself is a horizontal line."}} tags=["hide-input"]
figure, ax = plt.subplots(figsize=(5.6, 2.7))
ax.loglog(widths, same, "o-", color=plots.PALETTE["critic"], label="all weights $+k$")
ax.loglog(
    widths,
    [sum(values) / 3 for values in mixed],
    "s--",
    color=plots.PALETTE["critic"],
    label=r"random signs $\pm k$",
)
ax.axhline(0.01, color=plots.PALETTE["muted"], linestyle=":", label="$k$")
ax.set_xticks(widths, [str(n) for n in widths])
ax.set(xlabel="units per hidden layer", ylabel="steepest slope found")
ax.minorticks_off()
ax.legend()
plt.show()

# %% [markdown]
# ## What the penalty charges
#
# :::{prf:definition} Gradient penalty (Gulrajani et al. 2017, eq. 3 and Algorithm 1)
# :label: def-lipschitz-penalty
#
# For real rows $x_i$ and generated rows $\tilde x_i$, with one $\epsilon_i\sim U(0,1)$ per row,
#
# $$
# \lambda\,\frac1n\sum_i\bigl(\Vert\nabla f(\hat x_i)\Vert_2-1\bigr)^2,\qquad\hat x_i=\epsilon_ix_i+(1-\epsilon_i)\tilde x_i .
# $$ (eq-lipschitz-penalty)
#
# The *one-sided* penalty charges only slopes above 1: $(\Vert\nabla f\Vert-1)_+^2$. *R1* is $\frac\gamma2\mathbb E_{p_r}\Vert\nabla f\Vert^2$.
# :::
#
# Four lines, and easily got wrong. The norm runs over all coordinates of a row; every row has its
# own $\epsilon$; and the gradient of the gradient must reach the weights, or the penalty is a number that is only looked at.


# %%
def my_gradient_penalty(critic, real, fake, *, rng):
    share = torch.rand(len(real), 1, generator=rng)  # one per row
    x = (share * real + (1 - share) * fake).requires_grad_()
    (gradient,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
    return 10 * (gradient.norm(dim=1) - 1).square().mean()


real = ring.sample((64,), rng=training.rng(1))
fake = torch.randn(64, 2, generator=training.rng(3))
mine, theirs = (
    penalty(trained, real, fake, rng=training.rng(2))
    for penalty in (my_gradient_penalty, gradient_penalty)
)
torch.testing.assert_close(mine, theirs)
weights = list(trained.parameters())[:-1]  # the last bias has no slope
for m, t in zip(
    *(torch.autograd.grad(charge, weights) for charge in (mine, theirs)), strict=True
):
    torch.testing.assert_close(m, t)

straight = nn.Linear(2, 1)  # a linear critic has one slope: its weight's norm
charge = gradient_penalty(straight, real, fake, rng=training.rng(2))
torch.testing.assert_close(charge, 10 * (straight.weight.norm() - 1) ** 2)

# %% [markdown]
# The formula speaks of *the* gradient at a row. With batch normalisation (批量归一化) in the critic there is no such thing: the score of a row depends on all
# others, and the sum of all scores hands each row a mixture. Layer normalisation (层归一化) treats each row by itself. Below, row 0's score is differentiated by row 1:


# %%
def leak(norm: Callable[[int], nn.Module]) -> float:
    """How far the score of row 0 depends on the other rows, in training mode."""
    with training.isolated(0):
        critic = nn.Sequential(nn.Linear(2, 32), norm(32), nn.ReLU(), nn.Linear(32, 1))
    x = real[:8].clone().requires_grad_()
    (gradient,) = torch.autograd.grad(critic(x)[0].sum(), x)
    return (gradient[1:].norm() / gradient[0].norm()).item()


print(f"batch norm {leak(nn.BatchNorm1d):.3f}, layer norm {leak(nn.LayerNorm):.3f}")
assert leak(nn.BatchNorm1d) > 0.1 and leak(nn.LayerNorm) == 0

# %% [markdown]
# ## What the division does
#
# Spectral normalisation uses $W/\sigma(W)$ in place of $W$, with $\sigma$ from one power iteration per training step, started where the last one ended. After
# 50 of them on a fixed layer the norm is 1 to four digits. A convolution it divides by the norm of its
# filters, which is not the convolution's norm, as measured above.

# %%
with training.isolated(0):
    layer = nn.Linear(64, 64)
    spectral(layer)  # draws the vectors that the iteration starts from
for _ in range(50):
    layer(torch.zeros(1, 64))  # one power iteration each, in training mode
sigma = torch.linalg.matrix_norm(layer.weight.detach(), 2)
print(f"linear layer: {sigma:.6f}")
assert abs(sigma - 1) < 1e-4

with training.isolated(0):
    normalised = spectral(nn.Conv2d(8, 16, 4, stride=2, padding=1)).eval()
sigma = operator_norm(normalised, (8, 8, 8), iterations=200)
print(f"convolution: {sigma:.2f}")
assert sigma > 1.1

# %% tags=["remove-input"]
lab.show(spectral)

# %% [markdown]
# Layers of norm 1 can only lose slope, and a (leaky) ReLU loses some at every unit that it damps. GroupSort, which sorts the units in pairs, permutes and loses
# none {cite}`anil2019sorting`; below it runs as *spectral, sorting*.

# %% [markdown]
# ## What each does to a function, and to its weights
#
# One kind of network, two fixed samples on the line, every kind of control, and none. The data are three bumps, the samples two bumps between them. On the line the best
# critic is known: $f'=\operatorname{sign}(F_\theta-F_r)$, with the distribution functions $F$ of samples and data. Here it is a zigzag, falling from the first bump to the second, rising to the third, and so on.
#
# **Prediction.** Without control the value passes a hundred times $W_1$. Clipping at 0.1 puts more than half of all weights at $\pm0.1$; no other control puts 5 % at
# its largest weight. A box ten times smaller makes the critic not ten but at least two hundred times less steep, because three layers multiply. Slopes stay near 1 under a
# penalty (below 1.8) and below 1.03 with spectral normalisation. And *both* penalties follow the zigzag. (The thresholds were set after trial runs with four seeds. In
# all of these the last prediction failed for one of the two penalties; we leave it here as we made it.)


# %%
ADAM = partial(torch.optim.Adam, betas=(0.5, 0.999), fused=True)


def fit(
    critic: nn.Module,
    x: torch.Tensor,
    y: torch.Tensor,
    *,
    steps: int,
    lr: float = 2e-3,
    by: Callable[..., torch.optim.Optimizer] = ADAM,
    **control,
) -> nn.Module:
    """Train a critic to tell x (high) from y (low), both fixed; steps shrink to 0."""
    still = Generator(nn.Identity(), latent=x.shape[1])  # "generates" what it is given
    stream, optimizer = training.rng(0), by(critic.parameters(), lr=lr)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(steps):
        shuffled = y[torch.randperm(len(y), generator=stream)]  # new pairs each time
        critic_step(
            still, critic, WASSERSTEIN, optimizer, x, shuffled, rng=stream, **control
        )
        schedule.step()
    return critic.eval()


def critic_for(control: str, *, inputs: int, seed: int) -> tuple[nn.Module, dict]:
    """An untrained critic with one kind of control, and how to train it."""
    with training.isolated(seed):
        plain = mlp(inputs, 1, width=64)
        sorting = mlp(inputs, 1, width=64, depth=3, activation=GroupSort)
        divided = spectral(mlp(inputs, 1, width=64))
        spectral(sorting)
    in_box: dict = {"by": torch.optim.RMSprop, "lr": 5e-4}
    one_sided = partial(gradient_penalty, one_sided=True, weight=100.0)
    choices: dict[str, tuple[nn.Module, dict]] = {
        "none": (plain, {}),
        "clip 0.01": (plain, in_box | {"project": partial(clip, bound=0.01)}),
        "clip 0.1": (plain, in_box | {"project": partial(clip, bound=0.1)}),
        "two-sided, 10": (plain, {"penalties": [gradient_penalty]}),
        "one-sided, 100": (plain, {"penalties": [one_sided]}),
        "R1, 1": (plain, {"penalties": [r1]}),
        "R1, 10": (plain, {"penalties": [partial(r1, weight=10.0)]}),
    }
    if control in choices:
        return choices[control]
    return sorting if "sort" in control else divided, {"lr": 5e-3}


# %%
stream = training.rng(0)
three_bumps = data.World(centres=torch.tensor([[-2.0], [0.0], [2.0]]), std=0.25)
two_bumps = data.World(centres=torch.tensor([[-1.0], [1.0]]), std=0.25)
x_line, y_line = (w.sample((256,), rng=stream) for w in (three_bumps, two_bumps))
exact_line = transport.wasserstein_1(x_line, y_line)
path = torch.linspace(-4, 4, 801)[:, None]
line_steps = lab.scale(quick=500, full=4_000)


def turns(curve: torch.Tensor) -> int:
    """How often a curve turns on its way over the five bumps, at -2, -1, 0, 1 and 2."""
    direction = curve[200:601:100].diff().sign()
    return int((direction[1:] * direction[:-1] < 0).sum())


def linear_weights(net: nn.Module) -> torch.Tensor:
    """All weights of all linear layers, as they act."""
    layers = [layer for layer in net.modules() if isinstance(layer, nn.Linear)]
    return torch.cat([layer.weight.detach().flatten() for layer in layers])


controls = ["none", "clip 0.01", "clip 0.1", "two-sided, 10", "one-sided, 100"]
controls += ["R1, 1", "R1, 10", "spectral", "spectral, sorting"]
on_line: dict[str, nn.Module] = {}
at_edge, steep, value, share_of = {}, {}, {}, {}
for control in controls:
    untrained, how = critic_for(control, inputs=1, seed=0)
    net = on_line[control] = fit(untrained, x_line, y_line, steps=line_steps, **how)
    weight = linear_weights(net).abs()
    at_edge[control] = (weight > 0.99 * weight.max()).float().mean().item()
    steep[control] = slopes(net, path).max().item()
    gap_found = -WASSERSTEIN.critic(score(net, x_line), score(net, y_line)).item()
    value[control] = gap_found / exact_line
    share_of[control] = distance_found(net, x_line, y_line).item() / exact_line
    print(
        f"{control:18} value / W1 {value[control]:8.4f}   steepest {steep[control]:9.4f}"
        f"   weights at the edge {at_edge[control]:4.0%}"
    )

assert value["none"] > 100
assert at_edge["clip 0.1"] > 0.5
assert all(share < 0.05 for name, share in at_edge.items() if "clip" not in name)
assert steep["clip 0.1"] > 200 * steep["clip 0.01"]
assert all(0.9 < steep[name] < 1.8 for name in ("two-sided, 10", "one-sided, 100"))
assert max(steep["spectral"], steep["spectral, sorting"]) < 1.03

# %% mystnb={"figure": {"caption": "Above: six critics between the same two samples (ticks: data blue, generated orange), each divided by the steepest slope between the samples; dotted, the best 1-Lipschitz critic. Below: the weights they ended with.", "name": "fig-lipschitz-line"}, "image": {"alt": "Six panels of curves over six histograms. The best critic is a dotted zigzag with three turns. The clipped critic is a single bend with weights in two bars at plus and minus 0.1; the critic with the two-sided penalty is a straight line; that with the one-sided penalty lies on the zigzag; that with R1 has the right turns and slopes that differ; that with spectral normalisation is flat up to minus 1 and then rises; with sorting it is a V that passes over the middle bump."}} tags=["hide-input"]
behind = (y_line < path.T).float().mean(0) - (x_line < path.T).float().mean(0)
best = torch.cumsum(behind.sign() * 0.01, 0)  # f' = sign(F_theta - F_r)
drawn = ["clip 0.1", "two-sided, 10", "one-sided, 100"]
drawn += ["R1, 1", "spectral", "spectral, sorting"]
figure, axes = plt.subplots(2, 6, figsize=(8.4, 3.1), height_ratios=(1.5, 1))
for (above_ax, below_ax), name in zip(axes.T, drawn, strict=True):
    net = on_line[name]
    with torch.no_grad():
        curve = net(path).squeeze(1) / empirical_slope(net, x_line, y_line)
    for line_drawn, kind, look in ((best, "ink", ":"), (curve, "critic", "-")):
        level = line_drawn - line_drawn[200:601].mean()
        width = 1.1 if kind == "ink" else 1.6
        above_ax.plot(path, level, look, color=plots.PALETTE[kind], linewidth=width)
    for cloud, kind, height in ((x_line, "real", -2.2), (y_line, "fake", -2.5)):
        ticks = torch.full((80,), height)
        colour = plots.PALETTE[kind]
        above_ax.plot(cloud[:80], ticks, "|", color=colour, markersize=4, alpha=0.6)
    above_ax.set(xlim=(-3.2, 3.2), ylim=(-2.8, 2.2), yticks=[], xticks=[-2, 0, 2])
    above_ax.set_title(name, fontsize=8)
    weights_drawn = linear_weights(net).numpy()
    below_ax.hist(weights_drawn, bins=41, color=plots.PALETTE["critic"])
    below_ax.set(yticks=[], xlabel="weight")
plt.show()

# %% [markdown]
# In {numref}`fig-lipschitz-line` the clipped critic has pushed most weights into a wall of its box. It gets steep by making all of them large at once, and
# what is left is a simple function, as {cite}`gulrajani2017improved` describes. The others keep ordinary weights.
#
# And the prediction fails. The critic with the *two-sided* penalty does not turn, and is worth next to nothing. On the line its slope cannot turn from $+1$ to $-1$ without
# passing 0, where the penalty charges most, and the direction in which it started is the direction in which it stays. The one-sided penalty does not charge there, and its
# critic makes all three turns:

# %%
with torch.no_grad():
    lines = {name: on_line[name](path).squeeze(1) for name in controls}
for name in drawn:
    made = turns(lines[name])
    print(f"{name:18} {made} turns, proves {share_of[name]:5.0%} of W1")
assert turns(best) == 3
assert turns(lines["two-sided, 10"]) <= 1 and share_of["two-sided, 10"] < 0.5
assert turns(lines["one-sided, 100"]) == 3 and share_of["one-sided, 100"] > 0.9
assert share_of["clip 0.1"] < 0.9 and share_of["spectral"] < 0.7
assert share_of["spectral, sorting"] > 0.7

# %% [markdown]
# (*Proves* is the value, divided by the steepest slope between the two samples; the next section says why that is a proof.) More steps do not help it: at full scale, with eight times as many, the same
# assertions hold. In the plane the same penalty does better, as we shall see: there a gradient can turn around without becoming shorter.
#
# R1 is a different thing. It does not hold the slope at 1; it makes the critic as steep as its price allows, so its value is on a scale that
# nobody chose. If a critic may be multiplied by a number $s$, $s\,V-\frac\gamma2s^2R$ is largest at $s=V/(\gamma R)$, in inverse proportion to the price. At ten times
# the price:

# %%
print(f"R1: value {value['R1, 1'] / value['R1, 10']:.1f} times smaller")
assert 5 < value["R1, 1"] / value["R1, 10"] < 15

# %% [markdown]
# ## Held against the exact distance
#
# Now the test that counts. Between two fixed samples of 256 points in the plane, the ring and a shifted cloud, the exact $W_1$ comes from a linear program
# (section 3.1). What do the critics say?
#
# A critic of any steepness can be made comparable by dividing by its constant. Which one? Every slope we measure is a *lower*
# bound of the true $K$, so in general the quotient could be too large. For the samples themselves there is a way out:
#
# :::{prf:proposition} What a critic proves
# :label: prop-lipschitz-certificate
#
# Let $\bar f(x)$ and $\bar f(y)$ be the means of $f$ over two samples, $K$ its largest slope over the pairs $(x_i,y_j)$, and $W_1$ the distance of the samples. Then
#
# $$
# \frac{\bar f(x)-\bar f(y)}K\le W_1,
# $$ (eq-lipschitz-proof)
#
# whatever $f$ does at all other points.
# :::
#
# *Proof.* Let $\gamma$ be an optimal transport plan. Its margins are uniform, so $\bar f(x)-\bar f(y)$ equals $\sum_{ij}\gamma_{ij}\bigl(f(x_i)-f(y_j)\bigr)$, which is at most
# $K\sum_{ij}\gamma_{ij}\Vert x_i-y_j\Vert=K\,W_1$.
#
# So the quotient by the steepest *pair* ({py:func}`~genmodels.adversarial.lipschitz.distance_found`) is a proven lower bound of the samples' distance. About the distance of the two
# *distributions* it proves nothing: new points make new pairs, and the means are estimates. There only an upper bound of $K$ would help, such as the product of the norms, which spectral
# normalisation keeps near 1.
#
# **Prediction** (after trial runs with five seeds for penalties and clipping, three for spectral normalisation): with a one-sided penalty, and with spectral normalisation where the activation is right, the
# quotient comes within 10 % of the exact $W_1$, by the steepest pair and by the steepest gradient found anywhere in the window. Clipping stays more
# than 25 % below, and its undivided value is wrong by factors. No quotient by pairs exceeds $W_1$.
# (Where the activation is right: sorting. With leaky ReLUs we expect 13 to 35 % below.)

# %%
steps = lab.scale(quick=800, full=4_000)
seeds = lab.scale(quick=[0, 1], full=[0, 1, 2, 3, 4])
rivals = ["clip 0.01", "clip 0.1", "two-sided, 10", "one-sided, 100"]
rivals += ["spectral", "spectral, sorting"]


def plane_samples(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The ring, and a round cloud that is not at its centre."""
    stream = training.rng(seed)
    x = ring.sample((256,), rng=stream)
    return x, torch.tensor([1.0, 0.5]) + 0.5 * torch.randn(256, 2, generator=stream)


def verdict(net: nn.Module, x: torch.Tensor, y: torch.Tensor) -> dict[str, float]:
    """Value, constants and quotients, in units of the exact distance."""
    exact = transport.wasserstein_1(x, y)
    value = -WASSERSTEIN.critic(score(net, x), score(net, y)).item() / exact
    mixed = between(x.repeat(20, 1), y.repeat(20, 1).flip(0), rng=training.rng(9))
    along, anywhere = slopes(net, mixed), slopes(net, window).max().item()
    pairs = empirical_slope(net, x, y).item()
    return {
        "value": value,
        "pairs": pairs,
        "proven": distance_found(net, x, y).item() / exact,
        "careful": value / max(pairs, anywhere, along.max().item()),
        "relative": (along.mean() / along.max()).item(),
    }


in_plane: dict[str, nn.Module] = {}
verdicts: dict[str, list[dict[str, float]]] = {name: [] for name in rivals}
for seed in seeds:
    x, y = plane_samples(seed)
    for name in rivals:
        untrained, how = critic_for(name, inputs=2, seed=seed)
        net = fit(untrained, x, y, steps=steps, **how)
        in_plane.setdefault(name, net)  # the first seed's are drawn below
        verdicts[name].append(verdict(net, x, y))


# %% tags=["hide-input"]
def over_seeds(name: str, key: str) -> list[float]:
    return [row[key] for row in verdicts[name]]


table = [
    "| control | value / $W_1$ | steepest pair | by pairs | by any slope | mean slope |",
    "|---|--:|--:|--:|--:|--:|",
]
for name in rivals:
    means = [
        sum(over_seeds(name, key)) / len(seeds)
        for key in ("value", "pairs", "proven", "careful", "relative")
    ]
    table.append(f"| {name} | {' | '.join(f'{mean:.3f}' for mean in means)} |")
Markdown("\n".join(table))

# %% [markdown]
# Means over the seeds. *By pairs* and *by any slope* are quotients in units of the exact distance: the proven bound, and the more careful one that
# divides by the steepest slope found between, at, or around the samples. *Mean slope* is that along the segments between data and generated points, in
# units of the steepest.


# %%
assert all(max(over_seeds(name, "proven")) < 1 + 1e-5 for name in rivals)
for name in ("one-sided, 100", "spectral, sorting"):
    assert min(over_seeds(name, "proven")) > 0.9
    assert min(over_seeds(name, "careful")) > 0.9
assert min(over_seeds("spectral", "proven")) > 0.65
assert max(over_seeds("spectral", "proven")) < 0.87
for name in ("clip 0.01", "clip 0.1"):
    assert max(over_seeds(name, "proven")) < 0.75
assert max(over_seeds("clip 0.01", "value")) < 0.01
assert min(over_seeds("clip 0.1", "value")) > 1.5
ratio = over_seeds("clip 0.1", "value")[0] / over_seeds("clip 0.01", "value")[0]
print(f"clipping: a box ten times larger gives a value {ratio:.0f} times larger")
assert ratio > 200

# %% mystnb={"figure": {"caption": "Level lines of six critics, divided by their steepest pair, 0.25 apart: where a critic is as steep as it can be, its lines are 0.25 apart. The eight dense clusters in blue are the data, the orange cloud is generated.", "name": "fig-lipschitz-plane"}, "image": {"alt": "Six panels with blue clusters on a ring, an orange cloud inside it, and violet level lines. With clipping the lines are parallel diagonals; with the two-sided and one-sided penalties and with sorting spectral normalisation they circle the cloud at equal distances; with plain spectral normalisation they bend only once."}} tags=["hide-input"]
fine = plots.mesh(half=3, points=90)
x, y = plane_samples(seeds[0])
figure, axes = plt.subplots(2, 3, figsize=(7.2, 4.9))
for ax, name in zip(axes.flat, rivals, strict=True):
    net = in_plane[name]
    with torch.no_grad():
        levels = net(fine).reshape(90, 90) / empirical_slope(net, x, y)
    plots.points(ax, x, kind="real", size=4)
    plots.points(ax, y, kind="fake", size=4)
    ax.contour(
        fine[:90, 0],
        fine[::90, 1],
        levels,
        levels=torch.arange(-40, 40).numpy() * 0.25,
        colors=plots.PALETTE["critic"],
        linestyles="solid",
        linewidths=0.8,
    )
    plots.square(ax, half=3)
    proven = verdicts[name][0]["proven"]
    ax.set_title(f"{name}: {proven:.0%} of $W_1$")
plt.show()

# %% [markdown]
# {numref}`fig-lipschitz-plane` shows the reasons. The best critic has slope 1 nearly everywhere between the samples: level lines at equal distances, around the cloud. The level lines of the
# clipped critics are parallel. With most weights at $\pm c$ the two coordinates enter alike, and the critic looks in one direction only, along a diagonal. Plain spectral normalisation keeps
# its bound, and is below it in too many places; the last column of the table says so. Both in numbers:

# %%
diagonal = torch.tensor([1.0, 1.0]) / math.sqrt(2)
for name in rivals:
    at = window.clone().requires_grad_()
    (pull,) = torch.autograd.grad(in_plane[name](at).sum(), at)
    along = ((pull @ diagonal).abs() / pull.norm(dim=1)).mean().item()
    mean_slope = sum(over_seeds(name, "relative")) / len(seeds)
    print(f"{name:18} along the diagonal {along:.2f}, mean slope {mean_slope:.2f}")
    assert along > 0.95 if "clip" in name else along < 0.95 or name == "spectral"
for name in ("one-sided, 100", "spectral, sorting"):
    assert min(over_seeds(name, "relative")) > max(over_seeds("clip 0.1", "relative"))
    assert min(over_seeds(name, "relative")) > max(over_seeds("spectral", "relative"))

# %% [markdown]
# And the two common recipes? A two-sided penalty of weight 10 is a price, not a wall: the critic buys some slope above 1, so its undivided value is *larger* than $W_1$, and division
# repairs most of it. Spectral normalisation with leaky ReLUs stays below $W_1$ and misses about a fifth. Whether a *generator* needs more than that is another question, which
# sections 3.3 and 3.4 take up.

# %%
assert min(over_seeds("two-sided, 10", "value")) > 1
assert min(over_seeds("two-sided, 10", "proven")) > 0.8
assert max(over_seeds("spectral", "value")) < 1

# %% [markdown]
# ## Where it breaks
#
# **The two-sided penalty charges for flatness.** When the generator is right, the best critic is flat, and the penalty demands slope 1. Below, data and samples
# are the *same* 256 points, so the value is 0 for every critic and only the penalty is left. **Prediction:** the two-sided penalty ends with a mean slope above 0.9 at the data, the
# one-sided with less than 0.5, R1 with less than 0.1.

# %%
x = plane_samples(0)[0]
flat = {}
for name in ("two-sided, 10", "one-sided, 100", "R1, 1"):
    untrained, how = critic_for(name, inputs=2, seed=0)
    flat[name] = slopes(fit(untrained, x, x, steps=400, **how), x).mean().item()
    print(f"{name:14} mean slope {flat[name]:.3f}")
assert flat["two-sided, 10"] > 0.9
assert flat["one-sided, 100"] < 0.5 and flat["R1, 1"] < 0.1

# %% [markdown]
# A generator that has arrived is pushed on, by a slope of 1 in an arbitrary direction. It is the same demand that kept the critic on the line from turning.
#
# **The norm over the wrong dimension.** For images of shape (channels, height, width) the line `gradient.norm(dim=1)` takes a norm over the *channels* at each
# pixel: a published bug. **Prediction:** it asks every single pixel for slope 1, so that a linear critic on 8 x 8 images ends with slope
# $\sqrt{64}=8$ instead of 1.


# %%
def over_channels(critic, real, fake, *, rng):
    x = between(real, fake, rng=rng).requires_grad_()
    (gradient,) = torch.autograd.grad(score(critic, x).sum(), x, create_graph=True)
    return 10 * (gradient.norm(dim=1) - 1).square().mean()  # the bug


batch = images[:128]
noise = torch.rand(128, 1, 8, 8, generator=training.rng(4)) * 2 - 1
ended = {}
for name, charged in (("right", gradient_penalty), ("channels", over_channels)):
    with training.isolated(0):
        flat_critic = nn.Sequential(nn.Flatten(), nn.Linear(64, 1))
    optimizer = torch.optim.Adam(flat_critic.parameters(), lr=1e-2)
    for _ in range(400):
        optimizer.zero_grad()
        charged(flat_critic, batch, noise, rng=training.rng(5)).backward()
        optimizer.step()
    ended[name] = slopes(flat_critic, batch).max().item()
    print(f"norm over {name:8}: slope {ended[name]:.2f}")
assert abs(ended["right"] - 1) < 0.02 and abs(ended["channels"] - 8) < 0.1

# %% [markdown]
# **One share for the whole batch.** With a single $\epsilon$ for all rows the penalty is still right on average, but every batch looks at one cut between the two samples.
# **Prediction:** for a critic whose slope changes along the segments, $f=\frac12\Vert x\Vert^2$, the penalty on batches of 64 scatters at least three times as widely; for the
# critic that was just trained to have the same slope everywhere it makes less of a difference.


# %%
class Bowl(nn.Module):
    """Half the squared norm: its slope at x is the norm of x."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.square().sum(dim=1) / 2


def charges(judged: nn.Module, *, shared: bool) -> torch.Tensor:
    """The two-sided penalty on 200 batches, with a share per row or one per batch."""
    x, y = plane_samples(0)
    stream, seen = training.rng(6), []
    for _ in range(200):
        rows = torch.randint(256, (2, 64), generator=stream)
        share = torch.rand(1 if shared else 64, 1, generator=stream)
        at = share * x[rows[0]] + (1 - share) * y[rows[1]]
        seen.append((slopes(judged, at) - 1).square().mean().item())
    return torch.tensor(seen)


scatter = {}
for name, judged in (("bowl", Bowl()), ("one-sided, 100", in_plane["one-sided, 100"])):
    per_row, per_batch = charges(judged, shared=False), charges(judged, shared=True)
    scatter[name] = (per_batch.std() / per_row.std()).item()
    print(
        f"{name:15} per row {per_row.mean():.4f} ± {per_row.std():.4f}, "
        f"per batch {per_batch.mean():.4f} ± {per_batch.std():.4f}"
    )
    if name == "bowl":  # no training: the two means must agree
        assert abs(per_batch.mean() / per_row.mean() - 1) < 0.2
assert scatter["bowl"] > 3 and scatter["one-sided, 100"] < scatter["bowl"]

# %% [markdown]
# ## Exercises
#
# Each exercise asks for one function. The check below it runs on your machine; a course grades the same function on
# further cases. Use `torch`, keep the signature, return a result instead of printing it, and do not change an argument
# in place.

# %% [markdown]
# :::{exercise} What a table of values proves
# :label: ex-lipschitz-slope
# Some function was evaluated at $n$ real points $x_i$ and at $m$ generated points $y_j$; nothing else is known of it. Write
# `distance_bound(real, fake, f_real, f_fake)`, which returns the lower bound {eq}`eq-lipschitz-proof` of the $W_1$ between the two clouds,
#
# $$
# \frac1K\Bigl(\frac1n\sum_if(x_i)-\frac1m\sum_jf(y_j)\Bigr),\qquad K=\max_{i,j:\,x_i\ne y_j}\frac{|f(x_i)-f(y_j)|}{\Vert x_i-y_j\Vert_2}.
# $$
#
# The bound may be negative. A point may lie in both clouds; such a pair has no slope and is skipped. If all values are equal, return 0.
# :::

# %% [markdown]
# :::{solution-start} ex-lipschitz-slope
# :label: sol-lipschitz-slope
# :class: dropdown
# :::


# %% tags=["solution"]
def distance_bound(real, fake, f_real, f_fake):
    """A lower bound of W1 from the values of one function at the points of two clouds.

    real: shape (n, d); fake: shape (m, d); f_real: shape (n,); f_fake: shape (m,). Returns a scalar tensor.
    """
    ### BEGIN SOLUTION
    # Slopes between the clouds only: the mass goes from a real point to a fake one. Differences, not a matrix product:
    # near points would lose the digits that they differ in.
    run = (real[:, None] - fake).norm(dim=-1)
    slope = (f_real[:, None] - f_fake).abs() / run
    steepest_pair = slope.where(run > 0, torch.zeros_like(run)).max()
    if steepest_pair == 0:
        return steepest_pair
    return (f_real.mean() - f_fake.mean()) / steepest_pair
    ### END SOLUTION


# %% [markdown]
# :::{solution-end}
# :::

# %% tags=["test"]
# check: ex-lipschitz-slope points=1
two_real = torch.tensor([[0.0, 0.0], [0.0, 1.0]], dtype=torch.float64)
two_fake = torch.tensor([[3.0, 4.0], [0.0, 1.0]], dtype=torch.float64)
at_real = torch.tensor([9.0, 7.0], dtype=torch.float64)
at_fake = torch.tensor([-1.0, 7.0], dtype=torch.float64)
# slopes: 10 / 5, 2 / 1, 8 / 18 ** 0.5, and one pair without a slope
assert distance_bound(two_real, two_fake, at_real, at_fake) == 2.5
assert distance_bound(two_fake, two_real, at_fake, at_real) == -2.5
assert distance_bound(two_real, two_fake, 0 * at_real, 0 * at_fake) == 0


# %% tags=["hidden-test", "remove-cell"]
# hidden: ex-lipschitz-slope function=distance_bound points=3 tolerance=1e-6
def cases_distance_bound(rng):
    """Clouds and values: random ones, shared and near points, bounds of either sign, and the edge cases."""

    def points(n, d, width=1.0):
        return [[rng.gauss(0.0, width) for _ in range(d)] for _ in range(n)]

    def scores(n, mean=0.0, width=1.0):
        return [rng.gauss(mean, width) for _ in range(n)]

    def case(n, m, d, *, width=1.0, above=0.0):
        return points(n, d, width), points(m, d, width), scores(n, above), scores(m)

    sizes = [(5, 3, 2), (4, 8, 3), (6, 6, 2), (3, 7, 5), (12, 9, 2), (7, 5, 1)]
    random = [case(*size, above=rng.uniform(-2.0, 2.0)) for size in sizes]
    negative, positive = case(5, 4, 2, above=-3.0), case(4, 5, 2, above=3.0)
    narrow, wide = case(6, 4, 2, width=0.01), case(4, 6, 3, width=40.0, above=1.0)

    def sharing(real, fake, f_real, f_fake):
        return [*real, fake[1]], fake, [*f_real, f_fake[1]], f_fake

    shared = [sharing(*case(5, 4, 2, above=1.0)), sharing(*case(3, 6, 3))]
    real, fake, f_real, f_fake = case(5, 5, 2)
    beside = [*fake, [real[0][0] + 1e-4, real[0][1] - 1e-4]]  # near, and far in value
    near = (real, beside, f_real, [*f_fake, f_real[0] + 2.0])
    one_each = (points(1, 3), points(1, 3), scores(1), scores(1))
    constant = (points(4, 2), points(4, 2), [0.75] * 4, [0.75] * 4)
    edges = [near, one_each, constant]
    return [*random, negative, positive, narrow, wide, *shared, *edges]


# %% [markdown]
# :::{exercise} Spectral normalisation of one matrix
# :label: ex-lipschitz-spectral
# Write `spectral_weight(weight, u, steps)`: starting from the vector $u$, do `steps` power iterations
#
# $$
# v\leftarrow\frac{W^\top u}{\Vert W^\top u\Vert_2},\qquad u\leftarrow\frac{Wv}{\Vert Wv\Vert_2},
# $$
#
# estimate $\sigma=u^\top Wv$ with the last $u$ and $v$, and return $W/\sigma$ (Miyato et al. 2018, Algorithm 1). With few steps the estimate is not yet the
# spectral norm; return what the algorithm gives.
# :::

# %% [markdown]
# :::{solution-start} ex-lipschitz-spectral
# :label: sol-lipschitz-spectral
# :class: dropdown
# :::


# %% tags=["solution"]
def spectral_weight(weight, u, steps):
    """The weight, divided by its spectral norm as some power iterations estimate it.

    weight: tensor of shape (m, n), not zero; u: shape (m,), with weight.T @ u not zero; steps: an integer >= 1.
    Returns a tensor of shape (m, n).
    """
    ### BEGIN SOLUTION
    for _ in range(steps):
        v = weight.T @ u
        v = v / v.norm()
        u = weight @ v
        u = u / u.norm()
    return weight / (u @ weight @ v)
    ### END SOLUTION


# %% [markdown]
# :::{solution-end}
# :::

# %% tags=["test"]
# check: ex-lipschitz-spectral points=1
stretch = torch.diag(torch.tensor([2.0, 0.5], dtype=torch.float64))
towards = torch.tensor([1.0, 1.0], dtype=torch.float64)
assert torch.allclose(spectral_weight(stretch, towards, 40), stretch / 2)
once = torch.tensor((4**2 + 0.25**2) / (2**2 + 0.5**2), dtype=torch.float64).sqrt()
assert torch.allclose(spectral_weight(stretch, towards, 1), stretch / once)


# %% tags=["hidden-test", "remove-cell"]
# hidden: ex-lipschitz-spectral function=spectral_weight points=3 tolerance=1e-6
def cases_spectral_weight(rng):
    """Matrices of several shapes and sizes, a start, and few or many iterations."""

    def matrix(m, n, width=1.0):
        return [[rng.gauss(0.0, width) for _ in range(n)] for _ in range(m)]

    def vector(m, width=1.0):
        return [rng.gauss(0.0, width) for _ in range(m)]

    shapes = [(3, 2, 1), (2, 4, 1), (4, 4, 2), (5, 3, 3), (3, 6, 2), (6, 6, 1)]
    random = [(matrix(m, n), vector(m), steps) for m, n, steps in shapes]
    small = (matrix(4, 3, 0.02), vector(4), 2)
    large = (matrix(3, 5, 30.0), vector(3), 2)
    long = (matrix(3, 3), vector(3), 60)
    unscaled = (matrix(4, 2), vector(4, 50.0), 1)
    row = (matrix(1, 4), vector(1), 1)
    column = (matrix(4, 1), vector(4), 1)
    return [*random, small, large, long, unscaled, row, column]


# %% [markdown]
# :::{exercise} The penalty of a quadratic critic
# :label: ex-lipschitz-penalty
# For the critic $f(x)=\frac12x^\top Ax+w^\top x$, whose matrix $A$ need not be symmetric, write `quadratic_penalty(A, w, real, fake, share)`: the two-sided gradient penalty
# {eq}`eq-lipschitz-penalty` with $\lambda=10$, where row $i$ is judged at $\hat x_i=\epsilon_ix_i+(1-\epsilon_i)\tilde x_i$ with the given $\epsilon_i$ = `share[i]`.
# :::

# %% [markdown]
# :::{solution-start} ex-lipschitz-penalty
# :label: sol-lipschitz-penalty
# :class: dropdown
# :::


# %% tags=["solution"]
def quadratic_penalty(A, w, real, fake, share):
    """Gradient penalty of the quadratic critic, with weight 10.

    A: shape (d, d); w: shape (d,); real, fake: shape (n, d); share: shape (n,). Returns a scalar tensor.
    """
    ### BEGIN SOLUTION
    # Only the symmetric part of A acts in x' A x; the gradient is (A + A') x / 2 + w.
    x = share[:, None] * real + (1 - share[:, None]) * fake
    gradient = x @ (A + A.T) / 2 + w
    return 10 * (gradient.norm(dim=1) - 1).square().mean()
    ### END SOLUTION


# %% [markdown]
# :::{solution-end}
# :::

# %% tags=["test"]
# check: ex-lipschitz-penalty points=1
two = torch.tensor([[1.0, 0.0], [0.0, 2.0]], dtype=torch.float64)
linear_only = quadratic_penalty(
    torch.zeros(2, 2).double(),
    torch.tensor([3.0, 4.0]).double(),
    two,
    -two,
    torch.tensor([0.2, 0.9], dtype=torch.float64),
)
assert torch.isclose(linear_only, torch.tensor(160.0, dtype=torch.float64))


# %% tags=["hidden-test", "remove-cell"]
# hidden: ex-lipschitz-penalty function=quadratic_penalty points=3 tolerance=1e-6
def cases_quadratic_penalty(rng):
    """Random critics and batches, steep and flat ones, and shares at the ends."""

    def matrix(m, n, width=1.0):
        return [[rng.gauss(0.0, width) for _ in range(n)] for _ in range(m)]

    def case(n, d, width=1.0, shares=None):
        w = [rng.gauss(0.0, width) for _ in range(d)]
        shares = shares or [rng.random() for _ in range(n)]
        return (matrix(d, d, width), w, matrix(n, d), matrix(n, d), shares)

    sizes = [(2, 2), (3, 2), (5, 3), (8, 2), (4, 4), (7, 3), (1, 2), (6, 2)]
    random = [case(n, d) for n, d in sizes]
    flat = case(4, 2, width=0.05)
    steep = case(4, 3, width=8.0)
    at_data = case(3, 2, shares=[1.0, 1.0, 1.0])
    at_samples = case(3, 2, shares=[0.0, 0.0, 0.0])
    return [*random, flat, steep, at_data, at_samples]


# %% [markdown]
# ## What to remember
#
# - A Lipschitz constant is bracketed: every pair and every gradient bound it from below, the product of layer norms from above, and the two can be far apart.
# - The clipping box is not the constant; the value of a clipped critic is an unknown share of $K\,W_1$, here little more than half, with an unknown $K$. A penalty or a division by spectral norms holds $K$ near 1.
# - Divided by its steepest pair, any critic's value is a proven lower bound of the samples' $W_1$; how close it comes depends on the critic being steep nearly everywhere.
#
# **Further reading.** Clipping and its critics: {cite}`arjovsky2017wgan`. The penalty: {cite}`gulrajani2017improved`; one-sided: {cite}`petzka2018regularization`; R1 and
# convergence: {cite}`mescheder2018which`. Spectral normalisation: {cite}`miyato2018spectral`. Why ReLUs cannot use their bound, and GroupSort: {cite}`anil2019sorting`.
