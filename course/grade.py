"""Grade a folder of submissions: one row for each, whatever it contains.

The expected numbers are computed here, from the master's solution, and never enter the process that runs the submitted
functions: whoever reads, patches or prints there cannot find them. Points of an exercise are given for all its cases or
not at all, as nbgrader gives them; the note says how many cases were wrong.
"""

from __future__ import annotations

import ast
import csv
import hashlib
import io
import json
import math
import os
import random
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from course.markup import Exercise, MarkupError, exercises, read_notebook
from course.sandbox import Limits, StoppedError, replies
from course.submission import RefusedError, code_cells, definitions, read_bytes

Arguments = list[Any]  # numbers and nested lists
Answer = Any  # a number or nested lists of numbers


@dataclass(frozen=True)
class Problem:
    """An exercise with its cases drawn and answered. `expected` stays in this process."""

    exercise: Exercise
    cases: tuple[Arguments, ...]
    expected: tuple[Answer, ...]


@dataclass(frozen=True)
class Key:
    """What a batch is graded against; `digest` is the master's."""

    problems: tuple[Problem, ...]
    digest: str
    seed: int


@dataclass(frozen=True)
class Row:
    """The result of one submission."""

    name: str
    file: str
    points: dict[str, float]
    total: float
    out_of: float
    note: str
    seconds: float
    seed: int
    sha256: str
    master: str


def answer_key(master: Path, *, seed: int) -> Key:
    """Draw the hidden cases and solve them with the master's own solutions. A faulty master is refused."""
    notebook = read_notebook(master)
    found = exercises(notebook)
    if not found:
        raise MarkupError(f"{master} holds no graded exercise; see the README of the folder course for the pattern.")
    page = [cell["source"] for cell in notebook["cells"] if cell["cell_type"] == "code"]
    problems = tuple(_problem(exercise, page, seed) for exercise in found)
    return Key(problems, hashlib.sha256(master.read_bytes()).hexdigest(), seed)


def _problem(exercise: Exercise, page: list[str], seed: int) -> Problem:
    from course.worker import plain, tensors  # imports torch, which `release` does not need

    try:
        drawn = _load([exercise.cases], f"cases_{exercise.function}")(random.Random(f"{seed}:{exercise.label}"))
        cases = tuple(json.loads(json.dumps(list(case), allow_nan=False)) for case in drawn)
        solve = _load([*page, exercise.solution], exercise.function)
        expected = tuple(plain(solve(*tensors(case))) for case in cases)
    except Exception as error:  # the author's code; whatever it raises, the author needs one sentence
        text = f"The hidden cases of {exercise.label!r} cannot be answered by its own solution: {error!r}."
        raise MarkupError(text) from error
    if not cases or not all(math.isfinite(number) for answer in expected for number in _numbers(answer)):
        raise MarkupError(f"The exercise {exercise.label!r} has no case, or a case whose answer is not finite.")
    return Problem(exercise, cases, expected)


def _load(sources: list[str], name: str) -> Callable[..., Any]:
    """The function `name` from the master, with what it uses. The master is trusted, so this happens in-process."""
    import torch

    module: dict[str, Any] = {"__name__": "master", "torch": torch}
    statements, _ = definitions(sources, [name])
    exec(compile(ast.Module(statements, []), "master", "exec"), module)
    function: Callable[..., Any] = module[name]
    return function


def _numbers(answer: Answer) -> Iterator[float]:
    if isinstance(answer, list):
        for part in answer:
            yield from _numbers(part)
    else:
        yield answer


def agrees(answer: Answer, expected: Answer, *, tolerance: float) -> bool:
    """Same nesting, and every number within the tolerance, which is relative where the expected number exceeds 1."""
    if type(expected) is list:
        alike = type(answer) is list and len(answer) == len(expected)
        return alike and all(agrees(a, e, tolerance=tolerance) for a, e in zip(answer, expected, strict=True))
    if type(answer) not in (int, float):
        return False
    try:
        return bool(abs(answer - expected) <= tolerance * max(1.0, abs(expected)))  # False for nan and infinity
    except OverflowError:  # an integer beyond every float
        return False


