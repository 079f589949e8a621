from __future__ import annotations

import re
from html import unescape

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from ws_dsl.report import escape

HOSTILE = [
    "<script>alert(1)</script>",
    "![x](https://example.org/x.png)",
    "[x](javascript:alert(1))",
    "https://example.org",
    "a | b \\| c \\",
    "{{ page.id }} {% for x in page %}",
    "&lt;b&gt; &amp;",
    "# no heading",
    "- no list",
    "12. no list",
    "> no quotation",
    "```\nno fence\n```",
    "`` ` ```",
    "**no** _emphasis_ snake_case ~~struck~~ $x$",
    "line\n\nparagraph",
    "===",
    "\\",
]
lines = st.one_of(st.sampled_from(HOSTILE), st.text(alphabet=st.characters(blacklist_categories=["C"])))


def shown(markdown: str) -> tuple[str, set[str]]:
    """Text and element names that Markdown turns into, under the rules of the site."""
    html = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"]).render(markdown)
    return unescape(re.sub(r"<[^>]*>", "", html)), set(re.findall(r"<([a-z0-9]+)", html))


def words(text: str) -> str:
    return " ".join(text.split())


@given(lines)
def test_text_shows_as_itself(line: str):
    text, elements = shown(escape.text(line))
    assert words(text) == words(line)
    assert elements <= {"p"}


@given(lines)
def test_text_stays_in_its_cell(line: str):
    text, elements = shown(
        f"| a | b |\n| --- | --- |\n| x {escape.text(line)} | {escape.cell_code(line)} |\n"
    )
    assert elements <= {"table", "thead", "tbody", "tr", "th", "td", "code"}
    assert words(text).startswith(words(f"a b x {line}"))


@given(lines)
def test_code_shows_as_itself(line: str):
    text, elements = shown(f"x {escape.code(line)}")
    assert elements <= {"p", "code"}
    assert words(text) == words(f"x {line}".replace("\n", "↵"))


def test_prose_keeps_its_code_spans():
    assert (
        escape.prose("Sets `L3N41` to <b> `a|b`, *never* `")
        == "Sets `L3N41` to \\<b\\> `a|b`, \\*never\\* \\`"
    )


@given(st.lists(lines).map("\n".join))
def test_fence_is_verbatim(block: str):
    html = MarkdownIt("commonmark", {"html": False}).render(escape.fence(block) + "\n\nafter")
    body, after = html.split("</code></pre>\n")
    assert after == "<p>after</p>\n"
    assert unescape(body.split(">", 2)[2]) == block + "\n"


@pytest.mark.parametrize("mark", ["\u202e", "\x00", "\x1b"])
def test_marks_that_deceive_are_visible(mark: str):
    assert mark not in escape.text(f"a{mark}b")
    assert len(escape.text(f"a{mark}b")) == 3
