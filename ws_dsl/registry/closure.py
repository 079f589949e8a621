"""Closure: what has to travel with an artifact so that it is whole elsewhere."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from ws_dsl.errors import MissingError
from ws_dsl.registry.catalogue import RUN_KIND
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
    """Artifacts, those that they were made from or name, and their objects, snapshots included.

    What an artifact was made from may be gone from the store: its digest in the key is enough. What a JSON
    file of one names by its key goes along as well, as it stays under garbage collection: the replies that a
    judge's table follows from can be had from nowhere else. A run alone holds its cells and no more.

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
        waiting += named(manifest, layout.object)
        objects |= {record.sha256: record.bytes for record in manifest.files.values()}
        for sha256 in mentioned(layout, manifest) - objects.keys():
            path = layout.object(sha256)
            if path.exists():
                objects[sha256] = path.stat().st_size
    return Closure(dict(sorted(manifests.items())), dict(sorted(objects.items())))


def mentioned(layout: Layout, manifest: Manifest) -> set[str]:
    """Every digest that a manifest or one of its JSON files names in any field, as it does snapshots."""
    return _digests(manifest.to_json().encode()) | _in_files(manifest, layout.object)


def named(manifest: Manifest, place: Callable[[str], Path]) -> set[str]:
    """Digests that the JSON files of an artifact name, among them the keys of what goes where it goes.

    Args:
        manifest: Its record; a run names what it does not hold.
        place: Where the object with a digest is.
    """
    return set() if manifest.kind == RUN_KIND else _in_files(manifest, place)


def _in_files(manifest: Manifest, place: Callable[[str], Path]) -> set[str]:
    found: set[str] = set()
    for name, record in manifest.files.items():
        path = place(record.sha256)
        if name.endswith(".json") and record.bytes <= _LARGEST_RECORD and path.exists():
            found |= _digests(path.read_bytes())
    return found


def _digests(content: bytes) -> set[str]:
    return {match.decode() for match in _DIGEST.findall(content)}
