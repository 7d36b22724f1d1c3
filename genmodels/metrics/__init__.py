"""What a set of samples is worth."""

from .distances import Distance, median_distance, mmd, sliced_wasserstein, wasserstein
from .modes import Coverage, coverage
from .neighbours import Neighbours, nearest, spacing

__all__ = [
    "Coverage",
    "Distance",
    "Neighbours",
    "coverage",
    "median_distance",
    "mmd",
    "nearest",
    "sliced_wasserstein",
    "spacing",
    "wasserstein",
]
