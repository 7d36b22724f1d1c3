"""Chapters: the .py is the source, the .ipynb beside it the same cells with the outputs they produced.

    python -m tools.notebooks check    pairs agree, every cell has been run in order, no output is stale
    python -m tools.notebooks run      execute what is stale (or the files named) and store the outputs

A stored output is *stale* when something it was computed from has changed: the chapter, the package modules it
imports, the recorded results it names, or the pinned version of a library that computes or draws. Each notebook carries
the fingerprint of all these. Outputs of trainings are not compared letter by letter: they differ between processors,
and what a page claims about them is an assertion that every execution checks.
"""

from __future__ import annotations

import argparse
import ast
import concurrent.futures
import hashlib
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jupytext
import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

ROOT = Path(__file__).resolve().parent.parent
CHAPTERS = ROOT / "chapters"
TIMEOUT = 600
COMPUTES = {"torch", "numpy", "scipy", "scikit-learn", "matplotlib"}  # whose versions an output depends on
LARGEST = 4_000_000  # bytes: what a page may weigh in the repository
METADATA = {
    "jupytext": {
        "formats": "ipynb,py:percent",
        "notebook_metadata_filter": "-all",
        "cell_metadata_filter": "tags,mystnb,-all",
    },
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"name": "python", "file_extension": ".py", "mimetype": "text/x-python"},
}


def masters() -> list[Path]:
    """Every chapter's text half, in the book's order."""
    return sorted(CHAPTERS.glob("[0-9]*/[0-9]*.py"))


def from_text(py: Path) -> Any:
    """The notebook that the text half describes: no outputs, and cell ids that do not change from run to run."""
    notebook = jupytext.read(py, fmt="py:percent")
    notebook.metadata = nbformat.from_dict(METADATA)
    for i, cell in enumerate(notebook.cells):
        cell.id = f"{py.stem.replace('_', '-')}-{i:02d}"
    return notebook


def to_text(notebook: Any) -> str:
    """The canonical text half; `jupytext` decides the order of keys and the blank lines."""
    return jupytext.writes(notebook, fmt="py:percent")


# --- what an output was computed from --------------------------------------------------------------------------------


