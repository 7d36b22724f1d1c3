"""Generative models, executed: the tested package behind the book of the same name.

Rooms, top floor first; a room imports only from the floors below it:

* `genmodels.adversarial` -- objectives, divergences, networks and the one adversarial training loop;
* `genmodels.metrics` -- what a set of samples is worth;
* `genmodels.data`, `genmodels.training`, `genmodels.plots`, `genmodels.lab` -- the ground floor.
"""

__version__ = "0.1.0"
