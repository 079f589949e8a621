"""What each kind of figure draws and expects, out of its module's docstring."""

from __future__ import annotations

import inspect
import re
from importlib import import_module
from typing import NamedTuple

_HEADINGS = ("Draws", "Roles", "Caption", "In a study")
_ROLE = re.compile(r"^(\w+): (.*)$")


class Documentation(NamedTuple):
    """What a kind of figure draws.

    Attributes:
        title: One line.
        draws: What is seen, as one paragraph.
        roles: What each role of the grammar takes here, by role; roles that are not there are not read.
        caption: What its caption always says.
        example: A figure of this kind as it is written in a study.
    """

    title: str
    draws: str
    roles: dict[str, str]
    caption: str
    example: str


def documentation(kind: str) -> Documentation:
    """Documentation of a kind of figure.

    Args:
        kind: One of `figures.KINDS`.
    """
    module = import_module(f"ws_dsl.report.figures.{kind}")
    heading = "Title"
    found: dict[str, list[str]] = {name: [] for name in ("Title", *_HEADINGS)}
    for line in inspect.cleandoc(module.__doc__ or "").splitlines():
        if line in _HEADINGS:
            heading = line
        elif line.strip():
            found[heading].append(line.strip())
    return Documentation(
        " ".join(found["Title"]),
        " ".join(found["Draws"]),
        _roles(found["Roles"]),
        " ".join(found["Caption"]),
        "\n".join(found["In a study"]),
    )


def _roles(lines: list[str]) -> dict[str, str]:
    """`of: what it takes` by role; a line that names no role goes on with the one before."""
    roles: dict[str, str] = {}
    for line in lines:
        named = _ROLE.match(line)
        if named:
            roles[named[1]] = named[2]
        else:
            last = next(reversed(roles))
            roles[last] += f" {line}"
    return roles
