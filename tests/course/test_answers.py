"""The grader's score on known answers: every right one gets full points on 20 seeds, every wrong one never does."""

from __future__ import annotations

import importlib.util
import json
import runpy
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from course.grade import Key, Problem, answer_key, judge
from course.worker import answer

LIES = runpy.run_path(str(Path(__file__).with_name("hostile.py")))["LIES"]
ROOT = Path(__file__).parents[2]
MASTERS = sorted(ROOT.glob("chapters/*/[0-9]*.py"))
FILES = {"ex-" + path.stem.replace("_", "-"): path.stem for path in Path(__file__).parent.glob("answers/*.py")}
CHANGES_ITS_ARGUMENT = {"wrong_in_place"}  # the one bug that is reported without a comparison


def answers_in(file: str) -> dict[str, Callable[..., Any]]:
    path = Path(__file__).parent / "answers" / f"{file}.py"
    spec = importlib.util.spec_from_file_location(file, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return {name: value for name, value in vars(module).items() if name.startswith(("right_", "wrong_"))}


FUNCTIONS = [(label, name, f) for label, file in FILES.items() for name, f in answers_in(file).items()]


@cache
def keys_of(master: Path) -> list[Key]:
    return [answer_key(master, seed=seed) for seed in range(20)]


def keys_with(label: str) -> list[Key]:
    """The keys, one per seed, of the section that asks this exercise."""
    (master,) = (path for path in MASTERS if f":label: {label}\n" in path.read_text(encoding="utf-8"))
    return keys_of(master)


def problem_of(key: Key, label: str) -> Problem:
    return next(problem for problem in key.problems if problem.exercise.label == label)


def replies(problem: Problem, function: Callable[..., Any]) -> list[dict[str, Any]]:
    name = problem.exercise.function
    return [answer({name: function}, name, case) for case in problem.cases]


@pytest.mark.parametrize(
    ("label", "name", "function"), FUNCTIONS, ids=[f"{label}-{name}" for label, name, _ in FUNCTIONS]
)
def test_right_answers_get_full_points_and_wrong_ones_never(
    label: str, name: str, function: Callable[..., Any]
) -> None:
    for key in keys_with(label):
        problem = problem_of(key, label)
        given = replies(problem, function)
        points, note = judge(problem, given)
        assert points == (problem.exercise.points if name.startswith("right_") else 0.0), f"seed {key.seed}: {note}"
        if name not in CHANGES_ITS_ARGUMENT:
            assert not [reply for reply in given if "error" in reply], "the bug must show in a number, not in a crash"


@pytest.mark.parametrize("name", LIES)
def test_a_lie_is_no_answer(name: str) -> None:
    module: dict[str, Any] = {"torch": torch}
    exec(LIES[name], module)
    problem = problem_of(keys_with("ex-game-step")[0], "ex-game-step")
    given = json.loads(json.dumps(replies(problem, module["critic_update"])), parse_int=float)  # as it is transported
    points, note = judge(problem, given)
    assert points == 0.0
    assert "12 of 12 cases wrong" in note


@pytest.mark.parametrize("file", FILES.values())
def test_there_are_enough_answers_and_each_says_what_it_is(file: str) -> None:
    functions = answers_in(file)
    assert sum(name.startswith("right_") for name in functions) >= 3
    assert sum(name.startswith("wrong_") for name in functions) >= 8
    assert all(function.__doc__ for function in functions.values())


def test_the_score_on_the_instructors_page_is_this_one() -> None:
    published = yaml.safe_load((ROOT / "book/data/grader.yml").read_text(encoding="utf-8"))
    problems = [problem for master in MASTERS for problem in keys_of(master)[0].problems]
    for row, problem in zip(published, problems, strict=True):
        names = answers_in(FILES[row["label"]])
        counted = {kind: sum(name.startswith(kind) for name in names) for kind in ("right", "wrong")}
        about = {"label": problem.exercise.label, "title": problem.exercise.title, "seeds": 20}
        assert row == {**about, **counted, "cases": len(problem.cases)}


@pytest.mark.parametrize("master", MASTERS, ids=lambda path: path.stem)
def test_every_exercise_has_a_dozen_cases_and_they_follow_the_seed(master: Path) -> None:
    keys = keys_of(master)
    again = answer_key(master, seed=0)
    for problem, same, other in zip(keys[0].problems, again.problems, keys[1].problems, strict=True):
        assert len(problem.cases) >= 12
        assert problem.cases == same.cases
        assert problem.cases != other.cases
