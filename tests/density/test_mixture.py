"""Mixtures and EM: the lower bound, scikit-learn's numbers, and what happens to parts in trouble."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator

import jaxtyping
import pytest
import torch
from density.test_gaussian import FloorOnThePrecision, NotCentred, OldMean, SharesSquared, Unbiased
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture
from torch import Tensor
from torch.testing import assert_close

from benchmarks import mixtures
from genmodels.density import Bernoulli, Density, Gaussian, Mixture, Normal, Poisson, em
from genmodels.training import rng
from mutants import mutants, refusal, rejects

HALF = torch.tensor([0.5, 0.5])
Y = torch.arange(300) % 3


def three(n: int = 300, *, seed: int = 0, parts: type[Gaussian] = Gaussian) -> tuple[Tensor, Mixture]:
    """Points of three overlapping clusters, and a start."""
    stream = rng(seed)
    centres = torch.tensor([[0.0, 0.0], [3.0, 1.0], [-1.0, 4.0]], dtype=torch.float64)
    x = centres[torch.randint(3, (n,), generator=stream)]
    x = x + torch.randn(n, 2, generator=stream, dtype=torch.float64) @ torch.tensor([[1.0, 0.5], [0.0, 0.7]]).double()
    eye = torch.eye(2, dtype=torch.float64)
    weights = torch.tensor([0.2, 0.3, 0.5], dtype=torch.float64)
    return x, Mixture(weights, tuple(parts(x[k], 2 * eye, floor=1e-2) for k in range(3)))


# --- Bayes' rule and the lower bound ---------------------------------------------------------------------------------


def check_e_step(mixture: Mixture, x: Tensor) -> None:
    """By enumeration, in probabilities: p(x, z), its sum, and Bayes' rule."""
    joint = torch.stack(
        [w * part.log_prob(x).exp() for w, part in zip(mixture.weights, mixture.parts, strict=True)], dim=1
    )
    assert_close(mixture.log_prob(x), joint.sum(dim=1).log())
    assert_close(mixture.responsibilities(x), joint / joint.sum(dim=1, keepdim=True))


def bound(mixture: Mixture, x: Tensor, q: Tensor) -> float:
    return float((q * (mixture.joint(x) - q.log())).sum(dim=1).mean())


def check_em(mixture: type[Mixture]) -> None:
    """After an E-step the bound is the likelihood; an M-step raises the bound, and with it the likelihood."""
    x, start = three()
    now = mixture(start.weights, start.parts)
    check_e_step(now, x)
    for _ in range(10):
        q, before = now.responsibilities(x), float(now.log_prob(x).mean())
        assert abs(bound(now, x, q) - before) < 1e-12
        assert bound(now, x, (q + 0.1) / 1.3) < before  # any other guess lies below
        later = now.maximised(x, q)
        assert bound(later, x, q) >= before - 1e-9
        assert float(later.log_prob(x).mean()) >= bound(later, x, q)
        assert_close(later.weights, q.mean(dim=0))
        now = later


class WeightsLeftOut(Mixture):
    """The joint without the prior of z (scikit-learn, pull request 6666)."""

    def _joint(self, x: Tensor) -> Tensor:
        return super()._joint(x) - self.weights.log()


class Unnormalised(Mixture):
    """The joint where the responsibilities belong."""

    def responsibilities(self, x: Tensor) -> Tensor:
        return self.joint(x).exp()


class WrongAxis(Mixture):
    """Normalised over the points (torch's issue trackers are full of it: pytorch-tvmisc, issue 9)."""

    def responsibilities(self, x: Tensor) -> Tensor:
        return self.joint(x).softmax(dim=0)


class SumOfLogs(Mixture):
    """The logarithm of a sum taken for the sum of the logarithms."""

    def _log_prob(self, x: Tensor) -> Tensor:
        return (self.weights * (self._joint(x) - self.weights.log())).sum(dim=1)


class HardGuesses(Mixture):
    """Each point given to its likeliest part, as k-means does."""

    def responsibilities(self, x: Tensor) -> Tensor:
        return torch.nn.functional.one_hot(self.joint(x).argmax(dim=1), len(self.parts)).to(x)


class WeightsForgotten(Mixture):
    """An M-step that leaves the mixing weights where they were."""

    def _maximised(self, x: Tensor, shares: Tensor) -> Mixture:
        return type(self)(self.weights, super()._maximised(x, shares).parts)


def test_em_touches_and_climbs() -> None:
    check_em(Mixture)


@mutants(
    {
        "weights left out": WeightsLeftOut,
        "unnormalised": Unnormalised,
        "wrong axis": WrongAxis,
        "sum of logs": SumOfLogs,
        "hard guesses": HardGuesses,
        "weights forgotten": WeightsForgotten,
    }
)
def test_em_touches_and_climbs_rejects(mutant: type[Mixture]) -> None:
    rejects(check_em, mutant)


