"""What a set of samples is worth."""

from .agreement import Matching, contingency, explained, matching, mutual_information, purity
from .classifier import Classifier, classifier, held_out
from .distances import median_distance, mmd, sliced_wasserstein, wasserstein
from .diversity import within_classes
from .frechet import Moments, frechet_distance, frechet_of_moments, inception_style_score, moments
from .modes import Coverage, coverage
from .neighbours import Neighbours, nearest, spacing
from .obedience import Obedience, obedience, variety
from .score import Score
from .strokes import Strokes, strokes

__all__ = [
    "Classifier",
    "Coverage",
    "Matching",
    "Moments",
    "Neighbours",
    "Obedience",
    "Score",
    "Strokes",
    "classifier",
    "contingency",
    "coverage",
    "explained",
    "frechet_distance",
    "frechet_of_moments",
    "held_out",
    "inception_style_score",
    "matching",
    "median_distance",
    "mmd",
    "moments",
    "mutual_information",
    "nearest",
    "obedience",
    "purity",
    "sliced_wasserstein",
    "spacing",
    "strokes",
    "variety",
    "wasserstein",
    "within_classes",
]
