"""What a built site must not have.

Requests to the outside, links that lead nowhere, ids that clash, pictures without words.
"""

from __future__ import annotations

import re
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

_LOADS = {"src", "srcset", "poster", "data", "action", "formaction", "background", "xlink:href"}
_CSS_REQUEST = re.compile(r"""@import|url\(\s*['"]?(?!['"]?(?:#|data:))[^)]*\)""", re.IGNORECASE)


class Reference(NamedTuple):
    """One address in a page.

    Attributes:
        tag: Element that holds it.
        address: As written.
        loads: True where a browser fetches it by itself, False where a reader must follow it.
    """

    tag: str
    address: str
    loads: bool


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.ids: Counter[str] = Counter()
        self.references: list[Reference] = []
        self.styles: list[str] = []
        self.unnamed: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "img" and given.get("alt") is None:
            self.unnamed.append(f"image {given.get('src')} has no alt text")
        elif tag == "svg" and not {"aria-labelledby", "aria-label", "aria-hidden"} & set(given):
            self.unnamed.append("a drawing has no name and no description")
        elif tag == "html" and not given.get("lang"):
            self.unnamed.append("the page does not say its language")
        for name, value in attrs:
            if value is None:
                continue
            if name == "id":
                self.ids[value] += 1
            elif name == "href" or name in _LOADS:
                self.references.append(Reference(tag, value, loads=tag != "a"))
            elif name == "style":
                self.styles.append(value)


def problems(folder: Path) -> list[str]:
    """Everything wrong with the pages of a built site, one line each; empty where all is well.

    Args:
        folder: A folder that `site.build` made.
    """
    pages = {path: _read(path) for path in sorted(folder.rglob("*.html"))}
    found: list[str] = []
    for path, page in pages.items():
        name = path.relative_to(folder).as_posix()
        found += [f"{name}: id {own} occurs {count} times" for own, count in page.ids.items() if count > 1]
        found += [f"{name}: {trouble}" for trouble in page.unnamed]
        found += [f"{name}: style asks for {style}" for style in page.styles if _CSS_REQUEST.search(style)]
        for reference in page.references:
            trouble = _trouble(reference, path, folder, pages)
            if trouble:
                found.append(f"{name}: {reference.address} {trouble}")
    for path in sorted(folder.rglob("*.css")):
        requests = _CSS_REQUEST.findall(path.read_text(encoding="utf-8"))
        found += [f"{path.relative_to(folder).as_posix()}: asks for {request}" for request in requests]
    return found


def _read(path: Path) -> _Reader:
    reader = _Reader()
    reader.feed(path.read_text(encoding="utf-8"))
    return reader


def _trouble(reference: Reference, page: Path, folder: Path, pages: dict[Path, _Reader]) -> str:
    parts = urlsplit(reference.address)
    if parts.scheme == "data" and not parts.path.startswith("text/html"):
        return ""
    if parts.scheme or parts.netloc:
        return "is a request to the outside" if reference.loads else ""
    target = (page.parent / unquote(parts.path)).resolve() if parts.path else page.resolve()
    if folder.resolve() not in target.parents or not target.is_file():
        return "does not exist"
    known = pages.get(folder / target.relative_to(folder.resolve()))
    if parts.fragment and (known is None or unquote(parts.fragment) not in known.ids):
        return "leads to an anchor that does not exist"
    return ""
