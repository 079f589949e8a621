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
from ws_dsl.registry.vector_table import VectorTable
from ws_dsl.registry.vectors import Neighbours, VectorIndex, vector_sets

MODEL = "a" * 64
WIDTH = 32
QUERY = np.random.default_rng(99).standard_normal(WIDTH).astype(np.float32)


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


def brute_force(store: Store, query: np.ndarray = QUERY, width: int = WIDTH) -> list[tuple[str, int, float]]:
    """Key, place and cosine of every vector of a width, nearest first."""
    index = VectorIndex(store)
    found: list[tuple[str, int, float]] = []
    for one in vector_sets(store):
        if one.width == width:
            units = index.vectors(one.key).units()
            cosines = units @ (query.astype(np.float64) / np.linalg.norm(query.astype(np.float64)))
            found += [
                (one.key, place, float(cosine)) for place, cosine in enumerate(cosines) if units[place].any()
            ]
    return sorted(found, key=lambda one: (-one[2], one[0], one[1]))


def agrees(answer: Neighbours, expected: list[tuple[str, int, float]]) -> bool:
    """Whether an answer names the same vectors in the same order, with the same cosines."""
    return [one[:2] for one in answer.found] == [one[:2] for one in expected] and np.allclose(
        [one.cosine for one in answer.found], [one[2] for one in expected], rtol=0, atol=1e-12
    )


def ask(store: Store, limit: int = 7) -> Neighbours:
    return VectorIndex(Store(store.root)).near(QUERY, limit, {})


def table_of(store: Store) -> VectorTable:
    return VectorTable(store.root / "vectors", WIDTH)


def files_of(store: Store, pattern: str) -> list[Path]:
    return sorted((store.root / "vectors").rglob(pattern))


def main() -> None:
    """Commits a set of vectors and brings the index up to it, again and again: STORE FIRST ROUNDS."""
    root, first, rounds = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    query = np.ones(WIDTH, np.float32)
    for n in range(first, first + rounds):
        store = fill(root, 1, n)
        VectorIndex(store).near(query, 1, {})
        sys.stdout.write(f"{n}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
