"""The tool that keeps text, notebook and outputs together: every way in which they can part is noticed."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest

from tools import notebooks


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small repository with one executed chapter that imports a package module through another."""
    files = {
        "constraints.txt": "torch==2.13.0\n",
        "genmodels/__init__.py": "",
        "genmodels/ground.py": "base = 20\n",
        "genmodels/room.py": "from .ground import base\n\nanswer = 2 * base + 2\n",
        "genmodels/other.py": "unused = True\n",
        "experiments/results/table.json": "{}\n",
        "chapters/01_a/01_b.py": "# %% [markdown]\n# # A page on table\n\n# %%\nprint(6 * 7)\n\n"
        "# %%\nfrom genmodels import room  # noqa\n\nprint('42')\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.setattr(notebooks, "ROOT", tmp_path)
    monkeypatch.setattr(notebooks, "CHAPTERS", tmp_path / "chapters")
    shutil.copy(Path(__file__).parents[2] / "chapters/jupytext.toml", tmp_path / "chapters")
    py = tmp_path / "chapters/01_a/01_b.py"
    notebook = notebooks.from_text(py)
    for count, cell in enumerate((cell for cell in notebook.cells if cell.cell_type == "code"), start=1):
        cell.execution_count = count
        cell.outputs = [nbformat.v4.new_output("stream", name="stdout", text="42\n")]
    notebook.metadata["genmodels"] = {"fingerprint": notebooks.fingerprint(py)}
    notebooks.write(notebook, py.with_suffix(".ipynb"))
    return tmp_path


def found(house: Path) -> str:
    return " ".join(notebooks.problems(house / "chapters/01_a/01_b.py"))


def edit(notebook: Path, change: Callable[[Any], None]) -> None:
    content = nbformat.read(notebook, 4)
    change(content)
    nbformat.write(content, notebook)


def test_a_fresh_pair_has_no_problem(house: Path) -> None:
    assert found(house) == ""


@pytest.mark.parametrize(
    "name", ["genmodels/room.py", "genmodels/ground.py", "constraints.txt", "experiments/results/table.json"]
)
def test_outputs_are_stale_when_something_they_depend_on_changes(house: Path, name: str) -> None:
    path = house / name
    path.write_text(path.read_text().replace("2.13", "2.14").replace("20", "21").replace("{}", "[]") + "\n")
    if name.endswith("room.py"):
        path.write_text(path.read_text().replace("2 * base", "3 * base"))
    assert "stale" in found(house)


def test_outputs_stay_fresh_when_an_unrelated_module_changes(house: Path) -> None:
    (house / "genmodels/other.py").write_text("unused = False\n")
    assert found(house) == ""


def test_text_and_notebook_out_of_step_are_noticed(house: Path) -> None:
    edit(house / "chapters/01_a/01_b.ipynb", lambda notebook: notebook.cells[1].update(source="print(6 * 8)"))
    assert "differ" in found(house)


def test_a_notebook_that_never_ran_is_noticed(house: Path) -> None:
    def forget(notebook: Any) -> None:
        for cell in notebook.cells[1:]:
            cell.update(execution_count=None, outputs=[])

    edit(house / "chapters/01_a/01_b.ipynb", forget)
    assert "not run" in found(house)


def test_cells_run_out_of_order_are_noticed(house: Path) -> None:
    edit(house / "chapters/01_a/01_b.ipynb", lambda notebook: notebook.cells[2].update(execution_count=7))
    assert "in order" in found(house)


def test_a_missing_notebook_is_noticed(house: Path) -> None:
    (house / "chapters/01_a/01_b.ipynb").unlink()
    assert "missing" in found(house)


def test_a_failing_cell_fails_the_run_and_leaves_the_stored_notebook(
    house: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    py = house / "chapters/01_a/01_b.py"
    stored = py.with_suffix(".ipynb").read_bytes()
    py.write_text("# %%\nassert 1 == 2, 'one is two'\n")
    assert not notebooks.run_all({py: py.with_suffix(".ipynb")})
    assert "one is two" in capsys.readouterr().err
    assert py.with_suffix(".ipynb").read_bytes() == stored
