"""`report`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ws_dsl.cli.options import AsJson, NothingMatched, RegistryDir, SiteDir, open_session
from ws_dsl.cli.output import data, say
from ws_dsl.errors import WsDslError
from ws_dsl.report.publish import publish
from ws_dsl.report.site import build
from ws_dsl.run.foreign import told
from ws_dsl.run.lock import registered
from ws_dsl.run.project import studies
from ws_dsl.run.session import Opened, Session

_SHOWN = 10

Study = Annotated[str, typer.Argument(help="A study's file, or its id.", show_default=False)]


def report(study: Study, registry: RegistryDir = None, site: SiteDir = None, json: AsJson = False) -> None:
    """Write the page of a study from what is stored; runs nothing.

    Exits 3 when a result is not stored, and says which.
    """
    session = open_session(registry, site)
    opened = find_study(session, study)
    source = session.project.shown(opened.file)
    missing = opened.state.missing(opened.plan.nodes)
    if missing:
        named = [str(node) for node in missing[:_SHOWN]]
        more = [f"and {len(missing) - _SHOWN} more"] if len(missing) > _SHOWN else []
        raise NothingMatched(
            f"{opened.plan.spec.id}: {len(missing)} of {len(opened.plan.nodes)} cells are not stored:\n  "
            + "\n  ".join([*named, *more])
            + f"\nws-dsl run {source} makes them"
        )
    for line in told(opened.state):
        say(f"{opened.plan.spec.id}: {line}")
    when = registered(opened.plan, opened.state)
    cost = {"made": 0, "cells": len(opened.plan.nodes), "rows": 0, "seconds": 0.0}
    published = publish(opened, session.store, session.project.site, source, when, dict(cost), say)
    index = build(session.project.site).folder / "index.html"
    if json:
        found = {
            "study": opened.plan.spec.id,
            "page": str(published.page),
            "site": str(index),
            "changed": published.changed,
            "verdicts": published.record["verdicts"],
            "checks": published.record["checks"],
        }
        data(found)
    else:
        state = "written" if published.changed else "as it was"
        say(f"{opened.plan.spec.id}: {session.project.shown(published.page)} {state}")
        say(f"site: {session.project.shown(index)}")


def find_study(session: Session, name: str) -> Opened:
    """The study of a file, or that of an id among those in `experiments/`.

    Raises:
        NothingMatched: there is none.
        SpecError: it cannot be planned.
    """
    if Path(name).suffix or Path(name).is_file():
        return session.open_all(studies([Path(name)]))[0]
    folder = session.project.root / "experiments"
    known: list[str] = []
    for file in studies([folder]) if folder.is_dir() else []:
        try:
            opened = session.open(file)
        except WsDslError:
            if file.stem == name:
                raise
            continue
        if name in (opened.plan.spec.id, file.stem):
            return opened
        known.append(opened.plan.spec.id)
    hint = f" (there are {', '.join(known)})" if known else ""
    raise NothingMatched(f"there is no study {name!r} in {session.project.shown(folder)}{hint}")
