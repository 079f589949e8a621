"""The frame around every page: templates, navigation, and where pages lie."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

_CODE = re.compile(r"`([^`]+)`")


class Link(NamedTuple):
    """A place in the navigation.

    Attributes:
        href: Address from the site's folder.
        text: What it is called.
        section: What pages below it say of themselves.
    """

    href: str
    text: str
    section: str


def templates_folder() -> Path:
    """Templates of a checkout, or those that an installed wheel carries."""
    package = Path(__file__).parent.parent
    carried = package / "_templates"
    return carried if carried.is_dir() else package.parent / "templates"


class Shell:
    """Writes pages into a folder.

    Attributes:
        folder: The built site.
        links: The navigation.
    """

    def __init__(self, folder: Path, links: list[Link]):
        self.folder = folder
        self.links = links
        self._environment = _environment()

    def write(self, href: str, template: str, section: str, title: str, **content: object) -> Path:
        """Writes one page and gives its path.

        Args:
            href: Its address from the site's folder.
            template: Name of its template, without the ending.
            section: The part of the navigation that it belongs to.
            title: Of the window.
            content: What the template shows.
        """
        html = self._environment.get_template(f"{template}.html.j2").render(
            root="../" * href.count("/"),
            links=self.links,
            section=section,
            here=href,
            title=title,
            **content,
        )
        path = self.folder / href
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(html, encoding="utf-8")
        return path


def _environment() -> Environment:
    from jinja2 import FileSystemLoader, StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    from ws_dsl.report.compiled import COMPILED

    environment = ImmutableSandboxedEnvironment(
        loader=FileSystemLoader(templates_folder()),
        bytecode_cache=COMPILED,
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["prose"] = prose  # pyright: ignore[reportUnknownMemberType]
    return environment


def prose(text: str) -> Markup:
    """Documentation as HTML: what stands between backticks is code, an address a link."""
    from markupsafe import Markup

    shown = Markup("")
    for place, part in enumerate(_CODE.split(text)):
        shown += Markup("<code>{}</code>").format(part) if place % 2 else _linked(part)
    return shown


def _linked(text: str) -> Markup:
    from markupsafe import Markup

    shown = Markup("")
    for place, part in enumerate(re.split(r"(https://[^\s,;)]*[^\s,;.)])", text)):
        shown += (
            Markup('<a href="{}" rel="noopener noreferrer">{}</a>').format(part, part) if place % 2 else part
        )
    return shown
