# %% [markdown]
# (sec-parametric)=
# # Parametric density estimation
#
# **Which member of a family of distributions explains the data best, and what if the family is the mistake?**
#
# The mean of the data, the frequency of a word, the covariance of two measurements: the first numbers that anybody
# computes are answers to one question, asked of different families. The question is called maximum likelihood. This
# section asks it of 178 wines and 1,797 handwritten digits, checks the answers by their gradients, climbs to the same
# answers step by step, and ends with the data for which no answer exists.

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
from dataclasses import dataclass
from functools import partial

import matplotlib.pyplot as plt
import torch
from scipy import stats
from sklearn.datasets import load_wine
from torch.distributions import MultivariateNormal, constraints, kl_divergence
from torch.testing import assert_close

from genmodels import data, lab, plots, training
from genmodels.density import (
    Bernoulli, Categorical, Density, Gaussian, Multinomial, Normal, Poisson,
)  # fmt: skip
from genmodels.density.likelihood import ascent, slopes

lab.start(scale)
torch.set_default_dtype(torch.float64)  # slopes of 1e-8 want double precision

# %% [markdown]
# ## Likelihood
#
# A **family** is a set of distributions with a few numbers $\theta$ left open: all normal distributions, say, with
# their mean and standard deviation. {term}`Parametric density estimation <parametric density estimation>` (参数密度估计)
# assumes a family and estimates the numbers (nndl, section 9.2.1 {cite}`qiu2020nndl`). Estimation without a family is
# the subject of {ref}`sec-nonparametric`.
#
# Which numbers? The data themselves can vote: prefer those under which the data would not have been a surprise. Below
# are the alcohol contents of twelve wines {cite}`aeberhard1992wine` and one normal density after another. Each wine is
# drawn as high as the density is at its place. A narrow curve is high where it stands and leaves the others at almost
# nothing; a wide one is low everywhere. Move the slider.

# %% tags=["hide-input"]
wines = torch.tensor(load_wine().data)[:, [0, 12]]  # alcohol in %, proline in mg/l
alcohol = wines[:, 0]
twelve = alcohol[torch.randperm(len(alcohol), generator=training.rng(3))[:12]]
mean_axis = torch.linspace(11.6, 14.4, 41)
std_axis = torch.linspace(0.25, 1.8, 32)
surface = torch.stack(
    [Normal(m, s).log_prob(twelve).mean() for s in std_axis for m in mean_axis]
).reshape(len(std_axis), len(mean_axis))
top = Normal.standard().fit(twelve)
places = [(float(m), 0.35) for m in torch.linspace(12.0, 14.0, 9)]
places += [(float(top.mean), s) for s in (0.35, 0.45, 0.6, float(top.std), 1.0, 1.4)]


def surface_figure(place: tuple[float, float]) -> plt.Figure:
    normal = Normal(*torch.tensor(place))
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(7.2, 2.8), width_ratios=(1.25, 1)
    )
    axis = torch.linspace(11, 15, 401)
    left.plot(axis, normal.log_prob(axis).exp(), color=plots.PALETTE["fake"])
    heights = normal.log_prob(twelve).exp()
    left.vlines(twelve, 0, heights, color=plots.PALETTE["real"], linewidth=1.4)
    left.plot(twelve, heights, "o", color=plots.PALETTE["real"], markersize=4)
    left.set(xlabel="alcohol (%)", ylabel="density", xlim=(11, 15), ylim=(0, 1.2))
    levels = [-12, -8, -5, -3.5, -2.5, -2, -1.7, -1.5, -1.3, -1.2, -1.1]
    drawn = right.contour(
        mean_axis, std_axis, surface, levels=levels, cmap="Greys", linewidths=0.9
    )
    right.clabel(drawn, levels[2::2], fontsize=7)
    right.plot(*place, "o", color=plots.PALETTE["fake"])
    right.plot(top.mean, top.std, "+", color=plots.PALETTE["ink"])
    right.set(xlabel="mean", ylabel="standard deviation")
    return figure


def surface_label(place: tuple[float, float]) -> str:
    value = Normal(*torch.tensor(place)).log_prob(twelve).mean()
    return f"mean {place[0]:.2f}, std {place[1]:.2f}: {value:.2f} a wine"


surface_player = plots.explore(
    surface_figure,
    places,
    label=surface_label,
    alt="A normal curve over twelve data points on the left; on the right contour lines of the mean log-likelihood over mean and standard deviation, and where the curve stands on them",
    start=2,
)
surface_player

# %% [markdown]
# :::{prf:definition} Likelihood
# :label: def-parametric-likelihood
#
# Let $D=\{x^{(1)},\dots,x^{(N)}\}$ be drawn independently from one distribution. The {term}`likelihood` (似然) of
# $\theta$ is the density of the data, read as a function of $\theta$. Its logarithm is a sum:
#
# $$
# \log p(D;\theta)=\sum_{n=1}^N\log p(x^{(n)};\theta).
# $$ (eq-parametric-likelihood)
#
# {term}`Maximum likelihood estimation <maximum likelihood estimation>` (最大似然估计) chooses the $\theta$ at which it is
# largest.
# :::
#
# A likelihood is no distribution over $\theta$; in general it does not integrate to 1 over it. It is a sum of
# logarithms for more than comfort: the probability of 1,797 digits as a product is 0 in double precision, and its
# logarithm is an ordinary number. In this book log-likelihoods are in nats (natural logarithms), and usually divided by
# $N$.

# %% tags=["nbval-check-output"]
digits = data.digits()
ink = (digits.images.flatten(1).double() + 1) * 8  # dark dots per pixel, from 0 to 16
fair_pixels = Categorical.uniform(17, 64)
each = fair_pixels.log_prob(ink)
print(
    f"product {float(each.exp().prod())}, log-likelihood {float(each.sum()):.0f} nats"
)
assert float(each.exp().prod()) == 0 and bool(each.sum().isfinite())

# %% [markdown]
# ## One interface
#
# Every {py:class}`~genmodels.density.base.Density` of the package offers the same three methods, `log_prob`, `sample`
# and `fit`. A Gaussian in $d$ dimensions with any covariance matrix $\Sigma$,
#
# $$
# \mathcal N(x;\mu,\Sigma)=(2\pi)^{-d/2}\,|\Sigma|^{-1/2}\exp\bigl(-\tfrac12(x-\mu)^\top\Sigma^{-1}(x-\mu)\bigr),
# $$ (eq-parametric-gaussian)
#
# fits into twenty lines. Its `fit` is derived below; it returns another Gaussian and leaves this one as it is.


# %%
@dataclass(frozen=True)
class Gauss:
    mean: torch.Tensor
    covariance: torch.Tensor

    def log_prob(self, x):
        centred = x - self.mean
        distance = (centred * torch.linalg.solve(self.covariance, centred.T).T).sum(1)
        constant = len(self.mean) * math.log(2 * math.pi)
        return -(distance + self.covariance.logdet() + constant) / 2

    def sample(self, n, *, rng):
        noise = torch.randn(n, len(self.mean), generator=rng).to(self.mean)
        return self.mean + noise @ torch.linalg.cholesky(self.covariance).T

    def fit(self, x):
        mean = x.mean(dim=0)
        centred = x - mean
        return Gauss(mean, centred.T @ centred / len(x))