def judge(problem: Problem, answers: Iterable[dict[str, Any]]) -> tuple[float, str]:
    """Points and a note for the answers to one exercise, each {"value": ...} or {"error": ...}."""
    wrong = []
    for case, expected, answer in zip(problem.cases, problem.expected, answers, strict=False):
        if "value" not in answer or not agrees(answer["value"], expected, tolerance=problem.exercise.tolerance):
            wrong.append((case, answer))
    if not wrong:
        return problem.exercise.points, ""
    case, answer = wrong[0]
    happened = f"gave {_short(answer['value'])}" if "value" in answer else str(answer.get("error", "gave no answer"))
    call = f"{problem.exercise.function}({', '.join(map(_short, case))})"
    return 0.0, f"{len(wrong)} of {len(problem.cases)} cases wrong; first: {call} {happened}"


def _short(value: Answer, depth: int = 2) -> str:
    """A few numbers of a value that may be anything and of any depth."""
    if type(value) is list and depth > 0:
        parts = [_short(part, depth - 1) for part in value[:3]]
        return f"[{', '.join(parts + ['...'] * (len(value) > 3))}]"
    return f"{value:.4g}" if type(value) in (int, float) else "..."


def grade_cells(
    cells: list[str], problems: Sequence[Problem], *, limits: Limits, isolated: bool
) -> tuple[list[tuple[float, str]], list[str]]:
    """Points and note per exercise, and notes about the file. After a time-out or crash a new worker does the rest."""
    results: list[tuple[float, str]] = []
    notes: list[str] = []
    while len(results) < len(problems):
        done, notes = _one_worker(cells, problems[len(results) :], limits=limits, isolated=isolated)
        results += done
    return results, notes


def _one_worker(
    cells: list[str], problems: Sequence[Problem], *, limits: Limits, isolated: bool
) -> tuple[list[tuple[float, str]], list[str]]:
    """Results of at least one exercise: up to the end, or up to the one that stopped the worker."""
    calls = [(problem.exercise.function, case) for problem in problems for case in problem.cases]
    job = {"cells": cells, "wanted": [problem.exercise.function for problem in problems], "calls": calls}
    results: list[tuple[float, str]] = []
    notes: list[str] | None = None
    try:
        with replies(job, limits=limits, isolated=isolated) as lines:
            notes = _notes(next(lines))
            answers = _in_order(lines)
            for problem in problems:
                results.append(judge(problem, _in_time(answers, len(problem.cases), limits)))
    except StoppedError as stop:
        lost = len(problems) if notes is None else 1  # without definitions there is nothing to try again
        results += [(0.0, str(stop))] * lost
    return results, notes or []


def _notes(line: Any) -> list[str]:
    if type(line) is dict and type(line.get("defined")) is list:
        return [str(note) for note in line["defined"][:5]]
    raise StoppedError("wrote something that is no answer")


def _in_order(lines: Iterator[Any]) -> Iterator[dict[str, Any]]:
    """The answers, as long as their numbers count up from 0; a forged line brings them out of step."""
    for index, line in enumerate(lines):
        if type(line) is not dict or line.get("call") != index:
            raise StoppedError("wrote answers out of order")
        yield line


def _in_time(answers: Iterator[dict[str, Any]], count: int, limits: Limits) -> Iterator[dict[str, Any]]:
    """The next answers; all together may take three times as long as a single one."""
    end = time.monotonic() + 3 * limits.call
    for _ in range(count):
        yield next(answers)
        if time.monotonic() > end:
            raise StoppedError(f"took more than {3 * limits.call:g} s for all cases")


def grade_file(path: Path, folder: Path, key: Key, *, limits: Limits, isolated: bool) -> Row:
    """One submission's row. Nothing that the file holds or does raises here."""
    started, digest = time.monotonic(), ""
    results: list[tuple[float, str]] = []
    notes: list[str] = []
    try:
        content = read_bytes(path)
        digest = hashlib.sha256(content).hexdigest()
        cells = code_cells(content, notebook=path.suffix == ".ipynb")
        results, notes = grade_cells(cells, key.problems, limits=limits, isolated=isolated)
    except RefusedError as refusal:
        notes = [f"refused: {refusal}"]
    except Exception as error:  # a fault of the grader or of the machine: a row for the instructor, not the end
        digest, results, notes = "", [], [f"not graded: {error!r}"]  # without a digest the next run tries again
    row = _row(path.relative_to(folder), key, results, notes)
    return replace(row, seconds=round(time.monotonic() - started, 1), sha256=digest)


