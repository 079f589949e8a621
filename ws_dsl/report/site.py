"""The site: committed Markdown to HTML that needs no network and no server.

site/pages/NAME.md            → _build/NAME.html
site/pages/guide/NAME.md      → _build/guide/NAME.html, in the order of their front matter
site/studies/ID/**/NAME.md    → _build/studies/ID/**/NAME.html, figures inlined
site/studies/ID/**            → copied beside it
documentation of kinds        → _build/kinds/NAME.html
templates/site.css, site.js   → copied
"""

from __future__ import annotations

import hashlib
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ws_dsl.errors import WsDslError
from ws_dsl.report.shell import Link, Shell, templates_folder
from ws_dsl.specs import kinds

if TYPE_CHECKING:
    from ws_dsl.report.markdown import Page
    from ws_dsl.report.search import Entry

_ASSETS = ("site.css", "site.js")
_STAMP = ".inputs"
_FRONT = """---
title: "Experiments"
---

# Experiments

What was asked of language models here, and what was found. A verdict follows from a rule; one that was
written or changed after its first result says *post hoc*.
"""
"""The beginning of the front page of a project that has written none."""
_FIGURES = "kinds/figure-kinds.html"
"""The page on kinds of figures; no kind of step can have a name with a dash."""
_NAMED_KIND = re.compile(r"(?P<before><h4>|of kind )(?P<code><code>(?P<name>[a-z0-9_]+)</code>)")
_ALWAYS: dict[str, Any] = {"verdicts": [], "kinds": []}


class Built(NamedTuple):
    """Outcome of a build.

    Attributes:
        folder: Where the HTML is; `index.html` opens it.
        pages: Every page, relative to the folder, index first.
        fresh: False where nothing had changed since the last build, and nothing was written.
    """

    folder: Path
    pages: list[Path]
    fresh: bool


class _Sources(NamedTuple):
    """Markdown by the address of its page.

    Attributes:
        pages: Prose.
        guide: Chapters, in no order yet.
        studies: Pages of studies by id, that of the study itself first.
        kinds: Names of all kinds.
    """

    pages: dict[str, Path]
    guide: dict[str, Path]
    studies: dict[str, dict[str, Path]]
    kinds: list[str]

    def addresses(self) -> list[Path]:
        found = ["index.html", *self.pages]
        found += ["guide/index.html"] * bool(self.guide) + [*self.guide]
        found += ["kinds/index.html", _FIGURES, *(f"kinds/{name}.html" for name in self.kinds)]
        return [Path(href) for href in [*found, *(href for one in self.studies.values() for href in one)]]


def build(site: Path) -> Built:
    """Builds `site/_build` from the Markdown under `site`; does nothing when no input has changed.

    Args:
        site: Folder with `pages/` and `studies/`, either of which may be absent. Examples of kinds, and
            kinds of the project's own, come from `experiments/` beside it.

    Raises:
        FileNotFoundError: a page shows a figure that is not there.
        WsDslError: a chapter of the guide has no title, summary or order.
        BrokenKind: one of the project's own kinds cannot be read.
    """
    folder, sources, stamp = site / "_build", _sources(site), _digest(site)
    if _stamped(folder) == stamp:
        return Built(folder, sources.addresses(), fresh=False)
    from filelock import FileLock

    site.mkdir(parents=True, exist_ok=True)
    with FileLock(site / "_build.lock"):
        _write(site, folder, sources)
        (folder / _STAMP).write_text(stamp, encoding="utf-8")
    return Built(folder, sources.addresses(), fresh=True)


def is_current(site: Path) -> bool:
    """Whether the built pages are those that the sources would give now."""
    return _stamped(site / "_build") == _digest(site)


def _stamped(folder: Path) -> str:
    written = folder / _STAMP
    return written.read_text(encoding="utf-8") if written.is_file() else ""


def _sources(site: Path) -> _Sources:
    kinds.use_folder(site.parent / "experiments" / "kinds")
    prose = sorted(path for path in site.glob("pages/*.md") if path.stem != "index")
    studies: dict[str, dict[str, Path]] = {}
    for index in sorted(site.glob("studies/*/index.md")):
        own = [index, *sorted(path for path in index.parent.rglob("*.md") if path != index)]
        studies[index.parent.name] = {p.relative_to(site).with_suffix(".html").as_posix(): p for p in own}
    return _Sources(
        {f"{path.stem}.html": path for path in prose},
        {f"guide/{path.stem}.html": path for path in sorted(site.glob("pages/guide/*.md"))},
        studies,
        kinds.names(),
    )


def _write(site: Path, folder: Path, sources: _Sources) -> None:
    from ws_dsl.report import search

    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    prose = {href: _page(path) for href, path in sources.pages.items()}
    chapters = sorted(
        ((href, _chapter(path)) for href, path in sources.guide.items()),
        key=lambda item: item[1].facts["order"],
    )
    links = [Link("index.html", "Studies", "studies")]
    links += [Link("guide/index.html", "Guide", "guide")] * bool(chapters)
    links += [Link("kinds/index.html", "Kinds", "kinds")]
    links += [Link(href, page.facts.get("title", href), href) for href, page in prose.items()]
    shell, entries = Shell(folder, links), list[search.Entry]()
    studies = [_study(site, shell, entries, *one) for one in sources.studies.items()]
    _guide(shell, entries, chapters)
    verbs = _reference(site, shell, entries, studies)
    for href, page in prose.items():
        shell.write(href, "page", href, **_shown(page), layout="prose")
        entries += search.sections(href, "Page", page.facts.get("title", href), page.body)
    index = _page(site / "pages" / "index.md")
    guide = [(href, page.facts) for href, page in chapters]
    shell.write(
        "index.html", "index", "studies", **_shown(index), studies=studies, chapters=guide, verbs=verbs
    )
    search.write(folder, entries)
    for name in _ASSETS:
        shutil.copyfile(templates_folder() / name, folder / name)


