"""The files that describe the environment describe one; README, contents and corrections describe one book."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
CONDA = yaml.safe_load((ROOT / "environment.yml").read_text())
PINS = dict(line.split("==") for line in (ROOT / "constraints.txt").read_text().split())
NAMES = {"pytorch": "torch", "matplotlib-base": "matplotlib"}  # conda's name: pip's name


def requirements(lines: list[str]) -> dict[str, Requirement]:
    return {canonicalize_name(requirement.name): requirement for requirement in map(Requirement, lines)}


def conda() -> dict[str, Requirement]:
    """Conda's own dependencies under pip's names, without Python and pip."""
    plain = [line for line in CONDA["dependencies"] if isinstance(line, str) and not re.match(r"(python|pip)\b", line)]
    return {NAMES.get(name, name): requirement for name, requirement in requirements(plain).items()}


def test_conda_and_pip_ask_for_the_same_packages_and_versions() -> None:
    pip = requirements(PROJECT["dependencies"])
    assert conda().keys() == pip.keys()
    assert all(conda()[name].specifier == pip[name].specifier for name in pip)


def test_condas_python_is_one_the_project_allows_and_its_pip_part_installs_the_extras() -> None:
    (python,) = (line.split("=")[1] for line in CONDA["dependencies"] if str(line).startswith("python="))
    assert Requirement(f"python{PROJECT['requires-python']}").specifier.contains(python)
    (pip_part,) = (line["pip"] for line in CONDA["dependencies"] if isinstance(line, dict))
    assert pip_part == [f"-e .[{','.join(PROJECT['optional-dependencies'])}]"]


def test_every_direct_dependency_is_pinned_to_a_version_it_allows() -> None:
    extras = [line for lines in PROJECT["optional-dependencies"].values() for line in lines]
    pins = {canonicalize_name(name): version for name, version in PINS.items()}
    for name, requirement in requirements([*PROJECT["dependencies"], *extras]).items():
        assert name in pins, f"{name} is not pinned"
        assert requirement.specifier.contains(pins[name]), f"{name} is pinned outside its range"


def test_no_address_in_what_sets_the_environment_up() -> None:
    for name in ("make.py", "constraints.txt", "environment.yml", ".ci/run", "Makefile"):
        assert not re.search(r"https?://|file://|--(extra-)?index-url|find-links", (ROOT / name).read_text()), name


def test_the_readmes_chapters_are_the_books() -> None:
    contents = yaml.safe_load((ROOT / "book/data/contents.yml").read_text(encoding="utf-8"))
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for folder, chapter in contents.items():
        (row,) = re.findall(rf"^\| {int(folder[:2])} \| {chapter['title']} \|(.*)\|$", readme, re.M)
        written = [name for name in chapter["sections"] if (ROOT / f"chapters/{folder}/{name}.py").exists()]
        assert re.findall(r"\((chapters/\S+)\.ipynb\)", row) == [f"chapters/{folder}/{name}" for name in written]


def test_every_written_section_is_in_the_table_of_contents() -> None:
    toc = (ROOT / "book/_toc.yml").read_text()
    for py in (ROOT / "chapters").glob("[0-9]*/[0-9]*.py"):
        assert f"file: {py.relative_to(ROOT).with_suffix('')}" in toc


def test_corrections_in_a_margin_have_a_row_and_rows_have_a_margin() -> None:
    rows = yaml.safe_load((ROOT / "book/data/corrections.yml").read_text(encoding="utf-8"))
    for py in (ROOT / "chapters").glob("[0-9]*/[0-9]*.py"):
        section = str(py.relative_to(ROOT / "chapters").with_suffix(""))
        in_margin = set(re.findall(r"\bE-\d+\b", py.read_text(encoding="utf-8")))
        assert in_margin == {row["id"] for row in rows if row["section"] == section}


def test_every_recorded_result_is_named_literally_by_a_page() -> None:
    """The fingerprint finds results by their names: one put together at run time would never make a page stale."""
    pages = "".join(py.read_text(encoding="utf-8") for py in (ROOT / "chapters").glob("[0-9]*/[0-9]*.py"))
    results = list((ROOT / "experiments/results").glob("*.json"))
    assert results and [result.stem for result in results if f'"{result.stem}"' not in pages] == []


def test_a_bare_kernel_installs_from_the_address_in_the_configuration() -> None:
    address = yaml.safe_load((ROOT / "_config.yml").read_text())["repository"]["url"]
    for py in (ROOT / "chapters").glob("[0-9]*/[0-9]*.py"):
        assert f'REPOSITORY = "{address}"' in py.read_text(encoding="utf-8")
