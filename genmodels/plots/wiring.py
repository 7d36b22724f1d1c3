"""A model's diagram, laid out from its measured wiring: nothing about any model is drawn by hand."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from itertools import combinations, pairwise, product
from statistics import fmean
from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch
from matplotlib.path import Path
from sklearn.isotonic import isotonic_regression

from .style import PALETTE

if TYPE_CHECKING:
    from ..adversarial.wiring import Wiring

Wire = tuple[str, str]
TRIALS = 200
PAD = 0.16
"""Between two boxes side by side, in inches; a box is as wide as its text."""


def short(node: str) -> str:
    """How a node reads: `noise.z` as z, `generator.network` as G, `generator.encoder` as E, others by their names."""
    player, _, path = node.partition(".")
    if player in ("noise", "data", "labelled"):
        return f"few ${path}$" if player == "labelled" else f"${path}$"
    names = [name for name in path.split(".") if name not in ("", "network", "table")]
    own = {"generator": "G", "critic": "critic"}
    return " ".join(names).replace("encoder", "E") or own.get(player, player.replace("_", " "))


def moved(wiring: Wiring, loss: str) -> str:
    """Whom a loss moves, in words: G, E, critic."""
    names = [
        short(box) if box.startswith("generator") else "critic"
        for box in wiring.networks
        if (loss, box) in wiring.moves
    ]
    return " + ".join(dict.fromkeys(names))


def diagrams(wirings: Sequence[Wiring], *, columns: int = 2, width: float = 2.75) -> Figure:
    """The diagrams of several models, `columns` side by side; each row is as high as its models have ranks."""
    rows = [wirings[i : i + columns] for i in range(0, len(wirings), columns)]
    heights = [max(max(ranks(w).values()) for w in row) + 1.4 for row in rows]
    size = (columns * width, 0.5 * sum(heights))
    figure, axes = plt.subplots(len(rows), columns, figsize=size, squeeze=False, height_ratios=heights)
    for ax in axes.flat:
        ax.axis("off")
    for row, height, line in zip(rows, heights, axes, strict=True):
        for wiring, ax in zip(row, line, strict=False):
            diagram(ax, wiring)
            ax.set(xlim=(-width / 2, width / 2), ylim=(-0.4, height - 0.4))
    return figure


def diagram(ax: Axes, wiring: Wiring) -> None:
    """One model, from its sources below to its losses on top; above each loss stands whom it moves."""
    place = layout(wiring)
    height = {node: up for node, (_, up) in place.items()}
    for start, goal in sorted(wiring.edges):
        way = [place[node] for node in _way(start, goal, height)]
        _wire(ax, way, half=_half(goal), colour=_colour(start))
    for node in (*wiring.sources, *wiring.networks, "score", *wiring.losses):
        _box(ax, wiring, node, place[node])
    ax.set_title(wiring.name, loc="center")


# --- where things go -------------------------------------------------------------------------------------------------


def ranks(wiring: Wiring) -> dict[str, int]:
    """How far up a node stands: above all that feeds it; a source just below the first box that it feeds."""
    rank = dict.fromkeys((*wiring.sources, *wiring.networks, "score", *wiring.losses), 0)
    for _ in rank:  # the longest path has no more steps than there are nodes
        for start, goal in wiring.edges:
            rank[goal] = max(rank[goal], rank[start] + 1)
        if all(rank[a] < rank[b] for a, b in wiring.edges):
            break
    rank |= dict.fromkeys(wiring.losses, max(rank.values()))
    for source in wiring.sources:
        rank[source] = min((rank[goal] for start, goal in wiring.edges if start == source), default=1) - 1
    return rank


def layout(wiring: Wiring) -> dict[str, tuple[float, float]]:
    """A place for every node and every bend: few crossings first, then short wires (Sugiyama's method, by trial)."""
    rank = ranks(wiring)
    ways = [_way(start, goal, rank) for start, goal in sorted(wiring.edges)]
    wires = [wire for way in ways for wire in pairwise(way)]
    level = {bend: rank[way[0]] + k for way in ways for k, bend in enumerate(way)} | rank
    rows = [sorted(node for node in level if level[node] == r) for r in range(max(rank.values()) + 1)]
    chance = random.Random(0)
    best = min((_swept(rows, wires, chance) for _ in range(TRIALS)), key=lambda found: _cost(found, wires))
    across = _spread(best, wires, {loss: f"moves {moved(wiring, loss)}" for loss in wiring.losses})
    return {node: (across[node], float(r)) for r, row in enumerate(best) for node in row}


def _way(start: str, goal: str, height: Mapping[str, int | float]) -> list[str]:
    """The nodes that a wire passes: the bends in between are named after both ends."""
    between = range(1, round(height[goal] - height[start]))
    return [start, *(f"{start}>{goal}>{k}" for k in between), goal]


def _swept(rows: list[list[str]], wires: list[Wire], chance: random.Random) -> list[list[str]]:
    """From a random order, upwards and downwards: every row is sorted by the mean place of its neighbours."""
    near = _neighbours(wires)
    rows = [chance.sample(row, len(row)) for row in rows]
    for r in [*range(len(rows)), *reversed(range(len(rows)))] * 6:
        at = _in_line(rows)
        rows[r] = sorted(rows[r], key=lambda node: fmean(at[n] for n in near.get(node, [node])))
    return rows


def _neighbours(wires: list[Wire]) -> dict[str, list[str]]:
    near: dict[str, list[str]] = {}
    for a, b in wires:
        near.setdefault(a, []).append(b)
        near.setdefault(b, []).append(a)
    return near


def _in_line(rows: list[list[str]]) -> dict[str, float]:
    """A place for each node of a row, one apart: what lies in the middle of its row lies at 0."""
    return {node: i - (len(row) - 1) / 2 for row in rows for i, node in enumerate(row)}


def _cost(rows: list[list[str]], wires: list[Wire]) -> float:
    """Crossings, then length."""
    at = _in_line(rows)
    level = {node: r for r, row in enumerate(rows) for node in row}
    crossing = sum(
        level[a] == level[c] and (at[a] - at[c]) * (at[b] - at[d]) < 0 for (a, b), (c, d) in combinations(wires, 2)
    )
    return 10 * crossing + sum(abs(at[a] - at[b]) for a, b in wires)


def _spread(rows: list[list[str]], wires: list[Wire], captions: Mapping[str, str]) -> dict[str, float]:
    """Coordinates across: every node near the mean of its neighbours, in its order, and no box over another."""
    near, at = _neighbours(wires), _in_line(rows)
    room = {node: max(_half(node), 0.027 * len(captions.get(node, ""))) for node in at}
    for _, row in product(range(40), rows):
        half = np.array([room[node] for node in row])
        offset = np.concatenate([[0.0], np.cumsum(half[:-1] + half[1:] + PAD)])
        wish = np.array([np.mean([at[n] for n in near.get(node, [node])]) for node in row])
        at |= dict(zip(row, isotonic_regression(wish - offset) + offset, strict=True))
    left = min(at[node] - room[node] for node in at)
    right = max(at[node] + room[node] for node in at)
    return {node: value - (left + right) / 2 for node, value in at.items()}


def _half(node: str) -> float:
    """Half the width of a box in inches; a bend needs little room."""
    return 0.04 if ">" in node else 0.5 * max(0.24, 0.062 * len(short(node).replace("$", "")) + 0.14)


# --- ink -------------------------------------------------------------------------------------------------------------


def _colour(node: str) -> str:
    players = {"noise": "muted", "data": "real", "labelled": "real", "generator": "fake", "critic": "critic"}
    return PALETTE[players.get(node.partition(".")[0], "critic" if node == "score" else "ink")]


def _box(ax: Axes, wiring: Wiring, node: str, place: tuple[float, float]) -> None:
    colour, network = _colour(node), node in wiring.networks
    frame = {"boxstyle": "round,pad=0.28", "fc": colour if network else "white", "ec": colour, "lw": 1.2}
    if node in wiring.sources or node == "score":
        frame["ec"] = "white"
    ink = "white" if network else colour
    ax.text(*place, short(node), ha="center", va="center", color=ink, fontsize=8.5, bbox=frame, zorder=3)
    if node in wiring.losses:
        across, up = place
        whom = moved(wiring, node) or "nothing"
        ax.text(across, up + 0.43, f"moves {whom}", ha="center", va="bottom", fontsize=7, color=PALETTE["muted"])


def _wire(ax: Axes, way: Sequence[tuple[float, float]], *, half: float, colour: str) -> None:
    """From box to box, round past the bends, into the lower edge of the last one on the side it comes from."""
    (*bends, (across, up)), lift = way, 0.32
    entry = across + max(-0.7 * half, min(0.7 * half, 0.4 * (bends[-1][0] - across)))
    start, *turns, end = np.array([*bends, (entry, up - lift)])
    stops = [*((a + b) / 2 for a, b in pairwise(turns)), end]  # a turn pulls the curve from stop to stop
    curve = [knot for turn, stop in zip(turns, stops, strict=False) for knot in (turn, stop)]
    codes = [Path.MOVETO, *([Path.CURVE3] * len(curve) or [Path.LINETO])]
    style: dict[str, Any] = {"arrowstyle": "-|>", "mutation_scale": 8, "color": colour, "lw": 1.1, "fill": False}
    ax.add_patch(FancyArrowPatch(path=Path([start, *(curve or [end])], codes), zorder=1, **style))
