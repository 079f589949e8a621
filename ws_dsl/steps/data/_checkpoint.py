"""A checkpoint folder as a Model record."""

from __future__ import annotations

import hashlib
from pathlib import Path

from ws_dsl.artifacts.model import Model
from ws_dsl.specs.canonical import digest
from ws_dsl.specs.checkpoint import defining_files, tokenizer_files


def record(folder: Path, world: str, dtype: str, title: str) -> Model:
    """Digests of everything that defines a checkpoint.

    Raises:
        ModelError: it has no configuration, no tokenizer, or no safetensors.
    """
    files = {name: _sha256(folder / name) for name in defining_files(folder)}
    tokenizer = digest({name: files[name] for name in tokenizer_files(folder)})
    return Model(files, tokenizer, world, dtype, title)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
