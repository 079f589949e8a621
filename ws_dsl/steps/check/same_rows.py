"""Every contrast is between identical row sets.

What it does
    For each step that compares tables, compares the keys of their rows. Where the step names a subset (`rows`), both
    sides must hold all of it. Always on.

What it cannot show
    That rows of equal key ask the same thing.

Inputs and output
    Made by the planner from all steps that read two tables.

Reference
    A contrast over different rows measures the rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ws_dsl.artifacts.artifact import Artifact
from ws_dsl.artifacts.finding import Finding
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
        contrasts: dict[int, list[tuple[int, int, set[Any]]]] = {}
        for index, one in enumerate(cell.inputs["tables"]):
            found = one.open()
            if hasattr(found, "ids"):
                contrasts.setdefault(one.pooled[0], []).append((index, one.pooled[1], set(found.ids())))
        broken: list[tuple[str, int]] = []
        counted = 0
        for sides in contrasts.values():
            subset = [ids for _, is_subset, ids in sides if is_subset]
            tables = [
                (index, ids & subset[0] if subset else ids)
                for index, is_subset, ids in sides
                if not is_subset
            ]
            counted += len(tables) > 1
            broken += [("tables", index) for index, ids in tables if ids != tables[0][1]]
        detail = f"{counted} contrasts compared"
        yield (
            cell,
            Finding(
                not broken, "both sides of every contrast hold the same rows", detail, broken
            ).to_artifact(),
        )
