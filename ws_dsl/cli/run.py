"""`run`."""

from __future__ import annotations

import time
from collections import Counter
from typing import Annotated, Any

import typer

from ws_dsl.cli.options import (
    AsJson,
    Device,
    ModelSource,
    Paths,
    RegistryDir,
    SiteDir,
    open_session,
    open_studies,
)
from ws_dsl.cli.output import PlainProgress, data, progress, say, today
from ws_dsl.cli.plan import show_plans
from ws_dsl.errors import WsDslError
from ws_dsl.report.publish import Published, publish
from ws_dsl.report.site import build
from ws_dsl.run.lock import NAME, record_results, registered
from ws_dsl.run.repair import repaired
from ws_dsl.run.session import Opened, Session


class Interrupted(WsDslError):
    """Ctrl-C: what was made is kept."""

    exit_code = 130


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
    try:
        session = open_session(registry, site, device)
        opened = open_studies(session, paths, model)
        if dry_run:
            show_plans(session, opened, json)
            return
        results = [_run_one(session, study, own_model=model is None) for study in opened]
        index = build(session.project.site).folder / "index.html"
    except KeyboardInterrupt:
        raise Interrupted(
            "Interrupted. What was made is kept; the same command goes on from there."
        ) from None
    if json:
        data({"studies": results, "site": str(index)})
    else:
        say(f"site: {session.project.shown(index)}")
    if any(check["outcome"] == "failed" for result in results for check in result["checks"]):
        raise typer.Exit(1)


def _run_one(session: Session, study: Opened, own_model: bool) -> dict[str, Any]:
    plan, state, store = study.plan, study.state, session.store
    started = time.monotonic()
    missing = len(state.missing(plan.nodes))
    shown = progress(missing) if missing else PlainProgress()
    if missing:
        say(f"{plan.spec.id}: {missing} of {len(plan.nodes)} cells to make")
    cost: dict[str, Any] = {}

    def work() -> Published:
        if state.missing(plan.nodes):
            from ws_dsl.run.execute import execute

            execute(plan, state, store, shown, session.device)
        seconds = round(time.monotonic() - started, 3)
        cost.update(made=shown.cells_made, cells=len(plan.nodes), rows=shown.rows_run, seconds=seconds)
        source = session.project.shown(study.file)
        return publish(
            study, store, session.project.site, source, registered(plan, state), dict(cost), shown.note
        )

    try:
        published = repaired(plan, state, store, shown.note, work)
    finally:
        shown.close()
    if own_model:
        _record(study)
    _summary(plan.spec.id, plan.spec.registered, published.record, cost)
    return {
        "study": plan.spec.id,
        "page": str(published.page),
        "verdicts": published.record["verdicts"],
        "checks": published.record["checks"],
        **cost,
    }


def _record(study: Opened) -> None:
    """Notes first results beside the study; a folder that cannot be written is no reason to fail."""
    try:
        record_results(study.plan, study.state, today())
    except WsDslError as error:
        say(str(error))


def _summary(name: str, claimed: str | None, record: dict[str, Any], cost: dict[str, Any]) -> None:
    made, cells = cost["made"], cost["cells"]
    effort = f"{made} cells made, {cells - made} cached, {cost['seconds']:.1f} s"
    say(f"{name}: {effort if made else f'{cells} cells cached'}")
    for verdict in record["verdicts"]:
        when = f"registered {verdict['registered']}" if verdict["registered"] else "post hoc"
        say(f"  {verdict['rule']}: {verdict['verdict']} ({when}): {verdict['claim']}")
    if claimed and not all(verdict["registered"] for verdict in record["verdicts"]):
        say(f"  the study says that its rules were registered on {claimed}, and {NAME} does not bear it out")
    outcomes = Counter(check["outcome"] for check in record["checks"])
    say(f"  checks: {', '.join(f'{count} {outcome}' for outcome, count in sorted(outcomes.items()))}")
    for check in record["checks"]:
        if check["outcome"] != "passed":
            say(f"    {check['outcome']}: {check['check']}: {check['detail']}")
