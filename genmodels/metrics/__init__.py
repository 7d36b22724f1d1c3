"""What a set of samples is worth."""

from .classifier import Classifier, classifier, held_out
from .distances import median_distance, mmd, sliced_wasserstein, wasserstein
from .frechet import Moments, frechet_distance, frechet_of_moments, inception_style_score, moments
from .modes import Coverage, coverage
from .neighbours import Neighbours, nearest, spacing
from .obedience import Obedience, obedience, variety
from .score import Score

__all__ = [
    "Classifier",
    "Coverage",
    "Moments",
    "Neighbours",
    "Obedience",
    "Score",
    "classifier",
    "coverage",
    "frechet_distance",
    "frechet_of_moments",
    "held_out",
    "inception_style_score",
    "median_distance",
    "mmd",
    "moments",
    "nearest",
    "obedience",
    "sliced_wasserstein",
    "spacing",
    "variety",
    "wasserstein",
]
