"""Digests of files outside the store, remembered as long as their stat does not change.

A digest is remembered under the file's path, size, inode and both times. `ctime` is among them because no
ordinary tool can set it back: a copy that keeps the modification time, or a flipped bit under an old time, is
hashed anew. A file changed within two seconds of being hashed is not remembered (git's *racily clean*
entries, `Documentation/technical/racy-git`).
"""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import suppress
from pathlib import Path

from ws_dsl.registry.catalogue import COARSE
from ws_dsl.registry.database import Database
from ws_dsl.registry.disk import hash_file


class Digests:
    """Stat-cached digests of outside files."""

    def __init__(self, database: Database):
        self._database = database

    def of(self, path: Path) -> str:
        """SHA-256 of a file; read only when its stat is new."""
        path = Path(os.path.abspath(path))
        now = time.time_ns()
        before = path.stat()
        stamp = _stamp(before)
        known = self._database.attempt(lambda connection: _recall(connection, path, stamp))
        if known is not None:
            return known
        sha256 = hash_file(path).sha256
        settled = now - max(before.st_mtime_ns, before.st_ctime_ns) > COARSE
        if settled and _stamp(path.stat()) == stamp:
            row = (str(path), stamp, sha256)
            self._database.attempt(
                lambda connection: connection.execute("REPLACE INTO stats VALUES (?, ?, ?)", row)
            )
        return sha256

    def wrong(self) -> list[tuple[Path, str]]:
        """Files whose bytes are no longer those of the digest remembered for their stat; with that digest."""
        rows = self._database.attempt(_all)
        found: list[tuple[Path, str]] = []
        for name, stamp, sha256 in rows:
            path = Path(name)
            with suppress(OSError):
                if _stamp(path.stat()) == stamp and hash_file(path).sha256 != sha256:
                    found.append((path, sha256))
        return found

    def forget(self) -> None:
        """Forgets all digests: every file is hashed when it is next asked for."""
        self._database.attempt(lambda connection: connection.execute("DELETE FROM stats"))


def _all(connection: sqlite3.Connection) -> list[tuple[str, str, str]]:
    return connection.execute("SELECT path, stamp, sha256 FROM stats ORDER BY path").fetchall()


def _recall(connection: sqlite3.Connection, path: Path, stamp: str) -> str | None:
    row = connection.execute(
        "SELECT sha256 FROM stats WHERE path = ? AND stamp = ?", (str(path), stamp)
    ).fetchone()
    return row[0] if row else None


def _stamp(stat: os.stat_result) -> str:
    return f"{stat.st_size} {stat.st_ino} {stat.st_mtime_ns} {stat.st_ctime_ns}"
