"""The other engine: nbgrader takes our source folder, and scores a right and a wrong submission as our grader does."""

from __future__ import annotations

import copy
import csv
import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest

from course import editions
from course.markup import exercises

pytestmark = pytest.mark.skipif(importlib.util.find_spec("nbgrader") is None, reason="nbgrader is not installed")

BCE_ON_PROBABILITIES = """\
def generator_losses(scores):
    d = torch.sigmoid(scores)
    return torch.stack([torch.log(1 - d).mean(), -torch.log(d).mean()])
"""


def nbgrader(course: Path, *arguments: str) -> None:
    """One command of nbgrader, with a home of its own."""
    home = course / "home"
    home.mkdir(exist_ok=True)
    homes = dict.fromkeys(("HOME", "JUPYTER_CONFIG_DIR", "IPYTHONDIR"), str(home))
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])  # nbgrader calls alembic by its name
    environment = {**os.environ, **homes, "PATH": path}
    command = [sys.executable, "-m", "nbgrader", *arguments]
    done = subprocess.run(command, cwd=course, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]


def exercises_only(notebook: Any) -> Any:
    """The exercise cells behind one import: the experiments of the chapter would only cost time here."""
    short = copy.deepcopy(notebook)
    first = next(n for n, cell in enumerate(short.cells) if "{exercise}" in cell.source)
    last = max(n for n, cell in enumerate(short.cells) if "hidden-test" in cell.metadata.get("tags", ()))
    start = nbformat.v4.new_code_cell("import torch", id="imports")
    short.cells = [start, *short.cells[first : last + 1]]
    return short


def submit(course: Path, student: str, answers: dict[str, str]) -> None:
    """Fill in the released notebook and hand it in."""
    released = nbformat.read(course / "release" / "game" / "game.ipynb", as_version=4)
    for cell in released.cells:
        label = cell.metadata.get("nbgrader", {}).get("grade_id", "").removesuffix("-solution")
        cell.source = answers.get(label, cell.source)
    target = course / "submitted" / student / "game" / "game.ipynb"
    target.parent.mkdir(parents=True)
    nbformat.write(released, target)


def test_nbgrader_scores_a_right_a_wrong_and_an_untouched_submission(tmp_path: Path, notebook: Any) -> None:
    source = tmp_path / "source" / "game" / "game.ipynb"
    source.parent.mkdir(parents=True)
    nbformat.write(editions.nbgrader_source(exercises_only(notebook), seed=5), source)
    nbgrader(tmp_path, "generate_assignment", "game", "--create", "--CourseDirectory.root=.")
    text = (tmp_path / "release" / "game" / "game.ipynb").read_text(encoding="utf-8")
    assert "cases_" not in text and "reference_" not in text and "xlogy" not in text

    right = {exercise.label: exercise.solution for exercise in exercises(notebook)}
    submit(tmp_path, "right", right)
    submit(tmp_path, "wrong", {**right, "ex-game-losses": BCE_ON_PROBABILITIES})
    submit(tmp_path, "untouched", {})
    nbgrader(tmp_path, "autograde", "game", "--create", "--CourseDirectory.root=.")
    nbgrader(tmp_path, "export", "--to=grades.csv", "--db=sqlite:///gradebook.db")
    with (tmp_path / "grades.csv").open(newline="") as table:
        scores = {row["student_id"]: (float(row["score"]), float(row["max_score"])) for row in csv.DictReader(table)}
    wrong = 12.0 - 4.0  # the public check asks for a score of 1000, so that it fails with the hidden cases
    assert scores == {"right": (12.0, 12.0), "wrong": (wrong, 12.0), "untouched": (0.0, 12.0)}