BITS = (torch.rand(200, 6, generator=rng(3)) < 0.4).float()
COUNTS = torch.poisson(torch.tensor([2.0, 9.0]).repeat(100), generator=rng(4))
FAMILIES: dict[str, tuple[Tensor, tuple[Density, ...]]] = {
    "gaussians": (three()[0], tuple(Gaussian(part.mean, part.covariance) for part in three()[1].parts)),
    "normals": (three()[0], (Normal.standard(2), Normal(torch.ones(2), torch.ones(2)))),
    "bits": (BITS, tuple(Bernoulli(torch.rand(6, generator=rng(seed)) * 0.8 + 0.1, 0.0) for seed in range(3))),
    "counts": (COUNTS, (Poisson(torch.tensor(1.0)), Poisson(torch.tensor(4.0)))),
}


@pytest.mark.parametrize("name", list(FAMILIES))
def test_the_likelihood_never_falls(name: str) -> None:
    x, parts = FAMILIES[name]
    x = x.double()
    start = Mixture(torch.full((len(parts),), 1 / len(parts)), parts)
    for weights in (None, torch.rand(len(x), generator=rng(1)).double()):
        climb = torch.tensor([now for _, now in em(start, x, weights=weights, steps=50)], dtype=torch.float64)
        assert climb.diff().min() > -1e-9 and climb[-1] > climb[0]


def test_a_floor_may_lower_it() -> None:
    """The M-step is then no maximum of the bound: from the end of EM without a floor, a step down."""
    x, start = three()
    bare = Mixture(start.weights, tuple(Gaussian(p.mean, p.covariance) for p in start.parts)).fit(x)
    floored = Mixture(bare.weights, tuple(Gaussian(p.mean, p.covariance, floor=0.1) for p in bare.parts))
    (_, before), (_, after) = em(floored, x, steps=1, tolerance=-torch.inf)
    assert after < before - 1e-4


def test_no_step_is_no_fit() -> None:
    """No M-step after the last likelihood: on five equal points it would fail."""
    two = Mixture(torch.tensor([0.5, 0.5]), (Gaussian.standard(2), Gaussian(torch.ones(2), torch.eye(2))))
    assert len(list(em(two, torch.ones(5, 2), steps=0))) == 1
    assert "singular" in refusal(ValueError, lambda: list(em(two, torch.ones(5, 2), steps=1)))


def test_the_end_is_a_stationary_point() -> None:
    """Automatic differentiation of the likelihood itself, which EM never computes."""
    x, start = three()
    last = Mixture(start.weights, tuple(Gaussian(p.mean, p.covariance) for p in start.parts), tolerance=1e-14).fit(x)
    means = torch.stack([part.mean for part in last.parts]).requires_grad_()
    logits = last.weights.log().requires_grad_()
    moved = Mixture(
        logits.softmax(0),
        tuple(Gaussian(m, p.covariance) for m, p in zip(means, last.parts, strict=True)),
    )
    for gradient in torch.autograd.grad(moved.log_prob(x).mean(), (means, logits)):
        assert gradient.abs().max() < 1e-5


# --- the same algorithm, the same numbers ----------------------------------------------------------------------------


