# %% [markdown]
# (sec-nonautoregressive)=
# # Non-autoregressive models
#
# **Must a sentence be written one word after the other?**
#
# No: a network can fill in all places at once. Where a source has one right target this costs nothing. Where it has several, it costs an
# amount that can be computed beforehand, and this section computes it. Then it measures the price on a small language in which every right
# answer is known, and what two remedies buy back: a teacher that removes the choice, and a few passes instead of one.

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

import matplotlib.pyplot as plt
import torch
from IPython.display import Markdown

from genmodels import lab, plots, training
from genmodels.data.dialects import Dialects
from genmodels.sequence import Transformer, fit, free, greedy, warm_then_cosine
from genmodels.sequence.dependence import entropies, kept, total_correlation
from genmodels.sequence.nonautoregressive import (
    Parallel, Perfect, Taught, at_once, continuation, continued, independent, lowest,
    mask_predict, masked, places, unmask,
)  # fmt: skip

lab.start(scale)

# %% [markdown]
# ## Who listens to whom
#
# An autoregressive model, $p(y\mid x)=\prod_ip(y_i\mid y_{<i},x)$, writes a word, reads it, and writes the next: $n$ words take $n$ steps,
# and no machine can take two of them at once. A {term}`non-autoregressive model` (非自回归模型) drops the condition on the words before,
# {cite}`gu2018nonautoregressive`:
#
# $$
# p(y\mid x)=\sum_zp(z\mid x)\prod_{i=1}^np(y_i\mid z,x).
# $$ (eq-nonautoregressive)
#
# Given the source $x$ and a latent variable $z$, of which more below, the places know nothing of each other. One can see that in a network without training it: change
# one word of the target and look which places answer differently ({numref}`fig-nonautoregressive-listens`).

# %%
world = Dialects()
x_one, fertility_one, y_one = (
    part[:1] for part in world.sample((1,), rng=training.rng(13))
)
n_one = int(fertility_one.sum())


def networks(seed: int) -> tuple[Transformer, Parallel]:
    """A causal Transformer with two layers, a parallel one with two for each side."""
    with training.isolated(seed):
        causal = Transformer(world.vocab, context=world.words + world.length, dim=64)
    with training.isolated(seed):
        return causal, Parallel(
            world.source_vocab, world.vocab, most=world.most, length=world.length
        )


def heard(answer) -> torch.Tensor:
    """[i, j]: does the answer of place i change when the word in place j does?"""
    rows = []
    for j in range(n_one):
        changed = y_one.clone()
        changed[0, j] = 10 if y_one[0, j] > 10 else 11
        rows.append((answer(y_one) - answer(changed))[0, :n_one].abs().sum(1) > 0)
    return torch.stack(rows, dim=1)


one_by_one, side_by_side = networks(seed=0)
shown = torch.arange(world.length) % 3 == 0  # every third word can be seen
with training.evaluating(one_by_one, side_by_side):
    memory_one = side_by_side.encode(x_one)
    hearing = {
        "one by one": heard(
            lambda y: one_by_one.logits(torch.cat([x_one, y], 1))[:, world.words :]
        ),
        "all at once": heard(
            lambda y: side_by_side.log_probs(x_one, fertility_one, y)[0].unsqueeze(2)
        ),  # the one score that a place gives: of the word that stands there
        "with every third word seen": heard(
            lambda y: side_by_side.logits(
                memory_one, fertility_one, torch.where(shown, y, world.vocab)
            )
        ),
    }
earlier = torch.ones(n_one, n_one, dtype=torch.bool).tril(-1)
assert torch.equal(hearing["one by one"], earlier)
assert torch.equal(hearing["all at once"], torch.eye(n_one, dtype=torch.bool))
assert torch.equal(
    hearing["with every third word seen"], shown[:n_one].expand(n_one, -1)
)

# %% mystnb={"figure": {"caption": "Who listens to whom: ink where changing the word in one place changes the answer in another. Left: language models, one place after the other. Middle: independent places, where only the score of the changed word itself differs. Right: the same network, shown some of the words.", "name": "fig-nonautoregressive-listens"}, "image": {"alt": "Three square grids of places that answer against places that are changed: a filled lower triangle, a filled diagonal, and a grid with every third column filled."}} tags=["hide-input"]
figure, axes = plt.subplots(1, 3, figsize=(7.2, 2.6))
for ax, (title, grid) in zip(axes, hearing.items(), strict=True):
    ax.imshow(grid.double(), cmap="gray_r", vmin=0, vmax=1.4)
    ax.set(title=title, xlabel="place that is changed", xticks=[], yticks=[])
    for k in range(1, n_one):
        ax.axhline(k - 0.5, color=plots.PALETTE["line"], linewidth=0.6)
        ax.axvline(k - 0.5, color=plots.PALETTE["line"], linewidth=0.6)
    for spine in ax.spines.values():
        spine.set_visible(True)
axes[0].set_ylabel("place that answers")
plt.show()

# %% [markdown]
# Such a model reads no word of its own, so it cannot suffer from exposure bias: the lecture names it among the remedies for that. It pays for it with something else.
#
# ## What independence costs
#
# Suppose that $x$ has two translations, used equally often: *AAAA* and *BBBB*. (Real pairs are "vielen Dank" and "danke schön".) What are the best four independent
# places? Each must answer A and B with probability one half, and then *ABBA* is as probable as either translation. This is the **{term}`multimodality problem`** (多峰问题) of
# non-autoregressive models, and it has an exact size.
#
# :::{prf:theorem} The best independent places
# :label: thm-nonautoregressive
#
# Among all $q(y)=\prod_iq_i(y_i)$ the marginals of $p$, $q_i=p_i$, and only they, minimise the cross-entropy. There
#
# $$
# -\mathbb E_p\log q=\sum_iH(y_i),\qquad
# \mathrm{KL}(p\|q)=\sum_iH(y_i)-H(y)=\mathrm{TC}(p),
# $$ (eq-tc)
#
# the {term}`total correlation` (总相关) of $p$. If $S$ is the set of all sequences that $p$ can produce, then $q(S)\ge e^{-\mathrm{TC}(p)}$.
# :::
#
# :::{prf:proof}
# $-\mathbb E_p\log q=-\sum_i\mathbb E_p\log q_i(y_i)=\sum_i\bigl[H(y_i)+\mathrm{KL}(p_i\|q_i)\bigr]$, and each divergence is 0 exactly if $q_i=p_i$. Subtract $H(y)$ for the
# divergence from $p$. By Jensen's inequality, $\log q(S)=\log\sum_{y\in S}p(y)\frac{q(y)}{p(y)}\ge\sum_{y\in S}p(y)\log\frac{q(y)}{p(y)}=-\mathrm{TC}(p)$.
# :::
#
# With a source, everything holds for each $x$ and on average. For the two translations of length $n$, every place has entropy $\log2$ and so does the sentence:
# $\mathrm{TC}=(n-1)\log2$, and $2\cdot2^{-n}=2^{1-n}$ of the mass stays on translations, which is the bound itself. A minimisation that has not been told finds the same.


