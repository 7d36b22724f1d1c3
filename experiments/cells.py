"""Grids of runs that may be interrupted: every finished cell is kept, and the next start goes on behind it."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from . import record


def run(
    recipe: str, command: str, cells: Iterable[tuple[str, ...]], measure: Callable[..., dict[str, Any]]
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """`measure(*cell)` for each cell that is not there yet; provenance first, then the rows in the order of `cells`.

    Cells of another version of the recipe, or of the package, are not mixed in: both are part of the folder's name.
    The provenance is that of the first start.
    """
    folder = record.ROOT / "_build/runs" / f"{Path(recipe).stem}_{_version(Path(recipe))}"
    folder.mkdir(parents=True, exist_ok=True)
    about = _kept(folder / "provenance.json", lambda: record.provenance(command))
    rows = []
    for cell in cells:
        row = _kept(folder / ("-".join(cell).replace(" ", "_") + ".json"), lambda cell=cell: measure(*cell))  # type: ignore[misc]
        print(*cell, {name: value for name, value in row.items() if isinstance(value, int | float)}, flush=True)
        rows.append(row)
    return {**about, "command": command}, rows


def _version(recipe: Path) -> str:
    """A digest of the recipe and of the package it runs with."""
    files = [recipe, *sorted((record.ROOT / "genmodels").rglob("*.py"))]
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:8]


def _kept(path: Path, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    if not path.exists():
        part = path.with_suffix(".part")
        part.write_text(json.dumps(make()), encoding="utf-8")
        os.replace(part, path)
    return json.loads(path.read_text(encoding="utf-8"))