# %% [markdown]
# The package's {py:class}`~genmodels.density.gaussian.Gaussian` gives the same numbers on the wines' alcohol and
# proline, an amino acid. It adds checks of its input, and weights for the data, on which {ref}`sec-mixtures` is built.

# %%
mine = Gauss(torch.zeros(2), torch.eye(2)).fit(wines)
fitted = Gaussian.standard(2).fit(wines)
assert_close((mine.mean, mine.covariance), (fitted.mean, fitted.covariance))
assert_close(mine.log_prob(wines), fitted.log_prob(wines))
assert_close(
    mine.sample(200, rng=training.rng(0)), fitted.sample((200,), rng=training.rng(0))
)
print(f"{float(fitted.log_prob(wines).mean()):.3f} nats a wine")

# %% [markdown]
# All other families look alike. Here is the whole of the Poisson distribution of counts; the base class does the
# checking once for all.

# %% tags=["remove-input"]
lab.show(Poisson)

# %% mystnb={"figure": {"caption": "178 wines, and as many samples of the Gaussian fitted to them. The ellipses hold 50 % and 95 % of its mass.", "name": "fig-parametric-wines"}, "image": {"alt": "Two scatter plots of proline against alcohol with the same two ellipses: the wines, a rising cloud that is dense at the lower left and has a sharp lower edge, and the samples, a rising oval cloud of which a few points lie below zero proline."}} tags=["hide-input"]
figure, axes = plt.subplots(1, 2, figsize=(7.2, 2.8), sharex=True, sharey=True)
copies = fitted.sample((len(wines),), rng=training.rng(1))
assert (copies[:, 1] < 0).any() and (wines[:, 1] > 0).all()
angle = torch.linspace(0, 2 * math.pi, 200)
circle = torch.stack([angle.cos(), angle.sin()], dim=1)
for ax, kind, cloud in zip(axes, ("real", "fake"), (wines, copies), strict=True):
    plots.points(ax, cloud, kind=kind, size=8)
    for share in (0.5, 0.95):
        ring = fitted.mean + stats.chi2(2).ppf(share) ** 0.5 * circle @ fitted.factor.T
        ax.plot(*ring.T, color=plots.PALETTE["ink"], linewidth=0.9)
    ax.set(xlabel="alcohol (%)")
axes[0].set(title="wines", ylabel="proline (mg/l)")
axes[1].set(title="samples of the fit")
plt.show()

# %% [markdown]
# In {numref}`fig-parametric-wines` the fit has the wines' mean, spread and slope. It is not the distribution of wines:
# some of its samples have a negative amount of proline. Maximum likelihood finds the best member of a family, and does
# not ask whether the family is right.
#
# ## The Gaussian
#
# :::{prf:theorem} Maximum likelihood for a Gaussian
# :label: thm-parametric-gaussian
#
# If the data lie in no hyperplane, {eq}`eq-parametric-likelihood` is largest over all Gaussians at exactly one place:
#
# $$
# \mu^{\mathrm{ML}}=\frac1N\sum_{n=1}^Nx^{(n)},\qquad
# \Sigma^{\mathrm{ML}}=\frac1N\sum_{n=1}^N\bigl(x^{(n)}-\mu^{\mathrm{ML}}\bigr)\bigl(x^{(n)}-\mu^{\mathrm{ML}}\bigr)^{\!\top}.
# $$ (eq-parametric-ml)
# :::
#
# :::{prf:proof}
# For any positive definite $\Sigma$ the gradient in $\mu$ is $\Sigma^{-1}\sum_n(x^{(n)}-\mu)$. It vanishes at the mean
# and nowhere else, and the function is concave in $\mu$. Put the mean in, and write $S$ for the right-hand matrix of
# {eq}`eq-parametric-ml` and $\Lambda=\Sigma^{-1}$. Since $v^\top\Lambda v=\operatorname{tr}(\Lambda vv^\top)$,
#
# $$
# \frac1N\log p(D)=\frac12\log|\Lambda|-\frac12\operatorname{tr}(\Lambda S)-\frac d2\log2\pi .
# $$
#
# The gradient in $\Lambda$ is $\frac12(\Lambda^{-1}-S)$, as $\nabla\log|\Lambda|=\Lambda^{-1}$. It vanishes at
# $\Sigma=\Lambda^{-1}=S$, which is invertible because no hyperplane holds the data. $\log|\Lambda|$ is strictly concave
# and the trace linear, so this is the only maximum.
# :::
#
# :::{margin} Correction E-30
# On the lecture's slide the covariance lacks the index: $\frac1N\sum_n(x-\mu)(x-\mu)^\top$ says neither which $x$ nor
# that $\mu$ is the estimate. With both filled in it is {eq}`eq-parametric-ml`, and it is biased,
# $\mathbb E\,\Sigma^{\mathrm{ML}}=\frac{N-1}N\Sigma$, since the mean was chosen to be close to the same points.
# :::
#
# Automatic differentiation can check the proof without knowing it: at the fit all slopes are 0, and each of 200 small
# random moves lowers the likelihood.

# %% tags=["nbval-check-output"]
at_the_fit = slopes(fitted, wines)
steepest = max(float(slope.abs().max()) for slope in at_the_fit.values())
assert steepest < 1e-8

best = fitted.log_prob(wines).mean()
stream = training.rng(2)
for _ in range(200):
    move = 0.05 * torch.randn(2, 3, generator=stream)
    mean = fitted.mean + fitted.factor @ move[:, 0]
    factor = fitted.factor @ (torch.eye(2) + move[:, 1:])
    assert Gaussian(mean, factor @ factor.T).log_prob(wines).mean() < best
print("slopes below 1e-8; 200 moves of 200 lower the likelihood")

# %% [markdown]
# And the bias of E-30 is a fact that can be measured. With $N=5$ draws of variance 1 the estimate is $\frac45$ on
# average:

# %% tags=["nbval-check-output"]
draws = torch.randn(100_000, 5, generator=training.rng(4))
variances = draws.var(dim=1, correction=0)  # one fit in each row: divided by N
standard_error = float(variances.std()) / len(variances) ** 0.5
gap = float(variances.mean()) - 4 / 5
print(f"mean of 100,000 estimates: {float(variances.mean()):.3f}")
assert_close(variances[0].sqrt(), Normal.standard().fit(draws[0]).std)
assert abs(gap) < 4 * standard_error < 0.01

# %% [markdown]
# Dividing by $N-1$ instead removes the bias, and lowers the likelihood: `torch.cov` and `torch.std` divide by $N-1$
# unless told `correction=0`. At $N=178$ the two differ by half a per cent; at $N=5$ it is important to know which one
# was meant.

