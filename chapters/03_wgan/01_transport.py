# %% [markdown]
# (sec-transport)=
# # Distances between distributions
#
# **How far is one distribution from another if the two have no point in common?**
#
# For the divergences of chapter 2 that question has one answer, whatever the two look like: as far as can be. A generator that
# is close and one that is hopeless then score the same, and nothing says which way to go. This section measures differently:
# by the work it takes to carry the one distribution over to the other. The price of the best plan is the Wasserstein distance
# (Wasserstein 距离). It is computed here by sorting, by two linear programs and by a solver made for it, which agree to nine digits,
# and with entropy, which agrees up to a bound. The second program is the one that a critic will solve in the rest of this chapter.

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
import itertools
import math

import matplotlib.pyplot as plt
import numpy as np
import ot
import scipy.integrate
import scipy.optimize
import scipy.stats
import torch
from IPython.display import Markdown
from torch import Tensor

from genmodels import data, lab, metrics, plots, training, transport
from genmodels.adversarial import jensen_shannon, kl
from genmodels.transport import (
    c_transform, distances, dual, primal, sinkhorn, wasserstein_1, wasserstein_1d,
)  # fmt: skip

lab.start(scale)


def normal(*shape: int, seed: int) -> Tensor:
    """Standard normal numbers of their own seed."""
    return torch.randn(shape, generator=training.rng(seed), dtype=torch.float64)


# %% [markdown]
# ## Two parallel lines
#
# Take data that lie on a segment of a line in the plane, uniformly, and a model that has learned this segment perfectly, except that it
# sits $\theta$ to the side {cite}`arjovsky2017wgan`. Four numbers can say how far apart they are: the
# {term}`total variation` $\mathrm{TV}=\frac12\int|p-q|$ (全变差), which is the largest difference of the probabilities that the two
# give to one event; the two divergences of {ref}`sec-game`, KL and JSD; and the Wasserstein distance $W_1$, which the next
# paragraphs define. Here the segments are rows of 16 points.
#
# **Prediction:** three of the four know only whether $\theta=0$. For any other $\theta$, TV is 1, JSD is $\log2$ and KL is
# infinite. $W_1$ is $|\theta|$.

# %%
heights = torch.linspace(0, 1, 16, dtype=torch.float64)


def segment(across: float) -> Tensor:
    return torch.stack([torch.full_like(heights, across), heights], dim=1)


def compare(theta: float) -> dict[str, float]:
    """Four distances between two segments, as tables over all their points."""
    x, y = segment(0.0), segment(theta)
    points, place = torch.cat([x, y]).unique(dim=0, return_inverse=True)
    p, q = (side.bincount(minlength=len(points)) / 16 for side in place.chunk(2))
    return {
        "TV": (p - q).abs().sum().item() / 2,
        "KL": kl(p, q).item(),
        "JSD": jensen_shannon(p, q).item(),
        "$W_1$": wasserstein_1(x, y),
    }


offsets = [-1, -0.75, -0.5, -0.3, -0.15, -0.05, 0, 0.05, 0.15, 0.3, 0.5, 0.75, 1]
table = {theta: compare(theta) for theta in offsets}
for theta, row in table.items():
    moved = float(theta != 0)
    assert row["TV"] == moved and row["KL"] == (math.inf if moved else 0)
    assert math.isclose(row["JSD"], moved * math.log(2), abs_tol=1e-6)
    assert math.isclose(row["$W_1$"], abs(theta), abs_tol=1e-9)


# %% tags=["hide-input"]
def lines_figure(theta: float) -> plt.Figure:
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(7.2, 2.7), width_ratios=(1, 1.5)
    )
    for (ax_, ay), (bx, by) in zip(segment(0.0)[::3], segment(theta)[::3], strict=True):
        left.annotate(
            "", (bx, by), (ax_, ay),
            arrowprops={"arrowstyle": "->", "color": plots.PALETTE["muted"], "lw": 0.8},
        )  # fmt: skip
    for across, kind, name in ((0.0, "real", "data"), (theta, "fake", "model")):
        left.plot(
            *segment(across).T, color=plots.PALETTE[kind], linewidth=3, label=name
        )
    left.set(xlim=(-1.15, 1.15), ylim=(-0.05, 1.05), xlabel=r"$\theta$", yticks=[])
    left.legend(loc="upper center", bbox_to_anchor=(0.5, 1.2), ncols=2)
    at = [t for t in offsets if t != 0]
    for name, line, kind in (
        ("TV", ":", "muted"),
        ("JSD", "--", "ink"),
        ("$W_1$", "-", "critic"),
    ):
        style: dict = {"color": plots.PALETTE[kind], "linestyle": line}
        for half in ([t for t in at if t < 0], [t for t in at if t > 0]):
            label = name if half[0] < 0 else None
            right.plot(half, [table[t][name] for t in half], label=label, **style)
        right.plot(theta, table[theta][name], "o", color=plots.PALETTE[kind])
    right.set(xlabel=r"$\theta$", xlim=(-1.1, 1.1), ylim=(-0.05, 1.1))
    right.legend(loc="upper center", bbox_to_anchor=(0.5, 1.2), ncols=3)
    return figure


lines_player = plots.explore(
    lines_figure,
    offsets,
    label=lambda theta: f"θ = {theta:+.2f}: " + ", ".join(
        f"{name.replace('$', '').replace('_', '')} {value:.2f}"
        for name, value in table[theta].items()
    ),
    alt="Two parallel segments with arrows from the one to the other on the left; on the right total variation and JSD as flat lines that drop to zero at theta zero only, and the Wasserstein distance as a V",
    start=10,
)  # fmt: skip
lines_player

# %% [markdown]
# Drag the segment through 0: total variation and JSD wait on their plateaus and jump at a single point, KL is infinite off it, and
# $W_1$ falls steadily to 0. So only $W_1$ has a slope that a generator could follow. The next cell takes that slope by automatic
# differentiation, and compares it with the divergence of tables whose supports stay apart.

# %% tags=["nbval-check-output"]
shift = torch.tensor(0.4, dtype=torch.float64, requires_grad=True)
(toward,) = torch.autograd.grad(
    wasserstein_1d(torch.zeros(16), shift.expand(16)), shift
)
apart = [compare(shift.item() + nudge)["JSD"] for nudge in (-0.01, 0.01)]
of_jsd = (apart[1] - apart[0]) / 0.02
print(f"slope of W1: {toward.item():.0f}; slope of JSD: {of_jsd:.0f}")
assert toward == 1 and apart[0] == apart[1]

# %% [markdown]
# (sec-transport-plans)=
# ## Moving earth
#
# Think of $p$ as a pile of earth and of $q$ as the pile that is wanted. A plan says for every pair of places how much goes from $x$ to $y$.
# As a distribution over pairs it is a joint distribution (联合分布) with $p$ and $q$ as its marginals.
#
# :::{prf:definition} Coupling and Wasserstein distance
# :label: def-transport
#
# A **{term}`coupling`** (耦合), or **transport plan**, of $p$ and $q$ is a joint distribution $\gamma(x,y)$ whose marginals are $p$ and $q$. The set of
# all of them is $\Gamma(p,q)$. For $k\ge1$ the **{term}`Wasserstein distance`** of order $k$ is
#
# $$
# W_k(p,q)=\Bigl(\inf_{\gamma\in\Gamma(p,q)}\mathbb E_{(x,y)\sim\gamma}\bigl[d(x,y)^k\bigr]\Bigr)^{1/k}
# $$ (eq-wasserstein)
#
# (nndl, eq. 13.51). With $k=1$ it is the **{term}`earth mover's distance`** (推土机距离): mass times the way it goes,
#
# $$
# W_1(p,q)=\inf_{\gamma\in\Gamma(p,q)}\mathbb E_{(x,y)\sim\gamma}\bigl[\Vert x-y\Vert\bigr]
# $$ (eq-emd)
#
# (nndl, eq. 13.52).
# :::
#
# There is always a plan: the independent coupling $p(x)\,q(y)$ sends from everywhere to everywhere. {numref}`fig-transport-plans` prices
# it, the best plan and the worst one, for two piles on a line and $k=2$. (For $k=1$ the price on the line does not care who goes where as long as nobody goes
# back, so that many plans are best. The one drawn is among them, as the cell checks.)

