from __future__ import annotations

import json
from pathlib import Path

from ws_dsl.report import search


def index(folder: Path) -> list[search.Entry]:
    script = (folder / search.FILE).read_text(encoding="utf-8")
    assert script.startswith("window.wsDslIndex = [") and script.endswith("];\n")
    return [search.Entry(*entry) for entry in json.loads(script.partition(" = ")[2].removesuffix(";\n"))]


def test_a_page_is_found_by_its_sections():
    body = (
        '<h1>T</h1><p>Begin <code>here</code>.</p><script>no()</script><h2 id="a">First <em>one</em></h2>'
        "<ul><li>x</li><li>y</li></ul><svg><text>12</text></svg>"
    )
    assert list(search.sections("p.html", "Guide", "T", body)) == [
        search.Entry("p.html", "Guide", "T", "", "Begin here."),
        search.Entry("p.html#a", "Guide", "T", "First one", "x y"),
    ]


def test_studies_guide_and_kinds_are_in_the_index(built: Path):
    entries = index(built)
    assert {entry.group for entry in entries} == {"Study", "Guide", "Kind", "Figure", "Page"}
    for entry in entries:
        page, _, anchor = entry.href.partition("#")
        assert f'id="{anchor}"' in (built / page).read_text() or not anchor


def test_no_text_leaves_the_string_it_is_in(tmp_path: Path):
    nasty = "</script><script>alert(1)</script>\u2028\"'`\\"
    search.write(tmp_path, [search.Entry("a.html", "Page", nasty, "", nasty)])
    assert (tmp_path / search.FILE).read_text(encoding="utf-8").isascii()
    assert index(tmp_path)[0].text == nasty