# %% [markdown]
# ## The families that count
#
# :::{margin} Exponential family
# The Gaussian is one too, with $T(x)=(x,xx^\top)$. The Boltzmann machines of {ref}`sec-energy` are others: there the
# second mean in {eq}`eq-parametric-moments` is the expensive one.
# :::
#
# One proof serves the rest. An {term}`exponential family` (指数族) has the form
#
# $$
# p(x;\eta)=h(x)\,\exp\bigl(\eta^\top T(x)-A(\eta)\bigr)
# $$
#
# with statistics $T(x)$ and natural parameters $\eta$; $A$ is whatever makes the probabilities add up to 1.
# Differentiate $\log\sum_xh(x)e^{\eta^\top T(x)}=A(\eta)$: $\nabla A=\mathbb E_\eta[T]$, and once more,
# $\nabla^2A=\operatorname{Cov}_\eta[T]$, which has no negative eigenvalue. So the mean log-likelihood is concave in
# $\eta$, with gradient
#
# $$
# \nabla_\eta\frac1N\log p(D;\eta)=\frac1N\sum_nT(x^{(n)})-\mathbb E_\eta[T(x)] .
# $$ (eq-parametric-moments)
#
# *What the data show on average, minus what the model expects.* At the maximum the two are equal, and each closed form
# is just that sentence:
#
# | family | $p(x)$ | natural parameter | $T(x)$ | maximum likelihood |
# |---|---|---|---|---|
# | Bernoulli (伯努利分布), $x\in\{0,1\}$ | $p^x(1-p)^{1-x}$ | logit $\log\frac p{1-p}$ | $x$ | $p$ = frequency of ones |
# | categorical (类别分布), one of $K$ | $p_x$ | logits $\log p_k$ | $[x=k]$ | $p_k$ = frequency of $k$ |
# | Poisson (泊松分布), a count | $e^{-\lambda}\lambda^x/x!$ | $\log\lambda$ | $x$ | $\lambda$ = mean count |
# | multinomial (多项分布), $K$ counts of $m$ draws | $\frac{m!}{\prod x_k!}\prod p_k^{x_k}$ | logits $\log p_k$ | $x$ | $p_k$ = mean count divided by $m$ |
#
# The digits have data for each. A pixel is the number of dark dots in a cell of 4 × 4 dots, a count from 0 to 16
# {cite}`alpaydin1998digits`; half of the dots or more make it *on* (the other sections of this chapter ask for more than
# half, so their log-likelihoods of bits are not comparable with those here); each image has one of ten labels; and ten
# labels in a row are ten counts. `slopes` differentiates in exactly the natural parameters of the table, so
# {eq}`eq-parametric-moments` can be checked at the uniform member of each family, and the zero at the fit.

# %%
inner = ink[:, ink.mean(dim=0) >= 1]  # pixels with a dot or more in an average image
width = inner.shape[1]
on = (inner >= 8).double()
on = on[:, (on.mean(dim=0) - 0.5).abs() < 0.45]
labels = digits.labels.double()
one_hot = torch.nn.functional.one_hot(digits.labels, 10).double()
tens = one_hot[:1790].reshape(-1, 10, 10).sum(dim=1)  # labels of ten images in a row
uniform = torch.full((10,), 0.1)

experiments: dict[str, tuple[Density, torch.Tensor, torch.Tensor]] = {
    "Bernoulli": (Bernoulli.fair(on.shape[1]), on, on.mean(dim=0) - 0.5),
    "categorical": (Categorical.uniform(10), labels, one_hot.mean(dim=0) - uniform),
    "Poisson": (Poisson.unit(width), inner, inner.mean(dim=0) - 1),
    "multinomial": (
        Multinomial.uniform(10, total=10), tens, tens.mean(dim=0) - 10 * uniform,
    ),
}  # fmt: skip
for start, x, data_minus_model in experiments.values():
    (slope,) = slopes(start, x).values()
    assert_close(slope, data_minus_model, rtol=0, atol=1e-6)  # the equation above
    (slope,) = slopes(start.fit(x), x).values()
    assert float(slope.abs().max()) < 1e-8
assert_close(Poisson.unit(width).fit(inner).rate, inner.mean(dim=0))
assert_close(Multinomial.uniform(10, total=10).fit(tens).p, tens.mean(dim=0) / 10)

# %% [markdown]
# Because the gradient sees the data only through the mean of $T$, two data sets with the same mean of $T$ have the same
# fit. Nothing else is kept of 1,797 images.
#
# ### What is being minimised
#
# Let $\hat p$ be the data as a distribution, $\frac1N$ on each point. The mean log-likelihood is an expectation under
# it,
#
# $$
# \frac1N\log p(D;\theta)=\mathbb E_{\hat p}[\log p_\theta(x)]=-H(\hat p)-\mathrm{KL}(\hat p\,\|\,p_\theta),
# $$ (eq-parametric-kl)
#
# with the entropy (熵) $H(\hat p)=-\sum\hat p\log\hat p$, which no model can change, and the
# {term}`Kullback-Leibler divergence` (KL 散度) $\mathrm{KL}(\hat p\,\|\,p)=\sum\hat p\log\frac{\hat p}p$: never negative,
# and 0 only for $p=\hat p$. Maximum likelihood is therefore *minimum KL from the data to the model*, in this order. A
# value that occurs and that the model holds impossible costs infinitely much. The other way round it is cheap: a share
# $\varepsilon$ of the probability, spent on what never occurs, costs $-\log(1-\varepsilon)$ nats a point. (For densities
# $\mathrm{KL}(\hat p\,\|\,p_\theta)$ is infinite, whatever $\theta$. With the true distribution $p$ in the place of $\hat p$ the equation
# holds for the expected log-likelihood, and the entropy may be negative; the fit maximises an average that comes close
# to it as $N$ grows.) For the labels, in numbers:

# %% tags=["nbval-check-output"]
counted = Categorical.uniform(10).fit(labels)
lazy = Categorical(torch.tensor([0.19] + 9 * [0.09]))
entropy = float(stats.entropy(counted.p))
for name, model in {"fitted": counted, "lazy": lazy}.items():
    divergence = float(stats.entropy(counted.p, model.p))
    likelihood = float(model.log_prob(labels).mean())
    print(f"{name:7} {likelihood:.4f} = -{entropy:.4f} - {divergence:.4f}")
    assert abs(likelihood + entropy + divergence) < 1e-12

wasteful = Categorical(torch.cat([0.9 * counted.p, torch.tensor([0.1])]))
lost = float((counted.log_prob(labels) - wasteful.log_prob(labels)).mean())
print(f"a tenth spent on an eleventh label: {lost:.4f} nats a point")
assert abs(lost + math.log(0.9)) < 1e-12

# %% [markdown]
# ## Uphill instead of solved
#
# Closed forms are rare. Most models of this book are fitted by gradients, so it is worth climbing once where the
# summit is known. Two things are needed. First, coordinates in which every step is allowed: a step may make a rate
# negative, but no logarithm of a rate is forbidden. Probabilities become logits, a covariance the lower triangle of its
# Cholesky factor (Cholesky 分解) with the logarithm of the diagonal; the maps are those of `torch.distributions`. Second,
# the loop.

