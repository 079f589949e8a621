"""Mistakes gathered while planning, so that a study's are all told at once."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ws_dsl.errors import Problem
from ws_dsl.specs import types
from ws_dsl.specs.document import Document, Path_, subject


class Broken(Exception):
    """A part of the study with a mistake that is told already."""


@dataclass
class Mistakes:
    """What is wrong with a study.

    Attributes:
        document: The study as written.
        found: All mistakes so far.
    """

    document: Document
    found: list[Problem] = field(default_factory=list[Problem])

    def add(self, path: Path_, code: str, message: str) -> Broken:
        """Notes a mistake; what it gives can be raised to leave the part that is broken."""
        self.found.append(Problem(self.document.place(path), code, subject(path), message))
        return Broken()


def near(name: str, known: Iterable[str]) -> str:
    """` Did you mean …?` where a known name is close."""
    found = difflib.get_close_matches(name, list(known), n=1)
    return f" Did you mean {found[0]!r}?" if found else ""


def accepted(have: tuple[type[types.Type], ...], wanted: tuple[type[types.Type], ...]) -> bool:
    """Whether cells of a type may be referred to by a field."""
    return types.Type in wanted or bool(set(have) & set(wanted))


def names(found: tuple[type[types.Type], ...]) -> str:
    """Types as text."""
    return " or ".join(t.__name__ for t in found)


def axes_of(axes: Mapping[str, object]) -> str:
    """Axes as text, for messages."""
    return f"axes: {', '.join(axes) or 'none'}"
