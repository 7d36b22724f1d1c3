"""What a page does first, how large its runs are, and how it shows the package's own source."""

from __future__ import annotations

import ast
import inspect
import json
import os
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, TypeVar

import torch
from IPython.display import Markdown

from . import __version__, plots

T = TypeVar("T")

RESULTS = Path(__file__).resolve().parent.parent / "experiments/results"
"""What full-scale runs recorded, in a clone of the repository.

:meta hide-value:
"""

Scale = Literal["quick", "full"]


def chosen_scale() -> Scale:
    """`quick` (two CPU cores, under a minute) unless the environment variable GENMODELS_SCALE says `full`."""
    name = os.environ.get("GENMODELS_SCALE", "quick")
    if name not in ("quick", "full"):
        raise ValueError(f"GENMODELS_SCALE is {name!r}, but a page runs at scale 'quick' or 'full': set one of these.")
    return name  # type: ignore[return-value]


def scale(*, quick: T, full: T) -> T:
    """The budget of the scale this page runs at: `scale(quick=1_500, full=50_000)`."""
    return full if chosen_scale() == "full" else quick


def start(scale: Scale | None = None) -> None:
    """Begin a page: its scale, the figures' style, and print options that do not depend on the machine.

    `scale` is the page's papermill parameter; it wins over the environment variable.
    """
    if scale is not None:
        os.environ["GENMODELS_SCALE"] = scale
    torch.set_printoptions(precision=4, sci_mode=False)
    if chosen_scale() == "quick":
        torch.set_num_threads(1)  # a second thread does not speed up matrices this small
    plots.use_style()
    print(f"genmodels {__version__}, {chosen_scale()} scale")


def results(name: str) -> dict[str, Any]:
    """A recorded result with its provenance: the JSON that a recipe in `experiments/` wrote.

    Raises
    ------
    FileNotFoundError
        If this is not a clone of the repository, or nothing was recorded under that name.
    """
    path = RESULTS / f"{name}.json"
    if not path.exists():
        raise FileNotFoundError(f"{path} is not there: recorded results come with a clone of the book's repository.")
    return json.loads(path.read_text(encoding="utf-8"))


def show(*objects: Callable[..., Any] | type) -> Markdown:
    """The code of package functions as it runs, each with a link to the reference, where its docstring is typeset."""
    return Markdown("\n\n".join(f"```python\n{_code(thing)}\n```\n\n{_link(thing)}" for thing in objects))


def _link(thing: Any) -> str:
    name = f"{thing.__module__}.{thing.__qualname__}"
    return f"[`{name}`](#{name})"


def _code(thing: Any) -> str:
    """The source without its docstring, line by line as in the file."""
    lines = textwrap.dedent(inspect.getsource(thing)).rstrip().splitlines()
    body = ast.parse("\n".join(lines)).body[0].body  # type: ignore[attr-defined]
    first = body[0]
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
        del lines[first.lineno - 1 : first.end_lineno]
    return "\n".join(lines)