# %%
grid = torch.linspace(0, 1, 61, dtype=torch.float64)


def pile(*bumps: tuple[float, float, float]) -> Tensor:
    """A histogram on the grid: bumps given by mass, centre and width."""
    heap = sum(m * (-0.5 * ((grid - c) / w) ** 2).exp() / w for m, c, w in bumps)
    assert isinstance(heap, Tensor)
    return heap / heap.sum()


p, q = pile((0.5, 0.15, 0.05), (0.5, 0.8, 0.06)), pile((1.0, 0.45, 0.1))
way = distances(grid[:, None], grid[:, None])  # |x - y|
plans = {
    "cheapest": primal(way**2, p, q).plan,
    "independent": torch.outer(p, q),
    "dearest": primal(-(way**2), p, q).plan,
}
prices = {name: (plan * way**2).sum().item() for name, plan in plans.items()}
for plan in plans.values():
    torch.testing.assert_close(plan.sum(dim=1), p)
    torch.testing.assert_close(plan.sum(dim=0), q)
assert prices["cheapest"] < prices["independent"] < prices["dearest"]

earth = primal(way, p, q).cost  # W1
assert math.isclose((plans["cheapest"] * way).sum().item(), earth, abs_tol=1e-9)

# %% mystnb={"figure": {"caption": "Three plans that turn the blue pile into the orange one. Upwards: from where; to the right: to where. The dotted diagonal is free. Prices are mean squared distances.", "name": "fig-transport-plans"}, "image": {"alt": "Left: two blue bumps and one orange bump between them. Then three square pictures: the cheapest plan is a thin increasing curve near the diagonal, the independent plan is two round blobs, the dearest plan is a thin curve with a long way to go."}} tags=["hide-input"]
figure, axes = plt.subplots(1, 4, figsize=(7.2, 2.1))
for masses, kind, name in ((p, "real", "$p$"), (q, "fake", "$q$")):
    axes[0].fill_between(
        grid, masses, color=plots.PALETTE[kind], alpha=0.4, linewidth=0, label=name
    )
axes[0].set(xlabel="place", yticks=[], ylim=(0, None))
axes[0].legend(loc="upper center", bbox_to_anchor=(0.5, 1.28), ncols=2)
for ax, (name, plan) in zip(axes[1:], plans.items(), strict=True):
    ax.imshow(plan.sqrt().numpy(), extent=(0, 1, 0, 1), origin="lower")
    ax.plot([0, 1], [0, 1], ":", color=plots.PALETTE["muted"], linewidth=1)
    ax.set(title=f"{name}: {prices[name]:.3f}", xticks=[0, 1], yticks=[0, 1])
axes[1].set(xlabel="to", ylabel="from")
plt.show()

# %% [markdown]
# ## On the line: sort
#
# On the line a best plan can be written down: the one in which no two ways cross.
#
# :::{prf:theorem} Transport on the line
# :label: thm-transport-line
#
# Let $F$ and $G$ be the distribution functions of $p$ and $q$ on $\mathbb R$. For every $k\ge1$ the plan that sends each quantile of $p$ to the same
# quantile of $q$ is optimal, so that
#
# $$
# W_k(p,q)^k=\int_0^1\bigl|F^{-1}(u)-G^{-1}(u)\bigr|^k\,du,\qquad W_1(p,q)=\int_{-\infty}^\infty|F(x)-G(x)|\,dx .
# $$ (eq-quantiles)
# :::
#
# :::{prf:proof}
# For two samples of $n$ points each. Some optimal plan of equal masses is a pairing: the price is linear in the plan, and the corners of the set of
# plans are the permutations (Birkhoff). Let two ways cross: $x\le x'$, and $x$ goes to $y'$ and $x'$ to $y$ although $y\le y'$. Exchanging the two partners does not raise the price,
# because $h(t)=|t|^k$ is convex: with $s=x-y'$ and $t=x'-y$, both $x-y$ and $x'-y'$ lie between $s$ and $t$ and have the same sum, hence
# $h(x-y)+h(x'-y')\le h(s)+h(t)$. After finitely many exchanges the pairing is sorted. The two formulas for $k=1$ measure
# one area, between the graphs of $F$ and $G$, along the two axes. For any distributions on the line: {cite}`peyre2019computational`, section 2.6.
# :::
#
# Six points a side have 720 pairings, few enough to try them all.

# %% tags=["nbval-check-output"]
x6, y6 = normal(2, 6, seed=0)
for order in (1.0, 2.0, 4.0):
    every = [
        ((x6 - y6[list(pairing)]).abs() ** order).mean()
        for pairing in itertools.permutations(range(6))
    ]
    by_sorting = ((x6.sort().values - y6.sort().values).abs() ** order).mean()
    torch.testing.assert_close(by_sorting, min(every))
    print(
        f"k = {order:.0f}: best of {len(every)} pairings {min(every):.4f}, "
        f"sorted {by_sorting:.4f}"
    )

# %% [markdown]
# With masses that differ the quantile functions are staircases, and the integral {eq}`eq-quantiles` is a sum over their common steps:

# %% tags=["remove-input"]
lab.show(wasserstein_1d)

# %% [markdown]
# It agrees with `scipy.stats.wasserstein_distance` on weighted points and on the two piles above with their linear program. Densities need nothing
# new: for two Gaussians $F^{-1}(u)=\mu+\sigma\,\Phi^{-1}(u)$, and the integral gives $W_2^2=(\mu_1-\mu_2)^2+(\sigma_1-\sigma_2)^2$. Two properties can be
# read off the definition: a higher order is never smaller, and a shift by $c$ costs $|c|$ in every order.

# %%
x9, y5 = normal(9, seed=9), normal(5, seed=5)
a9, b5 = normal(9, seed=18).softmax(0), normal(5, seed=10).softmax(0)
ours = wasserstein_1d(x9, y5, a=a9, b=b5).item()
assert math.isclose(
    ours, scipy.stats.wasserstein_distance(x9, y5, a9, b5), abs_tol=1e-12
)
assert math.isclose(wasserstein_1d(grid, grid, a=p, b=q).item(), earth, abs_tol=1e-9)

gauss, other = scipy.stats.norm(0, 1), scipy.stats.norm(1.5, 0.4)
squared, _ = scipy.integrate.quad(lambda u: (gauss.ppf(u) - other.ppf(u)) ** 2, 0, 1)
assert math.isclose(squared, 1.5**2 + 0.6**2, abs_tol=1e-6)
one, _ = scipy.integrate.quad(lambda u: abs(gauss.ppf(u) - other.ppf(u)), 0, 1)
area, _ = scipy.integrate.quad(lambda x: abs(gauss.cdf(x) - other.cdf(x)), -9, 9)
assert math.isclose(one, area, abs_tol=1e-6) and one < math.sqrt(squared)

