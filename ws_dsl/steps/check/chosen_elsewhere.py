"""What was chosen on some rows is not judged on them.

What it does
    For every estimate behind which components or cells that were chosen, vectors or bases that were made,
    or adapters that were trained stand, compares the rows that it rests on with the rows that these came
    from. An estimate of choices themselves, such as how two rankings agree, is no judgement of what was
    chosen. Always on, as a warning.

What it cannot show
    That rows which share no key are independent.

Inputs and output
    `estimated` and `chosen`: Rows in pairs, made by the planner.

Reference
    A component that was picked for its effect on some rows has a larger effect on them than elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ws_dsl.artifacts.artifact import Artifact
from ws_dsl.artifacts.finding import Finding
from ws_dsl.plan.node import Edge, Node
from ws_dsl.specs import types
from ws_dsl.specs.kind import Check, Gathered, Ref
from ws_dsl.steps.cell import Cell, Context

_MADE = {types.Sites, types.Vectors, types.Basis, types.Adapter, types.Delta, types.Choice}
"""What is chosen on rows, made from them, or trained on them; the cell that is best on them, too."""
_UNMEASURED = _MADE | {types.Model}
"""What an estimate may read and yet be of choices alone: a comparison of weights needs their model."""


class ChosenElsewhere(Check):
    """Choices judged on other rows than they were made on."""

    severity = "warn"

    estimated: Ref[types.Rows]
    chosen: Ref[types.Rows]

    @classmethod
    def gather(cls, nodes: Sequence[Node]) -> Gathered | None:
        behind: dict[Node, set[Node]] = {}
        measured: set[Node] = set()
        estimated: list[Edge] = []
        chosen: list[Edge] = []
        for node in nodes:
            chooses = _MADE & set(node.types)
            mine = {node.rows_from} if chooses and node.rows_from else set[Node]()
            for edge in node.edges():
                mine |= behind.get(edge.node, set())
            behind[node] = mine
            read = [edge.node for edge in node.edges()]
            if types.Estimate not in node.types:
                continue
            # An estimate of estimates rests on rows where these do.
            of_estimates = [one for one in read if types.Estimate in one.types]
            others = [one for one in read if types.Estimate not in one.types]
            if measured & {*of_estimates} or any(not _UNMEASURED & {*one.types} for one in others):
                measured.add(node)
            if node in measured and node.rows_from is not None:
                for source in sorted(mine, key=str):
                    estimated.append(Edge(node.rows_from))
                    chosen.append(Edge(source))
        pairs = list(dict.fromkeys(zip((e.node for e in estimated), (e.node for e in chosen), strict=True)))
        if not pairs:
            return None
        return Gathered({"estimated": [Edge(a) for a, _ in pairs], "chosen": [Edge(b) for _, b in pairs]}, {})


version = 1


def run(
    cells: Sequence[Cell[ChosenElsewhere]], context: Context
) -> Iterator[tuple[Cell[ChosenElsewhere], Artifact]]:
    """Compares the keys of each pair."""
    for cell in cells:
        broken: list[tuple[str, int]] = []
        shared = 0
        for index, (one, other) in enumerate(
            zip(cell.inputs["estimated"], cell.inputs["chosen"], strict=True)
        ):
            common = set(one.open().ids()) & set(other.open().ids())
            shared = max(shared, len(common))
            if common:
                broken.append(("estimated", index))
        detail = f"{len(cell.inputs['estimated'])} pairs of row sets, at most {shared} rows shared"
        statement = "no estimate rests on rows that what it is of was chosen on, made from or trained on"
        yield cell, Finding(not broken, statement, detail, broken).to_artifact()
