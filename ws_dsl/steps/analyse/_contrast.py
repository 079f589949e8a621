"""Two Tables row by row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from ws_dsl.artifacts.rows import row_set
from ws_dsl.artifacts.table import STATUSES, Table
from ws_dsl.errors import MeasurementError
from ws_dsl.specs.canonical import Json
from ws_dsl.steps.analyse._observations import Id, Observations, observe, same_rows

if TYPE_CHECKING:
    import numpy as np

    from ws_dsl.steps.cell import Cell


class Contrast(NamedTuple):
    """Two fields over one row set, repeats averaged.

    Attributes:
        keys: Names of the key columns.
        ids: Key tuple of every row, sorted.
        left: float64 of shape (rows,); NaN where the row is not `ok`.
        right: Likewise.
        status: `ok` where both sides are, else the status of the first side that is not.
        notes: Notes that both sides share.
    """

    keys: tuple[str, ...]
    ids: list[Id]
    left: np.ndarray
    right: np.ndarray
    status: list[str]
    notes: dict[str, Json]

    def row_set(self) -> str:
        """Digest of the identity of the rows."""
        return row_set(self.ids)

    def excluded(self) -> dict[str, Json]:
        """Number of rows by status, those that are `ok` left out."""
        return {
            status: self.status.count(status)
            for status in STATUSES
            if status != "ok" and status in self.status
        }


def contrast(cell: Cell[Any], left: str, right: str) -> Contrast:
    """The Tables of two fields, restricted to the cell's `rows` where given.

    Raises:
        MeasurementError: the row sets differ.
    """
    restriction = cell.get("rows")
    rows = restriction.open() if restriction else None
    first, second = observe(cell.inputs[left], rows), observe(cell.inputs[right], rows)
    same_keys(first, second, left, right)
    status = [a if a != "ok" else b for a, b in zip(first.row_status(), second.row_status(), strict=True)]
    notes = {name: note for name, note in first.notes.items() if second.notes.get(name) == note}
    return Contrast(first.keys, first.ids, first.per_row(), second.per_row(), status, notes)


def same_keys(first: Observations, second: Observations, left: str, right: str) -> None:
    """Refuses two fields whose rows are not the same.

    Raises:
        MeasurementError: key columns or row sets differ.
    """
    if first.keys != second.keys:
        raise MeasurementError(
            f"{left} has rows by {', '.join(first.keys)}, {right} by {', '.join(second.keys)}:"
            " they cannot be compared"
        )
    same_rows(first.ids, second.ids, left, right)


def table(
    keys: tuple[str, ...],
    ids: list[Id],
    values: np.ndarray,
    status: Sequence[str],
    notes: dict[str, Json],
    **columns: np.ndarray,
) -> Table:
    """A Table of arrays; NaN becomes null, and so does the value of every row that is not `ok`."""
    made: dict[str, list[Any]] = {key: [row[place] for row in ids] for place, key in enumerate(keys)}
    made["value"] = [v if s == "ok" else None for v, s in zip(nullable(values), status, strict=True)]
    made["status"] = list(status)
    made |= {name: nullable(array) for name, array in columns.items()}
    return Table(keys, made, notes)


def nullable(array: np.ndarray) -> list[float | None]:
    """Numbers as a column, None for NaN."""
    return [None if number != number else number for number in array.tolist()]
