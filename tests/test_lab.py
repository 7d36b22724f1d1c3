"""The laboratory: a page's scale, its start, and the source it shows."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Callable, Iterator
from typing import Any

import matplotlib.pyplot as plt
import pytest
import torch
from IPython.display import Markdown

import genmodels
from genmodels import lab
from genmodels.adversarial import Generator, generator_step
from genmodels.adversarial.objectives import non_saturating
from mutants import mutants, refusal, rejects


@pytest.fixture(autouse=True)
def untouched(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No scale from outside, and none left behind; figures and printing as before."""
    monkeypatch.setenv("GENMODELS_SCALE", "quick")
    monkeypatch.delenv("GENMODELS_SCALE")
    with plt.rc_context():
        yield
    torch.set_printoptions(profile="default")


def test_quick_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    assert lab.chosen_scale() == "quick"
    assert lab.scale(quick=3, full=5) == 3
    monkeypatch.setenv("GENMODELS_SCALE", "full")
    assert lab.chosen_scale() == "full"
    assert lab.scale(quick=3, full=5) == 5


@pytest.mark.parametrize("name", ["fast", "FULL", ""])
def test_an_unknown_scale_is_an_error_in_words(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("GENMODELS_SCALE", name)
    for call in (lab.chosen_scale, lambda: lab.scale(quick=1, full=2), lab.start):
        message = refusal(ValueError, call)
        assert f"GENMODELS_SCALE is {name!r}" in message
        assert "'quick' or 'full'" in message


def test_start_takes_the_pages_parameter_first(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GENMODELS_SCALE", "quick")
    lab.start("full")
    assert lab.scale(quick=1, full=2) == 2
    assert capsys.readouterr().out == f"genmodels {genmodels.__version__}, full scale\n"
    lab.start()
    assert lab.chosen_scale() == "full"


def test_start_prints_numbers_the_same_everywhere() -> None:
    torch.set_printoptions(precision=2, sci_mode=True)
    lab.start()
    assert repr(torch.tensor([1e-5, 1.0])) == "tensor([0.0000, 1.0000])"


# --- the source on a page is the source that runs --------------------------------------------------------------------

Show = Callable[..., Markdown]


def check_only_the_docstring_is_missing(block: str, thing: Any) -> None:
    """Line by line the file's text, without one stretch of lines, and that stretch is the docstring."""
    source, shown = inspect.getsource(thing).rstrip().splitlines(), block.splitlines()
    first = next((k for k, (a, b) in enumerate(zip(source, shown, strict=False)) if a != b), len(shown))
    missing = len(source) - len(shown)
    assert missing > 0
    assert source[:first] + source[first + missing :] == shown
    literal = textwrap.dedent("\n".join(source[first : first + missing])).strip()
    assert literal.lstrip("r").startswith('"""')
    assert inspect.cleandoc(ast.literal_eval(literal)) == inspect.getdoc(thing)


def check_shows_the_exact_source(show: Show) -> None:
    shown = show(generator_step, non_saturating, Generator).data
    blocks = re.findall(r"```python\n(.*?)\n```", shown, flags=re.DOTALL)
    assert len(blocks) == 3
    for block, thing in zip(blocks, (generator_step, non_saturating, Generator), strict=True):
        check_only_the_docstring_is_missing(block, thing)
        name = f"{thing.__module__}.{thing.__qualname__}"
        assert f"[`{name}`](#{name})" in shown


def from_memory(*objects: Any) -> Markdown:
    return Markdown(lab.show(*objects).data.replace("softplus(-fake)", "softplus(fake)"))


def without_comments(*objects: Any) -> Markdown:
    blocks = [f"```python\n{ast.unparse(ast.parse(inspect.getsource(thing)))}\n```" for thing in objects]
    links = [f"[`{t.__module__}.{t.__qualname__}`](#{t.__module__}.{t.__qualname__})" for t in objects]
    return Markdown("\n".join(blocks + links))


def one_object_only(*objects: Any) -> Markdown:
    return lab.show(objects[0])


def without_links(*objects: Any) -> Markdown:
    return Markdown(re.sub(r"\(#.*?\)", "", lab.show(*objects).data))


def test_show_is_the_exact_source() -> None:
    check_shows_the_exact_source(lab.show)


@mutants({f.__name__: f for f in (from_memory, without_comments, one_object_only, without_links)})
def test_show_is_the_exact_source_rejects(mutant: Show) -> None:
    rejects(check_shows_the_exact_source, mutant)
