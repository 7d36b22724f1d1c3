"""Worlds with exact answers, and real data behind one verified door."""

from .folder import folder
from .images import ImageSet, digits, fashion_mnist, mnist
from .pairs import MISSING, Pairs, few_labels, pairs
from .store import DataError, Source, fetch
from .worlds import LabelledWorld, World, grid, labelled_ring, ring

__all__ = [
    "MISSING",
    "DataError",
    "ImageSet",
    "LabelledWorld",
    "Pairs",
    "Source",
    "World",
    "digits",
    "fashion_mnist",
    "fetch",
    "few_labels",
    "folder",
    "grid",
    "labelled_ring",
    "mnist",
    "pairs",
    "ring",
]
