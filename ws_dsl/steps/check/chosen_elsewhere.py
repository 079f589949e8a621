"""What was chosen on some rows is not judged on them.

What it does
    For every estimate behind which components or cells that were chosen, vectors or bases that were made,
    or adapters that were trained stand, compares the rows that it rests on with the rows that these came
    from. An estimate of choices themselves, such as how two rankings agree, is no judgement of what was
    chosen. Vectors of a file that tells the digest of the rows they were made on are compared by it. Always
    on, as a warning.

What it cannot show
    That rows which share no key are independent. Rows are told by their keys: other rows of another file that
    are counted from 1 as well look the same, and need keys of their own. Whether vectors of a file were made
    on some of the rows, and not on just these.

Inputs and output
    `estimated` and `chosen`: Rows in pairs; `scored` and `reused`: Rows and Vectors of a file in pairs. All
    are made by the planner.

Reference
    A component that was picked for its effect on some rows has a larger effect on them than elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated

from pydantic import model_validator

from ws_dsl.artifacts.artifact import Artifact
from ws_dsl.artifacts.finding import Finding
from ws_dsl.artifacts.rows import row_set
from ws_dsl.plan.node import Edge, Node
from ws_dsl.specs import types
from ws_dsl.specs.kind import Check, Gathered, Ref, Since
from ws_dsl.steps.cell import Cell, Context

_MADE = {types.Sites, types.Vectors, types.Basis, types.Adapter, types.Delta, types.Choice}
"""What is chosen on rows, made from them, or trained on them; the cell that is best on them, too."""
_UNMEASURED = _MADE | {types.Model}
"""What an estimate may read and yet be of choices alone: a comparison of weights needs their model."""

_CHOSEN = ("estimated", "chosen")
_REUSED = ("scored", "reused")


class ChosenElsewhere(Check):
    """Choices judged on other rows than they were made on."""

    severity = "warn"

    estimated: Ref[types.Rows] | None = None
    chosen: Ref[types.Rows] | None = None
    scored: Annotated[Ref[types.Rows] | None, Since(None)] = None
    reused: Annotated[Ref[types.Vectors] | None, Since(None)] = None

    @model_validator(mode="after")
    def _in_pairs(self) -> ChosenElsewhere:
        pairs = [(self.estimated, self.chosen), (self.scored, self.reused)]
        if any((one is None) != (other is None) for one, other in pairs) or pairs == [(None, None)] * 2:
            raise ValueError(
                "rows are compared with what was made: estimated with chosen, scored with reused"
            )
        return self

    @classmethod
    def gather(cls, nodes: Sequence[Node]) -> Gathered | None:
        behind: dict[Node, set[Node]] = {}
        measured: set[Node] = set()
        found: dict[tuple[Node, Node], None] = {}
        for node in nodes:
            chooses = _MADE & set(node.types)
            mine = {node.rows_from} if chooses and node.rows_from else set[Node]()
            if node.kind.name == "imported_vectors":
                mine.add(node)
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
                found.update(dict.fromkeys((node.rows_from, source) for source in sorted(mine, key=str)))
        inputs: dict[str, list[Edge]] = {}
        for rows, source in found:
            of_file = types.Vectors in source.types
            for field, one in zip(_REUSED if of_file else _CHOSEN, (rows, source), strict=True):
                inputs.setdefault(field, []).append(Edge(one))
        return Gathered(inputs, {}) if inputs else None


version = 1


def run(
    cells: Sequence[Cell[ChosenElsewhere]], context: Context
) -> Iterator[tuple[Cell[ChosenElsewhere], Artifact]]:
    """Compares the keys of each pair."""
    for cell in cells:
        broken: list[tuple[str, int]] = []
        shared = 0
        pairs = list(zip(*(cell.inputs.get(field, []) for field in _CHOSEN), strict=True))
        for index, (one, other) in enumerate(pairs):
            common = set(one.open().ids()) & set(other.open().ids())
            shared = max(shared, len(common))
            if common:
                broken.append(("estimated", index))
        reused = list(zip(*(cell.inputs.get(field, []) for field in _REUSED), strict=True))
        same = [
            ("scored", index)
            for index, (rows, vectors) in enumerate(reused)
            if row_set(rows.open().ids()) in vectors.open().made_on
        ]
        details = [f"{len(pairs)} pairs of row sets, at most {shared} rows shared"] if pairs else []
        if reused:
            details.append(
                f"{len(reused)} pairs of rows and vectors of a file, {len(same)} made on these rows"
            )
        statement = "no estimate rests on rows that what it is of was chosen on, made from or trained on"
        broken += same
        yield cell, Finding(not broken, statement, "; ".join(details), broken).to_artifact()
