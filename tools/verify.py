"""Slow checks, done once for what has not changed: every notebook by nbval, every page of the book in a browser.

    python -m tools.verify notebooks [--all]
    python -m tools.verify browser [--all]

Assertions are the notebooks' claims: a cell that raises fails. Cells tagged `nbval-check-output` are closed forms;
their text, and their figures, must also come out as stored. What has passed on this machine is remembered under a hash
of all that decides the outcome, and is not run again unless `--all` asks for it.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from . import notebooks

ROOT = notebooks.ROOT
PYTEST = [sys.executable, "-m", "pytest", "-q", "-n", "2"]
NBVAL = [
    *("-o", "addopts=", "-p", "tests.notebooks.pictures", "-p", "tests.notebooks.kernels"),
    *("--nbval-lax", "--nbval-current-env", "--dist=loadfile"),
    *("--nbval-cell-timeout=300", "--nbval-sanitize-with=tests/notebooks/sanitize.cfg"),
]


def digest(files: Iterable[Path]) -> str:
    """A hash of the files' names and contents, and of the Python that would check them."""
    content = hashlib.sha256(sys.version.encode())
    for file in sorted(files):
        content.update(file.relative_to(ROOT).as_posix().encode() + b"\0" + file.read_bytes())
    return content.hexdigest()[:16]


def once(name: str, key: str, command: list[str]) -> int:
    """Run the command unless it has passed here with the same key; its exit status."""
    passed = ROOT / "_build/verified" / f"{name}-{key}"
    if passed.exists() and "--all" not in sys.argv:
        print(f"{name}: passed here before and unchanged (--all runs it again)", flush=True)
        return 0
    environment = {**os.environ, "GENMODELS_PROGRESS": "0", "GENMODELS_SCALE": "quick"}
    code = subprocess.call(command, cwd=ROOT, env=environment)
    if code == 0:
        passed.parent.mkdir(parents=True, exist_ok=True)
        passed.touch()
    return code


def every_notebook() -> int:
    """All of them in one run of pytest, so that two are executed at a time."""
    pages = [py.with_suffix(".ipynb") for py in notebooks.masters()]
    prints = "".join(notebooks.fingerprint(py) for py in notebooks.masters())
    key = digest([*pages, *(ROOT / "tests/notebooks").glob("*.*")]) + hashlib.sha256(prints.encode()).hexdigest()[:8]
    return once("notebooks", key, [*PYTEST, *NBVAL, *map(str, pages)])


def browser() -> int:
    """The book in both editions, as it was built, opened offline."""
    built = [file for file in (ROOT / "_build").glob("book*/html/**/*") if file.is_file()]
    key = digest([*built, *(ROOT / "tests/book").glob("*.py")])
    return once("browser", key, [*PYTEST, "tests/book"])


if __name__ == "__main__":
    sys.exit({"notebooks": every_notebook, "browser": browser}[sys.argv[1]]())
