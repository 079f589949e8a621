"""Which rows of a data file changed, between two states of it."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from typing import Any, NamedTuple

_TOLD = 3


class _Row(NamedTuple):
    number: int
    values: dict[str, Any]


def row_changes(name: str, old: bytes, new: bytes, key: Sequence[str]) -> list[str]:
    """Differences between two states of a JSON Lines or CSV file, a sentence for each of the first rows.

    Rows are counted from 1, the head of a CSV file left out, in the state in which they are.

    Args:
        name: Name of the file; its suffix tells the format.
        old: Its bytes before.
        new: Its bytes now.
        key: Columns by which rows are the same row; by their place where these do not tell them apart.

    Returns:
        Sentences, or nothing where the file cannot be read as rows.
    """
    rows = [_rows(name, content) for content in (old, new)]
    if None in rows:
        return []
    before, after = ({_identity(row, key): row for row in found or []} for found in rows)
    if len(before) < len(rows[0] or []) or len(after) < len(rows[1] or []):
        before, after = ({str(row.number): row for row in found or []} for found in rows)
        key = ()
    told = [
        f"{name} row {row.number} changed{_named(row, key)}: {_columns(before[one].values, row.values)}"
        for one, row in after.items()
        if one in before and before[one].values != row.values
    ]
    told += [
        f"{name} row {row.number} is new{_named(row, key)}" for one, row in after.items() if one not in before
    ]
    told += [
        f"{name} row {row.number} is gone{_named(row, key)}"
        for one, row in before.items()
        if one not in after
    ]
    if not told and list(before) != list(after):
        return [f"the rows of {name} are in another order"]
    if not told:
        return [f"{name} was written otherwise, with the same rows"]
    more = len(told) - _TOLD
    return told[:_TOLD] + ([f"{name}: {more} more"] if more > 0 else [])


def _rows(name: str, content: bytes) -> list[_Row] | None:
    try:
        text = content.decode("utf-8-sig")
        if name.endswith(".csv"):
            found = list(csv.DictReader(io.StringIO(text)))
        else:
            found = [json.loads(line) for line in text.split("\n") if line.strip()]
    except (ValueError, RecursionError, csv.Error):
        return None
    if not all(isinstance(row, dict) for row in found):
        return None
    return [_Row(number, row) for number, row in enumerate(found, 1)]


def _identity(row: _Row, key: Sequence[str]) -> str:
    return repr([row.values.get(column) for column in key])


def _named(row: _Row, key: Sequence[str]) -> str:
    return f" ({', '.join(str(row.values.get(column)) for column in key)})" if key else ""


def _columns(old: dict[str, Any], new: dict[str, Any]) -> str:
    """The columns that differ, with both values."""
    parts = [
        f"{column}: {shown(old[column])} → {shown(new[column])}"
        for column in new
        if column in old and old[column] != new[column]
    ]
    parts += [f"column {column} is new" for column in new if column not in old]
    parts += [f"column {column} is gone" for column in old if column not in new]
    return "; ".join(parts)


def shown(value: Any) -> str:
    """A value, shortened."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"