# %% tags=["remove-input"]
lab.show(ascent)

# %% [markdown]
# How many steps does it take? Take a Gaussian whose covariance is known and climb in the mean only. The likelihood
# is then a quadratic, curved by $1/\lambda$ along a direction in which the variance is $\lambda$. With the variances
# between $\lambda_{\min}$ and $\lambda_{\max}$, the best fixed step leaves in each step the share
# $\frac{\kappa-1}{\kappa+1}$ of the error, where $\kappa=\lambda_{\max}/\lambda_{\min}$ is the {term}`condition number`
# (条件数) of the covariance.
#
# **Prediction:** to reduce the error to a millionth takes $\log10^{-6}/\log\frac{\kappa-1}{\kappa+1}$ steps, about
# $7\kappa$. For the wines it is hopeless: alcohol in per cent and proline in mg/l make $\kappa\approx2.6\cdot10^5$, so
# that after 1,000 of the best steps more than 99 % of the error is left. In units of their standard deviations, 35
# steps are enough.


# %%
def best_step(covariance: torch.Tensor) -> tuple[float, float]:
    """The best fixed step for the mean, and the condition number."""
    low, *_, high = torch.linalg.eigvalsh(covariance).tolist()
    return 2 / (1 / low + 1 / high), high / low


def errors(covariance: torch.Tensor, x: torch.Tensor, steps: int) -> list[float]:
    """What is left of the error in the mean, step by step."""
    lr, _ = best_step(covariance)
    known = Gaussian(torch.zeros(2), covariance)
    way = ascent(
        known,
        x,
        steps=steps,
        optimizer=partial(torch.optim.SGD, lr=lr),
        domains={"mean": constraints.real},
    )
    goal = x.mean(dim=0)
    return [float((here.mean - goal).norm() / goal.norm()) for here, _ in way]


def steps_for(kappa: float) -> float:
    return math.log(1e-6) / math.log((kappa - 1) / (kappa + 1))


standard = (wines - wines.mean(dim=0)) / wines.std(dim=0, correction=0)
raw = errors(fitted.covariance, wines, steps=1_000)
scaled = Gaussian.standard(2).fit(standard).covariance
rescaled = errors(scaled, standard + 1, steps=60)  # away from 0, the start

needed: dict[float, int] = {}
x_shifted = torch.tensor([[1.0, 1.0]])
for kappa in (2.0, 5.0, 10.0, 30.0, 100.0):
    left = errors(
        torch.diag(torch.tensor([1.0, kappa])),
        x_shifted,
        steps=int(1.1 * steps_for(kappa)) + 2,
    )
    needed[kappa] = next(k for k, error in enumerate(left) if error <= 1e-6)
    assert needed[kappa] == math.ceil(steps_for(kappa))

raw_kappa, standard_kappa = best_step(fitted.covariance)[1], best_step(scaled)[1]
arrived = next(k for k, error in enumerate(rescaled) if error <= 1e-6)
print(f"raw: condition number {raw_kappa:,.0f}, {raw[-1]:.1%} left after 1,000 steps")
print(f"standardised: condition number {standard_kappa:.1f}, {arrived} steps")
assert 2e5 < raw_kappa < 3e5 and raw[-1] > 0.99
assert arrived == math.ceil(steps_for(standard_kappa)) == 32

# %% mystnb={"figure": {"caption": "Gradient ascent on the mean of a Gaussian with known covariance. Left: the wines in two sets of units. Right: steps until a millionth of the error is left, and the formula.", "name": "fig-parametric-steps"}, "image": {"alt": "Left: error against steps on a logarithmic axis; in raw units a line that stays at 1, in standardised units a straight fall to below a millionth within 35 steps. Right: steps against condition number on logarithmic axes; measured points lie on the line of the formula."}} tags=["hide-input"]
figure, (ax_errors, ax_steps) = plt.subplots(1, 2, figsize=(7.2, 2.6))
ax_errors.semilogy(raw[:61], "--", color=plots.PALETTE["ink"], label="% and mg/l")
ax_errors.semilogy(rescaled, color=plots.PALETTE["ink"], label="standard deviations")
ax_errors.set(xlabel="step", ylabel="error that is left", ylim=(1e-8, 3))
ax_errors.legend(loc="lower left")
kappas = torch.logspace(0.2, 2.1, 50).tolist()
ax_steps.loglog(
    kappas,
    [steps_for(k) for k in kappas],
    color=plots.PALETTE["muted"],
    label="formula",
)
ax_steps.loglog(
    list(needed),
    list(needed.values()),
    "o",
    color=plots.PALETTE["ink"],
    label="measured",
)
ax_steps.set(xlabel=r"condition number $\kappa$", ylabel="steps")
ax_steps.legend()
plt.show()

# %% [markdown]
# The measured steps are the formula's, rounded up; the wines need 32 ({numref}`fig-parametric-steps`). The closed form
# does not know the difference: it is *equivariant*. Fitted to $Ax+b$ it gives $A\mu+b$ and $A\Sigma A^\top$, in any
# units, up to rounding. Gradient ascent is not, which is why one standardises its data.
#
# With all parameters free, and step sizes that suit each family, ascent arrives, to a millionth of a nat, where the
# closed form is:

# %%
a, b = torch.tensor([[3.0, 0.01], [-2.0, 0.5]]), torch.ones(2)
moved = Gaussian.standard(2).fit(wines @ a.T + b)
assert_close(moved.mean, a @ fitted.mean + b)
assert_close(moved.covariance, a @ fitted.covariance @ a.T)

climbs: dict[str, tuple[Density, torch.Tensor, float]] = {
    "Gaussian (wines, standardised)": (Gaussian.standard(2), standard, 0.3),
    "Bernoulli (pixels on)": (Bernoulli.fair(on.shape[1]), on, 4.0),
    "categorical (labels)": (Categorical.uniform(10), labels, 8.0),
    "Poisson (dark dots)": (Poisson.unit(width), inner, 0.1),
    "multinomial (ten labels)": (Multinomial.uniform(10, total=10), tens, 0.8),
}
for name, (start, x, lr) in climbs.items():
    summit = start.fit(x).log_prob(x).mean()
    optimizer = partial(torch.optim.SGD, lr=lr)
    way = ascent(start, x, steps=500, optimizer=optimizer)
    below = (float(summit) - height for _, height in way)
    arrived = next(step for step, gap in enumerate(below) if gap < 1e-6)
    print(f"{name:31} {arrived:3} steps to {summit:.4f} nats")