def _row(file: Path, key: Key, results: Sequence[tuple[float, str]], notes: Sequence[str]) -> Row:
    labels = [problem.exercise.label for problem in key.problems]
    points = dict.fromkeys(labels, 0.0) | {label: got for label, (got, _) in zip(labels, results, strict=False)}
    said = [f"{label}: {note}" for label, (_, note) in zip(labels, results, strict=False) if note]
    return Row(
        name=printable(file.parts[0].removesuffix(file.suffix)),
        file=printable(str(file)),
        points=points,
        total=sum(points.values()),
        out_of=sum(problem.exercise.points for problem in key.problems),
        note=printable("; ".join([*said, *notes])[:500]),
        seconds=0.0,
        seed=key.seed,
        sha256="",
        master=key.digest,
    )


def printable(text: str) -> str:
    """Text from a submission without control characters, and with no formula for the spreadsheet that opens it."""
    shown = "".join(letter if letter.isprintable() else "?" for letter in text)
    return f"'{shown}" if shown.startswith(("=", "+", "-", "@")) else shown


def submissions(folder: Path) -> list[Path]:
    """Every file below the folder, in order, without hidden ones and caches. Links are listed, not followed."""
    found = []
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith((".", "__")))
        linked = [name for name in folders if (Path(place) / name).is_symlink()]
        found += [Path(place) / name for name in [*files, *linked] if not name.startswith(".")]
    return sorted(found)


def grade_folder(
    folder: Path, key: Key, *, known: Iterable[Row], roster: Iterable[str], limits: Limits, isolated: bool, jobs: int
) -> Iterator[list[Row]]:
    """All rows so far, each time one more is there; the last list is complete and in the order of the files.

    A row of `known` is kept if the file, the master and the seed are the same as then.
    """
    files = submissions(folder)
    done = {row.file: row for row in known if row.master == key.digest and row.seed == key.seed and row.sha256}
    shown = {path: printable(str(path.relative_to(folder))) for path in files}
    rows = {path: done[file] for path, file in shown.items() if file in done and _same(path, done[file])}
    present = {_name(path, folder) for path in files}
    absent = [_row(Path(name), key, [], ["missing"]) for name in roster if name not in present]
    yield [*rows.values(), *absent]
    pool = ThreadPoolExecutor(jobs)
    try:
        todo = [path for path in files if path not in rows]
        waiting = {pool.submit(grade_file, path, folder, key, limits=limits, isolated=isolated): path for path in todo}
        for future in as_completed(waiting):
            rows[waiting[future]] = future.result()
            yield [*(rows[path] for path in files if path in rows), *absent]
    finally:
        pool.shutdown(cancel_futures=True)  # on an interruption: finish what runs, start nothing more


def _name(path: Path, folder: Path) -> str:
    return path.relative_to(folder).parts[0].removesuffix(path.suffix)


def _same(path: Path, row: Row) -> bool:
    try:
        return hashlib.sha256(read_bytes(path)).hexdigest() == row.sha256
    except (RefusedError, OSError):
        return False


def write(rows: Sequence[Row], table: Path) -> None:
    """The rows as CSV and, beside it, as JSON. Each is replaced in one step, so that a crash leaves a whole one."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    labels = list(rows[0].points) if rows else []
    writer.writerow(["name", "file", *labels, "total", "out_of", "note", "seconds", "seed", "sha256", "master"])
    for row in rows:
        points = [row.points[label] for label in labels]
        fixed = [row.total, row.out_of, row.note, row.seconds, row.seed, row.sha256, row.master]
        writer.writerow([row.name, row.file, *points, *fixed])
    _replace(table, text.getvalue())
    _replace(table.with_suffix(".json"), json.dumps([asdict(row) for row in rows], indent=1) + "\n")


def _replace(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(path.name + ".part")
    fresh.write_text(text, encoding="utf-8")
    os.replace(fresh, path)


def read_rows(table: Path) -> list[Row]:
    """The rows of an earlier run, or none: what cannot be read is graded again."""
    try:
        return [Row(**row) for row in json.loads(table.with_suffix(".json").read_text(encoding="utf-8"))]
    except (OSError, ValueError, TypeError):
        return []
