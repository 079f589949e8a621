"""Tables as arrays: one line per row, one column per pooled repeat, nothing where a row is not `ok`."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from ws_dsl.artifacts.rows import Rows, row_set, show
from ws_dsl.artifacts.table import STATUSES, Table
from ws_dsl.errors import MeasurementError
from ws_dsl.specs.canonical import Json
from ws_dsl.steps.cell import Input

if TYPE_CHECKING:
    import numpy as np

Id: TypeAlias = tuple[Any, ...]

Restriction: TypeAlias = "Rows | Mapping[tuple[int, ...], Rows] | None"
"""Rows for all repeats, or for each its own."""

_NAMED = 5

_LARGEST = 1e100
"""The largest absolute value that is read: float64 holds sums of their squares."""


class Observations(NamedTuple):
    """One field's Tables, pooled cells side by side.

    Attributes:
        keys: Names of the key columns.
        ids: Key tuple of every row, sorted, so that the order of a Table never matters.
        values: float64 of shape (rows, *lengths of the pooled axes); NaN where the row is not `ok` or the
            pooled cell does not exist.
        statuses: Status of every row by pooled cell, in the order of `repeats`.
        repeats: Place of every pooled cell in `values`; `[()]` where nothing is pooled.
        notes: Notes that all the Tables share; `unit` is that of what was read.
        column: What was read.
    """

    keys: tuple[str, ...]
    ids: list[Id]
    values: np.ndarray
    statuses: list[list[str]]
    repeats: list[tuple[int, ...]]
    notes: dict[str, Json]
    column: str

    def row_set(self) -> str:
        """Digest of the identity of the rows."""
        return row_set(self.ids)

    def described(self) -> dict[str, Json]:
        """What was observed, for the notes of a statistic."""
        found: dict[str, Json] = {}
        if self.column != "value":
            found["column"] = self.column
        if self.notes:
            found["of"] = self.notes
        return found

    def flat(self) -> np.ndarray:
        """Values of shape (rows, repeats), in the order of `repeats`."""
        import numpy as np

        return np.stack([self.values[(slice(None), *place)] for place in self.repeats], axis=1)

    def ok(self) -> np.ndarray:
        """1 where a row is `ok`, 0 where not, NaN where there is no pooled cell; in the shape of `values`."""
        import numpy as np

        found = np.full_like(self.values, np.nan)
        for place, statuses in zip(self.repeats, self.statuses, strict=True):
            found[(slice(None), *place)] = [float(status == "ok") for status in statuses]
        return found

    def per_row(self) -> np.ndarray:
        """Mean over the repeats that are `ok`, float64 of shape (rows,); NaN where none is."""
        import numpy as np

        flat = self.flat()
        present = ~np.isnan(flat)
        count = present.sum(axis=1)
        total = np.where(present, flat, 0.0).sum(axis=1)
        return np.where(count > 0, total / np.maximum(count, 1), np.nan)

    def row_status(self) -> list[str]:
        """`ok` where a repeat is; else the status of the first repeat."""
        return ["ok" if "ok" in found else found[0] for found in zip(*self.statuses, strict=True)]

    def excluded(self) -> dict[str, Json]:
        """Number of observations by status, those that are `ok` left out."""
        flat = [status for statuses in self.statuses for status in statuses]
        return {status: flat.count(status) for status in STATUSES if status != "ok" and status in flat}


def restriction(inputs: Sequence[Input]) -> Restriction:
    """The rows of a field `rows`; where these are pooled too, as gated replies are, each repeat's own."""
    if len(inputs) > 1:
        return {one.pooled: one.open() for one in inputs}
    return inputs[0].open() if inputs else None


def observe(inputs: Sequence[Input], rows: Restriction = None, column: str | None = None) -> Observations:
    """Reads the Tables of one field, restricted to `rows` where given.

    Args:
        inputs: One Table, or the pooled ones.
        rows: Rows to restrict to, those that the Tables do not have ignored. With rows of its own a repeat
            is `excluded` where these lack a row, and a row is left out that no repeat has.
        column: What to read; by default what the reference picks, or `value`.

    Raises:
        MeasurementError: a duplicate id, a value that is not finite or beyond 1e100, pooled Tables over
            different row sets, rows that share no key with the Tables, or repeats without rows among those
            that have their own.
    """
    import numpy as np

    inputs = sorted(inputs, key=lambda one: one.pooled)
    column = column or inputs[0].column or "value"
    tables: list[Table] = [one.open() for one in inputs]
    common, own = (None, rows) if isinstance(rows, Mapping) else (rows, None)
    series = [_read(table, column, common) for table in tables]
    ids = sorted(series[0], key=repr)
    for other in series[1:]:
        same_rows(ids, other, "the first pooled table", "another")
    if own is not None:
        ids = _gate(series, tables[0].keys, [one.pooled for one in inputs], own)
    axes = [sorted(set(places)) for places in zip(*(one.pooled for one in inputs), strict=True)]
    repeats = [tuple(map(list.index, axes, one.pooled)) for one in inputs]
    values = np.full((len(ids), *map(len, axes)), np.nan)
    for place, found in zip(repeats, series, strict=True):
        values[(slice(None), *place)] = [found[key][0] for key in ids]
    statuses = [[found[key][1] for key in ids] for found in series]
    notes = shared_notes(tables)
    units = notes.pop("units", {})
    if column != "value":
        notes.pop("unit", None)
        notes |= {"unit": units[column]} if isinstance(units, dict) and column in units else {}
    return Observations(tables[0].keys, ids, values, statuses, repeats, notes, column)


