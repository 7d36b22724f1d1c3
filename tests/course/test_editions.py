"""What each edition holds, and above all what the public ones do not."""

from __future__ import annotations

import copy
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from course import editions
from course.markup import STUB, exercises, tags

PUBLIC = [editions.student, editions.reader]


@pytest.fixture
def executed(notebook: Any) -> Any:
    """The master as it looks after a run: every code cell has an output that names it."""
    ran = copy.deepcopy(notebook)
    for number, cell in enumerate(ran.cells):
        if cell.cell_type == "code":
            cell.execution_count = number
            cell.outputs = [{"output_type": "stream", "name": "stdout", "text": f"output {number}"}]
    return ran


def code(notebook: Any) -> list[Any]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def secret_lines(notebook: Any) -> set[str]:
    """Lines of solutions and hidden cells that occur nowhere else on the page."""
    secret, public = set(), set()
    for cell in notebook.cells:
        lines = {line.strip() for line in cell.source.splitlines() if len(line.strip()) > 12}
        hidden = "hidden-test" in tags(cell)
        kept = set(editions.stub(cell.source).splitlines()) if "solution" in tags(cell) else lines
        secret |= lines if hidden or "solution" in tags(cell) else set()
        public |= set() if hidden else {line.strip() for line in kept}
    return secret - public


@pytest.mark.parametrize("edition", PUBLIC)
def test_public_editions_hold_no_solution_and_no_hidden_case(edition: Callable[[Any], Any], executed: Any) -> None:
    result = edition(executed)
    text = "\n".join(cell.source for cell in result.cells)
    assert len(secret_lines(executed)) > 20
    assert not [line for line in secret_lines(executed) if line in text]
    assert not any("hidden" in tag for cell in result.cells for tag in tags(cell))
    assert text.count(STUB) == len(exercises(executed))
    for mark in ("SOLUTION", "# hidden:", "{solution", "def cases_"):
        assert mark not in text
    for exercise in exercises(executed):
        assert f":label: {exercise.label}" in text
        assert all(check in text for check in exercise.checks)


def test_the_student_gets_no_output_and_locked_checks(executed: Any) -> None:
    for cell in code(editions.student(executed)):
        assert cell.outputs == [] and cell.execution_count is None
        locked = cell.metadata.get("editable") is False and cell.metadata.get("deletable") is False
        assert locked == ("test" in tags(cell))


def test_the_reader_keeps_outputs_but_those_of_solutions_and_checks(executed: Any) -> None:
    for cell in code(editions.reader(executed)):
        assert bool(cell.outputs) != bool(tags(cell) & {"solution", "test"})


def test_the_instructor_gets_everything(executed: Any) -> None:
    assert editions.instructor(executed) == executed


def test_nbgrader_source_carries_its_metadata(notebook: Any) -> None:
    graded = [cell for cell in editions.nbgrader_source(notebook, seed=3).cells if "nbgrader" in cell.metadata]
    names = [cell.metadata.nbgrader["grade_id"] for cell in graded]
    assert len(names) == len(set(names)) == 3 * len(exercises(notebook))
    for cell in graded:
        compile(cell.source, "cell", "exec")
        assert cell.metadata.nbgrader["schema_version"] == 3
        hidden = cell.metadata.nbgrader["grade_id"].endswith("-hidden")
        assert hidden == ("### BEGIN HIDDEN TESTS" in cell.source)
        assert ("points" in cell.metadata.nbgrader) == cell.metadata.nbgrader["grade"]


@pytest.mark.parametrize("edition", [*PUBLIC, editions.instructor, editions.nbgrader_source])
def test_no_edition_changes_the_notebook_it_is_given(edition: Callable[[Any], Any], executed: Any) -> None:
    before = copy.deepcopy(executed)
    edition(executed)
    assert executed == before


def test_the_book_can_import_the_editions_without_heavy_libraries() -> None:
    heavy = "{'torch', 'jupytext', 'nbformat', 'nbgrader', 'numpy'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", f"import sys, course.editions; assert not {heavy}"], check=True)
