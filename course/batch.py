"""Grade a folder of submissions: one row for each, whatever it contains, in a table that is whole at every moment."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from course.grade import Key, grade_cells
from course.sandbox import Limits
from course.submission import RefusedError, code_cells, read_bytes


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
