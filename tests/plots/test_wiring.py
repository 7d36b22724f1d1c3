"""Diagrams: everything that was measured is drawn, upwards, without one box on another, and with few crossings."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from itertools import combinations, pairwise

import matplotlib.pyplot as plt
import pytest
from matplotlib.patches import FancyArrowPatch

from genmodels import data, training
from genmodels.adversarial import gradient_penalty, r1
from genmodels.adversarial.family import family
from genmodels.adversarial.wiring import Wiring, wiring
from genmodels.plots import wiring as room
from genmodels.plots.wiring import diagram, diagrams, layout, moved, short
from mutants import mutants, rejects

Layout = Callable[[Wiring], dict[str, tuple[float, float]]]


@cache
def wirings() -> tuple[Wiring, ...]:
    """The family, and two members without a name, which have three losses each."""
    ring = data.labelled_ring()
    with training.isolated(0):
        models = family(ring, data.Pairs(*ring.sample((20,), rng=training.rng(0))), width=8)
    of = {model.name: model for model in models}
    flat = of["AC-GAN"]._replace(name="AC-GAN, R1", penalties=(*of["AC-GAN"].penalties, partial(r1, weight=0.1)))
    steep = of["InfoGAN"]._replace(name="penalised", penalties=(*of["InfoGAN"].penalties, gradient_penalty))
    return tuple(wiring(model) for model in (*models, flat, steep))


def check_layout(make: Layout) -> None:
    for measured in wirings():
        place = make(measured)
        nodes = [*measured.sources, *measured.networks, "score", *measured.losses]
        assert all(place[a][1] < place[b][1] for a, b in measured.edges), "a wire leads down"
        for a, b in combinations(nodes, 2):
            apart = abs(place[a][0] - place[b][0]) - room._half(a) - room._half(b)
            assert place[a][1] != place[b][1] or apart > 0, f"{a} lies on {b}"
        height = {node: up for node, (_, up) in place.items()}
        wires = [wire for edge in measured.edges for wire in pairwise(room._way(*edge, height))]
        crossed = 0
        for (a, b), (c, d) in combinations(wires, 2):
            if place[a][1] == place[c][1] and place[b][1] == place[d][1]:
                crossed += (place[a][0] - place[c][0]) * (place[b][0] - place[d][0]) < 0
        assert crossed <= (measured.name == "penalised"), f"{crossed} wires cross in {measured.name}"


def in_one_column(measured: Wiring) -> dict[str, tuple[float, float]]:
    return {node: (0.0, up) for node, (_, up) in layout(measured).items()}


def upside_down(measured: Wiring) -> dict[str, tuple[float, float]]:
    return {node: (across, -up) for node, (across, up) in layout(measured).items()}


def as_listed(measured: Wiring) -> dict[str, tuple[float, float]]:
    """No search: every row in the order of its names."""
    found = layout(measured)
    rows: dict[float, list[str]] = {}
    for node in sorted(found):
        rows.setdefault(found[node][1], []).append(node)
    return {node: (2.0 * k, up) for up, row in rows.items() for k, node in enumerate(row)}


def test_layout() -> None:
    check_layout(layout)


@mutants({f.__name__: f for f in (in_one_column, upside_down, as_listed)})
def test_layout_rejects(mutant: Layout) -> None:
    rejects(check_layout, mutant)


def test_every_wire_and_every_node_is_drawn_once() -> None:
    for measured in wirings():
        figure, ax = plt.subplots()
        diagram(ax, measured)
        assert sum(isinstance(patch, FancyArrowPatch) for patch in ax.patches) == len(measured.edges)
        shown = sorted(text.get_text() for text in ax.texts)
        nodes = (*measured.sources, *measured.networks, "score", *measured.losses)
        moves = [f"moves {moved(measured, loss)}" for loss in measured.losses]
        assert shown == sorted([*map(short, nodes), *moves])
        plt.close(figure)


def test_all_boxes_lie_inside_the_figure() -> None:
    figure = diagrams(wirings())
    figure.canvas.draw()
    for ax in figure.axes:
        for text in ax.texts:
            box = text.get_window_extent()
            assert box.x0 >= 0 and box.x1 <= figure.bbox.x1 and box.y0 >= 0 and box.y1 <= figure.bbox.y1
    plt.close(figure)


@pytest.mark.parametrize(
    ("node", "read"),
    [
        ("noise.z", "$z$"),
        ("labelled.y", "few $y$"),
        ("generator.network", "G"),
        ("generator.encoder.network", "E"),
        ("generator.condition.table", "condition"),
        ("critic", "critic"),
        ("critic.network", "critic"),
        ("critic.direction.table", "direction"),
        ("feature_matching", "feature matching"),
    ],
)
def test_names(node: str, read: str) -> None:
    assert short(node) == read


def test_whom_a_loss_moves() -> None:
    of = {measured.name: measured for measured in wirings()}
    assert moved(of["GAN"], "objective") == "G + critic" and moved(of["BiGAN"], "inversion") == "E"
