"""`run`, `plan`, `check`."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import typer

from ws_dsl.cli.options import AsJson, Device, ModelSource, Paths, RegistryDir, SiteDir, open_session, open_studies
from ws_dsl.cli.output import data, progress, say
from ws_dsl.errors import WsDslError
from ws_dsl.plan.why import changes
from ws_dsl.run.session import Opened, Session


class Interrupted(WsDslError):
    """Ctrl-C: what was made is kept."""

    exit_code = 130


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    app.command()(run)
    app.command()(plan)
    app.command()(check)


def run(
    paths: Paths,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be made.")] = False,
    model: ModelSource = None,
    device: Device = "cpu",
    registry: RegistryDir = None,
    site: SiteDir = None,
    json: AsJson = False,
) -> None:
    """Make what is missing, check it, and publish the pages.

    Exits 1 when a check fails, 2 when a study cannot be planned, 3 when there is none.
    """
    session = open_session(registry, site, device)
    opened = open_studies(session, paths, model)
    if dry_run:
        _show_plans(session, opened, json)
        return
    results: list[dict[str, Any]] = []
    try:
        for study in opened:
            results.append(_run_one(session, study))
    except KeyboardInterrupt:
        raise Interrupted("Interrupted. What was made is kept; the same command goes on from there.") from None
    built = _build_site(session, [Path(result["page"]) for result in results])
    if json:
        data({"studies": results, "site": str(built)})
    else:
        say(f"site: {session.project.shown(built)}")
    if any(check["outcome"] == "failed" for result in results for check in result["checks"]):
        raise typer.Exit(1)


def _run_one(session: Session, study: Opened) -> dict[str, Any]:
    from ws_dsl.report.publish import publish
    from ws_dsl.run.lock import registered

    store, plan, state = session.store, study.plan, study.state
    started = time.monotonic()
    missing = len(state.missing(plan.nodes))
    made = 0
    rows = 0
    if missing:
        from ws_dsl.run.execute import execute

        say(f"{plan.spec.id}: {missing} of {len(plan.nodes)} cells to make")
        shown = progress(missing)
        try:
            made = execute(plan, state, store, shown, session.device)
            rows = shown.rows_run
        finally:
            shown.close()
    seconds = time.monotonic() - started
    cost = {"made": made, "cells": len(plan.nodes), "rows": rows, "seconds": round(seconds, 3)}
    source = session.project.shown(study.file)
    published = publish(study, store, session.project.site, source, registered(plan), dict(cost))
    _summary(plan.spec.id, published.record, cost)
    record = published.record
    return {
        "study": plan.spec.id,
        "page": str(published.page),
        "verdicts": record["verdicts"],
        "checks": record["checks"],
        **cost,
    }


def _summary(name: str, record: dict[str, Any], cost: dict[str, Any]) -> None:
    made, cells = cost["made"], cost["cells"]
    effort = f"{made} cells made, {cells - made} cached, {cost['seconds']:.1f} s" if made else f"{cells} cells cached"
    say(f"{name}: {effort}")
    for verdict in record["verdicts"]:
        when = f"registered {verdict['registered']}" if verdict["registered"] else "post hoc"
        say(f"  {verdict['rule']}: {verdict['verdict']} ({when}): {verdict['claim']}")
    outcomes = Counter(check["outcome"] for check in record["checks"])
    say(f"  checks: {', '.join(f'{count} {outcome}' for outcome, count in sorted(outcomes.items()))}")
    for check in record["checks"]:
        if check["outcome"] != "passed":
            say(f"    {check['outcome']}: {check['check']}: {check['detail']}")


def _build_site(session: Session, pages: list[Path]) -> Path:
    """Builds the HTML where something changed since it was built; gives its index."""
    from ws_dsl.report.site import build

    return build(session.project.site).folder / "index.html"


def plan(paths: Paths, model: ModelSource = None, registry: RegistryDir = None, device: Device = "cpu", json: AsJson = False) -> None:
    """Say what is cached, stale, new, or waits for another cell; nothing is run."""
    session = open_session(registry, device=device)
    _show_plans(session, open_studies(session, paths, model), json)


def _show_plans(session: Session, opened: list[Opened], json: bool) -> None:
    found = [{"study": study.plan.spec.id, "steps": _steps(session, study)} for study in opened]
    if json:
        data({"studies": found})
        return
    for study in found:
        steps = study["steps"]
        totals = Counter[str]()
        for step in steps:
            totals.update(step["cells"])
        print(f"{study['study']}: {', '.join(f'{count} {status}' for status, count in totals.items())}")
        for step in steps:
            counts = ", ".join(f"{count} {status}" for status, count in step["cells"].items())
            print(f"  {step['step']} ({step['kind']}): {counts}" + ("" if step["read"] else "  [nothing reads it]"))
            for reason in step["why"]:
                print(f"    {reason}")


def _steps(session: Session, study: Opened) -> list[dict[str, Any]]:
    plan, state = study.plan, study.state
    read = {edge.node for node in plan.nodes for edge in node.edges()} | _read_by_report(study)
    found: list[dict[str, Any]] = []
    for name, nodes in plan.steps().items():
        counts: Counter[str] = Counter()
        why: dict[str, None] = {}
        for node in nodes:
            status = state.status(node)
            if status == "new":
                previous = session.store.catalogue.previous(plan.spec.id, node.step, node.labels)
                manifest = session.store.manifest(previous) if previous else None
                if manifest is not None:
                    status = "stale"
                    old = session.derivation(manifest)
                    why.update(dict.fromkeys(changes(old, state.derivations[node], session.name_of)))
            counts[status] += 1
        reads = name.startswith("check/") or any(node in read for node in nodes)
        found.append({"step": name, "kind": nodes[0].kind.name, "cells": dict(counts), "why": list(why), "read": reads})
    return found


def _read_by_report(study: Opened) -> set[Any]:
    spec = study.plan.spec
    texts = [text for rule in spec.rules.values() for text in rule.read.values()]
    texts += [table.of for table in spec.report.tables.values()]
    for figure in spec.report.figures.values():
        texts += [figure.of] if figure.of else [text for text in (figure.x, figure.y) if isinstance(text, str)]
    return {node for text in texts for _, node in study.plan.view(text)[0].entries}


def check(paths: Paths, model: ModelSource = None, registry: RegistryDir = None, json: AsJson = False) -> None:
    """Find mistakes in studies without loading a model: exits 2 where there are any."""
    session = open_session(registry)
    opened = open_studies(session, paths, model)
    if json:
        data({"studies": [{"study": s.plan.spec.id, "cells": len(s.plan.nodes)} for s in opened]})
        return
    for study in opened:
        print(f"{session.project.shown(study.file)}: {study.plan.spec.id}, {len(study.plan.nodes)} cells, no mistakes")
