"""Registration: rules frozen before results.

`STUDY.lock` beside the studies is committed with them, so that *post hoc* survives a new store. It is
append-only, one JSON object a line, of two forms: a registration, written by `ws-dsl lock`, and the first
results that a study's rules read, written by `ws-dsl run`.
"""

from __future__ import annotations

import json
from typing import NamedTuple

from ws_dsl.errors import WsDslError
from ws_dsl.plan.node import Node
from ws_dsl.plan.plan import Plan
from ws_dsl.plan.state import State
from ws_dsl.specs import types
from ws_dsl.specs.canonical import digest
from ws_dsl.specs.kind import gives

NAME = "STUDY.lock"


class Registration(NamedTuple):
    """Rules that were written down.

    Attributes:
        study: Id of the study.
        registered: ISO date.
        rules: Digest of the rules and all they read.
        results: Content digests of what they rest on and existed then; empty where they came first.
    """

    study: str
    registered: str
    rules: str
    results: list[str]


class FirstResults(NamedTuple):
    """Estimates that a study's rules read, when they first existed.

    Attributes:
        study: Id of the study.
        results_on: ISO date.
        estimates: Content digest by digest of what was declared.
    """

    study: str
    results_on: str
    estimates: dict[str, str]


class Locked(NamedTuple):
    """What a lock file says of one study, oldest first."""

    registrations: list[Registration]
    results: list[FirstResults]


def read_lock(plan: Plan) -> Locked:
    """The entries of a study in the lock file beside it.

    Raises:
        WsDslError: the file is not what `lock` and `run` write.
    """
    path = plan.document.folder / NAME
    locked = Locked([], [])
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    for number, line in enumerate(lines, 1):
        try:
            entry = json.loads(line)
            if entry["study"] != plan.spec.id:
                continue
            if "registered" in entry:
                locked.registrations.append(Registration(**entry))
            else:
                locked.results.append(FirstResults(**entry))
        except (ValueError, TypeError, KeyError):
            raise WsDslError(
                f"{path}:{number} is no entry of a lock file; {NAME} is written by `ws-dsl` alone"
            ) from None
    return locked


def registered(plan: Plan, state: State) -> str | None:
    """Date of the registration of the rules as they are, made before any result; None is *post hoc*."""
    locked = [entry for entry in read_lock(plan).registrations if entry.study == plan.spec.id]
    rules = rules_digest(plan, state) if locked else None
    mine = [entry for entry in locked if entry.rules == rules]
    return mine[0].registered if mine and not mine[0].results else None


def lock(plan: Plan, state: State, date: str) -> Registration | None:
    """Appends a registration of the rules as they are; None where they are registered already."""
    rules = rules_digest(plan, state)
    locked = read_lock(plan)
    if any(entry.rules == rules for entry in locked.registrations):
        return None
    declared = _declared(plan, state)
    read = _read_by_rules(plan)
    once = {what: found for entry in locked.results for what, found in entry.estimates.items()}
    known = {once[declared[node]] for node in read if declared[node] in once}
    known |= {state.digests[node] for node in _behind(read) if _is_result(node) and node in state.digests}
    entry = Registration(plan.spec.id, date, rules, sorted(known))
    _append(plan, entry)
    return entry


def record_results(plan: Plan, state: State, date: str) -> None:
    """Appends the estimates that the rules read, those that are not there yet."""
    declared = _declared(plan, state)
    once = {what for entry in read_lock(plan).results for what in entry.estimates}
    found = {declared[node]: state.digests[node] for node in _read_by_rules(plan)}
    fresh = {what: content for what, content in sorted(found.items()) if what not in once}
    if fresh:
        _append(plan, FirstResults(plan.spec.id, date, fresh))


def rules_digest(plan: Plan, state: State) -> str:
    """Digest of the rules and of the declaration of everything that they read, inputs of inputs included.

    Names of steps do not count, and neither do versions of kinds; parameters do, and files by their content,
    or by their pinned revision where they are elsewhere.
    """
    declared = _declared(plan, state)
    return digest(
        {
            name: {
                "read": {
                    read: sorted(declared[n] for n in _cells(plan, text)) for read, text in rule.read.items()
                },
                "first": [case.model_dump() for case in rule.first],
                "otherwise": rule.otherwise.model_dump(),
            }
            for name, rule in plan.spec.rules.items()
        }
    )


def _declared(plan: Plan, state: State) -> dict[Node, str]:
    """Digest of what is declared of every cell that the rules rest on, whether or not it exists."""
    found: dict[Node, str] = {}
    behind = _behind(_read_by_rules(plan))
    for node in (node for node in plan.nodes if node in behind):
        inputs = {
            field: [[found[edge.node], edge.column, list(edge.pooled)] for edge in edges]
            for field, edges in node.inputs.items()
        }
        # A model elsewhere is declared by its pinned revision, whether or not its files were fetched yet.
        pinned = node.kind.spec.remote(node.spec)
        files = {field: pinned or state.hash_path(path) for field, path in node.files.items()}
        found[node] = digest([node.kind.name, node.params, files, inputs, node.made])
    return found


def _cells(plan: Plan, text: str) -> list[Node]:
    return [node for _, node in plan.view(text)[0].entries if node is not None]


def _read_by_rules(plan: Plan) -> list[Node]:
    texts = [text for rule in plan.spec.rules.values() for text in rule.read.values()]
    return list(dict.fromkeys(node for text in texts for node in _cells(plan, text)))


def _behind(nodes: list[Node]) -> set[Node]:
    """The nodes and everything that they are made from."""
    seen: set[Node] = set()
    waiting = list(nodes)
    while waiting:
        node = waiting.pop()
        if node not in seen:
            seen.add(node)
            waiting += [edge.node for edge in node.edges()]
    return seen


def _is_result(node: Node) -> bool:
    return bool({types.Table, types.Estimate} & set(gives(node.kind.spec)))


def _append(plan: Plan, entry: Registration | FirstResults) -> None:
    path = plan.document.folder / NAME
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry._asdict()) + "\n")
    except OSError as error:
        raise WsDslError(f"{path} cannot be written: {error.strerror}") from None
