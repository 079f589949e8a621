"""Delta: a difference of weights, kept in the form it has and never merged."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any

from ws_dsl.artifacts.artifact import Artifact, Reader
from ws_dsl.specs.canonical import Json, canonical, sha256

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True, eq=False)
class Part:
    """The change of one weight matrix W of shape (out, in), as the sum of the terms that are there.

    All are float32.

    Attributes:
        left: (out, r); `left @ right` is a term. Both or neither are there.
        right: (r, in).
        rows: (out,); `rows[:, None] * W` is a term: outputs are scaled.
        columns: (in,); `W * columns` is a term: inputs are scaled.
        blocks: (n, b, b) with n * b = in; `W @ blockdiag(blocks)` is a term: inputs are turned.
        bias: (out,); added to the output, whatever the input.
    """

    left: np.ndarray | None = None
    right: np.ndarray | None = None
    rows: np.ndarray | None = None
    columns: np.ndarray | None = None
    blocks: np.ndarray | None = None
    bias: np.ndarray | None = None

    @property
    def factored(self) -> bool:
        """Whether `left @ right` is all there is, so that W need not be known."""
        return self.rows is None and self.columns is None and self.blocks is None

    def plus(self, other: Part) -> Part:
        """The sum of two changes of one matrix."""
        import numpy as np

        found: dict[str, np.ndarray | None] = {}
        for name in (one.name for one in fields(self)):
            mine, theirs = getattr(self, name), getattr(other, name)
            if mine is None or theirs is None:
                found[name] = theirs if mine is None else mine
            elif name in ("left", "right"):
                found[name] = np.concatenate([mine, theirs], axis=1 if name == "left" else 0)
            else:
                found[name] = mine + theirs
        return Part(**found)

    def times(self, number: float) -> Part:
        """The change, so many times; of the factors, the left one is scaled."""
        terms = ("left", "rows", "columns", "blocks", "bias")
        scaled = {
            name: (getattr(self, name) * number).astype("float32")
            for name in terms
            if getattr(self, name) is not None
        }
        return replace(self, **scaled)

    def dense(self, weight: np.ndarray | None = None) -> np.ndarray:
        """The change of the matrix written out, float64 of shape (out, in); the bias is no part of it.

        Args:
            weight: W, (out, in); not needed where the change is `factored`.
        """
        import numpy as np

        terms: list[np.ndarray] = []
        if self.left is not None and self.right is not None:
            terms.append(self.left.astype(np.float64) @ self.right.astype(np.float64))
        if not self.factored:
            assert weight is not None
            wide = weight.astype(np.float64)
            if self.rows is not None:
                terms.append(self.rows.astype(np.float64)[:, None] * wide)
            if self.columns is not None:
                terms.append(wide * self.columns.astype(np.float64))
            if self.blocks is not None:
                count, size, _ = self.blocks.shape
                split = wide.reshape(len(wide), count, size)
                turned = np.einsum("oni,nij->onj", split, self.blocks.astype(np.float64))
                terms.append(turned.reshape(wide.shape))
        return np.sum(terms, axis=0)


@dataclass(frozen=True)
class Delta:
    """Changes of weight matrices of one model.

    Attributes:
        parts: Change by the address of its matrix: layer and `q`, `k`, `v`, `o`, `gate`, `up` or `down`, such
            as `L3down`.
        model: Digest of the model whose weights are changed.
        made_on: Digests of the row sets that it was trained or chosen on.
        notes: What else is needed to read it right, such as the family.
    """

    parts: dict[str, Part]
    model: str
    made_on: list[str]
    notes: dict[str, Json] = field(default_factory=dict[str, Json])

    def plus(self, other: Delta) -> Delta:
        """The sum of two deltas of one model; notes are the first one's."""
        both = dict(self.parts)
        for address, part in other.parts.items():
            both[address] = both[address].plus(part) if address in both else part
        return replace(self, parts=both, made_on=sorted({*self.made_on, *other.made_on}))

    def times(self, number: float) -> Delta:
        """The delta, so many times."""
        return replace(self, parts={address: part.times(number) for address, part in self.parts.items()})

    @property
    def digest(self) -> str:
        """SHA-256 of the tensors alone, in hex: equal deltas of any provenance share it."""
        from safetensors.numpy import save

        return sha256(save(self.tensors()))

    def tensors(self) -> dict[str, np.ndarray]:
        """Every term by `ADDRESS.TERM`, such as `L3down.left`."""
        import numpy as np

        return {
            f"{address}.{one.name}": np.ascontiguousarray(value, np.float32)
            for address, part in sorted(self.parts.items())
            for one in fields(part)
            if (value := getattr(part, one.name)) is not None
        }

    def to_artifact(self) -> Artifact:
        from safetensors.numpy import save

        record: dict[str, Json] = {
            "addresses": [*sorted(self.parts)],
            "model": self.model,
            "made_on": list(self.made_on),
            "notes": self.notes,
        }
        facts: dict[str, Json] = {"matrices": len(self.parts), "model": self.model, **self.notes}
        files: dict[str, Any] = {"delta.json": canonical(record), "delta.safetensors": save(self.tensors())}
        return Artifact(files, facts)

    @classmethod
    def from_files(cls, read: Reader) -> Delta:
        from safetensors.numpy import load

        record = json.loads(read("delta.json"))
        parts = read_parts(record.pop("addresses"), load(read("delta.safetensors")))
        return cls(parts, **record)


def read_parts(addresses: list[str], tensors: dict[str, np.ndarray]) -> dict[str, Part]:
    """Parts by address, from tensors by `ADDRESS.TERM`; one without terms changes nothing."""
    terms: dict[str, dict[str, np.ndarray]] = {address: {} for address in addresses}
    for name, values in tensors.items():
        address, _, term = name.partition(".")
        terms[address][term] = values
    return {address: Part(**own) for address, own in terms.items()}
