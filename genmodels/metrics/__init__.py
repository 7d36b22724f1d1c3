"""What a set of samples is worth."""

from .modes import Coverage, coverage
from .neighbours import Neighbours, nearest, spacing

__all__ = ["Coverage", "Neighbours", "coverage", "nearest", "spacing"]
