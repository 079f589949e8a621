"""Drafts to commit, stores to commit them to, and what stands between a store and the system."""

from __future__ import annotations

import hashlib
import os
import shutil
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from ws_dsl.artifacts.artifact import Artifact
from ws_dsl.registry import Draft, InputRecord, Store

CALLS = ("write", "fsync", "fchmod", "rename", "link", "mkdir")


class Call(NamedTuple):
    """A system call and the path that it concerns; for a descriptor, the path it was opened under."""

    name: str
    path: str
    source: str


def watch_calls(monkeypatch: Any, before: Callable[[int, Call], None]) -> list[Call]:
    """Calls `before` with the number of every call and the call, ahead of it; gives the calls done."""
    calls: list[Call] = []
    started = [0]
    lock = threading.RLock()

    def shim(name: str) -> Callable[..., Any]:
        original = getattr(os, name)

        def call(first: Any, *rest: Any, **named: Any) -> Any:
            path = os.readlink(f"/proc/self/fd/{first}") if isinstance(first, int) else str(first)
            target = str(rest[0]) if name in ("rename", "link") else path
            with lock:
                started[0] += 1
                before(started[0], Call(name, target, path))
            result = original(first, *rest, **named)
            with lock:
                calls.append(Call(name, target, path))
            return result

        return call

    for name in CALLS:
        monkeypatch.setattr(os, name, shim(name))
    return calls


def key_of(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def build_draft(name: str, files: Mapping[str, bytes | Path] | None = None, **changes: Any) -> Draft:
    """A draft whose key follows from its name."""
    content = (
        {"table.arrow": f"rows of {name}".encode() * 50, "shared.json": b"{}"} if files is None else files
    )
    fields: dict[str, Any] = {
        "key": key_of(name),
        "kind": "clamp",
        "version": 2,
        "params": {"at": "last", "value": 0.5},
        "inputs": {"source": [InputRecord(key_of("digest"), key_of("input"), (1, 0), "pmass")], "mask": []},
        "environment": {"device": "cpu", "dtype": "float32", "torch": "2.13"},
        "made": {"split": "search"},
        "artifact": Artifact(content, {"rows": 50, "value": {"mean": 0.25}}),
        "seconds": 1.5,
        "tools": {"ws-dsl": "0.1.0"},
        "notes": [],
    }
    return Draft(**{**fields, **changes})


def build_run(study: str, cells: list[tuple[str, dict[str, str], str]], name: str) -> Draft:
    """A draft of a run of a study: cells as step, labels and name of the artifact."""
    import json

    record = {
        "study": study,
        "file": f"experiments/{study}.yaml",
        "cells": [{"step": step, "cell": labels, "key": key_of(target)} for step, labels, target in cells],
    }
    return build_draft(name, {"study.json": json.dumps(record).encode()}, kind="study_run")


@pytest.fixture
def key() -> Callable[[str], str]:
    return key_of


@pytest.fixture
def draft() -> Callable[..., Draft]:
    return build_draft


@pytest.fixture
def run() -> Callable[..., Draft]:
    return build_run


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture
def flip() -> Callable[..., None]:
    """Flips one bit of a file in place, as a disk does: size and times stay."""

    def flip(path: Path, place: int = 7) -> None:
        stat = path.stat()
        data = bytearray(path.read_bytes())
        data[place // 8 % len(data)] ^= 1 << place % 8
        path.chmod(0o644)
        path.write_bytes(data)
        path.chmod(0o444)
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))

    return flip


@pytest.fixture
def watch() -> Callable[..., list[Call]]:
    return watch_calls


@pytest.fixture
def call_names() -> tuple[str, ...]:
    return CALLS


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A store with 24 vectors, indexed; not to be changed."""
    from tests.registry.directions import ask, fill

    store = fill(tmp_path_factory.mktemp("made") / "store")
    ask(store)
    return store


@pytest.fixture
def filled(made: Store, tmp_path: Path) -> Store:
    """A copy of it of one's own."""
    shutil.copytree(made.root, tmp_path / "copy")
    return Store(tmp_path / "copy")
