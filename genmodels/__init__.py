"""Generative models, executed: the tested package behind the book of the same name.

Rooms, top floor first; a room imports only from the floors below it:

* `genmodels.sequence` -- the step model and its one loop, and what is learned with it;
* `genmodels.adversarial` -- objectives, divergences, networks and the one adversarial training loop;
* `genmodels.density` -- explicit densities, and how they are fitted and sampled;
* `genmodels.metrics` -- what a set of samples is worth;
* `genmodels.data`, `genmodels.training`, `genmodels.plots`, `genmodels.lab` -- the ground floor.
"""

__version__ = "0.1.0"
