"""Adversarial training: objectives, divergences, networks, Lipschitz control, and the one loop that plays the game."""

from .classes import FEATURES_ONLY, Auxiliary, SemiSupervised, class_loss, classification, feature_matching, supervised
from .conditions import Conditional, Joint, Labels, Projection
from .convolutional import dcgan_critic, dcgan_generator, keras_critic, keras_generator, layer_norm
from .divergences import game_value, jensen_shannon, kl, optimal_critic, optimal_value
from .fdivergences import (
    F_DIVERGENCES,
    GAN,
    HELLINGER,
    JENSEN_SHANNON,
    KL,
    NEYMAN,
    PEARSON,
    REVERSE_KL,
    FDivergence,
)
from .formulas import evaluate
from .game import History, Sampler, adam, critic_step, generator_step, play, score
from .information import Codes, fitted, information, information_bound
from .inversion import Bidirectional, GaussianEncoder, inversion
from .lipschitz import clip, gradient_penalty, r1, slopes, spectral
from .networks import Generator, image_critic, image_generator, mlp
from .objectives import (
    HINGE,
    LEAST_SQUARES,
    MINIMAX,
    NON_SATURATING,
    PROBABILITY,
    WASSERSTEIN,
    Objective,
    label_smoothing,
    least_squares,
)
from .pathologies import best_response, dirac_game, fade, generator_gradient, instance_noise
from .schedules import well_trained

__all__ = [
    "FEATURES_ONLY",
    "F_DIVERGENCES",
    "GAN",
    "HELLINGER",
    "HINGE",
    "JENSEN_SHANNON",
    "KL",
    "LEAST_SQUARES",
    "MINIMAX",
    "NEYMAN",
    "NON_SATURATING",
    "PEARSON",
    "PROBABILITY",
    "REVERSE_KL",
    "WASSERSTEIN",
    "Auxiliary",
    "Bidirectional",
    "Codes",
    "Conditional",
    "FDivergence",
    "GaussianEncoder",
    "Generator",
    "History",
    "Joint",
    "Labels",
    "Objective",
    "Projection",
    "Sampler",
    "SemiSupervised",
    "adam",
    "best_response",
    "class_loss",
    "classification",
    "clip",
    "critic_step",
    "dcgan_critic",
    "dcgan_generator",
    "dirac_game",
    "evaluate",
    "fade",
    "feature_matching",
    "fitted",
    "game_value",
    "generator_gradient",
    "generator_step",
    "gradient_penalty",
    "image_critic",
    "image_generator",
    "information",
    "information_bound",
    "instance_noise",
    "inversion",
    "jensen_shannon",
    "keras_critic",
    "keras_generator",
    "kl",
    "label_smoothing",
    "layer_norm",
    "least_squares",
    "mlp",
    "optimal_critic",
    "optimal_value",
    "play",
    "r1",
    "score",
    "slopes",
    "spectral",
    "supervised",
    "well_trained",
]
