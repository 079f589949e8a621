"""Finding: the outcome of a check."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from ws_dsl.artifacts.artifact import Artifact, Reader
from ws_dsl.specs.canonical import Json, canonical


@dataclass(frozen=True)
class Finding:
    """Whether a condition on results holds.

    Attributes:
        holds: Whether it does.
        statement: What must hold, in words.
        detail: The numbers it saw.
        at: The inputs that break it, as [field, index].
    """

    holds: bool
    statement: str
    detail: str
    at: list[tuple[str, int]] = field(default_factory=list[tuple[str, int]])

    def to_artifact(self) -> Artifact:
        record: dict[str, Json] = {
            "holds": self.holds,
            "statement": self.statement,
            "detail": self.detail,
            "at": [[name, index] for name, index in self.at],
        }
        return Artifact({"finding.json": canonical(record)}, {"holds": self.holds})

    @classmethod
    def from_files(cls, read: Reader) -> Finding:
        record = json.loads(read("finding.json"))
        record["at"] = [(name, index) for name, index in record["at"]]
        return cls(**record)
