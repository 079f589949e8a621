"""Publishing: a study's page as an artifact of its own, then as files of the site."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from ws_dsl import __version__
from ws_dsl.artifacts.artifact import Artifact
from ws_dsl.registry.catalogue import RUN_FILE, RUN_KIND
from ws_dsl.registry.manifest import Draft, Manifest
from ws_dsl.registry.store import Store
from ws_dsl.report.flags import foreign
from ws_dsl.report.shell import templates_folder
from ws_dsl.run.outcome import check_outcomes, decisions
from ws_dsl.run.session import Opened
from ws_dsl.specs.canonical import Json, canonical, digest

VERSION = 2
"""Raised whenever the record of a run changes its form."""

_SITE = {"fields", "links", "markdown", "reference", "search", "serve", "shell", "site", "svg"}


class Published(NamedTuple):
    """A study's page.

    Attributes:
        record: What the page says, as in `study.json`: cells, verdicts, checks.
        page: Its Markdown file.
        changed: Whether files of the site were written.
        run: Key of the run that it is the page of.
    """

    record: dict[str, Any]
    page: Path
    changed: bool
    run: str


def publish(
    opened: Opened,
    store: Store,
    site: Path,
    source: str,
    registered: str | None,
    cost: dict[str, Json],
    note: Callable[[str], None],
) -> Published:
    """Renders the page of a study whose cells all exist, unless its latest run was made from the same.

    Args:
        opened: The study.
        store: The store.
        site: The site's folder.
        source: Path of the study's file from the project's root.
        registered: Date at which the rules were locked before results, or None.
        cost: Time and counts of this run, written beside the page and kept out of it.
        note: Told when a stored page is damaged and rendered anew.

    Raises:
        DamagedError, MissingError: a result cannot be read; see `ws_dsl.run.repair`.
    """
    inputs = _inputs(opened, store, source, registered)
    manifest = _latest(opened.plan.spec.id, store, note)
    if manifest is None or {**manifest.params, "after": None} != {**inputs, "after": None}:
        manifest = _commit(store, inputs, manifest, _render(opened, store, source, registered))
    folder = site / "studies" / opened.plan.spec.id
    changed = _bring(manifest, store, folder)
    if changed or cost["made"]:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "run.json").write_text(json.dumps(cost, indent=2) + "\n", encoding="utf-8")
    return Published(json.loads(store.read(manifest, RUN_FILE)), folder / "index.md", changed, manifest.key)


def unchanged(
    study: str, run: str, store: Store, site: Path, note: Callable[[str], None]
) -> Published | None:
    """The page of a study's latest run as it is, or None where it has to be made.

    Args:
        study: Its id.
        run: Key of the run.
        store: The store.
        site: The site's folder.
        note: Told when a stored page is damaged.
    """
    manifest = _latest(study, store, note)
    if manifest is None or manifest.key != run:
        return None
    if any(manifest.params[name] != now for name, now in _machinery(store).items()):
        return None
    folder = site / "studies" / study
    changed = _bring(manifest, store, folder)
    return Published(json.loads(store.read(manifest, RUN_FILE)), folder / "index.md", changed, manifest.key)


def _latest(study: str, store: Store, note: Callable[[str], None]) -> Manifest | None:
    """The latest run of a study whose page is intact."""
    for run in store.catalogue.runs(study):
        if not store.quarantine(run.key, "damaged when its page was read"):
            return store.manifest(run.key)
        note(f"{study}: the stored page is damaged; set aside")
    return None


def _commit(store: Store, inputs: dict[str, Json], after: Manifest | None, page: Artifact) -> Manifest:
    """A new run; it names the one before, so that a study returning to what it was has a new latest run."""
    params: dict[str, Json] = {**inputs, "after": after.key if after else None}
    draft = Draft(
        key=digest({"scheme": 1, "kind": RUN_KIND, "version": VERSION, "params": params}),
        kind=RUN_KIND,
        version=VERSION,
        params=params,
        inputs={},
        environment={},
        made={},
        artifact=page,
        seconds=0.0,
        tools={"ws-dsl": __version__},
    )
    (manifest,) = store.commit([draft])
    return manifest


def _inputs(opened: Opened, store: Store, source: str, registered: str | None) -> dict[str, Json]:
    """All that the page is made from."""
    plan, state = opened.plan, opened.state
    cells = [[node.step, dict(node.labels), state.keys[node], state.digests[node]] for node in plan.nodes]
    elsewhere = foreign(plan, state)
    return {
        **({"foreign": list(elsewhere)} if elsewhere else {}),
        "study": digest(plan.document.data),
        "source": source,
        "registered": registered,
        "cells": digest(cells),
        **_machinery(store),
    }


def _machinery(store: Store) -> dict[str, Json]:
    """What writes a page."""
    templates = sorted(templates_folder().glob("*.md.j2"))
    return {
        "templates": {path.name: store.hash_file(path) for path in templates},
        "renderer": digest([store.hash_file(path) for path in _renderer()]),
    }


def _renderer() -> list[Path]:
    """Source of everything that draws or writes a page; what builds the site from it is left out."""
    sources = sorted(Path(__file__).parent.rglob("*.py"))
    return [path for path in sources if path.stem not in _SITE]


def _render(opened: Opened, store: Store, source: str, registered: str | None) -> Artifact:
    from ws_dsl.report.assemble import assemble
    from ws_dsl.report.frames import Results
    from ws_dsl.report.page import write
    from ws_dsl.run.context import Library

    plan, state = opened.plan, opened.state
    checks, decided = check_outcomes(plan, state, store), decisions(plan, state, store)
    page = assemble(Results(plan, state, Library(store)), checks, decided, source, registered)
    record: dict[str, Json] = {
        "schema": 1,
        "study": plan.spec.id,
        "file": source,
        "question": plan.spec.question,
        "verdicts": [
            {"rule": d.name, "verdict": d.verdict, "claim": d.claim, "registered": registered}
            for d in decided
        ],
        "checks": [{"check": c.name, "outcome": c.outcome, "detail": c.finding.detail} for c in checks],
        "rules": {name: rule.model_dump(mode="json") for name, rule in plan.spec.rules.items()},
        "cells": [{"step": n.step, "cell": dict(n.labels), "key": state.keys[n]} for n in plan.nodes],
    }
    with tempfile.TemporaryDirectory(prefix="ws-dsl-") as folder:
        write(page, Path(folder))
        files: dict[str, bytes | Path] = {
            path.relative_to(folder).as_posix(): path.read_bytes()
            for path in sorted(Path(folder).rglob("*"))
            if path.is_file()
        }
    return Artifact({**files, RUN_FILE: canonical(record)}, {"study": plan.spec.id})


def _bring(manifest: Manifest, store: Store, folder: Path) -> bool:
    """Makes the folder hold exactly the page's files; gives whether anything was written."""
    if not any(_differences(manifest, store, folder)):
        return False
    from filelock import FileLock

    folder.mkdir(parents=True, exist_ok=True)
    # One process at a time, and not while the site is built of these files.
    with FileLock(folder.parents[1] / "_build.lock"):
        lacking, superfluous = _differences(manifest, store, folder)
        # First what a killed run left half-written: its name is needed for the next try.
        for name in superfluous:
            (folder / name).unlink()
        for name in lacking:
            _replace(folder / name, store.read(manifest, name))
    return True


def _differences(manifest: Manifest, store: Store, folder: Path) -> tuple[list[str], list[str]]:
    """Names of files that the folder lacks or has otherwise, and of those that are none of the page's."""
    present = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    lacking = [
        name
        for name, record in manifest.files.items()
        if name not in present or store.hash_file(folder / name) != record.sha256
    ]
    return lacking, sorted(present - set(manifest.files) - {"run.json"})


def _replace(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(path.name + ".new")
    fresh.write_bytes(content)
    fresh.replace(path)