in_orders = (1.0, 2.0, 4.0, 8.0)
orders = [wasserstein_1d(x9, y5, a=a9, b=b5, p=k).item() for k in in_orders]
assert orders == sorted(orders)
for k in in_orders:
    assert math.isclose(wasserstein_1d(x9, x9 - 3, p=k).item(), 3, abs_tol=1e-12)
print(
    f"W1 {one:.3f} < W2 {math.sqrt(squared):.3f}; orders 1, 2, 4, 8:",
    [round(w, 2) for w in orders],
)

# %% [markdown]
# ## Anywhere: two linear programs
#
# In the plane there is no order to sort by. But for distributions on finitely many points, $p=\sum_ia_i\delta_{x_i}$ and $q=\sum_jb_j\delta_{y_j}$, the
# definition is a {term}`linear program` (线性规划): a price linear in the plan, and linear conditions. With $c_{ij}=d(x_i,y_j)^k$,
#
# $$
# \min_{\gamma\ge0}\ \sum_{ij}\gamma_{ij}c_{ij}\quad\text{such that}\quad\sum_j\gamma_{ij}=a_i,\quad\sum_i\gamma_{ij}=b_j .
# $$ (eq-primal)
#
# Every linear program has a dual (对偶). Imagine a carrier who takes over all the moving. For each unit he charges $f_i$ where it is
# fetched and $g_j$ where it is delivered. Nobody hires him for a way on which $f_i+g_j$ exceeds the price of going oneself. Subject to that, what is the
# most he can earn?
#
# $$
# \max_{f,g}\ \sum_ia_if_i+\sum_jb_jg_j\quad\text{such that}\quad f_i+g_j\le c_{ij}\ \text{ for all }i,j .
# $$ (eq-dual)
#
# He never earns more than the plan costs: multiply the condition by $\gamma_{ij}$ and add up. That both optima are *equal* is the duality theorem of
# linear programming. In code the two programs share one matrix, which takes the row and column sums of a plan:

# %% tags=["remove-input"]
lab.show(primal, dual, transport.marginals)

# %% [markdown]
# Twelve data points in the plane, with masses, and nine of a model. **Prediction:** the two programs, solved separately by HiGHS, agree to
# $10^{-9}$. Wherever mass moves, $f_i+g_j=c_{ij}$ exactly ({term}`complementary slackness`, 互补松弛性): a gap there would be lost money.
# The plan that a simplex method finds is a corner of the set of plans, and a corner uses at most $12+9-1$ of the 108 ways: that is how many independent conditions there are.


# %%
def masses_for(n: int, seed: int) -> Tensor:
    weights = torch.rand(n, generator=training.rng(seed), dtype=torch.float64) + 0.3
    return weights / weights.sum()


def two_samples(seed: int) -> tuple[Tensor, Tensor]:
    """Twelve points around two centres, and nine around a third."""
    left, above, model = torch.tensor([[-1.4, 0.5], [0.2, 1.3], [0.9, -0.7]]).double()
    noise = normal(21, 2, seed=seed)
    at_left, at_above, at_model = noise.split((6, 6, 9))
    data_points = torch.cat([left + 0.4 * at_left, above + 0.4 * at_above])
    return data_points, model + 0.5 * at_model


x, y = two_samples(seed=20)
a, b = masses_for(12, seed=21), masses_for(9, seed=22)
cost = distances(x, y)

best = primal(cost, a, b)
f, g, value = dual(cost, a, b)
used = best.plan > 1e-12
slack = cost - f[:, None] - g
print(f"price {best.cost:.12f}, value {value:.12f}")
print(f"ways used: {used.sum()} of {used.numel()}")
assert abs(best.cost - value) < 1e-9 and used.sum() <= 20
assert slack.min() > -1e-9 and slack[used].max() < 1e-9
assert math.isclose(
    best.cost, ot.emd2(a.numpy(), b.numpy(), cost.numpy()), abs_tol=1e-9
)

# %% [markdown]
# ## One function instead of two
#
# For $k=1$ the dual becomes simpler, and this is the form that a critic can take, the {term}`Kantorovich-Rubinstein duality`. Keep $g$ and raise every $f_i$ as far as the conditions allow: the result
# is the **{term}`c-transform`** (c-变换)
#
# $$
# f(x)=\min_j\,\bigl[d(x,y_j)-g_j\bigr],
# $$ (eq-ctransform)
#
# defined not only at the data but everywhere. As a minimum of functions with slope 1 it satisfies $|f(x)-f(x')|\le d(x,x')$: it is **1-Lipschitz**. And
# $f(y_j)\le-g_j$ (take $y_j$ itself in the minimum), so that replacing $g_j$ by $-f(y_j)$ loses nothing. One function does for both.
#
# :::{prf:theorem} Kantorovich-Rubinstein duality
# :label: thm-kantorovich
#
# $$
# W_1(p,q)=\sup_{\Vert f\Vert_L\le1}\ \mathbb E_{x\sim p}[f(x)]-\mathbb E_{y\sim q}[f(y)],
# $$ (eq-kantorovich)
#
# where the supremum is over all functions with $|f(x)-f(x')|\le d(x,x')$ (nndl, eq. 13.53).
# :::
#
# :::{prf:proof}
# For finitely many points. *No such $f$ exceeds $W_1$*: for any plan, $\mathbb E_pf-\mathbb E_qf=\mathbb E_{\gamma}[f(x)-f(y)]\le\mathbb E_\gamma[d(x,y)]$. *One
# reaches it*: take an optimal pair $(f,g)$ of {eq}`eq-dual` and its c-transform $f$, as above. It is 1-Lipschitz, and $\mathbb E_pf-\mathbb E_qf$ is at least
# the value of the pair, which is $W_1$ by linear programming duality. For general distributions see {cite}`villani2009optimal`, theorem 5.10 and particular case 5.16.
# :::
#
# The next cell checks each step on the two point sets, and {numref}`fig-transport-dual` draws $f$. Note what it does along the plan: from the data point down to
# the model's point it falls by exactly the length of the way. Between them it has slope 1, in the direction of the way. A generator whose points
# climb $f$ moves along an optimal plan. (At the model's points themselves this $f$ has a kink, a cone pointing down: several ways may begin there.)


# %%
def potential(z: Tensor) -> Tensor:
    """The optimal function, anywhere in the plane."""
    return c_transform(distances(z, y), g)


torch.testing.assert_close((a @ potential(x) - b @ potential(y)).item(), value)
falls = potential(x)[:, None] - potential(y)
torch.testing.assert_close(falls[used], cost[used])

anywhere = 2 * normal(400, 2, seed=23)
rise = (potential(anywhere)[:, None] - potential(anywhere)).abs()
assert (rise <= distances(anywhere, anywhere) + 1e-12).all()

for i, j in used.nonzero():
    halfway = ((x[i] + y[j]) / 2)[None].requires_grad_()
    (uphill,) = torch.autograd.grad(potential(halfway).sum(), halfway)
    torch.testing.assert_close(uphill[0], (x[i] - y[j]) / cost[i, j])

