"""Choice: which cell along some axes was chosen, by what, on which rows."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from ws_dsl.artifacts.artifact import Artifact, Reader
from ws_dsl.specs.canonical import Json, canonical


@dataclass(frozen=True)
class Choice:
    """One label per axis that was chosen along.

    Attributes:
        labels: The chosen label by axis; axes that the chosen cell does not have are not there.
        value: The statistic that decided.
        chosen_on: Digest of the row set that it rests on.
        notes: The statistic's name, and every candidate with its value.
    """

    labels: dict[str, str]
    value: float
    chosen_on: str
    notes: dict[str, Json] = field(default_factory=dict[str, Json])

    def to_artifact(self) -> Artifact:
        record: dict[str, Json] = {
            "labels": dict(self.labels),
            "value": self.value,
            "chosen_on": self.chosen_on,
            "notes": self.notes,
        }
        facts: dict[str, Json] = {"labels": dict(self.labels), "value": self.value}
        return Artifact({"choice.json": canonical(record)}, facts)

    @classmethod
    def from_files(cls, read: Reader) -> Choice:
        return cls(**json.loads(read("choice.json")))
