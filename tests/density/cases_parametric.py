"""The parametric families, as cases of the properties of every density."""

from __future__ import annotations

import itertools

import torch
from density.properties import Case

from genmodels.density import Bernoulli, Categorical, Gaussian, Mixture, Multinomial, Normal, Poisson, Product

BITS = torch.tensor(list(itertools.product((0.0, 1.0), repeat=3)))
ROLLS = torch.tensor([x for x in itertools.product(range(6), repeat=3) if sum(x) == 5]).float()
SLANTED = torch.tensor([[1.0, 0.8], [0.8, 2.0]])

CASES = [
    Case("normal", Normal(torch.tensor(0.5), torch.tensor(0.7)), box=((-4.0, 5.0),)),
    Case("normal of 2", Normal(torch.tensor([0.5, -1.0]), torch.tensor([0.7, 1.5])), box=((-4.0, 5.0), (-9.0, 7.0))),
    Case("gaussian of 1", Gaussian(torch.tensor([1.0]), torch.tensor([[2.0]])), box=((-8.0, 10.0),)),
    Case("gaussian", Gaussian(torch.tensor([0.5, -1.0]), SLANTED), box=((-6.0, 7.0), (-9.0, 7.0))),
    Case("bits", Bernoulli(torch.tensor([0.2, 0.5, 0.9])), support=BITS),
    Case("bit", Bernoulli(torch.tensor(0.3)), support=torch.tensor([0.0, 1.0])),
    Case("die", Categorical(torch.tensor([0.1, 0.2, 0.3, 0.4])), support=torch.arange(4)),
    Case(
        "two dice",
        Categorical(torch.tensor([[0.1, 0.2, 0.7], [0.5, 0.3, 0.2]])),
        support=torch.cartesian_prod(torch.arange(3), torch.arange(3)),
    ),
    Case("counts", Poisson(torch.tensor(3.5)), support=torch.arange(40.0)),
    Case("multinomial", Multinomial(torch.tensor([0.2, 0.3, 0.5]), total=5), support=ROLLS),
    Case(
        "product",
        Product((Categorical(torch.tensor([0.3, 0.7])), Poisson(torch.tensor(1.0)))),
        support=torch.cartesian_prod(torch.arange(2.0), torch.arange(20.0)),
    ),
    Case(
        "mixture",
        Mixture(
            torch.tensor([0.3, 0.7]),
            (Gaussian(torch.tensor([-2.0, 0.0]), torch.eye(2)), Gaussian(torch.tensor([1.0, 1.0]), SLANTED)),
        ),
        box=((-8.0, 8.0), (-8.0, 9.0)),
    ),
    Case(
        "mixture of bits",
        Mixture(
            torch.tensor([0.4, 0.6]),
            (Bernoulli(torch.tensor([0.1, 0.2, 0.9])), Bernoulli(torch.tensor([0.8, 0.7, 0.3]))),
        ),
        support=BITS,
    ),
]