def _gate(
    series: list[dict[Id, tuple[float, str]]],
    keys: tuple[str, ...],
    places: list[tuple[int, ...]],
    rows: Mapping[tuple[int, ...], Rows],
) -> list[Id]:
    """Excludes from every repeat what is not among its own rows; the ids that are left."""
    if set(places) != set(rows):
        raise MeasurementError(
            "`rows` differ along other axes than those that are pooled; pool the same ones"
        )
    left: set[Id] = set()
    for found, place in zip(series, places, strict=True):
        wanted, columns = set(rows[place].ids()), projection(keys, rows[place])
        inside = {key for key in found if tuple(key[column] for column in columns) in wanted}
        left |= inside
        found.update(dict.fromkeys(found.keys() - inside, (math.nan, "excluded")))
    return sorted(left, key=repr)


def same_rows(plus: Iterable[Id], minus: Iterable[Id], left: str, right: str) -> None:
    """Refuses a contrast of two row sets that are not one.

    Raises:
        MeasurementError: names the ids that only one side has.
    """
    only_left, only_right = set(plus) - set(minus), set(minus) - set(plus)
    if only_left or only_right:
        raise MeasurementError(
            f"{left} and {right} do not have the same rows:"
            f" {_some(only_left, left)}; {_some(only_right, right)}.\n"
            "Name the rows that both have with `rows:`."
        )


def shared_notes(tables: Sequence[Table]) -> dict[str, Json]:
    """Notes that are the same in all tables."""
    first, *others = tables
    return {
        name: note
        for name, note in first.notes.items()
        if all(other.notes.get(name) == note for other in others)
    }


def projection(keys: tuple[str, ...], rows: Rows) -> list[int]:
    """Places of the key columns of `rows` among `keys`.

    Raises:
        MeasurementError: a key column of `rows` is not among them.
    """
    missing = [key for key in rows.keys if key not in keys]
    if missing:
        raise MeasurementError(
            f"rows with the key {', '.join(rows.keys)} cannot be matched to a table with the key"
            f" {', '.join(keys)}"
        )
    return [keys.index(key) for key in rows.keys]


def row_columns(keys: tuple[str, ...], ids: list[Id], rows: Rows, names: Sequence[str]) -> list[Id]:
    """Values of row columns for every id of a Table whose key contains the key of `rows`.

    Raises:
        MeasurementError: no such column, or an id that `rows` does not have.
    """
    unknown = [name for name in names if name not in rows.columns]
    if unknown:
        raise MeasurementError(f"no row column {unknown[0]!r}; the rows have {', '.join(rows.columns)}")
    places = projection(keys, rows)
    known = dict(zip(rows.ids(), zip(*(rows.columns[name] for name in names), strict=True), strict=True))
    short = [tuple(key[place] for place in places) for key in ids]
    missing = {key for key in short if key not in known}
    if missing:
        raise MeasurementError(f"the rows behind the table lack rows of it: {_some(missing, 'table')}")
    return [known[key] for key in short]


def _read(table: Table, column: str, rows: Rows | None) -> dict[Id, tuple[float, str]]:
    """Value and status by id; NaN stands for no value, which a stored value never is."""
    if column not in table.columns:
        raise MeasurementError(f"no column {column!r} in a table with {', '.join(table.columns)}")
    found: dict[Id, tuple[float, str]] = {}
    wanted = None if rows is None else set(rows.ids())
    places = [] if rows is None else projection(table.keys, rows)
    for key, value, status in zip(table.ids(), table.columns[column], table.columns["status"], strict=True):
        if wanted is not None and tuple(key[place] for place in places) not in wanted:
            continue
        if key in found:
            raise MeasurementError(f"a table has the row {show(key)} twice")
        found[key] = (_number(key, column, value) if status == "ok" else math.nan, status)
    return found


def _number(key: Id, column: str, value: Any) -> float:
    if isinstance(value, (int, float)) and math.isfinite(value):
        if abs(value) > _LARGEST:
            raise MeasurementError(
                f"{column} of row {show(key)} is {value:g}: float64 does not hold sums of squares of numbers "
                f"beyond {_LARGEST:g}; give them in a larger unit, or leave the row out"
            )
        return float(value)
    raise MeasurementError(
        f"{column} of row {show(key)} is {value!r}, although its status is ok: not a finite number"
    )


def _some(ids: set[Id], side: str) -> str:
    if not ids:
        return f"none only in {side}"
    shown = ", ".join(show(key) for key in sorted(ids, key=repr)[:_NAMED])
    more = f" and {len(ids) - _NAMED} more" if len(ids) > _NAMED else ""
    return f"only in {side}: {shown}{more}"
