"""Artifacts by the type of the grammar."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ws_dsl.artifacts.adapter import Adapter
from ws_dsl.artifacts.arm import Arm
from ws_dsl.artifacts.artifact import Reader
from ws_dsl.artifacts.basis import Basis
from ws_dsl.artifacts.choice import Choice
from ws_dsl.artifacts.delta import Delta
from ws_dsl.artifacts.estimate import Estimate
from ws_dsl.artifacts.finding import Finding
from ws_dsl.artifacts.model import Model
from ws_dsl.artifacts.prompts import Prompts
from ws_dsl.artifacts.rows import Rows
from ws_dsl.artifacts.sites import Sites
from ws_dsl.artifacts.states import TENSORS, States
from ws_dsl.artifacts.table import Table
from ws_dsl.artifacts.vectors import Vectors
from ws_dsl.errors import MeasurementError

_BY_FILE: dict[str, Any] = {
    "rows.arrow": Rows,
    "prompts.arrow": Prompts,
    TENSORS: States,
    "sites.json": Sites,
    "arm.json": Arm,
    "adapter.json": Adapter,
    "delta.json": Delta,
    "basis.json": Basis,
    "vectors.json": Vectors,
    "table.arrow": Table,
    "estimate.json": Estimate,
    "model.json": Model,
    "finding.json": Finding,
    "choice.json": Choice,
}


def decode(files: set[str], read: Reader, path: Callable[[str], Path] | None = None) -> Any:
    """The artifact in memory; its type follows from the names of its files.

    Args:
        files: Names of its files.
        read: Gives the verified bytes of one.
        path: Gives the path of one that is verified, for what need not be in memory as a whole.
    """
    name = next(name for name in ("arm.json", TENSORS, *_BY_FILE) if name in files)
    return States.mapped(read, path) if name == TENSORS and path else _BY_FILE[name].from_files(read)


def column_of(rows: Rows, column: str) -> Table:
    """A column of rows as a table, under its own name and as its `value`.

    Raises:
        MeasurementError: there is no such column, or it has no numbers.
    """
    if column not in rows.columns:
        raise MeasurementError(f"no row column {column!r}; the rows have {', '.join(rows.columns)}")
    if rows.types[column] not in ("number", "bool", "sign"):
        raise MeasurementError(f"the row column {column!r} has no numbers: it is a {rows.types[column]}")
    values = [None if value is None else float(value) for value in rows.columns[column]]
    columns: dict[str, list[Any]] = {name: rows.columns[name] for name in rows.keys}
    status = ["ok" if value is not None else "excluded" for value in values]
    return Table(rows.keys, {**columns, column: values, "value": values, "status": status}, {"unit": column})
