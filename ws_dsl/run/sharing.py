"""Sharing: a study's files and its latest run into a bundle, and out of one into a project."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

from ws_dsl.errors import MissingError, WsDslError
from ws_dsl.registry.arrival import plain
from ws_dsl.registry.bundle import Exported, export
from ws_dsl.registry.catalogue import RUN_FILE
from ws_dsl.registry.manifest import Manifest
from ws_dsl.registry.store import Store
from ws_dsl.registry.unpack import Unpacked, unpacked
from ws_dsl.run.lock import NAME
from ws_dsl.run.session import Opened, Session
from ws_dsl.specs.canonical import digest

IMPORTED = "imported"
"""Folder of a project that imported studies are put in."""


class Imported(NamedTuple):
    """What an import did.

    Attributes:
        study: Id of the study.
        file: The study's file, as it was written.
        artifacts: How many artifacts the bundle has.
        new: How many of them were not in the store.
        foreign: How many of them were made in another environment than this one.
        kept: Keys of those for which the store had other bytes, which stay.
        code: Files of the study that are programs.
    """

    study: str
    file: Path
    artifacts: int
    new: int
    foreign: int
    kept: list[str]
    code: list[Path]


def latest_run(store: Store, study: str) -> Manifest:
    """The manifest of the latest run of a study.

    Raises:
        MissingError: there is none.
    """
    for run in store.catalogue.runs(study):
        manifest = store.manifest(run.key)
        if manifest is not None:
            return manifest
    raise MissingError(f"no run of {study} is in {store.root}")


def latest_keys(store: Store, study: str) -> list[str]:
    """Keys of the latest run of a study: the run's own, and those of its cells.

    Raises:
        MissingError: there is none.
    """
    run = latest_run(store, study)
    return [run.key, *(cell["key"] for cell in json.loads(store.read(run, RUN_FILE))["cells"])]


def export_study(session: Session, opened: Opened, target: Path) -> Exported:
    """Writes the latest run of a study as a bundle; see `ws_dsl.registry.bundle`.

    Raises:
        MissingError: the study was not run, or something of the run is gone.
        WsDslError: the study is not as it was run, or a file that it reads cannot travel.
    """
    run = latest_run(session.store, opened.plan.spec.id)
    record = json.loads(session.store.read(run, RUN_FILE))
    keys = [opened.state.keys.get(node) for node in opened.plan.nodes]
    shown = session.project.shown(opened.file)
    as_run = keys == [cell["key"] for cell in record["cells"]] and record["file"] == shown
    if not as_run or run.params["study"] != digest(opened.plan.document.data):
        raise WsDslError(f"{shown} is not as its latest run was; `ws-dsl run {shown}` comes first")
    return export(session.store, run, _files(session, opened), target)


def import_bundle(session: Session, bundle: Path, target: Path | None) -> Imported:
    """Brings a bundle's artifacts into the store, and the study's files into a folder.

    Args:
        session: The session.
        bundle: The bundle.
        target: Folder for the study's files; `imported/STUDY` of the project where it is None.

    Raises:
        DamagedError: something of the bundle is not what it should be; all of it is refused.
        WsDslError: a file is there with another content; nothing was brought.
    """
    with unpacked(session.store.layout, bundle) as found:
        folder = (target or session.project.root / IMPORTED / found.study).resolve()
        _refuse_clash(folder, found, session)
        known = session.store.lookup(one.key for one in found.manifests)
        standing = found.commit()
        for name, content in found.files.items():
            _put(folder / name, content)
        here = session.environment.record()
        return Imported(
            found.study,
            folder / found.file,
            len(standing),
            sum(one.key not in known for one in standing),
            sum(bool(one.environment) and one.environment != here for one in found.manifests),
            [one.key for one, own in zip(found.manifests, standing, strict=True) if one.digest != own.digest],
            [folder / name for name in found.files if name.endswith(".py")],
        )


def _files(session: Session, opened: Opened) -> dict[str, bytes | Path]:
    """The study's file, those that it extends, its data, its own kinds, and its lines of the lock file."""
    document, plan = opened.plan.document, opened.plan
    paths = {opened.file.resolve(), *(Path(place.file).resolve() for place in document.places.values())}
    paths |= {path for node in plan.nodes for path in node.files.values() if path.is_file()}
    paths |= {Path(str(node.kind.module.__file__)) for node in plan.nodes if node.kind.source}
    found: dict[str, bytes | Path] = {_name(session, path): path for path in paths}
    lock = document.folder / NAME
    lines = lock.read_text(encoding="utf-8").splitlines() if lock.is_file() else []
    mine = [line for line in lines if json.loads(line)["study"] == plan.spec.id]
    if mine:
        found[_name(session, lock)] = "".join(f"{line}\n" for line in mine).encode()
    return found


def _name(session: Session, path: Path) -> str:
    root, path = session.project.root.resolve(), path.resolve()
    if not path.is_relative_to(root):
        raise WsDslError(f"the study reads {path}, which is outside of the project {root}: copy it in first")
    name = path.relative_to(root).as_posix()
    if not plain(name):
        raise WsDslError(f"the study reads {name}: on other systems a file cannot have this name")
    return name


def _refuse_clash(folder: Path, found: Unpacked, session: Session) -> None:
    for name, content in found.files.items():
        path = folder / name
        if path.name != NAME and path.exists() and not (path.is_file() and path.read_bytes() == content):
            raise WsDslError(
                f"{session.project.shown(path)} is there with another content; nothing was imported. "
                "Give another folder with --to"
            )


def _put(path: Path, content: bytes) -> None:
    """Writes a file of a study that is not there; to a lock file it adds the lines that are not there."""
    known = path.read_bytes() if path.exists() else b""
    if path.name == NAME:
        lines = [line for line in content.splitlines() if line not in known.splitlines()]
        content = known + b"".join(line + b"\n" for line in lines)
    if content == known and path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f"{path.name}.new")
    fresh.write_bytes(content)
    fresh.replace(path)
