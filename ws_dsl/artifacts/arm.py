"""Arm: an intervention under which rows are measured."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ws_dsl.artifacts import arrow
from ws_dsl.artifacts.artifact import Artifact, Reader
from ws_dsl.specs.canonical import Json, canonical

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Arm:
    """Edits to a forward pass, row by row.

    Attributes:
        operation: What is done at each site: `set` puts the row's value in place of the activation.
        at: Position of the edit, such as `last`.
        sites: Addresses, such as `L3N41`, in the order of `values`.
        keys: Names of the key columns.
        columns: Key columns of the rows that have values.
        values: float32 of shape (rows, width of the site) by address.
        model: Digest of the model whose activations these are.
        chosen_on: Digests of the row sets that the sites were chosen on; empty for named sites.
    """

    operation: str
    at: str
    sites: list[str]
    keys: tuple[str, ...]
    columns: dict[str, list[Any]]
    values: dict[str, np.ndarray]
    model: str
    chosen_on: list[str]

    def ids(self) -> list[tuple[Any, ...]]:
        """Key tuple of every row that has values, in order."""
        return list(zip(*(self.columns[key] for key in self.keys), strict=True))

    def to_artifact(self) -> Artifact:
        import numpy as np
        from safetensors.numpy import save

        record: dict[str, Json] = {
            "operation": self.operation,
            "at": self.at,
            "sites": list(self.sites),
            "keys": list(self.keys),
            "model": self.model,
            "chosen_on": list(self.chosen_on),
        }
        values = {name: np.ascontiguousarray(array, dtype=np.float32) for name, array in self.values.items()}
        files: dict[str, Any] = {
            "arm.json": canonical(record),
            "rows.arrow": arrow.encode(self.columns, {}),
            "values.safetensors": save(values),
        }
        facts: dict[str, Json] = {"operation": self.operation, "sites": list(self.sites), "at": self.at}
        return Artifact(files, facts)

    @classmethod
    def from_files(cls, read: Reader) -> Arm:
        from safetensors.numpy import load

        record = json.loads(read("arm.json"))
        columns, _ = arrow.decode(read("rows.arrow"))
        record["keys"] = tuple(record["keys"])
        return cls(columns=columns, values=load(read("values.safetensors")), **record)
