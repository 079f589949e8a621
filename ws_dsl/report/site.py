"""The site: committed Markdown to HTML that needs no network and no server.

site/pages/NAME.md            → _build/NAME.html
site/studies/ID/index.md      → _build/studies/ID/index.html, figures inlined
site/studies/ID/**            → copied beside it
templates/site.css, site.js   → copied
"""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from jinja2 import Environment, Template

    from ws_dsl.report.markdown import Page

_ASSETS = ("site.css", "site.js")
_STAMP = ".inputs"


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


def templates_folder() -> Path:
    """Templates of a checkout, or those that an installed wheel carries."""
    package = Path(__file__).parent.parent
    carried = package / "_templates"
    return carried if carried.is_dir() else package.parent / "templates"


def build(site: Path) -> Built:
    """Builds `site/_build` from the Markdown under `site`; does nothing when no input has changed.

    Args:
        site: Folder with `pages/` and `studies/`, either of which may be absent.

    Raises:
        FileNotFoundError: a page shows a figure that is not there.
    """
    folder = site / "_build"
    studies = sorted(path.parent.name for path in site.glob("studies/*/index.md"))
    pages = sorted(path.stem for path in site.glob("pages/*.md") if path.stem != "index")
    outcome = [Path("index.html"), *(Path(f"{name}.html") for name in pages)]
    outcome += [Path("studies", name, "index.html") for name in studies]
    stamp = _digest(site)
    written = folder / _STAMP
    if written.is_file() and written.read_text(encoding="utf-8") == stamp:
        return Built(folder, outcome, fresh=False)
    from filelock import FileLock

    with FileLock(site / "_build.lock"):
        _write(site, folder, pages, studies)
        written.write_text(stamp, encoding="utf-8")
    return Built(folder, outcome, fresh=True)


def _write(site: Path, folder: Path, pages: list[str], studies: list[str]) -> None:
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    prose = {name: _page(site / "pages" / f"{name}.md") for name in pages}
    environment = _environment()
    links = [(f"{name}.html", page.facts.get("title", name)) for name, page in prose.items()]
    page_template, index_template = (
        environment.get_template(f"{name}.html.j2") for name in ("page", "index")
    )
    done: list[dict[str, Any]] = []
    for name in studies:
        source, target = site / "studies" / name, folder / "studies" / name
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("index.md"))
        page = _page(source / "index.md")
        done.append(page.facts | {"href": f"studies/{name}/index.html"})
        html = _html(page_template, page, links=links, root="../../", here="", layout="study")
        (target / "index.html").write_text(html, encoding="utf-8")
    for name, page in prose.items():
        html = _html(page_template, page, links=links, root="", here=f"{name}.html", layout="prose")
        (folder / f"{name}.html").write_text(html, encoding="utf-8")
    index = _page(site / "pages" / "index.md")
    html = _html(index_template, index, links=links, root="", here="index.html", layout="index", studies=done)
    (folder / "index.html").write_text(html, encoding="utf-8")
    for name in _ASSETS:
        shutil.copyfile(templates_folder() / name, folder / name)


def _page(path: Path) -> Page:
    from ws_dsl.report.markdown import render

    text = path.read_text(encoding="utf-8") if path.is_file() else '---\ntitle: "Studies"\n---\n\n# Studies\n'
    return render(text, path.parent)


def _environment() -> Environment:
    from jinja2 import FileSystemLoader, StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    return ImmutableSandboxedEnvironment(
        loader=FileSystemLoader(templates_folder()),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def _html(template: Template, page: Page, **shell: object) -> str:
    """A page in its shell: `root` leads to the site's folder, `here` is its link in the navigation."""
    from markupsafe import Markup

    title = page.facts.get("title", "ws-dsl")
    return template.render(title=title, body=Markup(page.body), sections=page.sections, **shell)


def _digest(site: Path) -> str:
    """Digest of everything that a build reads, this package's renderer included."""
    sources = [*site.glob("pages/*.md"), *site.glob("studies/**/*"), *templates_folder().iterdir()]
    sources += [Path(__file__).with_name(name) for name in ("site.py", "markdown.py", "svg.py")]
    total = hashlib.sha256()
    for path in sorted(path for path in sources if path.is_file()):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        total.update(f"{path.as_posix()}\0{content}\n".encode())
    return total.hexdigest()