def _study(
    site: Path, shell: Shell, entries: list[Entry], name: str, pages: dict[str, Path]
) -> dict[str, Any]:
    """Writes the pages of a study; gives what the index says of it."""
    from ws_dsl.report import search

    _copy(site / "studies" / name, shell.folder / "studies" / name)
    (first, source), *others = pages.items()
    page = _page(source)
    shell.write(first, "page", "studies", **_shown(_with_kinds(page, first)), layout="study")
    facts: dict[str, Any] = {**_ALWAYS, **page.facts, "href": first}
    claims = " ".join(f"{one['verdict']}: {one['claim']}" for one in facts["verdicts"])
    entries.append(search.Entry(first, "Study", facts["title"], "", f"{name}. {claims}"))
    for href, path in others:
        shell.write(href, "page", "studies", **_shown(_with_kinds(_page(path), href)), layout="study")
    return facts


def _copy(source: Path, target: Path) -> None:
    """Copies all but Markdown; `shutil.copytree` would hide why a disk refuses."""
    for file in source.rglob("*"):
        if file.is_file() and file.suffix != ".md":
            copy = target / file.relative_to(source)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, copy)


def _guide(shell: Shell, entries: list[Entry], chapters: list[tuple[str, Page]]) -> None:
    """Writes the chapters, each with its neighbours, and their table of contents."""
    from ws_dsl.report import search

    places = [(href, page.facts) for href, page in chapters]
    for at, (href, page) in enumerate(chapters):
        before = places[at - 1] if at else None
        after = places[at + 1] if at + 1 < len(places) else None
        shell.write(
            href, "guide", "guide", **_shown(page), chapters=places, before=before, after=after, number=at + 1
        )
        entries += search.sections(href, "Guide", page.facts["title"], page.body)
    if chapters:
        shell.write("guide/index.html", "chapters", "guide", "Guide", chapters=places)


def _reference(
    site: Path, shell: Shell, entries: list[Entry], studies: list[dict[str, Any]]
) -> dict[str, list[Any]]:
    """Writes the pages of kinds; gives the kinds by verb."""
    from ws_dsl.report import reference, search
    from ws_dsl.report.figures import KINDS
    from ws_dsl.report.figures.documentation import documentation

    texts = reference.yaml_of(site / "pages" / "guide", [".md"])
    texts += reference.yaml_of(site.parent / "experiments", [".yaml", ".yml"])
    verbs: dict[str, list[reference.KindView]] = {}
    for view in reference.views(texts):
        verbs.setdefault(view.verb, []).append(view)
    for view in (view for views in verbs.values() for view in views):
        used_by = [study for study in studies if view.name in study["kinds"]]
        shell.write(
            f"kinds/{view.name}.html", "kind", "kinds", view.name, kind=view, verbs=verbs, used_by=used_by
        )
        words = " ".join([*view.said.values(), *(f"{f.name}: {f.meaning}." for f in view.fields)])
        entries.append(search.Entry(f"kinds/{view.name}.html", "Kind", view.name, view.title, words))
    drawn = {name: documentation(name) for name in KINDS}
    shell.write(
        "kinds/index.html", "kinds", "kinds", "Kinds", verbs=verbs, about=reference.VERBS, figures=drawn
    )
    shell.write(_FIGURES, "figures", "kinds", "Figures", verbs=verbs, figures=drawn)
    for name, figure in drawn.items():
        words = " ".join([figure.draws, figure.caption, *figure.roles.values()])
        entries.append(search.Entry(f"{_FIGURES}#{name}", "Figure", name, figure.title, words))
    return verbs


def _page(path: Path) -> Page:
    from ws_dsl.report.markdown import render

    return render(path.read_text(encoding="utf-8") if path.is_file() else _FRONT, path.parent)


def _with_kinds(page: Page, href: str) -> Page:
    """A study's page with its kinds leading to the reference, which plain Markdown does not have."""
    known, root = set(kinds.names()), "../" * href.count("/")

    def linked(match: re.Match[str]) -> str:
        name = match["name"]
        return (
            f'{match["before"]}<a href="{root}kinds/{name}.html">{match["code"]}</a>'
            if name in known
            else match[0]
        )

    return page._replace(body=_NAMED_KIND.sub(linked, page.body))


def _chapter(path: Path) -> Page:
    page = _page(path)
    missing = [name for name in ("title", "summary", "order") if name not in page.facts]
    if missing:
        raise WsDslError(
            f"{path}: a chapter of the guide begins with its {', '.join(missing)}, between lines of ---"
        )
    return page


def _shown(page: Page) -> dict[str, Any]:
    from markupsafe import Markup

    title = page.facts.get("title", "ws-dsl")
    return {"title": title, "body": Markup(page.body), "sections": page.sections}


def _digest(site: Path) -> str:
    """Digest of everything that a build reads, this package's renderer and kinds included."""
    package = Path(__file__).parent.parent
    sources = [*site.glob("pages/**/*.md"), *site.glob("studies/**/*"), *templates_folder().iterdir()]
    sources += [*site.parent.glob("experiments/*.y*ml"), *site.parent.glob("experiments/kinds/*.py")]
    sources += [*package.glob("report/**/*.py"), *package.glob("specs/*.py"), *package.glob("steps/*/*.py")]
    total = hashlib.sha256()
    for path in sorted(path for path in sources if path.is_file()):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        total.update(f"{path.as_posix()}\0{content}\n".encode())
    return total.hexdigest()
