"""Type-check the chapters' code: the cells of each text half, as one module.

Chapter files begin with digits, which is no module name, so each is checked from a copy with a name of its own.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from .notebooks import ROOT, masters


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        for py in masters():
            name = f"chapter_{py.parent.name}_{py.stem}.py"
            Path(folder, name).write_text(py.read_text(encoding="utf-8"), encoding="utf-8")
        copies = sorted(str(copy) for copy in Path(folder).glob("*.py"))
        return subprocess.call(
            [sys.executable, "-m", "mypy", "--config-file", ROOT / "pyproject.toml", *copies], cwd=ROOT
        )


if __name__ == "__main__":
    sys.exit(main())