def fingerprint(py: Path) -> str:
    """A hash of everything the outputs of `py` depend on and this repository decides."""
    pins = (ROOT / "constraints.txt").read_text().splitlines()
    digest = hashlib.sha256("".join(pin for pin in pins if pin.split("==")[0] in COMPUTES).encode())
    text = py.read_text()
    results = [file for file in sorted((ROOT / "experiments/results").glob("*")) if file.stem in text]
    for file in [py, *sorted(_imported(ast.parse(text))), *results]:
        digest.update(file.relative_to(ROOT).as_posix().encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()


def _imported(tree: ast.AST, seen: set[Path] | None = None) -> set[Path]:
    """Files of the package that a module imports, and what those import in turn."""
    seen = set() if seen is None else seen
    for name in _names(tree):
        for file in _files(name):
            if file not in seen:
                seen.add(file)
                _imported(_absolute(file), seen)
    return seen


def _names(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _files(name: str) -> Iterator[Path]:
    """`genmodels.data.ring` may be a module or a name inside one; the packages above it are executed as well."""
    parts = name.split(".")
    if parts[0] != "genmodels":
        return
    for depth in range(1, len(parts) + 1):
        place = ROOT.joinpath(*parts[:depth])
        yield from (file for file in (place / "__init__.py", place.with_suffix(".py")) if file.exists())


def _absolute(file: Path) -> ast.AST:
    """The syntax tree of a package file with its relative imports made absolute."""
    package = file.relative_to(ROOT).parent.parts
    tree = ast.parse(file.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = package[: len(package) - node.level + 1]
            node.module, node.level = ".".join([*base, *([node.module] if node.module else [])]), 0
    return tree


# --- executing and checking ------------------------------------------------------------------------------------------


def execute(py: Path) -> Any:
    """Run every cell in a fresh kernel; the notebook comes back with outputs and the fingerprint it was run under."""
    notebook = from_text(py)
    # What is stored, and compared, is the quick scale, whatever the author's shell says.
    os.environ.update(GENMODELS_SCALE="quick", GENMODELS_PROGRESS="0", PYTHONWARNINGS="ignore::FutureWarning")
    client = NotebookClient(notebook, timeout=TIMEOUT, kernel_name="python3", record_timing=False,
                            resources={"metadata": {"path": str(py.parent)}})  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        manager = client.create_kernel_manager()
        if os.name == "posix":  # sockets in a folder of their own instead of open TCP ports
            manager.transport, manager.ip = "ipc", f"{folder}/kernel"
        client.execute()
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if output.get("name") != "stderr"]
    notebook.metadata["language_info"] = METADATA["language_info"]
    notebook.metadata["genmodels"] = {"fingerprint": fingerprint(py)}
    return notebook


def write(notebook: Any, path: Path) -> None:
    """Atomically, in the layout in which JupyterLab saves."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    nbformat.write(notebook, part)
    os.replace(part, path)


def problems(py: Path) -> list[str]:
    """Why the pair cannot be published; empty if it can."""
    remedy = "run `python make.py notebooks`"
    notebook_path = py.with_suffix(".ipynb")
    if not notebook_path.exists():
        return [f"{notebook_path.relative_to(ROOT)} is missing: {remedy}"]
    notebook, name = nbformat.read(notebook_path, 4), notebook_path.relative_to(ROOT)
    found = []
    if _cells(notebook) != _cells(from_text(py)):
        found.append(f"{name}: its cells differ from {py.name}: {remedy}")
    if to_text(from_text(py)) != py.read_text():
        found.append(f"{py.relative_to(ROOT)} is not in canonical form: {remedy}")
    counts = [cell.execution_count for cell in notebook.cells if cell.cell_type == "code"]
    if counts != list(range(1, len(counts) + 1)):
        found.append(f"{name}: its cells were not run once, in order: {remedy}")
    if notebook.metadata.get("genmodels", {}).get("fingerprint") != fingerprint(py):
        found.append(f"{name}: its outputs are stale, something they were computed from has changed: {remedy}")
    if notebook_path.stat().st_size > LARGEST:
        found.append(f"{name} has {notebook_path.stat().st_size:,} bytes, more than {LARGEST:,}: use fewer frames")
    return found


def _cells(notebook: Any) -> list[tuple[str, str, str]]:
    return [(cell.cell_type, cell.source, json.dumps(cell.metadata, sort_keys=True)) for cell in notebook.cells]


def run(py: Path, out: Path) -> float:
    """Execute `py`, write the notebook to `out`; seconds it took."""
    began = time.perf_counter()
    write(execute(py), out)
    return time.perf_counter() - began


def run_all(pairs: dict[Path, Path]) -> bool:
    """Execute each text half into its notebook, two at a time; say what failed, and whether all went well."""
    fine = True
    with concurrent.futures.ProcessPoolExecutor(2) as pool:
        jobs = {pool.submit(run, py, out): py.relative_to(ROOT) for py, out in pairs.items()}
        for job in concurrent.futures.as_completed(jobs):
            try:
                print(f"  executed {jobs[job]} in {job.result():.0f} s", flush=True)
            except CellExecutionError as error:
                fine = False
                print(f"  FAILED {jobs[job]}\n{error}", file=sys.stderr, flush=True)
    return fine


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=["check", "run"])
    parser.add_argument("files", nargs="*", type=Path, help="text halves (default: all; `run`: all that need it)")
    arguments = parser.parse_args()
    files = [file.resolve() for file in arguments.files] or masters()
    if arguments.command == "check":
        found = [problem for py in files for problem in problems(py)]
        print("\n".join(found) or f"{len(files)} notebook(s) are paired, complete and fresh")
        return bool(found)
    for py in files:
        py.write_text(to_text(from_text(py)))
    return not run_all({py: py.with_suffix(".ipynb") for py in files if arguments.files or problems(py)})


if __name__ == "__main__":
    sys.exit(main())
