"""The reader's edition gives no solution away; the self-learner's has them all."""

from __future__ import annotations

from pathlib import Path

from course.markup import exercises, read_notebook
from published import SOLUTIONS, unless_ci
from tools.notebooks import masters


def fingerprints() -> list[str]:
    """A telling line of each solution."""
    lines = []
    for py in masters():
        for exercise in exercises(read_notebook(py)):
            body = exercise.solution.split("### BEGIN SOLUTION")[1].split("### END SOLUTION")[0]
            lines.append(max((line.strip() for line in body.splitlines()), key=len))
    return lines


def text(html: Path) -> str:
    """Everything that was published: pages, their sources, and the search index."""
    kinds = (".html", ".js", ".txt", ".ipynb", ".md")
    files = [file for file in html.rglob("*") if file.suffix in kinds and "vendor" not in file.parts]
    return "\n".join(file.read_text(encoding="utf-8", errors="ignore") for file in files)


def test_no_solution_and_no_hidden_case_in_the_readers_edition(html: Path) -> None:
    published = text(html)
    assert fingerprints()
    assert [line for line in fingerprints() if line in published] == []
    assert "# hidden:" not in published


def test_solutions_in_the_self_learners_edition() -> None:
    if not (SOLUTIONS / "index.html").exists():
        unless_ci("the edition with solutions is not built: run `python make.py book --solutions` first")
    sources = "\n".join(file.read_text(encoding="utf-8") for file in (SOLUTIONS / "_sources").rglob("*.ipynb"))
    assert [line for line in fingerprints() if line.replace('"', '\\"') not in sources] == []
