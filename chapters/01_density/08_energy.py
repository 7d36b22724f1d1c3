# %% [markdown]
# (sec-energy)=
# # Boltzmann machines and deep belief networks
#
# **How can a density be learned when its normalising constant is a sum that nobody can finish?**
#
# An energy says which points are likely, and leaves out how likely in all. This section learns such energies for small
# pictures, where the missing sum can still be finished, so that every shortcut can be held against the truth: the gradient by
# contrastive divergence, the estimate of the constant by annealing, and a second layer on top.

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
from copy import deepcopy
from itertools import pairwise
from typing import Any

import matplotlib.pyplot as plt
import torch
from IPython.display import Markdown
from torch import Tensor
from torch.nn.functional import cosine_similarity
from torch.testing import assert_close

from genmodels import data, lab, plots, training
from genmodels.density import Bernoulli, Mixture
from genmodels.density.annealing import ais
from genmodels.density.belief import DBN, posterior_bits
from genmodels.density.boltzmann import (
    RBM, bits, divergences, exact_gradient, states, statistics, transition,
)  # fmt: skip

lab.start(scale)

# %% [markdown]
# ## Energies in the place of probabilities
#
# Give every point an {term}`energy` (能量函数) $E(x)$, any number, low where the point should be likely. The density is
#
# $$
# p(x)=\frac{e^{-E(x)}}{Z},\qquad Z=\sum_xe^{-E(x)} .
# $$ (eq-energy-density)
#
# This is an explicit density: the formula is there. But $Z$, the {term}`partition function` (配分函数), has one term for every
# possible point: $2^{784}$ for a binary picture of $28\times28$ pixels. Differences of energies are cheap,
# $\log p(x)-\log p(x')=E(x')-E(x)$. Their common level, $\log Z$, is what costs.
#
# A **Boltzmann machine** (玻尔兹曼机) {cite}`ackley1985learning` is such a density of bits, with a quadratic energy:
# each pair of units has a weight, each unit a bias, and some of the units are hidden: they are summed over
# (nndl, section 12.1 {cite}`qiu2020nndl`). The **{term}`restricted Boltzmann machine`** (受限玻尔兹曼机), RBM, keeps only the weights between a
# visible and a hidden unit ({numref}`fig-energy-machine`). With $v$ visible and $h$ hidden bits (nndl, section 12.2),
#
# $$
# E(v,h)=-a^\top v-b^\top h-v^\top Wh .
# $$ (eq-energy-rbm)
#
# The data of the first half are {term}`bars and stripes`: pictures of $3\times3$ bits that consist of full rows, or of full
# columns. Of 512 pictures 14 are of this kind. The best any density can do is to give each of them $\frac1{14}$, a mean
# log-likelihood of $-\log14=-2.64$ nats.

# %% mystnb={"figure": {"caption": "Left: a restricted machine; every visible unit is joined with every hidden one, and no unit with its own layer. Right: the 14 bars and stripes.", "name": "fig-energy-machine"}, "image": {"alt": "Left: a row of four violet circles over a row of nine blue circles, all pairs between the rows joined by lines. Right: fourteen small pictures of three by three pixels made of full rows or full columns."}} tags=["hide-input"]
lines = states(3)
across, down = lines[:, :, None].expand(8, 3, 3), lines[:, None, :].expand(8, 3, 3)
bars = torch.cat([across, down]).reshape(16, 9).unique(dim=0)
ceiling = -math.log(len(bars))
assert len(bars) == 14


def small(ax: plt.Axes, picture: Tensor) -> None:
    """One picture of bits, framed."""
    side = math.isqrt(picture.numel())
    ax.imshow(picture.reshape(side, side), vmin=0, vmax=1)
    ax.set(xticks=[], yticks=[])
    ax.spines[["top", "right"]].set_visible(True)


def fading(rate: float, steps: int) -> Callable[[int], float]:
    """A learning rate that falls to 0 along a line."""
    return lambda step: rate * (1 - step / steps)


figure = plt.figure(figsize=(7.2, 1.9))
halves: Any = figure.subfigures(1, 2, width_ratios=(1, 1.15))
left, right = halves
ax = left.subplots()
for i in range(9):
    for j in range(4):
        ax.plot([i, 2 * j + 1], [0, 1], color=plots.PALETTE["line"], linewidth=0.8)
ax.scatter(range(9), [0] * 9, s=90, color=plots.PALETTE["real"], zorder=3)
ax.scatter([1, 3, 5, 7], [1] * 4, s=90, color=plots.PALETTE["critic"], zorder=3)
ax.text(8.6, 0, "$v$", va="center")
ax.text(8.6, 1, "$h$", va="center")
ax.text(8.6, 0.5, "$W$", va="center", color=plots.PALETTE["muted"])
ax.set(xlim=(-0.5, 9.2), ylim=(-0.3, 1.3))
ax.axis("off")
for ax, picture in zip(right.subplots(2, 7).flat, bars, strict=True):
    small(ax, picture)
plt.show()

# %% [markdown]
# ## What the restriction buys
#
# Without weights inside a layer, the units of one layer are independent given the other layer. With the logistic function
# $\sigma(u)=1/(1+e^{-u})$ (in {ref}`sec-vae` the letter was a standard deviation),
#
# $$
# p(h_j=1\mid v)=\sigma\Bigl(b_j+\sum_iv_iw_{ij}\Bigr),\qquad p(v_i=1\mid h)=\sigma\Bigl(a_i+\sum_jw_{ij}h_j\Bigr),
# $$ (eq-energy-conditionals)
#
# and the sum over all $h$ is a product of sums over one bit each. Minus its logarithm is the {term}`free energy` (自由能) of $v$:
#
# $$
# F(v)=-\log\sum_he^{-E(v,h)}=-a^\top v-\sum_j\operatorname{softplus}\Bigl(b_j+\sum_iv_iw_{ij}\Bigr),\qquad p(v)=\frac{e^{-F(v)}}Z .
# $$ (eq-energy-free)
#
# where $\operatorname{softplus}(u)=\log(1+e^u)$ is the logarithm of the sum over one hidden bit.
#
# The same trick sums over $v$ instead. So $Z$ takes $2^{\min(\text{visible},\,\text{hidden})}$ terms, and a machine with one
# small layer has an exact likelihood. From the definition {eq}`eq-energy-rbm`, on a machine of $5\times3$ units:

# %%
numbers = training.rng(0)
toy = RBM.of(*(torch.randn(n, generator=numbers) for n in [(5, 3), (5,), (3,)]))
toy = toy.double().requires_grad_(False)
v, h = states(5).double(), states(3).double()

minus_energy = (v @ toy.a)[:, None] + h @ toy.b + v @ toy.W @ h.T  # (32, 8)
joint = minus_energy.flatten().softmax(dim=0).reshape(32, 8)
given_v, given_h = joint / joint.sum(1, keepdim=True), joint / joint.sum(0)

assert_close(toy.hidden(v), given_v @ h)
assert_close(toy.visible(h), given_h.T @ v)
assert_close(toy.free_energy(v), -minus_energy.logsumexp(dim=1))
assert_close(toy.log_z(), minus_energy.flatten().logsumexp(dim=0))
assert_close(toy.log_prob(v), joint.sum(dim=1).log())

# %% [markdown]
# An {py:class}`~genmodels.density.boltzmann.RBM` is a density like the others of this chapter: `log_prob`, `sample`, `fit`.
# Past 20 units in both layers it refuses `log_prob`, and says what to do:

# %% tags=["nbval-check-output"]
try:
    RBM(784, 200).log_prob(torch.zeros(1, 784))
except ValueError as error:
    print(error)

