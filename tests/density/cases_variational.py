"""The latent-variable model whose integral is known, as cases of the properties of every density."""

from __future__ import annotations

from dataclasses import replace

import torch
from density.properties import Case

from genmodels.density.variational import LinearGaussian

LINE = LinearGaussian(torch.tensor([[1.5], [-0.6]]), torch.tensor([0.5, -1.0]), torch.tensor(0.25))
NARROW = LinearGaussian(torch.tensor([[1.5]]), torch.tensor([0.5]), torch.tensor(0.25), learn_variance=False)

CASES = [
    Case("linear-gaussian", LINE, box=((-7.0, 8.0), (-5.0, 3.0))),
    Case("linear-gaussian, known noise", replace(LINE, learn_variance=False), box=((-7.0, 8.0), (-5.0, 3.0))),
    Case("linear-gaussian of 1", NARROW, box=((-8.0, 9.0),)),
]
