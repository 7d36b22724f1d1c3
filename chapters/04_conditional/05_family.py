# %% [markdown]
# (sec-family)=
# # One family
#
# **Five models with five names: what do they have in common, and where exactly do they differ?**
#
# They share the game. A conditional GAN, AC-GAN, InfoGAN, the semi-supervised GAN and BiGAN have the same two players, the same loop and mostly
# the same objective. They differ in what each network is told, and in the terms added to a player's loss. This section measures both,
# draws the family from the measurement, computes what each choice must lead to, and lets all five models play on one world
# whose conditional distributions are known.

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
from collections.abc import Callable
from typing import Any

import matplotlib.pyplot as plt
import torch
from IPython.display import Markdown

from genmodels import data, lab, training
from genmodels.adversarial import (
    critic_step, generator_step, jensen_shannon,
    score,
)  # fmt: skip
from genmodels.adversarial.batches import Batch, parts
from genmodels.adversarial.family import (
    family, mutual_information,
)  # fmt: skip
from genmodels.adversarial.wiring import (
    Model, Wiring, term_name, wiring,
)  # fmt: skip
from genmodels.plots.wiring import diagrams, moved

lab.start(scale)

# %% [markdown]
# ## One game, two lists of terms
#
# The lecture compares four of these models in one diagram that comes from the AC-GAN paper {cite}`odena2017conditional`, and adds BiGAN. Here they are
# arguments of one function. Each player has its own loss: the objective, plus the terms that it is *charged*:
#
# $$
# L_C=\ell_C\bigl(s(\text{real}),s(\text{fake})\bigr)+\sum_{i\in\text{critic's}}T_i,\qquad
# L_G=\ell_G\bigl(s(\text{fake})\bigr)+\sum_{j\in\text{generator's}}T_j .
# $$ (eq-family-losses)
#
# A term $T$ sees the critic and the two batches. Charged to the critic alone it is a penalty; charged to both players it is something they agree on. What
# "real" and "fake" are is the other choice: samples, pairs with labels ({ref}`sec-cgan`), or pairs with latent vectors ({ref}`sec-bigan`).
#
# The package's whole family, for data in the plane with labels, is this function. Networks and sizes are equal; what differs from line to line is
# the model.

# %% tags=["remove-input"]
lab.show(family)

# %%
world = data.labelled_ring(classes=4, modes=4, std=1.0)  # four classes that overlap
few = data.few_labels(
    data.Pairs(*world.sample((1_000,), rng=training.rng(0))),
    per_class=4,
    rng=training.rng(0),
)


def newborn(seed: int, *, width: int) -> tuple[Model, ...]:
    """All models with initial weights of one seed."""
    with training.isolated(seed):
        return family(world, few, width=width)


def both_losses(model: Model, real: Batch, z: Batch) -> list[torch.Tensor]:
    """The critic's loss and the generator's, by the formula."""
    generator, critic, objective = model.generator, model.critic, model.objective
    made, shown = generator(*parts(z)), generator.complete(real)
    loss_c = objective.critic(score(critic, shown), score(critic, made))
    loss_g = objective.generator(score(critic, made))
    for term in model.penalties:
        loss_c = loss_c + term(critic, shown, made, rng=training.rng(1))
    for term in model.generator_terms:
        loss_g = loss_g + term(critic, shown, made, rng=training.rng(1))
    return [loss_c, loss_g]


# %% [markdown]
# Is that what the package plays? For every model, one step of gradient descent by the package's `critic_step` and `generator_step` moves each weight by
# the gradient of these two losses, and by nothing else:

# %%
for model in newborn(0, width=16):
    stream = training.rng(2)
    real, z = (
        model.data.sample((64,), rng=stream),
        model.generator.noise(64, rng=stream),
    )
    for k, player in enumerate((model.critic, model.generator)):
        loss = both_losses(model, real, z)[k]
        slopes = torch.autograd.grad(loss, list(player.parameters()), allow_unused=True)
        expected = [
            p.detach() - (0 if slope is None else slope)
            for p, slope in zip(player.parameters(), slopes, strict=True)
        ]
        by_descent = torch.optim.SGD(player.parameters(), lr=1.0)
        arguments = (model.generator, model.critic, model.objective, by_descent)
        if player is model.critic:
            critic_step(
                *arguments, real, z, penalties=model.penalties, rng=training.rng(1)
            )
        else:
            charged: dict[str, Any] = {"real": real, "terms": model.generator_terms}
            generator_step(*arguments, z, **charged, rng=training.rng(1))
        torch.testing.assert_close([p.detach() for p in player.parameters()], expected)