# %% tags=["nbval-check-output"]
def two(n: int) -> torch.Tensor:
    """The sentences AA...A and BB...B as numbers."""
    return torch.stack([torch.zeros(n), torch.ones(n)]).long()


def best_places(sentences, p, steps: int = 200):
    """Independent places by gradient descent: their logits, and the loss on the way."""
    n = sentences.shape[1]
    logits = torch.randn(n, 2, generator=training.rng(0), dtype=torch.float64)
    logits.requires_grad_()
    losses = []
    for _ in range(steps):
        each = logits.log_softmax(1)[torch.arange(n), sentences].sum(1)
        loss = -(p * each).sum()
        (slope,) = torch.autograd.grad(loss, logits)
        logits = (logits - slope).detach().requires_grad_()
        losses.append(loss.item())
    return logits.softmax(1).detach(), losses


half = torch.full((2,), 0.5, dtype=torch.float64)
descents, left_over = {}, {}
for n in range(1, 9):
    q, descents[n] = best_places(two(n), half)
    left_over[n] = q.prod(dim=0).sum().item()
    assert abs(descents[n][-1] - n * math.log(2)) < 1e-6
    assert abs(left_over[n] - 2.0 ** (1 - n)) < 1e-6
    torch.testing.assert_close(left_over[n], kept(two(n), half).item())
    gap = total_correlation(two(n), half).item()
    assert math.isclose(gap, (n - 1) * math.log(2), abs_tol=1e-12)
    assert left_over[n] >= math.exp(-gap) - 1e-9
print("mass on the two translations:", {n: round(m, 4) for n, m in left_over.items()})

# %% mystnb={"figure": {"caption": "Left: gradient descent on four independent places that shall say AAAA or BBBB. The loss ends at the sum of the places' entropies, three log 2 above the entropy of the sentence. Right: the mass that the best places leave on the two translations, by length.", "name": "fig-nonautoregressive-price"}, "image": {"alt": "Left: a falling curve that levels off at 2.77 nats, with a dashed line at 0.69 below it and the gap between marked as total correlation. Right: dots on a straight line falling from 1 at length 1 to below 0.01 at length 8, on a logarithmic axis."}} tags=["hide-input"]
figure, (left, right) = plt.subplots(1, 2, figsize=(7.2, 2.6))
left.plot(descents[4][:40], color=plots.PALETTE["fake"])
left.axhline(math.log(2), color=plots.PALETTE["real"], linestyle="--")
left.text(39, math.log(2) + 0.06, "$H(y)$", ha="right", color=plots.PALETTE["real"])
left.text(20, 4 * math.log(2) + 0.28, r"$\sum_iH(y_i)$", color=plots.PALETTE["fake"])
arrow = {"arrowstyle": "<->", "color": plots.PALETTE["ink"]}
left.annotate("", (30, 4 * math.log(2)), (30, math.log(2)), arrowprops=arrow)
left.text(31, 1.7, "TC")
left.set(xlabel="step", ylabel="cross-entropy, nats", ylim=(0, 3.6))
lengths = torch.arange(1, 9)
right.semilogy(
    lengths, 2.0 ** (1 - lengths), color=plots.PALETTE["muted"], label="$2^{1-n}$"
)
right.semilogy(
    lengths,
    list(left_over.values()),
    "o",
    color=plots.PALETTE["fake"],
    label="minimised",
)
right.set(xlabel="length $n$", ylabel="mass on translations")
right.legend()
plt.show()

# %% [markdown]
# Several right answers are not the problem; *tied* choices are. Take eight places, each A or B with probability one half. What differs below is only how many places
# share one coin, and with a coin per place independence is free.

# %% tags=["nbval-check-output"]
for places_per_coin in (1, 2, 4, 8):
    coins = 8 // places_per_coin
    choices = torch.cartesian_prod(*[torch.arange(2)] * coins).reshape(-1, coins)
    tied = choices.repeat_interleave(places_per_coin, dim=1)
    uniform = torch.full((len(tied),), 1 / len(tied), dtype=torch.float64)
    price, mass = (f(tied, uniform).item() for f in (total_correlation, kept))
    assert math.isclose(price, (8 - coins) * math.log(2), abs_tol=1e-9)
    print(
        f"{places_per_coin} places per coin: {len(tied):3} right answers, "
        f"TC {price + 0.0:.2f} nats, mass on right answers {mass:.4f}"
    )

# %% [markdown]
# ## A language with three dialects
#
# To measure what networks make of this, we need a task with tied choices and known answers. A source is four words out of nine, a to i. Each word becomes one, two or three
# copies of a token: in most dialects of its common form, written small, and in one dialect of a form of its own, written in capitals. Dialect 1 has its own
# forms for a, b, c, dialect 2 for d, e, f, dialect 3 for g, h, i; so any two dialects share a third of the words. A whole target is in one dialect.

# %%
x_example = torch.tensor([[1, 4, 8, 5]])
said = world.variants(x_example)[0]
common = torch.where(
    said[0] > 18, said[0] - 9, said[0]
)  # every word in its common form
assert not world.speakers(x_example, common[None]).any()
rows = [
    f"| dialect {k + 1} | {weight:.2f} | {world.write(sentence)} |"
    for k, (weight, sentence) in enumerate(zip(world.weights, said, strict=True))
]
rows.append(f"| *no dialect* | 0 | {world.write(common)} |")
Markdown(
    f"source: **{world.write(x_example[0])}**\n\n| said in | probability | target |\n|---|--:|---|\n"
    + "\n".join(rows)
)

# %% [markdown]
# The last row shows what a vote makes of it. In each place the common form has the majority, because two of three dialects say it; and the sentence of all common forms is said by
# nobody, as soon as the source has words of all three kinds. All 6,561 sources can be counted out.

