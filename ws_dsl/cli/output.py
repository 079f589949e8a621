"""What is said at the terminal: data on stdout, everything else on stderr."""

from __future__ import annotations

import json
import os
import shutil
import sys
import textwrap
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

SCHEMA = 1
"""Version of everything printed with `--json`."""


def data(value: dict[str, Any]) -> None:
    """Prints a JSON document."""
    print(json.dumps({"schema": SCHEMA, **value}, ensure_ascii=False, indent=2))


def say(text: str = "") -> None:
    """Tells the user something that is no data."""
    print(text, file=sys.stderr, flush=True)


def today() -> str:
    """The date, as registrations bear it."""
    return datetime.now(UTC).date().isoformat()


def shown(value: Any) -> str:
    """A value in the column of a table."""
    if isinstance(value, float):
        return f"{value:.6g}"
    if value is None:
        return "–"
    return value.replace("\n", "⏎") if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def table(heads: list[str], rows: list[list[str]]) -> None:
    """Prints rows in columns that line up."""
    columns = [list(column) for column in zip(heads, *rows, strict=True)]
    padded: list[list[str]] = []
    for column in columns[:-1]:
        width = max(map(len, column))
        padded.append([cell.ljust(width) for cell in column])
    print("\n".join(map(str.rstrip, map("  ".join, zip(*padded, *columns[-1:], strict=True)))))


def records(name: str, values: Iterable[dict[str, Any]]) -> None:
    """Prints a JSON document that holds a list, a line for each of its entries: there may be very many."""
    write = json.JSONEncoder(ensure_ascii=False, check_circular=False).encode
    lines = ",\n".join(map(write, values))
    print(f'{{"schema": {SCHEMA}, "{name}": [\n{lines}\n]}}')


def counted(count: int, noun: str) -> str:
    """A number with its noun: `1 cell`, `12 cells`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def duration(seconds: float) -> str:
    """A time as one reads it: `0.4 s`, `12 s`, `3 min 20 s`, `2 h 5 min`."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def size_of(count: int) -> str:
    """A number of bytes as one reads it: `812 B`, `1.2 MB`."""
    if count < 1000:
        return f"{count} B"
    size, unit = count / 1000, "kB"
    for larger in ("MB", "GB", "TB"):
        if size < 999.5:
            break
        size, unit = size / 1000, larger
    return f"{size:.1f} {unit}" if size < 9.95 else f"{size:.0f} {unit}"


_STYLES = {"verdict": "1", "failed": "1;31", "warned": "33"}


def styled(text: str, style: str) -> str:
    """A word that stands out on a terminal; as it is in a log, and where `NO_COLOR` is set."""
    if not sys.stderr.isatty() or os.environ.get("NO_COLOR"):
        return text
    return f"\x1b[{_STYLES[style]}m{text}\x1b[0m"


def folded(text: str, indent: int) -> str:
    """A long line, folded on a terminal under an indent, and left whole in a log."""
    if not sys.stderr.isatty():
        return text
    width = max(shutil.get_terminal_size().columns, 2 * indent + 20)
    return textwrap.fill(
        text, width, subsequent_indent=" " * indent, break_long_words=False, break_on_hyphens=False
    )
