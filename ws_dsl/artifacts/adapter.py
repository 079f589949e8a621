"""Adapter: trained parameters, as the standard folder of PEFT."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from ws_dsl.artifacts.artifact import Artifact, Reader
from ws_dsl.specs.canonical import Json, canonical

FOLDER = ("adapter_config.json", "adapter_model.safetensors")
"""Files of the folder that `PeftModel.from_pretrained` loads."""


@dataclass(frozen=True)
class Adapter:
    """Trained parameters of one model.

    Attributes:
        files: Content of the folder's files by name.
        model: Digest of the model that it was trained on.
        made_on: Digests of the row sets that it was trained on.
        curves: Loss in nats per token by name: `train` per step, `validation` as pairs of step and loss.
        notes: What else is needed to read it right, such as the family.
    """

    files: dict[str, bytes]
    model: str
    made_on: list[str]
    curves: dict[str, list[Any]]
    notes: dict[str, Json]

    def to_artifact(self) -> Artifact:
        record: dict[str, Json] = {
            "model": self.model,
            "made_on": list(self.made_on),
            "curves": dict(self.curves),
            "notes": self.notes,
        }
        facts: dict[str, Json] = {"model": self.model, **self.notes}
        return Artifact({"adapter.json": canonical(record), **self.files}, facts)

    @classmethod
    def from_files(cls, read: Reader) -> Adapter:
        return cls({name: read(name) for name in FOLDER}, **json.loads(read("adapter.json")))
