"""Where the built book lies, and what to do when it, or a browser, is not there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
HTML = ROOT / "_build/book/html"
SOLUTIONS = ROOT / "_build/book-solutions/html"


def pages() -> list[str]:
    """Every page of the book, as paths below its root."""
    return sorted(p.relative_to(HTML).as_posix() for p in HTML.rglob("*.html") if "_static" not in p.parts)


def unless_ci(reason: str) -> None:
    """Skip with a reason; in CI what is missing is a failure, or the tests would vanish without anybody noticing."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)
