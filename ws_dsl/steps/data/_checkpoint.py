"""A checkpoint folder as a Model record."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Literal

from ws_dsl.artifacts.model import Backend, Model
from ws_dsl.specs.canonical import digest
from ws_dsl.specs.checkpoint import defining_files, tokenizer_files


def record(
    folder: Path,
    world: str,
    title: str,
    backend: Backend,
    dtype: str = "float32",
    bits: Literal[4] | None = None,
) -> Model:
    """Digests of everything that defines a checkpoint, and how it is loaded.

    Raises:
        ModelError: it has no configuration, no tokenizer, or no safetensors.
    """
    files = {name: _sha256(folder / name) for name in defining_files(folder)}
    tokenizer = digest({name: files[name] for name in tokenizer_files(folder)})
    return Model(files, tokenizer, world, dtype, bits, backend, title)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
