"""Vectors are used on the model that they were made on.

What it does
    For every measurement in which a vector meets activations or an intervention of a model, compares that
    model with the one whose activations the vector was made from. Always on, as a warning: a vector of
    another model of the same width can be tried, and what it gives is to be read as such.

What it cannot show
    Whether two models that are not the same share their directions.

Inputs and output
    `used` and `source`: Models in pairs, made by the planner.

Reference
    Vectors of one model scored on the tokens of another gave an AUROC of 0.995 at one layer and 0.526 at the
    last.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar

from ws_dsl.artifacts.artifact import Artifact
from ws_dsl.artifacts.finding import Finding
from ws_dsl.plan.node import Edge, Node
from ws_dsl.specs import types
from ws_dsl.specs.kind import Check, Gathered, Ref
from ws_dsl.steps.cell import Cell, Context


class CrossModel(Check):
    """Vectors of the model that is measured."""

    severity: ClassVar[str] = "warn"

    used: Ref[types.Model]
    source: Ref[types.Model]

    @classmethod
    def gather(cls, nodes: Sequence[Node]) -> Gathered | None:
        behind: dict[Node, dict[Node, None]] = {}
        pairs: dict[tuple[Node, Node], None] = {}
        for node in nodes:
            own = [edge.node for edge in node.inputs.get("model", [])]
            read = [edge.node for field, edges in node.inputs.items() if field != "model" for edge in edges]
            behind[node] = dict.fromkeys(own or [m for one in read for m in behind.get(one, {})])
            if types.Vectors in node.types or types.Estimate in node.types:
                continue
            made = [m for one in read if types.Vectors in one.types for m in behind.get(one, {})]
            used = own or [m for one in read if types.Vectors not in one.types for m in behind.get(one, {})]
            pairs.update({(here, there): None for here in used for there in made})
        if not pairs:
            return None
        return Gathered({"used": [Edge(a) for a, _ in pairs], "source": [Edge(b) for _, b in pairs]}, {})


version = 1


def run(cells: Sequence[Cell[CrossModel]], context: Context) -> Iterator[tuple[Cell[CrossModel], Artifact]]:
    """Compares the models of each pair."""
    for cell in cells:
        pairs = list(zip(cell.inputs["used"], cell.inputs["source"], strict=True))
        broken = [("used", index) for index, (used, made) in enumerate(pairs) if used.digest != made.digest]
        detail = f"{len(pairs)} pairs of a model and the model of a vector, {len(broken)} of them differ"
        statement = "every vector is used on the model that it was made on"
        yield cell, Finding(not broken, statement, detail, broken).to_artifact()