# %% [markdown]
# ## The gradient: data minus dreams
#
# The derivative of a log-likelihood $-F(x)-\log Z$ by a weight has two terms (nndl, section 12.2):
#
# $$
# \frac{\partial}{\partial w_{ij}}\frac1N\sum_n\log p(x^{(n)})
# =\frac1N\sum_nx^{(n)}_i\,p(h_j=1\mid x^{(n)})-\mathbb E_{v\sim p}\bigl[v_i\,p(h_j=1\mid v)\bigr].
# $$ (eq-energy-gradient)
#
# The first, the positive phase, is an average over the data. The second, the negative phase, is the same average over what
# the machine itself believes, and it hides a sum over all states. Alternating the two conditionals
# {eq}`eq-energy-conditionals`, {term}`block Gibbs sampling`
# (块吉布斯采样), leads to samples of $p$, after many sweeps. **{term}`Contrastive divergence`** (对比散度), CD-$k$, starts at the data and stops
# after $k$ sweeps {cite}`hinton2002training`. Persistent CD {cite}`tieleman2008training` goes on where the last update's chain ended.


# %%
def contrastive_divergence(machine, x, *, k, persistent, steps, batch, rate, rng):
    machine, chain = deepcopy(machine), None
    for _ in range(steps):
        u = torch.rand(batch, generator=rng, dtype=torch.float64)
        positive = x[(u * len(x)).long()]
        v = chain if persistent and chain is not None else positive
        for _ in range(k):
            h = bits(machine.hidden(v), rng=rng)
            v = bits(machine.visible(h), rng=rng)
        chain = v
        p, q = machine.hidden(positive), machine.hidden(v)
        machine.W += rate * (positive.T @ p - v.T @ q) / batch
        machine.a += rate * (positive - v).mean(dim=0)
        machine.b += rate * (p - q).mean(dim=0)
    return machine


for persistent in (False, True):
    begin = RBM(9, 8, k=2, persistent=persistent, steps=30, lr=0.2, batch=64, seed=7)
    begin = begin.double().requires_grad_(False)
    mine = contrastive_divergence(
        begin, bars.double(), k=2, persistent=persistent, steps=30, batch=64, rate=0.2,
        rng=training.rng(7),
    )  # fmt: skip
    assert_close(mine.state_dict(), begin.fit(bars.double()).state_dict())

exact = exact_gradient(toy, v[[3, 3, 17]])  # both phases enumerated
watched = deepcopy(toy).requires_grad_(True)
(by_autograd,) = torch.autograd.grad(watched.log_prob(v[[3, 3, 17]]).mean(), watched.W)
assert_close(exact.W, by_autograd)

# %% [markdown]
# How wrong is CD-$k$? On 9 visible and 8 hidden units this has an answer without noise. One sweep moves probability between the 512
# visible states by a matrix $T$ that can be written down, so the *expected* CD-$k$ update is {eq}`eq-energy-gradient` with
# $\hat p\,T^k$ in the place of $p$, where $\hat p$ is the distribution of the data. The difference from the exact gradient is the bias.
#
# **Expectation:** a new machine has weights near 0, one sweep forgets everything, and CD-1 is nearly exact. The more a
# machine knows, the less a sweep forgets. For a trained one, CD-1 should point somewhere else. Below, a machine learns by
# CD-10 and is stopped on the way; the numbers that are asserted were set after trial runs with these seeds.

# %%
place = 2.0 ** torch.arange(8, -1, -1)
empirical = torch.zeros(512).index_fill(0, (bars @ place).long(), 1 / 14)


def expected_divergence(machine: RBM, ks: list[int]) -> Tensor:
    """Angle to the exact gradient (degrees) and relative length, for each k: (k, 2)."""
    truth, positive = exact_gradient(machine, bars).flat, statistics(machine, bars)
    T, p, found = transition(machine), empirical, {}
    for k in range(1, max(ks) + 1):
        p = p @ T
        if k in ks:
            slope = positive.minus(statistics(machine, states(9), weights=p)).flat
            cosine = cosine_similarity(slope, truth, dim=0).clamp(-1, 1)
            ratio = slope.norm() / truth.norm()
            found[k] = torch.stack([torch.rad2deg(torch.acos(cosine)), ratio])
    return torch.stack([found[k] for k in ks])


methods: dict[str, dict] = {
    "CD-1": {"k": 1, "steps": 6_000},
    "CD-10": {"k": 10, "steps": 3_000},
    "persistent": {"k": 1, "steps": 3_000, "persistent": True},
}
moments = [0, 300, 1_000, 3_000]
frames = [0, 400, 800, 1_000, 2_000, 6_000]
dreams: dict[int, Tensor] = {}
grid = [*range(0, 3_000, 150), *range(3_000, 6_001, 500)]
curves: dict[tuple[str, int], Tensor] = {}
reconstruction: dict[tuple[str, int], Tensor] = {}
kept: dict[tuple[str, int, int], RBM] = {}
for name, settings in methods.items():
    for seed in range(3):
        start = RBM(9, 8, lr=0.2, seed=seed, **settings).requires_grad_(False)
        rows, errors = [], []
        for step, learner in enumerate(divergences(start, bars)):
            if step in grid:
                rows.append([step, learner.log_prob(bars).mean().item()])
                back = learner.visible(learner.hidden(bars)) - bars
                errors.append([step, back.square().sum(dim=1).mean().item()])
            if step in frames and (name, seed) == ("CD-1", 1):
                dreams[step] = learner.log_prob(states(9)).exp()
            if step in moments:
                kept[name, seed, step] = deepcopy(learner)
        curves[name, seed] = torch.tensor(rows)
        reconstruction[name, seed] = torch.tensor(errors)

ks = [1, 2, 3, 5, 10, 20, 30, 50, 100, 200, 300]
drift = {
    (seed, step): expected_divergence(kept["CD-10", seed, step], ks)
    for seed in range(3)
    for step in moments
}
for step in moments:
    shown = torch.stack([drift[seed, step] for seed in range(3)])[:, [0, 4]]
    angle, ratio = shown.mean(dim=0).T.tolist()
    print(
        f"{step:5,} updates: CD-1 is {angle[0]:5.1f} degrees off, its length {ratio[0]:.2f} of the exact; "
        f"CD-10 {angle[1]:5.1f} degrees, {ratio[1]:.2f}"
    )
for seed in range(3):
    assert drift[seed, 0][0, 0] < 1 and abs(drift[seed, 0][0, 1] - 1) < 0.02
    assert drift[seed, 1_000][0, 0] > 30 and drift[seed, 1_000][4, 0] < 15
    assert drift[seed, 3_000][0, 0] > 60 and drift[seed, 3_000][0, 1] < 0.15
    assert drift[seed, 3_000][4, 0] > 20 and drift[seed, 3_000][4, 1] < 0.25

# %% mystnb={"figure": {"caption": "The expected CD-k update against the exact gradient of machines on their way through training (mean of three): the angle between the two, and how long the update is. The more trained, the more sweeps it takes.", "name": "fig-energy-drift"}, "image": {"alt": "Two panels against the number of sweeps k. Left: the angle is zero for the untrained machine, falls from nearly sixty degrees to zero within twenty sweeps after 1,000 updates, and from more than ninety to a few degrees over 300 sweeps after 3,000. Right: the relative length rises in the same order, to one within twenty sweeps after 1,000 updates, to nine tenths over 300 sweeps after 3,000."}} tags=["hide-input"]
figure, (left_ax, right_ax) = plt.subplots(1, 2, figsize=(7.2, 2.6))
styles = {0: ":", 300: "-.", 1_000: "--", 3_000: "-"}
for step, style in styles.items():
    mean = torch.stack([drift[seed, step] for seed in range(3)]).mean(dim=0)
    for ax, column in ((left_ax, 0), (right_ax, 1)):
        ax.plot(
            ks, mean[:, column], style, color=plots.PALETTE["ink"], label=f"{step:,}"
        )
left_ax.set(xscale="log", xlabel="sweeps $k$", ylabel="angle (degrees)", ylim=(-3, 100))
right_ax.set(xscale="log", xlabel="sweeps $k$", ylabel="relative length", ylim=(0, 1.1))
left_ax.legend(title="updates", loc="upper right", fontsize=7.5)
plt.show()

