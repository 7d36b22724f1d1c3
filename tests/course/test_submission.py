"""What is taken from a submission: the functions, whatever else the student did to the notebook."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest

from course.submission import LARGEST, RefusedError, code_cells, definitions, read_bytes


def taken(*cells: str, wanted: str = "f") -> str:
    return ast.unparse(ast.Module(definitions(cells, [wanted])[0], []))


def test_a_function_comes_with_all_it_uses_and_nothing_else() -> None:
    cells = [
        "import math\nimport scipy",
        "LOG4 = math.log(4)\nUNUSED = 1\nhistory = train()\nfor _ in range(3): print(1)",
        "def g(x): return x - LOG4\ndef other(): return scipy",
        "class C:\n    pass\ndef f(x): return g(x), C()",
        "f(3)\nassert f(3)",
    ]
    expected = (
        "import math\nLOG4 = math.log(4)\ndef g(x): return x - LOG4\nclass C:\n    pass\ndef f(x): return g(x), C()"
    )
    assert taken(*cells) == ast.unparse(ast.parse(expected))


def test_the_last_definition_counts_and_cells_may_be_split_moved_or_doubled() -> None:
    assert taken("def f(x): return 1", "def f(x): return 2").endswith("return 2")


@pytest.mark.parametrize("magic", ["%matplotlib inline", "!pip install x", "  %time"])
def test_magic_beside_an_import_does_not_lose_the_import(magic: str) -> None:
    assert "import math" in taken(f"{magic.strip()}\nimport math", "def f(x): return math.pi")


def test_a_cell_that_does_not_parse_is_skipped_and_noted() -> None:
    statements, skipped = definitions(["def f(x: return", "%%bash\nls -l /", "def f(x): return 1"], ["f"])
    assert len(statements) == 1
    assert skipped == ["code cell 1 skipped (SyntaxError)", "code cell 2 skipped (SyntaxError)"]


def test_a_percent_file_is_cut_at_its_marks_when_one_cell_is_broken() -> None:
    statements, skipped = definitions(["# %%\ndef f(x): return 1\n# %%\nfor\n"], ["f"])
    assert len(statements) == 1 and len(skipped) == 1


@pytest.mark.parametrize("source", ["(" * 10**5, "-" * 10**5 + "1", "a" + ".a" * 10**5, "\0", "x = '\\ud800'", "\\"])
def test_hostile_sources_are_skipped_or_harmless(source: str) -> None:
    statements, _ = definitions([source, "def f(x): return 1"], ["f"])
    assert len(statements) == 1


@pytest.mark.parametrize(
    "content",
    [
        b"{", b"[]", b"{}", b'{"cells": 1}', b'{"cells": [1]}', b'{"cells": [{"cell_type": "code", "source": 5}]}',
        b"", b" \n", b"\xff\xfe\x00", b"[" * 10**6, b'{"cells": [{"cell_type": "code", "source": [1]}]}', b"1" * 10**5,
    ],
)  # fmt: skip
def test_what_is_no_notebook_is_refused_with_a_reason(content: bytes) -> None:
    with pytest.raises(RefusedError):
        code_cells(content, notebook=True)


def test_notebook_cells_come_as_text_or_as_lines() -> None:
    cells = [
        {"cell_type": "code", "source": "a"},
        {"cell_type": "markdown"},
        {"cell_type": "code", "source": ["b\n", "c"]},
    ]
    assert code_cells(json.dumps({"cells": cells}).encode(), notebook=True) == ["a", "b\nc"]


def test_only_ordinary_files_of_a_sensible_size_are_opened(tmp_path: Path) -> None:
    plain = tmp_path / "plain.py"
    plain.write_text("x = 1")
    assert read_bytes(plain) == b"x = 1"
    (tmp_path / "link.py").symlink_to(plain)
    (tmp_path / "folder.py").mkdir()
    (tmp_path / "report.pdf").write_text("x")
    (tmp_path / "large.py").write_bytes(b"#" * (LARGEST + 1))
    for name, reason in {"link.py": "link", "folder.py": "ordinary", "report.pdf": ".ipynb", "large.py": "MB"}.items():
        with pytest.raises(RefusedError, match=reason):
            read_bytes(tmp_path / name)
