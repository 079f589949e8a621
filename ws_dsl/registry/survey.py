"""Survey: every manifest read as it lies on the disk, and what can be reached from some of them.

The catalogue is not asked: it is an index, and what is removed by mistake would not come back. A manifest
mentions whatever looks like a digest in any of its fields, and so do its JSON files; that is more than it
needs, never less.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable
from typing import Any, NamedTuple

from ws_dsl.registry.catalogue import RUN_FILE, RUN_KIND, VECTORS_FILE
from ws_dsl.registry.layout import Layout, entries
from ws_dsl.registry.manifest import SHA256
from ws_dsl.specs.canonical import sha256

LARGEST_RECORD = 1 << 24
"""Bytes above which a JSON file is data, and mentions nothing."""

_DIGEST = re.compile("[0-9a-f]{64}")
_KIND = re.compile(r'\n  "kind": "(\w+)"')
_RECORD = re.compile(r'"[^"\\]+\.json": \{\s*"sha256": "([0-9a-f]{64})",\s*"bytes": (\d+)')
_SEAL = ',\n  "seal": "'


class Known(NamedTuple):
    """What a manifest says, as far as it matters here.

    Attributes:
        kind: Kind of the artifact.
        mentions: Digests and keys in any of its fields.
        records: Digests of its JSON files.
        time: When it was written, in seconds as its disk counts.
        bytes: Size of the manifest itself.
        vectors: Whether it holds vectors.
    """

    kind: str
    mentions: tuple[str, ...]
    records: tuple[str, ...]
    time: float
    bytes: int
    vectors: bool


class FinishedRun(NamedTuple):
    """A committed run of a study.

    Attributes:
        key: Key of the run's own artifact.
        study: Id of the study.
        file: Its file.
        created: Time of the run, ISO 8601 in UTC.
        cells: Keys of its cells.
    """

    key: str
    study: str
    file: str
    created: str
    cells: frozenset[str]


class Inventory(NamedTuple):
    """What the manifests of a store say.

    Attributes:
        known: Manifests by key.
        runs: Runs by key.
        damaged: What could not be read, a sentence each.
    """

    known: dict[str, Known]
    runs: dict[str, FinishedRun]
    damaged: list[str]

    def latest(self) -> set[str]:
        """The latest run of every file of a study."""
        found: dict[tuple[str, str], FinishedRun] = {}
        for run in self.runs.values():
            other = found.setdefault((run.study, run.file), run)
            if (run.created, run.key) > (other.created, other.key):
                found[run.study, run.file] = run
        return {run.key for run in found.values()}


class Reached(NamedTuple):
    """Keys of artifacts, and every digest that they mention."""

    keys: set[str]
    digests: set[str]


def inventory(layout: Layout) -> Inventory:
    """Reads all manifests of a store, and the records of its runs."""
    found = Inventory({}, {}, [])
    for folder in entries(layout.manifests):
        for path in os.scandir(folder):
            key, suffix = os.path.splitext(path.name)
            if suffix == ".json" and SHA256.fullmatch(key):
                _read(layout, key, path.path, found)
    return found


def reach(layout: Layout, found: Inventory, roots: Iterable[str]) -> Reached:
    """Everything that artifacts were made from, themselves included.

    A run holds its cells; the run before it, which it names as well, it does not hold.
    """
    reached = Reached(set(), set())
    waiting = list(roots)
    while waiting:
        key = waiting.pop()
        if key in reached.keys or key not in found.known:
            continue
        reached.keys.add(key)
        one = found.known[key]
        mentions = set(one.mentions).union(*(_mentions(layout, record) for record in one.records))
        reached.digests.update(mentions)
        waiting += found.runs[key].cells if key in found.runs else mentions & found.known.keys()
    return reached


def _read(layout: Layout, key: str, path: str, found: Inventory) -> None:
    with open(path, encoding="utf-8", errors="replace", newline="") as file:
        text = file.read()
        status = os.fstat(file.fileno())
    body, _, end = text.rpartition(_SEAL)
    kind = _KIND.search(body)
    if kind is None or end[:64] != sha256(body.encode()):
        found.damaged.append(f"the manifest of {key[:12]} is damaged")
        return
    records = tuple(digest for digest, size in _RECORD.findall(body) if int(size) <= LARGEST_RECORD)
    found.known[key] = Known(
        kind[1],
        tuple(_DIGEST.findall(body)),
        records,
        status.st_mtime,
        status.st_size,
        f'"{VECTORS_FILE}": {{' in body,
    )
    if kind[1] == RUN_KIND:
        _read_run(layout, key, json.loads(body + "}"), found)


def _read_run(layout: Layout, key: str, manifest: dict[str, Any], found: Inventory) -> None:
    digest = manifest["files"][RUN_FILE]["sha256"]
    path = layout.object(digest)
    content = path.read_bytes() if path.exists() else b""
    if sha256(content) != digest:
        found.damaged.append(f"the record of the run {key[:12]} is damaged")
        return
    run = json.loads(content)
    cells = frozenset(cell["key"] for cell in run["cells"])
    found.runs[key] = FinishedRun(key, run["study"], run["file"], manifest["created"], cells)


def _mentions(layout: Layout, sha256: str) -> list[str]:
    try:
        with open(f"{layout.root}/objects/{sha256[:2]}/{sha256}", encoding="utf-8", errors="replace") as file:
            return _DIGEST.findall(file.read())
    except FileNotFoundError:
        return []