# %% [markdown]
# On the machines that CD-10 has trained for 3,000 updates, the expected CD-1 update stands about at a right angle to the
# gradient and is a twentieth as long ({numref}`fig-energy-drift`). CD-10's own is 43 degrees off by now, and a tenth as long.
#
# Persistent CD has no such formula, because its chain remembers. But updates can be compared after the fact: the sum of 100
# of them, each with 500 chains so that little noise is left, against the exact gradients along the same way. For each seed
# all three start at the same machine, the one after 1,000 updates; the first 100 updates only warm the chains up.


# %%
def followed(machine: RBM, method: str) -> float:
    """Angle between the sum of 100 updates and that of the exact gradients, in degrees."""
    settings = methods[method] | {"steps": 200, "batch": 500}
    path = RBM(9, 8, lr=0.2, seed=5, **settings).requires_grad_(False)
    path.load_state_dict(machine.state_dict())
    places, slopes = [], []
    for learner in divergences(path, bars):
        places.append(torch.cat([learner.W.flatten(), learner.a, learner.b]))
        slopes.append(exact_gradient(learner, bars).flat)
    moved, exact_sum = places[200] - places[100], torch.stack(slopes[100:200]).sum(0)
    cosine = cosine_similarity(moved, exact_sum, dim=0)
    return math.degrees(math.acos(float(cosine)))


angles = {
    name: [followed(kept["CD-10", seed, 1_000], name) for seed in range(3)]
    for name in methods
}
for name, three in angles.items():
    print(f"{name:10} {[round(angle) for angle in three]} degrees")
assert min(angles["CD-1"]) > 45
assert max(*angles["CD-10"], *angles["persistent"]) < 35
assert sum(angles["CD-10"]) < sum(angles["persistent"])

# %% [markdown]
# Persistent CD makes one sweep an update, as CD-1 does, and follows the gradient far better: 21 to 26 degrees off
# against 71 to 79.
# CD-10, with ten sweeps, follows it better still. What persistent CD gains is that its chains do not start at the data again.

# %% [markdown]
# ## Learning bars and stripes
#
# A biased gradient may still lead uphill. The likelihood of these machines is exact, so it can be watched. With the rate 0.2,
# kept constant on purpose, and three seeds each:
#
# **Expectation.** All three methods raise the likelihood from the start's $-9\log2=-6.24$ by more than 2.5 nats. CD-1, with
# twice the updates, stays below CD-10. And because its updates stop following the gradient, CD-1 can go on for long after its
# likelihood has had its best. (Trial runs with these and six further seeds set the numbers. What they showed of persistent CD
# was not expected. It is erratic, so its end is the mean of the values of its last 1,000 updates.)

# %%
end, peak = {}, {}
for name in methods:
    three_runs = [curves[name, seed] for seed in range(3)]
    peak[name] = torch.stack([curve[:, 1].max() for curve in three_runs])
    end[name] = torch.stack([curve[-1, 1] for curve in three_runs])
    if name == "persistent":
        end[name] = torch.stack([c[c[:, 0] >= 2_000, 1].mean() for c in three_runs])
    best, late = ([round(v, 2) for v in row[name].tolist()] for row in (peak, end))
    print(f"{name:10}  best {best}, at the end {late}")
    assert peak[name].min() > -9 * math.log(2) + 2.5

assert end["CD-10"].min() > peak["CD-1"].max() + 0.1
assert bool((end["CD-1"] < peak["CD-1"] - 0.01).all())
falls = peak["persistent"] - end["persistent"]
assert falls.min() > 0.1 and falls.median() > 0.3

for seed in range(3):  # the error of reconstruction falls while the likelihood does
    best_step = int(curves["CD-1", seed][:, 1].argmax())
    errors_then = reconstruction["CD-1", seed][[best_step, -1], 1]
    print(
        f"CD-1, seed {seed}: reconstruction error {errors_then[0]:.5f} -> {errors_then[1]:.5f}"
    )
    assert errors_then[1] < 0.8 * errors_then[0]

# %% mystnb={"figure": {"caption": "The exact mean log-likelihood of bars and stripes while three methods learn, three seeds each, and (right) the squared error with which CD-1 reconstructs the pictures, in the same runs. The dotted line is the ceiling.", "name": "fig-energy-curves"}, "image": {"alt": "Left: all curves rise steeply in the first thousand updates; CD-10 approaches the ceiling, CD-1 stays below it and sinks slowly, persistent CD turns down and becomes erratic. Right: the reconstruction error falls steadily on a logarithmic axis."}} tags=["hide-input"]
figure, (left_ax, right_ax) = plt.subplots(
    1, 2, figsize=(7.2, 2.9), width_ratios=(1.7, 1)
)
colours = {"CD-1": "fake", "CD-10": "real", "persistent": "critic"}
for (name, seed), curve in curves.items():
    colour = plots.PALETTE[colours[name]]
    label = name if seed == 0 else None
    left_ax.plot(*curve.T, color=colour, linewidth=1.1, label=label)
left_ax.axhline(ceiling, color=plots.PALETTE["muted"], linestyle=":")
left_ax.set(xlabel="updates", ylabel="nats a picture", ylim=(-7.5, -2.3))
left_ax.legend(ncols=3, loc="upper center", bbox_to_anchor=(0.5, 1.16))
for seed in range(3):
    right_ax.plot(
        *reconstruction["CD-1", seed].T, color=plots.PALETTE["fake"], linewidth=1.1
    )
right_ax.set(xlabel="updates", ylabel="reconstruction error", yscale="log")
plt.show()

# %% [markdown]
# What does {numref}`fig-energy-curves` teach? CD-1 passes its best and then sinks in all three runs, while the error of
# reconstruction, which many programs print as if it were the goal, goes on falling: **how well a machine gives back what it
# was shown is not its likelihood.** CD-10, after 3,000 updates, is above the best that CD-1 has in 6,000, for ten times the
# sweeps an update.
#
# And persistent CD, which followed the gradient well after 1,000 updates, with 500 chains, is spoilt later with 64: at a
# constant rate the noise of so few slow chains is not averaged away. More chains help, and so does a rate that falls, which
# is part of the method {cite}`tieleman2008training`:

# %%
cooled = []
for seed in range(3):
    start = RBM(
        9, 8, lr=fading(0.2, 3_000), persistent=True, steps=3_000, seed=seed
    ).requires_grad_(False)  # fmt: skip
    cooled.append(start.fit(bars).log_prob(bars).mean().item())
print("persistent CD with a falling rate:", [round(value, 2) for value in cooled])
assert torch.tensor(cooled).median() > end["persistent"].median() + 0.2
assert torch.tensor(cooled).median() < end["CD-10"].median() - 0.1

crowd = RBM(
    9, 8, lr=0.2, persistent=True, steps=3_000, batch=1_000, seed=0
).requires_grad_(False)  # fmt: skip
crowded = crowd.fit(bars).log_prob(bars).mean().item()
print(f"persistent CD at the constant rate, 1,000 chains and points: {crowded:.2f}")
assert crowded > peak["persistent"].max() + 0.05

# %% [markdown]
# With the falling rate, persistent CD ends about where the constant rate had its best: above its end, and not above the best
# of CD-1. With 1,000 chains and points an update (one seed) the constant rate does no harm in as many updates.
#
# What does a machine dream in between? Move the slider through one run of CD-1. Early on the probability lies on pictures
# that are nothing yet. At the end about nine tenths lie on the 14, but not evenly: six have 10 to 14 %, where an even share,
# the dotted line, is 7 %, and the empty picture has 0.04 %. Of the 0.85 nats that this run, one of three, ends below the
# ceiling, the empty picture alone costs 0.37; all spurious pictures together cost little more than 0.1, which is $-\log$ of
# those nine tenths.


