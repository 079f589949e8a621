"""What is said at the terminal: data on stdout, everything else on stderr."""

from __future__ import annotations

import json
import sys
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.progress import TaskID

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
    widths = [max(len(cell) for cell in column) for column in zip(heads, *rows, strict=True)]
    for row in [heads, *rows]:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


class PlainProgress:
    """Progress as lines, one per step, for logs."""

    def __init__(self) -> None:
        self.rows_run = 0
        self.cells_made = 0

    def step(self, name: str, kind: str, missing: int, total: int) -> None:
        cached = f", {total - missing} cached" if total > missing else ""
        say(f"  {name} ({kind}): {missing} {'cell' if missing == 1 else 'cells'}{cached}")

    def cells(self, count: int) -> None:
        self.cells_made += count

    def rows(self, count: int) -> None:
        self.rows_run += count

    def note(self, text: str) -> None:
        say(f"  note: {text}")

    def close(self) -> None:
        """Ends the display."""


class BarProgress(PlainProgress):
    """Progress as a bar that stays on one line, for terminals."""

    def __init__(self, total: int) -> None:
        super().__init__()
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        columns = (TextColumn("{task.description}"), BarColumn(24), MofNCompleteColumn(), TimeElapsedColumn())
        self.started = time.monotonic()
        self.bar = Progress(
            *columns, TextColumn("{task.fields[speed]}"), console=Console(stderr=True), transient=True
        )
        self.task: TaskID = self.bar.add_task("", total=total, speed="")
        self.bar.start()

    def step(self, name: str, kind: str, missing: int, total: int) -> None:
        self.bar.update(self.task, description=f"{name} ({kind})")

    def cells(self, count: int) -> None:
        super().cells(count)
        self.bar.advance(self.task, count)

    def rows(self, count: int) -> None:
        super().rows(count)
        speed = self.rows_run / max(time.monotonic() - self.started, 1e-9)
        self.bar.update(self.task, speed=f"{speed:.0f} rows/s")

    def note(self, text: str) -> None:
        self.bar.console.print(f"note: {text}", markup=False, highlight=False)

    def close(self) -> None:
        self.bar.stop()


def progress(total: int) -> PlainProgress:
    """A bar on a terminal, lines elsewhere."""
    return BarProgress(total) if sys.stderr.isatty() else PlainProgress()