# %% [markdown]
# ## Who is told what
#
# A drawing of a model is a claim about its code. It can be checked: let one real step of either player run, exchange what *one* box gives for other values,
# hold what all other boxes give, and look where something else arrives. That is a direct wire. It needs no gradient, so labels count like everything
# else. {py:func}`~genmodels.adversarial.wiring.wiring` does so for every noise vector, label, data point and network. By hand, for the critic's view of the label in
# a conditional GAN and in AC-GAN:


# %%
def score_hears_label(model: Model) -> bool:
    """Does the score of the same samples change when their labels do?"""
    x, y = parts(model.data.sample((64,), rng=training.rng(3)))
    others = torch.zeros_like(y)  # everybody is of class 0
    with torch.no_grad():
        return not torch.equal(
            score(model.critic, (x, y)), score(model.critic, (x, others))
        )


models = {model.name: model for model in newborn(0, width=16)}
wirings = {name: wiring(model) for name, model in models.items()}
for name in ("conditional GAN", "AC-GAN"):
    heard = score_hears_label(models[name])
    print(f"{name}: the score depends on the label: {heard}")
    assert heard == wirings[name].reaches("data.y", "score")

# %% [markdown]
# {numref}`fig-family` is drawn from these measurements; no box, wire or position in it was set by hand. Blue comes from the data, grey is
# drawn at random, orange boxes play on the generator's side and violet ones on the critic's. The words above each loss say which networks
# change when a real step is charged this loss *alone*, measured as well.

# %% mystnb={"figure": {"caption": "The family, drawn from what was measured in the code: what each network reads, and whom each loss moves.", "name": "fig-family"}, "image": {"alt": "Six diagrams. GAN: noise z enters G; G and data x enter the critic; its score enters the objective. Conditional GAN: a label y also enters G and the critic. AC-GAN: labels enter G and a loss called classification, which reads a head beside the source of the score; the score reads no label. InfoGAN: the same with a code c and a loss called information, and no label of data. Semi-supervised: the head's logits are the score, few labelled samples enter a loss called supervised, and feature matching reads the body. BiGAN: an encoder E reads data x; x with E, and G with z, enter the critic; inversion moves E."}} tags=["hide-input"]
diagrams(list(wirings.values()))
plt.show()


# %% [markdown]
# The same graphs as a table. A row says what enters a network or a loss, and for a loss whom it moves.


# %% tags=["hide-input"]
def spoken(node: str) -> str:
    """A node of the graph in words."""
    words = {
        "noise.z": "$z$", "noise.y": "$y$ asked for", "noise.c": "$c$ asked for",
        "data.x": "data $x$", "data.y": "$y$ of the data", "labelled.x": "few $x$",
        "labelled.y": "few $y$", "generator.network": "$G$", "generator.encoder": "$E$",
    }  # fmt: skip
    own = node.removeprefix("critic.").replace("network", "critic").replace("_", " ")
    return words.get(node, own)


def enters(measured: Wiring) -> str:
    order = [*measured.sources, *measured.networks, "score"]
    return "; ".join(
        f"**{spoken(box)}** ← {', '.join(spoken(n) for n in order if n in measured.into(box))}"
        for box in (*measured.networks, "score")
    )


def charged_to(model: Model, loss: str) -> str:
    players = [("critic", model.penalties), ("generator", model.generator_terms)]
    who = [
        player
        for player, terms in players
        if loss == "objective" or loss in map(term_name, terms)
    ]
    return "both" if len(who) == 2 else who[0]


table = ["| model | what enters | losses: charged to, moves |", "|---|---|---|"]
for name, measured in wirings.items():
    model = models[name]
    losses = [
        f"{model.objective.name if loss == 'objective' else spoken(loss)}: "
        f"{charged_to(model, loss)}, moves {moved(measured, loss)}"
        for loss in measured.losses
    ]
    table.append(f"| {name} | {enters(measured)} | {'; '.join(losses)} |")