# %% tags=["hide-input"]
numbers_of_bars = (bars @ place).long()
spurious = 1 - float(dreams[6_000][numbers_of_bars].sum())
shares_of = dreams[6_000][numbers_of_bars]
empty = int((bars.sum(dim=1) == 0).nonzero())
lost = math.log(1 / 14 / float(shares_of[empty])) / 14  # nats of the mean
print(
    f"on the 14: {1 - spurious:.2f}, a tenth or more on {int((shares_of > 0.1).sum())} of them"
)
print(f"on the empty picture {shares_of[empty]:.2%}, which costs {lost:.2f} nats")
assert 0.08 < spurious < 0.14 and shares_of.argmin() == empty and 0.3 < lost < 0.45
assert (shares_of > 0.1).sum() == 6 and shares_of.max() < 0.15
assert ceiling - float(curves["CD-1", 1][-1, 1]) > 4 * -math.log(1 - spurious)


def dream_figure(step: int) -> plt.Figure:
    p = dreams[step]
    figure = plt.figure(figsize=(7.2, 2.6))
    halves: Any = figure.subfigures(1, 2, width_ratios=(1, 1.1))
    left, right = halves
    ax = left.subplots()
    ax.bar(range(14), p[numbers_of_bars], color=plots.PALETTE["real"])
    ax.axhline(1 / 14, color=plots.PALETTE["muted"], linestyle=":")
    other = 1 - float(p[numbers_of_bars].sum())
    ax.bar(15, other, color=plots.PALETTE["fake"])
    ax.set(ylim=(0, 1), xticks=[6.5, 15], ylabel="probability")
    ax.set_xticklabels(["the 14", "other"])
    likely = p.argsort(descending=True)[:16]
    for ax, number in zip(right.subplots(2, 8).flat, likely, strict=True):
        small(ax, states(9)[number])
        real = bool((numbers_of_bars == number).any())
        ax.spines[:].set_color(plots.PALETTE["real" if real else "fake"])
        ax.spines[:].set_linewidth(2)
        ax.set_title(f"{float(p[number]):.0%}", fontsize=7)
    return figure


dream_player = plots.explore(
    dream_figure,
    frames,
    label=lambda step: f"{step:,} updates",
    alt="Left: the probability of each of the 14 bars and stripes, and of everything else together. Right: the sixteen pictures that the machine finds most likely, framed in blue where they are bars and stripes and in orange where not",
    start=3,
)
dream_player

# %% [markdown]
# ## Slow chains
#
# Behind all of this is one number. A sweep has eigenvalues $1=\lambda_1>\lambda_2\ge\dots\ge0$, and what a chain remembers of
# its start fades like $\lambda_2^k$. For machines that have learned to tell 14 pictures apart, moving from one to another is
# a rare event:


# %%
def second_eigenvalue(machine: RBM) -> float:
    """Of one sweep: T is reversible, so D^1/2 T D^-1/2 is symmetric, D = diag(p)."""
    root = machine.log_prob(states(9)).double().exp().sqrt()
    similar = root[:, None] * transition(machine).double() / root
    return float(torch.linalg.eigvalsh((similar + similar.T) / 2)[-2])


for step in moments:
    slowest = [second_eigenvalue(kept["CD-10", seed, step]) for seed in range(3)]
    sweeps = [1 / -math.log(value) for value in slowest]
    print(f"{step:5,} updates: memory of {[round(s, 1) for s in sweeps]} sweeps")
    if step == 0:
        assert max(sweeps) < 1
    if step == 3_000:
        assert min(sweeps) > 80 and max(sweeps) < 300

# %% [markdown]
# After 3,000 updates the memory is about 140 to 180 sweeps in these runs. Ten sweeps from the data then reach little of what
# the machine believes elsewhere, and CD-10 does not correct it.

# %% [markdown]
# ## The constant, estimated
#
# Now larger pictures: scikit-learn's digits of $8\times8$ pixels {cite}`alpaydin1998digits`, where a pixel is 1 if its grey
# level is above half, as in {ref}`sec-vae`, and machines of 12 hidden units. $Z$ still has only 4,096 terms. What if it had not?
#
# **{term}`Annealed importance sampling`** (退火重要性采样), AIS {cite}`neal2001annealed`, starts with independent bits, whose $Z_0$
# is known, and goes to the machine through a ladder of machines between: with $0=\beta_0<\dots<\beta_T=1$,
#
# $$
# p_\beta(v)\propto e^{-F_\beta(v)}:\quad\text{weights }\beta W,\ \text{biases }(1-\beta)a_0+\beta a\ \text{and}\ \beta b .
# $$ (eq-energy-ladder)
#
# A chain carries a weight. At each rung the weight is multiplied by $e^{-F_{\beta_t}(v)+F_{\beta_{t-1}}(v)}$, then $v$ makes
# one sweep at $\beta_t$. The mean weight of many chains, times $Z_0$, estimates $Z$ without bias
# ({cite}`neal2001annealed`; for these machines {cite}`salakhutdinov2008quantitative`). The logarithm of the mean is too low on
# average, by Jensen's inequality.

# %%
grey = data.digits().images.flatten(1)


def split(seed: int) -> tuple[Tensor, Tensor]:
    """1,400 binary digits to learn from, 397 to be judged by."""
    shuffled = torch.randperm(len(grey), generator=training.rng(seed))
    x = (grey[shuffled] > 0).float()
    return x[:1_400], x[1_400:]


def log_odds(x: Tensor) -> Tensor:
    """The biases of independent bits that are 1 as often as in x."""
    return torch.logit((x.sum(dim=0) + 1) / (len(x) + 2))


def digit_machine(x: Tensor, hidden: int, *, seed: int) -> RBM:
    """A new machine for digits, to be fitted by persistent CD with a falling rate."""
    steps = lab.scale(quick=4_000, full=40_000)
    machine = RBM(
        64, hidden, steps=steps, lr=fading(0.3, steps), persistent=True, seed=seed
    ).requires_grad_(False)  # fmt: skip
    machine.a.copy_(log_odds(x))
    return machine


train, test = split(0)
base = log_odds(train)
learned = digit_machine(train, 12, seed=0).fit(train)


def annealed(machine, *, temperatures, chains, base, rng):
    W, a, b = machine.W, machine.a, machine.b
    v = bits(torch.sigmoid(base).expand(chains, -1), rng=rng)
    log_w = torch.zeros(chains, dtype=v.dtype)
    for old, new in pairwise(torch.linspace(0, 1, temperatures + 1).tolist()):
        below, here = (RBM.of(t * W, (1 - t) * base + t * a, t * b) for t in (old, new))
        log_w += (below.free_energy(v) - here.free_energy(v)).detach()
        v = here.gibbs(v, sweeps=1, rng=rng)
    log_z0 = torch.log1p(base.exp()).sum() + len(b) * math.log(2)
    return log_z0 + log_w.logsumexp(0) - math.log(chains)


sharp = deepcopy(learned).double()
few: dict = {"temperatures": 30, "chains": 50, "base": base.double()}
mine_z = annealed(sharp, **few, rng=training.rng(1))
assert_close(mine_z, ais(sharp, **few, rng=training.rng(1)).value)

# %% [markdown]
# **Prediction** (from one trial run with this split): with 1,000 rungs and 100 chains the estimate is within 4 of its stated
# standard errors of the exact value, for each of five seeds and from either kind of independent bits. With one rung, plain
# importance sampling, fair bits (each 1 with probability one half) miss by more than 10 nats. The stated error cannot show it:
# relative to the estimate it is never above 1, because one chain that holds all the weight gives exactly 1. Bits with the
# frequencies of the data are a much better start.

# %%
truth = float(learned.log_z())
rungs = [1, 3, 10, 30, 100, 1_000]
missed, two_heaviest = {}, {}
for kind, bias in (("fair bits", torch.zeros(64)), ("data's bits", base)):
    for count in rungs:
        runs = [
            ais(learned, temperatures=count, base=bias, rng=training.rng(seed))
            for seed in range(5)
        ]
        missed[kind, count] = torch.tensor(
            [[float(one.value) - truth, float(one.error)] for one in runs]
        )
        shares = torch.stack([one.log_weights.softmax(dim=0) for one in runs])
        two_heaviest[kind, count] = shares.topk(2).values.sum(dim=1)
