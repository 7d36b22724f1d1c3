"""Benchmarks are run by hand, on an idle machine; here only that they still run and compare the same work."""

from __future__ import annotations

import torch

from benchmarks import gan_steps, topics


def test_peer_and_ours_play_the_same_networks_on_the_same_pixels() -> None:
    data = gan_steps.images()
    row, _label = gan_steps.RowByRow(data)[0]
    assert (row - data.images[0]).abs().max() <= 1 / 127  # the peer's pixels have gone through bytes
    for make in (gan_steps.mlps, gan_steps.convolutions):
        for game in (gan_steps.ours, gan_steps.in_the_peers_manner):
            players = make()
            before = [p.clone() for player in players for p in player.parameters()]
            game(players, data, 1)
            after = [p for player in players for p in player.parameters()]
            assert all(p.isfinite().all() for p in after)
            assert sum(not torch.equal(a, b) for a, b in zip(before, after, strict=True)) > len(after) / 2


def test_the_penalty_has_a_price() -> None:
    assert gan_steps.penalty_price(1) > 0


def test_peer_and_ours_pass_over_the_same_documents() -> None:
    corpus = topics.documents(60, length=40, words=50, of=3)
    assert (corpus.documents, corpus.words, corpus.tokens) == (60, 50, 60 * 40)
    nothing, _ = topics.ours(corpus, k=3, passes=0)
    bounds = {}
    for name, run in {"peer": topics.theirs, "ours": topics.ours}.items():
        words, seconds = run(corpus, k=3, passes=8)
        assert words.shape == (3, 50) and seconds > 0
        # Each word's count is shared out among the topics once, whatever the start: the prior and all tokens.
        assert abs(float(words.double().sum()) - (3 * 50 * topics.ETA + corpus.tokens)) < 0.05
        bounds[name] = topics.reached(corpus, words.double())
        assert bounds[name] > topics.reached(corpus, nothing.double()) + 0.1
    assert abs(bounds["peer"] - bounds["ours"]) < 0.1
