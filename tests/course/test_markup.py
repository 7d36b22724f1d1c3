"""The master's pattern: what is read from it, and the one sentence with which a broken master is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from course.grade import answer_key
from course.markup import STUB, MarkupError, exercises, read_notebook

MASTER = '''\
# %%
import torch

# %% [markdown]
# :::{exercise} Twice
# :label: ex-twice
# Double it.
# :::

# %% [markdown]
# :::{solution-start} ex-twice
# :label: sol-twice
# :::

# %% tags=["solution"]
def twice(x):
    """Doubles a tensor."""
    ### BEGIN SOLUTION
    return x + x
    ### END SOLUTION

# %% [markdown]
# :::{solution-end}
# :::

# %% tags=["test"]
# check: ex-twice points=1
assert twice(torch.tensor(2.0)) == 4.0

# %% tags=["hidden-test", "remove-cell"]
# hidden: ex-twice function=twice points=2.5 tolerance=1e-6
def cases_twice(rng):
    return [([rng.random()],), ([0.0, 1.0],)]
'''


def parsed(tmp_path: Path, text: str) -> Any:
    path = tmp_path / "master.py"
    path.write_text(text, encoding="utf-8")
    return exercises(read_notebook(path))


def test_every_part_is_read(tmp_path: Path) -> None:
    (exercise,) = parsed(tmp_path, MASTER)
    assert (exercise.label, exercise.title, exercise.function) == ("ex-twice", "Twice", "twice")
    assert (exercise.points, exercise.tolerance) == (2.5, 1e-6)
    assert exercise.stub == f'def twice(x):\n    """Doubles a tensor."""\n    {STUB}'
    assert "return x + x" in exercise.solution
    assert len(exercise.checks) == 1


def test_a_notebook_reads_like_its_percent_file(notebook: Any, tmp_path: Path) -> None:
    import nbformat

    path = tmp_path / "master.ipynb"
    nbformat.write(notebook, path)
    assert exercises(read_notebook(path)) == exercises(notebook)


def test_an_exercise_without_solution_and_cases_is_for_thought_only(tmp_path: Path) -> None:
    assert parsed(tmp_path, "# %% [markdown]\n# :::{exercise} Think\n# :label: ex-think\n# Why?\n# :::\n") == ()


@pytest.mark.parametrize(
    ("before", "after", "sentence"),
    [
        (":label: ex-twice\n# Double", ":label: ex-other\n# Double", "no exercise has that label"),
        ("    ### END SOLUTION\n", "", "without its ### END SOLUTION"),
        ('tags=["solution"]', "", "needs all three"),
        ("# :::{solution-start} ex", "# :::{solution-end} ex", "without its partner"),
        ("# :::{solution-end}\n", "# end\n", "nothing closes it"),
        ("# :::{solution-start} ex-twice", "# start", "needs all three"),
        ('tags=["hidden-test", "remove-cell"]', 'tags=["remove-cell"]', "needs both the tag hidden-test"),
        ('"hidden-test", "remove-cell"', '"hidden-test"', "lacks the tag remove-cell"),
        ("function=twice points", "function=thrice points", "does not define the function 'cases_thrice'"),
        ("points=2.5 tolerance", "points=many tolerance", "complete first line"),
        ("# check: ex-twice points=1", "# check: ex-twise points=1", "no hidden cell"),
        ("    return x + x", "    return x +", "is not Python"),
        ("def twice(x):", "def double(x):", "does not define the function 'twice'"),
    ],
)
def test_a_malformed_master_is_refused_with_the_cell(tmp_path: Path, before: str, after: str, sentence: str) -> None:
    assert before in MASTER
    with pytest.raises(MarkupError, match=r"cell \d+ \(") as refusal:
        parsed(tmp_path, MASTER.replace(before, after))
    assert sentence in str(refusal.value)


@pytest.mark.parametrize(
    ("before", "after"),
    [("return x + x", "return x / 0"), ("return x + x", "return unknown"), ("[0.0, 1.0]", "[0.0, float('nan')]")],
)
def test_cases_that_the_solution_cannot_answer_are_refused(tmp_path: Path, before: str, after: str) -> None:
    path = tmp_path / "master.py"
    path.write_text(MASTER.replace(before, after), encoding="utf-8")
    with pytest.raises(MarkupError, match="ex-twice"):
        answer_key(path, seed=0)
