"""Bytes to disk and back: the few operations that the commit protocol is made of."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from ws_dsl.registry.manifest import FileRecord

_BLOCK = 1 << 20


def write(path: Path, content: bytes | Path) -> FileRecord:
    """Writes a new read-only file and waits until its bytes are on disk.

    The digest is taken of the bytes on their way, not of what the disk gives back: a write that goes wrong is
    then found by the first read instead of being recorded as right.
    """
    hasher = hashlib.sha256()
    size = 0
    target = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        for block in _blocks(content):
            hasher.update(block)
            size += len(block)
            rest = memoryview(block)
            while rest:
                rest = rest[os.write(target, rest) :]
        os.fsync(target)
        os.fchmod(target, 0o444)
    finally:
        os.close(target)
    return FileRecord(hasher.hexdigest(), size)


def sync(folder: Path) -> None:
    """Waits until the names in a folder are on disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def hash_file(path: Path) -> FileRecord:
    """Digest and size of a file as it is now."""
    with path.open("rb") as file:
        return FileRecord(hashlib.file_digest(file, "sha256").hexdigest(), file.tell())


def _blocks(content: bytes | Path) -> Iterator[bytes]:
    if isinstance(content, bytes):
        yield content
        return
    with content.open("rb") as file:
        while block := file.read(_BLOCK):
            yield block
