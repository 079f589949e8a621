"""`verify`, `lock`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from ws_dsl.cli.options import AsJson, Paths, RegistryDir, open_session, open_studies
from ws_dsl.cli.output import data, say
from ws_dsl.specs import types


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    app.command()(verify)
    app.command()(lock)


def verify(
    key: Annotated[
        str | None, typer.Argument(help="Only this artifact, by the beginning of its key.")
    ] = None,
    registry: RegistryDir = None,
    json: AsJson = False,
) -> None:
    """Hash everything in the store again: exits 1 where anything is damaged, missing or orphaned."""
    session = open_session(registry)
    store = session.store
    found = store.verify(store.resolve(key) if key else None)
    if json:
        data({"damage": [damage._asdict() for damage in found]})
    else:
        for damage in found:
            print(damage)
        say(f"{session.project.registry}: {len(found) or 'nothing'} damaged, missing or orphaned")
    if found:
        raise typer.Exit(1)


def lock(paths: Paths, registry: RegistryDir = None) -> None:
    """Register the rules of studies before results: later changes are printed as post hoc."""
    from ws_dsl.run.lock import lock as append

    session = open_session(registry)
    today = datetime.now(UTC).date().isoformat()
    for study in open_studies(session, paths):
        estimates = [
            n for n in study.plan.nodes if types.Estimate in n.types and n in study.state.digests
        ]
        entry = append(study.plan, today, sorted({study.state.digests[node] for node in estimates}))
        if entry is None:
            say(f"{study.plan.spec.id}: these rules are registered already")
        else:
            late = (
                f", after {len(entry.results)} results existed: they stay post hoc" if entry.results else ""
            )
            say(f"{study.plan.spec.id}: registered {entry.registered}{late}")
