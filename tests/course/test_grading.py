"""One batch through the real sandbox: right, wrong, endless, hostile and broken submissions. Each is a row."""

from __future__ import annotations

import copy
import csv
import json
import os
import runpy
import socket
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import nbformat
import pytest

from course import editions, sandbox
from course.__main__ import main
from course.batch import Row, grade_folder, printable, read_rows, write
from course.grade import Key, answer_key
from course.markup import exercises

HOSTILE = runpy.run_path(str(Path(__file__).with_name("hostile.py")))
ATTACKS, BROKEN = HOSTILE["ATTACKS"], HOSTILE["BROKEN"]
LIMITS = sandbox.Limits(call=3.0)
LABELS = ["ex-game-value", "ex-game-losses", "ex-game-step"]
FULL, NONE = [3.0, 3.0, 3.0], [0.0, 0.0, 0.0]

ENDLESS = """
def best_value(p, q):
    while True:
        pass
"""
ENDLESS_DEFINITION = """
def critic_update(w, real, fake, lr=sum(0 for _ in iter(int, 1))):
    return w
"""
PACKAGE = """
import genmodels
_critic_update = critic_update
def critic_update(w, real, fake, lr):
    assert genmodels.__version__
    return _critic_update(w, real, fake, lr)
"""
WRONG = """
def generator_losses(scores):
    d = torch.sigmoid(scores)
    return torch.stack([torch.log(1 - d).mean(), -torch.log(d).mean()])
"""


@pytest.fixture(scope="module", autouse=True)
def isolation() -> None:
    problem = sandbox.missing()
    if problem and os.environ.get("CI") == "true":
        pytest.fail(f"the sandbox must be tested in CI, but {problem}")
    if problem:
        pytest.skip(f"no isolation here: {problem}")


@dataclass(frozen=True)
class Batch:
    """What one run of the grader left behind."""

    key: Key
    rows: dict[str, Row]
    table: Path
    folder: Path
    witness: Path
    visitors: int


def fill(folder: Path, notebook: Any, master: Path, witness: Path, port: int) -> None:
    """The submissions."""
    right = "import torch\n\n" + "\n\n".join(exercise.solution for exercise in exercises(notebook)) + "\n\n"
    nbformat.write(editions.student(notebook), folder / "untouched.ipynb")
    nbformat.write(editions.instructor(notebook), folder / "instructor.ipynb")
    (folder / "anna").mkdir()
    nbformat.write(shuffled(notebook), folder / "anna" / "my copy (2).ipynb")
    (folder / "endless.py").write_text(right + ENDLESS)
    (folder / "endless definition.py").write_text(right + ENDLESS_DEFINITION)
    (folder / "broken definition.py").write_text(right + "def critic_update(w, real, fake, lr=1 / 0): return w\n")
    (folder / "package.py").write_text(right + PACKAGE)
    (folder / "wrong.py").write_text(right + WRONG)
    (folder / "link.py").symlink_to(master)
    for name, attack in ATTACKS.items():
        marks = {"@MASTER@": master, "@ROOT@": master.parents[2], "@WITNESS@": witness, "@PORT@": port}
        for mark, value in marks.items():
            attack = attack.replace(mark, str(value))
        (folder / f"{name}.py").write_text(right + attack)
    for name, content in BROKEN.items():
        (folder / name).write_bytes(content)


def shuffled(notebook: Any) -> Any:
    """A right notebook as students return them: statements gone, cells moved, one broken, one full of magic."""
    copied = copy.deepcopy(notebook)
    code = [cell for cell in copied.cells if "solution" in cell.metadata.get("tags", ())]
    extra = [nbformat.v4.new_code_cell(source) for source in ("%matplotlib inline\nimport torch", "def broken(:")]
    copied.cells = [*reversed(code), *extra]
    return copied


@pytest.fixture(scope="module")
def batch(tmp_path_factory: pytest.TempPathFactory, notebook: Any, master: Path) -> Iterator[Batch]:
    place = tmp_path_factory.mktemp("batch")
    folder, witness, table = place / "submissions", place / "witness", place / "results.csv"
    folder.mkdir()
    with socket.create_server(("127.0.0.1", 0)) as server:
        fill(folder, notebook, master, witness, server.getsockname()[1])
        key = answer_key(master, seed=7)
        roster = ["anna", "endless", "otto"]
        for rows in grade_folder(folder, key, known=[], roster=roster, limits=LIMITS, isolated=True, jobs=2):
            write(rows, table)
        server.setblocking(False)
        visitors = 0
        try:
            server.accept()
            visitors = 1
        except BlockingIOError:
            pass
        yield Batch(key, {row.file: row for row in rows}, table, folder, witness, visitors)


