"""`export`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ws_dsl.cli.options import AsJson, NothingMatched, RegistryDir, open_session
from ws_dsl.cli.output import counted, data, say, size_of
from ws_dsl.cli.report import Study, find_study
from ws_dsl.run.sharing import export_study


def export(
    study: Study,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="The bundle.", show_default="STUDY.wsz")
    ] = None,
    registry: RegistryDir = None,
    json: AsJson = False,
) -> None:
    """Pack the latest run of a study, with all it rests on and its page, into one file.

    The same store gives the same bytes. `ws-dsl import` unpacks it. Exits 3 when the study was not run.
    """
    session = open_session(registry)
    opened = find_study(session, study)
    name = opened.plan.spec.id
    if not session.store.catalogue.runs(name):
        source = session.project.shown(opened.file)
        raise NothingMatched(f"no run of {name} is stored; `ws-dsl run {source}` makes one")
    made = export_study(session, opened, out or Path(f"{name}.wsz"))
    if json:
        data({"study": name, **made._asdict(), "path": str(made.path)})
    else:
        say(f"{made.path}: {name}, {counted(made.artifacts, 'artifact')}, {size_of(made.bytes)}")