# %% mystnb={"figure": {"caption": "Left: the optimal plan between data (blue) and model (orange), the width of each way its mass. Right: the optimal function f of the dual, more ink where it is higher; along each way it falls by the way's length.", "name": "fig-transport-dual"}, "image": {"alt": "Left: two blue clusters above and one orange cluster below right, joined by lines of different widths. Right: the same points over a violet field that is dark around the blue clusters and fades to white at the orange one, with contour lines crossing the ways at right angles."}} tags=["hide-input"]
figure, (left, right) = plt.subplots(1, 2, figsize=(7.2, 3.3), sharex=True, sharey=True)
across = torch.linspace(-2.9, 2.3, 90, dtype=torch.float64)
up = torch.linspace(-2.4, 2.8, 90, dtype=torch.float64)
height = potential(torch.cartesian_prod(across, up)).reshape(90, 90).T.numpy()
violet = plt.matplotlib.colors.LinearSegmentedColormap.from_list(
    "critic", ["#ffffff", plots.PALETTE["critic"]]
)
right.contourf(across, up, height, levels=16, cmap=violet, alpha=0.7)
right.contour(across, up, height, levels=16, colors="white", linewidths=0.4)
for ax in (left, right):
    for i, j in used.nonzero():
        ax.plot(
            *torch.stack([x[i], y[j]]).T,
            color=plots.PALETTE["muted"],
            linewidth=40 * best.plan[i, j].item() if ax is left else 0.8,
            alpha=0.6,
            solid_capstyle="round",
        )
    for at, weight, kind, name in ((x, a, "real", "data"), (y, b, "fake", "model")):
        ax.scatter(
            *at.T,
            s=600 * weight,
            color=plots.PALETTE[kind],
            zorder=3,
            edgecolor="white",
            linewidth=0.6,
            label=name,
        )
    ax.set(aspect="equal", xlim=(-2.9, 2.3), ylim=(-2.4, 2.8), xticks=[], yticks=[])
left.set_title(f"plan, price {best.cost:.3f}")
right.set_title(f"function $f$, value {value:.3f}")
left.legend(loc="lower left", markerscale=0.8)
plt.show()

# %% [markdown]
# On the line the function can be seen whole ({numref}`fig-transport-line`). $W_1$ is the area between $F$ and $G$, and $f$ collects all of it: it climbs with
# slope 1 where $F<G$, where mass has to come from the right, and falls with slope $-1$ where $F>G$.

# %%
prices_line = dual(way, p, q)
f_line = c_transform(way, prices_line.g)
F_minus_G = (p - q).cumsum(dim=0)[:-1]
slopes = f_line.diff() / grid.diff()
crossing = F_minus_G.abs() > 1e-6
torch.testing.assert_close(slopes[crossing], -F_minus_G[crossing].sign())
torch.testing.assert_close(((p - q) @ f_line).item(), earth)

# %% mystnb={"figure": {"caption": "The dual on the line. Where the blue distribution function is below the orange one, f climbs; where it is above, f falls; always with slope 1.", "name": "fig-transport-line"}, "image": {"alt": "Left: two step-like increasing curves that cross near the middle, with the area between them shaded. Right: a violet V-shaped function that falls with slope one to its lowest point near the middle and then climbs with slope one, over the blue and orange piles."}} tags=["hide-input"]
figure, (left, right) = plt.subplots(1, 2, figsize=(7.2, 2.5))
for masses, kind, name in ((p, "real", "$F$"), (q, "fake", "$G$")):
    left.plot(grid, masses.cumsum(0), color=plots.PALETTE[kind], label=name)
    right.fill_between(
        grid, 5 * masses, color=plots.PALETTE[kind], alpha=0.3, linewidth=0
    )
left.fill_between(
    grid,
    p.cumsum(0),
    q.cumsum(0),
    color=plots.PALETTE["critic"],
    alpha=0.15,
    linewidth=0,
)
left.text(0.2, 0.28, "$W_1$", color=plots.PALETTE["critic"], ha="center", va="center")
left.legend()
left.set(xlabel="$x$")
right.plot(grid, f_line - f_line.min(), color=plots.PALETTE["critic"], label="$f$")
right.legend(loc="upper center")
right.set(xlabel="$x$", ylim=(0, None))
plt.show()

# %% [markdown]
# **Any** 1-Lipschitz function gives a lower bound, by the first half of the proof. This is why a critic network that is held 1-Lipschitz measures a distance without
# having to be perfect, and why, on the points it is given, it reports too little and never too much. Below are 2,000 functions {eq}`eq-ctransform` with random $g$, and the best linear one, whose
# value is the distance between the two means.

# %%
among = distances(y, y)
bounds = torch.stack(
    [
        a @ c_transform(cost, h) - b @ c_transform(among, h)
        for h in normal(2_000, 9, seed=24)
    ]
)
between_means = (a @ x - b @ y).norm().item()
print(
    f"W1 {value:.3f}; best linear function {between_means:.3f}; "
    f"random functions from {bounds.min():.2f} to {bounds.max():.2f}"
)
assert bounds.max() < value and between_means < value

# %% [markdown]
# :::{margin} Correction E-56
# The lecture defines $W_p$ with $d(x,y)^p$ and continues with the supremum over 1-Lipschitz functions. That dual belongs to $p=1$. For other orders there are
# two functions, $f(x)+g(y)\le d(x,y)^p$.
# :::
#
# The step from two functions to one used the triangle inequality of $d$, and $d^2$ has none. What happens to {eq}`eq-kantorovich` if $d^2$ is put in its
# condition all the same? Far apart two points may then differ by much, but many small steps between them allow almost nothing: over $m$
# steps of $1/m$ the condition adds up to $m\cdot\frac1{m^2}$. On a grid of spacing $h$ the value should be $h\,W_1$, and so vanish as the grid becomes fine. The
# pair of functions gives $W_2^2$, as it should.


# %%
def with_one_function(limit: Tensor, difference: Tensor) -> float:
    """max of sum_i f_i (p_i - q_i) such that f_i - f_j <= limit_ij."""
    k = len(difference)
    pairs = torch.cartesian_prod(torch.arange(k), torch.arange(k))
    rows = (torch.eye(k)[pairs[:, 0]] - torch.eye(k)[pairs[:, 1]]).numpy()
    solution = scipy.optimize.linprog(
        -difference.numpy(),
        A_ub=rows,
        b_ub=limit.flatten().numpy(),
        bounds=(None, None),
    )
    return (difference @ torch.as_tensor(solution.x)).item()


for every_nth in (6, 4, 2):  # spacings 0.1, 0.067, 0.033
    coarse, h = grid[::every_nth], every_nth / 60
    p_coarse, q_coarse = (
        masses[::every_nth] / masses[::every_nth].sum() for masses in (p, q)
    )
    d = distances(coarse[:, None], coarse[:, None])
    w1, w2 = (
        wasserstein_1d(coarse, coarse, a=p_coarse, b=q_coarse, p=k).item()
        for k in (1.0, 2.0)
    )
    under_d = with_one_function(d, p_coarse - q_coarse)
    under_d2 = with_one_function(d**2, p_coarse - q_coarse)
    pair_under_d2 = dual(d**2, p_coarse, q_coarse).value
    print(
        f"h = {h:.3f}: under d {under_d:.4f} (W1 {w1:.4f}), under d² {under_d2:.4f}, "
        f"a pair under d² {pair_under_d2:.4f} (W2² {w2**2:.4f})"
    )
    assert math.isclose(under_d, w1, abs_tol=1e-9)
    assert math.isclose(under_d2, h * w1, abs_tol=1e-9)
    assert math.isclose(pair_under_d2, w2**2, abs_tol=1e-9)

