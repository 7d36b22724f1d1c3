"""Read the exercises out of a master: the chapter that holds statement, solution, public checks and hidden cases.

An exercise is a function. Its parts are marked by a MyST directive, by tags of cells and by one comment line each; the
README of this folder shows them. A master that breaks the pattern is refused with one sentence that names the cell.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Notebook = Any  # an nbformat NotebookNode; named here so that this module imports nothing heavy
Cell = Any

STUB = 'raise NotImplementedError("your code here")'
REGION = re.compile(r"^(?P<indent>[ \t]*)### BEGIN SOLUTION[ \t]*\n.*?^[ \t]*### END SOLUTION[ \t]*$", re.S | re.M)
STATEMENT = re.compile(r"^:{3,}\{exercise\}[ \t]*(?P<title>.*)\n(?::(?!label).*\n)*:label:[ \t]*(?P<label>\S+)", re.M)
GATE = re.compile(r"^:{3,}\{solution-(?P<side>start|end)\}[ \t]*(?P<label>\S*)", re.M)
CHECK = re.compile(r"\A# check: (?P<label>\S+) points=(?P<points>\d+(?:\.\d+)?)[ \t]*$", re.M)
HIDDEN = re.compile(
    r"\A# hidden: (?P<label>\S+) function=(?P<function>\w+) points=(?P<points>\d+(?:\.\d+)?)"
    r" tolerance=(?P<tolerance>\d[\d.]*(?:e-?\d+)?)[ \t]*$",
    re.M,
)


class MarkupError(ValueError):
    """A master that cannot be used; the message is one sentence for its author."""


@dataclass(frozen=True)
class Exercise:
    """One graded function. All sources are Python text."""

    label: str
    title: str
    function: str
    stub: str
    solution: str
    checks: tuple[str, ...]
    cases: str
    points: float
    tolerance: float


def read_notebook(path: Path) -> Notebook:
    """The notebook in a percent file or an `.ipynb`. Cells of a percent file are numbered, so that releases agree."""
    import jupytext  # here, because the book's build imports this module for its patterns only

    try:
        notebook = jupytext.read(path)
    except (OSError, ValueError) as error:
        raise MarkupError(f"{path} cannot be read as a notebook ({error}); give a percent .py or an .ipynb.") from error
    if path.suffix == ".py":
        for number, cell in enumerate(notebook.cells, start=1):
            cell["id"] = f"cell-{number:03d}"
    return notebook


def tags(cell: Cell) -> frozenset[str]:
    """The cell's tags."""
    return frozenset(cell["metadata"].get("tags", ()))


def stub(source: str) -> str:
    """The source with every marked solution replaced by an error that says whose turn it is."""
    return REGION.sub(lambda match: match["indent"] + STUB, source)


def exercises(notebook: Notebook) -> tuple[Exercise, ...]:
    """All graded exercises in the order of the page. One with neither solution nor hidden cases is not graded."""
    cells = [(f"cell {n} ({_first_line(cell)})", cell) for n, cell in enumerate(notebook["cells"], start=1)]
    titles, solutions = _titles(cells), _solutions(cells)
    checks, hidden = _checks(cells), _hidden(cells)
    for label, (where, _) in {**solutions, **hidden}.items():
        if label not in titles:
            raise MarkupError(f"{where} belongs to {label!r}, but no exercise has that label.")
    for where, label, _ in checks:
        if label not in hidden:
            raise MarkupError(f"{where} checks {label!r}, which has no hidden cell; add one or correct the label.")
    graded = [label for label in titles if label in solutions or label in hidden]
    return tuple(_exercise(label, titles[label], solutions, checks, hidden) for label in graded)


Cells = list[tuple[str, Cell]]
Located = dict[str, tuple[str, str]]  # label -> where the cell is, source
Checks = list[tuple[str, str, str]]  # where the cell is, label, source


def _first_line(cell: Cell) -> str:
    lines = [line.strip() for line in cell["source"].splitlines() if line.strip()]
    return repr(lines[0][:60]) if lines else "empty"


def _titles(cells: Cells) -> dict[str, str]:
    titles: dict[str, str] = {}
    for where, cell in cells:
        for match in STATEMENT.finditer(cell["source"]) if cell["cell_type"] == "markdown" else ():
            if match["label"] in titles:
                raise MarkupError(f"{where} uses the label {match['label']!r} a second time; labels must differ.")
            titles[match["label"]] = match["title"].strip()
    return titles