# %% tags=["nbval-check-output"]
every = torch.cartesian_prod(*[torch.arange(1, 10)] * world.words)
positions, whole = entropies(world.variants(every), world.p)
price_of = total_correlation(world.variants(every), world.p)
mass_of = kept(world.variants(every), world.p)
vote = at_once(Perfect(world), every)  # the most probable token of each place
vote_right = world.speakers(every, vote).any(dim=1).double().mean().item()
print(
    f"entropy of a target {whole.mean():.3f} nats, sum over its places "
    f"{positions.sum(1).mean():.3f}: total correlation {price_of.mean():.3f}"
)
print(
    f"independent places are right: by the best token of each {vote_right:.4f}, "
    f"by a draw of each {mass_of.mean():.4f}"
)
torch.testing.assert_close(positions.sum(1) - whole, price_of)
assert math.isclose(vote_right, 5 / 9)  # the sources that lack one of three kinds
assert bool((mass_of >= torch.exp(-price_of) - 1e-12).all())

# %% [markdown]
# ## A network for all places
#
# How long is the target? One word after the other, a model finds out when it writes the end. All at once, somebody must say it first, and that is the latent variable
# $z$ of {eq}`eq-nonautoregressive`: the **{term}`fertility`** (繁殖率) of each source word, how many tokens come from it. A Transformer without a causal mask reads the source; from each word's vector a
# linear layer predicts its fertility; the vector is copied that often; and a second Transformer without a mask turns the copies, with their positions, into logits. Here the fertilities are part of the
# data. In a real translation they come from an alignment. The original mask-predict predicts only the length, which is their sum; ours, below, keeps the fertilities.

# %% tags=["remove-input"]
lab.show(Parallel.log_probs, independent)

# %% [markdown]
# First a world without a choice, in which everybody speaks dialect 1. **Prediction:** the places can be independent, so nearly all outputs are right after a short training, at least 97 %, whether the fertilities are given or
# predicted.


# %%
def learn(model, source_of_data, loss, *, steps: int, seed: int = 0):
    rate = partial(warm_then_cosine, peak=5e-3, warm=50, steps=steps)
    fit(model, source_of_data, loss=loss, steps=steps, lr=rate, seed=seed)
    return model


def right_in(spoken: Dialects, source, written) -> float:
    """The share of outputs that some dialect says."""
    return spoken.speakers(source, written).any(dim=1).double().mean().item()


single = Dialects(weights=(1.0, 0.0, 0.0))
x, fertility, y = world.sample((1_000,), rng=training.rng(99))  # for tests
simple = learn(
    networks(0)[1], single, independent, steps=lab.scale(quick=80, full=1_000)
)
with training.evaluating(simple):
    guessed = simple.fertility(simple.encode(x)).argmax(dim=2)
fertility_right = (guessed == fertility).double().mean().item()
in_one_dialect = single.speakers(x, at_once(simple, x))[:, 0].double().mean().item()
told = single.speakers(x, at_once(simple, x, fertility=fertility))[:, 0]
print(
    f"fertilities right {fertility_right:.3f}; targets right, with predicted "
    f"fertilities {in_one_dialect:.3f}, with true ones {told.double().mean():.3f}"
)
assert fertility_right > 0.99 and in_one_dialect > 0.97
assert abs(in_one_dialect - told.double().mean()) < 0.02

# %% [markdown]
# Now the three dialects. The teacher for comparison is a causal Transformer that reads the source as a prefix.
# **Prediction**, from the theorem and not from trial runs: on the same 1,000 test sources the loss of independent places ends within 0.1 nats of the sum of their entropies; the best token of each place gives a right sentence
# as often as the vote does, within 2 points; a draw of each place is right as often as the marginals are, within 3 points. About the teacher the theorem says nothing, except that it pays no such
# price; we expect over 95 % of its greedy outputs and over 80 % of its draws to be right.

# %%
teacher, plain = networks(seed=0)
learn(teacher, world, continuation, steps=lab.scale(quick=400, full=2_000))
learn(plain, world, independent, steps=lab.scale(quick=150, full=1_000))

greedily = continued(teacher, x, length=world.length, policy=greedy())
freely = continued(teacher, x, length=world.length, policy=free(), rng=training.rng(1))
plain_best, plain_drawn = at_once(plain, x), at_once(plain, x, rng=training.rng(1))
with training.evaluating(plain, teacher):
    tokens, words = plain.log_probs(x, fertility, y)
    batch = (x, fertility, y)
    per_token = continuation(teacher, batch, step=0, rng=training.rng(0)).item()
loss_plain = -tokens.sum(1).mean().item()
loss_teacher = per_token * (fertility.sum(1) + 1).double().mean().item()

test_positions, test_whole = entropies(world.variants(x), world.p)
expected = {
    "loss": test_positions.sum(1).mean().item(),
    "best": right_in(world, x, at_once(Perfect(world), x)),
    "drawn": kept(world.variants(x), world.p).mean().item(),
}
found_plain = {
    "loss": loss_plain,
    "best": right_in(world, x, plain_best),
    "drawn": right_in(world, x, plain_drawn),
}
for name in expected:
    print(f"{name:6} predicted {expected[name]:.3f}, measured {found_plain[name]:.3f}")
teacher_best, teacher_drawn = (right_in(world, x, w) for w in (greedily, freely))
print(
    f"teacher: loss {loss_teacher:.3f} (entropy {test_whole.mean():.3f}), "
    f"greedy {teacher_best:.3f}, drawn {teacher_drawn:.3f}"
)
assert abs(found_plain["loss"] - expected["loss"]) < 0.1
assert abs(found_plain["best"] - expected["best"]) < 0.02
assert abs(found_plain["drawn"] - expected["drawn"]) < 0.03
assert teacher_best > 0.95 and teacher_drawn > 0.8
assert loss_plain - loss_teacher > 3.3


# %% mystnb={"figure": {"caption": "What the networks write for the same eight sources, the best token of each place; capitals, shaded, are forms that only one dialect has. At the right, who says this sentence. Six of the eight sources were chosen because they have words of all three kinds.", "name": "fig-nonautoregressive-written"}, "image": {"alt": "Two grids of letters, one sentence per row. The teacher's rows mix small and shaded capital letters and are each marked with a dialect; the parallel network's rows are all small letters, and most are marked nobody."}} tags=["hide-input"]
def grid_of(ax, sources, written, title: str) -> None:
    """Sentences as rows of letters, with the dialects that say them."""
    by = world.speakers(sources, written)
    for i, (sentence, who) in enumerate(zip(written, by, strict=True)):
        for j, letter in enumerate(world.write(sentence)):
            if letter.isupper():
                patch = plt.Rectangle((j - 0.5, i - 0.5), 1, 1, color="#d9dee4", lw=0)
                ax.add_patch(patch)
            ax.text(j, i, letter, ha="center", va="center", fontsize=8)
        names = ", ".join(str(k + 1) for k in who.nonzero().squeeze(1).tolist())
        colour = plots.PALETTE["good" if names else "fake"]
        ax.text(12.2, i, names or "nobody", va="center", fontsize=8, color=colour)
    ax.set(xlim=(-0.6, 15.6), ylim=(len(written) - 0.4, -0.6), title=title)
    ax.axis("off")


