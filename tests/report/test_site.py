from __future__ import annotations

import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from ws_dsl.errors import WsDslError
from ws_dsl.report import links, site
from ws_dsl.report.content import StudyPage
from ws_dsl.report.markdown import render
from ws_dsl.report.page import write

LOADED = rb"""(src|<link[^>]*href|url\(|import|fetch)[=("'\s]*(https?:)?//"""


class Outline(HTMLParser):
    """Every start tag with its attributes."""

    def __init__(self, html: str):
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def test_no_request_leaves_and_every_link_arrives(built: Path):
    assert links.problems(built) == []


def test_no_address_of_the_outside_is_loaded(built: Path):
    for name, data in contents(built).items():
        if name.endswith((".html", ".css", ".js")):
            assert not re.search(LOADED, data), name


def test_a_page_is_a_document_for_everyone(built: Path):
    for path in built.rglob("*.html"):
        outline = Outline(path.read_text())
        assert outline.all("html")[0]["lang"] == "en"
        assert len(outline.all("main")) == len(outline.all("h1")) == 1
        assert outline.all("a")[0] == {"class": "skip", "href": "#_main"}
        assert all(nav.get("aria-label") for nav in outline.all("nav"))


def test_every_figure_is_named_and_described(built: Path, page: StudyPage):
    html = (built / "studies" / page.id / "index.html").read_text()
    drawings = Outline(html).all("svg")
    assert len(drawings) == len(page.headline) + len(page.figures)
    for drawing, figure in zip(drawings, (*page.headline, *page.figures), strict=True):
        assert drawing["role"] == "img"
        assert drawing["aria-labelledby"] == f"{figure.name}-title {figure.name}-desc"
        assert f'<desc id="{figure.name}-desc">{figure.alt}</desc>' in html


def test_index_tells_question_verdicts_and_failures(built: Path, page: StudyPage):
    html = (built / "index.html").read_text()
    told = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))
    assert page.question in told
    for view in page.verdicts:
        assert f"{view.verdict.capitalize()} {view.claim}" in told.replace("  ", " ")
    assert "1 failed of 8 checks: answers_have_mass" in told
    assert f"rules registered {page.verdicts[0].registered}" in told


def test_the_index_leads_to_guide_and_kinds(built: Path):
    targets = {link.get("href") for link in Outline((built / "index.html").read_text()).all("a")}
    assert {"guide/index.html", "kinds/index.html", "kinds/clamp.html"} <= targets


def test_a_kind_leads_to_the_studies_that_use_it(built: Path, page: StudyPage):
    used = {step.kind for step in page.methods.steps}
    assert used
    for kind in used:
        assert f'href="../studies/{page.id}/index.html"' in (built / "kinds" / f"{kind}.html").read_text()


def test_a_study_leads_to_the_reference_of_its_kinds(tmp_path: Path):
    (tmp_path / "studies" / "s").mkdir(parents=True)
    (tmp_path / "studies" / "s" / "index.md").write_text(
        '---\ntitle: "Q?"\nid: s\nmodels: []\nchecks: {passed: 1, failed: 0, warned: 0}\n---\n\n# Q?\n\n'
        "#### `clamp`\n\nA step of kind `clamp`, of kind `no_kind`, and `clamp`.\n"
    )
    folder = site.build(tmp_path).folder
    html = (folder / "studies" / "s" / "index.html").read_text()
    assert html.count('<a href="../../kinds/clamp.html"><code>clamp</code></a>') == 2
    assert links.problems(folder) == []


def test_chapters_are_turned_in_their_order(tmp_path: Path):
    guide = tmp_path / "pages" / "guide"
    guide.mkdir(parents=True)
    for name, order in (("last", 3), ("first", 1), ("middle", 2)):
        front = f'---\ntitle: "The {name}"\nsummary: "It."\norder: {order}\n---\n\n'
        (guide / f"{name}.md").write_text(f"{front}# The {name}\n\n## Part one\n\nText.\n")
    folder = site.build(tmp_path).folder
    turns = {
        name: [
            (link["rel"], link["href"])
            for link in Outline((folder / "guide" / f"{name}.html").read_text()).all("a")
            if link.get("rel")
        ]
        for name in ("first", "middle", "last")
    }
    assert turns == {
        "first": [("next", "../guide/middle.html")],
        "middle": [("prev", "../guide/first.html"), ("next", "../guide/last.html")],
        "last": [("prev", "../guide/middle.html")],
    }
    assert 'href="#part-one"' in (folder / "guide" / "first.html").read_text()
    assert links.problems(folder) == []


def test_a_chapter_without_an_order_is_told(tmp_path: Path):
    (tmp_path / "pages" / "guide").mkdir(parents=True)
    (tmp_path / "pages" / "guide" / "lost.md").write_text('---\ntitle: "Lost"\n---\n\n# Lost\n')
    with pytest.raises(WsDslError, match=r"lost\.md: .* summary, order"):
        site.build(tmp_path)


