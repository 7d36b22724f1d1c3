# %% [markdown]
# (sec-wgan)=
# # WGAN and its gradient penalty
#
# **What does a GAN gain when its critic measures a distance, and what does it take to keep the critic honest?**
#
# It gains a loss that, on the ring, follows the distance, and a gradient that does not vanish when they are bad. The price is one
# condition: the critic must be Lipschitz. This section turns the dual form of the Wasserstein distance (section 3.1) into a game, plays it
# with both ways of keeping the condition that made it known, clipping and a gradient penalty (section 3.2), and measures what is
# gained, what is not, and what it costs.

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
from functools import partial
from typing import Any

import matplotlib.pyplot as plt
import torch
from IPython.display import Markdown
from torch.nn.functional import softplus

from genmodels import data, lab, metrics, plots, training, transport
from genmodels.adversarial import (
    HINGE, NON_SATURATING, WASSERSTEIN, Generator, Objective, adam, clip, critic_step,
    gradient_penalty, image_generator, mlp, play, score, slopes, well_trained,
)  # fmt: skip
from genmodels.adversarial.objectives import raise_score, score_gap

lab.start(scale)

# %% [markdown]
# ## From the dual to a game
#
# By {prf:ref}`thm-kantorovich` the Wasserstein distance (Wasserstein 距离) $W_1(p_r,p_\theta)$, the price of the cheapest plan that moves the mass of
# $p_\theta$ onto $p_r$, is also the largest difference of means that a function of slope at most one can show:
#
# $$
# W_1(p_r,p_\theta)=\max_{f\ \text{1-Lipschitz}}\;\mathbb E_{x\sim p_r}[f(x)]-\mathbb E_{x\sim p_\theta}[f(x)].
# $$ (eq-wgan-dual)
#
# The maximum asks for a function that scores data high and samples low: a {term}`critic`. Let a network play it. Its parameters $\phi$ go up
#
# $$
# \max_{\phi}\;\mathbb E_{x\sim p_r}[f_\phi(x)]-\mathbb E_{z}[f_\phi(G(z;\theta))],\qquad f_\phi\ \text{1-Lipschitz},
# $$ (eq-wgan-critic)
#
# and the generator moves its samples to where the critic's score is higher:
#
# $$
# \max_{\theta}\;\mathbb E_{z}\bigl[f_\phi(G(z;\theta))\bigr].
# $$ (eq-wgan-generator)
#
# These are eqs. 13.55 and 13.56 of the textbook {cite}`qiu2020nndl`; the game is the **{term}`Wasserstein GAN`**
# {cite}`arjovsky2017wgan`.
# There is no logarithm and no sigmoid: the score itself is compared. {numref}`fig-wgan-idea` shows what that changes. Where data and samples
# hardly overlap, the optimal discriminator of {ref}`sec-game` is flat on both sides. The best 1-Lipschitz critic is a ramp,
# and each sample sees the same slope.

# %% mystnb={"figure": {"caption": "Data and samples far apart. Left: the optimal discriminator is flat where the samples are. Right: the best 1-Lipschitz critic rises towards the data with slope one.", "name": "fig-wgan-idea"}, "image": {"alt": "Two panels with the same two narrow densities. Left, a violet step that is flat under both densities. Right, a violet straight ramp falling from the data to the samples."}} tags=["hide-input"]
x_line = torch.linspace(-2, 6, 801, dtype=torch.float64)
at_data, at_samples = (
    torch.distributions.Normal(mean, 0.5).log_prob(x_line).exp() for mean in (0.0, 4.0)
)
figure, panels = plt.subplots(1, 2, figsize=(7.2, 2.4), sharex=True)
curves_of = {"$D^*(x)$": at_data / (at_data + at_samples), "$f^*(x)$": 2 - x_line}
for ax, (name, curve) in zip(panels, curves_of.items(), strict=True):
    for density, kind, text in (
        (at_data, "real", "$p_r$"),
        (at_samples, "fake", r"$p_\theta$"),
    ):
        ax.fill_between(
            x_line, density, color=plots.PALETTE[kind], alpha=0.25, lw=0, label=text
        )
    ax.plot(x_line, curve, color=plots.PALETTE["critic"], label=name)
    ax.set_xlabel("$x$")
    ax.legend(ncols=3, loc="upper center", bbox_to_anchor=(0.5, 1.22))
plt.show()

# %% [markdown]
# The generator's step holds the critic fixed. Is its gradient then that of the distance?
#
# :::{prf:proposition} The gradient through a frozen best critic
# :label: prop-wgan-envelope
#
# Let $f^*$ attain {eq}`eq-wgan-dual` at $\theta$, and let both sides below be differentiable there. Then
#
# $$
# \nabla_\theta W_1(p_r,p_\theta)=-\nabla_\theta\,\mathbb E_z\bigl[f^*(G(z;\theta))\bigr].
# $$
# :::
#
# :::{prf:proof}
# Write $L(\theta')=\mathbb E_{p_r}f^*-\mathbb E_zf^*(G(z;\theta'))$ with $f^*$ frozen. At every other $\theta'$ the maximum over critics
# is at least what
# $f^*$ shows, so $W_1(\theta')-L(\theta')\ge0$, and it is $0$ at $\theta$. A differentiable function has gradient zero at its minimum, so the two
# gradients agree. (nndl, before eq. 13.56; Arjovsky et al. 2017, theorem 3.)
# :::
#
# A cloud and its copy, shifted by $\theta$, are $\|\theta\|$ apart, and $f^*(x)=-\theta^\top x/\|\theta\|$. The exact distance, by a
# linear program, confirms
# the gradient by finite differences; and however large the shift, its length is one.

# %% tags=["nbval-check-output"]
cloud = torch.randn(60, 2, generator=training.rng(0), dtype=torch.float64)
for shift in (torch.tensor([0.3, -0.4]), torch.tensor([30.0, -40.0])):
    shift = shift.double()

    def distance_at(theta: torch.Tensor) -> float:
        return transport.wasserstein_1(cloud, cloud + theta)

    nudges = 1e-3 * torch.eye(2, dtype=torch.float64)
    differences = torch.tensor(
        [(distance_at(shift + e) - distance_at(shift - e)) / 2e-3 for e in nudges]
    )
    frozen = -shift / shift.norm()  # the slope of f*, which the generator climbs
    torch.testing.assert_close(differences.double(), -frozen, atol=1e-4, rtol=0)
    print(
        f"distance {distance_at(shift):5.2f}, gradient {[round(g, 3) for g in differences.tolist()]}"
    )

