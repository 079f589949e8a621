"""Registration: rules frozen before results.

`STUDY.lock` beside the studies is committed with them. It is append-only: one JSON object a line, with the study,
the date, the digest of its rules with the steps they read, and whether results existed when it was written.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

from ws_dsl.errors import WsDslError
from ws_dsl.plan.node import Node
from ws_dsl.plan.plan import Plan
from ws_dsl.specs.canonical import digest

NAME = "STUDY.lock"


class Entry(NamedTuple):
    """One registration.

    Attributes:
        study: Id of the study.
        registered: ISO date.
        rules: Digest of the rules and all they read.
        results: Digests of the estimates that existed then; empty where the registration came first.
    """

    study: str
    registered: str
    rules: str
    results: list[str]


def rules_digest(plan: Plan) -> str:
    """Digest of the rules and of the declaration of everything that they read, inputs of inputs included.

    What is declared counts, not what was found: kinds, versions, parameters, labels, data files by content are the
    key's business.
    """
    read: list[Node] = []
    for rule in plan.spec.rules.values():
        for text in rule.read.values():
            read += [node for _, node in plan.view(text)[0].entries if node is not None]
    seen: dict[Node, int] = {}
    waiting = list(read)
    while waiting:
        node = waiting.pop()
        if node not in seen:
            seen[node] = len(seen)
            waiting += [edge.node for edge in node.edges()]
    declared = sorted(digest([n.kind.name, n.params, n.labels, n.made]) for n in seen)
    rules = {name: rule.model_dump() for name, rule in plan.spec.rules.items()}
    return digest({"rules": rules, "declared": declared})


def entries(folder: Path) -> list[Entry]:
    """Registrations in a folder, oldest first.

    Raises:
        WsDslError: the file is not what `lock` writes.
    """
    path = folder / NAME
    if not path.is_file():
        return []
    found: list[Entry] = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            found.append(Entry(**json.loads(line)))
        except (ValueError, TypeError):
            raise WsDslError(
                f"{path}:{number} is no registration; {NAME} is written by `ws-dsl lock` alone"
            ) from None
    return found


def registered(plan: Plan) -> str | None:
    """Date of the registration that covers the rules as they are, made before any result; None is *post hoc*."""
    rules = rules_digest(plan)
    mine = [e for e in entries(plan.document.folder) if e.study == plan.spec.id and e.rules == rules]
    return mine[0].registered if mine and not mine[0].results else None


def lock(plan: Plan, date: str, results: list[str]) -> Entry | None:
    """Appends a registration of the rules as they are; None where they are registered already."""
    folder, rules = plan.document.folder, rules_digest(plan)
    known: list[Any] = [e for e in entries(folder) if e.study == plan.spec.id and e.rules == rules]
    if known:
        return None
    entry = Entry(plan.spec.id, date, rules, results)
    with (folder / NAME).open("a", encoding="utf-8") as file:
        file.write(json.dumps(entry._asdict()) + "\n")
    return entry