# %% [markdown]
# ## With entropy: Sinkhorn
#
# A linear program of $n\cdot m$ unknowns is a lot of work. A little entropy (熵) makes the problem smooth, and an algorithm of two lines solves it
# {cite}`cuturi2013sinkhorn`:
#
# $$
# \min_{\gamma\in\Gamma(a,b)}\ \sum_{ij}\gamma_{ij}c_{ij}-\varepsilon H(\gamma),\qquad H(\gamma)=-\sum_{ij}\gamma_{ij}\log\gamma_{ij} .
# $$ (eq-entropic)
#
# Setting the derivative of the Lagrangian to zero gives the form of the solution, $\gamma_{ij}=e^{(f_i+g_j-c_{ij})/\varepsilon}$. Only the multipliers $f$
# and $g$ are unknown. Given $g$, the row sums determine $f$; given $f$, the column sums determine $g$; the **{term}`Sinkhorn algorithm`** (Sinkhorn 算法) does the one and the
# other in turn. In the logarithm each is a soft minimum, and for $\varepsilon\to0$ it is the c-transform {eq}`eq-ctransform`.


# %%
def entropic_plan(cost, a, b, *, epsilon, tolerance=1e-6):
    g = torch.zeros_like(b)
    for iteration in itertools.count(1):
        f = epsilon * (a.log() - torch.logsumexp((g - cost) / epsilon, dim=1))
        g = epsilon * (b.log() - torch.logsumexp((f[:, None] - cost) / epsilon, dim=0))
        plan = ((f[:, None] + g - cost) / epsilon).exp()
        if (plan.sum(dim=1) - a).abs().sum() < tolerance:
            return plan, iteration


mine, _ = entropic_plan(cost, a, b, epsilon=0.1, tolerance=1e-9)
theirs = ot.sinkhorn(
    a.numpy(), b.numpy(), cost.numpy(), 0.1,
    method="sinkhorn_log", stopThr=1e-12, numItermax=10_000,
)  # fmt: skip
torch.testing.assert_close(mine, sinkhorn(cost, a, b, epsilon=0.1).plan)
torch.testing.assert_close(mine, torch.as_tensor(theirs), rtol=0, atol=1e-8)

# %% [markdown]
# Why in the logarithm? The textbook form keeps the matrix $e^{-c/\varepsilon}$ and scales its rows and columns. For a small $\varepsilon$ all of its entries
# are rounded to zero, and zero cannot be scaled: the result is NaN, which users of POT have met (issue 723). The same six lines without the logarithm, on points ten times as far apart
# and $\varepsilon=0.02$:


# %%
def without_logarithm(cost, a, b, *, epsilon, iterations=200):
    kernel, u = (-cost / epsilon).exp(), torch.ones_like(a)
    for _ in range(iterations):
        v = b / (kernel.T @ u)
        u = a / (kernel @ v)
    return u[:, None] * kernel * v


far = 10 * cost
assert torch.isnan(without_logarithm(far, a, b, epsilon=0.02)).all()
sharp = sinkhorn(far, a, b, epsilon=0.02)
torch.testing.assert_close(
    without_logarithm(cost, a, b, epsilon=0.1, iterations=2_000), mine
)
print(
    f"in the logarithm: {sharp.cost:.4f}; linear program: {primal(far, a, b).cost:.4f}"
)
assert abs(sharp.cost - primal(far, a, b).cost) < 0.02

# %% [markdown]
# What does the entropy cost? Compare the objective of the entropic plan $\gamma_\varepsilon$ with that of the cheapest plan $\gamma^*$: $\langle\gamma_\varepsilon,c\rangle-\varepsilon
# H(\gamma_\varepsilon)\le\langle\gamma^*,c\rangle-\varepsilon H(\gamma^*)$. The entropy of a plan is at most $H(a)+H(b)$ and at least the larger of the two, hence
#
# $$
# 0\ \le\ \langle\gamma_\varepsilon,c\rangle-\langle\gamma^*,c\rangle\ \le\ \varepsilon\,\min\{H(a),H(b)\} .
# $$ (eq-entropy-bound)
#
# **Prediction** for the two piles and squared distances: the price falls towards the linear program's as $\varepsilon$ does, within {eq}`eq-entropy-bound`, and the plan
# contracts to a line. Sharpness is paid for in iterations: at least three times as many for each tenth of $\varepsilon$ below 0.1 (a trial run had shown five to ten times).

# %%
epsilons = [1.0, 0.3, 0.1, 0.03, 0.01, 0.003, 0.001]
least = primal(way**2, p, q)
entropy = min(-torch.xlogy(masses, masses).sum().item() for masses in (p, q))
soft = {epsilon: entropic_plan(way**2, p, q, epsilon=epsilon) for epsilon in epsilons}
excess = [
    ((soft[epsilon][0] - least.plan) * way**2).sum().item() for epsilon in epsilons
]
needed = [soft[epsilon][1] for epsilon in epsilons]
for epsilon, over, steps in zip(epsilons, excess, needed, strict=True):
    print(
        f"epsilon {epsilon:5}: {over:.5f} above the cheapest, "
        f"bound {epsilon * entropy:.5f}, {steps:3} iterations"
    )
    assert 0 < over < epsilon * entropy
assert excess == sorted(excess, reverse=True)
assert needed[4] > 3 * needed[2] and needed[6] > 3 * needed[4]


# %% tags=["hide-input"]
def entropy_figure(epsilon: float) -> plt.Figure:
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(6.6, 2.8), width_ratios=(1, 1.35)
    )
    left.imshow(soft[epsilon][0].sqrt().numpy(), extent=(0, 1, 0, 1), origin="lower")
    left.set(xlabel="to", ylabel="from", xticks=[0, 1], yticks=[0, 1], title="plan")
    right.loglog(
        epsilons,
        [e * entropy for e in epsilons],
        ":",
        color=plots.PALETTE["muted"],
        label="bound",
    )
    right.loglog(
        epsilons, excess, color=plots.PALETTE["ink"], label="price above the cheapest"
    )
    right.plot(
        epsilon, excess[epsilons.index(epsilon)], "o", color=plots.PALETTE["ink"]
    )
    right.set(xlabel=r"$\varepsilon$", ylim=(1e-5, 10))
    right.legend(loc="upper left")
    return figure


entropy_player = plots.explore(
    entropy_figure,
    epsilons,
    label=lambda e: f"ε = {e:g}: {soft[e][1]:,} iterations",
    alt="The entropic plan between the two piles, blurred for large epsilon and a thin curve for small epsilon, beside its price above the cheapest plan, which falls with epsilon below its bound",
    start=3,
    pause=700,
)
entropy_player

# %% [markdown]
# ## For size: a solver made for it
#
# A transport problem is a flow in a network, and for those there is a special simplex method. The library POT {cite}`flamary2021pot` has a good one, and the package
# uses it in `wasserstein_1`. It finds the value of the linear program, which is what can be checked here; `benchmarks/transport.py`
# prints how many times faster it is on your machine.

# %%
n_points = lab.scale(quick=100, full=400)
cloud, cloud_2 = normal(2, n_points, 2, seed=30)
uniform = torch.full((n_points,), 1 / n_points, dtype=torch.float64)
by_program = primal(distances(cloud, cloud_2), uniform, uniform).cost
by_pot = wasserstein_1(cloud, cloud_2)
print(f"{n_points**2:,} unknowns")
print(f"linear program {by_program:.10f}, POT {by_pot:.10f}")
assert math.isclose(by_program, by_pot, abs_tol=1e-9)

