"""Closure: what has to travel with an artifact so that it is whole elsewhere."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from ws_dsl.errors import MissingError
from ws_dsl.registry.layout import Layout, load
from ws_dsl.registry.manifest import Manifest

_DIGEST = re.compile(rb"[0-9a-f]{64}")
_LARGEST_RECORD = 1 << 24


class Closure(NamedTuple):
    """Artifacts with all that they were made from.

    Attributes:
        manifests: Their records by key, sorted.
        objects: Bytes by digest of every object that they have or mention and the store holds, sorted.
    """

    manifests: dict[str, Manifest]
    objects: dict[str, int]

    @property
    def bytes(self) -> int:
        """Size of all objects."""
        return sum(self.objects.values())


def closure(layout: Layout, keys: Iterable[str]) -> Closure:
    """Artifacts, those that they were made from, and their objects, snapshots included.

    What an artifact was made from may be gone from the store: its digest in the key is enough.

    Raises:
        MissingError: one of the keys has no artifact, or an object of one is gone.
        DamagedError: a record is not what was written.
    """
    asked = set(keys)
    waiting = list(asked)
    manifests: dict[str, Manifest] = {}
    objects: dict[str, int] = {}
    while waiting:
        key = waiting.pop()
        if key in manifests:
            continue
        manifest = load(layout, key)
        if manifest is None and key not in asked:
            continue
        if manifest is None:
            raise MissingError(f"{key[:12]} is not in the store {layout.root}")
        manifests[key] = manifest
        waiting += [one.key for inputs in manifest.inputs.values() for one in inputs]
        objects |= {record.sha256: record.bytes for record in manifest.files.values()}
        for sha256 in mentioned(layout, manifest) - objects.keys():
            path = layout.object(sha256)
            if path.exists():
                objects[sha256] = path.stat().st_size
    return Closure(dict(sorted(manifests.items())), dict(sorted(objects.items())))


def mentioned(layout: Layout, manifest: Manifest) -> set[str]:
    """Every digest that a manifest or one of its JSON files names in any field, as it does snapshots."""
    found = {match.decode() for match in _DIGEST.findall(manifest.to_json().encode())}
    for name, record in manifest.files.items():
        path = layout.object(record.sha256)
        if name.endswith(".json") and record.bytes <= _LARGEST_RECORD and path.exists():
            found |= {match.decode() for match in _DIGEST.findall(path.read_bytes())}
    return found
