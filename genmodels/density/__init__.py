"""Explicit densities: everything here has `log_prob`, `sample` and `fit`."""

from .base import Density
from .discrete import Bernoulli, Categorical, Multinomial, Poisson
from .gaussian import Gaussian, Normal
from .mixture import Mixture, Product, em

__all__ = [
    "Bernoulli",
    "Categorical",
    "Density",
    "Gaussian",
    "Mixture",
    "Multinomial",
    "Normal",
    "Poisson",
    "Product",
    "em",
]
