"""Build the book from notebooks whose outputs are fresh; what is stale is executed first.

    python -m tools.book               the book: exercises without their solutions
    python -m tools.book --solutions   the edition for self-learners
    python -m tools.book --both        the two side by side

The sources are staged in `_build`, so the working tree stays as it is. Warnings and failing cells end the build.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
import yaml

from course.editions import reader

from . import notebooks
from .html import complaints

ROOT = notebooks.ROOT
BUILD = ROOT / "_build"
FAILED = "The book was not built; the messages above say why."


def stage(src: Path, *, solutions: bool) -> bool:
    """Copy what the book is made of to `src`, executing what is stale; False if a cell failed."""
    for name in ("book", "_config.yml", "LICENSE"):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy2
        copy(ROOT / name, src / name)
    for page in (ROOT / "chapters").glob("*/*.md"):
        target = src / page.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(page, target)
    fresh = {py: not notebooks.problems(py) for py in notebooks.masters()}
    stale = {py: BUILD / "executed" / py.relative_to(ROOT).with_suffix(".ipynb") for py in fresh if not fresh[py]}
    stale = {py: out for py, out in stale.items() if not _executed(out, notebooks.fingerprint(py))}
    if stale:
        print(f"Executing {len(stale)} notebook(s) whose stored outputs are stale", flush=True)
    if not notebooks.run_all(stale):
        return False
    for py, is_fresh in fresh.items():
        relative = py.relative_to(ROOT).with_suffix(".ipynb")
        notebook = nbformat.read(py.with_suffix(".ipynb") if is_fresh else BUILD / "executed" / relative, 4)
        notebooks.write(notebook if solutions else reader(notebook), src / relative)
    return True


def _executed(out: Path, fingerprint: str) -> bool:
    """Whether an earlier build has executed the same notebook already."""
    return out.exists() and nbformat.read(out, 4).metadata.get("genmodels", {}).get("fingerprint") == fingerprint


def keep_times(src: Path, old: Path) -> None:
    """Give files that have not changed their old times, so that Sphinx reads again only what has."""
    for file in src.rglob("*"):
        before = old / file.relative_to(src)
        if file.is_file() and before.is_file() and before.read_bytes() == file.read_bytes():
            os.utime(file, (before.stat().st_atime, before.stat().st_mtime))


def restyled(src: Path, old: Path) -> bool:
    """Whether a style or script has changed: Sphinx copies those only when a page is out of date as well."""
    files = {
        file.relative_to(top) for top in (src, old) for file in (top / "book/_static").rglob("*") if file.is_file()
    }
    both = (((src / file), (old / file)) for file in files)
    return any(not (a.is_file() and b.is_file() and a.read_bytes() == b.read_bytes()) for a, b in both)


def address() -> str:
    """The published repository's address: from the environment, or as filled into `_config.yml`."""
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    return os.environ.get("GENMODELS_REPOSITORY") or config["repository"]["url"] or ""


def configure(src: Path) -> None:
    """Launch buttons need an address; without one they are left out, rather than pointing at somebody else's.

    They are theme options, set here because the book tool drops its own when `_config.yml` sets any.
    """
    path = src / "_config.yml"
    config = yaml.safe_load(path.read_text(encoding="utf-8"))
    branch = config.pop("repository")["branch"]
    if url := address():
        launch = {"notebook_interface": "jupyterlab", "colab_url": "https://colab.research.google.com"}
        theme = {"repository_url": url, "repository_branch": branch, "use_repository_button": True}
        config["sphinx"]["config"]["html_theme_options"].update(theme, launch_buttons=launch)
    path.write_text(yaml.safe_dump(config, allow_unicode=True, sort_keys=False), encoding="utf-8")


def prepare(out: Path, *, solutions: bool) -> list[str]:
    """Lay out the sources in `out`; what the book tool must be told about them."""
    src, old = out / "src", out / "src.old"
    shutil.rmtree(old, ignore_errors=True)
    if src.exists():
        src.rename(old)
    src.mkdir(parents=True)
    if not stage(src, solutions=solutions):
        sys.exit(FAILED)
    configure(src)
    keep_times(src, old)
    everything = ["--all"] if restyled(src, old) else []
    shutil.rmtree(old, ignore_errors=True)
    return everything


def build(out: Path, options: list[str]) -> bool:
    """Make the pages, in `out / "html"`; False if something failed."""
    began, src, html = time.perf_counter(), out / "src", out / "html"
    command = [Path(sys.executable).parent / "jupyter-book", "build", src, "--toc", src / "book/_toc.yml"]
    options = ["--path-output", str(out), "-W", "-n", "--keep-going", "-q", *options]
    done = subprocess.run([*map(str, command), *options], cwd=src, capture_output=True, text=True)
    if done.returncode:
        print(done.stdout[-3_000:], done.stderr[-6_000:], sep="\n", file=sys.stderr)
        return False
    shutil.rmtree(html, ignore_errors=True)
    shutil.copytree(out / "_build/html", html)
    found = complaints(html)
    if found:
        print(*found, sep="\n", file=sys.stderr)
    print(f"Built in {time.perf_counter() - began:.0f} s. Open {html / 'index.html'}", flush=True)
    return not found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--solutions", action="store_true", help="with solutions and hidden tests")
    which.add_argument("--both", action="store_true", help="both editions")
    arguments = parser.parse_args()
    editions = {
        "book": not arguments.solutions,
        "book-solutions": arguments.solutions or arguments.both,
    }
    outs = [BUILD / name for name, wanted in editions.items() if wanted]
    print(f"Building {' and '.join(out.name for out in outs)}", flush=True)
    options = [prepare(out, solutions=out.name == "book-solutions") for out in outs]
    with ThreadPoolExecutor() as pool:  # Sphinx uses one core: two editions take no longer than one
        if not all(list(pool.map(build, outs, options))):
            sys.exit(FAILED)


if __name__ == "__main__":
    main()
