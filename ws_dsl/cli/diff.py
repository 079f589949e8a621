"""`diff`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from ws_dsl.cli.address import find_key
from ws_dsl.cli.options import AsJson, NothingMatched, RegistryDir, open_session
from ws_dsl.cli.output import data, shown
from ws_dsl.errors import WsDslError
from ws_dsl.registry.catalogue import RUN_KIND
from ws_dsl.registry.manifest import Manifest
from ws_dsl.registry.store import Store

if TYPE_CHECKING:
    from ws_dsl.artifacts.estimate import Stat
    from ws_dsl.report.diff import Difference, Moved, RowsChanged, Turned

_FEW = 5
_MANY = 40
_PAGE_ONLY = {"templates", "renderer", "after"}

Run = Annotated[
    str,
    typer.Argument(
        help="A study's id, for its latest run, or the beginning of a run's key.", show_default=False
    ),
]
Other = Annotated[
    str | None,
    typer.Argument(help="The later run; where it is left out, RUN is compared with the one before it."),
]


def diff(run: Run, other: Other = None, registry: RegistryDir = None, json: AsJson = False) -> None:
    """Say what tells two runs of a study apart: specs, data, versions, verdicts, checks, numbers.

    A number moved beyond its interval when its new value is outside its old one. Keys of runs are listed by
    `ws-dsl ls study_run`. Exits 0 whether or not the runs differ (`same` in the JSON says so), and 3 when
    there is no such run.
    """
    from ws_dsl.report.diff import difference

    session = open_session(registry)
    store = session.store
    new = _run(store, other or run)
    old = _run(store, run) if other else _before(store, new)
    found = difference(old, new, store, lambda run: run.derivation, session.name_of)
    if json:
        data({"old": _who(old), "new": _who(new), "same": found.same, **_record(found)})
        return
    print(f"{_title(old)} → {_title(new)}")
    for line in _lines(found) or ["nothing differs"]:
        print(line)


def _run(store: Store, name: str) -> Manifest:
    """A run by the id of its study, or by the beginning of its key."""
    runs = store.catalogue.runs(name)
    manifest = store.manifest(runs[0].key if runs else find_key(store, name))
    if manifest is None or manifest.kind != RUN_KIND:
        kind = manifest.kind if manifest else "nothing"
        raise WsDslError(
            f"{name} is no run of a study but {kind}; ws-dsl why {name} says what it is made from"
        )
    return manifest


def _before(store: Store, run: Manifest) -> Manifest:
    """The run before, those that only drew the same page anew left out."""
    last, wanted = run, {name: value for name, value in run.params.items() if name not in _PAGE_ONLY}
    while (after := last.params.get("after")) is not None:
        found = store.manifest(str(after))
        if found is None:
            break
        last = found
        if any(found.params.get(name) != value for name, value in wanted.items()):
            return found
    if last is run:
        raise NothingMatched(f"{run.facts['study']} has no run before {run.key[:12]}")
    return last


def _who(run: Manifest) -> dict[str, Any]:
    return {"key": run.key, "study": run.facts["study"], "file": run.params["source"], "created": run.created}


def _title(run: Manifest) -> str:
    return f"{run.facts['study']} {run.key[:12]} ({run.created[:16].replace('T', ' ')})"


def _record(found: Difference) -> dict[str, Any]:
    return {
        "added": found.added,
        "removed": found.removed,
        "lost": found.lost,
        "causes": [
            {"cells": one.cells, "why": one.why, "rows": _rows_record(one.rows) if one.rows else None}
            for one in found.causes
        ],
        "consequences": found.consequences,
        "rules": found.rules,
        **{
            name: [one._asdict() for one in turned]
            for name, turned in (
                ("verdicts", found.verdicts),
                ("checks", found.checks),
                ("found", found.found),
            )
        },
        "moved": [
            {**one._asdict(), "old": one.old._asdict(), "new": one.new._asdict()} for one in found.moved
        ],
    }


def _rows_record(rows: RowsChanged) -> dict[str, Any]:
    return {**rows._asdict(), "changed": [one._asdict() for one in rows.changed]}


def _lines(found: Difference) -> list[str]:
    lines = [*_turns("verdicts", found.verdicts), *_turns("checks", found.checks)]
    lines += _part("rules", found.rules)
    for cause in found.causes:
        lines.append(f"{_some(cause.cells)}:")
        lines += [f"  {why}" for why in cause.why]
        lines += _row_lines(cause.rows) if cause.rows else []
    follow = [f"{step} ({count})" for step, count in found.consequences.items()]
    lines += _part("what follows from that", [", ".join(follow)] if follow else [])
    for name, cells in (("new cells", found.added), ("gone", found.removed), ("lost", found.lost)):
        lines += _part(name, [_some(cells)] if cells else [])
    lines += _turns("found", found.found)
    return lines + _numbers(found.moved)


def _part(name: str, lines: list[str]) -> list[str]:
    return [f"{name}:", *(f"  {line}" for line in lines)] if lines else []


def _turns(name: str, turned: list[Turned]) -> list[str]:
    return _part(name, [f"{one.name}: {one.old or '–'} → {one.new or '–'}" for one in turned])


def _some(cells: list[str]) -> str:
    more = f" and {len(cells) - _FEW} more" if len(cells) > _FEW else ""
    return ", ".join(cells[:_FEW]) + more


def _row_lines(rows: RowsChanged) -> list[str]:
    lines = [
        f"  rows {name}: {_some(keys)}"
        for name, keys in (("new", rows.added), ("gone", rows.removed))
        if keys
    ]
    for one in rows.changed[:_FEW]:
        told = "; ".join(f"{name} {shown(a)} → {shown(b)}" for name, (a, b) in one.columns.items())
        lines.append(f"  row {one.row}: {told}")
    return lines + ([f"  and {len(rows.changed) - _FEW} more rows"] if len(rows.changed) > _FEW else [])


def _numbers(moved: list[Moved]) -> list[str]:
    if not moved:
        return []
    beyond = sum(one.beyond is True for one in moved)
    lines = [f"numbers: {len(moved)} moved, {beyond} of them beyond their earlier interval"]
    for one in moved[:_MANY]:
        mark = "!" if one.beyond else " "
        lines.append(f"{mark} {one.cell} {one.statistic}: {_stat(one.old)} → {_stat(one.new)}")
    return lines + ([f"  and {len(moved) - _MANY} more (--json)"] if len(moved) > _MANY else [])


def _stat(stat: Stat) -> str:
    if stat.value is None:
        return f"undefined ({stat.reason})"
    interval = f" [{stat.low:.4g}, {stat.high:.4g}]" if stat.low is not None and stat.high is not None else ""
    return f"{stat.value:.4g}{interval} n={stat.n}"
