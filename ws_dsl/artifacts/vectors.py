"""Vectors: directions in the activations of one site of a model."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ws_dsl.artifacts.artifact import Artifact, Reader
from ws_dsl.specs.canonical import Json, canonical

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Vectors:
    """Directions at one place, with how long activations are there.

    Attributes:
        values: float32 of shape (vectors, width), not normalised.
        site: Address of the place, such as `L13`.
        at: Position in the row, as it is written.
        method: Kind that made them, such as `mean_diff`.
        mean_norm: Mean norm of the activations that they were made from; 0 where it is not known.
        model: Digest of the model.
        labels: What tells the vectors apart; one empty text where there is one vector.
        made_on: Digests of the row sets that they were made from.
        notes: What else is needed to read them right.
    """

    values: np.ndarray
    site: str
    at: Json
    method: str
    mean_norm: float
    model: str
    labels: list[str]
    made_on: list[str]
    notes: dict[str, Json] = field(default_factory=dict[str, Json])

    @property
    def width(self) -> int:
        """Entries of a vector."""
        return self.values.shape[1]

    def norms(self) -> np.ndarray:
        """Euclidean norm of every vector, float64 of shape (vectors,)."""
        import numpy as np

        return np.linalg.norm(self.values.astype(np.float64), axis=1)

    def units(self) -> np.ndarray:
        """The vectors at norm 1, float64 of shape (vectors, width); a vector of zeros stays one."""
        import numpy as np

        norms = self.norms()[:, None]
        return self.values.astype(np.float64) / np.where(norms == 0, 1.0, norms)

    def to_artifact(self) -> Artifact:
        import numpy as np
        from safetensors.numpy import save

        record: dict[str, Json] = {
            "site": self.site,
            "at": self.at,
            "method": self.method,
            "mean_norm": self.mean_norm,
            "model": self.model,
            "labels": list(self.labels),
            "made_on": list(self.made_on),
            "notes": self.notes,
        }
        values = np.ascontiguousarray(self.values, np.float32)
        files: dict[str, Any] = {
            "vectors.json": canonical(record),
            "vectors.safetensors": save({"vectors": values}),
        }
        facts: dict[str, Json] = {
            "site": self.site,
            "at": self.at,
            "method": self.method,
            "model": self.model,
            "vectors": len(values),
            "width": self.width,
            "mean_norm": self.mean_norm,
            "norms": [float(norm) for norm in self.norms()],
            "labels": list(self.labels),
        }
        return Artifact(files, facts)

    @classmethod
    def from_files(cls, read: Reader) -> Vectors:
        from safetensors.numpy import load

        record = json.loads(read("vectors.json"))
        # Canonical JSON writes a whole number without a point, and an index of vectors tells 8 from 8.0.
        record["mean_norm"] = float(record["mean_norm"])
        return cls(values=load(read("vectors.safetensors"))["vectors"], **record)
