"""Table: observations per row."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from ws_dsl.artifacts import arrow
from ws_dsl.artifacts.artifact import Artifact, Reader
from ws_dsl.artifacts.rows import row_set, show
from ws_dsl.errors import MeasurementError
from ws_dsl.specs.canonical import Json

STATUSES = ("ok", "refusal", "unclear", "out_of_scale", "excluded")


@dataclass(frozen=True)
class Table:
    """One observation per row of one cell; the labels of the cell are not in it.

    Attributes:
        keys: Names of the key columns.
        columns: Key columns plus `value` (float, or None where the status is not `ok`), `status`, and columns
            of the kind that made it, such as `pmass`.
        notes: Facts of the measurement that travel with it, such as the unit of `value` or the tokens scored.
    """

    keys: tuple[str, ...]
    columns: dict[str, list[Any]]
    notes: dict[str, Json]

    def __len__(self) -> int:
        return len(self.columns[self.keys[0]])

    def ids(self) -> list[tuple[Any, ...]]:
        """Key tuple of every row, in order."""
        return list(zip(*(self.columns[key] for key in self.keys), strict=True))

    def row_set(self) -> str:
        """Digest of the identity of the rows."""
        return row_set(self.ids())

    def series(self, column: str = "value") -> dict[tuple[Any, ...], float]:
        """Values of a column by key tuple, rows whose status is not `ok` left out."""
        pairs = zip(self.ids(), self.columns[column], self.columns["status"], strict=True)
        return {key: float(value) for key, value, status in pairs if status == "ok" and value is not None}

    def to_artifact(self) -> Artifact:
        """The Table at rest.

        Raises:
            MeasurementError: a row is there twice, a status is unknown, or a row has a finite value without
                being `ok` or is `ok` without one.
        """
        for key, value, status in zip(self.ids(), self.columns["value"], self.columns["status"], strict=True):
            _check(key, value, status)
        types = {
            name: "float64"
            for name, values in self.columns.items()
            if _numeric(values) and name not in self.keys
        }
        header: dict[str, Json] = {"keys": list(self.keys), "notes": self.notes}
        statuses = self.columns["status"]
        counts: dict[str, Json] = {
            status: statuses.count(status) for status in STATUSES if status in statuses
        }
        facts: dict[str, Json] = {
            **self.notes,
            "rows": len(self),
            "row_set": self.row_set(),
            "status": counts,
        }
        for column in ("value", "pmass"):
            values = [v for v in self.columns.get(column, []) if v is not None]
            if values:
                mean = math.fsum(value / len(values) for value in values)
                facts[column] = {"mean": mean, "min": min(values), "max": max(values)}
        if "pmass" in self.columns and len(self):
            low = sum(mass is not None and mass < 0.5 for mass in self.columns["pmass"])
            facts["low_mass_share"] = low / len(self)
        return Artifact({"table.arrow": arrow.encode(self.columns, header, types)}, facts)

    @classmethod
    def from_files(cls, read: Reader) -> Table:
        columns, header = arrow.decode(read("table.arrow"))
        return cls(tuple(header["keys"]), columns, header["notes"])


def _check(key: tuple[Any, ...], value: Any, status: str) -> None:
    if status not in STATUSES:
        raise MeasurementError(
            f"row {show(key)} has the unknown status {status!r}; there are {', '.join(STATUSES)}"
        )
    if status != "ok" and value is not None:
        raise MeasurementError(f"row {show(key)} is {status} and has a value all the same: {value!r}")
    if status == "ok" and not (isinstance(value, (int, float)) and math.isfinite(value)):
        raise MeasurementError(f"row {show(key)} is ok and its value is not a finite number: {value!r}")


def _numeric(values: list[Any]) -> bool:
    return all(v is None or (isinstance(v, (int, float)) and not isinstance(v, bool)) for v in values)
