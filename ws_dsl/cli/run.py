"""`run`."""

from __future__ import annotations

from collections import Counter
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ws_dsl.cli.interrupt import Interrupted, interruptible
from ws_dsl.cli.options import (
    AsJson,
    Device,
    ModelSource,
    NothingMatched,
    Paths,
    RegistryDir,
    RemoteUrl,
    SameEnvironment,
    SiteDir,
    open_session,
    open_studies,
    studies_at,
)
from ws_dsl.cli.output import counted, data, folded, say, size_of, styled, today
from ws_dsl.cli.plan import forecast, show_plans
from ws_dsl.cli.progress import cost, progress
from ws_dsl.errors import WsDslError
from ws_dsl.plan.node import Node
from ws_dsl.report.publish import Published, publish, unchanged
from ws_dsl.report.site import build
from ws_dsl.run import vendor
from ws_dsl.run.forecast import tasks
from ws_dsl.run.foreign import told
from ws_dsl.run.lock import NAME, record_results, registered
from ws_dsl.run.read_through import ReadThrough
from ws_dsl.run.repair import repaired
from ws_dsl.run.session import Opened, Session
from ws_dsl.run.settled import recall, settle

if TYPE_CHECKING:
    from ws_dsl.run.audit import Audited


def run(
    paths: Paths,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be made.")] = False,
    recompute: Annotated[
        list[str] | None,
        typer.Option(
            "--recompute", help="Make this step's cells once more and compare; repeatable.", metavar="STEP"
        ),
    ] = None,
    model: ModelSource = None,
    device: Device = "cpu",
    registry: RegistryDir = None,
    site: SiteDir = None,
    remote: RemoteUrl = None,
    same_environment: SameEnvironment = False,
    vendored: Annotated[
        bool,
        typer.Option(
            "--vendor", help="Copy the model's files into the store, for bundles, remotes and later runs."
        ),
    ] = False,
    json: AsJson = False,
) -> None:
    """Make what is missing, check it, and publish the pages.

    Exits 1 when a check fails or a step made once more gives other bytes, 2 when a study cannot be planned,
    3 when there is none.
    """
    session = open_session(registry, site, device, same_environment)
    if (address := remote or session.project.remote) and not dry_run:
        session.lookup = ReadThrough(session.store, address, say)
    missing: list[tuple[Opened, Node]] = []
    as_usual = not (dry_run or recompute or vendored or model)
    with interruptible(), _at_work(session, paths, dry_run):
        try:
            files = studies_at(paths)
            untouched = _untouched(session, files) if as_usual else {}
            opened = open_studies(session, [file for file in files if file not in untouched], model)
            ids = [study.plan.spec.id for study in opened] + [one["study"] for one in untouched.values()]
            if len(set(ids)) < len(ids):
                # Two studies of one id: planned together, they are told.
                open_studies(session, files, model)
            again = _steps(opened, recompute or [])
            if dry_run:
                show_plans(session, opened, json)
                return
            missing += [(study, node) for study in opened for node in study.state.missing(study.plan.nodes)]
            results, runs = dict(untouched), dict[str, str]()
            for study in opened:
                made, runs[study.plan.spec.id] = _run_one(session, study, again, own_model=model is None)
                results[study.file] = made
            # All of them at the end: they share a file of first results.
            for study in opened if model is None else ():
                settle(session, study, runs[study.plan.spec.id])
            if vendored:
                _vendor(session, opened)
            built = build(session.project.site).folder
        except KeyboardInterrupt:
            raise Interrupted(folded(_kept(session, missing), 2)) from None
    _report(session, [results[file] for file in files], built, json)


def _untouched(session: Session, files: list[Path]) -> dict[Path, dict[str, Any]]:
    """What became of the studies that nothing has touched since their last run."""
    results: dict[Path, dict[str, Any]] = {}
    for file in files:
        settled = recall(session, file)
        page = settled and unchanged(settled.study, settled.run, session.store, session.project.site, say)
        if settled is None or page is None:
            continue
        cost = {"made": 0, "cells": settled.cells, "rows": 0, "bytes": 0, "seconds": 0.0, "foreign": 0}
        _summary(settled.study, settled.registered, page.record, cost)
        results[file] = _result(settled.study, page, cost)
    return results


def _report(session: Session, results: list[dict[str, Any]], built: Path, json: bool) -> None:
    """Says where the pages are.

    Raises:
        Exit: with 1 where a check failed or cells came out otherwise.
    """
    if json:
        data({"studies": results, "site": str(built / "index.html")})
    else:
        for result in results:
            say(f"page: {session.project.shown(built / 'studies' / result['study'] / 'index.html')}")
        say(f"site: {session.project.shown(built / 'index.html')}")
    if any(check["outcome"] == "failed" for result in results for check in result["checks"]):
        raise typer.Exit(1)
    if any(cell["differing"] for result in results for cell in result.get("audit", [])):
        raise typer.Exit(1)


def _at_work(session: Session, paths: list[Path], dry_run: bool) -> AbstractContextManager[object]:
    """Marks the run before it looks for anything: what it finds is not collected while it goes on."""
    if dry_run or not session.store.root.exists():
        return nullcontext()
    return session.store.leases.hold(f"ws-dsl run {' '.join(map(str, paths))}", [])


