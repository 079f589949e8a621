"""Rows: items with stable ids."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from ws_dsl.artifacts import arrow
from ws_dsl.artifacts.artifact import Artifact, Reader
from ws_dsl.errors import MeasurementError
from ws_dsl.specs.canonical import Json, digest


def row_set(keys: list[tuple[Any, ...]]) -> str:
    """Digest of the identity of a row set: its key tuples, whatever their order.

    Raises:
        MeasurementError: a key tuple is there twice.
    """
    if len(set(keys)) < len(keys):
        twice = next(key for key, count in Counter(keys).items() if count > 1)
        raise MeasurementError(f"row {show(twice)} is there twice")
    return digest(sorted([list(key) for key in keys], key=repr))


def show(key: tuple[Any, ...]) -> str:
    """A key tuple for a message."""
    return str(key[0]) if len(key) == 1 else f"({', '.join(map(str, key))})"


@dataclass(frozen=True)
class Rows:
    """Items with one or more key columns and typed columns.

    Attributes:
        keys: Names of the key columns.
        columns: Values by column name, key columns included, all of one length.
        types: `text`, `category`, `number`, `bool` or `sign` by column; key columns are `key`.
        unit: Columns that name the unit of resampling; the keys by default.
        world: Whose facts the rows speak of, `organism` or `real`.
    """

    keys: tuple[str, ...]
    columns: dict[str, list[Any]]
    types: dict[str, str]
    unit: tuple[str, ...]
    world: str

    def __len__(self) -> int:
        return len(self.columns[self.keys[0]])

    def ids(self) -> list[tuple[Any, ...]]:
        """Key tuple of every row, in order."""
        return list(zip(*(self.columns[key] for key in self.keys), strict=True))

    def take(self, indices: list[int]) -> Rows:
        """The rows at these places, in this order."""
        columns = {name: [values[i] for i in indices] for name, values in self.columns.items()}
        return Rows(self.keys, columns, self.types, self.unit, self.world)

    def to_artifact(self) -> Artifact:
        arrow_types = {
            "text": "string",
            "category": "string",
            "number": "float64",
            "bool": "bool",
            "sign": "int64",
        }
        header: dict[str, Json] = {
            "keys": list(self.keys),
            "types": dict(self.types),
            "unit": list(self.unit),
            "world": self.world,
        }
        typed = {name: arrow_types[kind] for name, kind in self.types.items() if kind in arrow_types}
        data = arrow.encode(self.columns, header, typed)
        facts: dict[str, Json] = {"rows": len(self), "row_set": row_set(self.ids()), "world": self.world}
        return Artifact({"rows.arrow": data}, facts)

    @classmethod
    def from_files(cls, read: Reader) -> Rows:
        columns, header = arrow.decode(read("rows.arrow"))
        return cls(tuple(header["keys"]), columns, header["types"], tuple(header["unit"]), header["world"])