Markdown("\n".join(table))

# %% [markdown]
# Read the differences off the graphs, one sentence per model:

# %%
of = wirings
held = ["generator.network"]  # hold the sample, ask for another label
assert of["conditional GAN"].reaches("noise.y", "score", held=held)
assert not of["AC-GAN"].reaches("noise.y", "score", held=held)
assert not of["InfoGAN"].reaches("noise.c", "score", held=held)
assert of["AC-GAN"].into("classification") == {"critic.head", "data.y", "noise.y"}
assert of["InfoGAN"].into("information") == {"critic.head", "noise.c"}
assert ("critic.head", "score") in of["semi-supervised GAN"].edges
assert moved(of["semi-supervised GAN"], "objective") == "critic"
assert of["BiGAN"].into("critic.network") == {
    "data.x", "noise.z", "generator.network", "generator.encoder",
}  # fmt: skip
assert moved(of["BiGAN"], "inversion") == "E"

# %% [markdown]
# - **Conditional GAN**: the score hears the label. It is the only member whose critic judges the *pair* of sample and label.
# - **AC-GAN**: the score hears no label. A second head does the judging, and both players are charged for it.
# - **InfoGAN**: AC-GAN's wiring with one wire less. No label of the data enters anywhere; the code is read back off the sample.
# - **Semi-supervised GAN**: one set of logits is classifier and score at once, and the generator moves by feature matching, not by the objective.
# - **BiGAN**: pairs again, of samples and latent vectors; the encoder is moved by its own half of the generator's loss.
#
# A model is added to the figure and the table by adding it to the list: nothing above knows their names except these sentences.

# %% [markdown]
# ## What a score overlooks
#
# What does it cost that a score does not hear the label? Let $p(x,y)$ be the pairs of the data and $q(x,y)$ those of the generator.
#
# :::{prf:proposition} Pairs and samples
# :label: prop-family-chain
#
# With $m=\frac12(p+q)$ and $\pi(x)=\frac{p(x)}{p(x)+q(x)}$,
#
# $$
# \mathrm{JSD}(p_{xy},q_{xy})=\mathrm{JSD}(p_x,q_x)+\mathbb E_{x\sim m}\Bigl[\pi\,\mathrm{KL}\bigl(p(y|x)\,\Vert\,m(y|x)\bigr)+(1-\pi)\,\mathrm{KL}\bigl(q(y|x)\,\Vert\,m(y|x)\bigr)\Bigr].
# $$ (eq-family-chain)
#
# The second part is at least 0, and 0 exactly if $p(y|x)=q(y|x)$ wherever both densities are positive.
# :::
#
# :::{prf:proof}
# Write $\frac{p(x,y)}{m(x,y)}=\frac{p(x)}{m(x)}\cdot\frac{p(y|x)}{m(y|x)}$. The logarithm splits $\mathrm{KL}(p_{xy}\Vert m_{xy})$ into $\mathrm{KL}(p_x\Vert m_x)$ and
# $\mathbb E_{p(x)}\mathrm{KL}(p(y|x)\Vert m(y|x))$. The same holds for $q$. In the mean of both, $\frac12p(x)=m(x)\pi(x)$ and $\frac12q(x)=m(x)(1-\pi(x))$. Where one of the densities is 0,
# $m(y|x)$ is the other's posterior and the bracket vanishes; elsewhere a KL divergence is 0 only between equal distributions.
# :::
#
# So a critic of pairs measures everything (left), and a critic of samples only the first part. The rest, {eq}`eq-family-chain`'s second part, is what AC-GAN's term has to
# supply, and what InfoGAN cannot even define, having no $p(y|x)$. With equal $p(y)=q(y)$ the left side has a second reading: the game of pairs plays
# the games of all labels at once.

# %% tags=["nbval-check-output"]
p_xy, q_xy = torch.rand(2, 6, 3, generator=training.rng(0), dtype=torch.float64)
p_xy, q_xy = p_xy / p_xy.sum(0) / 3, q_xy / q_xy.sum(0) / 3  # p(y) = q(y) = 1/3


