"""`ls`, `show`, `explain`, `why`."""

from __future__ import annotations

import json as jsonlib
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from ws_dsl.cli.options import AsJson, NothingMatched, RegistryDir, default_paths, open_session
from ws_dsl.cli.output import data, table
from ws_dsl.errors import WsDslError
from ws_dsl.plan.node import address
from ws_dsl.plan.why import changes
from ws_dsl.registry.manifest import Manifest
from ws_dsl.run.project import studies
from ws_dsl.run.session import Opened, Session

Address = Annotated[str, typer.Argument(help="STUDY:STEP, STUDY:STEP[axis=label], or the beginning of a key.")]
Studies = Annotated[list[Path] | None, typer.Option("--study", help="Study files to look in; experiments/ by default.")]


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    app.command("ls")(list_artifacts)
    app.command()(show)
    app.command()(explain)
    app.command()(why)


def list_artifacts(
    kind: Annotated[str | None, typer.Argument(help="Only artifacts of this kind.")] = None,
    registry: RegistryDir = None,
    json: AsJson = False,
) -> None:
    """List the artifacts of the store, with the cells that they were last used for."""
    session = open_session(registry)
    where: dict[str, list[dict[str, Any]]] = {}
    for found in session.store.catalogue.addresses():
        where.setdefault(found.key, []).append({"study": found.study, "step": found.step, "cell": dict(found.cell)})
    entries = [entry for entry in session.store.catalogue.artifacts() if kind in (None, entry.kind)]
    if json:
        listed = [{**entry._asdict(), "cells": where.get(entry.key, [])} for entry in entries]
        data({"artifacts": listed})
        return
    if not entries:
        raise NothingMatched(f"no artifact{f' of kind {kind}' if kind else ''} in {session.project.registry}")
    rows = [
        [
            entry.key[:12],
            entry.kind,
            str(entry.bytes),
            entry.created[:19],
            "; ".join(f"{w['study']}:{address(w['step'], w['cell'])}" for w in where.get(entry.key, [])[:2]),
        ]
        for entry in entries
    ]
    table(["key", "kind", "bytes", "created", "used as"], rows)


def show(
    what: Address,
    format: Annotated[Literal["table", "csv", "json"], typer.Option(help="How to print it.")] = "table",
    registry: RegistryDir = None,
    study: Studies = None,
) -> None:
    """Print the numbers of a step's cells."""
    from ws_dsl.report.frame import csv
    from ws_dsl.report.frames import Frame, Results, columns_of, long
    from ws_dsl.run.context import Library

    session = open_session(registry)
    if ":" not in what:
        manifest = _manifest(session, what)
        _print_manifest(session, manifest, format)
        return
    opened, reference = _find(session, what, study)
    relation, _ = opened.plan.view(reference)
    missing = [node for _, node in relation.entries if node is not None and node not in opened.state.digests]
    if missing:
        raise NothingMatched(f"{missing[0]} was not made yet; ws-dsl run {session.project.shown(opened.file)}")
    results = Results(opened.plan, opened.state, Library(session.store))
    frame = Frame(columns_of(long(results, reference).records))
    if format == "csv":
        print(csv(frame).decode(), end="")
    elif format == "json":
        rows = [dict(zip(frame.columns, values, strict=True)) for values in zip(*frame.columns.values(), strict=True)]
        data({"study": opened.plan.spec.id, "reference": reference, "rows": rows})
    else:
        rows = [[_shown(value) for value in values] for values in zip(*frame.columns.values(), strict=True)]
        table(list(frame.columns), rows)


def explain(what: Annotated[str, typer.Argument(help="A kind, or the beginning of a key.")], registry: RegistryDir = None, json: AsJson = False) -> None:
    """Print what a kind does, or what an artifact was made from."""
    from ws_dsl.specs import kinds

    session = open_session(registry)
    own = session.project.root / "experiments" / "kinds"
    if own.is_dir():
        kinds.add_folder(own)
    if what in kinds.names():
        kind = kinds.find(what)
        if json:
            data({"kind": what, "version": kind.version, "documentation": kind.documentation, "fields": list(kind.spec.model_fields)})
            return
        print(kind.documentation)
        print("\nFields")
        for name, field in kind.spec.model_fields.items():
            needed = "required" if field.is_required() else f"default {_default(field.default)}"
            print(f"    {name}: {_type(field.annotation)} ({needed})")
        return
    try:
        manifest = _manifest(session, what)
    except WsDslError:
        raise kinds.UnknownKind(what, kinds.names()) from None
    _print_manifest(session, manifest, "json" if json else "table")


