"""Verify: re-hash a store and name what is damaged, missing or orphaned."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

from ws_dsl.errors import DamagedError
from ws_dsl.registry.closure import mentioned
from ws_dsl.registry.disk import hash_file
from ws_dsl.registry.layout import Layout, entries, keys, load


class Damage(NamedTuple):
    """One thing that is wrong with a store.

    Attributes:
        what: `damaged` and `missing` concern an artifact or a file that one is made from. The others are
            harmless: `orphaned` is an object that no manifest names, as an interrupted commit leaves it,
            `incomplete` an artifact whose origin cannot be followed in this store.
        key: Key of the artifact; empty where it is no artifact's.
        name: File of the artifact, `manifest`, `catalogue`, or empty.
        sha256: Digest that the bytes should have; empty for a manifest.
        message: What was found.
    """

    what: Literal["damaged", "missing", "orphaned", "incomplete"]
    key: str
    name: str
    sha256: str
    message: str

    @property
    def harmless(self) -> bool:
        """Whether no result is in doubt."""
        return self.what in ("orphaned", "incomplete")


Found = tuple[Literal["damaged", "missing"], str] | None


def verify(layout: Layout, key: str | None = None) -> list[Damage]:
    """What is wrong with one artifact, or with the whole store; every byte is read and hashed.

    Args:
        layout: The store.
        key: Key of one artifact; its objects alone are looked at.
    """
    states: dict[str, Found] = {}
    damages: list[Damage] = []
    named: set[str] = set()
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
                states[record.sha256] = _state(layout, record.sha256, record.bytes)
            if (state := states[record.sha256]) is not None:
                message = f"{name} of {each[:12]} ({manifest.kind}): {state[1]}"
                damages.append(Damage(state[0], each, name, record.sha256, message))
        named |= mentioned(layout, manifest)
    return damages if key is not None else [*damages, *_unnamed(layout, named, states)]


def _state(layout: Layout, sha256: str, size: int) -> Found:
    path = layout.object(sha256)
    try:
        found = hash_file(path)
    except FileNotFoundError:
        return "missing", f"the object {sha256[:12]} does not exist"
    if found.bytes != size:
        return "damaged", f"the object {sha256[:12]} has {found.bytes} bytes instead of {size}"
    if found.sha256 != sha256:
        return "damaged", f"the bytes of the object {sha256[:12]} do not match its digest"
    return None


def _unnamed(layout: Layout, named: set[str], states: dict[str, Found]) -> Iterator[Damage]:
    """Objects that are no file of an artifact: snapshots, whose bytes are checked as well, and orphans."""
    for folder in entries(layout.objects):
        for path in entries(folder):
            sha256 = path.name
            if sha256 not in named:
                yield Damage("orphaned", "", "", sha256, f"no manifest names the object {sha256[:12]}")
            elif sha256 not in states and hash_file(path).sha256 != sha256:
                message = f"the bytes of the object {sha256[:12]} do not match its digest"
                yield Damage("damaged", "", "", sha256, message)
