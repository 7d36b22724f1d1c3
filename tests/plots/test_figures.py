"""Figures: up is up, left is left, and black is black."""

from __future__ import annotations

from collections.abc import Callable

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from matplotlib.colors import to_rgb, to_rgba
from torch import Tensor
from torch.testing import assert_close

from genmodels.plots import FIELD, PALETTE, field, mesh, points, square, strips, use_style
from genmodels.plots.figures import tile
from mutants import mutants, rejects

Mesh = Callable[..., Tensor]


def check_field_is_where_it_was_computed(make: Mesh) -> None:
    """A critic that believes only in the upper left must colour the upper left."""
    half, side = 2.0, 10
    x = make(half=half, points=side)
    believed = ((x[:, 0] < 0) & (x[:, 1] > 0)).float()
    figure, ax = plt.subplots()
    field(ax, believed, half=half)
    (image,) = ax.images
    left, right, bottom, top = image.get_extent()
    grid = np.asarray(image.get_array())
    rows = np.linspace(bottom, top, side + 1) if image.origin == "lower" else np.linspace(top, bottom, side + 1)
    columns = np.linspace(left, right, side + 1)
    plt.close(figure)
    for i, y in enumerate((rows[1:] + rows[:-1]) / 2):
        for j, x in enumerate((columns[1:] + columns[:-1]) / 2):
            assert grid[i, j] == float(x < 0 and y > 0), f"at ({x:.1f}, {y:.1f})"


def check_mesh(make: Mesh) -> None:
    """Centres of cells: inside the window, and a Riemann sum over them is exact for a linear function."""
    x = make(half=3.0, points=6)
    assert x.shape == (36, 2)
    assert_close(x.unique(dim=0), torch.cartesian_prod(*[torch.arange(6) - 2.5] * 2))
    assert_close(x.mean(dim=0), torch.zeros(2))


def columns_first(*, half: float, points: int) -> Tensor:
    return mesh(half=half, points=points).flip(1)


def from_above(*, half: float, points: int) -> Tensor:
    return mesh(half=half, points=points).flip(0)


def edges(*, half: float, points: int) -> Tensor:
    edge = torch.linspace(-half, half, points)
    return torch.cartesian_prod(edge, edge).flip(1)


def test_a_field_is_drawn_where_it_was_computed() -> None:
    check_field_is_where_it_was_computed(mesh)


@mutants({f.__name__: f for f in (columns_first, from_above)})
def test_a_field_is_drawn_where_it_was_computed_rejects(mutant: Mesh) -> None:
    rejects(check_field_is_where_it_was_computed, mutant)


def test_mesh_is_made_of_cell_centres() -> None:
    check_mesh(mesh)


@mutants({"edges": edges})
def test_mesh_is_made_of_cell_centres_rejects(mutant: Mesh) -> None:
    rejects(check_mesh, mutant)


def test_a_field_has_one_scale() -> None:
    """A critic that is undecided everywhere is white everywhere; matplotlib alone would stretch noise to colours."""
    figure, ax = plt.subplots()
    field(ax, torch.full((16,), 0.5), half=1.0)
    (image,) = ax.images
    plt.close(figure)
    assert image.get_clim() == (0, 1)
    assert_close(torch.tensor(FIELD(0.5)[:3]), torch.ones(3, dtype=torch.float64), atol=0.01, rtol=0)


Tile = Callable[..., Tensor]


def check_tile(lay: Tile) -> None:
    """Five images of 2 x 3 pixels in rows of three: the k-th sits in row k // 3, column k % 3, with a grey gap."""
    x = torch.rand(5, 1, 2, 3, generator=torch.Generator().manual_seed(0)) * 2 - 1
    canvas = lay(torch.cat([x, torch.full((1, 1, 2, 3), -1.0)]), columns=3)
    assert canvas.shape == (8, 15, 1)
    for k, image in enumerate(x):
        i, j = k // 3 * 4 + 1, k % 3 * 5 + 1
        assert_close(canvas[i : i + 2, j : j + 3, 0], (image[0] + 1) / 2)
    assert canvas.min() >= 0
    assert canvas.max() <= 1


def column_by_column(x: Tensor, *, columns: int) -> Tensor:
    return tile(x.reshape(columns, -1, *x.shape[1:]).transpose(0, 1).flatten(0, 1), columns=columns)


def unscaled(x: Tensor, *, columns: int) -> Tensor:
    return tile(x, columns=columns) * 2 - 1


def transposed(x: Tensor, *, columns: int) -> Tensor:
    return tile(x.transpose(2, 3), columns=columns)


def test_tiles_are_row_by_row() -> None:
    check_tile(tile)


@mutants({f.__name__: f for f in (column_by_column, unscaled, transposed)})
def test_tiles_are_row_by_row_rejects(mutant: Tile) -> None:
    rejects(check_tile, mutant)


def test_strips_have_one_panel_per_title() -> None:
    blocks = {"step 0": torch.zeros(6, 1, 4, 4), "data": torch.ones(6, 1, 4, 4)}
    figure = strips(blocks, columns=3)
    assert [ax.get_title(loc) for ax in figure.axes for loc in ("left", "center") if ax.get_title(loc)] == list(blocks)
    assert all(ax.images[0].get_clim() == (0, 1) for ax in figure.axes)
    plt.close(figure)


@pytest.mark.parametrize("kind", ["real", "fake"])
def test_points_have_the_colour_of_their_kind(kind: str) -> None:
    figure, ax = plt.subplots()
    points(ax, torch.tensor([[1.0, 2.0], [3.0, 4.0]]), kind=kind, label="x")
    square(ax, half=5.0)
    (cloud,) = ax.collections
    plt.close(figure)
    assert tuple(cloud.get_facecolor()[0]) == to_rgba(PALETTE[kind], 0.55)
    assert cloud.get_offsets().tolist() == [[1, 2], [3, 4]]
    assert ax.get_xlim() == ax.get_ylim() == (-5, 5)


def test_colours_are_readable_on_paper() -> None:
    """Contrast of 4.5 : 1 or more, by the formula of WCAG 2.1."""

    def luminance(colour: str) -> float:
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour)]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    for name, colour in PALETTE.items():
        if name not in ("line", "paper"):
            assert (luminance(PALETTE["paper"]) + 0.05) / (luminance(colour) + 0.05) >= 4.5, name


def test_style_uses_the_palette() -> None:
    with plt.rc_context():
        use_style()
        cycle = plt.rcParams["axes.prop_cycle"].by_key()["color"]
    assert cycle[:2] == [PALETTE["real"], PALETTE["fake"]]
