"""What must hold for every built page, checked without a browser."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from bs4 import BeautifulSoup

REPEATED = {
    "proof",
    "proof-content",
    "exercise-content",
    "solution-content",
}  # the directives' libraries give these ids to every box
LOADS = (("script", "src"), ("link", "href"), ("img", "src"), ("iframe", "src"), ("source", "src"), ("video", "src"))


def complaints(html: Path) -> list[str]:
    """Everything in the folder that loads from the network, is missing, has no alt text, or repeats an id."""
    pages = [page for page in sorted(html.rglob("*.html")) if "_static" not in page.parts]
    return [f"{page.relative_to(html)}: {text}" for page in pages for text in _page(page)] + list(_styles(html))


def _page(page: Path) -> Iterator[str]:
    soup = BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")
    yield from _loads(page, soup)
    for image in soup.select("main img"):
        alt = str(image.get("alt") or "").strip()
        if not alt or re.search(r"_images/|\.(png|webp)$", alt):
            yield f"picture without alt text: {str(image.get('src'))[:60]}"
    ids = [element["id"] for element in soup.find_all(id=True)]
    yield from (
        f"id used twice: {name}" for name in sorted({str(name) for name in ids if ids.count(name) > 1} - REPEATED)
    )
    if "problematic" in str(soup):
        yield "a reference that was not resolved"


def _loads(page: Path, soup: BeautifulSoup) -> Iterator[str]:
    for tag, attribute in LOADS:
        for element in soup.find_all(tag):
            target = str(element.get(attribute) or "")
            if tag == "link" and not {"stylesheet", "preload", "icon"} & set(element.get("rel") or []):
                continue
            if re.match(r"(https?:)?//", target):
                yield f"loads {target} from the network"
            elif not _there(page, target):
                yield f"missing file {target}"


def _there(page: Path, target: str) -> bool:
    if not target or target.startswith(("data:", "#", "blob:")):
        return True
    return (page.parent / target.split("?")[0].split("#")[0]).exists()


def _styles(html: Path) -> Iterator[str]:
    for sheet in (html / "_static").rglob("*.css"):
        text = sheet.read_text(encoding="utf-8", errors="ignore")
        for target in re.findall(r"url\(\s*['\"]?(https?://[^'\")]+)", text):
            yield f"{sheet.relative_to(html)}: loads {target} from the network"