# %% [markdown]
# ## Two algorithms
#
# The best critic is out of reach. Both algorithms train the current one for a few steps, $n_\text{critic}$, before each step of the
# generator. They differ in how they keep it Lipschitz.
#
# :::{prf:algorithm} WGAN (nndl, Algorithm 13.2; Arjovsky et al. 2017, Algorithm 1)
# :label: alg-wgan
#
# **Input** data, iterations $T$, critic steps $n_\text{critic}$, batch size $M$, bound $c$
#
# 1. Repeat $T$ times:
#     1. Repeat $n_\text{critic}$ times: draw $M$ data points and $M$ noise vectors; move $\phi$ **up** the gradient of
#        $\frac1M\sum_m\bigl[f_\phi(x^{(m)})-f_\phi(G(z^{(m)}))\bigr]$ with RMSprop; **then** put every weight back into $[-c,c]$.
#     2. Draw $M$ noise vectors; move $\theta$ **up** the gradient of $\frac1M\sum_mf_\phi(G(z^{(m)}))$ with RMSprop.
# :::
#
# :::{prf:algorithm} WGAN with gradient penalty (Gulrajani et al. 2017, Algorithm 1)
# :label: alg-wgan-gp
#
# **Input** as above, and a weight $\lambda$ in place of the bound
#
# 1. Repeat $T$ times:
#     1. Repeat $n_\text{critic}$ times: draw $x$, $z$ and $\epsilon\sim U(0,1)$ for each row; let $\tilde x=G(z)$ and
#        $\hat x=\epsilon x+(1-\epsilon)\tilde x$; move $\phi$ **down** the gradient of the mean of
#        $f_\phi(\tilde x)-f_\phi(x)+\lambda(\|\nabla_{\hat x}f_\phi(\hat x)\|_2-1)^2$ with Adam.
#     2. Draw $z$; move $\theta$ **down** the gradient of the mean of $-f_\phi(G(z))$ with Adam.
# :::
#
# Weight clipping (权重截断) bounds every weight, and so, by a constant that depends on the architecture, the slope; how badly that
# constant is known is measured in section 3.2. The gradient penalty (梯度惩罚) {cite}`gulrajani2017improved` asks for slope
# one directly, on
# the segments between data and samples. On the page:


# %%
def down(optimizer, loss):
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


def wasserstein_gan(
    generator, critic, data, *, iterations, critic_steps, batch, optimizer, rng,
    bound=None, weight=0.0,
):  # fmt: skip
    phi, theta = optimizer(critic.parameters()), optimizer(generator.parameters())
    for _ in range(iterations):
        for _ in range(critic_steps):
            x, z = data.sample((batch,), rng=rng), generator.noise(batch, rng=rng)
            fake = generator(z).detach()
            loss = critic(fake).mean() - critic(x).mean()
            if weight:
                eps = torch.rand(batch, 1, generator=rng)
                between = (eps * x + (1 - eps) * fake).requires_grad_()
                scores = critic(between).sum()
                (g,) = torch.autograd.grad(scores, between, create_graph=True)
                loss = loss + weight * (g.norm(dim=1) - 1).square().mean()
            down(phi, loss)
            for w in critic.parameters() if bound else ():
                w.data.clamp_(-bound, bound)
        down(theta, -critic(generator(generator.noise(batch, rng=rng))).mean())


# %% [markdown]
# With a `bound` and RMSprop this is {prf:ref}`alg-wgan`, with a `weight` and Adam {prf:ref}`alg-wgan-gp`. In the package they are the
# loop of {ref}`sec-game`
# with another objective and another control: after ten iterations from the same seed, the weights are the same.

# %%
ring = data.ring(modes=8)


def players(seed: int) -> tuple[Generator, torch.nn.Module]:
    """A generator and a critic for the plane, with initial weights of their own seed."""
    with training.isolated(seed):
        return Generator(mlp(2, 2, width=64), latent=2), mlp(2, 1, width=64)


def rmsprop(parameters) -> torch.optim.Optimizer:
    return torch.optim.RMSprop(parameters, lr=5e-4)


paper_adam = adam(lr=1e-3, betas=(0.0, 0.9))  # the paper's momentum: none
ten: dict = {"critic_steps": 5, "batch": 32}
on_the_page: list[dict] = [
    {"bound": 0.05, "optimizer": rmsprop},
    {"weight": 10.0, "optimizer": paper_adam},
]
in_the_package: list[dict] = [
    {"project": partial(clip, bound=0.05), "optimizer": rmsprop},
    {"penalties": [partial(gradient_penalty, weight=10.0)], "optimizer": paper_adam},
]
for mine, its in zip(on_the_page, in_the_package, strict=True):
    my_players, its_players = players(0), players(0)
    wasserstein_gan(
        *my_players, ring, iterations=10, rng=training.rng(0), **(ten | mine)
    )
    play(*its_players, ring, WASSERSTEIN, steps=10, seed=0, **(ten | its))
    for my_network, its_network in zip(my_players, its_players, strict=True):
        torch.testing.assert_close(my_network.state_dict(), its_network.state_dict())

# %% tags=["remove-input"]
lab.show(score_gap, raise_score, clip, gradient_penalty)

# %% [markdown]
# ## Which sign is it?
#
# Readers of papers, code and this chapter meet the same game with different signs. Each convention below trains a linear critic
# $f(x)=wx+b$ on data from
# $\mathcal N(3,1)$ and samples from $\mathcal N(0,1)$, clipped to $[-1,1]$, with the generator held still. The distance is 3.

# %% tags=["hide-input"]
negated = Objective(
    "negated", lambda real, fake: real.mean() - fake.mean(), lambda fake: fake.mean()
)
conventions = {
    "nndl, eqs. 13.55 and 13.56: maximise": Objective(
        "nndl", lambda r, f: -(r.mean() - f.mean()), lambda f: -f.mean()
    ),
    "Arjovsky et al., Algorithm 1: ascend, then descend": Objective(
        "paper", lambda r, f: -(r - f).mean(), lambda f: (-f).mean()
    ),
    "their published code: minimise the negated critic's": negated,
    "Gulrajani et al., Algorithm 1: minimise": Objective(
        "WGAN-GP", lambda r, f: (f - r).mean(), lambda f: (-f).mean()
    ),
    "this book: `WASSERSTEIN`": WASSERSTEIN,
}
apart = data.World(centres=torch.tensor([[3.0]]), std=1.0)


def standing(*, std: float = 1.0) -> Generator:
    """G(z) = std * z, and no optimiser will move it."""
    layer = torch.nn.Linear(1, 1)
    layer.weight.data.fill_(std)
    layer.bias.data.zero_()
    return Generator(layer, latent=1)


sign_table = [
    "| convention | $w$ | data score | critic's loss | to plot | samples move |",
    "|---|--:|---|--:|--:|---|",
]
plotted, ends = {}, {}
for name, objective in conventions.items():
    linear, still, stream = torch.nn.Linear(1, 1), standing(), training.rng(1)
    for parameter in linear.parameters():
        parameter.data.zero_()
    descent = torch.optim.SGD(linear.parameters(), lr=0.05)
    for _ in range(60):
        real, z = apart.sample((256,), rng=stream), still.noise(256, rng=stream)
        loss = critic_step(
            still, linear, objective, descent, real, z, project=partial(clip, bound=1.0)
        )
        assert all(w.abs().max() <= 1 for w in linear.parameters())
    fakes = still.sample((20_000,), rng=stream).requires_grad_()
    reals = apart.sample((20_000,), rng=stream)
    critic_loss = objective.critic(score(linear, reals), score(linear, fakes))
    (push,) = torch.autograd.grad(objective.generator(score(linear, fakes)), fakes)
    plotted[name] = -critic_loss.item()
    ends[name] = linear.weight.item()
    up = bool((push < 0).all())  # descending the loss raises x, towards the data
    sign_table.append(
        f"| {name} | {ends[name]:+.0f} | {'high' if ends[name] > 0 else 'low'} "
        f"| {critic_loss:.2f} | {plotted[name]:.2f} | {'to the data' if up else 'away'} |"
    )
    assert up and abs(plotted[name] - 3) < 0.15
