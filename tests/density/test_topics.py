"""Topic models: EM on tables is EM, the bound is one and never falls, and peers say the same numbers."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
import torch
from sklearn.decomposition import LatentDirichletAllocation, non_negative_factorization
from torch import Tensor, testing

from genmodels.data.documents import Corpus, bars
from genmodels.density import allocation, em, mean_field, topics
from genmodels.density.allocation import LDA
from genmodels.density.mixture import Mixture
from genmodels.training import rng
from mutants import mutants, refusal, rejects

BARS = bars()
ALPHA = torch.full((6,), 0.3, dtype=torch.float64)
CORPUS = Corpus.from_tokens(LDA(ALPHA, BARS, 30).sample((40,), rng=rng(0)), words=9)
RANDOM = topics.random_plsa(40, 9, topics=4, rng=rng(1))
START = Mixture(torch.tensor([0.1, 0.2, 0.3, 0.4], dtype=torch.float64), RANDOM.parts)

Step = Callable[[Mixture, Corpus], Mixture]


def by_tables(mixture: Mixture, corpus: Corpus) -> Mixture:
    *_, (last, _) = topics.plsa(mixture, corpus, steps=1)
    return last


def is_em(step: Step) -> None:
    """One step is that of `em` on pairs weighted by counts, and does not lower the likelihood."""
    (_, before), (wanted, after) = em(START, CORPUS.pairs, weights=CORPUS.count, steps=1)
    found = step(START, CORPUS)
    assert after > before
    testing.assert_close(found.weights, wanted.weights)
    for which in (0, 1):
        testing.assert_close(topics._column(found, which), topics._column(wanted, which))


def test_tables_take_the_step_of_em() -> None:
    is_em(by_tables)


def mutant_step(*, prior: bool = True, counts: bool = True, renormalised: bool = True) -> Step:
    def step(mixture: Mixture, corpus: Corpus) -> Mixture:
        z = mixture.weights if prior else torch.ones_like(mixture.weights)
        d, w = topics._column(mixture, 0), topics._column(mixture, 1)
        joint = z[:, None, None] * d[:, :, None] * w[:, None, :]
        table = corpus.table() if counts else (corpus.table() > 0).double()
        n = table * joint / joint.sum(dim=0)
        weights = n.sum(dim=(1, 2)) if renormalised else mixture.weights
        return topics._mixture(weights, n.sum(dim=2), n.sum(dim=1), pseudo=0.0)

    return step


def test_the_written_out_step_is_right_too() -> None:
    is_em(mutant_step())


@mutants(
    {
        "E-step without p(z)": mutant_step(prior=False),
        "counts ignored": mutant_step(counts=False),
        "weights kept": mutant_step(renormalised=False),
    }
)
def test_tables_take_the_step_of_em_rejects(mutant: Step) -> None:
    rejects(is_em, mutant)


def test_pseudo_counts_are_those_of_the_generic_fit() -> None:
    start = topics.random_plsa(40, 9, topics=3, rng=rng(2), pseudo=0.5)
    slow = list(em(start, CORPUS.pairs, weights=CORPUS.count, steps=5))
    for (a, _), (b, _) in zip(slow, topics.plsa(start, CORPUS, steps=5), strict=True):
        testing.assert_close(topics.topics_of(a), topics.topics_of(b))


def test_a_random_start_has_one_precision() -> None:
    for dtype in (torch.float64, torch.float32):
        start = topics.random_plsa(3, 4, topics=6, rng=rng(0), dtype=dtype)
        assert {start.weights.dtype, topics._column(start, 0).dtype, topics.topics_of(start).dtype} == {dtype}
    assert topics.random_plsa(3, 4, topics=6, rng=rng(0)).weights.dtype == torch.float64


def test_plsa_is_matrix_factorisation_up_to_scale() -> None:
    """KL-NMF by multiplicative updates, run to the end, has the divergence of EM run to the end from the same start.

    The table has four topics and hardly any noise, so that the two ways to the top lead to the same one.
    """
    shares = topics.shares(torch.rand(40, 4, generator=rng(2), dtype=torch.float64) ** 3)
    corpus = Corpus.from_table((30 * shares @ BARS[:4]).round())
    *_, (_, value) = topics.plsa(START, corpus, steps=1000)
    table = corpus.table().numpy()
    left = (START.weights[:, None] * topics._column(START, 0)).T.numpy() * table.sum()
    w, h, _ = non_negative_factorization(
        table, left.copy(), topics.topics_of(START).numpy().copy(), n_components=4, init="custom", solver="mu",
        beta_loss="kullback-leibler", max_iter=2000, tol=0.0,
    )  # fmt: skip
    product = w @ h
    theirs = (table * np.log(np.clip(product, 1e-300, None) / table.sum())).sum() / table.sum()
    assert abs(theirs - value) < 1e-5
    assert abs(product.sum() / table.sum() - 1) < 1e-9


def test_no_step_is_taken_that_nobody_sees() -> None:
    """Three steps are three M-steps, and a fourth would be a pass over the corpus for nothing."""
    words = mean_field.random_words(6, 9, rng=rng(0))
    with patch.object(topics, "_mixture", wraps=topics._mixture) as maximised:
        assert len(list(topics.plsa(START, CORPUS, steps=3))) == 4
    with patch.object(mean_field, "expected_counts", wraps=mean_field.expected_counts) as counted:
        assert len(list(mean_field.variational_bayes(CORPUS, words, alpha=ALPHA, eta=0.1, steps=3))) == 4
    assert maximised.call_count == counted.call_count == 3


def test_a_dead_topic_stays_a_distribution() -> None:
    """In single precision a weight may become 0; its topic must not become NaN."""
    weights = torch.tensor([1.0, 0.0, 0.0, 0.0], dtype=torch.float64)
    for mixture, _ in topics.plsa(Mixture(weights, START.parts), CORPUS, steps=3):
        assert bool(topics.topics_of(mixture).isfinite().all())


def test_documents_without_words_mix_topics_evenly() -> None:
    """By pLSA and folded in; the others are what they are without them."""
    table = CORPUS.table()
    table[3] = 0
    some = torch.arange(40) != 3
    *_, (model, _) = topics.plsa(START, Corpus.from_table(table), steps=5)
    for found, alone in (
        (topics.proportions_of(model), None),
        (topics.folded(Corpus.from_table(table), BARS), topics.folded(Corpus.from_table(table[some]), BARS)),
    ):
        testing.assert_close(found[3], torch.full_like(found[3], 1 / found.shape[1]))
        testing.assert_close(found.sum(dim=1), torch.ones(40).double())
        if alone is not None:
            testing.assert_close(found[some], alone)


def test_words_of_no_topic_are_refused() -> None:
    """One sentence, wherever a word of a document would have to be shared out among topics that all rule it out."""
    without = torch.tensor([[0.5, 0.5, 0.0], [0.2, 0.8, 0.0]], dtype=torch.float64)
    corpus, alpha = Corpus.from_tokens(torch.tensor([[0, 1], [1, 2]]), words=3), torch.ones(2, dtype=torch.float64)
    start = topics._mixture(alpha, alpha.expand(2, -1), without, pseudo=0.0)
    for call in (
        lambda: list(topics.plsa(start, corpus, steps=1)),
        lambda: topics.folded(corpus, without),
        lambda: mean_field.infer(corpus, without.log(), alpha),
        lambda: mean_field.expected_counts(corpus, without.log(), torch.ones_like(without[:, :2])),
    ):
        assert "no topic gives" in refusal(ValueError, call)


# --- LDA: the exact likelihood


FEW = torch.tensor([0.3, 0.5, 1.0], dtype=torch.float64)
THREE = torch.tensor([[0.5, 0.3, 0.2], [0.1, 0.1, 0.8], [0.2, 0.7, 0.1]], dtype=torch.float64)


@pytest.mark.parametrize("k", [1, 2, 3])
def test_the_sum_over_counts_is_the_sum_over_assignments(k: int) -> None:
    for document in ([0], [2, 2], [0, 1, 1, 2], [2, 0, 1, 0, 2]):
        words = torch.tensor(document)
        testing.assert_close(
            allocation.document_log_prob(words, THREE[:k], FEW[:k]), allocation.enumerated(words, THREE[:k], FEW[:k])
        )


def test_one_word_follows_the_mean_proportions() -> None:
    mean = FEW / FEW.sum() @ THREE
    testing.assert_close(LDA(FEW, THREE, 1).log_prob(torch.arange(3)[:, None]).exp(), mean)


LogProb = Callable[[Tensor, Tensor, Tensor], Tensor]


def does_not_underflow(log_prob: LogProb) -> None:
    """Of equal topics the prior does not matter; a small alpha has its mass where hardly any assignment is."""
    for dtype, length in ((torch.float32, 300), (torch.float64, 2000)):
        alike, alpha = torch.full((2, 4), 0.25, dtype=dtype), torch.full((2,), 0.01, dtype=dtype)
        found = log_prob(torch.zeros(length, dtype=torch.long), alike, alpha)
        assert abs(float(found) / (-length * math.log(4)) - 1) < 1e-5


def test_long_documents_do_not_underflow() -> None:
    does_not_underflow(allocation.document_log_prob)


def scaled_by_the_largest(document: Tensor, rows: Tensor, alpha: Tensor) -> Tensor:
    """For two topics: the likelihood by itself, divided by its largest entry, where the prior wants the smallest."""
    table, scale = rows.new_zeros(len(document) + 1), rows.new_zeros(())
    table[0] = 1.0
    for word in document:
        grown = table * rows[1, word]
        grown[1:] += table[:-1] * rows[0, word]
        table, scale = grown / grown.max(), scale + grown.max().log()
    n = torch.arange(len(document) + 1, dtype=rows.dtype)
    prior = (alpha[0] + n).lgamma() - alpha[0].lgamma() + (alpha[1] + n.flip(0)).lgamma() - alpha[1].lgamma()
    urn = alpha.sum().lgamma() - (alpha.sum() + len(document)).lgamma()
    return scale + urn + (table.log() + prior).logsumexp(dim=0)


def test_the_scaled_table_is_right_for_few_words() -> None:
    words = torch.tensor([2, 0, 1, 0, 2])
    testing.assert_close(
        scaled_by_the_largest(words, THREE[:2], FEW[:2]), allocation.document_log_prob(words, THREE[:2], FEW[:2])
    )


@mutants({"scaled by the largest": scaled_by_the_largest})
def test_long_documents_do_not_underflow_rejects(mutant: LogProb) -> None:
    rejects(does_not_underflow, mutant)


def test_a_word_of_no_topic_is_impossible() -> None:
    """Minus infinity, and not NaN, for the likelihood and for its bound."""
    without = torch.tensor([[0.5, 0.5, 0.0], [0.2, 0.8, 0.0]], dtype=torch.float64)
    words, alpha = torch.tensor([[0, 2, 1], [0, 1, 1]]), torch.ones(2, dtype=torch.float64)
    assert LDA(alpha, without, 3).log_prob(words).isneginf().tolist() == [True, False]
    assert allocation.enumerated(words[0], without, alpha).isneginf()
    below = mean_field.document_bound(
        Corpus.from_tokens(words, words=3), without.log(), alpha, torch.ones_like(without[:, :2])
    )
    assert below.isneginf().tolist() == [True, False] and not bool(below.isnan().any())


def test_too_many_ways_are_refused() -> None:
    many = LDA(ALPHA, BARS, 60)
    assert "document_bound" in refusal(ValueError, lambda: many.log_prob(torch.zeros(1, 60, dtype=torch.long)))
    assert "alpha" in refusal(ValueError, lambda: LDA(-ALPHA, BARS, 3))
    assert "paired" in refusal(ValueError, lambda: topics.matched(BARS[:2], BARS))


@pytest.mark.parametrize("wrong", [{"length": 0}, {"eta": 0.0}, {"eta": math.nan}, {"steps": -1}])
def test_a_fit_that_cannot_be_is_refused(wrong: dict[str, Any]) -> None:
    assert next(iter(wrong)) in refusal(ValueError, lambda: LDA(**{"alpha": FEW, "topics": THREE, "length": 3} | wrong))


def test_models_can_be_compared() -> None:
    for make in (lambda: LDA(FEW, THREE, 3), lambda: mean_field.Posterior(THREE, THREE)):
        model = make()
        assert model == model and model != make()


# --- LDA: small priors


Draw = Callable[..., Tensor]


SMALL = torch.full((2,), 1e-3, dtype=torch.float64)


def few_documents_mix(draw: Draw) -> None:
    """With a small alpha nearly all documents have one topic; `log_prob` says how many."""
    world = LDA(SMALL, torch.eye(2, dtype=torch.float64), 20)
    with patch.object(allocation, "log_dirichlet", draw):
        drawn = world.sample((20_000,), rng=rng(0))
    mixed = (drawn != drawn[:, :1]).any(dim=1).double().mean()
    unmixed = 2 * world.log_prob(torch.zeros(20, dtype=torch.long)).exp()
    assert abs(float(mixed + unmixed) - 1) < 0.002  # 5 standard deviations


def has_no_bias(draw: Draw) -> None:
    """Importance sampling from the prior: 100 draws for each of 200 documents, all the same."""
    rows = torch.tensor([[0.9, 0.1], [0.2, 0.8]], dtype=torch.float64)
    document = torch.zeros(2, dtype=torch.long)
    copies = Corpus.from_tokens(document.expand(200, -1), words=2)
    with patch.object(allocation, "log_dirichlet", draw):
        found = allocation.importance(copies, rows, SMALL, SMALL.expand(200, -1), samples=100, rng=rng(1))
    wanted = LDA(SMALL, rows, 2).log_prob(document)
    assert abs(float(found.exp().mean() / wanted.exp()) - 1) < 0.04  # 6 standard deviations


@pytest.mark.parametrize("check", [few_documents_mix, has_no_bias])
def test_small_alphas_are_drawn_right(check: Callable[[Draw], None]) -> None:
    check(allocation.log_dirichlet)


def even_where_all_underflow(alpha: Tensor, *, rng: torch.Generator) -> Tensor:
    """Gamma variables, which are 0 in double precision, divided by their sum."""
    return torch._sample_dirichlet(alpha.double(), generator=rng).clamp_min(1e-300).log()


def without_the_exponent(alpha: Tensor, *, rng: torch.Generator) -> Tensor:
    """Gamma(alpha + 1) variables as if they were Gamma(alpha) ones."""
    return torch._standard_gamma(alpha.double() + 1, generator=rng).log().log_softmax(dim=1)


@mutants({f.__name__: f for f in (even_where_all_underflow, without_the_exponent)})
@pytest.mark.parametrize("check", [few_documents_mix, has_no_bias])
def test_small_alphas_are_drawn_right_rejects(check: Callable[[Draw], None], mutant: Draw) -> None:
    rejects(check, mutant)


def test_log_dirichlet_has_the_moments_of_a_dirichlet() -> None:
    """The mean of theta, and of its logarithm."""
    drawn = allocation.log_dirichlet(FEW.expand(40_000, -1), rng=rng(2))
    testing.assert_close(drawn.exp().sum(dim=1), torch.ones(40_000).double())
    testing.assert_close(drawn.exp().mean(dim=0), FEW / FEW.sum(), rtol=0, atol=0.01)
    testing.assert_close(drawn.mean(dim=0), mean_field.expected_log(FEW[None])[0], rtol=0.02, atol=0)


# --- LDA: the bound


DOCUMENTS = LDA(FEW, THREE, 12).sample((30,), rng=rng(4))
BAGS = Corpus.from_tokens(DOCUMENTS, words=3)
EXACT = LDA(FEW, THREE, 12).log_prob(DOCUMENTS)
Bound = Callable[..., Tensor]


def is_a_close_bound(bound: Bound) -> None:
    """Below the exact value for every q, near it for the best one."""
    gamma = mean_field.infer(BAGS, THREE.log(), FEW, tolerance=1e-9)
    found = bound(BAGS, THREE.log(), FEW, gamma)
    assert bool((found <= EXACT + 1e-9).all()) and float((EXACT - found).mean()) < 1.5
    for worse in (torch.ones_like(gamma), gamma * 1.3, gamma + 0.5):
        assert bool((bound(BAGS, THREE.log(), FEW, worse) <= found + 1e-9).all())


def test_the_bound_is_a_close_bound() -> None:
    is_a_close_bound(mean_field.document_bound)


def mean_for_expected_log(corpus: Corpus, log_topics: Tensor, alpha: Tensor, documents: Tensor) -> Tensor:
    """exp E log theta replaced by the mean: no bound any more."""
    theta = documents / documents.sum(dim=1, keepdim=True)
    words = corpus.count * corpus.spread(theta, log_topics.exp().T.contiguous()).log()
    given = torch.zeros_like(theta[:, 0]).index_add(0, corpus.document, words)
    right = mean_field.document_bound(corpus, log_topics, alpha, documents)
    left = mean_field.expected_log(documents)
    expected = corpus.count * corpus.spread(left.exp(), log_topics.exp().T.contiguous()).log()
    return right + given - torch.zeros_like(given).index_add(0, corpus.document, expected)


def no_prior(corpus: Corpus, log_topics: Tensor, alpha: Tensor, documents: Tensor) -> Tensor:
    """The divergence from the prior left out."""
    words = (
        corpus.count * corpus.spread(mean_field.expected_log(documents).exp(), log_topics.exp().T.contiguous()).log()
    )
    return torch.zeros_like(documents[:, 0]).index_add(0, corpus.document, words)


def counts_once(corpus: Corpus, log_topics: Tensor, alpha: Tensor, documents: Tensor) -> Tensor:
    """Each word counted once."""
    once = Corpus(corpus.document, corpus.word, torch.ones_like(corpus.count), corpus.documents, corpus.words)
    return mean_field.document_bound(once, log_topics, alpha, documents)


@mutants({f.__name__: f for f in (mean_for_expected_log, no_prior, counts_once)})
def test_the_bound_is_a_close_bound_rejects(mutant: Bound) -> None:
    rejects(is_a_close_bound, mutant)


def test_importance_sampling_closes_the_gap() -> None:
    """From the prior, whose weights are bounded, and from q, narrower than the posterior: slower, yet above it."""
    prior = FEW.expand(len(DOCUMENTS), -1).contiguous()
    estimate = allocation.importance(BAGS, THREE, FEW, prior, samples=2000, rng=rng(5))
    assert float((estimate - EXACT).abs().mean()) < 0.1
    gamma = mean_field.infer(BAGS, THREE.log(), FEW)
    estimate = allocation.importance(BAGS, THREE, FEW, gamma, samples=500, rng=rng(5))
    below = mean_field.document_bound(BAGS, THREE.log(), FEW, gamma)
    assert float(below.mean()) + 0.5 < float(estimate.mean()) < float(EXACT.mean()) + 0.1


Climb = Callable[[Corpus, Tensor], list[float]]


def climb(corpus: Corpus, words: Tensor) -> list[float]:
    return [value for _, value in mean_field.variational_bayes(corpus, words, alpha=ALPHA, eta=0.1, steps=40)]


def never_falls(climb: Climb) -> None:
    for seed in range(3):
        values = climb(CORPUS, mean_field.random_words(6, 9, rng=rng(seed)))
        assert all(later > earlier - 1e-10 for earlier, later in itertools.pairwise(values))
        assert values[-1] > values[0] + 0.05


def test_the_bound_never_falls() -> None:
    never_falls(climb)


def climber(log: Callable[[Tensor], Tensor], *, alpha: Tensor = ALPHA, eta: float = 0.1) -> Climb:
    """Variational Bayes written out, with what may be mistaken left open; judged by the true bound."""

    def run(corpus: Corpus, words: Tensor) -> list[float]:
        table, gamma, values = corpus.table(), torch.ones(corpus.documents, 6).double(), []
        for _ in range(40):
            for _ in range(20):
                left, right = log(gamma).exp(), log(words).exp()
                gamma = alpha + left * ((table / (left @ right)) @ right.T)
            values.append(
                mean_field.corpus_bound(corpus, mean_field.Posterior(words, gamma), alpha=ALPHA, eta=0.1)
                / corpus.tokens
            )
            left = log(gamma).exp()
            words = eta + right * (left.T @ (table / (left @ right)))
        return values

    return run


def test_variational_bayes_written_out() -> None:
    never_falls(climber(mean_field.expected_log))


@mutants(
    {
        "no prior of documents": climber(mean_field.expected_log, alpha=torch.full_like(ALPHA, 1e-3)),
        "no prior of topics": climber(mean_field.expected_log, eta=1e-3),
        "digamma without its sum": climber(lambda dirichlet: dirichlet.digamma()),
    }
)
def test_the_bound_never_falls_rejects(mutant: Climb) -> None:
    rejects(never_falls, mutant)


def many_topics() -> Corpus:
    """A hundred documents over 300 words: more to go wrong than with bars."""
    rows = torch._sample_dirichlet(torch.full((10, 300), 0.05, dtype=torch.float64), generator=rng(0))
    world = LDA(torch.full((10,), 0.1, dtype=torch.float64), rows, 100)
    return Corpus.from_tokens(world.sample((100,), rng=rng(1)), words=300)


MANY, TEN = many_topics(), torch.full((10,), 0.1, dtype=torch.float64)
End = Callable[[Tensor], Tensor]


def end(words: Tensor, **manner: Any) -> Tensor:
    *_, (q, _) = mean_field.variational_bayes(MANY, words, alpha=TEN, eta=0.1, steps=30, sweeps=10, **manner)
    return q.words


def height(words: Tensor) -> float:
    """The bound with documents at their best, begun evenly."""
    gamma = mean_field.infer(MANY, mean_field.expected_log(words), TEN)
    return mean_field.corpus_bound(MANY, mean_field.Posterior(words, gamma), alpha=TEN, eta=0.1) / MANY.tokens


LEVEL = -4.30  # nats a token: documents that go on from where they were end below, from each of the three starts


def ends_higher(run: End) -> None:
    for seed in range(3):
        assert height(run(mean_field.random_words(10, 300, rng=rng(seed)))) > LEVEL


def test_documents_begun_afresh_end_higher() -> None:
    ends_higher(functools.partial(end, afresh=True))


@mutants(
    {
        "documents from where they were": functools.partial(end, afresh=False),
        "no steps at all": lambda words: words,
    }
)
def test_documents_begun_afresh_end_higher_rejects(mutant: End) -> None:
    rejects(ends_higher, mutant)


def test_afresh_forgets_the_documents() -> None:
    """A step depends on the topics alone: run from the middle, the rest is the same."""
    start = mean_field.random_words(6, 9, rng=rng(9))
    whole = list(
        mean_field.variational_bayes(CORPUS, start, alpha=ALPHA, eta=0.1, steps=6, tolerance=-1.0, afresh=True)
    )
    middle = whole[2][0].words
    rest = list(
        mean_field.variational_bayes(CORPUS, middle, alpha=ALPHA, eta=0.1, steps=4, tolerance=-1.0, afresh=True)
    )
    for (a, one), (b, other) in zip(whole[2:], rest, strict=True):
        testing.assert_close(a.documents, b.documents)
        assert abs(one - other) < 1e-12


# --- LDA: scikit-learn


def peer(words: Tensor, *, steps: int) -> LatentDirichletAllocation:
    model = LatentDirichletAllocation(
        6, doc_topic_prior=0.3, topic_word_prior=0.1, max_iter=steps, mean_change_tol=1e-9, max_doc_update_iter=2000,
        learning_method="batch", random_state=0, evaluate_every=0,
    )  # fmt: skip
    model.fit(np.ones((1, 9)))
    model.components_ = words.numpy()
    model.exp_dirichlet_component_ = mean_field.expected_log(words).exp().numpy()
    return model


def test_the_bound_and_the_documents_are_scikit_learns() -> None:
    words = mean_field.random_words(6, 9, rng=rng(6)) * 20 * torch.rand(6, 9, generator=rng(7), dtype=torch.float64)
    model, log_topics = peer(words, steps=1), mean_field.expected_log(words)
    gamma = mean_field.infer(CORPUS, log_topics, ALPHA, sweeps=2000, tolerance=1e-10)
    theirs = torch.from_numpy(model.transform(CORPUS.table().numpy()))
    testing.assert_close(gamma / gamma.sum(dim=1, keepdim=True), theirs, rtol=1e-5, atol=1e-6)
    own = mean_field.corpus_bound(CORPUS, mean_field.Posterior(words, gamma), alpha=ALPHA, eta=0.1)
    testing.assert_close(own, float(model.score(CORPUS.table().numpy())), rtol=1e-6, atol=1e-3)


def test_a_step_is_scikit_learns() -> None:
    """Both: documents to the end, from an even start, then topics; three times over."""
    words = 0.1 + 20 * torch.rand(6, 9, generator=rng(8), dtype=torch.float64)
    model = peer(words, steps=1)
    for _ in range(3):
        log_topics = mean_field.expected_log(words)
        gamma = mean_field.infer(CORPUS, log_topics, ALPHA, sweeps=5000, tolerance=1e-12)
        _, theirs = model._e_step(CORPUS.table().numpy(), cal_sstats=True, random_init=False)
        found = mean_field.expected_counts(CORPUS, log_topics, gamma)
        testing.assert_close(found, torch.from_numpy(theirs), rtol=1e-5, atol=1e-4)
        words = 0.1 + found
        model.exp_dirichlet_component_ = mean_field.expected_log(words).exp().numpy()


# --- recovery


def test_topics_are_found_again_in_any_order() -> None:
    shuffled = BARS[torch.tensor([4, 2, 0, 1, 5, 3])]
    order, distances = topics.matched(shuffled, BARS)
    assert torch.equal(shuffled[order], BARS) and float(distances.max()) == 0
    _, rest = topics.matched(torch.cat([shuffled, BARS[:1]]), BARS)
    assert float(rest.max()) == 0


def test_folding_in_finds_the_proportions_of_a_long_document() -> None:
    theta = torch.tensor([[0.5, 0.2, 0.3]], dtype=torch.float64)
    table = (theta @ THREE * 1e6).round()
    testing.assert_close(topics.folded(Corpus.from_table(table), THREE, steps=3000), theta, rtol=0, atol=1e-3)
    even = topics.perplexity(
        Corpus.from_table(torch.ones(2, 4).double()), torch.ones(2, 1).double(), torch.full((1, 4), 0.25).double()
    )
    assert abs(even - 4) < 1e-12
