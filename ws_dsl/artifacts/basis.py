"""Basis: orthonormal directions beside the weight matrices of a model."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from ws_dsl.artifacts.artifact import Artifact, Reader
from ws_dsl.specs.canonical import Json, canonical

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Basis:
    """Subspaces of what matrices write, or of what they read.

    Not a delta: it says where a change may lie, not how large it is.

    Attributes:
        columns: Orthonormal columns by the address of a matrix such as `L3down`, float32 of shape (width, k).
        side: `output`: of what the matrices write, (out, k); `input`: of what they read, (in, k).
        model: Digest of the model whose matrices they are.
        made_on: Digests of the row sets behind it.
        made_from: Digests of the deltas it was computed from; what is ablated with a basis of its own is no
            test of it.
        notes: What else is needed to read it right, such as the method.
    """

    columns: dict[str, np.ndarray]
    side: Literal["output", "input"]
    model: str
    made_on: list[str]
    made_from: list[str]
    notes: dict[str, Json] = field(default_factory=dict[str, Json])

    def to_artifact(self) -> Artifact:
        import numpy as np
        from safetensors.numpy import save

        record: dict[str, Json] = {
            "side": self.side,
            "model": self.model,
            "made_on": list(self.made_on),
            "made_from": list(self.made_from),
            "notes": self.notes,
        }
        ranks = sorted({values.shape[1] for values in self.columns.values()})
        facts: dict[str, Json] = {
            "matrices": len(self.columns),
            "side": self.side,
            "directions": [*ranks],
            "model": self.model,
            "made_from": list(self.made_from),
            **self.notes,
        }
        tensors = {
            name: np.ascontiguousarray(self.columns[name], np.float32) for name in sorted(self.columns)
        }
        files: dict[str, Any] = {"basis.json": canonical(record), "basis.safetensors": save(tensors)}
        return Artifact(files, facts)

    @classmethod
    def from_files(cls, read: Reader) -> Basis:
        from safetensors.numpy import load

        return cls(load(read("basis.safetensors")), **json.loads(read("basis.json")))