def _code_in_gates(cells: Cells) -> Iterator[tuple[str, Cell, str | None]]:
    """Every code cell with the label of the solution gate that it stands in, or None outside."""
    open_label, opened = None, ""
    for where, cell in cells:
        if cell["cell_type"] == "code":
            yield where, cell, open_label
        for match in GATE.finditer(cell["source"]) if cell["cell_type"] == "markdown" else ():
            if (match["side"] == "start") == (open_label is not None):
                raise MarkupError(f"{where} has a solution-{match['side']} without its partner; gates come in pairs.")
            open_label, opened = (match["label"], where) if match["side"] == "start" else (None, "")
    if open_label is not None:
        raise MarkupError(f"{opened} opens the solution of {open_label!r} and nothing closes it; add a solution-end.")


def _solutions(cells: Cells) -> Located:
    found: Located = {}
    for where, cell, label in _code_in_gates(cells):
        marked, tagged = "### BEGIN SOLUTION" in cell["source"], "solution" in tags(cell)
        if not (marked or tagged):
            continue
        if not (marked and tagged and label):
            raise MarkupError(f"{where} needs all three: the tag solution, a solution-start gate, ### BEGIN SOLUTION.")
        if label in found:
            raise MarkupError(f"{where} is a second solution of {label!r}; put the whole solution into one cell.")
        if "### BEGIN SOLUTION" in stub(cell["source"]) or "### END SOLUTION" in stub(cell["source"]):
            raise MarkupError(f"{where} has a ### BEGIN SOLUTION without its ### END SOLUTION, or the reverse.")
        found[label] = (where, cell["source"])
    return found


def _headed(cells: Cells, tag: str, pattern: re.Pattern[str], start: str) -> Iterator[tuple[str, Cell, re.Match[str]]]:
    """Cells with this tag and their first line. Both or neither: otherwise a hidden case would be published."""
    for where, cell in cells:
        tagged, headed = tag in tags(cell), cell["source"].startswith(start)
        match = pattern.search(cell["source"])
        if tagged != headed or (headed and match is None):
            raise MarkupError(f"{where} needs both the tag {tag} and a complete first line `{start} LABEL ...`.")
        if match is not None:
            yield where, cell, match


def _checks(cells: Cells) -> Checks:
    return [(where, match["label"], cell["source"]) for where, cell, match in _headed(cells, "test", CHECK, "# check:")]


def _hidden(cells: Cells) -> Located:
    found: Located = {}
    for where, cell, match in _headed(cells, "hidden-test", HIDDEN, "# hidden:"):
        if "remove-cell" not in tags(cell):
            raise MarkupError(f"{where} lacks the tag remove-cell, so that the book would show the hidden cases.")
        if match["label"] in found:
            raise MarkupError(f"{where} is a second hidden cell of {match['label']!r}; keep one.")
        found[match["label"]] = (where, cell["source"])
    return found


def _exercise(label: str, title: str, solutions: Located, checks: Checks, hidden: Located) -> Exercise:
    for kind, cells in (("solution", solutions), ("hidden cell", hidden)):
        if label not in cells:
            raise MarkupError(f"The exercise {label!r} has no {kind}; a graded exercise needs a solution and cases.")
    (solved_at, solution), (hidden_at, cases) = solutions[label], hidden[label]
    head = HIDDEN.search(cases)
    assert head is not None  # _hidden saw it
    _require_function(hidden_at, cases, f"cases_{head['function']}")
    for source in (solution, stub(solution)):
        _require_function(solved_at, source, head["function"])
    return Exercise(
        label=label,
        title=title,
        function=head["function"],
        stub=stub(solution),
        solution=solution,
        checks=tuple(source for _, name, source in checks if name == label),
        cases=cases,
        points=float(head["points"]),
        tolerance=float(head["tolerance"]),
    )


def _require_function(where: str, source: str, name: str) -> None:
    """Refuse a cell that does not parse or does not define `name`, as it stands and as a stub."""
    try:
        statements = ast.parse(source).body
    except SyntaxError as error:
        raise MarkupError(f"{where} is not Python: {error.msg} in line {error.lineno}.") from error
    if name not in {statement.name for statement in statements if isinstance(statement, ast.FunctionDef)}:
        raise MarkupError(f"{where} does not define the function {name!r} that its exercise names.")
