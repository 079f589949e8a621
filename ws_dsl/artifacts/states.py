"""States: activations per row at one position."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ws_dsl.artifacts import arrow, tensor_file
from ws_dsl.artifacts.artifact import Artifact, Reader
from ws_dsl.artifacts.rows import row_set
from ws_dsl.specs.canonical import Json

if TYPE_CHECKING:
    import numpy as np

TENSORS = "states.safetensors"
BLOCK = 1 << 22
"""Entries that are computed with at once: 32 MiB in float64."""


@dataclass(frozen=True)
class States:
    """Activations of every row at a named position.

    Attributes:
        keys: Names of the key columns.
        columns: The key columns.
        tensors: float32 arrays of shape (rows, width) by site name, such as `ln_final.hook_out`; those of a
            store are maps of their files.
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
        return self._artifact(save(tensors))

    def with_file(self, path: Path) -> Artifact:
        """The artifact of these keys and notes, whose activations were written to a file beforehand."""
        return self._artifact(path)

    def _artifact(self, tensors: bytes | Path) -> Artifact:
        header: dict[str, Json] = {"keys": list(self.keys), "notes": self.notes}
        rows = len(self.ids())
        files: dict[str, bytes | Path] = {"rows.arrow": arrow.encode(self.columns, header), TENSORS: tensors}
        return Artifact(files, {**self.notes, "rows": rows, "row_set": row_set(self.ids())})

    @classmethod
    def from_files(cls, read: Reader) -> States:
        from safetensors.numpy import load

        return cls._with(read, load(read(TENSORS)))

    @classmethod
    def mapped(cls, read: Reader, path: Callable[[str], Path]) -> States:
        """States whose rows are read from disk as they are used.

        Args:
            read: Gives the verified bytes of a file.
            path: Gives the path of a file that is verified.
        """
        return cls._with(read, tensor_file.mapped(path(TENSORS)))

    @classmethod
    def _with(cls, read: Reader, tensors: dict[str, np.ndarray]) -> States:
        columns, header = arrow.decode(read("rows.arrow"))
        return cls(tuple(header["keys"]), columns, tensors, header["notes"])


def blocks(values: np.ndarray, rows: Sequence[int]) -> Iterator[np.ndarray]:
    """Rows of a matrix in float64, some at a time.

    Args:
        values: Of shape (rows, width).
        rows: Places of the wanted rows.
    """
    import numpy as np

    step = max(1, BLOCK // values.shape[1])
    for start in range(0, len(rows), step):
        yield values[rows[start : start + step]].astype(np.float64)
