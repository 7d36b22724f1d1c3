"""Explicit densities: what is exported here has `log_prob`, `sample` and `fit`.

A variational autoencoder has `sample` and `fit`, and only a bound in place of `log_prob`. Functions and other models
are in modules named by their idea: `classifiers`, `likelihood`, `neighbours`, `selection`, `topics`, `mean_field`,
`quantiles`, `sampling`, `chains`, `annealing`, `variational`.
"""

from .allocation import LDA
from .base import Density
from .belief import DBN
from .boltzmann import RBM
from .discrete import Bernoulli, Categorical, Multinomial, Poisson
from .gaussian import Gaussian, Normal
from .histogram import Histogram
from .kernel import KernelDensity
from .mixture import Mixture, Product, em
from .vae import VAE
from .variational import LinearGaussian

__all__ = [
    "DBN",
    "LDA",
    "RBM",
    "VAE",
    "Bernoulli",
    "Categorical",
    "Density",
    "Gaussian",
    "Histogram",
    "KernelDensity",
    "LinearGaussian",
    "Mixture",
    "Multinomial",
    "Normal",
    "Poisson",
    "Product",
    "em",
]
