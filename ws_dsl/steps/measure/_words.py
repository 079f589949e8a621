"""Words of a text, and runs of words or tokens."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TypeVar

ItemT = TypeVar("ItemT")

_WORD = re.compile(r"\w+(?:'\w+)*")


def words(text: str) -> list[str]:
    """Words in order, case folded, punctuation left out; an apostrophe within a word is part of it."""
    return _WORD.findall(plain(text).casefold())


def plain(text: str) -> str:
    """The text with typographic apostrophes as typed ones."""
    return text.replace("\u2019", "'").replace("\u2018", "'")


def runs(items: Sequence[ItemT], n: int) -> list[tuple[ItemT, ...]]:
    """All n-grams in order; none where there are fewer items."""
    return [tuple(items[start : start + n]) for start in range(len(items) - n + 1)]
