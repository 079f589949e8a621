"""Catalogue: quick answers over all manifests, and which study last used which of them.

Nothing is stored here alone. Before it answers, the catalogue compares the times of the 256 manifest folders
with those it knows and reads what is new; so whoever committed, and however it ended, the answers are those
of the manifests. A folder changed less than two seconds before it was read is read again next time, since a
file system's clock may be that coarse.

`standing` says of keys what the manifests said when they were read, as long as their stat is what it was and
the objects are there: a stat for each file in the place of reading it. SQLite checks no bytes, so every row
that answers it carries a seal.
"""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any, NamedTuple

from ws_dsl.errors import RegistryError
from ws_dsl.registry.database import Database
from ws_dsl.registry.layout import Layout, load, present
from ws_dsl.registry.manifest import SHA256, Manifest
from ws_dsl.registry.quarantine import intact
from ws_dsl.specs.canonical import canonical, sha256

COARSE = 2_000_000_000
"""Nanoseconds within which two changes may bear the same time."""

RUN_KIND = "study_run"
RUN_FILE = "study.json"
VECTORS_FILE = "vectors.safetensors"


class Entry(NamedTuple):
    """One artifact.

    Attributes:
        key: Its key.
        digest: Its content digest.
        kind: Kind of the step that made it.
        bytes: Size of its files.
        seconds: Time it took.
        created: Time of its commit, ISO 8601 in UTC.
    """

    key: str
    digest: str
    kind: str
    bytes: int
    seconds: float
    created: str


class Run(NamedTuple):
    """One committed run of a study; `key` is that of the run's own artifact."""

    key: str
    study: str
    file: str
    created: str


class Address(NamedTuple):
    """A cell of a study, and the key that it had in the latest run that had the cell.

    Attributes:
        study: Id of the study.
        step: Name of the step.
        cell: Labels by axis.
        key: Key of the cell's artifact.
        run: Key of that run's own artifact.
        created: Time of that run, ISO 8601 in UTC.
    """

    study: str
    step: str
    cell: dict[str, str]
    key: str
    run: str
    created: str


class Use(NamedTuple):
    """A cell of a study that an artifact is."""

    study: str
    step: str
    cell: dict[str, str]


class VectorEntry(NamedTuple):
    """One artifact that holds vectors.

    Attributes:
        key: Its key.
        digest: Its content digest.
        created: Time of its commit, ISO 8601 in UTC.
        width: Entries of a vector.
        vectors: How many there are.
    """

    key: str
    digest: str
    created: str
    width: int
    vectors: int


class Catalogue:
    """Answers over the manifests of a store."""

    def __init__(self, layout: Layout, database: Database):
        self._layout = layout
        self._database = database

    def standing(self, keys: Iterable[str]) -> dict[str, str]:
        """Digests of those keys that can be served as far as the index knows them and nothing changed since.

        Nothing is brought up to the manifests: of a key that is not among them nothing is said.
        """
        sql = """
            SELECT key, stamp, digest, objects, seal FROM manifests
            WHERE key IN (SELECT value FROM json_each(?))
        """
        asked = json.dumps(list(keys))
        rows: list[tuple[str, str, str, str, str]] = self._database.attempt(
            lambda connection: connection.execute(sql, (asked,)).fetchall()
        )
        return {
            key: digest
            for key, stamp, digest, objects, seal in rows
            if seal == _seal(key, stamp, digest, objects) and self._unchanged(key, stamp, objects)
        }

    def _unchanged(self, key: str, stamp: str, objects: str) -> bool:
        root = self._layout.root
        try:
            if _stamp(os.stat(f"{root}/manifests/{key[:2]}/{key}.json")) != stamp:
                return False
        except OSError:
            return False
        records = (one.split(":") for one in objects.split())
        return all(present(self._layout, sha256, int(size)) for sha256, size in records)

    def artifacts(self) -> list[Entry]:
        """Every artifact, oldest first."""
        sql = "SELECT key, digest, kind, bytes, seconds, created FROM manifests ORDER BY created, key"
        return list(map(Entry._make, self._ask(sql)))

    def runs(self, study: str | None = None) -> list[Run]:
        """Committed runs, latest first."""
        sql = """
            SELECT key, study, file, created FROM runs WHERE ?1 IS NULL OR study = ?1
            ORDER BY created DESC, key DESC
        """
        return [Run(*row) for row in self._ask(sql, study)]

    def addresses(self, study: str | None = None) -> list[Address]:
        """Every cell that a study ever had, with its latest key, in the order of the study."""
        # With a single max(), SQLite takes the other columns from the row of the maximum.
        sql = """
            SELECT study, step, cell, key, run, created, place, max(created || run) FROM addresses
            WHERE ?1 IS NULL OR study = ?1 GROUP BY study, step, cell ORDER BY study, created DESC, run, place
        """
        return [
            Address(study, step, json.loads(cell), key, run, created)
            for study, step, cell, key, run, created, _, _ in self._ask(sql, study)
        ]

    def uses(self) -> dict[str, list[Use]]:
        """The cells that every key was last used as, by name; quicker than `addresses`."""
        sql = "SELECT study, step, cell, key, max(created || run) FROM addresses GROUP BY study, step, cell"
        labels: dict[str, dict[str, str]] = {}
        found: dict[str, list[Use]] = {}
        for study, step, text, key, _ in self._ask(sql):
            # Many cells have the same labels, and reading JSON is what takes the time.
            cell = labels.get(text)
            if cell is None:
                cell = labels[text] = json.loads(text)
            found.setdefault(key, []).append(Use(study, step, cell))
        return found

    def previous(self, study: str, step: str, cell: Mapping[str, str]) -> str | None:
        """Key that a cell had in the latest run that had it, or None."""
        sql = """
            SELECT key FROM addresses WHERE study = ? AND step = ? AND cell = ?
            ORDER BY created DESC, run DESC LIMIT 1
        """
        rows = self._ask(sql, study, step, _text(cell))
        return rows[0][0] if rows else None

    def use(self, digest: str) -> tuple[str, dict[str, str]] | None:
        """Step and labels of the cell that a content digest was last used as, or None."""
        sql = """
            SELECT step, cell FROM manifests JOIN addresses USING (key) WHERE digest = ?
            ORDER BY addresses.created DESC, run DESC, place DESC LIMIT 1
        """
        rows = self._ask(sql, digest)
        return (rows[0][0], json.loads(rows[0][1])) if rows else None

    def vectors(self) -> list[VectorEntry]:
        """Every artifact that holds vectors, oldest first."""
        sql = """
            SELECT key, digest, created, width, vectors FROM vectors JOIN manifests USING (key)
            ORDER BY created, key
        """
        return [VectorEntry(*row) for row in self._ask(sql)]

    def _ask(self, sql: str, *values: str | None) -> list[tuple[Any, ...]]:
        def work(connection: sqlite3.Connection) -> list[tuple[Any, ...]]:
            _refresh(self._layout, connection)
            return connection.execute(sql, values).fetchall()

        return self._database.attempt(work)


