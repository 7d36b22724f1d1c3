"""Worlds with exact answers, and real data behind one verified door."""

from .folder import folder
from .images import ImageSet, digits, fashion_mnist, mnist
from .store import DataError, Source, fetch
from .worlds import World, grid, ring

__all__ = [
    "DataError",
    "ImageSet",
    "Source",
    "World",
    "digits",
    "fashion_mnist",
    "fetch",
    "folder",
    "grid",
    "mnist",
    "ring",
]
