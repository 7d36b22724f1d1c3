"""Worlds with exact answers, and real data behind one verified door."""

from .corpora import coco_captions, multi30k, quatrains, tiny_shakespeare
from .documents import Corpus, ap_news, bars
from .folder import folder
from .grammar import Automaton, Grammar, captions
from .images import ImageSet, digits, fashion_mnist, mnist
from .pairs import MISSING, Pairs, few_labels, pairs
from .reviews import reviews
from .store import DataError, Source, fetch
from .text import Vocabulary, characters, lines, padded, words
from .worlds import LabelledWorld, World, grid, labelled_ring, ring

__all__ = [
    "MISSING",
    "Automaton",
    "Corpus",
    "DataError",
    "Grammar",
    "ImageSet",
    "LabelledWorld",
    "Pairs",
    "Source",
    "Vocabulary",
    "World",
    "ap_news",
    "bars",
    "captions",
    "characters",
    "coco_captions",
    "digits",
    "fashion_mnist",
    "fetch",
    "few_labels",
    "folder",
    "grid",
    "labelled_ring",
    "lines",
    "mnist",
    "multi30k",
    "padded",
    "pairs",
    "quatrains",
    "reviews",
    "ring",
    "tiny_shakespeare",
    "words",
]
