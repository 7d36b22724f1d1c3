"""Adversarial training: objectives, divergences, networks, Lipschitz control, and the one loop that plays the game."""

from .convolutional import dcgan_critic, dcgan_generator, layer_norm
from .divergences import game_value, jensen_shannon, kl, optimal_critic, optimal_value
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
from .schedules import well_trained

__all__ = [
    "HINGE",
    "LEAST_SQUARES",
    "MINIMAX",
    "NON_SATURATING",
    "PROBABILITY",
    "WASSERSTEIN",
    "Generator",
    "History",
    "Objective",
    "Sampler",
    "adam",
    "clip",
    "critic_step",
    "dcgan_critic",
    "dcgan_generator",
    "game_value",
    "generator_step",
    "gradient_penalty",
    "image_critic",
    "image_generator",
    "jensen_shannon",
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
