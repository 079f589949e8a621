from __future__ import annotations

from pathlib import Path

import pytest

from ws_dsl.report import links


def problems(folder: Path, body: str, head: str = '<html lang="en">') -> list[str]:
    (folder / "a.html").write_text(f"{head}{body}</html>")
    return links.problems(folder)


@pytest.mark.parametrize(
    ("body", "trouble"),
    [
        ('<a href="b.html">b</a>', "b.html does not exist"),
        ('<a href="../outside.html">b</a>', "../outside.html does not exist"),
        ('<a href="#none">b</a>', "#none leads to an anchor that does not exist"),
        ('<p id="x"></p><p id="x"></p>', "id x occurs 2 times"),
        (
            '<img src="https://example.org/x.png" alt="">',
            "https://example.org/x.png is a request to the outside",
        ),
        ('<script src="//example.org/x.js"></script>', "//example.org/x.js is a request to the outside"),
        (
            '<p style="background:url(https://example.org)"></p>',
            "style asks for background:url(https://example.org)",
        ),
        ('<img src="data:image/png;base64,AA">', "image data:image/png;base64,AA has no alt text"),
        ("<svg></svg>", "a drawing has no name and no description"),
    ],
)
def test_what_is_wrong_is_found(tmp_path: Path, body: str, trouble: str):
    assert problems(tmp_path, body) == [f"a.html: {trouble}"]


@pytest.mark.parametrize(
    "body",
    [
        '<p id="x"></p><a href="#x">b</a><a href="a.html#x">c</a>',
        '<a href="https://example.org">to be followed by hand</a>',
        '<link href="data:,"><svg aria-hidden="true"></svg><img src="data:image/png;base64,AA" alt="">',
    ],
)
def test_what_is_right_is_left_alone(tmp_path: Path, body: str):
    assert problems(tmp_path, body) == []


def test_a_page_says_its_language(tmp_path: Path):
    assert problems(tmp_path, "", head="<html>") == ["a.html: the page does not say its language"]


def test_a_stylesheet_asks_for_nothing(tmp_path: Path):
    (tmp_path / "site.css").write_text("a{background:url(https://example.org/x.png)} b{mask:url(#m)}")
    assert links.problems(tmp_path) == ["site.css: asks for url(https://example.org/x.png)"]
