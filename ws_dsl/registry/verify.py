"""Verify: re-hash a store and name what is damaged, missing or orphaned."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

from ws_dsl.errors import DamagedError
from ws_dsl.registry.disk import hash_file
from ws_dsl.registry.layout import Layout, entries, keys, load
from ws_dsl.registry.manifest import Manifest

_DIGEST = re.compile(rb"[0-9a-f]{64}")
_LARGEST_RECORD = 1 << 24


class Damage(NamedTuple):
    """One thing that is wrong with a store.

    Attributes:
        what: `damaged` and `missing` concern an artifact; `orphaned` is an object that no manifest names, as
            an interrupted commit leaves it, harmless.
        key: Key of the artifact; empty for an orphan.
        name: File of the artifact, `manifest`, or empty for an orphan.
        sha256: Digest that the bytes should have; empty for a manifest.
        message: What was found.
    """

    what: Literal["damaged", "missing", "orphaned"]
    key: str
    name: str
    sha256: str
    message: str


def verify(layout: Layout, key: str | None = None, deep: bool = True) -> list[Damage]:
    """What is wrong with one artifact, or with the whole store.

    Args:
        layout: The store.
        key: Key of one artifact; its objects alone are looked at.
        deep: Whether bytes are read and hashed; otherwise sizes are compared.
    """
    states: dict[str, tuple[Literal["damaged", "missing"], str] | None] = {}
    damages: list[Damage] = []
    mentioned: set[str] = set()
    for each in sorted(keys(layout)) if key is None else [key]:
        try:
            manifest = load(layout, each)
        except DamagedError as error:
            damages.append(Damage("damaged", each, "manifest", "", str(error)))
            continue
        if manifest is None:
            damages.append(Damage("missing", each, "manifest", "", f"{each[:12]} has no manifest"))
            continue
        for name, record in manifest.files.items():
            if record.sha256 not in states:
                states[record.sha256] = _state(layout, record.sha256, record.bytes, deep)
            if (state := states[record.sha256]) is not None:
                message = f"{name} of {each[:12]} ({manifest.kind}): {state[1]}"
                damages.append(Damage(state[0], each, name, record.sha256, message))
        mentioned |= _mentioned(layout, manifest)
    return damages if key is not None else [*damages, *_unnamed(layout, mentioned, states, deep)]


def _state(
    layout: Layout, sha256: str, size: int, deep: bool
) -> tuple[Literal["damaged", "missing"], str] | None:
    path = layout.object(sha256)
    try:
        found = path.stat().st_size
    except FileNotFoundError:
        return "missing", f"the object {sha256[:12]} does not exist"
    if found != size:
        return "damaged", f"the object {sha256[:12]} has {found} bytes instead of {size}"
    if deep and hash_file(path).sha256 != sha256:
        return "damaged", f"the bytes of the object {sha256[:12]} do not match its digest"
    return None


def _mentioned(layout: Layout, manifest: Manifest) -> set[str]:
    """Every digest that a manifest or one of its JSON files names in any field, as it does snapshots."""
    found = {match.decode() for match in _DIGEST.findall(manifest.to_json().encode())}
    for name, record in manifest.files.items():
        if (
            name.endswith(".json")
            and record.bytes <= _LARGEST_RECORD
            and layout.object(record.sha256).exists()
        ):
            found |= {match.decode() for match in _DIGEST.findall(layout.object(record.sha256).read_bytes())}
    return found


def _unnamed(
    layout: Layout,
    mentioned: set[str],
    states: dict[str, tuple[Literal["damaged", "missing"], str] | None],
    deep: bool,
) -> Iterator[Damage]:
    """Objects that are no file of an artifact: snapshots, whose bytes are checked as well, and orphans."""
    for folder in entries(layout.objects):
        for path in entries(folder):
            sha256 = path.name
            if sha256 not in mentioned:
                yield Damage("orphaned", "", "", sha256, f"no manifest names the object {sha256[:12]}")
            elif sha256 not in states and deep and hash_file(path).sha256 != sha256:
                message = f"the bytes of the object {sha256[:12]} do not match its digest"
                yield Damage("damaged", "", "", sha256, message)
