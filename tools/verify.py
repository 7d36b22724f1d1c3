"""Execute every notebook with nbval; one that has passed on this machine and has not changed since is not run again.

    python -m tools.verify [--all]

Assertions are the notebooks' claims: a cell that raises fails. Cells tagged `nbval-check-output` are closed forms;
their text, and their figures, must also come out as stored.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

from . import notebooks


def passed_before(py: Path) -> Path:
    """The file that says this notebook passed here: its name is the hash of all that decides the outcome."""
    stored = py.with_suffix(".ipynb").read_bytes()
    key = hashlib.sha256(notebooks.fingerprint(py).encode() + stored + sys.version.encode()).hexdigest()
    return notebooks.ROOT / "_build/verified" / f"{py.stem}-{key[:16]}"


def main() -> int:
    wanted = [py for py in notebooks.masters() if "--all" in sys.argv or not passed_before(py).exists()]
    skipped = len(notebooks.masters()) - len(wanted)
    if skipped:
        print(f"{skipped} notebook(s) passed here before and are unchanged (--all runs them again)", flush=True)
    if not wanted:
        return 0
    options = [
        "-o",
        "addopts=",
        "-p",
        "tests.notebooks.pictures",
        "--nbval-lax",
        "--nbval-current-env",
        "--dist=loadfile",
    ]
    limits = ["--nbval-cell-timeout=300", "--nbval-sanitize-with=tests/notebooks/sanitize.cfg", "-q", "-n", "2"]
    files = [str(py.with_suffix(".ipynb")) for py in wanted]
    environment = {**os.environ, "GENMODELS_PROGRESS": "0", "GENMODELS_SCALE": "quick"}
    code = subprocess.call(
        [sys.executable, "-m", "pytest", *options, *limits, *files], cwd=notebooks.ROOT, env=environment
    )
    if code == 0:
        for py in wanted:
            passed_before(py).parent.mkdir(parents=True, exist_ok=True)
            passed_before(py).touch()
    return code


if __name__ == "__main__":
    sys.exit(main())
