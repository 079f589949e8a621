"""A safetensors file of one float32 matrix, written row by row in any order and read as a map of the file.

The bytes are those that the library of safetensors writes for the same matrix. The rows need not be in memory
together, neither while they are written nor while they are read.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np

_SIZE = 8
"""Bytes of the number that begins the file; the header is filled up to a multiple of it."""


class TensorFile(NamedTuple):
    """A file that is being written.

    Attributes:
        path: The file.
        start: Where its first row begins.
        width: Entries of a row.
    """

    path: Path
    start: int
    width: int

    def write(self, indices: Sequence[int], values: np.ndarray) -> None:
        """Writes rows to their places.

        Args:
            indices: Places of the rows.
            values: float32 of shape (rows, width), in the order of the indices.
        """
        import numpy as np

        rows = np.ascontiguousarray(values, "<f4")
        # Written rows belong to the cache of the system; those of a map would belong to this process.
        file = os.open(self.path, os.O_WRONLY)
        try:
            for index, row in zip(indices, rows, strict=True):
                os.pwrite(file, row, self.start + 4 * self.width * index)
        finally:
            os.close(file)


def create(path: Path, name: str, rows: int, width: int) -> TensorFile:
    """A new file of zeros.

    Args:
        path: The file; it must not exist.
        name: Name of the matrix.
        rows: Rows of the matrix.
        width: Entries of a row.
    """
    size = 4 * rows * width
    described = {name: {"dtype": "F32", "shape": [rows, width], "data_offsets": [0, size]}}
    header = json.dumps(described, separators=(",", ":"), ensure_ascii=False).encode()
    header += b" " * (-len(header) % _SIZE)
    with path.open("xb") as file:
        file.write(len(header).to_bytes(_SIZE, "little") + header)
        file.truncate(_SIZE + len(header) + size)
    return TensorFile(path, _SIZE + len(header), width)


def mapped(path: Path) -> dict[str, np.ndarray]:
    """Matrices of a file by name, float32 and read-only; their rows are read from disk as they are used."""
    import numpy as np

    with path.open("rb") as file:
        length = int.from_bytes(file.read(_SIZE), "little")
        header = json.loads(file.read(length))
    found: dict[str, np.ndarray] = {}
    for name, one in header.items():
        rows, width = one["shape"]
        start = _SIZE + length + one["data_offsets"][0]
        # Nothing can be mapped of a file that holds nothing.
        found[name] = (
            np.asarray(np.memmap(path, "<f4", "r", start, (rows, width)))
            if rows * width
            else np.empty((rows, width), np.float32)
        )
    return found
