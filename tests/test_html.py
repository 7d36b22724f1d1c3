"""The checker of built pages sees each fault it looks for, and nothing on a page without one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.html import complaints

GOOD = '<main><h1 id="a">A</h1><img src="there.png" alt="A ring"><script src="there.png"></script></main>'
FAULTS = {
    "from the network": GOOD.replace('script src="there.png"', 'script src="https://example.org/x.js"'),
    "missing file": GOOD.replace('img src="there.png"', 'img src="gone.png"'),
    "without alt text": GOOD.replace('alt="A ring"', 'alt=""'),
    "picture without alt text": GOOD.replace('alt="A ring"', 'alt="_images/there.png"'),
    "id used twice": GOOD + '<p id="a"></p>',
    "not resolved": GOOD + '<span class="problematic">x</span>',
}


def page(folder: Path, content: str) -> list[str]:
    (folder / "there.png").touch()
    (folder / "page.html").write_text(content)
    return complaints(folder)


def test_a_good_page_has_no_complaint(tmp_path: Path) -> None:
    assert page(tmp_path, GOOD) == []


@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_is_seen(tmp_path: Path, fault: str) -> None:
    (found,) = page(tmp_path, FAULTS[fault])
    assert fault in found


def test_a_stylesheet_that_loads_from_the_network_is_seen(tmp_path: Path) -> None:
    (tmp_path / "_static").mkdir()
    (tmp_path / "_static/a.css").write_text("@font-face { src: url('https://example.org/f.woff2') }")
    assert "from the network" in page(tmp_path, GOOD)[0]
