"""What was declared was measured: every row of every cell.

What it does
    Compares, for every measuring cell, the rows of its prompts with the rows of its table, and counts the
    rows that have no value. Always on. A row may be without a value, with its status; it may not be absent.

What it cannot show
    That enough was declared.

Inputs and output
    `prompts` and `tables`: in pairs; `declared`: the number of measuring cells. All are made by the planner.

Reference
    Rows that a filter drops without a word change every mean after it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ws_dsl.artifacts.artifact import Artifact
from ws_dsl.artifacts.finding import Finding
from ws_dsl.plan.node import Edge, Node
from ws_dsl.specs import types
from ws_dsl.specs.kind import Check, Gathered, Ref
from ws_dsl.steps.cell import Cell, Context


class DeclaredEqualsProduced(Check):
    """No row of a measuring cell is absent."""

    prompts: Ref[types.Prompts]
    tables: Ref[types.Table]
    declared: int

    @classmethod
    def gather(cls, nodes: Sequence[Node]) -> Gathered | None:
        measured = [n for n in nodes if types.Table in n.types and "prompts" in n.inputs]
        if not measured:
            return None
        edges = {"prompts": [n.inputs["prompts"][0] for n in measured], "tables": [Edge(n) for n in measured]}
        return Gathered(edges, {"declared": len(measured)})


version = 1


def run(
    cells: Sequence[Cell[DeclaredEqualsProduced]], context: Context
) -> Iterator[tuple[Cell[DeclaredEqualsProduced], Artifact]]:
    """Compares rows of prompts and tables, pair by pair."""
    for cell in cells:
        broken: list[tuple[str, int]] = []
        rows, without = 0, 0
        for index, (prompts, table) in enumerate(
            zip(cell.inputs["prompts"], cell.inputs["tables"], strict=True)
        ):
            declared, produced = prompts.open().ids(), table.open()
            rows += len(declared)
            without += len(produced) - produced.columns["status"].count("ok")
            if produced.ids() != declared:
                broken.append(("tables", index))
        made = len(cell.inputs["tables"])
        complete = made == cell.spec.declared
        detail = f"{made} of {cell.spec.declared} cells, {rows} rows, {without} of them without a value"
        statement = "every declared row of every measuring cell was measured"
        yield cell, Finding(complete and not broken, statement, detail, broken).to_artifact()