all_kinds = ((x[:, :, None] - 1) // 3 == torch.arange(3)).any(1).all(1)
few = torch.cat([all_kinds.nonzero()[:6, 0], (~all_kinds).nonzero()[:2, 0]])
figure, (left, right) = plt.subplots(1, 2, figsize=(7.2, 2.5))
grid_of(left, x[few], greedily[few], "one token after the other")
grid_of(right, x[few], plain_best[few], "all at once")
plt.show()

# %% [markdown]
# The network has learned what there is to learn ({numref}`fig-nonautoregressive-written`): its loss stands on the floor that the theorem gives, nearly four nats above the teacher's, and its sentence is the vote. More training or a larger
# network cannot help; the price belongs to the form of the model.
#
# What can help is a latent variable that knows something about the choice. In {eq}`eq-nonautoregressive` that is $z$. If one dialect needed more copies than the others, its fertilities would give it away, and given $z$ the places would be less
# tied. This suggests **noisy parallel decoding** {cite}`gu2018nonautoregressive`: draw several $z$, fill in all of them side by side, and let an autoregressive teacher score the finished sentences, which it can do in one pass. Here all dialects have
# the same fertilities and the idea has nothing to hold on to. In a small world where it has, *AAAA* against *BBBBB*, the length decides: without it the first four places cost 2.08 nats, given it there is one sentence left and nothing to tie.

# %% tags=["nbval-check-output"]
short_or_long = torch.tensor([[1, 1, 1, 1, 0], [2, 2, 2, 2, 2]])  # 0 is no token
without_z = total_correlation(short_or_long[:, :4], half).item()
with_z = [total_correlation(v[None], torch.ones(1)).item() for v in short_or_long]
print(
    f"TC of the first four places {without_z:.2f} nats; given the length {max(with_z):.2f}"
)
assert math.isclose(without_z, 3 * math.log(2)) and max(with_z) == 0

# %% [markdown]
# ## First remedy: a teacher that decides
#
# If tied choices are the problem, remove the choice from the data. **{term}`Knowledge distillation`** (知识蒸馏) replaces each target by what an autoregressive teacher writes for the source, greedily or by beam search
# {cite}`kim2016sequence`. Its output is a function of the source: one target per source, conditional total correlation exactly 0. Nothing is left to be tied, but the student must learn the teacher's decisions too.
#
# **Prediction** (after trial runs with three seeds): the student's loss on the teacher's targets falls from over 5 nats to below 1.5; its best tokens form a right sentence in over 85 % of all cases, and its draws in over 60 %, both from a
# network that is as independent as before. It pays in diversity: of three dialects the teacher's draws show nearly all within ten attempts, the student's not even two.

# %%
sources = world.sources(4_000, rng=training.rng(7))
decided = continued(teacher, sources, length=world.length, policy=greedy())
again = continued(teacher, sources[:500], length=world.length, policy=greedy())
assert torch.equal(decided[:500], again)  # a function of the source

student = learn(
    networks(seed=0)[1],
    Taught(sources, world.fertility(sources), decided),
    independent,
    steps=lab.scale(quick=200, full=1_000),
)
student_best, student_drawn = (
    at_once(student, x),
    at_once(student, x, rng=training.rng(1)),
)
with training.evaluating(student):
    loss_student = -student.log_probs(x, fertility, greedily)[0].sum(1).mean().item()
print(
    f"student: loss {loss_student:.2f}, best {right_in(world, x, student_best):.3f}, "
    f"drawn {right_in(world, x, student_drawn):.3f}"
)
assert loss_student < 1.5
assert right_in(world, x, student_best) > 0.85
assert right_in(world, x, student_drawn) > 0.6


# %%
def dialects_found(decode, asked, draws: int = 10) -> float:
    """How many of the dialects turn up among ten outputs for one source."""
    stream = training.rng(2)
    by = [world.speakers(asked, decode(asked, stream)) for _ in range(draws)]
    return torch.stack(by).any(dim=0).double().sum(dim=1).mean().item()


asked = x[all_kinds][:100]
in_ten = (1 - (1 - world.p) ** 10).sum().item()
diversity = {
    "true language": in_ten,
    "teacher": dialects_found(
        lambda s, rng: continued(
            teacher, s, length=world.length, policy=free(), rng=rng
        ),
        asked,
    ),
    "independent": dialects_found(lambda s, rng: at_once(plain, s, rng=rng), asked),
    "student": dialects_found(lambda s, rng: at_once(student, s, rng=rng), asked),
}
print({name: round(number, 2) for name, number in diversity.items()})
assert diversity["teacher"] > 2.5 and diversity["student"] < 2.0

# %% [markdown]
# Distillation did not make the model better at the task; it made the task easier. Of the two or three sentences that the data has for a source, one is left, and the teacher's mistakes are now the truth.
#
# ## Second remedy: a few passes
#
# The right panel of {numref}`fig-nonautoregressive-listens` offers another way. Let the network see some of the target's tokens, others being hidden, and train it to answer the hidden ones: the loss
# {py:func}`~genmodels.sequence.nonautoregressive.masked` hides between one and all tokens of each target, every number equally often. **{term}`Mask-predict`** (掩码预测) then writes in $T$ passes {cite}`ghazvininejad2019mask`: answer everything; hide again what the network was least
# certain of, fewer from pass to pass; answer that anew. In code, with the package's `lowest` to find the lowest scores:


# %%
def refine(model, source, *, iterations, watch=None):
    memory = model.encode(source)
    fertility = model.fertility(memory).argmax(dim=2)
    there = places(fertility, length=model.length)
    n = there.sum(dim=1)
    tokens, sure = torch.zeros_like(there).long(), torch.zeros(there.shape)
    for t in range(iterations):
        hidden = lowest(sure, there, count=n * (iterations - t) // iterations)
        seen = torch.where(hidden, model.vocab, tokens)
        if watch is not None:
            watch.append(seen)
        p, answer = model.logits(memory, fertility, seen).softmax(dim=2).max(dim=2)
        tokens = torch.where(hidden, answer, tokens)
        sure = torch.where(hidden, p, sure)
    return tokens


# %% [markdown]
# How well can this work? A {py:class}`~genmodels.sequence.nonautoregressive.Perfect` network answers with the exact marginals given what it sees, counted out from the dialects; it shows how far mask-predict can get when every answer is right. One pass is the vote. In two
# passes the surer half of the vote is kept, and if a dialect says it, it decides the rest.
#
# **Prediction** (after trial runs with three seeds): the trained network follows the perfect one within 15 points from two passes on, and reaches 85 % in four.

# %%
filler = learn(
    networks(seed=0)[1], world, masked, steps=lab.scale(quick=400, full=2_000)
)
passes = (1, 2, 3, 4, 6, 12)
refined = {t: mask_predict(filler, x, iterations=t) for t in passes}
refined_exactly = {t: mask_predict(Perfect(world), x, iterations=t) for t in passes}
by_passes = {t: right_in(world, x, refined[t]) for t in passes}
by_passes_exactly = {t: right_in(world, x, refined_exactly[t]) for t in passes}
for t in passes:
    print(
        f"{t:2} passes: perfect {by_passes_exactly[t]:.3f}, trained {by_passes[t]:.3f}"
    )

with training.evaluating(filler):
    torch.testing.assert_close(refine(filler, x, iterations=4), refined[4])
assert by_passes_exactly[2] > 0.9 and by_passes_exactly[4] == 1.0
assert all(abs(by_passes[t] - by_passes_exactly[t]) < 0.15 for t in passes[1:])
assert by_passes[4] > 0.85


# %% tags=["hide-input"]
def passes_figure(t: int) -> plt.Figure:
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(7.2, 2.7), width_ratios=(1.15, 1)
    )
    grid_of(left, x[few], refined[t][few], f"{t} pass{'es' * (t > 1)}")
    until = [s for s in passes if s <= t]
    right.plot(
        passes,
        list(by_passes_exactly.values()),
        color=plots.PALETTE["muted"],
        linestyle=":",
        label="perfect network",
    )
    right.plot(
        until,
        [by_passes[s] for s in until],
        "o-",
        color=plots.PALETTE["fake"],
        label="trained network",
    )
    right.set(
        xlabel="passes", ylabel="right sentences", ylim=(0.4, 1.04), xlim=(0.5, 12.5)
    )
    right.legend(loc="lower right")
    return figure


passes_player = plots.explore(
    passes_figure,
    passes,
    label=lambda t: f"{t} pass{'es' * (t > 1)}: {by_passes[t]:.0%} right",
    alt="Eight sentences written by mask-predict, each marked with the dialects that say it or with nobody, and the share of right sentences against the number of passes",
    start=0,
    pause=900,
)
passes_player

# %% [markdown]
# Move the slider: the capitals appear, and with them the sentences become somebody's. Few passes are enough because one seen word can settle the choice for all other places. (A trained network may score above the perfect one: the perfect one has the right
# probabilities, and those need not give the best vote.)
#
# Two reservations. The words kept after the first pass were chosen independently of one another, so they may already contradict each other. No dialect says such a sentence, and with two passes nothing is taken back: it is lost, whatever the network
# answers. This happens to the perfect network too, and there it is the only loss. (With more passes a network must also answer to words that it wrote itself and never met in training: exposure bias can return. This cell does not measure that.)


# %%
def contradicted(seen: torch.Tensor) -> torch.Tensor:
    """Sentences in which no dialect agrees with all words that can be seen."""
    agree = (seen[:, None] == world.vocab) | (seen[:, None] == world.variants(x))
    return ~agree.all(dim=2).any(dim=1)


for writer, answering in (("trained", filler), ("perfect", Perfect(world))):
    watched: list[torch.Tensor] = []
    with training.evaluating(answering):
        last = refine(answering, x, iterations=2, watch=watched)
    lost = contradicted(watched[1])
    wrong = ~world.speakers(x, last).any(dim=1)
    print(
        f"{writer}: {lost.double().mean():.1%} contradictory after the first of two "
        f"passes, {wrong.double().mean():.1%} wrong after the second"
    )
    assert lost.double().mean() > 0.002 and bool(wrong[lost].all())
assert torch.equal(wrong, lost)  # the perfect network makes no other mistakes

# %% [markdown]
# And mask-predict gives one answer per source. To *draw* from the same network, fill in a random share of the places per pass, each token drawn given those before, and take nothing back
# ({py:func}`~genmodels.sequence.nonautoregressive.unmask`). With one place per pass this is the chain rule in a random order, and exact for the perfect network. With fewer passes, the places of one pass are independent
# again. **Prediction:** draws need far more passes than best guesses: after four passes the perfect network is right in less than 70 %.

# %%
drawn = {t: unmask(filler, x, iterations=t, rng=training.rng(3)) for t in passes}
drawn_exactly = {
    t: unmask(Perfect(world), x, iterations=t, rng=training.rng(3)) for t in passes
}
by_draw = {t: right_in(world, x, drawn[t]) for t in passes}
by_draw_exactly = {t: right_in(world, x, drawn_exactly[t]) for t in passes}
for t in passes:
    print(f"{t:2} passes: perfect {by_draw_exactly[t]:.3f}, trained {by_draw[t]:.3f}")
found_filler = dialects_found(
    lambda s, rng: unmask(filler, s, iterations=12, rng=rng), asked
)
print(f"dialects found in ten draws with 12 passes: {found_filler:.2f}")
assert by_draw_exactly[4] < 0.7 and by_draw_exactly[12] == 1.0
assert by_draw[1] < 0.15 and by_draw[12] > 0.8 and found_filler > 2.4

# %% [markdown]
# ## Speed against quality
#
# What has been won? The same systems were recorded with five seeds: 1,000 steps for the teacher and the masked network, 500 for the networks with independent places. (Above, quick scale took 400, and 150 or 200; full scale takes 2,000 and 1,000.) Steps that wait for one
# another are counted, not timed, and so are the multiplications in matrix products, on a source with eight target tokens. The steps that read the source are not counted, for either; their multiplications are.

# %% tags=["hide-input"]
recorded = lab.results("nonautoregressive")
runs = [row for row in recorded["rows"] if "network" in row]


def over_seeds(network: str, how: str, t: int, what: str) -> torch.Tensor:
    """The recorded values of one way to write, one per seed."""
    return torch.tensor(
        [
            row[what]
            for row in runs
            if (row["network"], row["decoding"]) == (network, how)
            and (network == "autoregressive" or row["passes"] == t)
        ]
    )


ways = {
    "one by one": ("autoregressive", 0),
    "independent": ("independent", 1),
    "independent, distilled": ("distilled", 1),
    **{f"masked, {t} pass{'es' * (t > 1)}": ("masked", t) for t in (1, 2, 4, 8, 12)},
}
table = [
    "| | passes | multiplications | right, best | right, drawn | dialects found |",
    "|---|--:|--:|--:|--:|--:|",
]
for name, (network, t) in ways.items():
    steps_taken = over_seeds(network, "best", t, "passes").double().mean()
    work = over_seeds(network, "best", t, "multiplications").double().mean() / 1e6
    best, free_draws, found = (
        over_seeds(network, how, t, what)
        for how, what in (("best", "right"), ("drawn", "right"), ("drawn", "found"))
    )
    table.append(
        f"| {name} | {steps_taken:.0f} | {work:.2f} million | {best.mean():.3f} ± {best.std():.3f} "
        f"| {free_draws.mean():.3f} ± {free_draws.std():.3f} | {found.mean():.2f} |"
    )
seconds = [row["cpu_seconds"] for row in recorded["rows"] if "cpu_seconds" in row]
source_line = (
    f"{recorded['seeds']} seeds, {recorded['steps']:,} steps "
    f"(independent places: {recorded['steps'] // 2:,}), {sum(seconds) / 60:.0f} min of CPU in all, "
    f"{recorded['hardware']}, torch {recorded['torch']}, commit {recorded['commit'][:7]}."
)
Markdown("\n".join(table) + "\n\n" + source_line)

# %%
work_of = {
    name: over_seeds(network, "best", t, "multiplications").double().mean().item()
    for name, (network, t) in ways.items()
}
sizes = [sum(p.numel() for p in m.parameters()) for m in networks(0)]
assert 1.9 < sizes[1] / sizes[0] < 2.1
assert (recorded["seeds"], recorded["steps"]) == (5, 1_000)
assert 0.8 < work_of["independent"] / work_of["one by one"] < 1.1
assert work_of["masked, 8 passes"] > 5 * work_of["one by one"]
assert work_of["masked, 4 passes"] > 2.5 * work_of["one by one"]
assert over_seeds("autoregressive", "drawn", 0, "right").min() > 0.95
assert over_seeds("autoregressive", "drawn", 0, "found").min() > 2.7
assert (
    over_seeds("independent", "best", 1, "right") - expected["best"]
).abs().max() < 0.02
assert (
    over_seeds("independent", "drawn", 1, "right") - expected["drawn"]
).abs().max() < 0.02
assert over_seeds("distilled", "best", 1, "right").min() > 0.93
assert over_seeds("distilled", "drawn", 1, "found").max() < 1.5
assert over_seeds("masked", "best", 4, "right").min() > 0.95
assert over_seeds("masked", "drawn", 4, "right").max() < 0.75
assert over_seeds("masked", "drawn", 8, "right").max() < 0.9
assert abs(over_seeds("masked", "drawn", 12, "right").mean() - 0.977) < 0.001
assert abs(over_seeds("autoregressive", "drawn", 0, "right").mean() - 0.980) < 0.001
assert abs(over_seeds("distilled", "best", 1, "right").mean() - 0.976) < 0.001
assert abs(over_seeds("masked", "best", 4, "right").mean() - 0.985) < 0.001

# %% [markdown]
# Mean and standard deviation over the seeds; *dialects found* are those that turn up in ten draws, of three. {numref}`fig-nonautoregressive-speed` draws the table.
#
# Four passes are enough for a best guess. Draws are another matter: the masked network comes up to one by one (0.980) only with twelve passes (0.977), not with eight (0.879), and eight already take over five times the multiplications. Nothing between eight and
# twelve was recorded; on the source with eight tokens, of which the cost is counted, four of the twelve passes draw nothing.
#
# Now the third column. All at once takes about as many multiplications as one by one with a cache; four passes take more than twice as many. The parallel network has twice the parameters. Parallel writing does not save work. It saves *waiting*: nine steps, each of
# which needs the one before, become one or four, and hardware that has idle units turns this into time. How much time depends on the machine, on the length, and on how many sentences are written side by side, since a large batch keeps a machine busy one word
# after the other too. `python -m benchmarks.decoding` measures the ratio on yours, both ways in one run.

# %% mystnb={"figure": {"caption": "Quality against the number of steps that wait for one another, recorded; bars are the range over seeds. Filled: the best guess; open: draws. Independent places stand a little to the left of their one pass.", "name": "fig-nonautoregressive-speed"}, "image": {"alt": "Share of right sentences against passes of the decoder. The mask-predict curve rises from 0.57 at one pass to nearly 1 at four; the curve of draws rises slowly from 0.06 to above 0.9 at twelve. Distilled independent places lie near 0.98 at one pass, and the autoregressive model near 1 at nine."}} tags=["hide-input"]
figure, ax = plt.subplots(figsize=(6.4, 3.0))
recorded_passes = sorted({row["passes"] for row in runs if row["network"] == "masked"})
series = {
    "one by one": ("autoregressive", "real", "s", [0]),
    "independent": ("independent", "muted", "^", [1]),
    "independent, distilled": ("distilled", "critic", "D", [1]),
    "masked": ("masked", "fake", "o", recorded_passes),
}
for name, (network, kind, marker, at) in series.items():
    for how in ("best", "drawn"):
        values = [over_seeds(network, how, t, "right") for t in at]
        across = [over_seeds(network, how, t, "passes").double().mean() for t in at]
        if network == "independent":
            across = [a - 0.12 for a in across]  # else it lies under "masked"
        mean = torch.stack([v.mean() for v in values])
        reach = torch.stack(
            [torch.stack([v.mean() - v.min(), v.max() - v.mean()]) for v in values]
        ).T
        ax.errorbar(
            across,
            mean,
            yerr=reach,
            marker=marker,
            color=plots.PALETTE[kind],
            linestyle=("-" if how == "best" else ":") if len(at) > 1 else "",
            markerfacecolor=plots.PALETTE[kind] if how == "best" else "white",
            markersize=5.5,
            linewidth=1.2,
            label=name if how == "best" else None,
        )
ax.set(
    xlabel="passes, one after the other", ylabel="right sentences", ylim=(-0.03, 1.06)
)
ax.legend(loc="center right", bbox_to_anchor=(1.0, 0.36))
plt.show()

# %% [markdown]
# The published numbers are from translation, in BLEU, and stand here for context; none of them is attempted.
#
# | paper | setting | result | here |
# |---|---|---|---|
# | {cite}`gu2018nonautoregressive` | WMT 2014 English-German, distilled, fertilities, fine-tuned | 17.69 BLEU, 15.6 times as fast as its teacher | not attempted |
# | {cite}`gu2018nonautoregressive`, abstract | the same with noisy parallel decoding, best case | within 2.0 BLEU of its teacher | not attempted |
# | {cite}`ghazvininejad2019mask`, abstract | mask-predict, a constant number of passes | within about 1 BLEU of a left-to-right Transformer | not attempted |
#
# All of them train on distilled data; our masked network does not. The rows cannot be compared with ours. The numbers of the first row are as later papers quote them.

# %% [markdown]
# ## Where it breaks
#
# A score can hide the price. Take two dialects that share no word, with probabilities 0.6 and 0.4, and eight places. The vote is always right, since in every place the same dialect wins; yet the total correlation is 4.71 nats and a draw is right in under
# 2 %. At 0.5 each every place is a tie. So "the best guess is right" measures how lopsided the world is, not whether the model has learned its distribution.

# %% tags=["nbval-check-output"]
for weight in (1.0, 0.9, 0.6, 0.51):
    uneven = torch.tensor([weight, 1 - weight], dtype=torch.float64)
    price, mass = (f(two(8), uneven).item() for f in (total_correlation, kept))
    ballot = [(uneven[:, None] * (two(8) == w)).sum(dim=0) for w in (0, 1)]
    winners = torch.stack(ballot).argmax(dim=0)  # in each of the eight places
    wins = bool((two(8) == winners).all(dim=1).any())
    print(
        f"{weight:.2f}: TC {price + 0.0:.2f} nats, best guess right {float(wins):.0f}, draws right {mass:.4f}"
    )
    assert wins and math.isclose(mass, weight**8 + (1 - weight) ** 8)
    if weight == 0.6:
        assert abs(price - 4.71) < 0.005 and mass < 0.02
assert mass < 0.01 and price > 4.8

# %% [markdown]
# The verdict, for this language: if one good answer per source is enough, a distilled network with independent places (97.6 % right), or mask-predict in four passes (98.5 %), comes close to its teacher in a fraction of the waiting. If the *distribution* is wanted, every choice that ties places
# together needs either a step in sequence or a latent variable that carries it.

# %% [markdown]
# ## Exercises
#
# Each exercise asks for one function. The check below it runs on your machine; a course grades the same function on
# further cases. Use `torch`, keep the signature, return a result instead of printing it, and do not change an argument
# in place.

# %% [markdown]
# :::{exercise} The price of two independent places
# :label: ex-nonautoregressive-price
# The joint probabilities of two places are given as a table, `joint[a, b]` $=p(y_1=a,y_2=b)$; entries may be 0, and the places may have different
# numbers of words. Write `independence(joint)`, which returns a tensor of two numbers: the total correlation of the two places in nats, and the probability that the best independent places
# produce a pair that is possible, that is, one with $p>0$.
# :::

# %% [markdown]
# :::{solution-start} ex-nonautoregressive-price
# :label: sol-nonautoregressive-price
# :class: dropdown
# :::


# %% tags=["solution"]
def independence(joint):
    """Total correlation of two places in nats, and the mass of their best independent approximation on possible pairs.

    joint: tensor of shape (k, l), entries >= 0 that sum to 1. Returns a tensor of shape (2,).
    """
    ### BEGIN SOLUTION
    # The best independent places are the marginals. Where p is 0, xlogy counts nothing.
    product = joint.sum(1, keepdim=True) * joint.sum(0, keepdim=True)
    possible = joint > 0
    price = torch.xlogy(joint, joint).sum() - torch.xlogy(joint, product).sum()
    return torch.stack([price, product[possible].sum()])
    ### END SOLUTION


# %% [markdown]
# :::{solution-end}
# :::

# %% tags=["test"]
# check: ex-nonautoregressive-price points=1
tied_pair = torch.tensor([[0.5, 0.0], [0.0, 0.5]], dtype=torch.float64)
log_two = math.log(2)
tied_answer = torch.tensor([log_two, 0.5]).double()
assert torch.allclose(independence(tied_pair).double(), tied_answer, atol=1e-6)
free_pair = torch.full((2, 3), 1 / 6, dtype=torch.float64)
free_answer = torch.tensor([0.0, 1.0]).double()
assert torch.allclose(independence(free_pair).double(), free_answer, atol=1e-6)


# %% tags=["hidden-test", "remove-cell"]
# hidden: ex-nonautoregressive-price function=independence points=3 tolerance=1e-5
def cases_independence(rng):
    """Joint tables: dense, with zeros, with words that never occur, and the edge cases."""

    def table(k, columns, empty=0.0):
        weights = [
            [
                0.0 if rng.random() < empty else rng.uniform(0.05, 1.0) ** 2
                for _ in range(columns)
            ]
            for _ in range(k)
        ]
        weights[0][0] = rng.uniform(0.3, 1.0)
        weights[k - 1][columns - 1] = rng.uniform(0.3, 1.0)
        total = sum(map(sum, weights))
        return [[w / total for w in row] for row in weights]

    dense = [(table(*shape),) for shape in ((2, 2), (2, 5), (4, 3))]
    sparse = [(table(*shape, empty=0.6),) for shape in ((3, 3), (4, 2), (3, 6), (5, 5))]
    a = rng.uniform(0.1, 0.4)
    diagonal = ([[a, 0.0, 0.0], [0.0, 0.5, 0.0], [0.0, 0.0, 0.5 - a]],)
    never = ([[a, 0.5 - a, 0.0], [0.3, 0.2, 0.0], [0.0, 0.0, 0.0]],)
    one_way = ([[0.0, a], [1.0 - a, 0.0]],)
    certain = ([[0.0, 1.0], [0.0, 0.0]],)
    row = ([[0.2, a, 0.8 - a]],)
    return [*dense, *sparse, diagonal, never, one_way, certain, row]


# %% [markdown]
# :::{exercise} Copies by fertility
# :label: ex-nonautoregressive-copies
# Write `copies(memory, fertility, length)`. The vectors of a source, `memory` of shape $(m,d)$, shall be copied: row $j$ as often as `fertility[j]` says (a whole number from 0 on, given as a float), all copies of
# a word next to each other, in the order of the source. The result has shape (`length`, $d$), with zeros behind the last copy. The fertilities sum to at most `length`.
# :::

# %% [markdown]
# :::{solution-start} ex-nonautoregressive-copies
# :label: sol-nonautoregressive-copies
# :class: dropdown
# :::


# %% tags=["solution"]
def copies(memory, fertility, length):
    """Each row of the memory as often as its fertility says, filled up with zeros.

    memory: tensor of shape (m, d); fertility: shape (m,); length: a number. Returns a tensor of shape (length, d).
    """
    ### BEGIN SOLUTION
    # repeat_interleave puts the copies of one row next to each other; `repeat` would go through all rows again.
    copied_rows = torch.repeat_interleave(memory, fertility.long(), dim=0)
    rest = memory.new_zeros(int(length) - len(copied_rows), memory.shape[1])
    return torch.cat([copied_rows, rest])
    ### END SOLUTION


# %% [markdown]
# :::{solution-end}
# :::

# %% tags=["test"]
# check: ex-nonautoregressive-copies points=1
three_rows = torch.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], dtype=torch.float64)
times = torch.tensor([2.0, 0.0, 1.0], dtype=torch.float64)
answer = torch.tensor([[1.0, 2.0], [1.0, 2.0], [5.0, 6.0], [0.0, 0.0]]).double()
assert torch.equal(copies(three_rows, times, 4).double(), answer)


