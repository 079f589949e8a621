"""References: `name[axis=label, axis!=label, axis=a|b, axis as new, choice].column`."""

from __future__ import annotations

import re
from typing import NamedTuple

_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
_REFERENCE = re.compile(rf"\s*({_NAME})\s*(?:\[([^\[\]]*)\])?\s*(?:\.\s*({_NAME}(?:\.{_NAME})?))?\s*")
_AS = re.compile(rf"({_NAME})\s+as\s+({_NAME})")
_PICK = re.compile(rf"({_NAME})\s*(!?=)\s*([^=]+)")


class Pick(NamedTuple):
    """Keeps the cells whose label on `axis` is among `labels`, or is not where `negated`."""

    axis: str
    labels: tuple[str, ...]
    negated: bool = False

    @property
    def drops(self) -> bool:
        """Whether the axis disappears: exactly one label is kept."""
        return len(self.labels) == 1 and not self.negated

    def __str__(self) -> str:
        return f"{self.axis}{'!=' if self.negated else '='}{'|'.join(self.labels)}"


class Rename(NamedTuple):
    """Gives an axis another name."""

    axis: str
    new: str

    def __str__(self) -> str:
        return f"{self.axis} as {self.new}"


class Chosen(NamedTuple):
    """Keeps, along the axes of a `choose` step, the cell that it chose; these axes disappear."""

    choice: str

    def __str__(self) -> str:
        return self.choice


Item = Pick | Rename | Chosen


class Reference(NamedTuple):
    """A named view of a step's cells.

    Attributes:
        name: The step.
        items: Selections, renames and choices, applied left to right.
        column: The column that is read, or None for the default.
    """

    name: str
    items: tuple[Item, ...] = ()
    column: str | None = None

    def __str__(self) -> str:
        items = f"[{', '.join(str(item) for item in self.items)}]" if self.items else ""
        return f"{self.name}{items}" + (f".{self.column}" if self.column else "")


def parse(text: str) -> Reference:
    """Reads a reference.

    Raises:
        ValueError: the text is no reference; the message says which part and what is expected.
    """
    match = _REFERENCE.fullmatch(text)
    if match is None:
        raise ValueError(
            f"{text!r} is no reference; write a step's name, as in score, score[arm=none] or score.pmass"
        )
    name, items, column = match.groups()
    parsed = tuple(_item(item.strip(), text) for item in items.split(",")) if items and items.strip() else ()
    return Reference(name, parsed, column)


def _item(text: str, whole: str) -> Item:
    if match := _AS.fullmatch(text):
        return Rename(match[1], match[2])
    if match := _PICK.fullmatch(text):
        labels = tuple(label.strip() for label in match[3].split("|"))
        if all(labels):
            return Pick(match[1], labels, match[2] == "!=")
    if re.fullmatch(_NAME, text):
        return Chosen(text)
    raise ValueError(
        f"{text!r} in {whole!r} is no selection; write axis=label, axis=a|b, axis!=label, axis as new, or "
        f"the name of a choice"
    )