# %% [markdown]
# (sec-transport-breaks)=
# ## Where it breaks: samples are not distributions
#
# Look at that last number again. Both samples came from *one* distribution, whose distance from itself is 0. Two samples of it are apart because they are two.
# In high dimensions that gap closes very slowly: a sample of $n$ points has to fill a space, and the mean $W_1$ between a distribution and its sample falls like $n^{-1/d}$ for $d\ge3$
# {cite}`dudley1969speed,weed2019sharp`.
#
# Two cheaper distances do better. The **{term}`sliced Wasserstein distance`** (切片 Wasserstein 距离) averages the $W_1$ of one-dimensional projections over random directions {cite}`bonneel2015sliced`. The squared
# **{term}`maximum mean discrepancy`** (最大均值差异), $\mathrm{MMD}^2=\mathbb E\,k(x,x')+\mathbb E\,k(y,y')-2\,\mathbb E\,k(x,y)$ with a Gaussian kernel $k$, has an estimate without bias
# {cite}`gretton2012kernel`: no point is paired with itself. In the package all three carry their sample size in the name, because none of their values means anything without it.
#
# **Prediction** for pairs of samples of $\mathcal N(0,I_d)$, five pairs each: on a double logarithmic scale the exact $W_1$ falls with slope $-\frac12$ for $d=1$, about $-\frac18$ for $d=8$ and hardly at all,
# $-\frac1{32}$, for $d=32$; the sliced distance falls with slope $-\frac12$ in all of them; and MMD² scatters around 0 on both sides.

# %%
sizes = [64, 128, 256, 512, 1_024, *lab.scale(quick=[], full=[2_048])]
dims = (1, 2, 8, 32)
exact_floor, sliced_floor, mmds = {}, {}, []
for dim in dims:
    for n in sizes:
        pairs = normal(5, 2, n, dim, seed=1_000 * dim + n)
        exact = [metrics.wasserstein(s, t).value for s, t in pairs]
        lines: dict = {"directions": 32, "rng": training.rng(dim)}
        sliced = [metrics.sliced_wasserstein(s, t, **lines).value for s, t in pairs]
        exact_floor[dim, n], sliced_floor[dim, n] = np.mean(exact), np.mean(sliced)
        if dim == 32:
            mmds += [metrics.mmd(s, t, bandwidth=8.0).value for s, t in pairs]


def steepness(floor: dict, dim: int) -> float:
    """Slope of the logarithm over the logarithm of n."""
    return np.polyfit(np.log(sizes), np.log([floor[dim, n] for n in sizes]), 1)[0]


for dim in dims:
    of_exact, of_sliced = steepness(exact_floor, dim), steepness(sliced_floor, dim)
    print(f"d = {dim:2}: slope of W1 {of_exact:.3f}, of sliced W1 {of_sliced:.2f}")
    assert abs(of_sliced + 0.5) < 0.15
assert abs(steepness(exact_floor, 1) + 1 / 2) < 0.15
assert abs(steepness(exact_floor, 8) + 1 / 8) < 0.04
assert abs(steepness(exact_floor, 32) + 1 / 32) < 0.02
below = (torch.tensor(mmds) < 0).double().mean().item()
eightfold = 1 - exact_floor[32, 512] / exact_floor[32, 64]
assert 0 < eightfold < 0.15
print(f"d = 32: eight times the points lower W1 by {eightfold:.0%}")
print(f"d = 32: MMD² is below 0 in {below:.0%} of {len(mmds)} pairs")
assert 0.2 < below < 0.9

# %% [markdown]
# In 32 dimensions the measured slope is steeper than $-\frac1{32}$, which is a law for large $n$; either way, eight times the points
# buy less than 15 % there. This has a consequence that misleads. Let a generator give up and always return the mean, 0. From a sample of $\mathcal N(0,I_{32})$ it is at distance $\mathbb E\Vert x\Vert\approx5.6$, whatever $n$ is. A perfect
# generator's sample of 256 points is about 5.9 away. **Prediction:** with 256 points the exact $W_1$ ranks the generator that collapsed above the perfect one, in each of five pairs; with 1,024 it does not. The
# sliced distance and MMD² rank the perfect one first at both sizes.


# %%
def three_distances(
    s: Tensor, t: Tensor, bandwidth: float = 8.0
) -> list[metrics.Score]:
    return [
        metrics.wasserstein(s, t),
        metrics.sliced_wasserstein(s, t, directions=32, rng=training.rng(1)),
        metrics.mmd(s, t, bandwidth=bandwidth),
    ]


# E|x| in 32 dimensions, and what two samples of 256 points are apart
mean_norm = math.sqrt(2) * math.exp(math.lgamma(33 / 2) - math.lgamma(32 / 2))
assert abs(mean_norm - 5.6) < 0.05 and abs(exact_floor[32, 256] - 5.9) < 0.1

ranks: dict[str, list[bool]] = {}
for n in (256, 1_024):
    for seed in range(5):
        truth, perfect = normal(2, n, 32, seed=seed)
        collapsed = torch.zeros_like(truth)
        for good, bad in zip(
            three_distances(truth, perfect),
            three_distances(truth, collapsed),
            strict=True,
        ):
            ranks.setdefault(good.name, []).append(good.value < bad.value)
for name, right_order in ranks.items():
    print(f"{name:40} perfect generator first in {sum(right_order)} of 5 pairs")
    assert sum(right_order) == (0 if name == "W1 (n=256)" else 5)

# %% mystnb={"figure": {"caption": "Two samples of one Gaussian. Left: the exact distance between them hardly falls in high dimensions. Middle: the sliced distance falls alike in all. Right: in 32 dimensions the perfect generator's score passes that of a generator that always returns the mean only with about a thousand points.", "name": "fig-transport-floor"}, "image": {"alt": "Three panels over the sample size on logarithmic axes. Left: four lines that fall, the one for dimension 1 steeply, the one for dimension 32 nearly flat. Middle: four nearly parallel falling lines. Right: a falling line that crosses a horizontal line between 512 and 1024 points."}} tags=["hide-input"]
figure, (left, middle, right) = plt.subplots(1, 3, figsize=(7.2, 2.6))
for dim, line in zip(dims, ("-", "--", "-.", ":"), strict=True):
    style = {"color": plots.PALETTE["ink"], "linestyle": line, "label": f"$d={dim}$"}
    left.loglog(sizes, [exact_floor[dim, n] for n in sizes], **style)
    middle.loglog(sizes, [sliced_floor[dim, n] for n in sizes], **style)
right.semilogx(
    sizes,
    [exact_floor[32, n] for n in sizes],
    color=plots.PALETTE["ink"],
    linestyle=":",
    label="perfect",
)
right.axhline(mean_norm, color=plots.PALETTE["fake"], label="always the mean")
left.set(title="exact $W_1$", xlabel="$n$", ylim=(0.03, 60))
middle.set(title="sliced $W_1$", xlabel="$n$", ylim=(0.03, 60))
right.set(title="exact $W_1$, $d=32$", xlabel="$n$")
left.legend(ncols=2, fontsize=7.5, loc="upper center")
right.legend(fontsize=7.5)
plt.show()

