"""The commands' own failures are one sentence each, and say what to do."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def make() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make", ROOT / "make.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_an_old_python_is_told_what_is_missing(make: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(make.sys, "version_info", (3, 8, 18))
    with pytest.raises(make.Stop, match=r"needs Python 3\.11 or newer and was started with 3\.8"):
        make.main(["book"])


def test_the_script_parses_on_old_pythons() -> None:
    olds = [found for name in ("python2.7", "python3.6", "python3.8") if (found := shutil.which(name))]
    if not olds:
        pytest.skip("no older Python on this machine")
    for old in olds:
        done = subprocess.run([old, str(ROOT / "make.py"), "book"], capture_output=True, text=True)
        if "not found" in done.stderr or "not installed" in done.stderr:
            continue  # a version manager's placeholder
        assert done.returncode and "needs Python 3.11" in done.stderr and "Traceback" not in done.stderr


def test_a_full_disk_is_said_before_anything_is_written(
    make: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(make, "STAMP", str(tmp_path / "none"))
    monkeypatch.setattr(make.shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10**10, 10**10, 10**8))
    with pytest.raises(make.Stop, match=r"disk is too full.*make room"):
        make.set_up()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("log", "sentence"),
    [
        ("WARNING: NewConnectionError\nERROR: Could not find a version that satisfies x", "connect this machine"),
        ("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device", "disk is full"),
        ("ERROR: ResolutionImpossible", "pip could not install the packages: ERROR: ResolutionImpossible"),
    ],
)
def test_pips_failures_become_a_sentence(make: ModuleType, log: str, sentence: str) -> None:
    assert sentence in make.reason(log) and "\n" not in make.reason(log)


def test_without_a_network_the_whole_command_says_so(tmp_path: Path) -> None:
    """The real path: a fresh environment, and an index that is not there."""
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "GENMODELS_VENV": str(tmp_path / "venv")}
    nowhere = {"PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_NO_CACHE_DIR": "1", "PIP_RETRIES": "0"}
    nowhere["PIP_CONFIG_FILE"] = os.devnull  # no index or wheel of this machine's own
    command = [sys.executable, str(ROOT / "make.py"), "check"]
    done = subprocess.run(command, env={**environment, **nowhere}, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode and "connect this machine to the network" in done.stderr
    assert "Traceback" not in done.stderr and len(done.stderr.strip().splitlines()) == 1


def test_an_unknown_command_shows_the_known_ones(make: ModuleType) -> None:
    with pytest.raises(make.Stop, match=r"python make\.py book"):
        make.main(["bake"])
