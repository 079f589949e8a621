"""Database: the SQLite file behind the catalogue, an index: trouble with it costs time, never data.

A file that is damaged or of another layout is made anew. A file that cannot be written (a read-only store, a
full disk, a network folder without locks) is left alone and the index is kept in memory for the length of the
process.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import RLock
from typing import TypeVar

T = TypeVar("T")

VERSION = 3

_SCHEMA = """
CREATE TABLE folders (name TEXT PRIMARY KEY, mtime INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE manifests (
    key TEXT PRIMARY KEY, stamp TEXT NOT NULL, digest TEXT NOT NULL, kind TEXT NOT NULL,
    bytes INTEGER NOT NULL, seconds REAL NOT NULL, created TEXT NOT NULL,
    objects TEXT NOT NULL, seal TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE runs (
    key TEXT PRIMARY KEY, study TEXT NOT NULL, file TEXT NOT NULL, created TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE addresses (
    study TEXT NOT NULL, step TEXT NOT NULL, cell TEXT NOT NULL, created TEXT NOT NULL, run TEXT NOT NULL,
    place INTEGER NOT NULL, key TEXT NOT NULL, PRIMARY KEY (study, step, cell, created, run)
) WITHOUT ROWID;
CREATE INDEX addresses_of_run ON addresses (run);
CREATE INDEX addresses_of_key ON addresses (key);
CREATE INDEX manifests_of_digest ON manifests (digest);
CREATE INDEX manifests_by_time ON manifests (created, key, digest, kind, bytes, seconds);
CREATE TABLE vectors (key TEXT PRIMARY KEY, width INTEGER NOT NULL, vectors INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE stats (path TEXT PRIMARY KEY, stamp TEXT NOT NULL, sha256 TEXT NOT NULL) WITHOUT ROWID;
"""

_BROKEN = {sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_SCHEMA}


class Database:
    """A connection made on first use."""

    def __init__(self, path: Path):
        self.path = path
        self._connection: sqlite3.Connection | None = None
        self._lock = RLock()

    def attempt(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Does one piece of work in one transaction; after trouble, again from the start on a new index."""
        with self._lock:
            try:
                return self._do(work)
            except sqlite3.DatabaseError as error:
                self.close()
                if getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF in _BROKEN:
                    self.discard()
                else:
                    self._connection = _in_memory(self.path)
            try:
                return self._do(work)
            except sqlite3.DatabaseError:
                self._connection = _empty()
                return self._do(work)

    def close(self) -> None:
        """Ends the connection; the next piece of work makes another."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def _do(self, work: Callable[[sqlite3.Connection], T]) -> T:
        if self._connection is None:
            self._connection = _open(self.path)
        with self._connection:
            return work(self._connection)

    def discard(self) -> None:
        """Removes a broken file; another process that has it open goes on with what it has."""
        self.close()
        for suffix in ("-wal", "-shm", ""):
            with suppress(OSError):
                self.path.with_name(self.path.name + suffix).unlink()


def _open(path: Path) -> sqlite3.Connection:
    if not path.parent.is_dir():
        return _in_memory(path)
    connection = sqlite3.connect(path, timeout=2, check_same_thread=False)
    try:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version != VERSION:
            _create(connection)
        connection.execute("PRAGMA synchronous = NORMAL")
    except sqlite3.DatabaseError:
        connection.close()
        raise
    return connection


def _create(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        if connection.execute("PRAGMA user_version").fetchone() == (VERSION,):
            return
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        for (name,) in tables:
            connection.execute(f'DROP TABLE "{name}"')
        for statement in _SCHEMA.split(";"):
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {VERSION}")


def _in_memory(path: Path) -> sqlite3.Connection:
    """An index in memory that begins with what the file holds, where it can be read."""
    memory = sqlite3.connect(":memory:", check_same_thread=False)
    with suppress(sqlite3.DatabaseError):
        stored = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro&immutable=1", uri=True)
        stored.backup(memory)
        stored.close()
    if memory.execute("PRAGMA user_version").fetchone() != (VERSION,):
        memory.close()
        return _empty()
    return memory


def _empty() -> sqlite3.Connection:
    memory = sqlite3.connect(":memory:", check_same_thread=False)
    _create(memory)
    return memory