def check_peer(parts: type[Gaussian]) -> None:
    """After 20 steps from the same start: likelihood, weights, means and covariances are scikit-learn's."""
    x, start = three(parts=parts)
    peer = GaussianMixture(
        3,
        tol=0.0,
        max_iter=20,
        reg_covar=1e-2,
        weights_init=start.weights.numpy(),
        means_init=x[:3].numpy(),
        precisions_init=torch.eye(2, dtype=torch.float64).repeat(3, 1, 1).numpy() / 2,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        peer.fit(x.numpy())
    *_, (last, likelihood) = em(start, x, steps=20, tolerance=-torch.inf)
    assert abs(likelihood - peer.score(x.numpy())) < 1e-10
    assert_close(last.weights, torch.from_numpy(peer.weights_))
    assert_close(torch.stack([p.mean for p in last.parts]), torch.from_numpy(peer.means_))
    assert_close(torch.stack([p.covariance for p in last.parts]), torch.from_numpy(peer.covariances_))


def test_em_is_scikit_learn_s() -> None:
    check_peer(Gaussian)


@mutants(
    {
        "floor on the precision": FloorOnThePrecision,
        "not centred": NotCentred,
        "old mean": OldMean,
        "n - 1": Unbiased,
        "shares squared": SharesSquared,
    }
)
def test_em_is_scikit_learn_s_rejects(mutant: type[Gaussian]) -> None:
    rejects(check_peer, mutant)


def test_the_benchmark_compares_the_same_work() -> None:
    for size in ((300, 2, 3), (200, 16, 4)):
        x, start = mixtures.problem(points=size[0], dim=size[1], parts=size[2])
        assert abs(mixtures.ours(x, start, steps=5) - mixtures.peer(x, start, steps=5).score(x.numpy())) < 1e-9


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    x, start = three(1_000)
    whole = start.log_prob(x)
    monkeypatch.setattr("genmodels.density.mixture.CACHED", 1)
    assert_close(start.log_prob(x), whole, rtol=1e-14, atol=0)


# --- special cases ---------------------------------------------------------------------------------------------------


def test_one_part_is_its_density() -> None:
    x, _ = three()
    alone = Gaussian.standard(2).fit(x)
    steps = list(em(Mixture(torch.ones(1), (Gaussian.standard(2),)), x, steps=2, tolerance=-torch.inf))
    assert_close(steps[1][0].log_prob(x), alone.log_prob(x))  # after one step, and it stays
    assert_close(steps[2][0].log_prob(x), alone.log_prob(x))


def test_the_names_of_the_parts_do_not_matter() -> None:
    x, start = three()
    order = [2, 0, 1]
    other = Mixture(start.weights[order], tuple(start.parts[k] for k in order))
    assert_close(other.fit(x).log_prob(x), start.fit(x).log_prob(x), rtol=1e-9, atol=1e-9)
    assert_close(other.fit(x).weights, start.fit(x).weights[order], rtol=1e-9, atol=1e-9)


def test_labels_seen_are_responsibilities() -> None:
    x, start = three()
    y = torch.arange(len(x)) % 3
    fitted = start.labelled(x, y)
    for k, part in enumerate(fitted.parts):
        assert_close(part.log_prob(x), start.parts[k].fit(x[y == k]).log_prob(x))
    assert_close(fitted.weights, y.bincount() / len(y), check_dtype=False)


def test_a_label_without_an_example_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    x, start = three()
    for y in (torch.zeros(len(x)).long(), torch.arange(len(x)) % 4, torch.arange(len(x)) % 3 - 1, Y + 0.5):
        assert "labels run from 0 to 2" in refusal(ValueError, lambda y=y: start.labelled(x, y))
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)  # as for users, whom it does not check
    assert "give a label for each point" in refusal(ValueError, lambda: start.labelled(x, Y[1:]))


def test_labels_are_whole_numbers_of_any_type() -> None:
    x, start = three()
    for dtype in (torch.int32, torch.uint8, torch.float32):
        assert_close(start.labelled(x, Y.to(dtype)).log_prob(x), start.labelled(x, Y).log_prob(x), rtol=0, atol=0)


# --- parts in trouble ------------------------------------------------------------------------------------------------


def test_a_part_that_answers_for_nothing_stays_and_weighs_nothing() -> None:
    """So far away that its density underflows; scikit-learn moves such a part to the origin, with no width."""
    x, start = three()
    far = Gaussian(torch.full((2,), 1e3).double(), torch.eye(2).double())
    with_far = Mixture(torch.tensor([0.2, 0.3, 0.4, 0.1]).double(), (*start.parts, far))
    steps = list(em(with_far, x, steps=20))
    assert steps[-1][0].weights[3] == 0 and steps[-1][0].parts[3] is far
    climb = torch.tensor([now for _, now in steps])
    assert climb.isfinite().all() and climb.diff().min() > -1e-9
    assert torch.equal(steps[-1][0].responsibilities(x)[:, 3], torch.zeros(len(x)).double())


def test_a_share_without_digits_is_no_share() -> None:
    """Below the smallest normal number: fitted to it, the part would move onto one point."""
    x, start = three()
    x = x.float()
    shares = torch.full((len(x), 3), 0.5)
    shares[:, 2] = 0
    shares[0, 2] = torch.finfo(torch.float32).tiny / 4
    later = start.maximised(x, shares)
    assert later.weights[2] == 0 and torch.equal(later.parts[2].mean, start.like(x).parts[2].mean)


def collapse(floor: float) -> Callable[[], Mixture]:
    """A part that starts on ten copies of one point, narrow; the other starts wide."""
    x = torch.cat([three()[0], torch.full((10, 2), 20.0).double()])
    wide = Gaussian(torch.zeros(2).double(), 9 * torch.eye(2).double(), floor)
    narrow = Gaussian(x[-1], torch.eye(2).double(), floor)
    return lambda: Mixture(torch.tensor([0.9, 0.1]).double(), (wide, narrow)).fit(x)


