"""Every page, wide and narrow, light and dark, offline: nothing fails, nothing overflows, everything is rendered."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from published import pages

UNRENDERED = """() => {
  const article = document.querySelector("article") || document.body;
  const left = [...article.querySelectorAll(".math")].filter(e => !e.querySelector("mjx-container"));
  const wrong = [...article.querySelectorAll("mjx-merror, [data-mjx-error], .problematic, .system-message")];
  const text = article.cloneNode(true);
  text.querySelectorAll("pre, code, script, mjx-container").forEach(e => e.remove());
  const raw = /\\\\\\(|\\\\\\[|\\$\\$|\\{(numref|eq|cite|term|ref|doc|py:\\w+)\\}/.exec(text.textContent);
  return [...left.map(e => e.textContent), ...wrong.map(e => e.textContent), ...(raw ? [raw[0]] : [])];
}"""
WITHOUT_ALT = "() => [...document.querySelectorAll('main img')].filter(i => !i.alt.trim()).map(i => i.src.slice(0, 80))"
PAINTED = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
OVERFLOW = "() => document.documentElement.scrollWidth - window.innerWidth"


@contextmanager
def opened(
    browser: Any, page: Path, *, query: str = "", scheme: str = "light", width: int = 1280
) -> Iterator[tuple[Any, list[str]]]:
    """The page with the network cut, and a list that fills with everything that goes wrong on it."""
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    context.set_offline(True)
    tab, trouble = context.new_page(), []
    tab.on("pageerror", lambda error: trouble.append(f"error: {error}"))
    tab.on("console", lambda message: message.type == "error" and trouble.append(f"console: {message.text}"))
    tab.on("requestfailed", lambda request: trouble.append(f"failed: {request.url}"))
    tab.on("request", lambda request: request.url.startswith("http") and trouble.append(f"asked for {request.url}"))
    tab.goto(page.as_uri() + query)
    if page.name == "index.html" and page.parent.name == "html":  # sends its reader on to the first page
        tab.wait_for_url("**/intro.html")
    tab.evaluate("() => window.MathJax ? MathJax.startup.promise : null")
    yield tab, trouble
    context.close()


@pytest.mark.parametrize("name", pages() or ["index.html"])
def test_page(browser: Any, html: Path, name: str) -> None:
    with opened(browser, html / name) as (tab, trouble):
        for width, scheme in ((1280, "light"), (1280, "dark"), (390, "dark"), (390, "light")):
            tab.emulate_media(color_scheme=scheme)
            tab.wait_for_function("scheme => document.documentElement.dataset.theme === scheme", arg=scheme)
            tab.set_viewport_size({"width": width, "height": 900})
            tab.evaluate(PAINTED)
            assert tab.evaluate(OVERFLOW) <= 0, f"the page scrolls sideways at {width} pixels, {scheme}"
        assert tab.evaluate(UNRENDERED) == []
        assert tab.evaluate(WITHOUT_ALT) == []
        assert trouble == []


FAULTY = """<body style="margin:0"><main><article>
<p class="math">\\\\(x\\\\)</p><p>see {numref}</p><mjx-merror>bad</mjx-merror>
<img src="gone.png"><div style="width:3000px">wide</div></article></main>
<script src="https://example.org/x.js"></script><script>missing()</script></body>"""


def test_the_checks_above_see_what_they_look_for(browser: Any, tmp_path: Path) -> None:
    page = tmp_path / "faulty.html"
    page.write_text(FAULTY)
    with opened(browser, page) as (tab, trouble):
        assert tab.evaluate(OVERFLOW) > 0
        assert len(tab.evaluate(UNRENDERED)) == 3  # mathematics as text, MathJax's own error, a role as text
        assert len(tab.evaluate(WITHOUT_ALT)) == 1
        told = " ".join(trouble)
        assert "missing is not defined" in told and "asked for https" in told and "gone.png" in told


def test_sliders_move_their_figures(browser: Any, html: Path) -> None:
    with opened(browser, html / "chapters/02_gans/01_game.html") as (tab, trouble):
        players = tab.query_selector_all("figure.gm-player")
        assert len(players) == 2
        for player in players:
            image, slider = player.query_selector("img"), player.query_selector("input[type=range]")
            seen = set()
            for k in range(int(slider.get_attribute("max")) + 1):
                slider.evaluate("(s, k) => { s.value = k; s.dispatchEvent(new Event('input')); }", k)
                assert player.query_selector("output").inner_text() in image.get_attribute("alt")
                seen.add(image.get_attribute("src"))
            assert len(seen) == k + 1, "two frames are the same picture"
        assert trouble == []


def test_play_button_runs_to_the_end_and_the_keyboard_moves_the_slider(browser: Any, html: Path) -> None:
    with opened(browser, html / "chapters/02_gans/01_game.html") as (tab, _):
        player = tab.query_selector("figure.gm-player")
        player.query_selector("button").click()
        tab.wait_for_function("f => f.querySelector('input').value === f.querySelector('input').max", arg=player)
        slider = player.query_selector("input[type=range]")
        slider.focus()
        before = slider.input_value()
        tab.keyboard.press("ArrowLeft")
        assert int(slider.input_value()) == int(before) - 1


def test_search_finds_the_section_from_a_file(browser: Any, html: Path) -> None:
    # Opened once: leaving a page aborts what it is still loading, which counts as trouble.
    with opened(browser, html / "search.html", query="?q=non-saturating") as (tab, trouble):
        tab.wait_for_selector("#search-results li a")
        found = [link.inner_text() for link in tab.query_selector_all("#search-results li a")]
        assert any("minimax game" in title for title in found)
        assert trouble == []


def test_dark_mode_is_remembered_from_page_to_page(browser: Any, html: Path) -> None:
    with opened(browser, html / "book/intro.html") as (tab, _):
        for _click in range(3):
            if tab.get_attribute("html", "data-theme") == "dark":
                break
            tab.click("button.theme-switch-button:visible")
        assert tab.get_attribute("html", "data-theme") == "dark"
        tab.goto((html / "chapters/02_gans/01_game.html").as_uri())
        assert tab.get_attribute("html", "data-theme") == "dark"


def contrast(tab: Any, selector: str) -> float:
    """Contrast ratio of an element's text with the page behind it (WCAG 2)."""
    return tab.evaluate(
        """selector => {
          const luminance = text => {
            const [r, g, b] = text.match(/[\\d.]+/g).slice(0, 3).map(v => v / 255)
              .map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
            return 0.2126 * r + 0.7152 * g + 0.0722 * b;
          };
          const colour = luminance(getComputedStyle(document.querySelector(selector)).color);
          const paper = luminance(getComputedStyle(document.body).backgroundColor);
          return (Math.max(colour, paper) + 0.05) / (Math.min(colour, paper) + 0.05);
        }""",
        selector,
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read(browser: Any, html: Path, scheme: str) -> None:
    with opened(browser, html / "chapters/02_gans/01_game.html", scheme=scheme) as (tab, _):
        for selector in ("article p", "article p a", "aside.margin .sidebar-title", "figcaption", "article p code"):
            assert contrast(tab, selector) >= 4.5, selector
