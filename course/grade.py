"""Judge one submission: the key that it is held against, and the points for what it answered.

The expected numbers are computed here, from the master's solution, and never enter the process that runs the submitted
functions: whoever reads, patches or prints there cannot find them. Points of an exercise are given for all its cases or
not at all, as nbgrader gives them; the note says how many cases were wrong.
"""

from __future__ import annotations

import ast
import hashlib
import json
import math
import random
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from course.markup import Exercise, MarkupError, exercises, read_notebook
from course.sandbox import Limits, StoppedError, replies
from course.submission import definitions

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
