"""`ls`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from ws_dsl.cli.options import AsJson, NothingMatched, RegistryDir, open_session
from ws_dsl.cli.output import data, table
from ws_dsl.plan.node import address
from ws_dsl.registry.catalogue import Entry


def list_artifacts(
    kind: Annotated[str | None, typer.Argument(help="Only artifacts of this kind.")] = None,
    registry: RegistryDir = None,
    json: AsJson = False,
) -> None:
    """List the artifacts of the store, with the cells that they were last used for."""
    session = open_session(registry)
    uses: dict[str, list[dict[str, Any]]] = {}
    for found in session.store.catalogue.addresses():
        use = {"study": found.study, "step": found.step, "cell": found.cell}
        uses.setdefault(found.key, []).append(use)
    entries = [entry for entry in session.store.catalogue.artifacts() if kind in (None, entry.kind)]
    if json:
        data({"artifacts": [_record(entry, uses.get(entry.key, [])) for entry in entries]})
    if not entries:
        raise NothingMatched(f"no artifact{f' of kind {kind}' if kind else ''} in {session.store.root}")
    if not json:
        table(["key", "kind", "bytes", "time", "used as"], [_row(e, uses.get(e.key, [])) for e in entries])


def _record(entry: Entry, uses: list[dict[str, Any]]) -> dict[str, Any]:
    """An artifact under the cell that it is, and under every other that shares it."""
    first: dict[str, Any] = uses[0] if uses else {"study": None, "step": None, "cell": {}}
    return {
        "key": entry.key,
        "digest": entry.digest,
        "kind": entry.kind,
        **first,
        "also": uses[1:],
        "bytes": entry.bytes,
        "time": entry.created,
        "seconds": entry.seconds,
    }


def _row(entry: Entry, uses: list[dict[str, Any]]) -> list[str]:
    used = [f"{use['study']}:{address(use['step'], use['cell'])}" for use in uses[:2]]
    more = [f"and {len(uses) - 2} more"] if len(uses) > 2 else []
    return [entry.key[:12], entry.kind, str(entry.bytes), entry.created[:19], "; ".join([*used, *more])]