# %% tags=["hidden-test", "remove-cell"]
# hidden: ex-nonautoregressive-copies function=copies points=3 tolerance=1e-9
def cases_copies(rng):
    """Sources with their fertilities: some words dropped, exact fits, and the edge cases."""

    def rows(m, d):
        return [
            [rng.uniform(0.5, 3.0) * rng.choice((-1, 1)) for _ in range(d)]
            for _ in range(m)
        ]

    cases = []
    for m, d in ((2, 1), (3, 2), (4, 3), (5, 2), (6, 2), (3, 4)):
        fertility = [float(rng.randint(0, 3)) for _ in range(m)]
        fertility[0], fertility[-1] = float(rng.randint(2, 4)), float(rng.randint(1, 3))
        cases.append((rows(m, d), fertility, int(sum(fertility)) + rng.randint(1, 4)))
    exact = (rows(3, 2), [1.0, 3.0, 2.0], 6)
    dropped = (rows(4, 2), [0.0, 2.0, 0.0, 1.0], 5)
    last_dropped = (rows(3, 2), [2.0, 1.0, 0.0], 5)
    single = (rows(1, 2), [3.0], 4)
    nothing = (rows(2, 2), [0.0, 0.0], 3)
    once_each = (rows(4, 1), [1.0, 1.0, 1.0, 1.0], 4)
    return [*cases, exact, dropped, last_dropped, single, nothing, once_each]


