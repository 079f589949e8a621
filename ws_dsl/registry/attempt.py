"""Attempt: the private folder of one commit.

Nothing in it is ever read by another process, so a killed commit can leave nothing but rubbish. The next
commit on the same machine clears the folders of processes that are gone.
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from ws_dsl.registry.disk import sync
from ws_dsl.registry.layout import Layout, entries


@contextmanager
def attempt(layout: Layout) -> Generator[Path]:
    """A new private folder on the disk of the store, removed in the end."""
    for folder in entries(layout.attempts):
        if _abandoned(folder.name):
            shutil.rmtree(folder, ignore_errors=True)
    if not layout.root.exists():
        layout.root.mkdir(parents=True, exist_ok=True)
        sync(layout.root.parent)
    layout.attempts.mkdir(exist_ok=True)
    folder = layout.attempts / f"{_machine()}-{os.getpid()}-{secrets.token_hex(8)}"
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _abandoned(name: str) -> bool:
    machine, _, rest = name.rpartition("-")[0].rpartition("-")
    if machine != _machine() or not rest.isdigit():
        return False
    try:
        os.kill(int(rest), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


def _machine() -> str:
    # Containers may share a host's name while counting processes on their own.
    processes = Path("/proc/self/ns/pid")
    return os.uname().nodename + (f"-{processes.stat().st_ino}" if processes.exists() else "")