def why(what: Address, registry: RegistryDir = None, study: Studies = None, json: AsJson = False) -> None:
    """Say why cells are cached, stale or new; of a key, what it was made from."""
    session = open_session(registry)
    if ":" not in what:
        _print_manifest(session, _manifest(session, what), "json" if json else "table")
        return
    opened, reference = _find(session, what, study)
    relation, _ = opened.plan.view(reference)
    found: list[dict[str, Any]] = []
    for labels, node in relation.entries:
        if node is None:
            continue
        found.append({"cell": address(reference, labels), "key": opened.state.keys.get(node), **_why(session, opened, node)})
    if json:
        data({"study": opened.plan.spec.id, "cells": found})
        return
    for cell in found:
        print(f"{cell['cell']}  {(cell['key'] or '')[:12]}  {cell['status']}")
        for reason in cell["why"]:
            print(f"  {reason}")


def _why(session: Session, opened: Opened, node: Any) -> dict[str, Any]:
    plan, state = opened.plan, opened.state
    status = state.status(node)
    if status == "waiting":
        waits = [str(edge.node) for edge in node.edges() if edge.node not in state.digests]
        return {"status": status, "why": [f"unknown until {name} exists" for name in dict.fromkeys(waits)]}
    if status == "cached":
        manifest = session.store.manifest(state.keys[node])
        return {"status": status, "why": [f"made {manifest.created[:19]} in {manifest.seconds:.2f} s"] if manifest else []}
    previous = session.store.catalogue.previous(plan.spec.id, node.step, node.labels)
    manifest = session.store.manifest(previous) if previous else None
    if manifest is None:
        return {"status": "new", "why": ["no run of this study had this cell"]}
    reasons = changes(session.derivation(manifest), state.derivations[node], session.name_of)
    return {"status": "stale", "why": reasons or ["its artifact is not in the store any more"]}


def _find(session: Session, what: str, given: list[Path] | None) -> tuple[Opened, str]:
    """The study and the reference of STUDY:STEP."""
    name, _, reference = what.partition(":")
    for file in studies(default_paths(session.project, given)):
        opened = session.open(file)
        if name in (opened.plan.spec.id, file.stem):
            step = reference.split("[")[0].split(".")[0].strip()
            if step not in opened.plan.relations:
                steps = ", ".join(opened.plan.relations)
                raise NothingMatched(f"{name} has no step {step!r}\nsteps: {steps}")
            try:
                opened.plan.view(reference)
            except ValueError as error:
                raise NothingMatched(str(error)) from None
            return opened, reference
    raise NothingMatched(f"there is no study {name!r}; name its file with --study")


def _manifest(session: Session, prefix: str) -> Manifest:
    manifest = session.store.manifest(session.store.resolve(prefix))
    assert manifest is not None
    return manifest


def _print_manifest(session: Session, manifest: Manifest, format: str) -> None:
    record = jsonlib.loads(manifest.to_json())
    if format == "json":
        data({"manifest": record})
        return
    print(f"{manifest.kind} {manifest.key}")
    for name in ("digest", "version", "created", "seconds", "environment", "params", "made", "facts"):
        if record[name] not in ({}, []):
            print(f"  {name}: {_shown(record[name])}")
    for field, inputs in manifest.inputs.items():
        for one in inputs:
            print(f"  input {field}: {one.key[:12]} ({session.name_of(one.digest)})")
    for name, file in manifest.files.items():
        print(f"  file {name}: {file.bytes} bytes, {session.project.shown(session.store.object_path(file.sha256))}")


def _shown(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    if value is None:
        return "–"
    return value if isinstance(value, str) else jsonlib.dumps(value, ensure_ascii=False)


def _default(value: Any) -> str:
    reference = getattr(value, "reference", None)
    return str(reference) if reference is not None else repr(value)


def _type(annotation: Any) -> str:
    text = str(annotation)
    for long, short in (("ws_dsl.specs.kind.", ""), ("ws_dsl.specs.types.", ""), ("typing.", ""), ("<class '", ""), ("'>", "")):
        text = text.replace(long, short)
    return text
