"""Artifacts that hold vectors, made by hand."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from tests.registry.honest import honest
from ws_dsl.artifacts.vectors import Vectors
from ws_dsl.registry import Draft, Store

MODEL = "a" * 64
WIDTH = 32


def build_vectors(seed: int, count: int = 2, width: int = WIDTH, **changes: Any) -> Vectors:
    fields: dict[str, Any] = {
        "values": np.random.default_rng(seed).standard_normal((count, width)).astype(np.float32),
        "site": f"L{seed % 4}",
        "at": "last",
        "method": "mean_diff",
        "mean_norm": 2.5,
        "model": MODEL,
        "labels": [f"v{place}" for place in range(count)] if count > 1 else [""],
        "made_on": ["d" * 64],
    }
    return Vectors(**{**fields, **changes})


def build_draft(name: str, vectors: Vectors) -> Draft:
    draft = honest(name, {}, kind=vectors.method, environment={})
    return replace(draft, artifact=vectors.to_artifact())


def fill(root: Path, count: int = 12, first: int = 0) -> Store:
    """A store with so many sets of two vectors."""
    store = Store(root)
    store.commit([build_draft(f"set {n}", build_vectors(n)) for n in range(first, first + count)])
    return store


def main() -> None:
    """Commits a set of vectors and brings the index up to it, again and again: STORE FIRST ROUNDS."""
    from ws_dsl.registry.vectors import VectorIndex

    root, first, rounds = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    query = np.ones(WIDTH, np.float32)
    for n in range(first, first + rounds):
        store = fill(root, 1, n)
        VectorIndex(store).near(query, 1, {})
        sys.stdout.write(f"{n}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
