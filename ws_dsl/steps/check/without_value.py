"""Replies that give no value are few.

What it does
    Counts, in every cell of a step that reads replies, the rows that have no value: refusals, answers that
    do not parse, numbers off the scale. No cell may have more than a tenth of them. The smallest and the
    largest share of a step's cells are told, so that one sees where conditions lose unlike many. Always on,
    as a warning.

What it cannot show
    That the rows which are left are like those that are gone: they never are by themselves, since what does
    not answer differs from what does. Count what is missing as an outcome, or compare the same rows.

Inputs and output
    `of`: Tables that were read from replies, made by the planner.

Reference
    212 of 500 replies were neither A nor B, and what was left was called the test set.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import ClassVar

from ws_dsl.artifacts.artifact import Artifact
from ws_dsl.artifacts.finding import Finding
from ws_dsl.plan.node import Edge, Node
from ws_dsl.specs import types
from ws_dsl.specs.kind import Check, Gathered, Ref
from ws_dsl.steps.cell import Cell, Context
from ws_dsl.steps.check._cells import shown, told


class WithoutValue(Check):
    """Share of replies without a value, by condition."""

    severity: ClassVar[str] = "warn"
    labelled: ClassVar[bool] = True

    of: Ref[types.Table]

    @classmethod
    def gather(cls, nodes: Sequence[Node]) -> Gathered | None:
        steps: dict[str, list[Node]] = {}
        for node in nodes:
            replied = any(types.Prompts in edge.node.types for edge in node.inputs.get("of", []))
            if replied and types.Table in node.types:
                steps.setdefault(node.step, []).append(node)
        edges = [
            Edge(node, None, (place, index), tuple(node.labels.items()))
            for place, own in enumerate(steps.values())
            for index, node in enumerate(own)
        ]
        return Gathered({"of": edges}, {}) if edges else None


version = 1

_MOST = 0.1


def run(
    cells: Sequence[Cell[WithoutValue]], context: Context
) -> Iterator[tuple[Cell[WithoutValue], Artifact]]:
    """Counts the rows of every cell by status."""
    for cell in cells:
        shares: dict[int, list[float]] = {}
        broken: list[tuple[str, int]] = []
        wrong: list[str] = []
        for place, one in enumerate(cell.inputs["of"]):
            status = Counter(one.open().columns["status"])
            rows, gone = status.total(), status.total() - status["ok"]
            shares.setdefault(one.pooled[0], []).append(gone / rows if rows else 0.0)
            if gone > _MOST * rows:
                why = ", ".join(f"{count} {name}" for name, count in sorted(status.items()) if name != "ok")
                wrong.append(f"{shown(tuple(one.labels.items()))}: {gone} of {rows} rows: {why}")
                broken.append(("of", place))
        spans = (f"{min(own):.1%} to {max(own):.1%} of {len(own)} cells" for own in shares.values())
        detail = f"shares without a value: {', '.join(spans)}" + (f"; {told(wrong)}" if wrong else "")
        statement = f"at most {_MOST:.0%} of the replies of any cell give no value"
        yield cell, Finding(not wrong, statement, detail, broken).to_artifact()
