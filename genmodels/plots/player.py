"""A figure with a slider that works with a kernel and without one: in the book, JupyterLab, Colab, and from a file."""

from __future__ import annotations

import base64
import hashlib
import html
import io
import json
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

V = TypeVar("V")

_SCRIPT = """
(function () {
  var figure = document.getElementById(ID);
  if (!figure || figure.dataset.ready) return;
  figure.dataset.ready = "1";
  var frames = JSON.parse(figure.querySelector('script[type="application/json"]').textContent);
  var image = figure.querySelector("img"), slider = figure.querySelector("input");
  var label = figure.querySelector("output"), button = figure.querySelector("button"), timer = null;
  function show(k) {
    image.src = frames.src[k];
    image.alt = frames.alt + " (" + frames.labels[k] + ")";
    label.textContent = frames.labels[k];
    slider.value = k;
    slider.setAttribute("aria-valuetext", frames.labels[k]);
  }
  function stop() {
    clearInterval(timer); timer = null;
    button.textContent = "\\u25B6"; button.setAttribute("aria-label", "Play");
  }
  slider.addEventListener("input", function () { stop(); show(+slider.value); });
  button.addEventListener("click", function () {
    if (timer) { stop(); return; }
    button.textContent = "\\u23F8"; button.setAttribute("aria-label", "Pause");
    if (+slider.value >= frames.src.length - 1) show(0);
    timer = setInterval(function () {
      var k = +slider.value + 1;
      if (k >= frames.src.length) { stop(); return; }
      show(k);
    }, frames.pause);
  });
  figure.querySelector(".gm-controls").hidden = false;
  show(+slider.value);
})();
"""

_PAGE = """<figure class="gm-player" id="{id}">
<img src="{src}" alt="{alt}">
<div class="gm-controls" hidden style="display: flex; gap: .8em; align-items: center">
<button type="button" aria-label="Play">&#9654;</button>
<input type="range" min="0" max="{last}" value="{start}" aria-label="{alt}" style="flex: 1; max-width: 26em">
<output></output></div>
<script type="application/json">{frames}</script>
<script>{script}</script>
</figure>"""


class Frames:
    """Pictures drawn beforehand, one per value of a parameter; `live()` computes new ones where a kernel runs."""

    def __init__(
        self,
        draw: Callable[[Any], Figure],
        values: Sequence[Any],
        labels: Sequence[str],
        *,
        alt: str,
        start: int,
        pause: int,
    ) -> None:
        self._draw, self._values = draw, list(values)
        self.labels, self.alt, self.start, self.pause = list(labels), alt, start % len(labels), pause
        self.pictures = [_picture(draw(value), "webp") for value in values]

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        sources = ["data:image/webp;base64," + base64.b64encode(picture).decode() for picture in self.pictures]
        # The id names the figure, not its pixels: those differ from one processor to the next.
        name = "gm-" + hashlib.sha256(json.dumps([self.alt, self.labels]).encode()).hexdigest()[:12]
        frames = {"src": sources, "labels": self.labels, "alt": self.alt, "pause": self.pause}
        page = _PAGE.format(
            id=name,
            src=sources[self.start],
            alt=html.escape(self.alt),
            last=len(sources) - 1,
            start=self.start,
            frames=json.dumps(frames).replace("</", "<\\/"),
            script=_SCRIPT.replace("ID", json.dumps(name)),
        )
        still = _picture(self._draw(self._values[self.start]), "png")
        return {
            "text/html": page,
            "image/png": base64.b64encode(still).decode(),
            "text/plain": f"{self.alt} [{len(sources)} frames]",
        }

    def live(self) -> None:
        """The same figure as an ipywidgets slider that draws on demand (needs a running kernel)."""
        import ipywidgets
        from IPython.display import display

        def redraw(value: Any) -> None:
            figure = self._draw(value)
            display(figure)
            plt.close(figure)

        options = list(zip(self.labels, self._values, strict=True))
        slider = ipywidgets.SelectionSlider(
            options=options, value=self._values[self.start], description=" ", continuous_update=False
        )
        ipywidgets.interact(redraw, value=slider)


def explore(
    draw: Callable[[V], Figure],
    values: Sequence[V],
    *,
    label: Callable[[V], str],
    alt: str,
    start: int = -1,
    pause: int = 350,
) -> Frames:
    """Draw one figure per value and give the reader a slider over them.

    Parameters
    ----------
    draw
        Makes a new figure for a value.
    values, label
        What the slider runs over, and how each value reads.
    alt
        What the figure shows, in words; the current label is added to it.
    start, pause
        The frame shown first (the last one unless told), and milliseconds per frame while playing.
    """
    return Frames(draw, values, [label(value) for value in values], alt=alt, start=start, pause=pause)


def _picture(figure: Figure, kind: str) -> bytes:
    buffer = io.BytesIO()
    options = {"pil_kwargs": {"quality": 82, "method": 6}} if kind == "webp" else {"metadata": {"Software": None}}
    figure.savefig(buffer, format=kind, dpi=110, **options)
    plt.close(figure)
    return buffer.getvalue()