# %% [markdown]
# ## What more data buy
#
# If the family is right, how fast does the estimate approach the truth? The theory {cite}`fisher1922foundations` says:
# near the maximum the log-likelihood is a parabola whose curvature is $N$ times the {term}`Fisher information` (费希尔信息)
# $I(\theta)=-\mathbb E[\nabla^2\log p(x;\theta)]$, and
#
# $$
# \sqrt N\,(\theta^{\mathrm{ML}}-\theta)\;\to\;\mathcal N\bigl(0,I(\theta)^{-1}\bigr).
# $$ (eq-parametric-normality)
#
# **Predictions**, for samples of a known Gaussian in two dimensions: the error falls like $N^{-1/2}$. And because
# $\mathrm{KL}(p_\theta\|p_{\theta'})\approx\frac12(\theta'-\theta)^\top I\,(\theta'-\theta)$, which by
# {eq}`eq-parametric-normality` has the mean $\frac k{2N}$ for $k$ parameters, the divergence from the truth is
# $\frac5{2N}$ nats: half a nat, divided by $N$, for each parameter, two of the mean and three of the covariance.

# %%
truth = Gaussian.standard(2).fit(standard)
sizes = [30, 100, 300, 1_000, 3_000, 10_000]
seeds = lab.scale(quick=200, full=1_000)
error = torch.zeros(seeds, len(sizes))
divergences = torch.zeros(seeds, len(sizes))
target = MultivariateNormal(truth.mean, truth.covariance)
for seed in range(seeds):
    sample = truth.sample((sizes[-1],), rng=training.rng(seed))
    for i, size in enumerate(sizes):
        found = truth.fit(sample[:size])
        difference = torch.cat(
            [found.mean - truth.mean, (found.covariance - truth.covariance).flatten()]
        )
        error[seed, i] = difference.square().sum()
        divergences[seed, i] = kl_divergence(
            target, MultivariateNormal(found.mean, found.covariance)
        )

groups = (
    error.reshape(20, -1, len(sizes)).mean(dim=1).sqrt().log()
)  # 20 groups of seeds
log_sizes = torch.tensor(sizes).log()
centred = log_sizes - log_sizes.mean()
each_slope = groups @ centred / (centred @ centred)
exponent, its_error = float(each_slope.mean()), float(each_slope.std()) / 20**0.5
per_size = divergences * torch.tensor(sizes)
constant, constant_error = per_size.mean(dim=0), per_size.std(dim=0) / seeds**0.5
print(f"error falls like N^({exponent:.3f} ± {its_error:.3f}), {seeds} seeds")
print(f"N KL at N = 10,000: {constant[-1]:.2f} ± {constant_error[-1]:.2f}")
assert abs(exponent + 0.5) < 4 * its_error < 0.05
assert abs(float(constant[-1]) - 2.5) < 4 * float(constant_error[-1]) < 0.6
assert constant[0] > 2.5 + 2 * constant_error[0]

# %% mystnb={"figure": {"caption": "More data. Left: the error of mean and covariance. Middle: the divergence from the truth, times $N$; bars are two standard errors. Right: E-30, the average of the estimated variance when the true one is 1.", "name": "fig-parametric-more"}, "image": {"alt": "Three panels. The error falls along a straight line of slope minus one half on logarithmic axes. N times the divergence lies close to 2.5 from 100 points on, and at about 3.1 for 30. The average estimated variance rises with N along the curve (N-1)/N from one half at N = 2."}} tags=["hide-input"]
figure, (ax_error, ax_constant, ax_bias) = plt.subplots(1, 3, figsize=(7.4, 2.5))
rms = error.mean(dim=0).sqrt()
ax_error.loglog(sizes, rms, "o", color=plots.PALETTE["ink"], markersize=4)
line = rms[2] * (torch.tensor(sizes) / sizes[2]) ** -0.5
ax_error.loglog(sizes, line, color=plots.PALETTE["muted"])
ax_error.set(xlabel="$N$", title="error", yticks=[0.03, 0.1, 0.3])
ax_error.set_yticklabels(["0.03", "0.1", "0.3"])
ax_error.minorticks_off()
ax_constant.axhline(2.5, color=plots.PALETTE["muted"])
ax_constant.errorbar(
    sizes,
    constant,
    2 * constant_error,
    fmt="o",
    color=plots.PALETTE["ink"],
    markersize=4,
)
ax_constant.set(xscale="log", xlabel="$N$", title=r"$N\,\mathrm{KL}$", ylim=(1.5, 3.5))
few = torch.arange(2, 21)
table = torch.randn(20_000, 20, generator=training.rng(5))
biased = torch.stack(
    [table[:, :n].var(dim=1, correction=0).mean() for n in few.tolist()]
)
ax_bias.plot(few, (few - 1) / few, color=plots.PALETTE["muted"])
ax_bias.plot(few, biased, "o", color=plots.PALETTE["ink"], markersize=3)
ax_bias.set(xlabel="$N$", title=r"mean of $\sigma^2_{\mathrm{ML}}$", ylim=(0.4, 1.05))
assert float((biased - (few - 1) / few).abs().max()) < 0.03
plt.show()

# %% [markdown]
# Both come out as predicted ({numref}`fig-parametric-more`); at $N=30$ the parabola is still a rough picture, and the
# divergence is larger. An estimator whose error goes to 0 is called *consistent* (相合); the bias of E-30 goes with it.
#
# ## Where it breaks
#
# ### No maximum
#
# With $N\le d$ points in $d$ dimensions there is a hyperplane through all of them. A Gaussian that becomes flat on it
# has a density without bound, so the likelihood has no maximum, and there is nothing to return. Real data get there
# sooner: in the digits three pixels are never inked, so all 1,797 points lie in a subspace of at most 61 of the 64
# dimensions.


# %%
def refused(call) -> str:
    """The first sentence with which a call refuses its arguments."""
    try:
        call()
    except ValueError as error:
        return str(error).split(". ")[0]
    raise AssertionError("it was accepted")


assert int((ink.amax(dim=0) == 0).sum()) == 3
print("two wines:", refused(lambda: Gaussian.standard(2).fit(wines[:2])))
print("all digits:", refused(lambda: Gaussian.standard(64).fit(ink)))

squeezed = [
    Normal(twelve[0], torch.tensor(10.0**-k)).log_prob(twelve[:1]).item()
    for k in (1, 10, 100)
]
assert_close(torch.tensor(squeezed).diff(), torch.tensor([9.0, 90.0]) * math.log(10))
flat = Gaussian.standard(64, floor=0.1).fit(ink)
print(f"with floor=0.1: {float(flat.log_prob(ink).mean()):.1f} nats a digit")

# %% [markdown]
# One point is the plainest case: with $\mu=x$ the log-likelihood is $-\log\sigma$ and a constant, and every factor of
# ten in $\sigma$ adds $\log10$ nats. The package refuses such data; `floor` adds a small number to the diagonal of the
# covariance, which is then no maximum likelihood estimate any more. How small is a choice: it enters the log-density of
# every pixel that never changes. Mixtures meet the same cliff whenever a part shrinks onto a single point
# ({ref}`sec-mixtures`).
#
# ### What was not seen
#
# Fitted to frequencies, a value that did not occur has probability 0, and a single image with such a pixel has the
# log-likelihood $-\infty$. A {term}`pseudo-count` (伪计数) $a$ pretends that each value has been seen $a$ times more; it
# is the mean of $p$ given the data if the prior is a beta or a Dirichlet distribution with all parameters equal to $a$.
# Laplace's rule is $a=1$, Krichevsky and Trofimov's $a=\frac12$ {cite}`krichevsky1981performance`.
#
# **Prediction**, made before the first run: on held-out digits the best pseudo-count lies between 0.1 and 1.

