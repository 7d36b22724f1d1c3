"""Figures: one palette, one style, one player for everything that moves."""

from .figures import field, mesh, points, square, strips
from .player import Frames, explore
from .style import FIELD, PALETTE, use_style

__all__ = ["FIELD", "PALETTE", "Frames", "explore", "field", "mesh", "points", "square", "strips", "use_style"]
