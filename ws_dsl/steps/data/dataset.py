"""Rows from a file.

What it does
    Reads a JSON Lines or CSV file into rows with stable keys and typed columns. The file is snapshotted
    before anything is planned: what is computed belongs to these bytes, whatever becomes of the file.
    Every row is checked against its declared type; a mistake names its line.

What it cannot show
    Whether the labels are right. `world` in the file says whose facts the rows speak of; rows without it
    speak of the real one, and are refused under a model of another.

Inputs and output
    `path` (relative to the study), `key` (one column or several), `columns` (name to `text`, `category`,
    `number`, `bool` or `sign`), `count` (the number of rows, asserted), `unit` (columns that name the
    unit of resampling; the key where absent). Gives Rows.

Reference
    https://jsonlines.org
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Annotated, Any, Literal

from pydantic import Field

from ws_dsl.artifacts.artifact import Artifact
from ws_dsl.artifacts.rows import Rows
from ws_dsl.errors import DataError
from ws_dsl.plan.variants import label_of
from ws_dsl.specs import types
from ws_dsl.specs.canonical import Json
from ws_dsl.specs.inspection import Complaint, Inspection
from ws_dsl.specs.kind import File, Kind
from ws_dsl.steps.cell import Cell, Context
from ws_dsl.steps.data._reading import read_rows


class Dataset(Kind[types.Rows]):
    """Rows of a JSON Lines or CSV file."""

    path: File
    key: str | Annotated[list[str], Field(min_length=1)]
    columns: dict[str, Literal["text", "category", "number", "bool", "sign"]]
    count: Annotated[int, Field(gt=0)] | None = None
    unit: str | list[str] = []

    @classmethod
    def foresee(cls, spec: Any, inspection: Inspection) -> dict[str, Json]:
        return {"world": _read(spec, inspection.file("path"), spec.path).world}

    @classmethod
    def levels(cls, spec: Any, column: str, read: Callable[[str], bytes]) -> list[str] | None:
        if spec.columns.get(column) not in ("category", "bool", "sign"):
            return None
        values = set(_read(spec, read("path"), spec.path).columns[column])
        return [str(label_of(value)) for value in sorted(values)]

    @classmethod
    def inspect(cls, spec: Any, inspection: Inspection) -> Iterator[Complaint]:
        try:
            rows = _read(spec, inspection.file("path"), spec.path)
        except DataError as error:
            yield Complaint("path", "bad-row", str(error))
            return
        if spec.count is not None and spec.count != len(rows):
            yield Complaint(
                "count", "wrong-count", f"{spec.path} has {len(rows)} rows, and {spec.count} are declared"
            )
        for name in _names(spec.unit):
            if name not in rows.columns:
                yield Complaint(
                    "unit",
                    "unknown-column",
                    f"there is no column {name!r} (columns: {', '.join(rows.columns)})",
                )


version = 1


def run(cells: Sequence[Cell[Dataset]], context: Context) -> Iterator[tuple[Cell[Dataset], Artifact]]:
    """Reads each file."""
    for cell in cells:
        yield cell, _read(cell.spec, cell.files["path"].read_bytes(), cell.spec.path).to_artifact()


def _read(spec: Dataset, content: bytes, file: str) -> Rows:
    return read_rows(content, file, _names(spec.key), spec.columns, _names(spec.unit))


def _names(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value
