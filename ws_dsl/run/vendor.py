"""Vendoring: the files of a checkpoint in the store, for when its folder or the Hub's cache is gone.

The record of a checkpoint names its files by their digests. Once they are objects of the store they go where
the record goes, into bundles and to remotes, and stay as long as it stays. A folder of links to them takes
the place of one that is missing. What is missing is known by its repository and revision, or by the name of
the folder; where the store has two models of one name neither is taken.
"""

from __future__ import annotations

import os
import secrets
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from ws_dsl.errors import RegistryError
from ws_dsl.plan.node import Node
from ws_dsl.plan.plan import Plan
from ws_dsl.registry.manifest import Manifest
from ws_dsl.registry.store import Store
from ws_dsl.specs.canonical import digest
from ws_dsl.specs.checkpoint import defining_files

KIND = "hf_model"


class Vendored(NamedTuple):
    """Checkpoints whose files are in the store."""

    files: int
    bytes: int


def vendor(plan: Plan, store: Store) -> Vendored:
    """Copies the files of a study's checkpoints into the store, those that it lacks.

    Raises:
        RegistryError: the store cannot be written.
    """
    folders = {path for _, _, path in _folders(plan)}
    files = {path.resolve() for folder in folders for path in _files(folder)}
    for path in sorted(files):
        store.import_file(path)
    return Vendored(len(files), sum(path.stat().st_size for path in files))


def substitute(plan: Plan, store: Store) -> None:
    """Puts what is in the store in the place of checkpoint folders that are missing."""
    known: dict[Path, Path | None] = {}
    for node, field, path in _folders(plan):
        if not path.exists():
            if path not in known:
                known[path] = _folder(store, path)
            node.files[field] = known[path] or path


def told(plan: Plan, store: Store) -> list[str]:
    """A line for each step whose checkpoint was put in the place of a missing one."""
    steps = [node.step for node, _, path in _folders(plan) if path.is_relative_to(store.layout.models)]
    return [
        f"{step}: its folder is not there; its files in the store are taken" for step in dict.fromkeys(steps)
    ]


def _folders(plan: Plan) -> list[tuple[Node, str, Path]]:
    """Checkpoint folders of a study, with the nodes and fields that name them."""
    nodes = [node for node in plan.nodes if node.kind.name == KIND]
    return [(node, field, path) for node in nodes for field, path in node.files.items()]


def _files(folder: Path) -> list[Path]:
    return [folder / name for name in defining_files(folder)]


def _folder(store: Store, missing: Path) -> Path | None:
    """A folder of the files that a missing one had; None where they are not all intact in the store."""
    keys = [entry.key for entry in store.catalogue.artifacts() if entry.kind == KIND]
    found: dict[str, dict[str, str]] = {}
    for key in keys:
        with suppress(RegistryError):
            manifest = store.require(key)
            files: Any = manifest.params["path"]
            if _is_of(manifest, missing) and all(store.layout.object(one).exists() for one in files.values()):
                found[digest(files)] = files
    if len(found) != 1:
        return None
    ((name, files),) = found.items()
    folder = store.layout.models / name / missing.name
    with suppress(OSError):
        if not folder.is_dir():
            _link(store, folder, files)
        if all(store.hash_file(folder / one) == sha256 for one, sha256 in files.items()):
            return folder
    return None


def _is_of(manifest: Manifest, missing: Path) -> bool:
    title, revision = str(manifest.facts["title"]), manifest.facts.get("revision")
    if revision is None:
        return missing.name == title
    return missing.parts[-3:] == (f"models--{title.replace('/', '--')}", "snapshots", revision)


def _link(store: Store, folder: Path, files: dict[str, str]) -> None:
    """Makes a folder of links, whole or not at all."""
    fresh = folder.parent / f".{folder.name}-{secrets.token_hex(8)}"
    for name, sha256 in files.items():
        link = fresh / name
        link.parent.mkdir(parents=True, exist_ok=True)
        # As seen from where the folder will be, so that a store can be moved.
        link.symlink_to(os.path.relpath(store.layout.object(sha256), (folder / name).parent))
    try:
        os.rename(fresh, folder)
    except OSError:
        shutil.rmtree(fresh)
