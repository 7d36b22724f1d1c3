"""What the recorded table of section 4.3 rests on: measurements of codes whose meaning is known by construction."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from experiments import infogan
from genmodels import training
from genmodels.adversarial import Conditional
from mutants import mutants, rejects

Meaning = Callable[[Tensor, Tensor], dict[str, Any]]


def drawings(n: int) -> tuple[Tensor, Tensor]:
    """Blobs of ink that lean as c2 says, more the higher the category, and are as dark as the category."""
    c = infogan.CODES.sample((n,), rng=training.rng(0))
    kind = c[:, :10].argmax(dim=1)
    slant = 0.5 * c[:, 10] + 0.1 * kind
    v, u = torch.meshgrid(10 - torch.arange(21.0), torch.arange(25.0) - 12, indexing="ij")
    lean = u - slant[:, None, None] * v
    ink = (0.1 + 0.08 * kind)[:, None, None] * torch.exp(-0.5 * (lean / 1.5) ** 2 - 0.5 * (v / 2.5) ** 2)
    return (2 * ink - 1)[:, None], c


def check_meaning(meaning: Meaning) -> None:
    found = meaning(*drawings(2_000))
    slant_by_c2 = torch.tensor(found["rank"][0][0])
    assert slant_by_c2.shape == (10,)
    assert slant_by_c2.min() > 0.99
    assert torch.tensor(found["rank"])[1].mean(dim=1).abs().max() < 0.1, "c3 does nothing here"
    (slant_by_kind, _, ink_by_kind), (slant_by_bins, _, _), (nothing, _, _) = found["explained"]
    assert 0.3 < slant_by_kind < 0.7, "categories lean, and so do positions"
    assert ink_by_kind > 0.99
    assert 0.95 < slant_by_bins < 1, "within a category; bins are not exact"
    assert nothing < 0.02


def positions_exchanged(x: Tensor, c: Tensor) -> dict[str, Any]:
    return infogan.meaning(x, torch.cat([c[:, :10], c[:, [11, 10]]], dim=1))


def codes_of_other_rows(x: Tensor, c: Tensor) -> dict[str, Any]:
    return infogan.meaning(x, c.roll(1, dims=0))


def mirrored(x: Tensor, c: Tensor) -> dict[str, Any]:
    return infogan.meaning(x.flip(3), c)


def across_categories(x: Tensor, c: Tensor) -> dict[str, Any]:
    """One category for all: what it does to the slant counts against the position."""
    right, wrong = infogan.meaning(x, c), c.clone()
    one = torch.arange(len(c)) % 10
    wrong[:, :10] = torch.eye(10)[one]
    return {**right, "explained": infogan.meaning(x, wrong)["explained"]}


def test_meaning() -> None:
    check_meaning(infogan.meaning)


@mutants({f.__name__: f for f in (positions_exchanged, codes_of_other_rows, mirrored, across_categories)})
def test_meaning_rejects(mutant: Meaning) -> None:
    rejects(check_meaning, mutant)


def test_a_sweep_changes_one_code_only() -> None:
    generator, _ = infogan.players((1, 8, 8), infogan.SIZES["digits"], seed=0)
    asked: list[Tensor] = []
    generator.register_forward_hook(lambda module, given, made: asked.append(torch.cat(given, dim=1)))
    for code in range(3):
        infogan.sweep(generator, code=code)
    by_row = [told.reshape(4, 10, -1) for told in asked]
    for code, told in enumerate(by_row):
        moved = (told - told[:, :1]).abs().amax(dim=(0, 1)).nonzero().flatten() - infogan.SIZES["digits"].latent
        assert moved.tolist() == (list(range(10)) if code == 0 else [9 + code])
    assert torch.equal(by_row[1][0, :, -2], torch.linspace(-2, 2, 10))


class Painter(nn.Module):
    """Paints the category in the last ten pixels, or noise only."""

    def __init__(self, *, tells: bool) -> None:
        super().__init__()
        self.tells, self.unused = tells, nn.Parameter(torch.zeros(()))  # noise asks it for its device

    def forward(self, told: Tensor) -> Tensor:
        z, c = told[:, :10], told[:, 10:20]
        return torch.cat([z.tanh(), 2 * c - 1 if self.tells else z.sin()], dim=1)


def test_a_new_head_reads_what_is_painted_and_nothing_else() -> None:
    """log 10 nats where the category is in the picture; about 0 where the generator ignores its code."""
    read = {
        tells: infogan.reader(Conditional(Painter(tells=tells), infogan.CODES, latent=10), width=32, steps=400)
        for tells in (True, False)
    }
    assert math.log(10) - 0.05 < read[True] < math.log(10) + 1e-6
    assert -0.5 < read[False] < 0.05
