"""Studies that nothing has touched since their last run: known without planning them.

After a run, what the study's plan was made from is written down: its files with those that it extends, reads
and computes from, by content; the source of ws-dsl; the environment class; and the key and digest of every
cell. As long as all of that is the same, planning would give the same cells, and they are looked up at once.
Anything that is not as it was, or not certain, is planned: the record is never needed and never trusted
beyond what it names.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import ws_dsl
from ws_dsl.run.lock import NAME
from ws_dsl.run.session import Opened, Session
from ws_dsl.run.vendor import told as substituted
from ws_dsl.specs.canonical import digest
from ws_dsl.specs.root import root_of

_SCHEMA = 1


class Settled(NamedTuple):
    """A study as its last run left it.

    Attributes:
        study: Its id.
        run: Key of the run's page.
        cells: How many it has.
        registered: What it says of its rules' registration.
    """

    study: str
    run: str
    cells: int
    registered: str | None


def recall(session: Session, file: Path) -> Settled | None:
    """A study that is as its last run left it, cells included; None where it has to be planned."""
    path = _path(session, file)
    try:
        told: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None
    if told.get("schema") != _SCHEMA or told["basis"] != _basis(session, file, told["study"], told["files"]):
        return None
    cells: dict[str, str] = told["cells"]
    if session.store.lookup(cells) != cells:
        return None
    return Settled(told["study"], told["run"], told["nodes"], told["registered"])


def settle(session: Session, study: Opened, run: str) -> None:
    """Writes down what a study was made from, now that all of it is there.

    A study that is written in Python, has kinds of its own, or holds what came from another environment or
    from a checkpoint of the store is planned every time.
    """
    plan, state = study.plan, study.state
    uncertain = (
        study.file.suffix == ".py",
        bool(state.foreign),
        bool(substituted(plan, session.store)),
        any(node.kind.source for node in plan.nodes),
        any(node not in state.digests for node in plan.nodes),
    )
    if any(uncertain):
        return
    read = {place.file for place in plan.document.places.values()} | plan.document.read
    files = sorted({str(Path(path).absolute()) for path in read})
    folders = sorted({str(path.absolute()) for node in plan.nodes for path in node.files.values()})
    files = sorted({*files, *folders})
    told = {
        "schema": _SCHEMA,
        "study": plan.spec.id,
        "run": run,
        "nodes": len(plan.nodes),
        "registered": plan.spec.registered,
        "files": files,
        "basis": _basis(session, study.file, plan.spec.id, files),
        "cells": {state.keys[node]: state.digests[node] for node in plan.nodes},
    }
    path = _path(session, study.file)
    try:
        path.parent.mkdir(exist_ok=True)
        draft = path.with_name(f"{path.name}.{os.getpid()}")
        draft.write_text(json.dumps(told), encoding="utf-8")
        draft.replace(path)
    except OSError:
        # A store that cannot be written to is read all the same.
        return


def _path(session: Session, file: Path) -> Path:
    return session.store.layout.settled / f"{digest(str(file.absolute()))}.json"


def _basis(session: Session, file: Path, study: str, files: Iterable[str]) -> str:
    """Digest of all that a plan, the keys of its cells and its registration follow from."""
    return digest(
        {
            "project": [str(session.project.root), str(root_of(file)), str(session.project.site)],
            "python": list(sys.version_info[:3]),
            "files": _contents(session, [*files, str(file.absolute()), *map(str, _kinds(file))]),
            "locked": _locked(file, study),
            "environment": session.environment.training(),
            "code": _code(session),
        }
    )


def _locked(file: Path, study: str) -> list[str]:
    """Lines of the lock file that may be about a study."""
    path = file.absolute().parent / NAME
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    mine = f'{{"study": {json.dumps(study)}, '
    return [line for line in lines if line.startswith(mine) or not line.startswith('{"study": "')]


def _kinds(file: Path) -> list[Path]:
    return sorted((file.absolute().parent / "kinds").glob("*.py"))


def _contents(session: Session, files: Iterable[str]) -> Mapping[str, Any]:
    return {path: session.hash_path(Path(path)) for path in sorted(set(files))}


@cache
def _code(session: Session) -> str:
    """Digest of the source of ws-dsl; read once in a process."""
    folder = Path(ws_dsl.__file__).parent
    sources = sorted(path for path in folder.rglob("*.py"))
    return digest([[path.relative_to(folder).as_posix(), session.store.hash_file(path)] for path in sources])
