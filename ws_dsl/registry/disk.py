"""Bytes to disk and back: the few operations that the commit protocol is made of."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from ws_dsl.registry.manifest import FileRecord
from ws_dsl.specs.canonical import sha256

T = TypeVar("T")

_BLOCK = 1 << 20
_WRITERS = 4


def write(path: Path, content: bytes | Path | Iterable[bytes]) -> FileRecord:
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


def write_all(paths: Sequence[Path], contents: Sequence[bytes | Path]) -> list[FileRecord]:
    """Writes files as `write` does, several at once: a disk serves waiting writers together.

    With 200 files of 3 kB on ext4, four writers took 0.09 s where one took 0.80 s, and 32 took 0.07 s.
    """
    return _together(write, paths, contents)


def make_root(root: Path) -> None:
    """Makes the folder of a store, and waits until its name is on disk."""
    if not root.exists():
        root.mkdir(parents=True, exist_ok=True)
        sync(root.parent)


def sync(folder: Path) -> None:
    """Waits until the names in a folder are on disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_all(folders: Sequence[Path]) -> None:
    """Waits for the names in several folders."""
    _together(sync, folders)


def describe(content: bytes | Path) -> FileRecord:
    """Digest and size of what is not stored yet."""
    return FileRecord(sha256(content), len(content)) if isinstance(content, bytes) else hash_file(content)


def hash_file(path: Path) -> FileRecord:
    """Digest and size of a file as it is now."""
    with path.open("rb") as file:
        return FileRecord(hashlib.file_digest(file, "sha256").hexdigest(), file.tell())


def _together(work: Callable[..., T], *values: Sequence[Path | bytes]) -> list[T]:
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(_WRITERS) as pool:
        return list(pool.map(work, *values))


def _blocks(content: bytes | Path | Iterable[bytes]) -> Iterator[bytes]:
    if isinstance(content, bytes):
        yield content
    elif isinstance(content, Path):
        with content.open("rb") as file:
            while block := file.read(_BLOCK):
                yield block
    else:
        yield from content