def _steps(opened: list[Opened], names: list[str]) -> set[str]:
    """Names of steps, each of them in at least one study."""
    known = {step.partition("/")[0] for study in opened for step in study.plan.steps()}
    if unknown := set(names) - known:
        steps = f"steps: {', '.join(sorted(known))}"
        raise NothingMatched(f"there is no step {', '.join(sorted(unknown))} to make once more\n{steps}")
    return set(names)


def _run_one(session: Session, study: Opened, again: set[str], own_model: bool) -> tuple[dict[str, Any], str]:
    """What became of a study, and the key of its run."""
    plan, state, store = study.plan, study.state, session.store
    for line in vendor.told(plan, store):
        say(f"{plan.spec.id}: {line}")
    todo = tasks(plan, state, store) if state.missing(plan.nodes) else []
    if todo:
        say(f"{plan.spec.id}: {forecast(todo, len(plan.nodes))}")
    shown = progress(plan.spec.id, todo)
    cost: dict[str, Any] = {}
    audited: list[Audited] = []

    def work() -> Published:
        if state.missing(plan.nodes):
            from ws_dsl.run.execute import execute

            execute(plan, state, store, shown, session.device)
        if again:
            from ws_dsl.run.audit import audit

            audited[:] = audit(plan, state, store, shown, again, session.device)
        cost.update(made=shown.cells_made, cells=len(plan.nodes), rows=shown.rows_run)
        cost.update(bytes=shown.bytes_written, seconds=round(shown.seconds, 3))
        cost["foreign"] = len(state.foreign)
        shown.page()
        source = session.project.shown(study.file)
        return publish(
            study, store, session.project.site, source, registered(plan, state), dict(cost), shown.note
        )

    try:
        published = repaired(plan, state, store, shown.note, work)
    finally:
        shown.close()
    for line in told(state):
        say(f"{plan.spec.id}: {line}")
    if own_model:
        _record(study)
    _summary(plan.spec.id, plan.spec.registered, published.record, cost)
    _tell(audited)
    audit_of = {"audit": [one._asdict() for one in audited]} if again else {}
    return {**_result(plan.spec.id, published, cost), **audit_of}, published.run


def _result(study: str, published: Published, cost: dict[str, Any]) -> dict[str, Any]:
    """What became of a study, as `--json` gives it."""
    return {
        "study": study,
        "page": str(published.page),
        "verdicts": published.record["verdicts"],
        "checks": published.record["checks"],
        **cost,
    }


def _vendor(session: Session, opened: list[Opened]) -> None:
    for study in opened:
        copied = vendor.vendor(study.plan, session.store)
        shown = f"{counted(copied.files, 'file')} of checkpoints, {size_of(copied.bytes)}"
        say(f"{study.plan.spec.id}: {shown} in {session.project.shown(session.store.root)}")


def _tell(audited: list[Audited]) -> None:
    """What came of making cells once more."""
    for one in audited:
        if one.differing:
            text = f"{one.cell} came out with other bytes in {', '.join(one.differing)}; the first stay"
            say(folded(f"  {styled('failed', 'failed')}: {text} ({one.key[:12]})", 4))
    same = sum(not one.differing for one in audited)
    if audited:
        say(f"  made once more: {counted(len(audited), 'cell')}, {same} with the same bytes")


def _kept(session: Session, missing: list[tuple[Opened, Node]]) -> str:
    """What an interrupted run leaves."""
    for study, _ in missing:
        study.state.update(study.plan.nodes)
    made = sum(node in study.state.digests for study, node in missing)
    store = session.project.shown(session.store.root)
    if not made:
        return "Interrupted before a cell was made; the same command goes on from there."
    are = "is" if made == 1 else "are"
    return (
        f"Interrupted. {made} of {counted(len(missing), 'cell')} {are} made and kept in {store}; "
        f"the same command goes on from there."
    )


def _record(study: Opened) -> None:
    """Notes first results beside the study; a folder that cannot be written is no reason to fail."""
    try:
        record_results(study.plan, study.state, today())
    except WsDslError as error:
        say(str(error))


def _summary(name: str, claimed: str | None, record: dict[str, Any], spent: dict[str, Any]) -> None:
    made, cells = spent["made"], spent["cells"]
    effort = f"{counted(made, 'cell')} made, {cells - made} cached; "
    effort += cost(spent["seconds"], spent["rows"], spent["bytes"])
    say(f"{name}: {effort if made else f'{cells} cells cached'}")
    for verdict in record["verdicts"]:
        when = f"registered {verdict['registered']}" if verdict["registered"] else "post hoc"
        text = folded(f"  {verdict['rule']}: {verdict['verdict']} ({when}): {verdict['claim']}", 4)
        say(text.replace(f": {verdict['verdict']} ", f": {styled(verdict['verdict'], 'verdict')} ", 1))
    if claimed and not all(verdict["registered"] for verdict in record["verdicts"]):
        said = f"the study says that its rules were registered on {claimed}"
        say(folded(f"  {said}, and {NAME} does not bear it out", 4))
    outcomes = Counter(check["outcome"] for check in record["checks"])
    say(f"  checks: {', '.join(f'{count} {outcome}' for outcome, count in sorted(outcomes.items()))}")
    for check in record["checks"]:
        if check["outcome"] != "passed":
            text = folded(f"    {check['outcome']}: {check['check']}: {check['detail']}", 6)
            say(text.replace(check["outcome"], styled(check["outcome"], check["outcome"]), 1))
