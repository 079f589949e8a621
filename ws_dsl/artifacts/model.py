"""Model: what a checkpoint is made from, by content."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Literal, TypeAlias

from ws_dsl.artifacts.artifact import Artifact, Reader
from ws_dsl.specs.canonical import Json, canonical

Backend: TypeAlias = Literal["hugging_face", "transformer_lens"]


@dataclass(frozen=True)
class Model:
    """A checkpoint by the digests of its files; its weights stay where they are.

    Attributes:
        files: SHA-256 by file name of everything that defines it: configuration, weights, tokenizer.
        tokenizer: Digest of the tokenizer's files alone.
        world: Whose facts it knows, `organism` or `real`.
        dtype: Precision it is loaded in, such as `float32`.
        bits: Bits that its weights are quantised to while they are loaded; None where they are not.
        backend: What runs and hooks it, `hugging_face` or `transformer_lens`.
        title: A human's name for it, such as `organism-qwen3`.
    """

    files: dict[str, str]
    tokenizer: str
    world: str
    dtype: str
    bits: Literal[4] | None
    backend: Backend
    title: str

    def to_artifact(self) -> Artifact:
        record: dict[str, Json] = {
            "files": dict(self.files),
            "tokenizer": self.tokenizer,
            "world": self.world,
            "dtype": self.dtype,
            "bits": self.bits,
            "backend": self.backend,
            "title": self.title,
        }
        return Artifact({"model.json": canonical(record)}, {"world": self.world, "title": self.title})

    @classmethod
    def from_files(cls, read: Reader) -> Model:
        return cls(**json.loads(read("model.json")))
