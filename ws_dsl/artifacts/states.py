"""States: activations per row at one position."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ws_dsl.artifacts import arrow
from ws_dsl.artifacts.artifact import Artifact, Reader
from ws_dsl.artifacts.rows import row_set
from ws_dsl.specs.canonical import Json

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class States:
    """Activations of every row at a named position.

    Attributes:
        keys: Names of the key columns.
        columns: The key columns.
        tensors: float32 arrays of shape (rows, width) by site name, such as `ln_final.hook_out`.
        notes: Position, model digest and what else is needed to read them right.
    """

    keys: tuple[str, ...]
    columns: dict[str, list[Any]]
    tensors: dict[str, np.ndarray]
    notes: dict[str, Json]

    def ids(self) -> list[tuple[Any, ...]]:
        """Key tuple of every row, in order."""
        return list(zip(*(self.columns[key] for key in self.keys), strict=True))

    def to_artifact(self) -> Artifact:
        import numpy as np
        from safetensors.numpy import save

        tensors = {name: np.ascontiguousarray(values) for name, values in self.tensors.items()}
        header: dict[str, Json] = {"keys": list(self.keys), "notes": self.notes}
        rows = len(self.ids())
        files: dict[str, Any] = {
            "rows.arrow": arrow.encode(self.columns, header),
            "states.safetensors": save(tensors),
        }
        return Artifact(files, {**self.notes, "rows": rows, "row_set": row_set(self.ids())})

    @classmethod
    def from_files(cls, read: Reader) -> States:
        from safetensors.numpy import load

        columns, header = arrow.decode(read("rows.arrow"))
        return cls(tuple(header["keys"]), columns, load(read("states.safetensors")), header["notes"])
