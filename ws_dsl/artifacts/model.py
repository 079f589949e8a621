"""Model: what a checkpoint is made from, by content."""

from __future__ import annotations

import json
from dataclasses import dataclass

from ws_dsl.artifacts.artifact import Artifact, Reader
from ws_dsl.specs.canonical import Json, canonical


@dataclass(frozen=True)
class Model:
    """A checkpoint by the digests of its files; its weights stay where they are.

    Attributes:
        files: SHA-256 by file name of everything that defines it: configuration, weights, tokenizer.
        tokenizer: Digest of the tokenizer's files alone.
        world: Whose facts it knows, `organism` or `real`.
        dtype: Precision it is loaded in, such as `float32`.
        title: A human's name for it, such as `organism-qwen3`.
    """

    files: dict[str, str]
    tokenizer: str
    world: str
    dtype: str
    title: str

    def to_artifact(self) -> Artifact:
        record: dict[str, Json] = {
            "files": dict(self.files),
            "tokenizer": self.tokenizer,
            "world": self.world,
            "dtype": self.dtype,
            "title": self.title,
        }
        return Artifact({"model.json": canonical(record)}, {"world": self.world, "title": self.title})

    @classmethod
    def from_files(cls, read: Reader) -> Model:
        return cls(**json.loads(read("model.json")))
