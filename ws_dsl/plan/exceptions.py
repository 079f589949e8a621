"""Partial cells that a step does not make."""

# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false
# (what is written in a study is of any type until it is validated)

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ws_dsl.plan.mistakes import Mistakes, near
from ws_dsl.plan.relation import Labels, Relation
from ws_dsl.plan.variants import label_of
from ws_dsl.specs.document import Path_


@dataclass(frozen=True)
class Exceptions:
    """The entries of an `except`.

    Attributes:
        entries: Labels by axis; a cell is left out where it has one of them on every axis of an entry.
        path: Where they are written.
    """

    entries: list[dict[str, list[str]]]
    path: Path_

    def matches(self, labels: Labels) -> bool:
        """Whether a cell is left out."""
        return any(
            all(labels.get(axis) in wanted for axis, wanted in entry.items()) for entry in self.entries
        )

    def check(self, relation: Relation, mistakes: Mistakes) -> None:
        """Tells axes and labels that the step does not have."""
        for index, entry in enumerate(self.entries):
            for axis, wanted in entry.items():
                at: Path_ = (*self.path, index, axis)
                if axis not in relation.axes:
                    has = ", ".join(relation.axes) or "none"
                    hint = near(axis, relation.axes)
                    mistakes.add(at, "unknown-axis", f"this step has no axis {axis!r}.{hint}\naxes: {has}")
                    continue
                for label in wanted:
                    if label not in (known := relation.axes[axis]):
                        hint = near(label, known)
                        message = f"axis {axis!r} has no label {label!r}.{hint}\nlabels: {', '.join(known)}"
                        mistakes.add(at, "unknown-label", message)


def read_exceptions(written: Any, path: Path_, mistakes: Mistakes) -> Exceptions:
    """The `except` of a step.

    Raises:
        Broken: it is no list of partial cells.
    """
    if not isinstance(written, list):
        raise mistakes.add(path, "wrong-value", "expected a list of partial cells, such as [{arm: none}]")
    entries: list[dict[str, list[str]]] = []
    for index, entry in enumerate(written):
        if not isinstance(entry, Mapping) or not entry:
            raise mistakes.add((*path, index), "wrong-value", "expected a partial cell, such as {arm: none}")
        read: dict[str, list[str]] = {}
        for axis, value in entry.items():
            labels = [label_of(one) for one in (value if isinstance(value, list) else [value])]
            if None in labels or not labels:
                raise mistakes.add(
                    (*path, index, str(axis)), "wrong-value", "expected a label or a list of labels"
                )
            read[str(axis)] = [label for label in labels if label is not None]
        entries.append(read)
    return Exceptions(entries, path)