# %%
pixels = (ink >= 8).double()
assert int((pixels.mean(dim=0) < 0.02).sum()) == 18
amounts = [0.003, 0.01, 0.03, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0]
held_out: dict[int, torch.Tensor] = {}
for train in (20, 100):
    rows, impossible = [], []
    for seed in range(5):
        order = torch.randperm(len(pixels), generator=training.rng(seed))
        seen, unseen = pixels[order[:train]], pixels[order[train:]]
        counts_alone = Bernoulli.fair(64).fit(seen).log_prob(unseen)
        impossible.append(float(counts_alone.isinf().double().mean()))
        rows.append(
            [
                float(Bernoulli.fair(64, pseudo=a).fit(seen).log_prob(unseen).mean())
                for a in amounts
            ]
        )
    held_out[train] = torch.tensor(rows)
    winners = [amounts[k] for k in held_out[train].argmax(dim=1).tolist()]
    usual = held_out[train][:, amounts.index(0.1) : amounts.index(1.0) + 1]
    price = held_out[train].amax(dim=1) - usual.amin(dim=1)
    print(
        f"{train:3} images: {min(impossible):.1%} to {max(impossible):.1%} of the rest "
        f"impossible without pseudo-counts; best {winners}; "
        f"from 0.1 to 1 at most {float(price.max()):.2f} nats less"
    )
    assert min(impossible) > 0 and price.max() < 1
    assert min(winners) > amounts[0] and max(winners) <= 0.5
    assert sum(0.1 <= winner <= 1 for winner in winners) >= 4
assert max(winners) < 0.5  # with 100 images

# %% mystnb={"figure": {"caption": "Held-out log-likelihood of binary digits against the pseudo-count, five random splits each. At $a=0$ it is minus infinity in every split. The vertical lines mark Krichevsky and Trofimov's \u00bd and Laplace's 1.", "name": "fig-parametric-pseudo"}, "image": {"alt": "Held-out log-likelihood per image against the pseudo-count on a logarithmic axis: five curves for 20 training images and five for 100 above them; they are highest for pseudo-counts of one half or less and fall steeply above 1."}} tags=["hide-input"]
figure, ax = plt.subplots(figsize=(6, 2.6))
for train, style in ((20, "--"), (100, "-")):
    for k, row in enumerate(held_out[train]):
        ax.semilogx(
            amounts, row, style, color=plots.PALETTE["real"], linewidth=1,
            label=f"{train} training images" if k == 0 else None,
        )  # fmt: skip
for amount, text in ((0.5, "½"), (1.0, "1")):
    ax.axvline(amount, color=plots.PALETTE["muted"], linewidth=0.8)
    ax.text(amount * 1.05, -34.6, text, color=plots.PALETTE["muted"])
ax.set(xlabel="pseudo-count $a$", ylabel="nats an image", ylim=(-35, -24.5))
ax.legend(loc="lower left")
plt.show()

# %% [markdown]
# The prediction holds in nine of ten splits; in one, with 100 images, 0.03 is best ({numref}`fig-parametric-pseudo`).
# Laplace's 1 is best in none, $\frac12$ in two, both with 20 images; the others want less. The top is flat: the choice
# between 0.1 and 1 decides about less than a nat an image. One reason for an $a$ below 1 is in the data: 18 of the 64
# pixels are on in fewer than 2 % of the images, and a beta distribution with $a<1$ puts more of its mass near 0 and 1.
# The choice of 0 costs everything.
#
# ### One wrong entry
#
# A point far out costs a normal the square of its distance, so maximum likelihood bends the model towards it. Suppose
# that in one wine of 178, the one with most proline, a zero too many was typed.

# %% tags=["nbval-check-output"]
proline = wines[:, 1]
typed = proline.clone()
typed[proline.argmax()] *= 10
clean, bent = (Normal.standard().fit(x) for x in (proline, typed))
print(
    f"mean {clean.mean:.0f} -> {bent.mean:.0f}, std {clean.std:.0f} -> {bent.std:.0f}"
)
print(f"median {proline.median():.0f} -> {typed.median():.0f}")
assert bent.std > 3 * clean.std and typed.median() == proline.median()
distances = (typed[:, None] - typed).abs().sum(dim=0)
assert distances.min() == (typed - typed.median()).abs().sum()

# %% [markdown]
# One entry makes the standard deviation more than three times as large. The median does not move at all; it too is a
# maximum likelihood estimate, of the family $e^{-|x-m|/b}/2b$, whose tails are heavier: no entry has a smaller total
# distance from the others. What counts as an outlier is decided by the family.
#
# ### The wrong family
#
# Are dark dots in a cell Poisson counts? A Poisson distribution has one number, which is both its mean and its
# variance; the data of a pixel have a mean and a variance. A look at the data shows that in the median pixel the
# variance is more than four times the mean; they are *overdispersed* (过度离散).
#
# **Prediction**, made after that look: at the fit the mean count is right all the same, by
# {eq}`eq-parametric-moments`; and a categorical distribution with a probability for each of the 17 counts is better on
# held-out images by more than a nat a pixel.

# %%
gains, ratios = [], []
for seed in range(5):
    order = torch.randperm(len(inner), generator=training.rng(seed))
    seen, unseen = inner[order[:900]], inner[order[900:]]
    rates, tables = (
        Poisson.unit(width).fit(seen),
        Categorical.uniform(17, width, pseudo=0.5).fit(seen),
    )
    assert_close(rates.rate, seen.mean(dim=0))
    ratios.append(float((seen.var(dim=0) / rates.rate).median()))
    gain = tables.log_prob(unseen).mean() - rates.log_prob(unseen).mean()
    gains.append(float(gain) / width)
print(f"variance over mean {min(ratios):.1f} to {max(ratios):.1f} (median pixel)")
print(f"the table is better by {min(gains):.2f} to {max(gains):.2f} nats a pixel")
assert min(ratios) > 4 and min(gains) > 1

