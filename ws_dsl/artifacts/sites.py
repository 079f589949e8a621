"""Sites: components of a model, and the rows they were chosen on."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from ws_dsl.artifacts.artifact import Artifact, Reader
from ws_dsl.specs.canonical import Json, canonical


@dataclass(frozen=True)
class Sites:
    """Components by address, such as `L21N1876`, `L19H2` or `L13`.

    Attributes:
        addresses: Addresses, best first.
        scores: Score of each address under the ranking that chose it; empty for literal sites.
        chosen_on: Digest of the row set that the choice was made on; None for literal sites.
        above: Addresses that rank above these, best first.
        notes: What the scores are and how many components were searched.
    """

    addresses: list[str]
    scores: list[float] = field(default_factory=list[float])
    chosen_on: str | None = None
    above: list[str] = field(default_factory=list[str])
    notes: dict[str, Json] = field(default_factory=dict[str, Json])

    def to_artifact(self) -> Artifact:
        record: dict[str, Json] = {
            "addresses": list(self.addresses),
            "scores": list(self.scores),
            "chosen_on": self.chosen_on,
            "above": list(self.above),
            "notes": self.notes,
        }
        facts: dict[str, Json] = {"addresses": list(self.addresses), "chosen_on": self.chosen_on}
        return Artifact({"sites.json": canonical(record)}, facts)

    @classmethod
    def from_files(cls, read: Reader) -> Sites:
        return cls(**json.loads(read("sites.json")))
