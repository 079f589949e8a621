"""Frame: the long-form numbers behind one figure, and their CSV."""

from __future__ import annotations

import csv as comma
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

Cell: TypeAlias = "str | float | int | bool | None"


@dataclass(frozen=True)
class Frame:
    """Columns of equal length: axis labels, row keys, row columns, and numbers.

    A statistic `s` may bring its interval in columns `s.low` and `s.high`, and a column `n` the rows that
    each number rests on. Values that are None are not drawn and stay empty in the CSV.

    Attributes:
        columns: Values by column name.
        names: What a column is called on an axis or in a legend, where its own name will not do.
        units: Unit of a column's numbers, such as `logits`.
    """

    columns: Mapping[str, Sequence[Cell]]
    names: Mapping[str, str] = field(default_factory=dict[str, str])
    units: Mapping[str, str] = field(default_factory=dict[str, str])

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()), ()))

    def name(self, column: str) -> str:
        """What a column is called."""
        return self.names.get(column, column)

    def title(self, column: str) -> str:
        """What a column is called, with its unit."""
        unit = self.units.get(column)
        return f"{self.name(column)} ({unit})" if unit else self.name(column)

    def levels(self, column: str) -> list[str]:
        """Distinct labels of a column, in order of first appearance."""
        return list(dict.fromkeys(str(value) for value in self.columns[column] if value is not None))

    def where(self, column: str, label: str) -> Frame:
        """The rows in which a column has this label."""
        keep = [
            i for i, value in enumerate(self.columns[column]) if value is not None and str(value) == label
        ]
        return Frame({n: [v[i] for i in keep] for n, v in self.columns.items()}, self.names, self.units)

    def numbers(self, column: str) -> list[float]:
        """The numbers of a column, those that are None left out."""
        return [float(value) for value in self.columns[column] if value is not None]


@dataclass(frozen=True)
class Roles:
    """Which column plays which part in a figure.

    Attributes:
        x: Along the horizontal axis.
        y: Along the vertical axis.
        of: The numbers of a figure that has one kind of number only; `value` by default.
        colour: One colour and marker shape per label.
        marker: One marker shape per label, where it is not the colour's.
        facet: One panel per combination of labels.
        lines: The axes that `y` is made of, where it is made of several: the last tells lines apart, the
            others group them.
    """

    x: str | None = None
    y: str | None = None
    of: str = "value"
    colour: str | None = None
    marker: str | None = None
    facet: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()


def csv(frame: Frame) -> bytes:
    """The frame in RFC 4180 CSV: numbers in full precision, line feeds between rows, UTF-8."""
    out = io.StringIO()
    writer = comma.writer(out, lineterminator="\n")
    writer.writerow(frame.columns)
    for row in zip(*frame.columns.values(), strict=True):
        writer.writerow(["" if value is None else value for value in row])
    return out.getvalue().encode()
