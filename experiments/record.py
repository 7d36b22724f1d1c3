"""Results as JSON, each with what it takes to trust and repeat it."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from pathlib import Path
from typing import Any

import torch

ROOT = Path(__file__).resolve().parent.parent
RESULTS = Path(__file__).resolve().parent / "results"


def provenance(command: str) -> dict[str, Any]:
    """Command, commit, library versions and hardware: ask before the run, while the code is what it runs with."""
    commit = _git("rev-parse", "HEAD")
    changed = _git("status", "--porcelain", "genmodels", "experiments/*.py")
    hardware = torch.cuda.get_device_name() if torch.cuda.is_available() else f"{_processor()}, {os.cpu_count()} cores"
    return {
        "command": command,
        "commit": (commit or "not in a repository") + (" with changes" if changed else ""),
        "torch": torch.__version__,
        "python": platform.python_version(),
        "hardware": hardware,
    }


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True).stdout.strip()


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def write(name: str, result: dict[str, Any]) -> Path:
    """Write atomically; an interrupted run leaves the old result."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    part = path.with_suffix(".part")
    part.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    os.replace(part, path)
    return path
