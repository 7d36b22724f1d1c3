"""What is graded of a submission: the functions, wherever in the file they stand.

`code_cells` runs in the grader and only opens the file. `definitions` picks the imports, functions, classes and simple
constants that the graded functions need; it runs inside the sandbox, because even parsing hostile text may crash.
Nothing is executed here. This module needs the standard library only, because the sandbox has nothing else of ours.
"""

from __future__ import annotations

import ast
import json
import re
import stat
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path

LARGEST = 5_000_000  # bytes; a notebook above this holds pictures, not functions
MAGIC = re.compile(r"^([ \t]*)[%!].*$", re.M)
PERCENT = re.compile(r"^# %%.*$", re.M)
LIBRARIES = frozenset({"math", "torch", "np", "numpy", "F", "nn"})  # a constant may call these: LOG4 = math.log(4)


class RefusedError(ValueError):
    """A file that cannot be graded; the message is the reason, for the row of the result."""


def read_bytes(path: Path) -> bytes:
    """The file's content, if it is an ordinary file of a sensible size and kind."""
    mode = path.lstat().st_mode
    if stat.S_ISLNK(mode):
        raise RefusedError("a link instead of a file")
    if not stat.S_ISREG(mode):
        raise RefusedError("not an ordinary file")
    if path.suffix not in {".ipynb", ".py"}:
        raise RefusedError("expected a file that ends in .ipynb or .py")
    if path.stat().st_size > LARGEST:
        raise RefusedError(f"larger than {LARGEST // 1_000_000} MB; clear the outputs and submit again")
    return path.read_bytes()


def code_cells(content: bytes, *, notebook: bool) -> list[str]:
    """The sources of the code cells. A Python file is one cell."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RefusedError("not a text file (UTF-8)") from error
    if not text.strip():
        raise RefusedError("the file is empty")
    return _notebook_cells(text) if notebook else [text]


def _notebook_cells(text: str) -> list[str]:
    try:
        cells = json.loads(text)["cells"]
        sources = [cell["source"] for cell in cells if cell["cell_type"] == "code"]
        return [source if isinstance(source, str) else "".join(source) for source in sources]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise RefusedError("not a notebook (broken JSON or no cells)") from error


def definitions(cells: Iterable[str], wanted: Iterable[str]) -> tuple[list[ast.stmt], list[str]]:
    """Statements that define the functions `wanted` and all they use, in file order; and what was skipped, in words."""
    statements: list[tuple[frozenset[str], ast.stmt]] = []
    skipped = []
    for where, source in _pieces(cells):
        try:
            parsed = _parse(source)
        except Exception as error:  # the parser also raises ValueError, RecursionError and MemoryError
            skipped.append(f"{where} skipped ({type(error).__name__})")
            continue
        statements += [(names, statement) for statement in parsed if (names := _defines(statement)) is not None]
    needed = _closure(statements, set(wanted))
    return [statement for names, statement in statements if not names or names & needed], skipped


def _pieces(cells: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Each cell with its place. A percent file comes as one cell; if it does not parse, it is cut at its cell marks."""
    for number, source in enumerate(cells, start=1):
        try:
            _parse(source)
            parts = [source]
        except Exception:
            parts = PERCENT.split(source)
        for part, piece in enumerate(parts):
            yield f"code cell {number}" + (f" part {part}" if len(parts) > 1 else ""), piece


def _parse(source: str) -> list[ast.stmt]:
    """The statements of a cell; a line of IPython magic is passed over."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return ast.parse(source).body
        except SyntaxError:
            return ast.parse(MAGIC.sub(r"\1pass", source)).body


def _defines(statement: ast.stmt) -> frozenset[str] | None:
    """The names that a statement defines, the empty set for `from x import *`, None if it is left out."""
    match statement:
        case ast.Import(names=names) | ast.ImportFrom(names=names):
            found = [(alias.asname or alias.name).partition(".")[0] for alias in names]
            return frozenset() if "*" in found or getattr(statement, "module", "") == "__future__" else frozenset(found)
        case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
            return frozenset({name})
        case ast.Assign(targets=targets, value=value) if _is_simple(value):
            return frozenset(_names(targets)) or None
        case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value) if _is_simple(value):
            return frozenset({name})
    return None


def _names(nodes: Iterable[ast.AST]) -> Iterator[str]:
    for node in nodes:
        yield from (part.id for part in ast.walk(node) if isinstance(part, ast.Name))


def _is_simple(value: ast.expr) -> bool:
    """Whether it is a constant in a wide sense: literals, names, arithmetic, a lambda, a call of a known library."""
    if isinstance(value, ast.Lambda):
        return True
    calls = [node.func for node in ast.walk(value) if isinstance(node, ast.Call)]
    return all(_root(function) in LIBRARIES for function in calls)


def _root(function: ast.expr) -> str | None:
    """`torch` of `torch.nn.functional.softplus`; None for a bare name, which is a function of the page."""
    if not isinstance(function, ast.Attribute):
        return None
    node: ast.expr = function
    while isinstance(node, ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else None


def _closure(statements: list[tuple[frozenset[str], ast.stmt]], needed: set[str]) -> set[str]:
    """All names that the needed ones use, directly or not."""
    uses = [(names, frozenset(_names([statement]))) for names, statement in statements]
    while True:
        more = needed.union(*(used for names, used in uses if names & needed))
        if more == needed:
            return needed
        needed = more