# %% [markdown]
# The floor of {numref}`fig-transport-floor` is there for real images too. Take $n$ digits as the data. A generator that has memorised $n$ *other* real digits, and nothing else, is as good as a generator can be; one that fades each of these by 30 % towards the mean image is worse, as
# {numref}`fig-transport-faded` shows.
#
# **Prediction:** the exact $W_1$ prefers the faded digits, from three draws out of three, and the sliced distance and MMD² prefer the real ones. (The sizes in both of these predictions were chosen after a trial with one pair of Gaussian samples and one draw of digits.)

# %%
images = lab.scale(quick=data.digits, full=data.mnist)().images
n_images = lab.scale(quick=300, full=1_000)
bandwidth = metrics.median_distance(images[:500])
faded = {}
scores: dict[str, list[tuple[float, float]]] = {}
for seed in range(3):
    draw = torch.randperm(len(images), generator=training.rng(seed))
    truth_images, real_images = (
        images[draw[:n_images]],
        images[draw[n_images : 2 * n_images]],
    )
    faded[seed] = 0.7 * real_images + 0.3 * images.mean(dim=0)
    for good, bad in zip(
        three_distances(truth_images, real_images, bandwidth),
        three_distances(truth_images, faded[seed], bandwidth),
        strict=True,
    ):
        scores.setdefault(good.name, []).append((good.value, bad.value))
rows = ["| distance | other real digits | the same, faded |", "|---|--:|--:|"]
for name, draws in scores.items():
    for_real, for_faded = np.mean(draws, axis=0)
    rows.append(f"| {name} | {for_real:.4f} | {for_faded:.4f} |")
    assert all((s < r) == name.startswith("W1") for r, s in draws)
Markdown("\n".join(rows))

# %% mystnb={"figure": {"caption": "Real digits and the same digits faded by 30 %. By the exact distance between samples the faded ones are closer to the data.", "name": "fig-transport-faded"}, "image": {"alt": "Two blocks of small pictures of handwritten digits; those in the right block are the same digits, greyer and with a faint common background."}} tags=["hide-input"]
plots.strips({"real": real_images[:18], "faded": faded[2][:18]}, columns=6)
plt.show()

# %% [markdown]
# The exact distance is not wrong: it answers how far these two *samples* are. As a score for generators it prefers the safe middle. So measure $W_1$ exactly
# in low dimensions, where samples fill the space, say $n$ each time, and put the score of a second real sample next to it.
#
# %% [markdown]
# ## Exercises
#
# Each exercise asks for one function. The check below it runs on your machine; a course grades the same function on
# further cases. Use `torch`, keep the signature, return a result instead of printing it, and do not change an argument
# in place.

# %% [markdown]
# :::{exercise} Two histograms
# :label: ex-transport-histograms
# Two histograms have their masses at the same places $x_1<x_2<\dots<x_k$ of the line, which need not be evenly spaced. Write
# `histogram_distance(x, p, q)`, which returns $W_1(p,q)$, exactly and without solving a linear program.
# :::

# %% [markdown]
# :::{solution-start} ex-transport-histograms
# :label: sol-transport-histograms
# :class: dropdown
# :::


# %% tags=["solution"]
def histogram_distance(x, p, q):
    """Earth mover's distance of two histograms on the line.

    x: tensor of shape (k,), increasing; p, q: tensors of shape (k,) with entries >= 0
    that sum to 1. Returns a scalar tensor.
    """
    ### BEGIN SOLUTION
    # W1 is the area between the two distribution functions. Between x_i and x_{i+1}
    # both are constant; |F - G| there is how much mass has to cross that gap.
    crossing = (p - q).cumsum(dim=0)[:-1].abs()
    return (crossing * x.diff()).sum()
    ### END SOLUTION


# %% [markdown]
# :::{solution-end}
# :::

# %% tags=["test"]
# check: ex-transport-histograms points=1
places = torch.tensor([0.0, 1.0, 5.0], dtype=torch.float64)
first, last = torch.eye(3, dtype=torch.float64)[[0, 2]]
assert histogram_distance(places, first, last) == 5.0
assert histogram_distance(places, first, first) == 0.0
split = torch.tensor([0.5, 0.0, 0.5], dtype=torch.float64)
assert histogram_distance(places, split, first) == 2.5


