"""Benchmarks are run by hand, on an idle machine; here only that they still run and compare the same work."""

from __future__ import annotations

import torch

from benchmarks import gan_steps


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
