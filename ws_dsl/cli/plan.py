"""`plan`, `check`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from ws_dsl.cli.options import (
    AsJson,
    Device,
    ModelSource,
    Paths,
    RegistryDir,
    SameEnvironment,
    open_session,
    open_studies,
    studies_at,
)
from ws_dsl.cli.output import counted, data, duration
from ws_dsl.cli.why import explained
from ws_dsl.plan.node import Node
from ws_dsl.run.forecast import Task, tasks
from ws_dsl.run.foreign import told
from ws_dsl.run.session import Opened, Session


def plan(
    paths: Paths,
    model: ModelSource = None,
    registry: RegistryDir = None,
    device: Device = "cpu",
    same_environment: SameEnvironment = False,
    json: AsJson = False,
) -> None:
    """Say what is cached, foreign, stale, new, or waits for another cell; nothing is run."""
    session = open_session(registry, device=device, same_environment=same_environment)
    show_plans(session, open_studies(session, studies_at(paths), model), json)


def check(
    paths: Paths, model: ModelSource = None, registry: RegistryDir = None, json: AsJson = False
) -> None:
    """Find mistakes in studies without loading a model: exits 2 where there are any."""
    session = open_session(registry)
    opened = open_studies(session, studies_at(paths), model)
    if json:
        data({"studies": [{"study": s.plan.spec.id, "cells": len(s.plan.nodes)} for s in opened]})
        return
    for study in opened:
        cells = len(study.plan.nodes)
        print(f"{session.project.shown(study.file)}: {study.plan.spec.id}, {cells} cells, no mistakes")


def show_plans(session: Session, opened: list[Opened], json: bool) -> None:
    """Prints what is cached, stale, new or waiting in every step."""
    found: list[dict[str, Any]] = []
    for study in opened:
        todo = tasks(study.plan, study.state, session.store)
        seconds = {task.step: task.seconds for task in todo}
        steps = [{**step, "seconds": seconds.get(step["step"])} for step in _steps(session, study)]
        to_make = sum(task.cells for task in todo)
        foreign = told(study.state)
        found.append({"study": study.plan.spec.id, "to_make": to_make, "foreign": foreign, "steps": steps})
        if not json:
            _show(found[-1], forecast(todo, len(study.plan.nodes)))
    if json:
        data({"studies": found})


def forecast(todo: Sequence[Task], cells: int) -> str:
    """What is to be made, and how long that may take: `3 of 62 cells to make, about 9 s`."""
    known = sum(task.seconds for task in todo if task.seconds is not None)
    strange = [task for task in todo if task.seconds is None]
    text = f"{sum(task.cells for task in todo)} of {counted(cells, 'cell')} to make"
    if not todo or len(strange) == len(todo):
        return text
    if not strange:
        return f"{text}, about {duration(known)} as such cells took before"
    unknown = counted(sum(task.cells for task in strange), "cell")
    return f"{text}, about {duration(known)} and what {unknown} of {_listed(strange)} take"


def _listed(todo: Sequence[Task]) -> str:
    names = [task.step for task in todo[:3]]
    return ", ".join(names) + (f" and {counted(len(todo) - 3, 'other step')}" if len(todo) > 3 else "")


def _show(study: dict[str, Any], outlook: str) -> None:
    totals = Counter[str]()
    for step in study["steps"]:
        totals.update(step["cells"])
    print(f"{study['study']}: {_counted(totals)}")
    if study["to_make"]:
        print(f"  {outlook}")
    for line in study["foreign"]:
        print(f"  {line}")
    for step in study["steps"]:
        unread = "" if step["read"] else "  [nothing reads it]"
        print(f"  {step['step']} ({step['kind']}): {_counted(step['cells'])}{unread}")
        for reason in step["why"]:
            print(f"    {reason}")
        if step["unavailable"]:
            print(f"    {_lacking(step['unavailable'])}")


def _counted(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {status}" for status, count in counts.items())


def _lacking(reasons: dict[str, int]) -> str:
    """Cells that cannot be made, with the first reasons: `4 cells unavailable: lora has no magnitude`."""
    told, left = list(reasons)[:3], len(reasons) - 3
    more = f"; and {counted(left, 'other reason')}" if left > 0 else ""
    return f"{counted(sum(reasons.values()), 'cell')} unavailable: {'; '.join(told)}{more}"


def _steps(session: Session, study: Opened) -> list[dict[str, Any]]:
    read = {edge.node for node in study.plan.nodes for edge in node.edges()} | _read_by_report(study)
    found: list[dict[str, Any]] = []
    for name, nodes in study.plan.steps().items():
        counts: Counter[str] = Counter()
        why: dict[str, None] = {}
        for node in nodes:
            if study.state.status(node) != "new":
                counts[study.state.status(node)] += 1
                continue
            cell = explained(session, study, node)
            counts[cell["status"]] += 1
            if cell["status"] == "stale":
                why.update(dict.fromkeys(cell["why"]))
        is_read = name.startswith("check/") or any(node in read for node in nodes)
        found.append(
            {
                "step": name,
                "kind": nodes[0].kind.name,
                "cells": dict(counts),
                "why": list(why),
                "read": is_read,
                "unavailable": dict(
                    Counter(one.reason for one in study.plan.unavailable if one.step == name)
                ),
            }
        )
    return found


def _read_by_report(study: Opened) -> set[Node | None]:
    spec = study.plan.spec
    texts = [text for rule in spec.rules.values() for text in rule.read.values()]
    texts += [table.of for table in spec.report.tables.values()]
    for figure in spec.report.figures.values():
        roles = [figure.of] if figure.of else [figure.x, figure.y]
        texts += [text for text in roles if isinstance(text, str)]
    return {node for text in texts for _, node in study.plan.view(text)[0].entries}