# %% tags=["hidden-test", "remove-cell"]
# hidden: ex-transport-histograms function=histogram_distance points=3 tolerance=1e-6
def cases_histogram_distance(rng):
    """Places and two tables: random ones, sparse ones, permuted masses, and the edge cases."""

    def table(k, zeros=0):
        weights = [0.0] * zeros + [rng.uniform(0.1, 1.0) for _ in range(k - zeros)]
        rng.shuffle(weights)
        return [weight / sum(weights) for weight in weights]

    def line(k):
        here, found = rng.uniform(-5.0, 5.0), []
        for _ in range(k):
            found.append(here)
            here += rng.uniform(0.2, 3.0)
        return found

    dense = [(line(k), table(k), table(k)) for k in (3, 4, 6, 9)]
    sparse = [(line(k), table(k, k // 2), table(k, k // 2)) for k in (4, 7, 10)]
    masses = table(6)
    turned = (line(6), masses, masses[::-1])  # equal heights at other places
    even = ([float(i) for i in range(5)], table(5), table(5))
    same = (line(4), masses[:4], masses[:4])
    one_gap = (line(2), [1.0, 0.0], [0.25, 0.75])
    back_and_forth = ([0.0, 1.0, 2.0], [0.5, 0.0, 0.5], [0.0, 1.0, 0.0])  # equal means
    single = ([rng.uniform(-1.0, 1.0)], [1.0], [1.0])
    return [*dense, *sparse, turned, even, same, one_gap, back_and_forth, single]


# %% [markdown]
# :::{exercise} An entropic plan, made exact
# :label: ex-transport-sinkhorn
# When Sinkhorn's algorithm stops, the columns of its plan are right and the rows only nearly: its price is that of no plan between $a$ and $b$, and may even be below
# the cheapest. Three steps repair any matrix of numbers $\gamma_{ij}\ge0$ whose row and column sums are positive ({cite}`altschuler2017near`, Algorithm 2):
#
# 1. Multiply each row whose sum exceeds $a_i$ by the factor that makes the sum $a_i$; leave the other rows alone.
# 2. In the result, do the same with the columns and $b_j$. Call what has come out $\gamma'$.
# 3. No sum is too large now. Let $r_i=a_i-\sum_j\gamma'_{ij}$ and $s_j=b_j-\sum_i\gamma'_{ij}$ be what is missing, and add $r_is_j/\sum_kr_k$ to each $\gamma'_{ij}$.
#
# Write `rounded_cost(plan, cost, a, b)`, which returns the price $\sum_{ij}\gamma_{ij}c_{ij}$ of the repaired plan. If nothing is missing after the second step, the third has nothing to do.
# All masses are positive.
# :::

# %% [markdown]
# :::{solution-start} ex-transport-sinkhorn
# :label: sol-transport-sinkhorn
# :class: dropdown
# :::


# %% tags=["solution"]
def rounded_cost(plan, cost, a, b):
    """The price of a plan after its row sums have been made a and its column sums b.

    plan, cost: shape (n, m); a: shape (n,); b: shape (m,). Returns a scalar tensor.
    """
    ### BEGIN SOLUTION
    # Masses are only taken away at first, so that nothing is negative in what is missing; and as much is missing in
    # the rows as in the columns, so that one division makes both sums right.
    plan = plan * (a / plan.sum(dim=1)).clamp(max=1)[:, None]
    plan = plan * (b / plan.sum(dim=0)).clamp(max=1)
    missing_a, missing_b = a - plan.sum(dim=1), b - plan.sum(dim=0)
    if missing_a.sum() > 0:
        plan = plan + torch.outer(missing_a, missing_b) / missing_a.sum()
    return (plan * cost).sum()
    ### END SOLUTION


# %% [markdown]
# :::{solution-end}
# :::

# %% tags=["test"]
# check: ex-transport-sinkhorn points=1
halves = torch.tensor([0.5, 0.5], dtype=torch.float64)
lopsided = torch.tensor([[0.5, 0.25], [0.0, 0.25]], dtype=torch.float64)
swap = torch.tensor([[0.0, 1.0], [1.0, 0.0]], dtype=torch.float64)
# by hand: the repaired plan is [[1/3, 1/6], [1/6, 1/3]]
assert math.isclose(rounded_cost(lopsided, swap, halves, halves), 1 / 3)
assert math.isclose(rounded_cost(lopsided.T, swap, halves, halves), 1 / 3)
assert rounded_cost(swap / 2, swap, halves, halves) == 1.0  # nothing to repair


# %% tags=["hidden-test", "remove-cell"]
# hidden: ex-transport-sinkhorn function=rounded_cost points=3 tolerance=1e-6
def cases_rounded_cost(rng):
    """Plans that Sinkhorn left unfinished, plans with too much and too little mass, and plans without a fault."""
    import math

    def table(k):
        weights = [rng.uniform(0.2, 1.0) for _ in range(k)]
        return [weight / sum(weights) for weight in weights]

    def costs(n, m, low=0.0, high=2.0):
        return [[rng.uniform(low, high) for _ in range(m)] for _ in range(n)]

    def unfinished(n, m, steps):
        cost, a, b = costs(n, m), table(n), table(m)
        plan = [[math.exp(-c / 0.3) for c in row] for row in cost]
        for _ in range(steps):
            plan = [
                [mass * target / sum(row) for mass in row]
                for row, target in zip(plan, a, strict=True)
            ]
            sums = [sum(column) for column in zip(*plan, strict=True)]
            plan = [
                [mass * b[j] / sums[j] for j, mass in enumerate(row)] for row in plan
            ]
        return plan, cost, a, b

    def any_plan(n, m, total):
        plan = costs(n, m, 0.1, 1.0)
        scale = total / sum(map(sum, plan))
        plan = [[scale * mass for mass in row] for row in plan]
        return plan, costs(n, m), table(n), table(m)

    def faultless(n, m):  # in 64ths, so that every sum is exact
        cuts = sorted(rng.sample(range(1, 64), n * m - 1))
        parts = [(v - u) / 64 for u, v in zip([0, *cuts], [*cuts, 64], strict=True)]
        plan = [parts[i * m : (i + 1) * m] for i in range(n)]
        a, b = [sum(row) for row in plan], [sum(c) for c in zip(*plan, strict=True)]
        return plan, costs(n, m), a, b

    sizes = [(6, 4, 1), (4, 6, 2), (3, 3, 1), (2, 5, 1), (7, 2, 1)]
    by_sinkhorn = [unfinished(*size) for size in sizes]
    masses = [(4, 3, 1.0), (3, 5, 1.3), (5, 5, 0.9), (6, 2, 1.6)]
    others = [any_plan(*size) for size in masses]
    too_little = any_plan(3, 4, 0.1)  # the third step alone
    plan, _, a, b = unfinished(4, 3, 1)
    negative = (plan, costs(4, 3, -2.0, 0.0), a, b)
    edges = [any_plan(1, 4, 1.2), any_plan(4, 1, 0.8)]
    right = [faultless(2, 3), faultless(4, 2)]
    return [*by_sinkhorn, *others, too_little, negative, *edges, *right]


# %% [markdown]
# :::{exercise} A bound from any prices
# :label: ex-transport-bound
# Somebody hands you prices $g_j$ at the places of $q$, good or bad. Choose the $f_i$ as large as the conditions $f_i+g_j\le c_{ij}$ of {eq}`eq-dual` allow, and
# write `lower_bound(cost, a, b, g)`, which returns $\sum_ia_if_i+\sum_jb_jg_j$: a number that the price of no plan can fall below. It may be
# negative.
# :::

# %% [markdown]
# :::{solution-start} ex-transport-bound
# :label: sol-transport-bound
# :class: dropdown
# :::


# %% tags=["solution"]
def lower_bound(cost, a, b, g):
    """What the prices g are worth, with the best prices f that they allow.

    cost: shape (n, m); a: shape (n,); b, g: shape (m,). Returns a scalar tensor.
    """
    ### BEGIN SOLUTION
    # f_i <= c_ij - g_j for every j: the smallest of these is the largest f_i that is
    # allowed, the c-transform of g.
    f = (cost - g).min(dim=1).values
    return a @ f + b @ g
    ### END SOLUTION


# %% [markdown]
# :::{solution-end}
# :::

# %% tags=["test"]
# check: ex-transport-bound points=1
fair = torch.tensor([0.5, 0.5], dtype=torch.float64)
unit = torch.tensor([[0.0, 1.0], [1.0, 2.0]], dtype=torch.float64)
assert lower_bound(unit, fair, fair, torch.zeros(2).double()) == 0.5
assert (
    lower_bound(unit, fair, fair, torch.tensor([0.0, 1.0]).double()) == 1.0
)  # the best
assert lower_bound(unit, fair, fair, torch.tensor([0.0, 5.0]).double()) == -1.0


# %% tags=["hidden-test", "remove-cell"]
# hidden: ex-transport-bound function=lower_bound points=3 tolerance=1e-6
def cases_lower_bound(rng):
    """Costs, masses and prices: both shapes, good and bad prices, and the edge cases."""

    def table(k):
        weights = [rng.uniform(0.2, 1.0) for _ in range(k)]
        return [weight / sum(weights) for weight in weights]

    def costs(n, m):
        return [[rng.uniform(0.0, 3.0) for _ in range(m)] for _ in range(n)]

    def prices(m, width):
        return [rng.gauss(0.0, width) for _ in range(m)]

    sizes = [(5, 3), (3, 5), (4, 4), (2, 7), (8, 2), (6, 6)]
    modest = [(costs(n, m), table(n), table(m), prices(m, 0.5)) for n, m in sizes]
    wild = [(costs(n, m), table(n), table(m), prices(m, 20.0)) for n, m in sizes[:3]]
    none = (costs(4, 3), table(4), table(3), [0.0] * 3)
    constant = (costs(3, 4), table(3), table(4), [rng.uniform(1.0, 9.0)] * 4)
    one_row = (costs(1, 3), [1.0], table(3), prices(3, 1.0))
    one_column = (costs(3, 1), table(3), [1.0], prices(1, 1.0))
    return [*modest, *wild, none, constant, one_row, one_column]


# %% [markdown]
# ## What to remember
#
# - $W_1$ is the price of the cheapest plan; it knows how far apart two supports are, where KL, JSD and total variation only know that they are.
# - Its dual is a contest of 1-Lipschitz functions: each gives a lower bound, the best one gives $W_1$ and has slope 1 along every way that is used.
# - Between *samples* in high dimensions the exact distance mostly measures $n$. Say $n$, and put a real sample's score beside it.
#
# **Further reading.** The argument for GANs: {cite}`arjovsky2017wgan`. Computing it: {cite}`peyre2019computational`. All proofs:
# {cite}`villani2009optimal`. Two-sample tests with kernels: {cite}`gretton2012kernel`. The textbook's chapter 13: {cite}`qiu2020nndl`.