def test_a_part_on_one_point_is_refused_or_given_a_floor() -> None:
    assert "unbounded" in refusal(ValueError, collapse(0.0))
    for floor in (1e-2, 1e-4):
        fitted = collapse(floor)()
        assert_close(fitted.parts[1].covariance, floor * torch.eye(2).double())


def test_a_point_that_nobody_can_have_made_is_refused() -> None:
    never = Mixture(torch.tensor([0.5, 0.5]), (Bernoulli(torch.zeros(3)), Bernoulli(torch.zeros(3))))
    ones = torch.ones(4, 3)
    assert "probability above 0" in refusal(ValueError, lambda: never.fit(ones))
    assert "add up to 1" in refusal(ValueError, lambda: never.maximised(ones, never.responsibilities(ones)))


Em = Callable[..., Iterator[tuple[Mixture, float]]]


def check_weight_0(run: Em) -> None:
    """A point of weight 0 may be impossible: the fit is the one without it."""
    x, weights = torch.tensor([[1.0, 1.0], [1.0, 0.0], [0.0, 0.0]]), torch.tensor([1.0, 1.0, 0.0])
    one = Mixture(HALF, (Bernoulli(torch.tensor([1.0, 0.5])), Bernoulli(torch.tensor([1.0, 0.2]))))
    for (here, now), (there, then) in zip(run(one, x, weights=weights, steps=3), run(one, x[:2], steps=3), strict=True):
        assert abs(now - then) < 1e-6, "the likelihood is no number"
        assert_close(here.weights, there.weights)


def every_point(
    mixture: Mixture, x: Tensor, *, weights: Tensor | None = None, steps: int
) -> Iterator[tuple[Mixture, float]]:
    """The likelihood of all points, each times its weight: 0 times minus infinity is no number."""
    counts = torch.ones(len(x)) if weights is None else weights
    for here, _ in em(mixture, x, weights=weights, steps=steps):
        yield here, float(counts @ here.log_prob(x) / counts.sum())


def test_what_counts_nothing_may_be_impossible() -> None:
    check_weight_0(em)


def test_nothing_times_impossible_is_seen() -> None:
    rejects(check_weight_0, every_point)


def test_a_mixture_may_be_a_part_of_a_mixture() -> None:
    """The outer M-step hands the inner mixture a point that only the other part can have made, with weight 0."""
    x = torch.tensor([[1.0, 1.0], [1.0, 0.0], [0.0, 0.0]])
    inner = Mixture(HALF, (Bernoulli(torch.tensor([1.0, 0.5])), Bernoulli(torch.tensor([1.0, 0.2]))))
    outer = Mixture(HALF, (inner, Bernoulli(torch.tensor([0.1, 0.3]))))
    climb = torch.tensor([now for _, now in em(outer, x, steps=20)])
    assert climb.isfinite().all() and climb.diff().min() > -1e-6


def check_wide(mixture: type[Mixture]) -> None:
    """The highest precision of all parts, in whatever depth: a covariance that single precision cannot hold."""
    steep = Gaussian(torch.zeros(2).double(), torch.tensor([[1.0, 0.0], [0.0, 1e8]]).double())
    shallow, x = mixture(HALF, (steep, steep)), torch.tensor([[1.0, 2.0]])
    for model in (shallow, mixture(HALF, (shallow, shallow))):
        try:
            found = model.log_prob(x)
        except ValueError as error:
            raise AssertionError("the parts were rounded to single precision") from error
        assert_close(found, steep.log_prob(x))
        assert_close(model.responsibilities(x), torch.full((1, 2), 0.5).double())


class OwnFieldsOnly(Mixture):
    """The precision of the weights alone."""

    def _wide(self, x: Tensor) -> Tensor:
        return x.to(torch.promote_types(x.dtype, self.weights.dtype))


def test_parts_in_double_precision_can_be_evaluated_in_single() -> None:
    check_wide(Mixture)


def test_parts_rounded_to_single_precision_are_seen() -> None:
    rejects(check_wide, OwnFieldsOnly)


def test_bad_input_gets_one_clear_sentence() -> None:
    x, start = three()
    assert "NaN" in refusal(ValueError, lambda: start.joint(x * torch.nan))
    assert "NaN" in refusal(ValueError, lambda: next(em(start, x * torch.nan, steps=1)))
    assert "weights" in refusal(ValueError, lambda: next(em(start, x, weights=-torch.ones(len(x)), steps=1)))
    assert "responsibilities" in refusal(ValueError, lambda: start.maximised(x, torch.ones(len(x), 2)))
    for bad in (torch.ones(3), torch.full((3,), torch.nan), torch.tensor([1.5, -0.5, 0.0])):
        assert "add up to 1" in refusal(ValueError, lambda bad=bad: Mixture(bad, start.parts))
