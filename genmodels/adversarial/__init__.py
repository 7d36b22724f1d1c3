"""Adversarial training: objectives, divergences, networks, Lipschitz control, and the one loop that plays the game."""

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
    "FDivergence",
    "Generator",
    "History",
    "Objective",
    "Sampler",
    "adam",
    "best_response",
    "clip",
    "critic_step",
    "dcgan_critic",
    "dcgan_generator",
    "dirac_game",
    "evaluate",
    "fade",
    "game_value",
    "generator_gradient",
    "generator_step",
    "gradient_penalty",
    "image_critic",
    "image_generator",
    "instance_noise",
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
    "well_trained",
]
