"""`ls`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ws_dsl.cli.options import AsJson, NothingMatched, RegistryDir, open_shelf
from ws_dsl.cli.output import records, table
from ws_dsl.cli.uncollected import uncollected
from ws_dsl.plan.address import address
from ws_dsl.registry.catalogue import Entry, Use

_REPLY = "reply"


def list_artifacts(
    kind: Annotated[str | None, typer.Argument(help="Only artifacts of this kind.")] = None,
    registry: RegistryDir = None,
    json: AsJson = False,
) -> None:
    """List the artifacts of the store, with the cells that they were last used for.

    Single replies of judges are listed by `ls reply` alone.
    """
    # What is read here lives until the end: looking through it for cycles takes as long as reading it.
    with uncollected():
        _list(kind, registry, json)


def _list(kind: str | None, registry: Path | None, json: bool) -> None:
    store = open_shelf(registry).store
    entries = [
        one
        for one in store.catalogue.artifacts()
        if one.kind == kind or (kind is None and one.kind != _REPLY)
    ]
    uses = store.catalogue.uses()
    if json:
        records("artifacts", (_record(entry, uses.get(entry.key, [])) for entry in entries))
    if not entries:
        raise NothingMatched(f"no artifact{f' of kind {kind}' if kind else ''} in {store.root}")
    if not json:
        table(["key", "kind", "bytes", "time", "used as"], [_row(e, uses.get(e.key, [])) for e in entries])


def _record(entry: Entry, uses: list[Use]) -> dict[str, Any]:
    """An artifact under the cell that it is, and under every other that shares it."""
    cells = [{"study": use.study, "step": use.step, "cell": use.cell} for use in uses]
    cells = cells or [{"study": None, "step": None, "cell": {}}]
    return {
        "key": entry.key,
        "digest": entry.digest,
        "kind": entry.kind,
        **cells[0],
        "also": cells[1:],
        "bytes": entry.bytes,
        "time": entry.created,
        "seconds": entry.seconds,
    }


def _row(entry: Entry, uses: list[Use]) -> list[str]:
    used = "; ".join([f"{use.study}:{address(use.step, use.cell)}" for use in uses[:2]])
    more = f"; and {len(uses) - 2} more" if len(uses) > 2 else ""
    return [entry.key[:12], entry.kind, str(entry.bytes), entry.created[:19], used + more]