def points(row: Row) -> list[float]:
    return [row.points[label] for label in LABELS]


@pytest.mark.parametrize("file", ["instructor.ipynb", "anna/my copy (2).ipynb", "package.py"])
def test_right_submissions_have_full_points(batch: Batch, file: str) -> None:
    assert points(batch.rows[file]) == FULL, batch.rows[file].note
    assert batch.rows[file].total == batch.rows[file].out_of == 9.0


def test_the_untouched_student_edition_has_none(batch: Batch) -> None:
    assert points(batch.rows["untouched.ipynb"]) == NONE
    assert "your code here" in batch.rows["untouched.ipynb"].note


def test_a_wrong_function_costs_its_own_points_and_the_note_shows_a_case(batch: Batch) -> None:
    assert points(batch.rows["wrong.py"]) == [3.0, 0.0, 3.0]
    assert "cases wrong; first: generator_losses([" in batch.rows["wrong.py"].note


def test_an_endless_function_costs_its_own_points(batch: Batch) -> None:
    assert points(batch.rows["endless.py"]) == [0.0, 3.0, 3.0]
    assert "timed out after 3 s" in batch.rows["endless.py"].note


def test_without_its_definitions_a_file_has_no_points_and_one_bad_definition_is_passed_over(batch: Batch) -> None:
    assert points(batch.rows["endless definition.py"]) == NONE
    assert "timed out after 9 s" in batch.rows["endless definition.py"].note
    assert points(batch.rows["broken definition.py"]) == FULL  # the right definition above it still stands
    assert "ZeroDivisionError" in batch.rows["broken definition.py"].note


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_gains_nothing_and_is_a_row(batch: Batch, name: str) -> None:
    row = batch.rows[f"{name}.py"]
    assert points(row) == [3.0, 3.0, 0.0], row.note
    assert "ex-game-step: " in row.note
    assert "not graded" not in row.note


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_is_a_row(batch: Batch, name: str) -> None:
    row = batch.rows["'" + name if name.startswith("=") else name]
    assert row.total == 0.0
    assert row.note and "not graded" not in row.note


def test_a_link_is_not_followed_and_the_missing_are_named(batch: Batch) -> None:
    assert "refused: a link" in batch.rows["link.py"].note
    assert batch.rows["otto"].note == "missing"
    assert len(batch.rows) == len(ATTACKS) + len(BROKEN) + 10


def test_nobody_got_out(batch: Batch) -> None:
    assert not batch.witness.exists()
    assert batch.visitors == 0


def test_the_table_and_its_json_agree_and_are_plain_text(batch: Batch) -> None:
    text = batch.table.read_text(encoding="utf-8")
    assert all(letter.isprintable() or letter == "\n" for letter in text)
    table = list(csv.DictReader(text.splitlines()))
    rows = json.loads(batch.table.with_suffix(".json").read_text(encoding="utf-8"))
    assert [float(row["total"]) for row in table] == [row["total"] for row in rows]
    assert [row["file"] for row in table] == list(batch.rows)
    assert not [row for row in table for cell in row.values() if cell.startswith(("=", "+", "-", "@"))]


def test_a_second_run_grades_only_what_changed(batch: Batch, monkeypatch: pytest.MonkeyPatch) -> None:
    graded = []

    def spy(path: Path, folder: Path, *_: Any, **__: Any) -> Row:
        graded.append(path.name)
        return batch.rows[printable(str(path.relative_to(folder)))]

    monkeypatch.setattr("course.batch.grade_file", spy)
    (batch.folder / "wrong.py").write_text("x = 1\n")
    again = {"known": read_rows(batch.table), "roster": [], "limits": LIMITS, "isolated": True, "jobs": 2}
    list(grade_folder(batch.folder, batch.key, **again))
    refused = {name for name, row in batch.rows.items() if not row.sha256 and row.note != "missing"}
    assert set(graded) == {"wrong.py", *refused}
    graded.clear()
    list(grade_folder(batch.folder, replace(batch.key, seed=8), **again))
    assert len(graded) == len(batch.rows) - 1


def test_without_a_sandbox_grading_is_refused_unless_asked_for(
    master: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.py").write_text("def best_value(p, q):\n    while True: pass\n")
    monkeypatch.setattr("course.sandbox.shutil.which", lambda _: None)
    call = ["grade", str(master), str(tmp_path / "in"), "--seed", "1", "--out", str(tmp_path / "r.csv"), "--limit", "1"]
    assert main(call) == 2
    assert "--unsafe-no-sandbox" in capsys.readouterr().err
    assert not (tmp_path / "r.csv").exists()
    assert main([*call, "--unsafe-no-sandbox"]) == 0
    assert "timed out after 1 s" in (tmp_path / "r.csv").read_text()