# %% [markdown]
# :::{exercise} What to hide next
# :label: ex-nonautoregressive-hide
# Mask-predict is about to make its pass $t\in\{0,\dots,T-1\}$ of $T$ over $n$ places, and the network has answered place $i$ with probability `sure[i]` the last time that it was asked. Write `hide(sure, t, T)`, which
# returns a tensor of $n$ numbers, 1 for the $\lfloor n\,(T-t)/T\rfloor$ places with the lowest probabilities, which are hidden now, and 0 for the others. No two probabilities are equal.
# :::

# %% [markdown]
# :::{solution-start} ex-nonautoregressive-hide
# :label: sol-nonautoregressive-hide
# :class: dropdown
# :::


# %% tags=["solution"]
def hide(sure, t, T):
    """Which places mask-predict hides before its pass t of T: 1 where hidden, 0 elsewhere.

    sure: tensor of shape (n,), probabilities, all different; t, T: whole numbers, 0 <= t < T. Returns shape (n,).
    """
    ### BEGIN SOLUTION
    # Whole numbers all the way: n * (1 - t / T) in floating point can fall just below the integer that it should be.
    count = len(sure) * (int(T) - int(t)) // int(T)
    hidden = torch.zeros_like(sure)
    hidden[sure.argsort()[:count]] = 1.0
    return hidden
    ### END SOLUTION


