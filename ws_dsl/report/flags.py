"""What a reader must know before the numbers.

Declared cells that cannot be, parts that prove nothing, and cells that were made in another environment.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from ws_dsl.plan.node import Node, Unavailable
from ws_dsl.plan.plan import Plan
from ws_dsl.plan.state import State
from ws_dsl.run.foreign import difference
from ws_dsl.specs import types

if TYPE_CHECKING:
    from ws_dsl.report.frames import Results

_FEW = 3

_FLAGS = {
    "cannot_fail": "keeps every direction that its delta has, and cannot fail",
    "own_basis": "has a basis that was made from its own delta, and keeps much of it by construction",
}
"""What is said of a part of a delta whose facts have such a flag."""


def flags(results: Results) -> tuple[str, ...]:
    """A sentence for each step of which that has to be known, and for each other environment."""
    return (*_unavailable(results.plan.unavailable), *_parts(results), *foreign(results.plan, results.state))


def foreign(plan: Plan, state: State) -> tuple[str, ...]:
    """A sentence for each other environment that cells of a study were made in; not where they came from."""
    found: dict[str, list[Node]] = {}
    for node in plan.nodes:
        if node in state.foreign:
            found.setdefault(difference(state.foreign[node], state.environment), []).append(node)
    return tuple(
        f"{_counted(len(nodes))} of {_listed(nodes)} {'was' if len(nodes) == 1 else 'were'} not made here "
        f"but in another environment: {text}."
        for text, nodes in found.items()
    )


def _listed(nodes: list[Node]) -> str:
    return ", ".join(dict.fromkeys(node.step for node in nodes))


def _unavailable(cells: Iterable[Unavailable]) -> Iterator[str]:
    by_step: dict[str, list[Unavailable]] = {}
    for cell in cells:
        by_step.setdefault(cell.step, []).append(cell)
    for step, own in by_step.items():
        reasons = "; ".join(dict.fromkeys(cell.reason for cell in own))
        yield f"{step}: {_counted(len(own))} unavailable: {reasons}."


def _parts(results: Results) -> Iterator[str]:
    flagged: dict[tuple[str, str], list[Node]] = {}
    for node in results.plan.nodes:
        if types.Delta in node.types and getattr(node.spec, "part", None) == "keep":
            facts = results.facts(node)
            for flag in _FLAGS:
                if facts.get(flag) is True:
                    flagged.setdefault((node.step, flag), []).append(node)
    for (step, flag), nodes in flagged.items():
        shown = ", ".join(str(node) for node in nodes[:_FEW]) + (" …" if len(nodes) > _FEW else "")
        yield f"{step}: {_counted(len(nodes))} of which each {_FLAGS[flag]}: {shown}."


def _counted(count: int) -> str:
    return f"{count} cell" if count == 1 else f"{count} cells"
