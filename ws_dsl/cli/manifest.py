"""What is printed of a manifest."""

from __future__ import annotations

import json

from ws_dsl.cli.output import data, shown
from ws_dsl.registry.manifest import Manifest
from ws_dsl.run.session import Session


def print_manifest(session: Session, manifest: Manifest, as_json: bool) -> None:
    """Prints what an artifact was made from, and where its files are."""
    record = json.loads(manifest.to_json())
    if as_json:
        data({"manifest": record})
        return
    print(f"{manifest.kind} {manifest.key}")
    for name in (
        "digest",
        "version",
        "created",
        "seconds",
        "environment",
        "params",
        "made",
        "facts",
        "notes",
    ):
        if record[name] not in ({}, []):
            print(f"  {name}: {shown(record[name])}")
    for field, inputs in manifest.inputs.items():
        for one in inputs:
            print(f"  input {field}: {one.key[:12]} ({session.name_of(one.digest)})")
    for name, file in manifest.files.items():
        path = session.store.layout.object(file.sha256)
        print(f"  file {name}: {file.bytes} bytes, {session.project.shown(path)}")
