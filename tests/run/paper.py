"""A tiny study of cheap kinds, run in processes that can be killed or refused anywhere."""

from __future__ import annotations

import gc
import io
import json
import os
import shutil
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.run.lab import CLAIMS
from ws_dsl.cli.main import main
from ws_dsl.registry import Store

STUDY: dict[str, Any] = {
    "ws": 1,
    "id": "paper",
    "question": "How long are the claims?",
    "model": {"kind": "paper_model"},
    "steps": {
        "claims": {
            "kind": "dataset",
            "path": "claims.jsonl",
            "key": "claim_id",
            "columns": {"claim": "text", "label": "bool", "topic": "category"},
        },
        "halves": {"kind": "split", "of": "claims", "into": {"one": 0.5, "two": 0.5}, "seed": 0},
        "lengths": {"kind": "lengths", "of": "halves", "over": {"factor": [1, 2]}},
        "mean": {"kind": "average", "of": "lengths", "pool": "factor"},
    },
}
CALLS = ("write", "fsync", "fchmod", "rename", "replace", "link", "mkdir", "unlink")


def project(folder: Path) -> Path:
    """A project that holds the study, its data and its kinds."""
    folder.mkdir(parents=True)
    (folder / "ws-dsl.toml").touch()
    (folder / "paper.yaml").write_text(json.dumps(STUDY), encoding="utf-8")
    lines = "".join(json.dumps(row) + "\n" for row in CLAIMS)
    (folder / "claims.jsonl").write_text(lines, encoding="utf-8")
    shutil.copytree(Path(__file__).parent / "kinds", folder / "kinds")
    return folder


def command(folder: Path, *words: str) -> int:
    """Runs a command in this process; gives its exit code."""
    os.chdir(folder)
    os.environ.pop("WS_DSL_REGISTRY", None)
    sys.argv = ["ws-dsl", *words]
    try:
        main()
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def apart(folder: Path, *words: str, first: Callable[[], object] = lambda: None) -> tuple[int, str]:
    """Runs a command in a forked process, after `first`; gives exit code or minus signal, and words."""
    log = folder / "log"
    child = os.fork()
    if child == 0:
        # The collector would write to, and so copy, every page that is shared with the parent.
        gc.freeze()
        target = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(target, 1)
        os.dup2(target, 2)
        sys.stdout, sys.stderr = open(1, "w", closefd=False), open(2, "w", closefd=False)  # noqa: SIM115
        first()
        code = command(folder, *words)
        sys.stdout.flush()
        os._exit(code)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return code, log.read_text(encoding="utf-8")


def watch(before: Callable[[int, str, str], object]) -> None:
    """Calls `before` with number, name and path ahead of each call that changes a disk; cannot be undone."""
    count = [0]
    lock = threading.RLock()

    def told(name: str, path: str) -> None:
        # What the command says to the user is no change of a disk.
        if not path.endswith("/log"):
            with lock:
                count[0] += 1
                before(count[0], name, path)

    def shim(name: str) -> Callable[..., Any]:
        original = getattr(os, name)

        def call(first: Any, *rest: Any, **named: Any) -> Any:
            told(name, os.readlink(f"/proc/self/fd/{first}") if isinstance(first, int) else str(first))
            return original(first, *rest, **named)

        return call

    for name in CALLS:
        setattr(os, name, shim(name))
    opened = io.open

    def open_(file: Any, mode: str = "r", *rest: Any, **named: Any) -> Any:
        if set(mode) & set("wax+"):
            told("open", str(file))
        return opened(file, mode, *rest, **named)

    io.open = open_


def digests(folder: Path) -> dict[str, str]:
    """Digest of each artifact by key."""
    store = Store(folder / "registry")
    keys = [path.stem for path in store.layout.manifests.glob("*/*.json")]
    return {key: one.digest for key in keys if (one := store.manifest(key)) is not None}


def page(folder: Path) -> dict[str, bytes]:
    """Files of the study's page, those with times aside."""
    files = (folder / "site" / "studies" / "paper").rglob("*")
    return {file.name: file.read_bytes() for file in files if file.is_file() and file.name != "run.json"}


def sound(folder: Path, harmless: frozenset[str] = frozenset()) -> bool:
    """Whether a deep look finds nothing wrong with the store."""
    store = Store(folder / "registry")
    found = {damage.what for damage in [*store.verify(), *store.cross_check()]}
    return found <= harmless and store.conflicts() == []
