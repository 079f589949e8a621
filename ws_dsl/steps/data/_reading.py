"""Rows out of files, every mistake with its line."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ws_dsl.artifacts.rows import Rows
from ws_dsl.errors import DataError, Place
from ws_dsl.specs.document import short

WORLDS = ("organism", "real")
LONGEST = 1 << 20
"""Characters of the longest row that is read."""
MOST_TOLD = 5
"""Bad rows that are told one by one; the others are counted."""


def read_rows(
    content: bytes, file: str, key: Sequence[str], columns: Mapping[str, str], unit: Sequence[str]
) -> Rows:
    """Typed rows of a JSON Lines or CSV file.

    The world that the rows speak of is in their column `world`, the same in every row; `real` where there is
    none.

    Args:
        content: Bytes of the file.
        file: Its name, for messages; the suffix tells the format.
        key: Names of the key columns.
        columns: Type by column name.
        unit: Columns that name the unit of resampling; the keys where empty.

    Raises:
        DataError: with the file and the lines of the first bad rows, and how many more there are.
    """
    wanted = {**dict.fromkeys(key, "key"), **columns}
    found: dict[str, list[Any]] = {name: [] for name in wanted}
    worlds: dict[str, int] = {}
    seen: dict[tuple[Any, ...], int] = {}
    bad: list[DataError] = []
    for line, row in _rows(_text(content, file), file):
        try:
            if isinstance(row, DataError):
                raise row
            place = Place(file, line, 1)
            values = {name: _value(row, name, kind, place) for name, kind in wanted.items()}
            identity = tuple(values[name] for name in key)
            if identity in seen:
                raise DataError(place, f"key {_shown(identity)} is that of line {seen[identity]} too")
        except DataError as error:
            bad.append(error)
            continue
        seen[identity] = line
        worlds.setdefault(str(row.get("world", "real")), line)
        for name, value in values.items():
            found[name].append(value)
    if bad:
        raise _together(bad, len(bad) + len(seen))
    if not seen:
        raise DataError(Place(file, 1, 1), "the file has no rows")
    if len(worlds) > 1 or not worlds.keys() <= set(WORLDS):
        held = ", ".join(
            f"{_shown(world)} in line {line}" for world, line in list(worlds.items())[:MOST_TOLD]
        )
        message = f"column 'world' is one of {', '.join(WORLDS)} throughout, and holds {held}"
        raise DataError(Place(file, max(worlds.values()), 1), message)
    return Rows(tuple(key), found, wanted, tuple(unit) or tuple(key), next(iter(worlds)))


def _together(bad: Sequence[DataError], rows: int) -> DataError:
    """The first of several mistakes, with the next ones in its message and the number of the rest."""
    lines = [bad[0].message, *(str(error) for error in bad[1:MOST_TOLD])]
    if len(bad) > MOST_TOLD:
        lines.append(f"and {len(bad) - MOST_TOLD} more: {len(bad)} of {rows} rows are bad")
    return DataError(bad[0].place, "\n".join(lines))


def _text(content: bytes, file: str) -> str:
    """The text of a file.

    Raises:
        DataError: it is none.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise DataError(Place(file, line, 1), f"not UTF-8 at byte {error.start}") from None
    if (nul := text.find("\0")) >= 0:
        raise DataError(Place(file, text.count("\n", 0, nul) + 1, 1), "a NUL byte: this is no text")
    return text


def _rows(text: str, file: str) -> Iterator[tuple[int, dict[str, Any] | DataError]]:
    """Rows with their lines; in the place of one that cannot be read, why."""
    if file.endswith(".csv"):
        yield from _csv(text, file)
        return
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            yield number, _json(line, Place(file, number, 1))


def _csv(text: str, file: str) -> Iterator[tuple[int, dict[str, Any] | DataError]]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        head = next(reader, [])
        if twice := [name for name in dict.fromkeys(head) if head.count(name) > 1]:
            raise DataError(Place(file, 1, 1), f"column {_shown(twice[0])} is in the head twice")
        for row in reader:
            if len(row) == len(head):
                yield reader.line_num, dict(zip(head, row, strict=True))
            elif row:
                place = Place(file, reader.line_num, 1)
                yield (
                    reader.line_num,
                    DataError(place, "the row has another number of fields than the head"),
                )
    except csv.Error as error:
        # What follows an open quote cannot be told apart.
        raise DataError(Place(file, max(reader.line_num, 1), 1), str(error)) from None


def _json(line: str, place: Place) -> dict[str, Any] | DataError:
    if len(line) > LONGEST:
        return DataError(place, f"the row has {len(line)} characters; at most {LONGEST} are read")
    try:
        row = json.loads(line, parse_constant=_not_finite, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        column = getattr(error, "colno", 1)
        return DataError(place._replace(column=column), f"not JSON: {str(error).split(':')[0].lower()}")
    if not isinstance(row, dict):
        return DataError(place, 'a row is an object: {"id": …, …}')
    return row


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{_shown(twice)} is written twice")
    return found


def _not_finite(text: str) -> float:
    raise ValueError(f"{text} is not finite")


def _value(row: Mapping[str, Any], name: str, kind: str, place: Place) -> Any:
    """The value of a column, typed.

    Raises:
        DataError: it is not there, or of another type.
    """
    if name not in row:
        there = ", ".join(_shown(column).strip("'") for column in list(row)[:40])
        raise DataError(place, f"the row has no column {name!r} (columns: {there})")
    value = row[name]
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            raise DataError(place, f"column {name!r} holds a lone surrogate") from None
    typed = _typed(value, kind)
    if typed is None:
        raise DataError(place, f"column {name!r} is declared {kind}, and holds {_shown(value)}")
    return typed


def _typed(value: Any, kind: str) -> Any:
    """The value as the type that is declared; None where it is of another."""
    match kind:
        case "key":
            fits = isinstance(value, (str, int)) and not isinstance(value, bool) and value != ""
            return str(value) if fits else None
        case "text" | "category":
            return value if isinstance(value, str) and (value or kind == "text") else None
        case "bool":
            return value if isinstance(value, bool) else {"true": True, "false": False}.get(str(value))
        case "number":
            return (
                None
                if isinstance(value, bool) or not isinstance(value, (int, float, str))
                else _finite(value)
            )
        case _:
            return int(value) if value in (1, -1, "1", "-1", "+1") and not isinstance(value, bool) else None


def _finite(value: float | str) -> float | None:
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _shown(value: object) -> str:
    """A value for a message: unprintable characters escaped, what is very long cut."""
    return short(repr(value))
