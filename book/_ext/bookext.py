"""What the book needs beyond its libraries: data-driven pages, one palette, and no call to the network."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from genmodels.plots import PALETTE


class Written(SphinxDirective):
    """A directive that writes Markdown from a data file in `book/data` and lets the parser read it."""

    source = ""

    def run(self) -> list[nodes.Node]:
        path = Path(self.env.srcdir) / "book/data" / self.source
        self.env.note_dependency(str(path))
        lines = list(self.write(yaml.safe_load(path.read_text(encoding="utf-8"))))
        container = nodes.container(classes=["gm-written"])
        self.state.nested_parse(StringList(lines, source=str(path)), 0, container)
        return container.children

    def write(self, data: Any) -> Iterator[str]:
        raise NotImplementedError

    def written(self, document: str) -> bool:
        """Whether a page exists: only such pages are linked."""
        return document in self.env.found_docs


class Chapter(Written):
    """`{chapter} 02_gans`: the chapter's question and its sections, numbered, linked where they are written."""

    source = "contents.yml"
    required_arguments = 1

    def write(self, data: Any) -> Iterator[str]:
        chapter = data[self.arguments[0]]
        yield from [f"**{chapter['question']}**", ""]
        yield from self.sections(self.arguments[0], chapter)

    def sections(self, folder: str, chapter: dict[str, Any]) -> Iterator[str]:
        number = int(folder[:2])
        for k, (name, title) in enumerate(chapter["sections"].items(), start=1):
            document = f"chapters/{folder}/{name}"
            linked = f"[{title}](/{document})" if self.written(document) else f"{title} *(not written yet)*"
            yield f"- {number}.{k} {linked}"


class Contents(Chapter):
    """`{contents-of-the-book}`: every chapter and section."""

    required_arguments = 0

    def write(self, data: Any) -> Iterator[str]:
        for folder, chapter in data.items():
            title = f"[{chapter['title']}](/chapters/{folder}/index)"
            yield from [f"**{int(folder[:2])} {title}**. {chapter['question']}", ""]
            yield from [*self.sections(folder, chapter), ""]


class Corrections(Written):
    """`{corrections}`: what the sources say, what is right, and where the check stands."""

    source = "corrections.yml"

    def write(self, data: Any) -> Iterator[str]:
        for row in data:
            page = f"chapters/{row['section']}"
            yield from [f"({row['id'].lower()})=", f"**{row['id']}** ({row['source']}; checked in [](/{page}))", ""]
            for label, text in (("They say", row["says"]), ("Right", row["right"]), ("Check", row["check"])):
                yield from [f": *{label}:* {text}", ""]


class Glossary(Written):
    """`{terms}`: the glossary, each entry under its English and its Chinese name."""

    source = "glossary.yml"

    def write(self, data: Any) -> Iterator[str]:
        yield ":::{glossary}"
        for row in sorted(data, key=lambda row: row["en"].lower()):
            yield from [row["en"], *row["zh"].split(", ")]
            yield from [f"  {row['means']}" + (f" (nndl {row['nndl']})" if row["nndl"] != "-" else ""), ""]
        yield ":::"


class GraderScore(Written):
    """`{grader-score}`: how many known answers the hidden cases tell apart."""

    source = "grader.yml"

    def write(self, data: Any) -> Iterator[str]:
        yield "| exercise | hidden cases | right answers accepted | wrong answers rejected | on seeds |"
        yield "|---|--:|--:|--:|--:|"
        for row in data:
            accepted, rejected = (f"{row[kind]} of {row[kind]}" for kind in ("right", "wrong"))
            yield f"| {row['title']} | {row['cases']} | {accepted} | {rejected} | {row['seeds']} |"


def drop_thebe(app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any) -> None:
    """The book tool always adds thebe, which loads code from the network and declares one constant twice."""

    def keep(asset: Any) -> bool:
        body = (getattr(asset, "attributes", {}) or {}).get("body", "") or ""
        return "thebe" not in (str(getattr(asset, "filename", asset) or "") + body).lower()

    context["script_files"] = [asset for asset in context["script_files"] if keep(asset)]
    context["css_files"] = [asset for asset in context["css_files"] if keep(asset)]


def write_palette(app: Sphinx, error: Exception | None) -> None:
    """The figures' colours as CSS variables, so that page and figure cannot drift apart."""
    if error is None and app.builder.format == "html":
        rules = "\n".join(f"  --gm-{name}: {colour};" for name, colour in PALETTE.items())
        (Path(app.outdir) / "_static/palette.css").write_text(f":root {{\n{rules}\n}}\n", encoding="utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("chapter", Chapter)
    app.add_directive("contents-of-the-book", Contents)
    app.add_directive("corrections", Corrections)
    app.add_directive("terms", Glossary)
    app.add_directive("grader-score", GraderScore)
    app.connect("html-page-context", drop_thebe, priority=990)
    app.connect("build-finished", write_palette)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