def _refresh(layout: Layout, connection: sqlite3.Connection) -> None:
    """Brings the index up to the manifests."""
    known: dict[str, int] = dict(connection.execute("SELECT name, mtime FROM folders"))
    now = time.time_ns()
    found = _times(layout)
    for name in sorted(known.keys() | found.keys()):
        if known.get(name) != found.get(name):
            _refresh_folder(layout, connection, name)
            if name not in found:
                connection.execute("DELETE FROM folders WHERE name = ?", (name,))
            elif now - found[name] > COARSE:
                connection.execute("REPLACE INTO folders VALUES (?, ?)", (name, found[name]))


def _refresh_folder(layout: Layout, connection: sqlite3.Connection, name: str) -> None:
    rows = connection.execute(
        "SELECT key, stamp FROM manifests WHERE key BETWEEN ? AND ?", (name, f"{name}g")
    )
    known: dict[str, str] = dict(rows)
    found = _stamps(layout, name)
    for key in sorted(known.keys() | found.keys()):
        if known.get(key) == found.get(key):
            continue
        for sql in ("manifests WHERE key", "runs WHERE key", "addresses WHERE run", "vectors WHERE key"):
            connection.execute(f"DELETE FROM {sql} = ?", (key,))
        # A damaged manifest is no artifact; `verify` reports it.
        with suppress(RegistryError):
            if key in found and (manifest := load(layout, key)) is not None:
                _insert(layout, connection, manifest, found[key])


def _insert(layout: Layout, connection: sqlite3.Connection, manifest: Manifest, stamp: str) -> None:
    objects = " ".join(f"{record.sha256}:{record.bytes}" for record in manifest.files.values())
    row = (
        manifest.key,
        stamp,
        manifest.digest,
        manifest.kind,
        manifest.bytes,
        manifest.seconds,
        manifest.created,
        objects,
        _seal(manifest.key, stamp, manifest.digest, objects),
    )
    connection.execute("INSERT INTO manifests VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
    if VECTORS_FILE in manifest.files:
        size = (manifest.key, manifest.facts["width"], manifest.facts["vectors"])
        connection.execute("INSERT INTO vectors VALUES (?, ?, ?)", size)
    if manifest.kind != RUN_KIND:
        return
    path, digest = layout.object(manifest.files[RUN_FILE].sha256), manifest.files[RUN_FILE].sha256
    if not intact(path, digest):
        return
    run = json.loads(path.read_bytes())
    connection.execute(
        "INSERT INTO runs VALUES (?, ?, ?, ?)", (manifest.key, run["study"], run["file"], manifest.created)
    )
    connection.executemany(
        "REPLACE INTO addresses VALUES (?, ?, ?, ?, ?, ?, ?)",
        [
            (
                run["study"],
                cell["step"],
                _text(cell["cell"]),
                manifest.created,
                manifest.key,
                place,
                cell["key"],
            )
            for place, cell in enumerate(run["cells"])
        ],
    )


def _times(layout: Layout) -> dict[str, int]:
    try:
        with os.scandir(layout.manifests) as entries:
            return {entry.name: entry.stat().st_mtime_ns for entry in entries if entry.is_dir()}
    except FileNotFoundError:
        return {}


def _stamps(layout: Layout, name: str) -> dict[str, str]:
    stamps: dict[str, str] = {}
    try:
        with os.scandir(layout.manifests / name) as entries:
            for entry in entries:
                key, suffix = os.path.splitext(entry.name)
                if suffix == ".json" and SHA256.fullmatch(key):
                    stamps[key] = _stamp(entry.stat())
    except FileNotFoundError:
        pass
    return stamps


def _stamp(stat: os.stat_result) -> str:
    """What changes with a file; its `ctime` no ordinary tool sets back."""
    return f"{stat.st_mtime_ns} {stat.st_ctime_ns} {stat.st_size} {stat.st_ino}"


def _seal(key: str, stamp: str, digest: str, objects: str) -> str:
    return sha256(f"{key} {stamp} {digest} {objects}".encode())


def _text(cell: Mapping[str, str]) -> str:
    return canonical(dict(cell)).decode()
