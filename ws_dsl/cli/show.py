"""`show`."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from ws_dsl.cli.address import Address, Studies, find_manifest, find_step
from ws_dsl.cli.manifest import print_manifest
from ws_dsl.cli.options import AsJson, NothingMatched, RegistryDir, open_session
from ws_dsl.cli.output import data, shown, table


def show(
    what: Address,
    format: Annotated[Literal["table", "csv", "json"], typer.Option(help="How to print it.")] = "table",
    json: AsJson = False,
    registry: RegistryDir = None,
    study: Studies = None,
) -> None:
    """Print the numbers of a step's cells, or of a key what it was made from."""
    from ws_dsl.report.frame import csv
    from ws_dsl.report.frames import Results, listing
    from ws_dsl.run.context import Library

    session = open_session(registry)
    if ":" not in what:
        print_manifest(session, find_manifest(session, what), json or format == "json")
        return
    opened, reference = find_step(session, what, study)
    cells = [node for _, node in opened.plan.view(reference)[0].entries if node is not None]
    missing = [node for node in cells if node not in opened.state.digests]
    if missing:
        raise NothingMatched(
            f"{missing[0]} was not made yet; ws-dsl run {session.project.shown(opened.file)}"
        )
    frame = listing(Results(opened.plan, opened.state, Library(session.store)), reference)
    rows = list(zip(*frame.columns.values(), strict=True))
    if json or format == "json":
        records = [dict(zip(frame.columns, values, strict=True)) for values in rows]
        data({"study": opened.plan.spec.id, "reference": reference, "rows": records})
    elif format == "csv":
        print(csv(frame).decode(), end="")
    else:
        table(list(frame.columns), [[shown(value) for value in values] for values in rows])
