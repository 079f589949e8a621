"""`verify`."""

from __future__ import annotations

from collections import Counter
from typing import Annotated

import typer

from ws_dsl.cli.address import find_key
from ws_dsl.cli.options import AsJson, RegistryDir, open_session
from ws_dsl.cli.output import data, say


def verify(
    key: Annotated[
        str | None, typer.Argument(help="Only this artifact, by the beginning of its key.")
    ] = None,
    registry: RegistryDir = None,
    json: AsJson = False,
) -> None:
    """Hash everything in the store again: exits 1 where anything is damaged or missing.

    Orphans, as an interrupted run leaves them, are named and harmless.
    """
    session = open_session(registry)
    found = session.store.verify(find_key(session.store, key) if key else None)
    if json:
        data({"damage": [damage._asdict() for damage in found]})
    else:
        for damage in found:
            print(f"{damage.what}: {damage.message}")
        counts = Counter(damage.what for damage in found)
        summary = (
            ", ".join(f"{count} {what}" for what, count in sorted(counts.items())) or "everything is intact"
        )
        say(f"{session.project.shown(session.store.root)}: {summary}")
    if any(damage.what != "orphaned" for damage in found):
        raise typer.Exit(1)
