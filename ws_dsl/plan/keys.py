"""Keys: what an artifact is made from, and so what it is named by.

Inputs enter by content digest, never by their own key or name: an input that is rebuilt to the same bytes
makes nothing stale.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ws_dsl.specs.canonical import Json, digest

if TYPE_CHECKING:
    from ws_dsl.plan.environment import Environment
    from ws_dsl.plan.node import Edge, Node
    from ws_dsl.specs.kinds import KindModule

SCHEME = 1

Derivation = dict[str, Any]
"""What a key is the digest of, as manifests keep it: kind, version, params, inputs, made, environment."""


def derivation(
    kind: KindModule,
    params: Mapping[str, Json],
    inputs: Mapping[str, list[Edge]],
    made: Mapping[str, str],
    files: Mapping[str, Path],
    digests: Mapping[Node, str],
    hash_path: Callable[[Path], Json],
    environment: Environment,
) -> Derivation | None:
    """What a cell is made from, or None while an input or an external file does not exist."""
    edges = [edge for group in inputs.values() for edge in group]
    if any(edge.node not in digests for edge in edges):
        return None
    contents = {field: hash_path(path) for field, path in files.items()}
    if None in contents.values():
        return None
    return {
        "kind": kind.name,
        "version": kind.version,
        "params": {**params, **contents, **({"source": kind.source} if kind.source else {})},
        "inputs": {
            field: [{"digest": digests[e.node], "column": e.column, "pooled": list(e.pooled)} for e in group]
            for field, group in sorted(inputs.items())
        },
        "made": dict(made),
        "environment": _environment(kind, environment),
    }


def _environment(kind: KindModule, environment: Environment) -> dict[str, Json]:
    """What of the environment may change a kind's bytes."""
    if kind.spec.trains:
        return environment.training()
    return environment.record() if kind.spec.computes else {}


def key_of(found: Derivation) -> str:
    """SHA-256 of the canonical bytes of a derivation."""
    return digest({"scheme": SCHEME, **found})


def essence_of(found: Derivation) -> str:
    """Digest of a derivation but for its environment: equal for what differs only in where it was made."""
    return digest({"scheme": SCHEME, **found, "environment": None})
