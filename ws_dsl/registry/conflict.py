"""Conflict: one key, two digests. What is made from the same things came out with other bytes.

The first writer's bytes stay. The others are kept as a record, which `why` and `verify` report: the kind
depends on something that its key does not name.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import NamedTuple

from ws_dsl.errors import DamagedError
from ws_dsl.registry.disk import sync, write
from ws_dsl.registry.layout import Layout, entries
from ws_dsl.registry.manifest import Manifest


class Conflict(NamedTuple):
    """A commit that lost.

    Attributes:
        key: The key.
        kept: Digest of the artifact that stays.
        offered: Digest of the one that came later.
        differing: Names of the files that differ or that only one of them has.
        created: Time of the losing commit, ISO 8601 in UTC.
    """

    key: str
    kept: str
    offered: str
    differing: tuple[str, ...]
    created: str


def record(layout: Layout, folder: Path, kept: Manifest, offered: Manifest) -> None:
    """Keeps a record of a lost commit; `folder` is the private folder of the attempt."""
    names = sorted(kept.files.keys() | offered.files.keys())
    conflict = Conflict(
        key=kept.key,
        kept=kept.digest,
        offered=offered.digest,
        differing=tuple(name for name in names if kept.files.get(name) != offered.files.get(name)),
        created=offered.created,
    )
    target = layout.conflicts / kept.key / f"{offered.digest}.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = folder / f"conflict-{kept.key}-{offered.digest}"
    write(draft, json.dumps(conflict._asdict(), indent=2).encode())
    os.rename(draft, target)
    sync(target.parent)


def conflicts(layout: Layout, key: str | None = None) -> list[Conflict]:
    """Records of lost commits, of one key or of all."""
    folders = entries(layout.conflicts) if key is None else [layout.conflicts / key]
    return [_read(path) for folder in folders for path in entries(folder)]


def _read(path: Path) -> Conflict:
    try:
        entry = json.loads(path.read_bytes())
        return Conflict(
            entry["key"], entry["kept"], entry["offered"], tuple(entry["differing"]), entry["created"]
        )
    except (ValueError, KeyError, TypeError):
        raise DamagedError(f"the record of a conflict is damaged ({path})") from None
