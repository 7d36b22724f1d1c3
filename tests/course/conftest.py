"""One master for every test of the course: the first section of the book."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from course.markup import read_notebook

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def master() -> Path:
    return ROOT / "chapters" / "02_gans" / "01_game.py"


@pytest.fixture(scope="session")
def notebook(master: Path) -> Any:
    return read_notebook(master)
