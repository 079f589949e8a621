"""Markdown to HTML: raw HTML off, images from the page's own folder only, verdict words set as badges."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.renderer import RendererHTML
    from markdown_it.token import Token
    from markdown_it.utils import OptionsDict

WORDS = {
    "Supported": "supported",
    "Refuted": "refuted",
    "Undecided": "undecided",
    "passed": "passed",
    "failed": "failed",
    "warned": "warned",
    "Failed check": "failed",
}
"""Class of a word set alone in bold; a quotation that begins with one becomes a card of that class."""

_FIGURE = re.compile(r"figures/[A-Za-z0-9_-]+\.svg")
_ARTIFACT = re.compile(r"(?:artifacts/)?[A-Za-z0-9_-]+\.md#[0-9a-f]{12}$")
_MARKDOWN_FILE = re.compile(r"^([^:]*)\.md(#.*)?$")
_INTERVAL = re.compile(r"\[[^\[\]]*\](?: n = \d+)?$")


class Page(NamedTuple):
    """A rendered page.

    Attributes:
        facts: Its front matter.
        body: Safe HTML.
        sections: Anchor and text of every second-level heading.
    """

    facts: dict[str, Any]
    body: str
    sections: list[tuple[str, str]]


def render(text: str, folder: Path) -> Page:
    """HTML of one page.

    Args:
        text: Markdown with front matter; nothing in it is trusted.
        folder: Where its figures lie.

    Raises:
        FileNotFoundError: a figure is not there.
    """
    import nh3

    from ws_dsl.report import svg

    parser = _parser()
    figures: list[str] = []
    environment: dict[str, Any] = {"figures": figures}
    tokens = parser.parse(text, environment)
    body = nh3.clean(
        parser.renderer.render(tokens, parser.options, environment),
        tags=nh3.ALLOWED_TAGS - {"img", "map", "area"},
        attributes={
            "*": {"class", "id"},
            "a": {"href"},
            "div": {"tabindex", "role", "aria-label"},
            "pre": {"tabindex"},
        },
        url_schemes={"https", "mailto"},
        link_rel="noopener noreferrer",
    )
    for number, source in enumerate(figures):
        drawing = svg.inline((folder / source).read_bytes(), Path(source).stem)
        body = body.replace(f'<span class="figure-{number}"></span>', drawing, 1)
    return Page(_front_matter(tokens), body, _sections(tokens))


def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt
    from mdit_py_plugins.anchors import anchors_plugin
    from mdit_py_plugins.front_matter import front_matter_plugin

    parser = MarkdownIt("commonmark", {"html": False, "linkify": False}).enable("table")
    parser.use(front_matter_plugin).use(anchors_plugin, min_level=2, max_level=3)
    parser.core.ruler.push("badges", lambda state: _badges(state.tokens))
    parser.core.ruler.push("captions", lambda state: _captions(state.tokens))
    parser.core.ruler.push("links", lambda state: _links(state.tokens))
    parser.core.ruler.push("cells", lambda state: _cells(state.tokens))
    parser.add_render_rule("image", _image)
    parser.add_render_rule("fence", _fence)
    parser.add_render_rule("table_open", _table_open)
    parser.add_render_rule("table_close", _table_close)
    return parser


def _badges(tokens: list[Token]) -> None:
    for at, token in enumerate(tokens):
        for place, child in enumerate(token.children or ()):
            if child.type != "strong_open" or not token.children:
                continue
            word = WORDS.get(token.children[place + 1].content)
            if word is None:
                continue
            child.attrJoin("class", f"badge {word}")
            if place <= 1 and tokens[at - 2].type == "blockquote_open":
                tokens[at - 2].attrJoin("class", f"card {word}")


def _captions(tokens: list[Token]) -> None:
    """A paragraph that begins with an image is a figure, and what follows the image is its caption."""
    from markdown_it.token import Token

    for at, token in enumerate(tokens):
        children = token.children or []
        if token.type != "inline" or not children or children[0].type != "image":
            continue
        tokens[at - 1].tag = tokens[at + 1].tag = "figure"
        rest = [child for child in children[1:] if child.type != "hardbreak"]
        if rest:
            opened = Token("caption_open", "figcaption", 1)
            closed = Token("caption_close", "figcaption", -1)
            token.children = [children[0], opened, *rest, closed]


def _links(tokens: list[Token]) -> None:
    """Links between Markdown files lead to the pages made from them."""
    for token in tokens:
        for child in token.children or ():
            if child.type == "link_open":
                address = str(child.attrGet("href"))
                child.attrSet("href", _MARKDOWN_FILE.sub(r"\1.html\2", address))
                if _ARTIFACT.match(address):
                    child.attrJoin("class", "source")


def _cells(tokens: list[Token]) -> None:
    """Alignment by class, since style attributes are refused; intervals lighter than their estimates."""
    for at, token in enumerate(tokens):
        if token.type in ("th_open", "td_open"):
            if "right" in str(token.attrGet("style")):
                token.attrs = {"class": "right"}
            _split_interval(tokens[at + 1])


def _split_interval(token: Token) -> None:
    """The interval that ends a cell, after an estimate that may be a link."""
    from markdown_it.token import Token

    children = token.children or []
    found = _INTERVAL.search(children[-1].content) if children and children[-1].type == "text" else None
    if found is None or (found.start() == 0 and len(children) == 1):
        return
    opened = Token("interval_open", "span", 1, attrs={"class": "interval"})
    closed = Token("interval_close", "span", -1)
    head = Token("text", "", 0, content=children[-1].content[: found.start()])
    tail = Token("text", "", 0, content=found.group())
    token.children = [*children[:-1], head, opened, tail, closed]


def _image(
    renderer: RendererHTML,
    tokens: Sequence[Token],
    at: int,
    options: OptionsDict,
    environment: dict[str, Any],
) -> str:
    from markdown_it.common.utils import escapeHtml

    source = str(tokens[at].attrGet("src"))
    if not _FIGURE.fullmatch(source):
        return escapeHtml(tokens[at].content)
    environment["figures"].append(source)
    return f'<span class="figure-{len(environment["figures"]) - 1}"></span>'


def _fence(
    renderer: RendererHTML,
    tokens: Sequence[Token],
    at: int,
    options: OptionsDict,
    environment: dict[str, Any],
) -> str:
    from markdown_it.common.utils import escapeHtml

    language = re.sub(r"[^a-z]", "", tokens[at].info)
    return f'<pre tabindex="0" class="{language}"><code>{escapeHtml(tokens[at].content)}</code></pre>\n'


def _table_open(
    renderer: RendererHTML,
    tokens: Sequence[Token],
    at: int,
    options: OptionsDict,
    environment: dict[str, Any],
) -> str:
    from markdown_it.common.utils import escapeHtml

    titles = (tokens[i].content for i in range(at, 0, -1) if tokens[i - 1].type == "heading_open")
    label = escapeHtml(next(titles, "Table"))
    return f'<div class="table-box" tabindex="0" role="region" aria-label="{label}"><table>\n'


def _table_close(
    renderer: RendererHTML,
    tokens: Sequence[Token],
    at: int,
    options: OptionsDict,
    environment: dict[str, Any],
) -> str:
    return "</table></div>\n"


def _front_matter(tokens: list[Token]) -> dict[str, Any]:
    from ruamel.yaml import YAML

    if not tokens or tokens[0].type != "front_matter":
        return {}
    yaml = YAML(typ="safe", pure=True)
    return dict(yaml.load(tokens[0].content) or {})  # pyright: ignore[reportUnknownMemberType]


def _sections(tokens: list[Token]) -> list[tuple[str, str]]:
    heads = (at for at, token in enumerate(tokens) if token.type == "heading_open" and token.tag == "h2")
    return [(str(tokens[at].attrGet("id")), _plain(tokens[at + 1])) for at in heads]


def _plain(token: Token) -> str:
    return "".join(child.content for child in token.children or () if child.type in ("text", "code_inline"))
