"""One visual language: the palette that figures and the book's theme share, and the style it is used with."""

from __future__ import annotations

import matplotlib as mpl
from cycler import cycler
from matplotlib.colors import LinearSegmentedColormap

PALETTE = {
    "ink": "#1c2733",  # text and axes
    "muted": "#5a6875",  # secondary text
    "line": "#d5dbe1",  # rules and grids
    "paper": "#ffffff",
    "real": "#1565a7",  # data, always
    "fake": "#bf4b0b",  # what a generator made, always
    "critic": "#6b3fa0",  # what a critic thinks, always
    "good": "#1f7a4d",  # a claim that held
}
"""Blue, orange and violet stay apart for colour-blind readers; all text colours reach 4.5 : 1 on paper."""

FIELD = LinearSegmentedColormap.from_list("field", ["#f0b890", "#ffffff", "#9cc3e4"])
"""A critic's opinion: orange where it says generated, white where it cannot tell, blue where it says real."""


def use_style() -> None:
    """Set matplotlib's defaults. Figures are drawn on white; the book blends them into its light and dark pages."""
    cycle = cycler(color=[PALETTE[name] for name in ("real", "fake", "critic", "good")])
    mpl.rcParams.update(
        {
            "figure.figsize": (7.0, 2.9),
            "figure.dpi": 120,
            "figure.constrained_layout.use": True,
            "savefig.dpi": 120,
            "font.family": "DejaVu Sans",  # ships with matplotlib: the same letters on every machine
            "font.size": 9,
            "axes.titlesize": 9.5,
            "axes.titlelocation": "left",
            "axes.prop_cycle": cycle,
            "axes.edgecolor": PALETTE["muted"],
            "axes.labelcolor": PALETTE["ink"],
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.axisbelow": True,
            "grid.color": PALETTE["line"],
            "text.color": PALETTE["ink"],
            "xtick.color": PALETTE["muted"],
            "ytick.color": PALETTE["muted"],
            "legend.frameon": False,
            "lines.linewidth": 1.8,
            "image.cmap": "gray_r",
        }
    )
