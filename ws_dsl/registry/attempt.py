"""Attempt: the private folder of one commit.

Nothing in it is ever read by another process, so a killed commit can leave nothing but rubbish. The next
commit on the same machine clears the folders of processes that are gone.

A commit takes objects that it finds for stored, so nothing is removed while one goes on: who collects garbage
announces it and then waits for the folders here, who commits makes the folder and then looks for the
announcement. One of the two sees the other.
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from ws_dsl.registry.disk import make_root
from ws_dsl.registry.layout import Layout, entries
from ws_dsl.registry.lease import Leases
from ws_dsl.registry.owner import ended, machine


@contextmanager
def attempt(layout: Layout) -> Generator[Path]:
    """A new private folder on the disk of the store, removed in the end."""
    for folder in entries(layout.attempts):
        if abandoned(folder.name):
            shutil.rmtree(folder, ignore_errors=True)
    make_root(layout.root)
    layout.attempts.mkdir(exist_ok=True)
    leases = Leases(layout)
    folder = _make(layout)
    try:
        while leases.collection() is not None:
            folder.rmdir()
            leases.await_collection(lambda text: None)
            folder = _make(layout)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def abandoned(name: str) -> bool:
    """Whether the process of a private folder has surely ended."""
    where, _, process = name.rpartition("-")[0].rpartition("-")
    return where == machine() and process.isdigit() and ended(int(process))


def _make(layout: Layout) -> Path:
    folder = layout.attempts / f"{machine()}-{os.getpid()}-{secrets.token_hex(8)}"
    folder.mkdir()
    return folder
