"""`verify`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Annotated, Any

import typer

from ws_dsl.cli.address import find_key
from ws_dsl.cli.options import AsJson, RegistryDir, open_session
from ws_dsl.cli.output import counted, data, say
from ws_dsl.plan.address import address
from ws_dsl.registry.catalogue import Address, Run
from ws_dsl.registry.store import Store

_SHOWN = 5


def verify(
    key: Annotated[
        str | None, typer.Argument(help="Only this artifact, by the beginning of its key.")
    ] = None,
    deep: Annotated[
        bool,
        typer.Option(
            "--deep", help="Also compare keys, inputs, catalogue, tags and files outside with each other."
        ),
    ] = False,
    repair: Annotated[
        bool, typer.Option("--repair", help="Set aside what is damaged, so that it is made anew.")
    ] = False,
    registry: RegistryDir = None,
    json: AsJson = False,
) -> None:
    """Hash everything in the store again: exits 1 where anything is damaged or missing.

    Orphans, as an interrupted run leaves them, are named and harmless. What `--repair` sets aside is kept in
    the store's quarantine and never served.
    """
    session = open_session(registry)
    store = session.store
    only = find_key(store, key) if key else None
    found = store.verify(only)
    if deep:
        found += [damage for damage in store.cross_check() if only in (None, damage.key)]
    wrong = [damage for damage in found if not damage.harmless]
    conflicts = store.conflicts(only)
    addresses, runs = store.catalogue.addresses(), store.catalogue.runs()
    freed = store.mend(wrong) if repair and wrong else []
    anew = _anew(freed, addresses, runs)
    if json:
        data(
            {
                "damage": [damage._asdict() for damage in found],
                "nondeterministic": [conflict._asdict() for conflict in conflicts],
                "set_aside": freed,
                "recompute": anew,
            }
        )
    else:
        for damage in found:
            print(f"{damage.what}: {damage.message}")
        for conflict in conflicts:
            print(
                f"nondeterministic: {conflict.key[:12]} was made again on {conflict.created[:10]} with other "
                f"bytes in {', '.join(conflict.differing)}; the first stay"
            )
        _tell(freed, anew)
        say(f"{session.project.shown(store.root)}: {_summary(store, found)}")
        if wrong and not repair:
            say("`ws-dsl verify --repair` sets it aside, to be made anew")
    if wrong:
        raise typer.Exit(1)


def _anew(freed: list[str], addresses: Iterable[Address], runs: list[Run]) -> list[dict[str, Any]]:
    """What the next run of each study makes anew."""
    free = set(freed)
    files = {run.study: run.file for run in reversed(runs)}
    cells: dict[str, list[str]] = {}
    for one in addresses:
        if one.key in free:
            cells.setdefault(one.study, []).append(address(one.step, one.cell))
    for run in runs:
        if run.key in free:
            cells.setdefault(run.study, []).append("its page")
    return [{"study": study, "file": files[study], "cells": cells[study]} for study in sorted(cells)]


def _tell(freed: list[str], anew: list[dict[str, Any]]) -> None:
    if not freed:
        return
    print(f"set aside: {counted(len(freed), 'artifact')}")
    for study in anew:
        cells = study["cells"]
        more = f" and {len(cells) - _SHOWN} more" if len(cells) > _SHOWN else ""
        print(
            f"  {study['study']} makes anew: {', '.join(cells[:_SHOWN])}{more}  (ws-dsl run {study['file']})"
        )
    if not anew:
        print("  no study's latest run used it")


def _summary(store: Store, found: list[Any]) -> str:
    counts = Counter(damage.what for damage in found)
    if not counts:
        return f"{counted(len(store.catalogue.artifacts()), 'artifact')}, everything is intact"
    return ", ".join(f"{count} {what}" for what, count in sorted(counts.items()))
