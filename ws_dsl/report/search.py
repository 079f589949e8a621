"""The search index: a script that sets a list, so that pages opened as files can read it too."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import NamedTuple

FILE = "search-index.js"
_LEFT_OUT = {"script", "style", "svg", "nav", "button"}
_SPACE = re.compile(r"\s+")


class Entry(NamedTuple):
    """What can be found.

    Attributes:
        href: Address from the site's folder, with an anchor where it is a section.
        group: `Study`, `Guide`, `Kind` or `Page`.
        title: Of the page.
        section: Heading of the section; empty for the page itself.
        text: Its words.
    """

    href: str
    group: str
    title: str
    section: str
    text: str


class _Section(NamedTuple):
    anchor: str
    heading: list[str]
    words: list[str]


class _Words(HTMLParser):
    """Words of a page by the second-level heading they stand under."""

    def __init__(self) -> None:
        super().__init__()
        self.found = [_Section("", [], [])]
        self._heading = ""
        self._skipped = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._skipped += tag in _LEFT_OUT
        if tag == "h2":
            self.found.append(_Section(dict(attrs).get("id") or "", [], []))
        if tag in ("h1", "h2"):
            self._heading = tag
        elif tag in ("p", "li", "td", "th", "pre", "h3", "h4", "dt", "dd"):
            self.found[-1].words.append(" ")

    def handle_endtag(self, tag: str) -> None:
        self._skipped -= tag in _LEFT_OUT
        if tag == self._heading:
            self._heading = ""

    def handle_data(self, data: str) -> None:
        if not self._skipped and self._heading != "h1":
            section = self.found[-1]
            (section.heading if self._heading else section.words).append(data)


def sections(href: str, group: str, title: str, body: str) -> Iterator[Entry]:
    """The entries of a page: its beginning, and each of its sections."""
    words = _Words()
    words.feed(body)
    for anchor, heading, text in words.found:
        address = f"{href}#{anchor}" if anchor else href
        yield Entry(address, group, title, _plain(heading), _plain(text))


def _plain(parts: list[str]) -> str:
    return _SPACE.sub(" ", "".join(parts)).strip()


def write(folder: Path, entries: list[Entry]) -> None:
    """Writes the index beside the pages."""
    data = json.dumps([list(entry) for entry in entries], ensure_ascii=True, separators=(",", ":"))
    (folder / FILE).write_text(f"window.wsDslIndex = {data};\n", encoding="utf-8")
