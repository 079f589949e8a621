"""Untrusted text as Markdown that shows it and does nothing else.

Prompts, claims and completions may hold HTML, links, images, table bars or template syntax; on the page they
are characters. Text made here is `Written`; all else that a template prints is escaped on its way out.
"""

from __future__ import annotations

import re


class Written(str):
    """Text that is Markdown already."""

    __slots__ = ()


_ALWAYS = re.compile(r"([\\`*\[\]<>|~$&])")
_UNDERSCORE = re.compile(r"(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")
_LINE_START = re.compile(r"^(\s*)(?:([#+=-])|(\d+)([.)])(?=\s|$))")
_LINK = re.compile(r"\b(https?|ftp|mailto|www)([:.])", re.IGNORECASE)
_SPACE = re.compile(r"\s+")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]")


def text(value: object) -> Written:
    """One line of text; runs of white space become one space."""
    if isinstance(value, Written):
        return value
    return Written(_text(str(value)).strip())


def _text(value: str) -> str:
    line = _SPACE.sub(" ", _visible(value))
    line = _UNDERSCORE.sub(r"\_", _ALWAYS.sub(r"\\\1", line))
    line = _LINE_START.sub(lambda m: f"{m[1]}\\{m[2]}" if m[2] else f"{m[1]}{m[3]}\\{m[4]}", line)
    return _LINK.sub(r"\1\\\2", line)


def code(value: object) -> Written:
    """Inline code, verbatim but for line ends, which show as `↵`."""
    line = _visible(str(value)).replace("\n", "↵").replace("\t", " ")
    if not line:
        return Written("")
    ticks = "`" * (_longest(line) + 1)
    padding = " " if line[0] in "` " or line[-1] in "` " else ""
    return Written(f"{ticks}{padding}{line}{padding}{ticks}")


def cell_code(value: object) -> Written:
    """Inline code in a table's cell, where a bar would end the cell even inside code."""
    return Written(code(value).replace("|", "\\|"))


def prose(value: object) -> Written:
    """One line of documentation: what stands between backticks is code, all else is text."""
    parts = re.split(r"`([^`]+)`", _SPACE.sub(" ", str(value)).strip())
    return Written("".join(code(part) if place % 2 else _text(part) for place, part in enumerate(parts)))


def fence(value: object, language: str = "text") -> Written:
    """A block of verbatim text."""
    body = _visible(str(value))
    ticks = "`" * max(3, _longest(body) + 1)
    return Written(f"{ticks}{language}\n{body}\n{ticks}")


def _longest(line: str) -> int:
    return max((len(run) for run in re.findall("`+", line)), default=0)


def _visible(line: str) -> str:
    """Control characters and marks that reverse the direction of text, as symbols."""
    line = line.replace("\r\n", "\n").replace("\r", "\n")
    return _CONTROL.sub(
        lambda m: chr(0x2400 + ord(m[0])) if ord(m[0]) < 32 else "\N{REPLACEMENT CHARACTER}", line
    )
