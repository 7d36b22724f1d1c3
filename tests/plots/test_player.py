"""The player: one self-contained figure in HTML, a still for paper, a widget where a kernel runs."""

from __future__ import annotations

import base64
import io
import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

import matplotlib.pyplot as plt
import pytest
from matplotlib.figure import Figure
from PIL import Image

from genmodels.plots import Frames, explore
from mutants import mutants, rejects

TRICKY = '</script><script>alert("x")</script> & a < b'


def draw(value: int) -> Figure:
    figure, ax = plt.subplots(figsize=(1, 1))
    ax.plot([0, value])
    return figure


def player(*, labels: tuple[str, ...] = ("one", "two", "three"), alt: str = "A line rises.", start: int = -1) -> Frames:
    return explore(draw, range(len(labels)), label=lambda k: labels[k], alt=alt, start=start, pause=200)


class Page(HTMLParser):
    """What a browser sees: tags with their attributes in order, and the text of each script."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.open: list[str] = []
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("img", "input"):
            self.open.append(tag)
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "script":
            self.scripts[-1] += data

    def one(self, tag: str) -> dict[str, str | None]:
        (attributes,) = [a for t, a in self.tags if t == tag]
        return attributes


def html(frames: Frames) -> str:
    return frames._repr_mimebundle_()["text/html"]


def picture(data_url: str, kind: str) -> Image.Image:
    prefix = f"data:image/{kind};base64,"
    assert data_url.startswith(prefix)
    image = Image.open(io.BytesIO(base64.b64decode(data_url[len(prefix) :], validate=True)))
    assert image.format == kind.upper()
    return image


def test_the_page_is_one_figure_with_every_frame() -> None:
    page = Page(html(player()))
    assert page.open == [], "a tag is not closed"
    figure, image, slider = page.one("figure"), page.one("img"), page.one("input")
    data, script = page.scripts
    frames = json.loads(data)
    assert frames["labels"] == ["one", "two", "three"]
    assert frames["alt"] == image["alt"] == slider["aria-label"] == "A line rises."
    assert frames["pause"] == 200
    assert len(frames["src"]) == len({*frames["src"]}) == 3
    for source in frames["src"]:
        picture(source, "webp")
    assert (slider["min"], slider["max"], slider["value"]) == ("0", "2", "2")
    assert image["src"] == frames["src"][2]
    assert f'getElementById("{figure["id"]}")' in script


@pytest.mark.parametrize(("start", "shown"), [(-1, 2), (0, 0), (1, 1)])
def test_the_frame_shown_first(start: int, shown: int) -> None:
    page = Page(html(player(start=start)))
    assert page.one("input")["value"] == str(shown)
    assert page.one("img")["src"] == json.loads(page.scripts[0])["src"][shown]


def test_without_a_script_the_controls_are_hidden() -> None:
    """A page where scripts are off must not show a slider that does nothing."""
    (controls,) = [a for t, a in Page(html(player())).tags if a.get("class") == "gm-controls"]
    assert "hidden" in controls


# --- whatever the author writes, the page stays whole ----------------------------------------------------------------

Render = Callable[[Frames], str]


def check_tricky_text(render: Render) -> None:
    page = Page(render(player(labels=("one", TRICKY), alt=f'He said "no" {TRICKY}')))
    assert [tag for tag, _ in page.tags] == ["figure", "img", "div", "button", "input", "output", "script", "script"]
    assert page.one("img")["alt"] == f'He said "no" {TRICKY}'
    assert json.loads(page.scripts[0])["labels"] == ["one", TRICKY]


def with_raw_json(frames: Frames) -> str:
    return html(frames).replace("<\\/", "</")


def with_raw_alt(frames: Frames) -> str:
    return html(frames).replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", '"').replace("&amp;", "&")


def test_tricky_text_does_not_leave_its_place() -> None:
    check_tricky_text(html)


@mutants({"JSON not escaped": with_raw_json, "alt not escaped": with_raw_alt})
def test_tricky_text_does_not_leave_its_place_rejects(mutant: Render) -> None:
    rejects(check_tricky_text, mutant)


def check_nothing_is_fetched(render: Render) -> None:
    source = render(player())
    assert not re.search(r"(https?:)?//[a-z0-9.-]+\.[a-z]", source), "an address"
    for _, attributes in Page(source).tags:
        assert (attributes.get("src") or "data:").startswith("data:")
        assert "href" not in attributes


def with_a_library_from_the_network(frames: Frames) -> str:
    return html(frames) + '<script src="https://cdn.jsdelivr.net/npm/some-player"></script>'


def with_files_beside_the_page(frames: Frames) -> str:
    return re.sub(r'src="data:[^"]*"', 'src="frames/2.webp"', html(frames))


def test_the_page_fetches_nothing() -> None:
    check_nothing_is_fetched(html)


@mutants({f.__name__: f for f in (with_a_library_from_the_network, with_files_beside_the_page)})
def test_the_page_fetches_nothing_rejects(mutant: Render) -> None:
    rejects(check_nothing_is_fetched, mutant)


def check_id_is_of_the_figure(name: Callable[[Frames], Any]) -> None:
    """The same figure has the same id on every machine and in every build; another one has another."""

    def thicker(value: int) -> Figure:
        figure = draw(value)
        figure.axes[0].lines[0].set_linewidth(5)
        return figure

    labels = ("one", "two", "three")
    pixels_differ = explore(thicker, range(3), label=lambda k: labels[k], alt="A line rises.")
    assert name(player()) == name(player()) == name(pixels_differ)
    others = [player(labels=("one", "two", "four")), player(alt="A line falls.")]
    assert len({name(f) for f in [player(), *others]}) == 3
    assert re.fullmatch(r"[a-z][a-z0-9-]*", str(name(player())))


def test_the_id_is_that_of_the_figure() -> None:
    check_id_is_of_the_figure(lambda frames: Page(html(frames)).one("figure")["id"])


@mutants(
    {
        "of the object": lambda frames: f"gm-{id(frames):x}",
        "of the pixels": lambda frames: f"gm-{abs(hash(frames.pictures[0])):x}",
        "constant": lambda frames: "player",
        "of the labels alone": lambda frames: f"gm-{abs(hash(tuple(frames.labels))):x}",
    }
)
def test_the_id_is_that_of_the_figure_rejects(mutant: Callable[[Frames], Any]) -> None:
    alive: list[Frames] = []  # so that no two objects have one address
    rejects(check_id_is_of_the_figure, lambda frames: mutant(alive.append(frames) or frames))


# --- the other two forms ---------------------------------------------------------------------------------------------


def test_the_still_is_a_png_of_the_first_frame_shown() -> None:
    bundle = player(start=1)._repr_mimebundle_()
    still = picture("data:image/png;base64," + bundle["image/png"], "png")
    shown = picture(Page(bundle["text/html"]).one("img")["src"] or "", "webp")
    assert still.size == shown.size
    assert bundle["text/plain"] == "A line rises. [3 frames]"
    assert "Software" not in still.info, "the version of matplotlib would change the page"


def test_live_is_a_slider_that_draws_on_demand(monkeypatch: pytest.MonkeyPatch) -> None:
    import IPython.display
    import ipywidgets

    made: list[Any] = []
    shown: list[Any] = []
    monkeypatch.setattr(ipywidgets, "interact", lambda redraw, value: made.append((redraw, value)))
    monkeypatch.setattr(IPython.display, "display", shown.append)
    drawn: list[int] = []

    def record(value: int) -> Figure:
        drawn.append(value)
        return draw(value)

    frames = explore(record, [10, 20], label=str, alt="A line rises.", start=0)
    assert drawn == [10, 20]
    assert frames.live() is None
    ((redraw, slider),) = made
    assert isinstance(slider, ipywidgets.SelectionSlider)
    assert slider.options == (("10", 10), ("20", 20))
    assert slider.value == 10
    redraw(20)
    assert drawn == [10, 20, 20]
    assert [type(f) for f in shown] == [Figure]


def test_no_figure_stays_open() -> None:
    plt.close("all")
    frames = player()
    frames._repr_mimebundle_()
    assert plt.get_fignums() == []
