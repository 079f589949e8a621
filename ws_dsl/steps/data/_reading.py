"""Rows out of files, every mistake with its line."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ws_dsl.artifacts.rows import Rows
from ws_dsl.errors import DataError, Place

WORLDS = ("organism", "real")


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
        DataError: with the file and the line.
    """
    wanted = {**dict.fromkeys(key, "key"), **columns}
    found: dict[str, list[Any]] = {name: [] for name in wanted}
    worlds: set[str] = set()
    seen: dict[tuple[Any, ...], int] = {}
    for line, row in _rows(content, file):
        place = Place(file, line, 1)
        for name, kind in wanted.items():
            if name not in row:
                raise DataError(place, f"the row has no column {name!r} (columns: {', '.join(row)})")
            found[name].append(_typed(row[name], kind, name, place))
        identity = tuple(found[name][-1] for name in key)
        if identity in seen:
            raise DataError(place, f"key {identity} is that of line {seen[identity]} too")
        seen[identity] = line
        worlds.add(str(row.get("world", "real")))
    if not seen:
        raise DataError(Place(file), "the file has no rows")
    if len(worlds) > 1 or not worlds <= set(WORLDS):
        raise DataError(
            Place(file),
            f"column 'world' is one of {', '.join(WORLDS)} throughout, and holds {', '.join(sorted(worlds))}",
        )
    return Rows(tuple(key), found, wanted, tuple(unit) or tuple(key), worlds.pop())


def _rows(content: bytes, file: str) -> Iterator[tuple[int, dict[str, Any]]]:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(Place(file), f"not UTF-8 at byte {error.start}") from None
    if file.endswith(".csv"):
        reader = csv.DictReader(io.StringIO(text), strict=True)
        try:
            for row in reader:
                if None in row or None in row.values():
                    raise DataError(
                        Place(file, reader.line_num, 1), "the row has another number of fields than the head"
                    )
                yield reader.line_num, row
        except csv.Error as error:
            raise DataError(Place(file, reader.line_num, 1), str(error)) from None
        return
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line, parse_constant=_not_finite)
        except (ValueError, RecursionError) as error:
            column = getattr(error, "colno", 1)
            raise DataError(
                Place(file, number, column), f"not JSON: {str(error).split(':')[0].lower()}"
            ) from None
        if not isinstance(row, dict):
            raise DataError(Place(file, number, 1), 'a row is an object: {"id": …, …}')
        yield number, row


def _not_finite(text: str) -> float:
    raise ValueError(f"{text} is not finite")


def _typed(value: Any, kind: str, name: str, place: Place) -> Any:
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            raise DataError(place, f"column {name!r} holds a lone surrogate") from None
    match kind:
        case "key":
            if isinstance(value, (str, int)) and not isinstance(value, bool) and value != "":
                return str(value)
        case "text" | "category":
            if isinstance(value, str) and (value or kind == "text"):
                return value
        case "bool":
            if isinstance(value, bool):
                return value
            if value in ("true", "false"):
                return value == "true"
        case "number":
            if isinstance(value, (int, float)) and not isinstance(value, bool):
                return float(value)
            if isinstance(value, str) and _is_number(value):
                return float(value)
        case _:
            if value in (1, -1, "1", "-1", "+1") and not isinstance(value, bool):
                return int(value)
    raise DataError(place, f"column {name!r} is declared {kind}, and holds {value!r}")


def _is_number(text: str) -> bool:
    try:
        return float(text) - float(text) == 0
    except ValueError:
        return False