# %% [markdown]
# :::{solution-end}
# :::

# %% tags=["test"]
# check: ex-nonautoregressive-hide points=1
beliefs = torch.tensor([0.9, 0.2, 0.6, 0.4, 0.8], dtype=torch.float64)
assert hide(beliefs, 0, 4).sum() == 5
assert torch.equal(
    hide(beliefs, 2, 4).double(), torch.tensor([0.0, 1.0, 0.0, 1.0, 0.0]).double()
)
assert hide(beliefs, 3, 4).sum() == 1


# %% tags=["hidden-test", "remove-cell"]
# hidden: ex-nonautoregressive-hide function=hide points=3 tolerance=1e-9
def cases_hide(rng):
    """Probabilities and passes: first, middle and last ones, more passes than places, and fractions that round."""

    def sure(n):
        grid = rng.sample(range(1, 1000), n)
        return [k / 1000 for k in grid]

    passes = [
        (5, 0, 3),
        (7, 1, 3),
        (8, 2, 4),
        (9, 3, 5),
        (10, 7, 10),
        (11, 4, 6),
        (13, 2, 7),
        (6, 5, 6),
    ]
    usual = [(sure(n), t, T) for n, t, T in passes]
    last_hides_none = (sure(4), 9, 10)
    single = (sure(1), 0, 1)
    many_passes = (sure(3), 4, 12)
    integers = (sure(10), 1, 10)
    return [*usual, last_hides_none, single, many_passes, integers]


# %% [markdown]
# ## What to remember
#
# - The best independent places are the marginals, and what they lose is the total correlation of the target given the source: exact, and out of reach of more training.
# - Distillation removes the choice and with it the diversity; mask-predict lets places hear each other again: a few passes suffice for a best guess, draws need about one per word.
# - Parallel writing saves waiting, not work; judge it by draws as well as by best guesses.
#
# **Further reading.** Fertilities, distillation and noisy parallel decoding: {cite}`gu2018nonautoregressive`. Distillation of sequences: {cite}`kim2016sequence`. Refinement of whole
# sentences: {cite}`lee2018deterministic`; mask-predict: {cite}`ghazvininejad2019mask`. The Transformer: {cite}`vaswani2017attention`.
