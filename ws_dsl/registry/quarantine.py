"""Quarantine: damaged things are set aside with the reason, never served and never deleted."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ws_dsl.errors import DamagedError, RegistryError
from ws_dsl.registry.disk import hash_file, sync, sync_all, write
from ws_dsl.registry.layout import Layout, entries, load
from ws_dsl.registry.manifest import Manifest

if TYPE_CHECKING:
    from ws_dsl.registry.verify import Damage


def intact(path: Path, sha256: str) -> bool:
    """Whether an object is there and its bytes match its digest; reads it all."""
    try:
        return hash_file(path).sha256 == sha256
    except FileNotFoundError:
        return False


def set_aside(layout: Layout, subject: str, paths: Sequence[Path], reason: str) -> Path:
    """Moves files out of the store.

    Args:
        layout: The store.
        subject: Key or digest that the damage concerns.
        paths: What to move, manifest first; what is already gone is left out.
        reason: What was found.

    Returns:
        The folder in quarantine that holds them.
    """
    now = datetime.now(UTC)
    folder = layout.quarantine / subject / f"{now:%Y%m%dT%H%M%S}-{secrets.token_hex(4)}"
    folder.mkdir(parents=True)
    # The folder is on disk before anything leaves its own place: damaged bytes are never lost.
    sync_all([folder.parent, layout.quarantine, layout.root])
    moved: list[str] = []
    for path in paths:
        with suppress(FileNotFoundError):
            os.rename(path, folder / path.name)
            moved.append(str(path.relative_to(layout.root)))
    record = {"subject": subject, "reason": reason, "time": now.isoformat(), "moved": moved}
    write(folder / "reason.json", json.dumps(record, indent=2).encode())
    for changed in (folder, *sorted({path.parent for path in paths})):
        if changed.exists():
            sync(changed)
    return folder


def quarantine(layout: Layout, key: str, reason: str) -> Path | None:
    """Sets aside a manifest whose artifact is damaged, with those of its objects that are.

    Objects that are intact stay, since they may serve other keys. An artifact that is intact stays as well:
    another process may have made it anew since the damage was met.

    Returns:
        The folder in quarantine, or None where nothing is damaged.
    """
    try:
        manifest = load(layout, key)
    except DamagedError:
        return set_aside(layout, key, [layout.manifest(key)], reason)
    if manifest is None:
        return None
    objects = {record.sha256: layout.object(record.sha256) for record in manifest.files.values()}
    damaged = [path for sha256, path in objects.items() if not intact(path, sha256)]
    return set_aside(layout, key, [layout.manifest(key), *damaged], reason) if damaged else None


def mend(layout: Layout, damages: Sequence[Damage]) -> list[str]:
    """Sets aside what is damaged, so that it is made anew; gives the keys that are free again.

    A manifest that says what cannot be goes even where its bytes are those that were written.
    """
    for damage in damages:
        if not damage.key and damage.sha256 and not damage.name and not damage.harmless:
            set_aside(layout, damage.sha256, [layout.object(damage.sha256)], damage.message)
    broken = {damage.key: damage for damage in damages if damage.key and not damage.harmless}
    for key, damage in broken.items():
        if quarantine(layout, key, damage.message) is None and damage.name == "manifest":
            set_aside(layout, key, [layout.manifest(key)], damage.message)
    return list(broken)


def quarantined(layout: Layout, key: str) -> list[Manifest]:
    """Readable manifests of a key that were set aside, oldest first."""
    found: list[Manifest] = []
    for folder in entries(layout.quarantine / key):
        path = folder / layout.manifest(key).name
        with suppress(FileNotFoundError, UnicodeDecodeError, RegistryError):
            found.append(Manifest.from_json(path.read_text(encoding="utf-8")))
    return found
