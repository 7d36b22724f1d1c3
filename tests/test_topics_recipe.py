"""The recipe of section 1.5: halves that share no word, fits that score, and a record that is complete."""

from __future__ import annotations

import pytest
import torch

from experiments import topics_ap as recipe
from experiments import topics_swap
from genmodels import lab, training
from genmodels.data.documents import Corpus
from genmodels.density.allocation import LDA

TOPICS = torch._sample_dirichlet(torch.full((4, 60), 0.1, dtype=torch.float64), generator=training.rng(0))
WORLD = LDA(torch.full((4,), 0.2, dtype=torch.float64), TOPICS, 40)
CORPUS = Corpus.from_tokens(WORLD.sample((120,), rng=training.rng(1)), words=60).to(torch.float32)


def test_a_split_deals_every_known_word_once() -> None:
    rare = Corpus.from_table(torch.cat([CORPUS.table(), 3 * torch.eye(120)[:, :100]], dim=1))
    train, seen, hidden = recipe.split(rare, held_out=20, seed=3)
    assert (train.documents, seen.documents, hidden.documents) == (100, 20, 20)
    together = seen.table() + hidden.table()
    assert together[:, train.frequencies() == 0].sum() == 0  # words no training document has
    assert together.sum() < 20 * 43 and (train.table()[:, :60].sum(dim=1) == 40).all()
    assert (together[:, :60].sum(dim=1) <= 40).all()
    assert bool(((seen.lengths() - hidden.lengths()).abs() <= 1).all())
    again = recipe.split(rare, held_out=20, seed=3)[1]
    other = recipe.split(rare, held_out=20, seed=4)[1]
    assert torch.equal(again.table(), seen.table()) and not torch.equal(other.table(), seen.table())


def test_each_model_is_between_the_truth_and_the_unigram() -> None:
    train, seen, hidden = recipe.split(CORPUS, held_out=30, seed=0)
    unigram = (train.frequencies() / train.tokens)[None]
    alone = recipe.topics.perplexity(hidden, torch.ones(30, 1), unigram)
    fit = lambda: recipe.plsa(train, k=4, seed=0, pseudo=0.1)  # noqa: E731
    folded = recipe.judged(fit, lambda found: recipe.topics.folded(seen, found), hidden)
    q, steps = recipe.lda(train, k=4, seed=0)
    inferred = recipe.completed(q, seen, hidden)
    assert 0 < folded["steps"] <= recipe.LIMIT["steps"] and 0 < steps <= recipe.LIMIT["steps"]
    gamma = recipe.mean_field.infer(seen, TOPICS.log().float(), WORLD.alpha.float())
    best = recipe.topics.perplexity(hidden, gamma / gamma.sum(dim=1, keepdim=True), TOPICS.float())
    for found in (folded["perplexity"], inferred["perplexity"]):
        assert 0.9 * best < found < 0.9 * alone


def test_the_peer_reaches_about_the_same_bound() -> None:
    theirs, _ = recipe.peer(CORPUS, k=4, seed=0, steps=20)
    ours, _ = recipe.lda(CORPUS, k=4, seed=0)
    alpha = torch.full((4,), recipe.ALPHA)
    bounds = []
    for q in (theirs, ours):
        gamma = recipe.mean_field.infer(CORPUS, recipe.mean_field.expected_log(q.words), alpha)
        q = recipe.mean_field.Posterior(q.words, gamma)
        bounds.append(recipe.mean_field.corpus_bound(CORPUS, q, alpha=alpha, eta=recipe.ETA) / CORPUS.tokens)
    assert abs(bounds[0] - bounds[1]) < 0.1


def test_top_words_are_sorted_by_share() -> None:
    rows = recipe.top_words(CORPUS, [f"word{i}" for i in range(60)], k=4)
    shares = [row["share"] for row in rows]
    assert shares == sorted(shares, reverse=True) and abs(sum(shares) - 1) < 1e-3
    assert all(len(set(row["words"])) == 10 for row in rows)


def test_every_cell_was_recorded() -> None:
    recorded = lab.results("topics_ap")
    cells = [(row["model"], row["topics"], row["seed"]) for row in recorded["rows"]]
    wanted = {("unigram", 1, s) for s in range(3)} | {
        ("plsa without pseudo-counts", recipe.BESIDE, s) for s in range(3)
    }
    wanted |= {(model, k, s) for model in ("plsa", "lda") for s in range(3) for k in recipe.sizes(model, seed=s)}
    wanted |= {("lda, larger priors", k, s) for k in recipe.LARGER_GRID for s in range(3)}
    assert set(cells) == wanted and len(cells) == len(wanted)
    assert "changes" not in recorded["commit"]


def test_both_ways_are_scored_for_both_models_topics() -> None:
    rows = topics_swap.rows_of(CORPUS, k=4, seed=0, held_out=30)
    *rows, bare = rows
    assert len({(row["topics of"], row["way"]) for row in rows}) == 4
    train, seen, hidden = recipe.split(CORPUS, held_out=30, seed=0)
    assert 0 <= bare["impossible"] < bare["hidden"] / 2 and bare["hidden"] == hidden.tokens
    found, _ = recipe.plsa(train, k=4, seed=0, pseudo=recipe.ETA)
    value = recipe.topics.perplexity(hidden, recipe.topics.folded(seen, found), found)
    assert rows[0] == {"topics of": "plsa", "way": "folded in", "seed": 0, "perplexity": round(value, 1)}


def test_what_is_not_a_number_is_not_recorded() -> None:
    _, _, hidden = recipe.split(CORPUS, held_out=30, seed=0)
    with pytest.raises(ArithmeticError, match="not a number"):
        recipe.judged(lambda: (TOPICS.float(), 1), lambda found: torch.full((30, 4), torch.nan), hidden)
