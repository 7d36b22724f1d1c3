"""Adversarial training: objectives, divergences, networks, and the one loop that plays the game."""

from .divergences import game_value, jensen_shannon, kl, optimal_critic, optimal_value
from .game import History, Sampler, adam, critic_step, generator_step, play, score
from .networks import Generator, image_critic, image_generator, mlp
from .objectives import MINIMAX, NON_SATURATING, PROBABILITY, Objective

__all__ = [
    "MINIMAX",
    "NON_SATURATING",
    "PROBABILITY",
    "Generator",
    "History",
    "Objective",
    "Sampler",
    "adam",
    "critic_step",
    "game_value",
    "generator_step",
    "image_critic",
    "image_generator",
    "jensen_shannon",
    "kl",
    "mlp",
    "optimal_critic",
    "optimal_value",
    "play",
    "score",
]
