"""`new`."""

from __future__ import annotations

import json as jsonlib
import os
import re
from typing import Annotated

import typer

from ws_dsl.cli.options import AsJson
from ws_dsl.cli.output import data, say
from ws_dsl.errors import WsDslError
from ws_dsl.report.site import templates_folder
from ws_dsl.run.project import find_project, is_root

_NAME = re.compile(r"[a-z][a-z0-9]*([-_][a-z0-9]+)*")
_TEMPLATE = "starter"
"""Stem of the template's files, and in its text what stands for the name of the study."""


def new(
    name: Annotated[str, typer.Argument(help="Name of the study, such as flattery or self-rating.")],
    json: AsJson = False,
) -> None:
    """Write a commented study that runs as it is, and what it needs, into experiments/ of the project."""
    if not _NAME.fullmatch(name):
        raise WsDslError(f"{name!r} is no name for a study: write small letters, digits, - or _: my-study")
    project, templates = find_project(), templates_folder()
    rows = (templates / f"{_TEMPLATE}.jsonl").read_text(encoding="utf-8")
    study = (templates / f"{_TEMPLATE}.yaml").read_text(encoding="utf-8")
    study = study.replace(_TEMPLATE, name).replace(f"id: {name}\n", f"id: {name.replace('_', '-')}\n")
    experiments = project.root / "experiments"
    files = {experiments / f"{name}.yaml": study, experiments / "data" / f"{name}.jsonl": rows}
    for path in files:
        if path.exists():
            raise WsDslError(f"{project.shown(path)} exists already; take another name")
    schema = project.site / "schema" / "study-1.json"
    if not schema.exists():
        files[schema] = _schema()
    if not is_root(project.root):
        files[project.root / "ws-dsl.toml"] = "# This file marks the root of a project of ws-dsl.\n"
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    written = [os.path.relpath(path) for path in files]
    if json:
        data({"wrote": written})
        return
    for path in written:
        say(f"wrote {path}")
    say(f"\nRead it, then:\n  ws-dsl run {written[0]}")


def _schema() -> str:
    """From which editors complete."""
    from ws_dsl.specs.schema import study_schema

    return jsonlib.dumps(study_schema(), indent=1) + "\n"
