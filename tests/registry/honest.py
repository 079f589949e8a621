"""Artifacts whose keys follow from what they say they were made from, as those of a run do."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.registry.conftest import build_draft
from ws_dsl.plan.keys import key_of
from ws_dsl.registry import Draft, Manifest, Store
from ws_dsl.registry.catalogue import RUN_KIND
from ws_dsl.specs.canonical import digest

NOWHERE = {"device": "cpu", "torch": "1.0"}


def honest(name: str, files: Mapping[str, bytes | Path] | None = None, **changes: Any) -> Draft:
    draft = build_draft(name, files, **{"inputs": {}, "params": {"name": name}, **changes})
    made = Manifest.of(draft, {}, "")
    return replace(draft, key=key_of(made.derivation))


def honest_run(study: str, cells: list[Draft], files: Mapping[str, bytes] | None = None) -> Draft:
    """A run of a study that has these cells, with a page."""
    record = {
        "study": study,
        "file": f"experiments/{study}.yaml",
        "cells": [{"step": "step", "cell": {"n": str(n)}, "key": one.key} for n, one in enumerate(cells)],
    }
    params = {"study": study, "cells": [one.key for one in cells]}
    content = {"index.md": b"# A page\n", "study.json": json.dumps(record).encode(), **(files or {})}
    draft = build_draft(study, content, kind=RUN_KIND, version=2, params=params, inputs={}, environment={})
    key = digest({"scheme": 1, "kind": RUN_KIND, "version": 2, "params": params})
    return replace(draft, key=key, artifact=draft.artifact._replace(facts={"study": study}))


def filled(root: Path, study: str = "small", cells: int = 6) -> tuple[Store, Manifest]:
    """A store with a run of a study and a snapshot that one of its cells mentions."""
    store = Store(root)
    outside = root.parent / f"{root.name}-claims.jsonl"
    outside.write_bytes(b'{"id": 1}\n' * 10)
    snapshot = store.import_file(outside)
    drafts = [honest(f"{study}-{n}", environment=NOWHERE if n % 2 else {}) for n in range(cells)]
    drafts.append(honest(f"{study}-data", params={"path": snapshot, "study": study}, environment={}))
    store.commit(drafts)
    (run,) = store.commit([honest_run(study, drafts)])
    return store, run


def judged(root: Path) -> tuple[Store, Manifest, list[str]]:
    """A store with two runs of a study, the last of which has a table that names replies by their keys."""
    store = Store(root)
    replies = [
        honest(f"reply-{n}", {"reply.json": b"%d" % n}, kind="reply", environment={}) for n in range(5)
    ]
    names = json.dumps({"replies": [one.key for one in replies[:3]]}).encode()
    table = honest("judge", {"table.arrow": b"grades", "replies.json": names}, kind="judge")
    former = honest("former", {"table.arrow": b"other grades"})
    store.commit([*replies, table, former])
    (before,) = store.commit([honest_run("judged", [former])])
    (run,) = store.commit(
        [honest_run("judged", [table], {"other.json": json.dumps({"before": before.key}).encode()})]
    )
    return store, run, [one.key for one in replies[:3]]


def contents(store: Store) -> dict[str, bytes]:
    """Objects and manifests of a store, by path."""
    folders = (store.layout.objects, store.layout.manifests)
    return {
        path.relative_to(store.root).as_posix(): path.read_bytes()
        for folder in folders
        for path in folder.glob("*/*")
    }
