"""The build's own decisions: launch buttons only with an address, unchanged files keep their times."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from tools import book


def theme_options(src: Path) -> dict[str, Any]:
    shutil.copy(book.ROOT / "_config.yml", src)
    book.configure(src)
    return yaml.safe_load((src / "_config.yml").read_text(encoding="utf-8"))["sphinx"]["config"]["html_theme_options"]


def test_with_an_address_pages_open_in_colab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENMODELS_REPOSITORY", "https://github.com/someone/somewhere")
    options = theme_options(tmp_path)
    assert options["repository_url"] == "https://github.com/someone/somewhere"
    assert options["launch_buttons"]["colab_url"].startswith("https://colab")


def test_without_an_address_no_button_points_at_somebody_elses_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GENMODELS_REPOSITORY", "")
    monkeypatch.setattr(book, "address", lambda: "")
    assert not {"repository_url", "launch_buttons"} & theme_options(tmp_path).keys()


def test_only_what_has_changed_is_new_for_sphinx(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    for folder, text in ((old, "before"), (new, "after")):
        folder.mkdir()
        (folder / "same.md").write_text("same")
        (folder / "changed.md").write_text(text)
    for file in old.iterdir():
        os.utime(file, (1, 1))
    book.keep_times(new, old)
    assert (new / "same.md").stat().st_mtime == 1 and (new / "changed.md").stat().st_mtime > 1


def test_a_new_style_builds_every_page_again(tmp_path: Path) -> None:
    src, old = tmp_path / "src", tmp_path / "old"
    for folder in (src, old):
        (folder / "book/_static").mkdir(parents=True)
        (folder / "book/_static/book.css").write_text("a {}")
        (folder / "book/intro.md").write_text(folder.name)
    assert not book.restyled(src, old)
    (src / "book/_static/book.css").write_text("a { color: red }")
    assert book.restyled(src, old)
    (old / "book/_static/book.css").unlink()
    assert book.restyled(src, old)