print(f"exact log Z {truth:.2f}")
for (kind, count), found in missed.items():
    if count in (1, 10, 1_000):
        print(
            f"{kind:12} {count:5,} rungs: off by {found[:, 0].abs().mean():6.3f}, stated {found[:, 1].mean():.3f}"
        )
for kind in ("fair bits", "data's bits"):
    off, stated = missed[kind, 1_000].T
    assert bool((off.abs() < 4 * stated).all()) and stated.max() < 0.15
assert bool((missed["fair bits", 1][:, 0] < -10).all())
heavy = two_heaviest["fair bits", 1]
print(
    f"one rung, fair bits: two chains have {heavy.min():.0%} to {heavy.max():.0%} of the weight"
)
assert heavy.min() > 0.8
assert bool((missed["data's bits", 1][:, 0].abs() < 10).all())

# %% mystnb={"figure": {"caption": "The error of log Z by annealed importance sampling with 100 chains, five seeds, from two kinds of independent bits. Bars: the stated standard error.", "name": "fig-energy-ais"}, "image": {"alt": "Two panels. Left: from fair bits, with one rung all five estimates lie between 20 and 50 nats too low with tiny error bars. Right: on a finer scale, from 10 to 1,000 rungs the estimates of both kinds close in on zero, those from the data's bits sooner."}} tags=["hide-input"]
figure, (left_ax, right_ax) = plt.subplots(1, 2, figsize=(7.2, 2.6))
for ax, first in ((left_ax, 0), (right_ax, 2)):
    for kind, colour, shift in (
        ("fair bits", "fake", 0.93),
        ("data's bits", "real", 1.07),
    ):
        for count in rungs[first:]:
            spread = torch.linspace(0.97, 1.03, 5) * shift * count
            off, stated = missed[kind, count].T
            ax.errorbar(
                spread, off, stated, fmt="o", markersize=2.5, linewidth=1,
                color=plots.PALETTE[colour], label=kind if count == 1_000 else None,
            )  # fmt: skip
    ax.axhline(0, color=plots.PALETTE["muted"], linewidth=0.8)
    ax.set(xscale="log", xlabel="rungs")
left_ax.set_ylabel(r"estimated $-$ exact $\log Z$ (nats)")
right_ax.legend()
plt.show()

# %% [markdown]
# The left half of {numref}`fig-energy-ais` is a warning. With one rung from fair bits the stated error is 0.83 on average,
# close to the 1 that it cannot pass: in each run two of the hundred chains hold more than nine tenths of the weight, and the
# estimate is 20 to 50 nats too low. The stated error knows only the weights that were seen. An error bar of AIS is worth
# something when it is far below 1 and more rungs do not move the estimate.

# %% [markdown]
# ## Experts against components
#
# By {eq}`eq-energy-free`, $p(v)\propto\prod_ie^{a_iv_i}\prod_j(1+e^{b_j+\sum_iv_iw_{ij}})$: each hidden unit is an *expert*
# that multiplies its opinion in, a {term}`product of experts` (专家乘积). A mixture ({ref}`sec-mixtures`) adds: each picture
# comes from one component. With $V$ visible units, $H$ experts have $(V+1)(H+1)-1$ parameters, exactly as many as a mixture
# of $H+1$ Bernoulli components.
#
# **Prediction.** $H$ experts distinguish $2^H$ combinations, $H+1$ components only $H+1$: on held-out digits the experts win
# from 8 units on. (A trial run with a third of the learning rate had said otherwise: there the mixture was ahead.) To see
# what the family can do without the bias of contrastive divergence, the same machines are trained a second time, with the
# exact gradient. On the training digits it should be ahead.


# %%
def mixture_of(size: int, x: Tensor, *, seed: int) -> Mixture:
    """EM from a random start; the pseudo-count keeps every pixel possible."""
    random = training.rng(seed)
    means = 0.25 + 0.5 * torch.rand(size, 64, generator=random)
    parts = tuple(Bernoulli(p, pseudo=0.1) for p in means)
    even = torch.full((size,), 1 / size)
    return Mixture(even, parts, steps=100, tolerance=1e-3).fit(x)


def exactly_fitted(machine: RBM, x: Tensor, *, steps: int) -> RBM:
    """Maximum likelihood: L-BFGS on the exact log-likelihood of all points."""
    machine = deepcopy(machine).requires_grad_(True)
    optimizer = torch.optim.LBFGS(
        machine.parameters(), max_iter=steps, max_eval=2 * steps, history_size=20,
        tolerance_change=1e-12, line_search_fn="strong_wolfe",
    )  # fmt: skip

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = -machine.log_prob(x).mean()
        loss.backward()
        return loss

    optimizer.step(closure)
    return machine.requires_grad_(False)


sizes = lab.scale(quick=[4, 8, 12], full=[4, 6, 8, 10, 12])
nats: dict[str, list[list[float]]] = {}
for hidden in sizes:
    machine = digit_machine(train, hidden, seed=0)
    starts = [mixture_of(hidden + 1, train, seed=seed) for seed in range(2)]
    fitted = {
        "mixture, by EM": max(starts, key=lambda m: m.log_prob(train).mean().item()),
        "experts, by persistent CD": learned if hidden == 12 else machine.fit(train),
        "experts, by the exact gradient": exactly_fitted(
            machine, train, steps=lab.scale(quick=200, full=1_000)
        ),
    }
    for name, density in fitted.items():
        pair = [density.log_prob(x).mean().item() for x in (train, test)]
        nats.setdefault(name, []).append(pair)
for name, pairs in nats.items():
    print(f"{name:31}", " ".join(f"{held_out:.2f}" for _, held_out in pairs))

mixed, diverged, exactly = (torch.tensor(pairs) for pairs in nats.values())
ahead = torch.minimum(diverged, exactly)[:, 1] - mixed[:, 1]
assert bool((ahead > 0).all()) and bool((ahead[torch.tensor(sizes) >= 8] > 0.05).all())
assert float((exactly - diverged).abs().max()) < 0.8
if lab.scale(quick=True, full=False):  # with 40,000 updates the two are about even
    assert bool((exactly[:, 0] > diverged[:, 0]).all())

# %% mystnb={"figure": {"caption": "Mean log-likelihood of held-out digits (thin: of the training digits) with the same number of parameters: a mixture, and products of experts trained in two ways.", "name": "fig-energy-experts"}, "image": {"alt": "Three curves rise with the number of hidden units; the two of the experts lie close together, above that of the mixture."}} tags=["hide-input"]
figure, ax = plt.subplots(figsize=(6.2, 2.7))
for (name, pairs), kind in zip(nats.items(), ("fake", "critic", "real"), strict=True):
    seen, unseen = torch.tensor(pairs).T
    ax.plot(sizes, seen, color=plots.PALETTE[kind], linewidth=0.8, alpha=0.6)
    ax.plot(sizes, unseen, "o-", color=plots.PALETTE[kind], label=name)
ax.set(
    xlabel="hidden units $H$ (components: $H+1$)", ylabel="nats a digit", xticks=sizes
)
ax.legend()
plt.show()

