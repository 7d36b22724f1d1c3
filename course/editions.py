"""Editions of one master: pure functions from notebook to notebook.

`student` and `reader` hold no solution and no hidden case; `instructor` holds everything; `nbgrader_source` says the
same to nbgrader in its own metadata. None changes the notebook it is given.
"""

from __future__ import annotations

import copy
import re
import textwrap

from course.markup import CHECK, HIDDEN, Cell, Exercise, Notebook, exercises, stub, tags

DIRECTIVE = re.compile(r"^(?P<fence>:{3,})\{solution(-start|-end)?\}.*?^(?P=fence)[ \t]*$\n?", re.S | re.M)

MARK = re.compile(r"^[ \t]*### (BEGIN|END) SOLUTION[ \t]*\n?", re.M)


def student(notebook: Notebook) -> Notebook:
    """For a class: stubs instead of solutions, no hidden case, no output at all; the checks cannot be edited."""
    edition = _without_answers(notebook)
    for cell in _code(edition):
        _clear(cell)
        if "test" in tags(cell):
            cell["metadata"].update(deletable=False, editable=False)
    return edition


def reader(notebook: Notebook) -> Notebook:
    """For the book: like the student's, but the outputs stay, except those of the solutions and their checks."""
    edition = _without_answers(notebook)
    for cell in _code(edition):
        if tags(cell) & {"solution", "test"}:
            _clear(cell)
    return edition


def instructor(notebook: Notebook) -> Notebook:
    """Everything: statements, solutions, checks, hidden cases and outputs."""
    return copy.deepcopy(notebook)


def nbgrader_source(notebook: Notebook, *, seed: int = 0) -> Notebook:
    """The source version of an nbgrader assignment. `seed` draws the random hidden cases; keep it private."""
    known = {exercise.label: exercise for exercise in exercises(notebook)}
    edition = _without_gates(copy.deepcopy(notebook))
    seen: dict[str, int] = {}
    for cell in _code(edition):
        _clear(cell)
        if match := HIDDEN.search(cell["source"]):
            cell["source"] = _hidden_tests(known[match["label"]], seed)
            _grade(cell, f"{match['label']}-hidden", points=float(match["points"]))
        elif match := CHECK.search(cell["source"]):
            seen[match["label"]] = seen.get(match["label"], 0) + 1
            _grade(cell, f"{match['label']}-check-{seen[match['label']]}", points=float(match["points"]))
        elif "solution" in tags(cell):
            label = next(name for name, exercise in known.items() if exercise.solution == cell["source"])
            _grade(cell, f"{label}-solution", points=None)
    return edition


def _code(notebook: Notebook) -> list[Cell]:
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def _clear(cell: Cell) -> None:
    cell["outputs"], cell["execution_count"] = [], None
    cell["metadata"].pop("execution", None)  # time stamps of a run whose output is gone


def _without_answers(notebook: Notebook) -> Notebook:
    edition = _without_gates(copy.deepcopy(notebook))
    edition["cells"] = [cell for cell in edition["cells"] if "hidden-test" not in tags(cell)]
    for cell in _code(edition):
        if "solution" in tags(cell):
            cell["source"] = stub(cell["source"])
    return edition


def _without_gates(notebook: Notebook) -> Notebook:
    """Drop the solution directives, and the cells in which nothing else stood. Changes the notebook."""
    kept = []
    for cell in notebook["cells"]:
        if cell["cell_type"] == "markdown" and DIRECTIVE.search(cell["source"]):
            cell["source"] = DIRECTIVE.sub("", cell["source"]).strip()
            if not cell["source"]:
                continue
        kept.append(cell)
    notebook["cells"] = kept
    return notebook


def _grade(cell: Cell, grade_id: str, *, points: float | None) -> None:
    """Write nbgrader's metadata, schema 3: a cell with points is a locked test, one without a student's solution."""
    test = points is not None
    fields = {"schema_version": 3, "grade": test, "solution": not test, "locked": test, "task": False}
    cell["metadata"]["nbgrader"] = {**fields, "grade_id": grade_id} | ({"points": points} if test else {})
    cell["metadata"]["tags"] = sorted(tags(cell) - {"remove-cell", "hidden-test"})


# nbgrader runs the hidden cases in the student's own process. The reference solution therefore stands inside a function
# of its own, so that it keeps its name without taking the student's.
_HIDDEN_TESTS = '''\
# {label}: further cases, {points:g} points
### BEGIN HIDDEN TESTS
import random

import torch


{cases}


def reference_{function}():
    """The instructor's solution."""
{solution}
    return {function}


def tensors_{function}(arguments):
    """Fresh copies, so that a function that changes its arguments harms nobody."""
    return [torch.tensor(a, dtype=torch.float64) if isinstance(a, list) else a for a in arguments]


def check_{function}(arguments):
    """Compare shape and numbers; an answer that is not finite is wrong."""
    given, kept = tensors_{function}(arguments), tensors_{function}(arguments)
    answer = torch.as_tensor({function}(*given), dtype=torch.float64)
    wanted = torch.as_tensor(reference_{function}()(*tensors_{function}(arguments)), dtype=torch.float64)
    assert answer.shape == wanted.shape, "the answer has another shape than expected"
    close = (answer - wanted).abs() <= {tolerance!r} * wanted.abs().clamp(min=1.0)
    assert bool(close.all()), "the answer differs from the expected one"
    assert all(torch.equal(torch.as_tensor(a), torch.as_tensor(b)) for a, b in zip(given, kept, strict=True)), (
        "an argument was changed in place"
    )


for arguments in cases_{function}(random.Random("{seed}:{label}")):
    check_{function}(arguments)
### END HIDDEN TESTS'''


def _hidden_tests(exercise: Exercise, seed: int) -> str:
    """The hidden cell as plain asserts that nbgrader strips from the release and restores before it grades."""
    return _HIDDEN_TESTS.format(
        label=exercise.label,
        points=exercise.points,
        function=exercise.function,
        cases=HIDDEN.sub("", exercise.cases).strip(),
        solution=textwrap.indent(MARK.sub("", exercise.solution), "    "),
        tolerance=exercise.tolerance,
        seed=seed,
    )