assert [end > 0 for end in ends.values()] == [True, True, False, True, True]
Markdown("\n".join(sign_table))

# %% [markdown]
# All five play the same game: the number to plot is *minus the critic's loss*, and the samples move towards the data. The published code
# trains $-f$, so there data score low; it
# plots minus its `Loss_D`. That is a convention and no error. An error is to mix two rows: the critic's loss of
# one with the generator's
# of another sends the samples away.

# %%
mixed = Objective("mixed", WASSERSTEIN.critic, negated.generator)
still, linear = standing(), torch.nn.Linear(1, 1)
linear.weight.data.fill_(1.0)  # what WASSERSTEIN.critic has found above
fakes = still.sample((10,), rng=training.rng(2)).requires_grad_()
(push,) = torch.autograd.grad(mixed.generator(score(linear, fakes)), fakes)
assert bool((push > 0).all())  # descending this loss lowers x, and the data are at 3

# %% [markdown]
# (sec-wgan-loss)=
# ## A loss that tracks the distance
#
# Section 2.1 ended its ring with a warning: the losses of a GAN do not say how good the samples are. Here they should. What exactly does
# the critic's
# loss estimate under a gradient penalty? For two clouds a shift $d$ apart and a critic of slope $K$, loss and penalty together are
# $-Kd+\lambda(K-1)^2$, which is smallest at
#
# $$
# K=1+\frac{d}{2\lambda},\qquad\text{so the critic reports}\quad d+\frac{d^2}{2\lambda}.
# $$ (eq-wgan-bias)
#
# The penalty is a compromise. With $\lambda=10$ the report is 5 % too high at $d=1$; with $\lambda=1$, the weight below, 50 %; with
# $\lambda=0.1$, as in the paper's toy code, six times too high.
# It still grows with the distance, and that is what a curve to watch must do.

# %% tags=["nbval-check-output"]
shifted = cloud + torch.tensor([0.6, 0.8], dtype=torch.float64)  # d = 1
for weight in (10.0, 1.0, 0.1):
    K = torch.tensor(1 + 1 / (2 * weight), dtype=torch.float64, requires_grad=True)
    ramp = torch.tensor([0.6, 0.8], dtype=torch.float64)
    scored = shifted @ ramp * K, cloud @ ramp * K
    total = score_gap(*scored) + weight * (K * ramp.norm() - 1) ** 2
    (rest,) = torch.autograd.grad(total, K)
    assert abs(rest) < 1e-12  # the total is smallest here
    print(f"weight {weight:4}: reported {-score_gap(*scored).item():.2f}, exact 1.00")

# %% [markdown]
# Now the ring, with a generator that moves. At thirteen moments the exact $W_1$ between 500 samples and 500 data points is computed by
# linear programming, and beside it
# what the critic reports on the same points. A plain GAN with the same networks, optimisers and critic steps plays beside it; its
# critic's report is the estimate of
# the Jensen-Shannon divergence that follows from its loss, $\frac12(V+\log4)$ by {eq}`eq-jsd`.
#
# **Prediction**, for each of three seeds: over the watched moments, the Wasserstein critic's report and the exact distance are
# correlated by more than 0.8; the GAN critic's report and
# the exact distance by less than 0.5. Both critics get 100 steps before the first moment.

# %%
steps = lab.scale(quick=250, full=2_000)
moments = [1, 10, 20, 30, 40, 60, 80, 100, 130, 160, 200, 225, steps]