# %% mystnb={"figure": {"caption": "One pixel of the digits (row 4, column 4): how many images have how many dark dots, and the best Poisson distribution.", "name": "fig-parametric-dots"}, "image": {"alt": "Bars of frequency against the number of dark dots from 0 to 16: the data have tall bars at 0 and at 16 and low ones between; the Poisson probabilities form a single bump around 9."}} tags=["hide-input"]
pixel = ink.reshape(-1, 8, 8)[:, 3, 3]
dots = torch.arange(23.0)
frequency = torch.bincount(pixel.long(), minlength=23) / len(pixel)
poisson = Poisson.unit().fit(pixel)
ends = torch.tensor([0.0, 16.0])
assert frequency[ends.long()].sum() > 0.33 and poisson.log_prob(ends).exp().sum() < 0.02
figure, ax = plt.subplots(figsize=(6, 2.4))
ax.bar(dots - 0.2, frequency, 0.4, color=plots.PALETTE["real"], label="digits")
ax.bar(
    dots + 0.2,
    poisson.log_prob(dots).exp(),
    0.4,
    color=plots.PALETTE["fake"],
    label="Poisson fit",
)
ax.set(xlabel="dark dots", ylabel="probability")
ax.legend()
plt.show()

# %% [markdown]
# Both come true, and {numref}`fig-parametric-dots` shows how: the fit puts its bump where the mean is. A third of
# the images have 0 or 16 dots there, to which it gives less than 2 % together. Yet no other Poisson distribution is
# closer to the data in the sense of {eq}`eq-parametric-kl`. Under a wrong family, standard errors taken from the curvature are
# wrong as well {cite}`white1982misspecified`. For the standard deviation of alcohol, the normal family promises
# $1/\sqrt{2N}$ for the error of $\log\sigma$; the bootstrap, which fits the same family to resampled data, measures it
# without believing in the family. A resample is a set of weights: how often each wine was drawn.

# %%
resampled = []
for seed in range(400):
    chosen = torch.randint(len(alcohol), (len(alcohol),), generator=training.rng(seed))
    weights = torch.bincount(chosen, minlength=len(alcohol)).double()
    again = Normal.standard().fit(alcohol, weights=weights)
    resampled.append([float(again.mean), float(again.std.log())])
spread = torch.tensor(resampled).std(dim=0)
normal = Normal.standard().fit(alcohol)
promised = torch.stack([normal.std / 178**0.5, torch.tensor(1 / 356**0.5)])
print(f"mean: promised {promised[0]:.4f}, bootstrap {spread[0]:.4f}")
print(f"log of the std: promised {promised[1]:.4f}, bootstrap {spread[1]:.4f}")
assert abs(float(spread[0] / promised[0]) - 1) < 0.15
assert float(spread[1] / promised[1]) < 0.8
kurtosis = float(stats.kurtosis(alcohol, fisher=False))
first_order = ((kurtosis - 1) / (4 * 178)) ** 0.5
print(f"kurtosis {kurtosis:.2f}, first order {first_order:.4f}")
assert abs(float(spread[1]) / first_order - 1) < 0.15 and kurtosis < 2.2

# %% [markdown]
# The mean's error is as promised, that of the standard deviation more than a fifth smaller. To first order it is
# $\sqrt{(k-1)/4N}$ with the kurtosis (峰度) $k$, the mean fourth power of standardised data: 3 for a normal, which gives
# $1/\sqrt{2N}$, and 2.1 for alcohol. For data with $k>3$ the normal family promises too small an error.
#
# Finally, a product over points assumes that they are independent. The first thirty labels of the digits are 0, 1, 2,
# ..., 9, three times in a row. Three tens in which each label occurs once have, under independent labels of any one
# distribution, a probability below one in ten billion. The data were collected in an order. Shuffling, as was done
# above, removes the order, not the dependence.

# %% tags=["nbval-check-output"]
assert digits.labels[:30].tolist() == 3 * list(range(10))
three = Multinomial.uniform(10, total=10).log_prob(tens[:3]).sum().exp()
print(f"probability of each label once in three tens: {three:.1e}")
assert three < 1e-10

# %% [markdown]
# ## Exercises
#
# Each exercise asks for one function. The check below it runs on your machine; a course grades the same function on
# further cases. Use `torch`, keep the signature, return a result instead of printing it, and do not change an argument
# in place.

# %% [markdown]
# :::{exercise} Two fits made one
# :label: ex-parametric-merge
# Two laboratories fitted a Gaussian by maximum likelihood, one to $n$ points and one to $m$ other points in
# $\mathbb R^d$, and sent you their means and covariances, but no data. Write
# `merged(n, mean, covariance, m, other_mean, other_covariance)`, which returns the maximum likelihood fit to all $n+m$
# points as one tensor of shape $(d+1,d)$: the mean in the first row, the covariance in the others.
# :::

# %% [markdown]
# :::{solution-start} ex-parametric-merge
# :label: sol-parametric-merge
# :class: dropdown
# :::


# %% tags=["solution"]
def merged(n, mean, covariance, m, other_mean, other_covariance):
    """The Gaussian fit to the union of two data sets, from the fit to each.

    n, m: numbers of points; mean, other_mean: shape (d,); covariance, other_covariance: shape (d, d).
    Returns a tensor of shape (d + 1, d).
    """
    ### BEGIN SOLUTION
    # Each group's points spread about their own mean, and the two means spread about the common one.
    share = n / (n + m)
    gap = mean - other_mean
    centre = share * mean + (1 - share) * other_mean
    within = share * covariance + (1 - share) * other_covariance
    between = share * (1 - share) * torch.outer(gap, gap)
    return torch.cat([centre[None], within + between])
    ### END SOLUTION


# %% [markdown]
# :::{solution-end}
# :::

# %% tags=["test"]
# check: ex-parametric-merge points=1
corner = torch.tensor(
    [[0.0, 0.0], [2.0, 0.0], [1.0, 3.0], [5.0, 5.0]], dtype=torch.float64
)
halves = [
    (len(p), p.mean(0), torch.cov(p.T, correction=0)) for p in corner.split([3, 1])
]
union = torch.cat([corner.mean(0)[None], torch.cov(corner.T, correction=0)])
assert torch.allclose(merged(*halves[0], *halves[1]), union)
assert torch.allclose(merged(*halves[1], *halves[0]), union)


# %% tags=["hidden-test", "remove-cell"]
# hidden: ex-parametric-merge function=merged points=3 tolerance=1e-6
def cases_merged(rng):
    """Two sizes, two means, two covariances: random ones, single points, distant groups, and groups with one mean."""

    def vector(d, width):
        return [rng.gauss(0.0, width) for _ in range(d)]

    def covariance(d, width):
        rows = [vector(d, width) for _ in range(d + 1)]
        return [
            [sum(r[i] * r[j] for r in rows) / (d + 1) for j in range(d)]
            for i in range(d)
        ]

    def case(n, m, d, apart):
        return (
            n,
            vector(d, apart),
            covariance(d, 1.0),
            m,
            vector(d, apart),
            covariance(d, 2.0),
        )

    shapes = [(2, 5, 1), (3, 3, 2), (7, 2, 2), (10, 40, 3), (100, 3, 2), (5, 9, 4)]
    random = [case(n, m, d, 1.5) for n, m, d in shapes]
    far = [case(6, 4, 2, 30.0), case(4, 12, 3, 100.0)]
    alone = (
        1,
        vector(2, 2.0),
        [[0.0, 0.0], [0.0, 0.0]],
        8,
        vector(2, 2.0),
        covariance(2, 1.0),
    )
    pair = (
        1,
        vector(2, 3.0),
        [[0.0, 0.0], [0.0, 0.0]],
        1,
        vector(2, 3.0),
        [[0.0, 0.0], [0.0, 0.0]],
    )
    centre = vector(3, 1.0)
    same = (4, centre, covariance(3, 1.0), 11, list(centre), covariance(3, 2.0))
    even = case(8, 8, 2, 2.0)
    return [*random, *far, alone, pair, same, even]