def posterior(pairs: torch.Tensor) -> torch.Tensor:
    return pairs / pairs.sum(1, keepdim=True)


def surprise(pairs: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """E KL(pairs(y|x) || other(y|x)), with x from `pairs`."""
    ratio = posterior(pairs) / posterior(other)
    return (pairs * ratio.log()).sum()


middle = (p_xy + q_xy) / 2
of_pairs = jensen_shannon(p_xy.flatten(), q_xy.flatten())
of_samples = jensen_shannon(p_xy.sum(1), q_xy.sum(1))
overlooked_part = (surprise(p_xy, middle) + surprise(q_xy, middle)) / 2
torch.testing.assert_close(of_pairs, of_samples + overlooked_part)

by_label = [jensen_shannon(3 * p_xy[:, k], 3 * q_xy[:, k]) for k in range(3)]
torch.testing.assert_close(of_pairs, torch.stack(by_label).mean())
print(
    f"pairs {of_pairs:.4f} = samples {of_samples:.4f} + overlooked {overlooked_part:.4f}"
)

# %% [markdown]
# What do the terms put in its place? On a table the game can be played without networks: $q(x|y)$ is a row of numbers, the best critic and the best head are known
# in closed form, and the generator descends with both frozen, as in {prf:ref}`alg-gan`. There are two classes, $\mathcal N(\mp1,1)$ or, well apart, $\mathcal N(\mp3,\frac12)$.
#
# **Prediction.** The game of pairs ends at the data in both worlds. AC-GAN and InfoGAN end at the right marginal and, where classes overlap, with classes that are *easier to tell
# apart* than those of the data: $I_q(x;y)>I_p(x;y)$, because a term that both players share pays for legibility as such. Where classes do not overlap, there is nothing
# left to pay for, and all three end at the data.


# %%
cells_x = torch.linspace(-5, 5, 81, dtype=torch.float64)


def two_classes(shift: float, std: float) -> torch.Tensor:
    """p(x, y) on the cells: two Gaussians, equally likely."""
    centres = torch.tensor([-shift, shift], dtype=torch.float64)
    square = ((cells_x[:, None] - centres) / std).square()
    return torch.softmax(-square / 2, dim=0) / 2


def pairs_game(p: torch.Tensor, q: torch.Tensor) -> torch.Tensor:
    return jensen_shannon(p.flatten(), q.flatten())


def with_head(
    p: torch.Tensor, q: torch.Tensor, *, taught: torch.Tensor
) -> torch.Tensor:
    """A score of samples, and -log Q(y|x) at the head that is best for `taught`."""
    head = posterior(taught.detach())
    return jensen_shannon(p.sum(1), q.sum(1)) - torch.xlogy(q, head).sum()


games: dict[str, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]] = {
    "conditional GAN": pairs_game,
    "AC-GAN": lambda p, q: with_head(p, q, taught=p + q),
    "InfoGAN": lambda p, q: with_head(p, q, taught=q),
}


def descend(game, p: torch.Tensor, *, steps: int = 1_500) -> torch.Tensor:
    """q(x, y) after gradient descent on the generator's side, from a slight tilt."""
    tilt = 0.1 * cells_x[:, None] * torch.tensor([-1.0, 1.0])
    logits = tilt.requires_grad_()
    optimizer = torch.optim.Adam([logits], lr=0.03)
    for _ in range(steps):
        optimizer.zero_grad()
        game(p, logits.softmax(dim=0) / 2).backward()
        optimizer.step()
    return logits.detach().softmax(dim=0) / 2


worlds = {"overlapping": two_classes(1.0, 1.0), "apart": two_classes(3.0, 0.5)}
ends = {
    (where, name): descend(game, p)
    for where, p in worlds.items()
    for name, game in games.items()
}
for (where, name), q in ends.items():
    p = worlds[where]
    print(
        f"{where:12} {name:16} I(x;y) {mutual_information(q):.3f} (data "
        f"{mutual_information(p):.3f}), JSD of samples "
        f"{jensen_shannon(p.sum(1), q.sum(1)):.4f}, of pairs {pairs_game(p, q):.4f}"
    )