def watch(generator: Generator, critic: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Exact distance and reports on the same 500 data points and 500 samples."""
    stream = training.rng(5)
    real, fake = (
        ring.sample((500,), rng=stream),
        generator(generator.noise(500, rng=stream)),
    )
    on_real, on_fake = score(critic, real), score(critic, fake)
    value = -(softplus(-on_real).mean() + softplus(on_fake).mean())
    return {
        "samples": fake,
        "exact": torch.tensor(transport.wasserstein_1(real, fake)),
        "Wasserstein": -score_gap(on_real, on_fake),
        "non-saturating": (value + math.log(4)) / 2,
        "field": score(critic, window),
    }


window = plots.mesh(half=3, points=60)
setting: dict = {
    "steps": steps,
    "critic_steps": partial(well_trained, usual=5, many=100, start=1, every=10_000),
    "batch": 128,
    "optimizer": adam(lr=5e-4, betas=(0.5, 0.9)),
    "critic_optimizer": adam(lr=2e-3, betas=(0.5, 0.9)),
    "watch": watch,
    "watch_at": moments,
}
penalty = partial(gradient_penalty, weight=1.0)
tracked: dict[tuple[str, int], dict[str, torch.Tensor]] = {}
games, correlation, modes = {}, {}, {}
for seed in range(3):
    for objective, penalties in ((WASSERSTEIN, [penalty]), (NON_SATURATING, [])):
        game = play(
            *players(seed), ring, objective, penalties=penalties, seed=seed, **setting
        )
        games[objective.name, seed] = game
        exact, report = (
            torch.stack([game.watched[step][what] for step in moments]).double()
            for what in ("exact", objective.name)
        )
        tracked[objective.name, seed] = {"exact": exact, "report": report}
        correlation[objective.name, seed] = torch.corrcoef(
            torch.stack([exact, report])
        )[0, 1].item()
        modes[objective.name, seed], _, quality = metrics.coverage(
            game.watched[steps]["samples"], ring
        )
        print(
            f"{objective.name:14} seed {seed}: correlation "
            f"{correlation[objective.name, seed]:+.2f}, distance {exact[0]:.2f} -> "
            f"{exact[-1]:.2f}, {modes[objective.name, seed]}/8 modes, {quality:.0%} good"
        )
by_wasserstein, by_gan = (
    [correlation[name, seed] for seed in range(3)]
    for name in ("Wasserstein", "non-saturating")
)
assert min(by_wasserstein) > 0.8
assert all(modes["Wasserstein", seed] == 8 for seed in range(3))
if lab.chosen_scale() == "quick":  # in longer games the GANs may recover
    assert min(by_gan) < 0.5
    assert sum(modes["non-saturating", seed] for seed in range(3)) < 24

# %% mystnb={"figure": {"caption": "Exact distance (blue) and what the critic reports (violet) on the ring, three seeds each. Left: Wasserstein critic with gradient penalty. Right: the critic of a plain GAN.", "name": "fig-wgan-distance"}, "image": {"alt": "Left: three pairs of falling curves, the violet ones start higher, dip under the blue ones once, and then run slightly above them. Right: violet curves start at 0.69 and fall to 0.3 or 0.4 while the blue ones end at different heights."}} tags=["hide-input"]
figure, panels = plt.subplots(1, 2, figsize=(7.2, 2.7), sharex=True)
for ax, name in zip(panels, ("Wasserstein", "non-saturating"), strict=True):
    for seed in range(3):
        for what, kind, text in (
            ("exact", "real", "exact $W_1$"),
            ("report", "critic", "critic's report"),
        ):
            ax.plot(
                moments, tracked[name, seed][what], color=plots.PALETTE[kind], lw=1.2,
                label=text if seed == 0 else None,
            )  # fmt: skip
    ax.set(xlabel="generator steps", ylim=(0, 4), title=name)
    ax.legend()
plt.show()

# %% [markdown]
# The first half of the prediction holds in all three seeds, with room to spare. The second half fails: in the run that made this page
# one GAN's report follows the
# distance quite well too, one hardly, and one moves against it. {numref}`fig-wgan-distance` shows why. The GAN's report cannot exceed
# $\log2\approx0.69$, starts there, and comes
# down in all three runs, whether the samples get better or end on a few modes. That a GAN's loss never correlates with quality would be
# too much to say. One cannot tell the good run from
# the bad ones by it, and of the Wasserstein runs none was bad: they reach all eight modes, the GANs together miss some.
#
# Two more things are visible. The Wasserstein report starts about twice too high, as {eq}`eq-wgan-bias` says for $\lambda=1$. And it
# dips *below* the exact distance where the
# samples move fastest: five steps are not always enough for the critic to keep up. Move the slider to see the ramp follow.

# %%
start_high = [
    (row["report"][0] / row["exact"][0]).item()
    for (name, _), row in tracked.items()
    if name == "Wasserstein"
]
dips = [
    bool((row["report"] < row["exact"]).any())
    for (name, _), row in tracked.items()
    if name == "Wasserstein"
]
assert all(1.5 < ratio < 2.5 for ratio in start_high) and all(dips)
assert max(float(row["report"].max()) for (name, _), row in tracked.items() if name != "Wasserstein") < 0.7  # fmt: skip


# %% tags=["hide-input"]
def ramp_figure(step: int) -> plt.Figure:
    seen = games["Wasserstein", 0].watched[step]
    height = seen["field"] - seen["field"].min()
    figure, (plane, curve) = plt.subplots(
        1, 2, figsize=(7.2, 3.1), width_ratios=(1, 1.2)
    )
    plots.field(plane, height / height.max(), half=3)
    plots.points(plane, ring.sample((300,), rng=training.rng(2)), kind="real", size=5)
    plots.points(plane, seen["samples"], kind="fake", size=5)
    plots.square(plane, half=3)
    row = tracked["Wasserstein", 0]
    now = moments.index(step)
    for what, kind, text in (
        ("exact", "real", "exact $W_1$"),
        ("report", "critic", "critic's report"),
    ):
        curve.plot(moments, row[what], color=plots.PALETTE[kind], label=text)
        curve.plot(step, row[what][now], "o", color=plots.PALETTE[kind])
    curve.set(xlabel="generator steps", ylim=(0, 4))
    curve.legend()
    return figure


ramp_player = plots.explore(
    ramp_figure,
    moments,
    label=lambda step: f"step {step}",
    alt="Data in blue and samples in orange over the critic's scores, blue where high; beside it the exact distance and the critic's report over training",
    pause=600,
)
ramp_player

# %% [markdown]
# ## How many critic steps?
#
# The dual wants the *best* critic. The paper gives it five steps per step of the generator. Its published code does something else as
# well, which its repository notes
# and the paper's algorithm leaves out: 100 critic steps before each of the first 25 steps of the generator, and before every 500th.

# %% tags=["remove-input"]
lab.show(well_trained)

# %% tags=["nbval-check-output"]
in_all = sum(well_trained(step) for step in range(1_000))
print(f"critic steps in 1,000 generator steps: {in_all:,}, by the paper 5,000")
assert in_all == 7_470

# %% [markdown]
# **Prediction.** Over the first 40 steps on the ring, with the paper's $\lambda=10$, the report is off by less the more steps the critic
# gets: 1, then 5, then 25. While it lasts, the
# published schedule is no worse than 25, and in the steps after that, at five each, better than five from the start. One seed; the error is
# $|\text{report}-W_1|/W_1$, averaged over every fourth step.

# %%
schedules: dict[str, Any] = {"1": 1, "5": 5, "25": 25, "the code's": well_trained}
often = [*range(4, 41, 4)]
early: dict = {
    "steps": 40,
    "batch": 128,
    "optimizer": adam(lr=3e-4, betas=(0.0, 0.9)),
    "critic_optimizer": adam(lr=1e-3, betas=(0.0, 0.9)),
    "watch": watch,
    "watch_at": often,
    "penalties": (gradient_penalty,),
}
errors, reports = {}, {}
for name, schedule in schedules.items():
    seen = play(*players(0), ring, WASSERSTEIN, critic_steps=schedule, **early).watched
    exact, reports[name] = (
        torch.stack([seen[step][what] for step in often]).double()
        for what in ("exact", "Wasserstein")
    )
    error = (reports[name] - exact).abs() / exact
    errors[name] = error[:6].mean().item(), error[6:].mean().item()
    print(
        f"critic steps: {name:10}  error until step 24: {errors[name][0]:.0%}, "
        f"then {errors[name][1]:.0%}"
    )
by_exact = {name: error for name, (error, _) in errors.items()}
assert (
    reports["1"][-1] < 0
    and by_exact["1"] > 0.6
    and by_exact["1"] > by_exact["5"] > by_exact["25"]
)
assert by_exact["the code's"] < by_exact["25"] + 0.1
bias = (exact[6:].mean() / 20).item()
assert all(abs(errors[name][1] - bias) < 0.08 for name in schedules if name != "1")

# %% mystnb={"figure": {"caption": "The critic's report with 1, 5 and 25 critic steps, and with the published code's schedule, over the first 40 generator steps; dashed, the exact distance of the last run.", "name": "fig-wgan-steps"}, "image": {"alt": "Four violet curves against generator steps. With one critic step the report falls below zero; with five it climbs to the dashed line and crosses it shortly before step 24; with 25 and with the published schedule it lies near it almost from the start."}} tags=["hide-input"]
figure, ax = plt.subplots(figsize=(6, 2.7))
for (name, report), line in zip(reports.items(), (":", "-.", "-", "--"), strict=True):
    width = 2.4 if name == "the code's" else 1.4
    ax.plot(often, report, ls=line, lw=width, color=plots.PALETTE["critic"], label=name)
ax.plot(often, exact, ls=(0, (5, 2)), lw=1, color=plots.PALETTE["real"], label="exact")
ax.set(xlabel="generator steps", ylabel="critic's report")
ax.legend(ncols=5, loc="upper center", bbox_to_anchor=(0.5, 1.2), columnspacing=1)
plt.show()

# %% [markdown]
# The order is as predicted, until step 24. With one step the report is not even positive in the end: the critic has learned which way is
# up too late, and the samples have moved on. After step 24 the last
# part of the prediction cannot be decided: five, 25 and the published schedule are all off by about as much as {eq}`eq-wgan-bias` says
# the penalty itself costs, $d/2\lambda$. What the long beginning buys is the
# beginning.

# %% [markdown]
# (sec-wgan-toy)=
# ## Every objective with every control
#
# Is it the Wasserstein objective that helps, or the control? The control can be combined with any objective. The table below was
# recorded: five objectives with five controls on the ring and on a
# grid of 25 Gaussians, three seeds each. Every game gets the *same number of updates*, counting both networks: 7,200. A Wasserstein
# game, with five critic steps, so has 1,200 generator
# steps where the others have 3,600.
#
# The three seeds of a cell are played side by side, by networks stacked into one; the recipe first checks that the stack computes what
# the single networks compute.
#
# A component is *covered* if it is the nearest one to at least a quarter of its fair share of samples, near or far; *quality* is the
# share of samples within four standard deviations of a centre.
#
# **Predictions.** (1) Wasserstein games with a control cover every component, in every run: they cover before they sharpen. (2) On both
# worlds their mean quality is below that of the non-saturating
# loss with the same control. (3) With the gradient penalty no objective leaves a component uncovered. (4) Wasserstein without control
# has the largest mean distance of its column. (5) Least squares without control
# leaves a component of the grid uncovered in at least one run.

# %% tags=["hide-input"]
toy = lab.results("toy_mixtures")
cells = {(row["world"], row["objective"], row["control"]): row["runs"] for row in toy["rows"]}  # fmt: skip
names = ["minimax", "non-saturating", "least squares", "hinge", "Wasserstein"]
controls = ["none", "clip", "gradient penalty", "R1", "spectral"]


def mean(world: str, objective: str, control: str, what: str) -> float:
    """Over the seeds; a game that broke has no distance, which counts as infinite."""
    found = [run[what] for run in cells[world, objective, control]]
    return math.inf if None in found else sum(found) / len(found)


def least(world: str, objective: str, control: str, what: str) -> int:
    return min(run[what] for run in cells[world, objective, control])


toy_table = [
    "| objective | control | ring: covered | modes | quality | $W_1$ | grid: covered | modes | quality | $W_1$ |",
    "|---|---|--:|--:|--:|--:|--:|--:|--:|--:|",
]
for name in names:
    for control in controls:
        values = [
            f"{least(world, name, control, 'covered')} "
            f"| {least(world, name, control, 'modes')} "
            f"| {mean(world, name, control, 'quality'):.2f} "
            f"| {mean(world, name, control, 'distance'):.2f}"
            for world in ("ring", "grid")
        ]
        toy_table.append(f"| {name} | {control} | {' | '.join(values)} |")
Markdown(
    "\n".join(toy_table)
    + f"\n\n{toy['seeds']} seeds per cell, {toy['updates']:,} updates each; "
    f"{sum(row['cpu_seconds'] for row in toy['rows']) / 60:.0f} minutes on {toy['hardware']}, "
    f"torch {toy['torch']}, commit {toy['commit'][:7]}. {toy['setting'][0].upper()}{toy['setting'][1:]}."
)

# %% [markdown]
# *Covered* and *modes* are those of the worst seed, of 8 and 25; a *mode* in the sense of {ref}`sec-game` needs 20 of 2,500 samples
# within four standard deviations, so it asks for both coverage and quality. Quality and
# the exact distance $W_1$ are means. Two samples of 1,000 points from the data themselves have the distance that the next cell prints.
# What became of the predictions:

# %%
worlds = {
    "ring": data.ring(radius=2**0.5, std=0.1 / 2**0.5),
    "grid": data.grid(spacing=2 / 8**0.5, std=0.05 / 8**0.5),
}
for name, world in worlds.items():
    one, other = (world.sample((1_000,), rng=training.rng(s)) for s in (1, 2))
    print(f"{name}: data against data {transport.wasserstein_1(one, other):.2f}")

sizes = {"ring": 8, "grid": 25}
tamed = controls[1:]
outcome = {
    "1 Wasserstein covers": all(
        least(world, "Wasserstein", control, "covered") == size
        for world, size in sizes.items()
        for control in tamed
    ),
    "2 and is less sharp": all(
        mean(world, "Wasserstein", control, "quality")
        < mean(world, "non-saturating", control, "quality")
        for world in sizes
        for control in tamed
    ),
    "3 the penalty covers": all(
        least(world, name, "gradient penalty", "covered") == size
        for world, size in sizes.items()
        for name in names
    ),
    "4 uncontrolled is worst": all(
        mean(world, "Wasserstein", "none", "distance")
        == max(mean(world, name, "none", "distance") for name in names)
        for world in sizes
    ),
    "5 least squares loses": least("grid", "least squares", "none", "covered") < 25,
}
for claim, held in outcome.items():
    print(f"{claim:24} {'holds' if held else 'fails'}")
assert [claim[0] for claim, held in outcome.items() if held] == ["5"]

softly = ["clip", "gradient penalty", "R1"]
assert all(
    least(place, "Wasserstein", control, "covered") == size
    for place, size in sizes.items()
    for control in softly
)
sharper = [
    (place, control)
    for place in sizes
    for control in tamed
    if mean(place, "Wasserstein", control, "quality")
    > mean(place, "non-saturating", control, "quality")
]
assert sharper == [("grid", "spectral")]
under_penalty = [
    (name, run["covered"])
    for name in names
    for run in cells["grid", name, "gradient penalty"]
]
assert [pair for pair in under_penalty if pair[1] < 25] == [("hinge", 18)]
by_spectral = {name: mean("grid", name, "spectral", "covered") for name in names}
assert max(by_spectral.values()) == by_spectral["Wasserstein"] < 25
assert all(run["covered"] < 25 for run in cells["grid", "Wasserstein", "none"])
weak = [run["covered"] for run in cells["ring", "hinge", "spectral"]]
assert max(weak) < 8 and all(
    least("ring", name, control, "covered") == 8
    for name in names
    for control in controls
    if (name, control) != ("hinge", "spectral")
)
assert min(least("grid", name, "none", "covered") for name in names[:4]) >= 20
far_off = {
    place: max(names, key=lambda name: mean(place, name, "none", "distance"))
    for place in sizes
}
assert far_off["grid"] == "Wasserstein" != far_off["ring"]
assert max(mean("grid", *key[1:], "quality") for key in cells if key[0] == "grid") < 0.5

# Why hinge and spectral go together so badly here: with scores inside the margins, the two losses are one.
inside = torch.rand(2, 50, generator=training.rng(5), dtype=torch.float64) * 2 - 1
torch.testing.assert_close(HINGE.critic(*inside), 2 + score_gap(*inside))

# %% mystnb={"figure": {"caption": "Mean quality by objective (rows) and control (marks), recorded. Right, the grid: no game of this budget has sharpened yet.", "name": "fig-wgan-toy"}, "image": {"alt": "Two dot plots with one row per objective. On the ring most marks lie near 0.9, those of Wasserstein between 0.4 and 0.8, and hinge with spectral normalisation near 0.1. On the grid all marks lie below 0.35."}} tags=["hide-input"]
figure, panels = plt.subplots(1, 2, figsize=(7.2, 2.6), sharey=True)
for ax, place in zip(panels, sizes, strict=True):
    for control, mark in zip(controls, "oxs^D", strict=True):
        ax.plot(
            [mean(place, name, control, "quality") for name in names], range(5), mark,
            color=plots.PALETTE["fake"], ms=6, mfc="none", label=control,
        )  # fmt: skip
    ax.set(xlabel="quality", xlim=(0, None), yticks=range(5), yticklabels=names)
    ax.set_title(place)
panels[0].invert_yaxis()
handles, labels = panels[0].get_legend_handles_labels()
figure.legend(handles, labels, loc="outside upper center", ncols=5)
plt.show()

# %% [markdown]
# Only the fifth holds as it was stated. Each of the others is right in most of its cells and wrong in some, which is why one writes predictions down:
#
# 1. With clipping, the gradient penalty or R1 the Wasserstein game covers every component of both worlds, in all 18 runs. With spectral
#    normalisation it leaves two or three of the grid's uncovered.
# 2. It is less sharp ({numref}`fig-wgan-toy`) than the non-saturating loss in seven of eight comparisons; in the eighth, spectral on the grid, both are poor.
# 3. With the penalty all objectives cover the grid but one: hinge, in one seed of three.
# 4. Without control it is farthest from the data on the grid, in all three runs with components uncovered; on the ring it comes as close as the
#    others, with fewer good samples. A short game on an easy world forgives the missing condition.
#
# On the grid spectral normalisation fails with *every* objective, and with the Wasserstein objective least. And the plain losses without any control cover
# most of both worlds too, with sharper samples: at this size "WGAN covers all modes" is no distinction. The Wasserstein game pays for
# five critic steps with two thirds of its generator steps, and no game on the grid has sharpened yet.
#
# One cell of the ring stands out: hinge with spectral normalisation fails on the easy ring. Below a distance of 2 a
# 1-Lipschitz critic cannot meet both margins on average, and inside the margins the hinge loss *is* the Wasserstein loss plus two.
# Where all scores stay inside, that cell is a Wasserstein game with *one* critic step, which {numref}`fig-wgan-steps` shows to be too few.
# That is a likely explanation; the scores of these runs were not recorded.
#
# The paper's own toy figure shows networks of 512 units after 100,000 generator steps ({cite}`gulrajani2017improved`, figures only, no
# table): a larger setting, not attempted here. The live runs of {ref}`sec-wgan-loss`, shorter and
# with other rates and another weight, also reach eight of eight modes in three seeds.

# %% [markdown]
# ## Digits
#
# The images of {ref}`sec-game`, the same generator, and a critic of two hidden layers *without* batch normalisation, played by
# {prf:ref}`alg-wgan-gp` with $\lambda=10$. The judge is the same as there: mean distance from samples to
# their nearest training image (*there*) and from training images to their nearest sample (*back*), in units of the distance between real
# neighbours.
#
# **Prediction**, one seed: both fall from moment to moment, and after 500 generator steps (3,000 updates, counting both players) both
# are below 1.45, every digit makes up at least 3 % by the label of the nearest
# image, and no sample is an exact copy. The critic's report falls too: from step 5 to step 500 to less than half, and from step 100 to step 500.

# %%
images = lab.scale(quick=data.digits, full=data.mnist)()
where = training.device()
widths = lab.scale(quick=(128, 256), full=(256, 512))
with training.isolated(0):
    painter = image_generator(images.shape, latent=32, widths=widths).to(where)
    pixels = math.prod(images.shape)
    judge = torch.nn.Sequential(torch.nn.Flatten(), mlp(pixels, 1, width=256)).to(where)

at = [0, 5, 20, 100, 500, *lab.scale(quick=[], full=[5_000, 20_000])]


def look(generator: Generator, critic: torch.nn.Module) -> dict[str, torch.Tensor]:
    stream = training.rng(5)
    fake = generator(generator.noise(1_000, rng=stream))
    real = images.sample((1_000,), rng=stream).to(where)
    return {
        "samples": fake,
        "report": -score_gap(score(critic, real), score(critic, fake)),
        "exact": torch.tensor(transport.wasserstein_1(*flat(real, fake))),
    }


def flat(*batches: torch.Tensor) -> list[torch.Tensor]:
    """The first 500 images of each batch as vectors, on the CPU."""
    return [images_of[:500].flatten(1).cpu() for images_of in batches]


drawn = play(
    painter,
    judge,
    images,
    WASSERSTEIN,
    steps=at[-1],
    critic_steps=5,
    batch=64,
    penalties=(partial(gradient_penalty, weight=10.0),),
    optimizer=adam(betas=(0.5, 0.9)),
    watch=look,
    watch_at=at,
    checkpoint=lab.scale(quick=None, full="_runs/wgan_mnist.pt"),
)

# %% mystnb={"figure": {"caption": "WGAN-GP: samples from the same noise vectors over training time, and data at the right.", "name": "fig-wgan-digits"}, "image": {"alt": "Blocks of small images: blots after 5 and 20 generator steps, smudged shapes after 100, rough digits after 500, and real digits at the right."}} tags=["hide-input"]
blocks = {f"{step:,} steps": drawn.watched[step]["samples"][:20] for step in at[1:]}
plots.strips(blocks | {"data": images.images[100:120]})
plt.show()

# %%
between_real = metrics.spacing(images.images)
measured = {}
for step in at:
    samples = drawn.watched[step]["samples"]
    there = metrics.nearest(samples, images.images).distance.mean() / between_real
    back = (
        metrics.nearest(images.images[:1_000], samples).distance.mean() / between_real
    )
    measured[step] = there.item(), back.item()
    print(
        f"{step:4} steps: there {there:.2f}, back {back:.2f}, "
        f"report {drawn.watched[step]['report'].item():.2f}, "
        f"500 against 500 images {drawn.watched[step]['exact'].item():.2f}"
    )
two_halves = transport.wasserstein_1(
    *flat(images.images[:500], images.images[500:1_000])
)
print(f"500 real images against 500 others: {two_halves:.2f}")
closest, which = metrics.nearest(drawn.watched[at[-1]]["samples"], images.images)
share = images.labels[which].bincount(minlength=10) / len(which)
print(f"rarest digit {share.min():.1%}, closest {closest.min() / between_real:.2f}")
for earlier, later in ((0, 5), (5, 20), (20, 100), (100, 500)):
    assert all(a > b for a, b in zip(measured[earlier], measured[later], strict=True))
assert max(measured[500]) < lab.scale(quick=1.45, full=2.0)
assert share.min() > 0.03 and closest.min() > 0.2 * between_real
report_at = {step: drawn.watched[step]["report"].item() for step in at}
if lab.chosen_scale() == "quick":  # of digits; MNIST is another data set
    assert report_at[500] < report_at[5] / 2
    assert abs(report_at[500] - report_at[100]) < 0.25  # level: the prediction fails
    assert 3 * report_at[500] < two_halves

# %% [markdown]
# All of it holds but the last words ({numref}`fig-wgan-digits`). The report falls fast while the samples turn from noise into strokes, and from step 100 to step
# 500, while the images still get better by both distances, it stays level. On a ring the report
# could be held against the exact distance. With 64 pixels even that is of little help: 500 real images are farther from 500 other real
# images than the critic says samples are from data, several times as far. The network sees only differences
# that it can learn from its batches; the linear program sees every point.
#
# The samples are rough: section 2.1 gave a generator of the same size 10,000 updates, counting both players, and came to about 1.2 on
# both ways. So nothing here says that one of the two is faster. The paper's scores for images, such as
# an inception score of 7.86 ± 0.07 on CIFAR-10 ({cite}`gulrajani2017improved`, table 3), are not attempted here.

# %% [markdown]
# (sec-wgan-breaks)=
# ## Where it breaks
#
# **The bound.** Clipping replaces "slope at most one" by a box for the weights, and what that box does to the slope depends on its size
# to the power of the depth. Below, data and samples
# stand still, and a critic of four hidden layers is trained for 200 steps with one of four bounds, or with the penalty instead.
#
# **Prediction:** the mean slope at the samples, which is all that reaches the generator, grows by more than four orders of magnitude
# from $c=0.01$ to $c=0.3$. With the penalty it lies between 0.5 and 2.

# %%
standing_cloud = Generator(torch.nn.PReLU(init=1.0), latent=2)  # G(z) = z
bounds = [0.01, 0.03, 0.1, 0.3]
slope_by: dict[str, float] = {}
runs: dict[str, dict[str, Any]] = {
    f"clip {c:g}": {"project": partial(clip, bound=c)} for c in bounds
} | {"penalty": {"penalties": (gradient_penalty,), "rng": training.rng(4)}}
for name, kept in runs.items():
    with training.isolated(0):
        deep = mlp(2, 1, width=64, depth=4)
    by_deep, stream = torch.optim.RMSprop(deep.parameters(), lr=2e-3), training.rng(3)
    for _ in range(200):
        real, z = ring.sample((128,), rng=stream), standing_cloud.noise(128, rng=stream)
        critic_step(standing_cloud, deep, WASSERSTEIN, by_deep, real, z, **kept)
    slope_by[name] = slopes(deep, standing_cloud(z)).mean().item()
    print(f"{name:9}  mean slope at the samples {slope_by[name]:.1e}")
assert slope_by["clip 0.3"] > 1e4 * slope_by["clip 0.01"]
assert 0.5 < slope_by["penalty"] < 2

# %% mystnb={"figure": {"caption": "What reaches the generator, by the bound on the weights: the mean slope of a trained critic of four hidden layers. The line is the slope under the gradient penalty.", "name": "fig-wgan-clip"}, "image": {"alt": "On logarithmic axes the slope rises along a steep line from about a hundred-thousandth at bound 0.01 to several thousand at 0.3; a horizontal line marks the slope with a gradient penalty, near one."}} tags=["hide-input"]
figure, ax = plt.subplots(figsize=(5, 2.5))
ax.loglog(
    bounds,
    [slope_by[f"clip {c:g}"] for c in bounds],
    "o-",
    color=plots.PALETTE["critic"],
)
ax.axhline(slope_by["penalty"], color=plots.PALETTE["good"], ls="--", lw=1.2)
ax.text(
    0.01, slope_by["penalty"] * 1.6, "gradient penalty", color=plots.PALETTE["good"]
)
ax.set(xlabel="bound $c$", ylabel="mean slope", ylim=(None, 1e4))
plt.show()

# %% [markdown]
# Between a gradient that vanishes and one that explodes lies a factor of ten or so in $c$, and where it lies depends on the network.
# This is the argument of {cite}`gulrajani2017improved`
# (their figure 1) in small.
#
# The prediction holds ({numref}`fig-wgan-clip`).
#
# **A sigmoid at the end.** The WGAN-GP critic of *Machine Learning with PyTorch and Scikit-Learn* (chapter 17, its code) ends in one. A critic with values in $[0,1]$ cannot report more than 1,
# whatever the distance; and where it has reached 0 and 1 it is as flat as the
# discriminator that WGAN was made to replace.
#
# **Prediction:** with samples at distance 2 and 8 from the data, a free critic under the penalty reports within 25 % of $d+d^2/2\lambda$
# for $\lambda=10$, one with a sigmoid at most 1 both times.

# %%
reported = {}
for apart_by in (2.0, 8.0):
    target = data.World(centres=torch.tensor([[apart_by]]), std=0.5)
    for name in ("free", "sigmoid"):
        with training.isolated(0):
            net = mlp(1, 1, width=32)
        net = torch.nn.Sequential(net, torch.nn.Sigmoid()) if name == "sigmoid" else net
        by_net, stream = torch.optim.Adam(net.parameters(), lr=5e-3), training.rng(0)
        fixed = standing(std=0.5)  # samples N(0, 0.5^2), data N(d, 0.5^2)
        for _ in range(200):
            real, z = target.sample((64,), rng=stream), fixed.noise(64, rng=stream)
            critic_step(
                fixed, net, WASSERSTEIN, by_net, real, z,
                penalties=(gradient_penalty,), rng=stream,
            )  # fmt: skip
        with torch.no_grad():
            on_data = score(net, target.sample((2_000,), rng=stream))
            on_fake = score(net, fixed.sample((2_000,), rng=stream))
        reported[name, apart_by] = -score_gap(on_data, on_fake).item()
        print(f"distance {apart_by}, {name:7} reported {reported[name, apart_by]:.2f}")
for d in (2.0, 8.0):
    assert abs(reported["free", d] / (d + d**2 / 20) - 1) < 0.25
    assert reported["sigmoid", d] <= 1

# %% [markdown]
# **Another loss under the same name.** labml's annotated implementations train their "WGAN" with the hinge loss. The hinge
# stops paying once both margins are met, so it is no distance: pull the two batches as far apart as you
# like, and it stays 0. The Wasserstein loss is linear in the critic.
#
# Batch normalisation in the critic breaks the penalty too; section 3.2 has measured why.

# %% tags=["nbval-check-output"]
for gap in (1.0, 100.0):
    high, low = torch.full((8,), gap), torch.full((8,), -gap)
    print(
        f"hinge {HINGE.critic(high, low):.0f}, Wasserstein {score_gap(high, low):.0f}"
    )

# %% [markdown]
# ## Exercises
#
# Each exercise asks for one function. The check below it runs on your machine; a course grades the same function on
# further cases. Use `torch`, keep the signature, return a result instead of printing it, and do not change an argument
# in place.

# %% [markdown]
# :::{exercise} One critic step with clipping
# :label: ex-wgan-step
# A linear critic scores $f(x)=x^\top w$. Write `clipped_step(w, real, fake, lr, bound)`: one step of gradient *ascent* with step size `lr` on
#
# $$
# \frac1n\sum_{x\in\text{real}}f(x)-\frac1m\sum_{x\in\text{fake}}f(x),
# $$
#
# after which every weight is put back into $[-c,c]$ with $c$ = `bound`. Return the new $w$. The two batches may have different sizes.
# :::

# %% [markdown]
# :::{solution-start} ex-wgan-step
# :label: sol-wgan-step
# :class: dropdown
# :::


# %% tags=["solution"]
def clipped_step(w, real, fake, lr, bound):
    """One step of WGAN's critic, which is linear, with plain gradient ascent.

    w: shape (d,); real: shape (n, d); fake: shape (m, d); lr, bound: numbers. Returns the new w, shape (d,).
    """
    ### BEGIN SOLUTION
    # The gradient of a mean of x @ w is the mean of x. First the step, then the box: the weights that are used are inside.
    return (w + lr * (real.mean(dim=0) - fake.mean(dim=0))).clamp(-bound, bound)
    ### END SOLUTION


# %% [markdown]
# :::{solution-end}
# :::

# %% tags=["test"]
# check: ex-wgan-step points=1
start_w = torch.tensor([0.5, 0.0], dtype=torch.float64)
two = torch.tensor([[1.0, 0.0], [3.0, -2.0]], dtype=torch.float64)
one_fake = torch.tensor([[0.0, 1.0]], dtype=torch.float64)
expected = torch.tensor([0.7, -0.2], dtype=torch.float64)
assert torch.allclose(clipped_step(start_w, two, one_fake, 0.1, 1.0), expected)
assert clipped_step(start_w, two, one_fake, 0.1, 0.6)[0] == 0.6


# %% tags=["hidden-test", "remove-cell"]
# hidden: ex-wgan-step function=clipped_step points=3 tolerance=1e-6
def cases_clipped_step(rng):
    """Weights, two batches, a step size and a bound: steps that stay inside, some that leave, and the edge cases."""

    def vector(d, width):
        return [rng.uniform(-width, width) for _ in range(d)]

    def batch(n, d, centre):
        return [[rng.gauss(centre, 1.0) for _ in range(d)] for _ in range(n)]

    sizes = [(2, 5, 3), (3, 4, 4), (3, 7, 2), (4, 2, 6), (5, 8, 3), (2, 6, 6)]
    inside = [
        (vector(d, 0.3), batch(n, d, 0.7), batch(m, d, -0.4), 0.05, 3.0)
        for d, n, m in sizes
    ]
    leaving = [
        (vector(d, 0.1), batch(n, d, 1.0), batch(m, d, -2.0), 0.4, 0.11)
        for d, n, m in sizes[:4]
    ]
    wide = [
        (vector(3, 3.0), batch(9, 3, 0.5), batch(8, 3, -0.5), 0.05, 10.0)
        for _ in range(2)
    ]
    # Each way out of the box: a weight far outside from the start, and a step downwards.
    outside = ([2.0, -2.0, 0.02], batch(3, 3, 0.0), batch(5, 3, 0.0), 0.01, 0.05)
    downwards = ([0.0, 0.01], batch(3, 2, -2.0), batch(2, 2, 2.0), 0.5, 0.02)
    return [*inside, *leaving, *wide, outside, downwards]


# %% [markdown]
# :::{exercise} Losses and the distance, in either sign
# :label: ex-wgan-signs
# You are given the critic's scores of real and of generated samples. Write `wgan_numbers(real, fake, data_high)`, which returns a tensor
# of three numbers: the critic's loss, the generator's loss, both to be
# *minimised*, and the estimate of $W_1$ to be plotted. If `data_high` is 1, the critic is trained to score data high, as in the
# textbook; if it is 0, to score data low, as in WGAN's published code.
# :::

# %% [markdown]
# :::{solution-start} ex-wgan-signs
# :label: sol-wgan-signs
# :class: dropdown
# :::


# %% tags=["solution"]
def wgan_numbers(real, fake, data_high):
    """Critic's loss, generator's loss and the estimate of the distance.

    real: shape (n,); fake: shape (m,); data_high: 1 or 0. Returns a tensor of shape (3,).
    """
    ### BEGIN SOLUTION
    # The published code plays with -f in the place of f; everything else stays.
    sign = 1.0 if data_high else -1.0
    gap = sign * (real.mean() - fake.mean())
    return torch.stack([-gap, -sign * fake.mean(), gap])
    ### END SOLUTION


# %% [markdown]
# :::{solution-end}
# :::

# %% tags=["test"]
# check: ex-wgan-signs points=1
on_two = torch.tensor([3.0, 5.0], dtype=torch.float64)
on_one = torch.tensor([1.0], dtype=torch.float64)
textbook = torch.tensor([-3.0, -1.0, 3.0], dtype=torch.float64)
assert torch.allclose(wgan_numbers(on_two, on_one, 1), textbook)
published = torch.tensor([3.0, 1.0, -3.0], dtype=torch.float64)
assert torch.allclose(wgan_numbers(on_two, on_one, 0), published)


# %% tags=["hidden-test", "remove-cell"]
# hidden: ex-wgan-signs function=wgan_numbers points=3 tolerance=1e-6
def cases_wgan_numbers(rng):
    """Scores of different numbers and sizes, in both conventions; a critic that has it the wrong way round."""

    def scores(n, centre, width):
        return [rng.gauss(centre, width) for _ in range(n)]

    cases = []
    for high in (1, 0):
        sign = 1 if high else -1
        cases += [
            (scores(n, 2.0 * sign, 1.0), scores(m, -1.0 * sign, 1.0), high)
            for n, m in ((3, 5), (7, 2), (4, 4))
        ]
        cases += [
            (scores(5, 300.0 * sign, 40.0), scores(6, 90.0 * sign, 20.0), high),
            (scores(4, -1.0 * sign, 0.2), scores(3, 2.0 * sign, 0.2), high),
            ([2.5], [-0.75], high),
        ]
    return cases


# %% [markdown]
# :::{exercise} Counting critic steps
# :label: ex-wgan-schedule
# The published schedule trains the critic `many` times before each of the first `start` generator steps and before every `every`-th one (numbers 0, `every`, 2·`every`, ...),
# and `usual` times before all others; steps are counted from 0.
# Write `critic_steps_in(steps, usual, many, start, every)`, which returns the number of critic steps in the first `steps` steps of the
# generator.
# :::

# %% [markdown]
# :::{solution-start} ex-wgan-schedule
# :label: sol-wgan-schedule
# :class: dropdown
# :::


# %% tags=["solution"]
def critic_steps_in(steps, usual, many, start, every):
    """How often the critic moves in the first `steps` moves of the generator.

    All arguments are integers. Returns an integer.
    """
    ### BEGIN SOLUTION
    # Step 0 is a multiple of every number, so it is a long one even without a beginning.
    return sum(
        many if step < start or step % every == 0 else usual for step in range(steps)
    )
    ### END SOLUTION


# %% [markdown]
# :::{solution-end}
# :::

# %% tags=["test"]
# check: ex-wgan-schedule points=1
assert critic_steps_in(25, 5, 100, 25, 500) == 2_500
assert critic_steps_in(1_000, 5, 100, 25, 500) == 7_470


# %% tags=["hidden-test", "remove-cell"]
# hidden: ex-wgan-schedule function=critic_steps_in points=3 tolerance=1e-9
def cases_critic_steps_in(rng):
    """Runs that end inside the beginning, on a multiple, and after several; schedules without a beginning."""

    def random(low, high):
        usual, start, every = rng.randint(1, 6), rng.randint(2, 20), rng.randint(7, 50)
        return (rng.randint(low, high), usual, rng.randint(20, 120), start, every)

    published = [(n, 5, 100, 25, 500) for n in (10, 25, 26, 500, 501, 2_000)]
    no_beginning = [(n, 5, 100, 0, 10) for n in (1, 35)]
    return [*published, *no_beginning, *(random(200, 900) for _ in range(6))]


# %% [markdown]
# ## What to remember
#
# - The dual of $W_1$ is a game: the critic raises a difference of means, the generator climbs the critic; data score high, and the
#   number to plot is minus the critic's loss.
# - The Lipschitz condition is what makes it a distance. A penalty keeps the slope near one at a price of $d^2/2\lambda$; clipping keeps
#   it anywhere between vanishing and exploding.
# - The report follows the distance where the critic keeps up, and it costs several critic steps per generator step; on digits it
#   levelled off while the samples still improved, and it does not make samples sharp.
#
# **Further reading.** The game and its theorems: {cite}`arjovsky2017wgan`. The penalty, with its toy worlds and its Algorithm 1:
# {cite}`gulrajani2017improved`. The textbook's section 13.3.4: {cite}`qiu2020nndl`.