# %% [markdown]
# :::{exercise} A rate and its error
# :label: ex-parametric-rate
# A counter was watched $N$ times, for $t_1,\dots,t_N$ hours, and counted $x_1,\dots,x_N$ events. Model: $x_n$ is
# Poisson with mean $\lambda t_n$, independently. Write `rate(counts, times)`, which returns a tensor of two numbers:
# the maximum likelihood estimate of $\lambda$, and its standard error $I(\lambda)^{-1/2}$, where $I$ is the Fisher
# information of all $N$ observations together, at the estimate. If nothing was counted, both are 0.
# :::

# %% [markdown]
# :::{solution-start} ex-parametric-rate
# :label: sol-parametric-rate
# :class: dropdown
# :::


# %% tags=["solution"]
def rate(counts, times):
    """Events per hour and the standard error of that number.

    counts, times: shape (n,), times above 0. Returns a tensor of shape (2,).
    """
    ### BEGIN SOLUTION
    # The derivative of sum(x log(rate t) - rate t) is sum(x) / rate - sum(t); minus its own derivative is sum(x) / rate^2,
    # which has the expectation sum(t) / rate.
    events, hours = counts.sum(), times.sum()
    estimate = events / hours
    return torch.stack([estimate, (estimate / hours).sqrt()])
    ### END SOLUTION


# %% [markdown]
# :::{solution-end}
# :::

# %% tags=["test"]
# check: ex-parametric-rate points=1
hours = torch.tensor([1.0, 3.0], dtype=torch.float64)
seen_events = torch.tensor([10.0, 6.0], dtype=torch.float64)
assert torch.allclose(
    rate(seen_events, hours), torch.tensor([4.0, 1.0], dtype=torch.float64)
)
assert torch.equal(rate(0 * hours, hours), torch.zeros(2, dtype=torch.float64))


# %% tags=["hidden-test", "remove-cell"]
# hidden: ex-parametric-rate function=rate points=3 tolerance=1e-6
def cases_rate(rng):
    """Counts and times: unequal times, a single watch, no event at all, many events."""

    def case(n, high, longest):
        times = [rng.uniform(0.2, longest) for _ in range(n)]
        return ([float(rng.randint(1, high)) for _ in range(n)], times)

    random = [
        case(n, high, longest)
        for n in (2, 3, 5, 12)
        for high, longest in ((6, 9.0), (300, 4.0))
    ]
    single = case(1, 20, 5.0)
    nothing = ([0.0] * 4, [rng.uniform(0.5, 3.0) for _ in range(4)])
    one_event = ([0.0, 0.0, 1.0], [rng.uniform(0.5, 3.0) for _ in range(3)])
    equal_times = ([float(rng.randint(0, 9)) for _ in range(5)] + [3.0], [2.5] * 6)
    return [*random, single, nothing, one_event, equal_times]


# %% [markdown]
# :::{exercise} Uphill in free coordinates
# :label: ex-parametric-uphill
# A normal distribution in one dimension has the coordinates $\mu$ and $s=\log\sigma$. Write `uphill(x, mean, log_std)`,
# which returns the gradient of the log-likelihood of all the data (the sum, not the mean) in these two coordinates, as
# a tensor of two numbers.
# :::

# %% [markdown]
# :::{solution-start} ex-parametric-uphill
# :label: sol-parametric-uphill
# :class: dropdown
# :::


# %% tags=["solution"]
def uphill(x, mean, log_std):
    """Gradient of the log-likelihood in the mean and in the logarithm of the standard deviation.

    x: shape (n,); mean, log_std: numbers. Returns a tensor of shape (2,).
    """
    ### BEGIN SOLUTION
    # log p = -z^2 / 2 - log_std + constant with z = (x - mean) exp(-log_std).
    z = (x - mean) * math.exp(-log_std)
    return torch.stack([z.sum() * math.exp(-log_std), (z.square() - 1).sum()])
    ### END SOLUTION


# %% [markdown]
# :::{solution-end}
# :::

# %% tags=["test"]
# check: ex-parametric-uphill points=1
around = torch.tensor([-1.0, 1.0, 3.0], dtype=torch.float64)
at_rest = uphill(around, 0.0, 0.0)
assert torch.allclose(at_rest, torch.tensor([3.0, 8.0], dtype=torch.float64))
top_of_hill = uphill(around, 1.0, 0.5 * math.log(8 / 3))
assert torch.allclose(top_of_hill, torch.zeros(2, dtype=torch.float64), atol=1e-6)


# %% tags=["hidden-test", "remove-cell"]
# hidden: ex-parametric-uphill function=uphill points=3 tolerance=1e-6
def cases_uphill(rng):
    """Data, a mean and a log standard deviation: narrow and wide normals, one point, far means."""

    def data_points(n, centre, width):
        return [rng.gauss(centre, width) for _ in range(n)]

    random = [
        (data_points(n, 1.0, 2.0), rng.uniform(-2.0, 2.0), rng.uniform(-1.5, 1.5))
        for n in (2, 3, 5, 8, 13, 30)
    ]
    narrow = (data_points(6, 0.0, 0.1), 0.02, -3.0)
    wide = (data_points(6, 0.0, 50.0), 10.0, 4.0)
    one_point = (data_points(1, 3.0, 1.0), 2.0, 0.7)
    far_mean = (data_points(7, 0.0, 1.0), 100.0, 1.0)
    on_the_mean = ([2.0, 2.0, 2.0], 2.0, -0.5)
    standard_normal = (data_points(10, 0.5, 1.3), 0.0, 0.0)
    return [*random, narrow, wide, one_point, far_mean, on_the_mean, standard_normal]


# %% [markdown]
# ## What to remember
#
# - Maximum likelihood picks the member of a family that is closest to the data in $\mathrm{KL}(\hat p\,\|\,p_\theta)$
#   (for densities: in the limit of many data, closest to the truth); in an exponential family it is the one whose
#   expected statistics are those of the data.
# - Closed form and gradient ascent meet; ascent pays for the condition number of the data's units, the closed form does
#   not.
# - Each parameter costs about half a nat divided by $N$, if the family is right. The estimate has no say in whether it
#   is: look at what was never seen, at outliers, and at the variance.
#
# **Further reading.** The idea, its name and its information: {cite}`fisher1922foundations`. Exponential families and
# their geometry: {cite}`wainwright2008graphical`. Standard errors under a wrong family: {cite}`white1982misspecified`.
# The textbook's section 9.2: {cite}`qiu2020nndl`.
