"""Rows that have a sign are scored by it.

What it does
    Looks at every `logit_diff` and `answer_distribution` behind an estimate whose rows have a column of
    signs. Such a column says in which rows an answer stands for more of a trait and in which for less, so
    that the prompts should declare it as `sign`; or something later should read it, as `by` does. Where
    neither is so, an effect is towards an answer and not towards the trait. Always on, as a warning.

What it cannot show
    That the signs are right, or that a sign is needed: a study of answers as such may have no use for it,
    and `sign: 1` says so. Rows without a column of signs are not looked at.

Inputs and output
    `scored`: Tables of values without a sign; `columns`: the columns of signs behind each. Both are made by
    the planner.

Reference
    A direction of sycophancy was read as more honest: towards Yes was taken for honest in every row.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, ClassVar

from ws_dsl.artifacts.artifact import Artifact
from ws_dsl.artifacts.finding import Finding
from ws_dsl.plan.levels import data_behind
from ws_dsl.plan.node import Edge, Node
from ws_dsl.specs import types
from ws_dsl.specs.kind import Check, Gathered, Ref
from ws_dsl.steps.cell import Cell, Context

_SCORES = ("logit_diff", "answer_distribution")


class SignDeclared(Check):
    """Signs of rows that are used."""

    severity: ClassVar[str] = "warn"

    scored: Ref[types.Table]
    columns: list[list[str]]

    @classmethod
    def gather(cls, nodes: Sequence[Node]) -> Gathered | None:
        unsigned = {node: signs for node in nodes if (signs := _not_declared(node))}
        later = _later(unsigned, nodes)
        found = {
            node: signs
            for node, signs in unsigned.items()
            if any(types.Estimate in one.types for one in later[node]) and not _read(signs, later[node])
        }
        if not found:
            return None
        edges = [Edge(node) for node in found]
        return Gathered({"scored": edges}, {"columns": [[*signs] for signs in found.values()]})


version = 1


def run(
    cells: Sequence[Cell[SignDeclared]], context: Context
) -> Iterator[tuple[Cell[SignDeclared], Artifact]]:
    """Tells what is scored without the sign of its rows; all that was gathered is."""
    for cell in cells:
        count = len(cell.inputs["scored"])
        signs = ", ".join(dict.fromkeys(name for own in cell.spec.columns for name in own))
        detail = (
            f"{count} cells are scored without a sign of their rows ({signs}): their prompts name no `sign`"
        )
        broken = [("scored", place) for place in range(count)]
        yield cell, Finding(False, "rows that have a sign are scored by it", detail, broken).to_artifact()


def _not_declared(node: Node) -> list[str]:
    """Columns of signs of the rows behind a score whose prompts declare no sign."""
    if node.kind.name not in _SCORES or node.params.get("equals") is not None:
        return []
    prompts = node.inputs["prompts"][0].node
    while prompts.kind.name != "prompts":
        source = prompts.inputs.get("prompts") or prompts.inputs.get("of")
        if not source:
            return []
        prompts = source[0].node
    data = data_behind(node)
    if data is None or prompts.params["sign"] is not None:
        return []
    spec: Any = data.spec
    return [name for name, type in spec.columns.items() if type == "sign"]


def _later(scores: Iterable[Node], nodes: Sequence[Node]) -> dict[Node, set[Node]]:
    """All that follows from each score, checks aside."""
    readers: dict[Node, list[Node]] = {}
    for node in nodes:
        for edge in node.edges() if types.Finding not in node.types else ():
            readers.setdefault(edge.node, []).append(node)
    later: dict[Node, set[Node]] = {}
    for score in scores:
        waiting, later[score] = [*readers.get(score, [])], set[Node]()
        while waiting:
            node = waiting.pop()
            if node not in later[score]:
                later[score].add(node)
                waiting += readers.get(node, [])
    return later


def _read(columns: Iterable[str], later: Iterable[Node]) -> bool:
    """Whether any of some nodes names or reads one of the columns."""
    read = {text for node in later for text in _texts(node.params)}
    read |= {edge.column for node in later for edge in node.edges() if edge.column}
    return not read.isdisjoint(columns)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | dict):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _texts(one)
