"""The command line: `release` makes the editions of a master, `grade` grades a folder of submissions."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from course.markup import MarkupError


def main(arguments: list[str] | None = None) -> int:
    """Run one command; a mistake of the caller is one sentence and exit code 2."""
    parser = _parser()
    chosen = parser.parse_args(arguments)
    try:
        return release(chosen) if chosen.command == "release" else grade(chosen)
    except (MarkupError, OSError) as error:
        print(f"course: {error}", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m course", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    make = commands.add_parser("release", help="write the student's, the instructor's and nbgrader's notebooks")
    make.add_argument("master", type=Path, help="a chapter: percent .py or .ipynb")
    make.add_argument("--out", type=Path, default=Path("_build/course"), help="folder for the editions (%(default)s)")
    make.add_argument("--seed", type=int, default=0, help="private seed of nbgrader's hidden cases (%(default)s)")
    mark = commands.add_parser("grade", help="grade every .ipynb and .py below a folder")
    mark.add_argument("master", type=Path, help="the chapter that the submissions answer")
    mark.add_argument("submissions", type=Path, help="folder with one file, or one subfolder, per student")
    mark.add_argument("--seed", type=int, required=True, help="private seed that draws the hidden cases")
    mark.add_argument("--out", type=Path, default=Path("results.csv"), help="CSV; JSON goes beside it (%(default)s)")
    mark.add_argument("--roster", type=Path, help="one name a line; who has no submission gets a row 'missing'")
    mark.add_argument("-j", "--jobs", type=_jobs, default=2, help="submissions at the same time (%(default)s)")
    mark.add_argument("--limit", type=_seconds, default=10.0, help="seconds for one call (%(default)s)")
    mark.add_argument("--unsafe-no-sandbox", action="store_true", help="grade without bubblewrap: limits, no isolation")
    return parser


def _jobs(text: str) -> int:
    if (number := int(text)) < 1:
        raise argparse.ArgumentTypeError(f"{number} submissions at the same time is too few; give 1 or more")
    return number


def _seconds(text: str) -> float:
    if not (0 < (seconds := float(text)) < 3600):
        raise argparse.ArgumentTypeError(f"{seconds:g} seconds for one call make no sense; give a number above 0")
    return seconds


def release(chosen: argparse.Namespace) -> int:
    """Write the three editions of a master."""
    import nbformat

    from course import editions
    from course.markup import exercises, read_notebook

    notebook = read_notebook(chosen.master)
    found = exercises(notebook)
    if not found:
        raise MarkupError(f"{chosen.master} holds no graded exercise, so there is nothing to release.")
    name = chosen.master.stem
    for folder, edition in {
        "student": editions.student(notebook),
        "instructor": editions.instructor(notebook),
        f"nbgrader/source/{name}": editions.nbgrader_source(notebook, seed=chosen.seed),
    }.items():
        path = chosen.out / folder / f"{name}.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(edition, path)
        print(f"wrote {path}")
    points = sum(exercise.points for exercise in found)
    print(f"{len(found)} exercises, {points:g} points. Only the student edition is free of solutions.")
    return 0


def grade(chosen: argparse.Namespace) -> int:
    """Grade a folder and write the table after every row."""
    from course import sandbox
    from course.batch import Row, grade_folder, read_rows, write
    from course.grade import answer_key

    if not chosen.submissions.is_dir():
        raise MarkupError(f"{chosen.submissions} is no folder; give the folder that holds the submissions.")
    key = answer_key(chosen.master, seed=chosen.seed)
    isolated = not chosen.unsafe_no_sandbox
    if isolated and (problem := sandbox.missing()):
        text = f"{problem}; install it, or add --unsafe-no-sandbox to run submissions with your own rights."
        raise MarkupError(text)
    rows: list[Row] = []
    for rows in grade_folder(
        chosen.submissions,
        key,
        known=read_rows(chosen.out),
        roster=_names(chosen.roster),
        limits=sandbox.Limits(call=chosen.limit),
        isolated=isolated,
        jobs=chosen.jobs,
    ):
        write(rows, chosen.out)  # after every row, so that an interrupted batch goes on where it stopped
    full = sum(row.total == row.out_of for row in rows)
    print(f"{len(rows)} rows, {full} with full points: {chosen.out} and {chosen.out.with_suffix('.json')}")
    return 0


def _names(roster: Path | None) -> list[str]:
    lines = roster.read_text(encoding="utf-8-sig", errors="replace").splitlines() if roster else []
    return [line.strip() for line in lines if line.strip()]


if __name__ == "__main__":
    sys.exit(main())