# %% [markdown]
# In this split the experts are ahead at every size shown, not only from 8 on ({numref}`fig-energy-experts`). The exact
# gradient is ahead of contrastive divergence on the training digits, as predicted. A first version of this page gave it 300
# steps of Adam and saw it fall behind at some sizes: a comparison of two methods before either has arrived says little about
# the methods.
#
# ## Deep belief networks
#
# An RBM can be read from the top: draw $h$ from its own distribution of hidden bits, then $x$ from $p(x\mid h)$,
#
# $$
# p(x)=\sum_hp(h)\,p(x\mid h).
# $$ (eq-energy-top)
#
# The idea of Hinton and others {cite}`hinton2006fast`: keep $p(x\mid h)$, and replace $p(h)$ by a better density
# $p_{\text{top}}(h)$, a second RBM. That is the **{term}`deep belief network`** (深度信念网络), DBN; a third layer replaces the
# prior of the second (nndl, section 12.3). With the posterior of the lower machine as $q(h\mid x)$, every top has the bound
#
# $$
# \log p_{\text{DBN}}(x)\ \ge\ \sum_hq(h\mid x)\,\log\frac{p_{\text{top}}(h)\,p(x\mid h)}{q(h\mid x)} .
# $$ (eq-energy-bound)
#
# If the top is the lower machine with its layers exchanged, nothing has changed and the bound is exact. From there, every
# gain of the top's likelihood, on hidden bits drawn from $q$ for the data, is a gain of the bound. So layers can be learned
# one after another, greedily. The most that a top can add to the bound on the training data is the distance
# $\mathrm{KL}(\bar q\,\|\,p(h))$ from the average posterior $\bar q=\frac1N\sum_nq(h\mid x^{(n)})$ to what it replaces. With
# 12 hidden units, all of this can be enumerated.

# %%
hidden_states = states(12)


def average_posterior(below: RBM, x: Tensor) -> Tensor:
    """The mean of q(h | x) over the points: (4096,)."""
    logits = below.b + x @ below.W
    q = logits @ hidden_states.T - torch.nn.functional.softplus(logits).sum(1)[:, None]
    return q.exp().mean(dim=0)


as_it_is = DBN(learned, learned.flipped())
assert_close(as_it_is.log_prob(test), learned.log_prob(test), rtol=1e-4, atol=1e-3)
assert_close(
    as_it_is.bound(test, draws=1, rng=training.rng(0)), learned.log_prob(test),
    rtol=1e-4, atol=1e-3,
)  # fmt: skip

# %% [markdown]
# **Prediction**, for three splits of the digits: the second layer raises the exact held-out log-likelihood, by less than 0.2
# nats, and the bound rises too (by less than the likelihood: that much is certain, because it starts with equality).
# (Trial runs with lower machines that were trained at a smaller rate had gained 0.06 to 0.11.)

# %%
networks, added = [], []
for seed in range(3):
    train_s, test_s = split(seed)
    below = learned if seed == 0 else digit_machine(train_s, 12, seed=seed).fit(train_s)
    top = below.flipped()
    top.steps = lab.scale(quick=4_000, full=40_000)
    top.lr, top.seed = fading(0.05, top.steps), seed + 10
    network = DBN(below, top.fit(posterior_bits(below, train_s, draws=10)))
    networks.append(network)

    q = average_posterior(below, train_s)
    most = (torch.xlogy(q, q) - q * top.log_prob(hidden_states)).sum().item()
    row = [most]
    for x in (train_s, test_s):
        alone = below.log_prob(x).mean()
        bound = network.bound(x, draws=50, rng=training.rng(0)).mean() - alone
        row += [bound.item(), (network.log_prob(x).mean() - alone).item()]
    added.append(row)
    print(
        f"split {seed}: RBM {alone:.2f} held out; second layer: training bound {row[1]:+.3f} "
        f"(at most {most:.3f}), training {row[2]:+.3f}; held-out bound {row[3]:+.3f}, held out {row[4]:+.3f}"
    )
for most, bound_train, gain_train, bound_test, gain_test in added:
    assert 0 < bound_train < gain_train < 0.3 and 0 < bound_test < gain_test < 0.2
    assert bound_train < most < 0.4

# %% [markdown]
# On the training data the bound gains, as it must if the top's likelihood does; the held-out gain is promised by nothing. Both
# are little: about a tenth of a nat held out, or less, where four more hidden units in one layer are worth more
# ({numref}`fig-energy-experts`). The ceiling says why. No top at all could have added more than about a quarter of a nat to
# the bound on the training data, because the first machine's own prior is already close to the average posterior, and
# $p(x\mid h)$ stays as it is. In a few thousand updates the top finds about a third of that.
#
# To sample, run Gibbs sampling in the top pair of layers, then go down once. {numref}`fig-energy-samples` shows the three
# kinds of density beside each other.

# %% mystnb={"figure": {"caption": "Held-out digits, and samples: of 13 Bernoulli components, of an RBM with 12 hidden units, of a DBN with a second layer of 64 units (500 sweeps at the top, one pass down).", "name": "fig-energy-samples"}, "image": {"alt": "Four blocks of sixteen small binary pictures: clean held-out digits, noisy mixture samples, and samples of the RBM and of the DBN, which resemble digits with a few stray pixels."}} tags=["hide-input"]
fair = torch.full((16, 12), 0.5)
random = training.rng(3)
second = networks[0].top
assert isinstance(second, RBM)
h_top = second.gibbs(bits(fair, rng=random), sweeps=500, rng=random)
blocks = {
    "held out": test[:16],
    "mixture": fitted["mixture, by EM"].sample((16,), rng=random),
    "RBM": learned.sample((16,), rng=random),
    "DBN": bits(networks[0].below.visible(h_top), rng=random),
}
plots.strips({name: x.reshape(16, 1, 8, 8) * 2 - 1 for name, x in blocks.items()})
plt.show()

# %% [markdown]
# ## At full size
#
# On MNIST {cite}`lecun1998gradient` nothing can be enumerated. The recorded run trains 784 visible and 200 hidden units for
# 12,000 updates of 100 images with a falling rate, three seeds, and estimates $\log Z$ with 100 chains; each pixel was made a
# bit once, at random with its grey level as probability. **Prediction** before the first seed: CD-10 and persistent CD end at
# least 10 nats above CD-1, and CD-1 has the smallest error of reconstruction. **Prediction** before the two other seeds, when
# the first was known: persistent CD, CD-10 and CD-1 end in this order again, and CD-10 again ends below where it was half-way.

# %% tags=["hide-input"]
recorded = lab.results("rbm_mnist")
trained = ("CD-1", "CD-10", "persistent CD")


def over_seeds(method: str, updates: int, rungs: int, what: str) -> torch.Tensor:
    """One recorded number, for each seed."""
    wanted = (method, updates, rungs)
    rows = [
        row
        for row in recorded["rows"]
        if (row["method"], row["updates"], row["temperatures"]) == wanted
    ]
    return torch.tensor([row[what] for row in rows])


MIDDLE, END = (6_000, 20_000), (12_000, 20_000)  # updates and rungs
table = [
    "| method | updates | held out, three seeds | largest standard error | wrong pixels |",
    "|---|--:|--:|--:|--:|",
]
for method in trained:
    for when in (MIDDLE, END):
        reached_by = [f"{nats:.1f}" for nats in over_seeds(method, *when, "test")]
        table.append(
            f"| {method} | {when[0]:,} | {', '.join(reached_by)} "
            f"| {over_seeds(method, *when, 'error').max():.2f} | {over_seeds(method, *when, 'reconstruction').mean():.1f} |"
        )
independent = recorded["independent"]
Markdown(
    "\n".join(table)
    + f"\n\n20,000 rungs. Independent bits reach {independent:.1f}. {recorded['hardware']}, torch {recorded['torch']}, "
    f"commit {recorded['commit'][:7]}."
)

