"""Arm: an intervention under which rows are measured."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ws_dsl.artifacts import arrow
from ws_dsl.artifacts.artifact import Artifact, Reader
from ws_dsl.artifacts.delta import Delta, Part, read_parts
from ws_dsl.specs.canonical import Json, canonical

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Given:
    """Values that an intervention brings from other prompts.

    Attributes:
        keys: Names of the key columns; none where all rows get the same values.
        columns: Key columns of the rows that have values.
        counts: Tokens that each row has values of.
        tokens: Ids of these tokens, by row.
        values: float32 of shape (tokens of all rows, width of the site) by address.
        everywhere: Whether a row's one value is for every edited token, and not its first for the first.
    """

    keys: tuple[str, ...]
    columns: dict[str, list[Any]]
    counts: list[int]
    tokens: list[list[int]]
    values: dict[str, np.ndarray]
    everywhere: bool

    def ids(self) -> list[tuple[Any, ...]]:
        """Key tuple of every row that has values, in order."""
        return list(zip(*(self.columns[key] for key in self.keys), strict=True)) if self.keys else [()]


@dataclass(frozen=True)
class Change:
    """One operation at some sites.

    Attributes:
        operation: What is done: `set` puts values in place of the activation, `scale` multiplies it.
        sites: Addresses, such as `L3N41`.
        at: Position of the edit as it is written, several, or `shared_suffix`; None where `during` says it.
        during: All tokens of the `prompt`, all `generated` ones, or `both`; None where `at` says it.
        number: One number for every entry of every site; None where values are given.
        given: Values from other prompts; None where a number is.
    """

    operation: str
    sites: list[str]
    at: Json = None
    during: str | None = None
    number: float | None = None
    given: Given | None = None


@dataclass(frozen=True)
class Added:
    """A weight difference that is added at a coefficient.

    Attributes:
        parts: Change by the address of its matrix, such as `L3down`.
        coeff: How often it is added.
        digest: Of the tensors; equal ones are one difference.
    """

    parts: Mapping[str, Part]
    coeff: float
    digest: str


@dataclass(frozen=True)
class Arm:
    """Changes of a forward pass, row by row, made together.

    Attributes:
        changes: Activations that are changed.
        model: Digest of the model whose activations or weights these are; None where neither is changed.
        chosen_on: Digests of the row sets that the sites were chosen on, or the weights trained on; empty for
            named sites.
        weights: Weight differences that are added.
        system: System message in the place of the prompts' own; None where they keep theirs.
        notes: What else is to be known of it, such as how it was calibrated.
    """

    changes: Sequence[Change]
    model: str | None
    chosen_on: list[str]
    weights: Sequence[Added] = ()
    system: str | None = None
    notes: dict[str, Json] = field(default_factory=dict[str, Json])

    def to_artifact(self) -> Artifact:
        import numpy as np
        from safetensors.numpy import save

        files: dict[str, Any] = {}
        changes: list[Json] = []
        for index, change in enumerate(self.changes):
            record: dict[str, Json] = {
                "operation": change.operation,
                "sites": list(change.sites),
                "at": change.at,
                "during": change.during,
                "number": change.number,
            }
            if (given := change.given) is not None:
                record |= {"keys": list(given.keys), "everywhere": given.everywhere}
                tensors = {name: np.ascontiguousarray(v, np.float32) for name, v in given.values.items()}
                files[f"values.{index}.safetensors"] = save(tensors)
                columns = {**given.columns, _COUNTS: given.counts, _TOKENS: given.tokens}
                types = {_COUNTS: "int64", _TOKENS: "list<int32>"}
                files[f"rows.{index}.arrow"] = arrow.encode(columns, {}, types)
            changes.append(record)
        added: list[Json] = []
        for index, own in enumerate(self.weights):
            # The same bytes as in the delta that it comes from, and so one object in the registry.
            files[f"weights.{index}.safetensors"] = save(Delta(dict(own.parts), "", []).tensors())
            added.append({"addresses": [*sorted(own.parts)], "coeff": own.coeff, "digest": own.digest})
        record = {
            "changes": changes,
            "model": self.model,
            "chosen_on": list(self.chosen_on),
            "weights": added,
            "system": self.system,
            "notes": self.notes,
        }
        facts: dict[str, Json] = {
            "changes": [
                {"operation": change.operation, "sites": list(change.sites), "at": change.at or change.during}
                for change in self.changes
            ],
            **self.notes,
        }
        if self.weights:
            facts["weights"] = [
                {"coeff": own.coeff, "matrices": len(own.parts), "digest": own.digest} for own in self.weights
            ]
        if self.system is not None:
            facts["system"] = self.system
        return Artifact({"arm.json": canonical(record), **files}, facts)

    @classmethod
    def from_files(cls, read: Reader) -> Arm:
        from safetensors.numpy import load

        record = json.loads(read("arm.json"))
        changes: list[Change] = []
        for index, told in enumerate(record["changes"]):
            given = None
            if "keys" in told:
                columns, _ = arrow.decode(read(f"rows.{index}.arrow"))
                counts, tokens = columns.pop(_COUNTS), columns.pop(_TOKENS)
                values = load(read(f"values.{index}.safetensors"))
                given = Given(
                    tuple(told.pop("keys")), columns, counts, tokens, values, told.pop("everywhere")
                )
            changes.append(Change(**told, given=given))
        added = [
            Added(
                read_parts(told["addresses"], load(read(f"weights.{index}.safetensors"))),
                told["coeff"],
                told["digest"],
            )
            for index, told in enumerate(record["weights"])
        ]
        return cls(changes, record["model"], record["chosen_on"], added, record["system"], record["notes"])


_COUNTS, _TOKENS = "(counts)", "(tokens)"
"""Columns beside the keys; no column of rows is named so."""
