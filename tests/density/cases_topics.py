"""Topic models, as cases of the properties of every density."""

from __future__ import annotations

import itertools

import torch
from density.properties import Case

from genmodels.density.allocation import LDA
from genmodels.density.topics import random_plsa
from genmodels.training import rng

TOPICS = torch.tensor([[0.6, 0.3, 0.1], [0.1, 0.2, 0.7], [0.25, 0.5, 0.25]])
DOCUMENTS = torch.tensor(list(itertools.product(range(3), repeat=4)))

CASES = [
    Case(
        "plsa",
        random_plsa(4, 5, topics=2, rng=rng(0), dtype=torch.float32),
        support=torch.cartesian_prod(torch.arange(4), torch.arange(5)),
    ),
    Case("lda", LDA(torch.tensor([0.4, 1.0, 2.0]), TOPICS, length=4, steps=20), support=DOCUMENTS, likelihood=False),
    Case("lda of one topic", LDA(torch.tensor([0.7]), TOPICS[:1], length=4), support=DOCUMENTS, likelihood=False),
]