# %% mystnb={"figure": {"caption": "Held-out log-likelihood (left) and wrong pixels after one sweep (right) while machines of 784 x 200 units learn, three seeds each; 5,000 rungs, at 6,000 and 12,000 updates 20,000. A cross marks an estimate whose stated error is above half a nat.", "name": "fig-energy-mnist"}, "image": {"alt": "Left: all curves rise from about minus 140. CD-10 is ahead up to 6,000 updates and falls a little afterwards; CD-1 ends lowest at minus 109 and has crosses on the way; CD-10 has one; persistent CD dips once and ends highest at minus 100. Right: nine curves fall from 80 to 49 wrong pixels and lie on one another."}} tags=["hide-input"]
checked = ((600, 5_000), (1_200, 5_000), (3_000, 5_000), MIDDLE, END)
x_axis = [updates for updates, _ in checked]
mnist_figure, (nats_ax, pixels_ax) = plt.subplots(1, 2, figsize=(7.2, 2.8))
for method in trained:
    shade = plots.PALETTE[colours[method.split()[0]]]
    nats_of, errors_of, wrong_of = (
        torch.stack([over_seeds(method, *when, what) for when in checked])
        for what in ("test", "error", "reconstruction")
    )
    doubtful = nats_of.where(errors_of > 0.5, torch.nan)
    nats_ax.plot(x_axis, nats_of, color=shade, linewidth=1.1)
    nats_ax.plot(x_axis, doubtful, "x", color=shade)
    nats_ax.plot([], [], color=shade, label=method)
    pixels_ax.plot(x_axis, wrong_of, color=shade, linewidth=1.1)
nats_ax.set(xlabel="updates", ylabel="nats a held-out image")
nats_ax.legend(loc="lower right")
pixels_ax.set(xlabel="updates", ylabel="wrong pixels", ylim=(40, None))
for ax in (nats_ax, pixels_ax):
    ax.set_xticks([0, 4_000, 8_000, 12_000])
plt.show()

# %%
ends = {method: over_seeds(method, *END, "test") for method in trained}
above = {method: ends[method] - ends["CD-1"] for method in trained[1:]}
assert bool((above["persistent CD"] > above["CD-10"]).all()) and len(ends["CD-1"]) == 3
assert bool((above["CD-10"] > 2).all()) and bool((above["persistent CD"] < 9).all())
blurred = {method: over_seeds(method, *END, "reconstruction") for method in trained}
assert all(bool((blurred["CD-1"] < blurred[m] - 0.2).all()) for m in trained[1:])
rungs_apart = [
    (over_seeds(m, 12_000, 5_000, "test") - ends[m]).abs().max().item() for m in trained
]
assert max(rungs_apart) < 0.3
fallen = over_seeds("CD-10", *MIDDLE, "test") - ends["CD-10"]
unsure = torch.hypot(
    over_seeds("CD-10", *MIDDLE, "error"), over_seeds("CD-10", *END, "error")
)
assert bool((fallen > 5 * unsure).all()) and fallen.median() > 1.5
moved = over_seeds("CD-10", 6_000, 5_000, "test") - over_seeds("CD-10", *MIDDLE, "test")
assert fallen.min() < moved.abs().max() < 0.4
assert bool((over_seeds("CD-10", *MIDDLE, "reconstruction") > blurred["CD-10"]).all())
middle = over_seeds("CD-1", *MIDDLE, "test") - over_seeds("CD-1", 6_000, 5_000, "test")
assert (
    middle.max() < -3.7
    and middle.min() > -5
    and over_seeds("CD-1", *MIDDLE, "error").min() > 0.7
)
print(
    f"above CD-1: {', '.join(f'{m} {v.min():.1f} to {v.max():.1f}' for m, v in above.items())} nats"
)
print(
    f"CD-10 falls by {fallen.min():.1f} to {fallen.max():.1f} nats in its second half, "
    f"{(fallen / unsure).min():.1f} standard errors or more"
)

# %% [markdown]
# Both end above CD-1 in each seed ({numref}`fig-energy-mnist`), as predicted, but not by 10 nats: persistent CD by 8.5 to 8.8, CD-10 by 2.4 to 4.7. CD-1 does
# have the smallest error of reconstruction, in each seed, and the lowest likelihood. At the end 5,000 and 20,000 rungs agree
# within 0.3 nats for all nine machines.
#
# The second prediction holds too, in one seed narrowly: the order is the same in each, and CD-10 ends below where it was
# half-way, by 2.8, 1.7 and 0.3 nats. (Four times as many rungs move its half-way estimates by up to 0.4 nats, so that the 0.3
# alone would prove nothing.) Its error of reconstruction falls in all three. Whoever watches that error trains on.
#
# Half-way, CD-1's stated errors are 0.7 to 1, and four times as many rungs move its estimates down by 3.8 to 5 nats: these
# numbers tell nothing but that AIS has failed there, as it did above with one rung. So do the other crosses.
#
# For scale, from the literature and not computed here: Salakhutdinov and Murray {cite}`salakhutdinov2008quantitative`
# estimate about $-86$ nats for 500 hidden units trained with up to 25 sweeps an update, on another random binarisation. Ours
# is smaller, 200 units, and trained for far fewer updates. Mixtures of Bernoulli components and a two-layer network on MNIST
# are not attempted.

# %% [markdown]
# ## Exercises
#
# Each exercise asks for one function. The check below it runs on your machine; a course grades the same function on
# further cases. Use `torch`, keep the signature, return a result instead of printing it, and do not change an argument
# in place.

# %% [markdown]
# :::{exercise} A machine of spins
# :label: ex-energy-spins
# In physics the units are spins: each $s_i$ and each $t_j$ is $-1$ or $1$, with the energy
# $E(s,t)=-a^\top s-b^\top t-s^\top Wt$. Write `spin_log_prob(W, a, b, s)`, which returns $\log p(s)$ for each row of `s`,
# exactly, with the hidden spins $t$ summed over. There are at most 8 visible spins; weights may be in the thousands, where
# $e^{E}$ overflows.
# :::

# %% [markdown]
# :::{solution-start} ex-energy-spins
# :label: sol-energy-spins
# :class: dropdown
# :::


# %% tags=["solution"]
def spin_log_prob(W, a, b, s):
    """Exact log-probabilities of visible spins.

    W: shape (visible, hidden); a: (visible,); b: (hidden,); s: (n, visible) of -1 and 1. Returns shape (n,).
    """

    ### BEGIN SOLUTION
    # The sum over one hidden spin is e^u + e^-u; its logarithm, by logaddexp, does not overflow.
    def score(v):
        u = b + v @ W
        return v @ a + torch.logaddexp(u, -u).sum(dim=1)

    n = len(a)
    counted = torch.arange(2**n)[:, None] >> torch.arange(n) & 1
    return score(s) - score(2.0 * counted.to(W) - 1).logsumexp(dim=0)
    ### END SOLUTION


# %% [markdown]
# :::{solution-end}
# :::

# %% tags=["test"]
# check: ex-energy-spins points=1
no_weights = torch.zeros(2, 3, dtype=torch.float64)
spins = torch.tensor([[1.0, -1.0], [1.0, 1.0]], dtype=torch.float64)
bias = torch.tensor([0.0, 0.5], dtype=torch.float64)
wanted = math.log(0.5) + torch.tensor([-1.0, 1.0], dtype=torch.float64).sigmoid().log()
assert torch.allclose(
    spin_log_prob(no_weights, bias, torch.ones(3, dtype=torch.float64), spins), wanted
)


# %% tags=["hidden-test", "remove-cell"]
# hidden: ex-energy-spins function=spin_log_prob points=3 tolerance=1e-5
def cases_spin_log_prob(rng):
    """Machines of several sizes, with ordinary and with huge weights."""

    def case(visible, hidden, n, width):
        W = [[rng.gauss(0.2, width) for _ in range(hidden)] for _ in range(visible)]
        a = [rng.gauss(0.3, 1.0) for _ in range(visible)]
        b = [rng.gauss(-0.2, 1.0) for _ in range(hidden)]
        s = [[rng.choice([-1.0, 1.0]) for _ in range(visible)] for _ in range(n)]
        return W, a, b, s

    sizes = [(1, 1), (2, 1), (1, 3), (2, 2), (3, 3), (3, 5), (4, 2), (5, 4), (6, 3)]
    ordinary = [case(v, h, 5, 1.0) for v, h in sizes]
    huge = [case(v, h, 4, 800.0) for v, h in [(3, 2), (2, 4), (8, 3)]]
    return [*ordinary, *huge, case(8, 6, 3, 0.5)]