def test_pages_below_a_study_are_built_too(tmp_path: Path):
    own = tmp_path / "studies" / "s" / "artifacts"
    own.mkdir(parents=True)
    (tmp_path / "studies" / "s" / "index.md").write_text(
        '---\nid: "s"\ntitle: "Q?"\nmodels: []\nchecks: {"passed": 1, "failed": 0, "warned": 0}\n---\n\n'
        "# Q?\n\n[a](artifacts/a.md)\n"
    )
    (own / "a.md").write_text("# A\n\n[back](../index.md)\n")
    folder = site.build(tmp_path).folder
    assert 'href="../../../site.css"' in (folder / "studies" / "s" / "artifacts" / "a.html").read_text()
    assert not list(folder.rglob("*.md"))
    assert links.problems(folder) == []


def test_own_kinds_of_a_project_are_in_the_reference(tmp_path: Path):
    own = tmp_path / "experiments" / "kinds" / "twice.py"
    own.parent.mkdir(parents=True)
    own.write_text(
        '"""Twice the value.\n\nWhat it does\n    Doubles.\n"""\n'
        "from ws_dsl.specs import types\nfrom ws_dsl.specs.kind import Kind, Ref\n"
        "class Twice(Kind[types.Table]):\n    of: Ref[types.Table]\n"
        "version = 1\ndef run(cells, context):\n    yield from ()\n"
    )
    folder = site.build(tmp_path / "site").folder
    assert "Twice the value." in (folder / "kinds" / "twice.html").read_text()
    own.unlink()
    assert site.build(tmp_path / "site").fresh
    assert not (folder / "kinds" / "twice.html").exists()


def test_same_markdown_gives_same_site(built: Path, tmp_path: Path):
    shutil.copytree(built.parent / "pages", tmp_path / "pages")
    shutil.copytree(built.parent / "studies", tmp_path / "studies")
    again = contents(site.build(tmp_path).folder)
    assert {n: d for n, d in again.items() if n != ".inputs"} == {
        n: d for n, d in contents(built).items() if n != ".inputs"
    }


def test_nothing_is_rendered_when_nothing_changed(built: Path):
    code = (
        "import sys, pathlib\nfrom ws_dsl.report import site\n"
        f"assert not site.build(pathlib.Path({str(built.parent)!r})).fresh\n"
        "assert not {'jinja2', 'markdown_it', 'matplotlib', 'numpy', 'nh3'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=site.templates_folder().parent)


def test_a_changed_page_is_built_again(page: StudyPage, tmp_path: Path):
    write(page, tmp_path / "studies" / page.id)
    assert site.build(tmp_path).fresh
    assert site.is_current(tmp_path)
    index = tmp_path / "studies" / page.id / "index.md"
    index.write_text(index.read_text() + "\nOne more line.\n")
    assert not site.is_current(tmp_path)
    assert site.build(tmp_path).fresh
    assert "One more line." in (tmp_path / "_build" / "studies" / page.id / "index.html").read_text()


def test_a_project_without_pages_has_an_index(tmp_path: Path):
    built = site.build(tmp_path)
    assert built.pages[:2] == [Path("index.html"), Path("kinds/index.html")]
    assert all((built.folder / page).is_file() for page in built.pages)
    assert "No study has been run yet" in (built.folder / "index.html").read_text()
    assert links.problems(built.folder) == []


@pytest.mark.parametrize(
    "markdown",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "![x](https://example.org/x.png)",
        "![x](//example.org/x.png)",
        "![x](../../secret.svg)",
        "![x](figures/../../secret.svg)",
        "![x](data:image/png;base64,AAAA)",
        "[x](javascript:alert(1))",
        "[x](data:text/html,a)",
        "[x](vbscript:a)",
    ],
)
def test_markdown_of_strangers_loads_and_runs_nothing(markdown: str, tmp_path: Path):
    outline = Outline(render(markdown, tmp_path).body)
    assert not {tag for tag, _ in outline.tags} & {"script", "img", "svg", "iframe", "style"}
    assert all(not attributes for _, attributes in outline.tags)


def test_a_drawing_brings_nothing_from_outside(tmp_path: Path):
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures" / "f.svg").write_text(
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        'viewBox="0 0 9 9" onload="a()">'
        '<style>@import "https://example.org"</style><script>a()</script>'
        '<image href="https://example.org/x.png"/><use xlink:href="https://example.org/x.svg#a"/>'
        '<path id="a" d="M0 0" style="fill: url(https://example.org)" clip-path="url(#c)"/>'
        '<use xlink:href="#a"/>'
        "<foreignObject><p>x</p></foreignObject></svg>"
    )
    body = render("![x](figures/f.svg)", tmp_path).body
    assert "example.org" not in body
    assert not re.search(r"onload|<script|<style|<image|foreignObject", body)
    assert 'id="f-a"' in body
    assert 'clip-path="url(#f-c)"' in body
    assert 'href="#f-a"' in body
