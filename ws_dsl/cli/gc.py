"""`gc`."""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Any

import typer

from ws_dsl.cli.options import AsJson, NothingMatched, RegistryDir, open_shelf
from ws_dsl.cli.output import counted, data, say, size_of
from ws_dsl.registry.gc import GRACE, Collection, Rubbish, Wish

_DAY = 86_400.0
_SHOWN = 10


def gc(
    apply: Annotated[
        bool, typer.Option("--apply", help="Remove it; otherwise only say what would go.")
    ] = False,
    grace: Annotated[
        float,
        typer.Option("--grace", help="Days for which what belongs to no finished run is kept.", min=0.0),
    ] = GRACE / _DAY,
    forget: Annotated[
        list[str] | None,
        typer.Option("--forget", help="Keep nothing for this study; repeatable.", metavar="STUDY"),
    ] = None,
    quarantine: Annotated[
        bool, typer.Option("--quarantine", help="Also what was set aside as damaged.")
    ] = False,
    registry: RegistryDir = None,
    json: AsJson = False,
) -> None:
    """Say what no study needs any more, and with `--apply` remove it.

    Kept are the latest run of every study file, tags, whatever runs under way may use, all that these were
    made from, and for a week what an interrupted run left.
    """
    shelf = open_shelf(registry)
    known = {run.study for run in shelf.store.catalogue.runs()}
    if unknown := set(forget or []) - known:
        raise NothingMatched(
            f"no run of {', '.join(sorted(unknown))} is in {shelf.project.shown(shelf.store.root)}"
            f" (studies: {', '.join(sorted(known)) or 'none'})"
        )
    wish = Wish(grace * _DAY, frozenset(forget or []), quarantine)
    found = shelf.store.collect(wish) if apply else shelf.store.survey(wish)
    if json:
        data(_record(found, apply))
    else:
        _show(found, apply, grace)
    if found.damaged:
        raise typer.Exit(1)


def _record(found: Collection, applied: bool) -> dict[str, Any]:
    return {
        "applied": applied,
        "rubbish": [{**one._asdict(), "runs": list(one.runs)} for one in found.rubbish],
        "bytes": sum(one.bytes for one in found.rubbish),
        "kept": {"artifacts": found.artifacts, "young": found.young, "live": found.live, "tags": found.tags},
        "quarantine": {"count": found.quarantine, "bytes": found.quarantine_bytes},
        "damaged": found.damaged,
    }


def _show(found: Collection, applied: bool, grace: float) -> None:
    by_what: dict[str, list[Rubbish]] = {}
    for one in found.rubbish:
        by_what.setdefault(one.what, []).append(one)
    total = size_of(sum(one.bytes for one in found.rubbish))
    artifacts = by_what.get("artifact", [])
    print(
        f"{'removed' if applied else 'would remove'}: {counted(len(artifacts), 'artifact')}, {total} in all"
    )
    kinds = Counter(one.kind for one in artifacts)
    sizes = Counter[str]()
    for one in found.rubbish:
        sizes[one.kind] += one.bytes
    for kind, count in sorted(kinds.items()):
        print(f"  {kind}: {count}, {size_of(sizes[kind])}")
    for line in _from_runs(found, artifacts):
        print(f"  {line}")
    for what, name in (
        ("object", "object that nothing mentions"),
        ("arrival", "note on an artifact that came from elsewhere"),
        ("conflict", "record of other bytes for an artifact"),
        ("index", "index that is made anew when it is needed"),
        ("attempt", "folder of an interrupted commit"),
        ("lease", "lease of a dead process"),
        ("quarantine", "thing set aside"),
    ):
        ones = [one for one in by_what.get(what, []) if not one.kind]
        if ones:
            print(f"  {_plural(len(ones), name)}: {size_of(sum(one.bytes for one in ones))}")
    young = f", {found.young} of them for less than {grace:g} days" if found.young else ""
    latest = f"{counted(len(found.tags), 'tag')}, {counted(len(found.live), 'run')} under way"
    print(f"kept: {counted(found.artifacts, 'artifact')}{young}; {latest}")
    for live in found.live:
        print(f"  under way: {live}")
    if found.quarantine and "quarantine" not in by_what:
        print(
            f"set aside: {found.quarantine}, {size_of(found.quarantine_bytes)}; --quarantine takes them too"
        )
    for line in found.damaged:
        say(f"{line}; nothing is removed until it is mended (ws-dsl verify --repair)")
    if found.rubbish and not applied:
        say("nothing was removed; --apply does it")


def _from_runs(found: Collection, artifacts: list[Rubbish]) -> list[str]:
    """Which runs what goes is of."""
    cells = Counter(run for one in artifacts for run in one.runs)
    ordered = sorted(cells, key=lambda run: found.runs[run].created, reverse=True)
    lines = [
        f"of {found.runs[run].study}, run of {found.runs[run].created[:19]}: {counted(cells[run], 'cell')}"
        for run in ordered[:_SHOWN]
    ]
    if len(ordered) > _SHOWN:
        lines.append(f"of {counted(len(ordered) - _SHOWN, 'earlier run')}")
    loose = sum(not one.runs and one.kind != "study_run" for one in artifacts)
    return lines + ([f"of no finished run: {counted(loose, 'artifact')}"] if loose else [])


def _plural(count: int, name: str) -> str:
    noun, _, rest = name.partition(" ")
    return f"{counted(count, noun)} {rest}"
