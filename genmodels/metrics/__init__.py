"""What a set of samples is worth."""

from .classifier import Classifier, classifier, held_out
from .frechet import Moments, Score, frechet_distance, frechet_of_moments, inception_style_score, moments
from .modes import Coverage, coverage
from .neighbours import Neighbours, nearest, spacing

__all__ = [
    "Classifier",
    "Coverage",
    "Moments",
    "Neighbours",
    "Score",
    "classifier",
    "coverage",
    "frechet_distance",
    "frechet_of_moments",
    "held_out",
    "inception_style_score",
    "moments",
    "nearest",
    "spacing",
]
