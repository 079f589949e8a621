"""Every contrast is between identical row sets.

What it does
    For each step that compares tables, compares the keys of their rows; where the step names a subset
    (`rows`), of those within it. Always on.

What it cannot show
    That rows of equal key ask the same thing.

Inputs and output
    `tables`: both sides of every contrast, made by the planner from all steps that read two tables.

Reference
    A contrast over different rows measures the rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ws_dsl.artifacts.artifact import Artifact
from ws_dsl.artifacts.finding import Finding
from ws_dsl.artifacts.rows import Rows
from ws_dsl.artifacts.table import Table
from ws_dsl.plan.node import Edge, Node
from ws_dsl.specs import types
from ws_dsl.specs.kind import Check, Gathered, Ref, input_fields
from ws_dsl.steps.cell import Cell, Context


class SameRows(Check):
    """Contrasts over identical row sets."""

    tables: Ref[types.Table]

    @classmethod
    def gather(cls, nodes: Sequence[Node]) -> Gathered | None:
        edges: list[Edge] = []
        for place, node in enumerate(nodes):
            sides = [
                e for f in input_fields(node.kind.spec) for e in node.inputs.get(f, []) if _is_table(e.node)
            ]
            if len({f for f in node.inputs if any(e in sides for e in node.inputs[f])}) > 1:
                edges += [Edge(e.node, e.column, (place, 0)) for e in sides]
                edges += [Edge(e.node, e.column, (place, 1)) for e in node.inputs.get("rows", [])]
        return Gathered({"tables": edges}, {}) if edges else None


version = 1


def _is_table(node: Node) -> bool:
    return types.Table in node.types


def run(cells: Sequence[Cell[SameRows]], context: Context) -> Iterator[tuple[Cell[SameRows], Artifact]]:
    """Compares the keys within each contrast."""
    for cell in cells:
        contrasts: dict[int, list[tuple[int, Table]]] = {}
        subsets: dict[int, Rows] = {}
        for index, one in enumerate(cell.inputs["tables"]):
            contrast, is_subset = one.pooled
            found = one.open()
            if is_subset:
                subsets[contrast] = found
            elif isinstance(found, Table):
                contrasts.setdefault(contrast, []).append((index, found))
        broken: list[tuple[str, int]] = []
        for contrast, sides in contrasts.items():
            ids = [_within(table, subsets.get(contrast)) for _, table in sides]
            broken += [("tables", index) for (index, _), own in zip(sides, ids, strict=True) if own != ids[0]]
        detail = f"{sum(len(sides) > 1 for sides in contrasts.values())} contrasts compared"
        statement = "both sides of every contrast hold the same rows"
        yield cell, Finding(not broken, statement, detail, broken).to_artifact()


def _within(table: Table, subset: Rows | None) -> set[Any]:
    """Keys of a table, those in the subset where there is one; the subset may know fewer key columns."""
    if subset is None:
        return set(table.ids())
    named = zip(*(table.columns[key] for key in subset.keys), strict=True)
    wanted = set(subset.ids())
    return {key for key, name in zip(table.ids(), named, strict=True) if name in wanted}