# %% [markdown]
# :::{exercise} What contrastive divergence aims at
# :label: ex-energy-drift
# Write `expected_divergence_of_weights(W, a, b, x, k)`, which returns the *expected* CD-$k$ update of the weights, shape
# $(V,H)$, without any randomness: the average of $v\,p(h=1\mid v)^\top$ over the rows of `x`, minus its expectation after $k$
# sweeps of block Gibbs sampling that start at a row of `x`, all rows alike. Units are 0 or 1, there are at most 5 visible and
# 4 hidden ones, and $k\ge0$ sweeps.
# :::

# %% [markdown]
# :::{solution-start} ex-energy-drift
# :label: sol-energy-drift
# :class: dropdown
# :::


# %% tags=["solution"]
def expected_divergence_of_weights(W, a, b, x, k):
    """The expected CD-k update of the weights.

    W: shape (visible, hidden); a: (visible,); b: (hidden,); x: (n, visible) of 0 and 1; k: a number. Returns W's shape.
    """

    ### BEGIN SOLUTION
    # One sweep is a matrix: for every h in between, p(h | v) times p(v' | h).
    def all_states(n):
        return (torch.arange(2**n)[:, None] >> torch.arange(n) & 1).to(W)

    def table(p, bits):
        return (p[:, None] * bits + (1 - p[:, None]) * (1 - bits)).prod(dim=2)

    v, h = all_states(W.shape[0]), all_states(W.shape[1])
    sweep = table((b + v @ W).sigmoid(), h) @ table((a + h @ W.T).sigmoid(), v)
    start = (x[:, None] == v).all(dim=2).to(W).mean(dim=0)
    end = start @ torch.linalg.matrix_power(sweep, int(k))
    return (v * (start - end)[:, None]).T @ (b + v @ W).sigmoid()
    ### END SOLUTION


# %% [markdown]
# :::{solution-end}
# :::

# %% tags=["test"]
# check: ex-energy-drift points=1
unjoined = torch.zeros(2, 1, dtype=torch.float64)
zero = torch.zeros(2, dtype=torch.float64)
one_row = torch.tensor([[1.0, 0.0]], dtype=torch.float64)
moved = expected_divergence_of_weights(unjoined, zero, zero[:1], one_row, 1)
assert torch.allclose(moved, torch.tensor([[0.25], [-0.25]], dtype=torch.float64))


# %% tags=["hidden-test", "remove-cell"]
# hidden: ex-energy-drift function=expected_divergence_of_weights points=3 tolerance=1e-5
def cases_expected_divergence_of_weights(rng):
    """Machines, data and numbers of sweeps, none among them."""

    def case(visible, hidden, n, k, width):
        W = [[rng.gauss(0.3, width) for _ in range(hidden)] for _ in range(visible)]
        a = [rng.gauss(-0.4, 1.0) for _ in range(visible)]
        b = [rng.gauss(0.4, 1.0) for _ in range(hidden)]
        x = [[float(rng.random() < 0.6) for _ in range(visible)] for _ in range(n)]
        return W, a, b, x, k

    sizes = [(1, 1, 3, 1), (2, 2, 4, 1), (3, 3, 5, 1), (4, 4, 6, 2), (3, 2, 5, 2)]
    sizes += [(2, 3, 4, 3), (5, 4, 7, 1), (4, 3, 6, 5), (3, 3, 1, 2), (5, 2, 6, 10)]
    return [
        *(case(v, h, n, k, 1.5) for v, h, n, k in sizes),
        case(3, 3, 4, 2, 4.0),
        case(4, 4, 5, 1, 3.0),
        case(3, 2, 4, 0, 1.0),
    ]


# %% [markdown]
# :::{exercise} A bound and what it misses
# :label: ex-energy-belief
# A DBN has a lower RBM with weights `W` and biases `a`, `b`, and any density of the $H$ hidden bits on top, given as a table:
# `top[m]` is the probability of the state whose bit $j$ is $\lfloor m/2^j\rfloor\bmod2$. Write `belief(W, a, b, top, x)`,
# which returns for every row of `x` two numbers, shape $(n,2)$: the exact $\log p(x)$, and the bound {eq}`eq-energy-bound`
# with the posterior of the lower RBM, both enumerated. At most 6 hidden units; no entry of `top` is 0.
# :::

# %% [markdown]
# :::{solution-start} ex-energy-belief
# :label: sol-energy-belief
# :class: dropdown
# :::


# %% tags=["solution"]
def belief(W, a, b, top, x):
    """Exact log-likelihood of a deep belief network, and its variational bound.

    W: shape (visible, hidden); a: (visible,); b: (hidden,); top: (2^hidden,) adding up to 1; x: (n, visible) of 0 and 1.
    Returns shape (n, 2).
    """

    ### BEGIN SOLUTION
    # log of a Bernoulli with logit u at the bit z: z u - softplus(u).
    def log_bits(z, u):
        return z @ u.T - torch.nn.functional.softplus(u).sum(dim=1)

    h = (torch.arange(len(top))[:, None] >> torch.arange(len(b)) & 1).to(W)
    joint = log_bits(x, a + h @ W.T) + top.log()
    log_q = log_bits(h, b + x @ W).T
    bound = (log_q.exp() * (joint - log_q)).sum(dim=1)
    return torch.stack([joint.logsumexp(dim=1), bound], dim=1)
    ### END SOLUTION


# %% [markdown]
# :::{solution-end}
# :::

# %% tags=["test"]
# check: ex-energy-belief points=1
no_join = torch.zeros(2, 1, dtype=torch.float64)
even = torch.tensor([0.9, 0.1], dtype=torch.float64)
pair = belief(no_join, zero, zero[:1], even, one_row)
level = -2 * math.log(2)
gap = 0.5 * (math.log(0.9) + math.log(0.1)) + math.log(2)
assert torch.allclose(
    pair, torch.tensor([[level, level + gap]], dtype=torch.float64), atol=1e-9
)


# %% tags=["hidden-test", "remove-cell"]
# hidden: ex-energy-belief function=belief points=3 tolerance=1e-5
def cases_belief(rng):
    """Lower machines and tables of several sizes."""

    def case(visible, hidden, n, width):
        W = [[rng.gauss(0.2, width) for _ in range(hidden)] for _ in range(visible)]
        a = [rng.gauss(-0.3, 1.0) for _ in range(visible)]
        b = [rng.gauss(0.4, 1.0) for _ in range(hidden)]
        table = [rng.uniform(0.05, 1.0) ** 2 for _ in range(2**hidden)]
        x = [[float(rng.random() < 0.5) for _ in range(visible)] for _ in range(n)]
        return W, a, b, [p / sum(table) for p in table], x

    sizes = [(1, 1), (2, 1), (2, 2), (3, 3), (4, 2), (5, 3), (3, 4), (4, 4), (6, 5)]
    return [
        *(case(v, h, 5, 1.2) for v, h in sizes),
        case(3, 3, 4, 4.0),
        case(4, 6, 3, 2.0),
        case(8, 3, 6, 0.5),
    ]


# %% [markdown]
# ## What to remember
#
# - An energy is a density up to its constant; a restricted machine has independent units given the other layer, a closed
#   free energy, and $Z$ as its only hard sum.
# - Contrastive divergence follows the gradient while the chain forgets quickly; later it does not, and the error of
#   reconstruction will not say so. Watch a likelihood: exact, or by AIS with enough rungs.
# - A second layer replaces the prior of the first. Its bound can only gain what the first prior left.
#
# **Further reading.** The machine: {cite}`ackley1985learning`; contrastive divergence: {cite}`hinton2002training`; persistent
# chains: {cite}`tieleman2008training`; annealed importance sampling: {cite}`neal2001annealed` and, for these models,
# {cite}`salakhutdinov2008quantitative`; deep belief networks: {cite}`hinton2006fast`; the textbook's chapter 12:
# {cite}`qiu2020nndl`.
