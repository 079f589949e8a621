"""A p that is one of many is corrected for their number.

What it does
    Counts, for every step that gives a p, the cells along each axis, and says over which axes it is
    corrected (`family`). A step of several cells without any family breaks it. Always on, as a warning.

What it cannot show
    Searches that are not in the study: what was tried before and left out. Axes that are not in a family are
    told, and may be questions of their own.

Inputs and output
    `of`: Estimates with a p; `family`: the axes that each is corrected over. Both are made by the planner.

Reference
    One of eight scatter plots had an AUROC of 0.624 with p = 0.04: the least p of eight is as small in every
    fourth study of nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, ClassVar

from ws_dsl.artifacts.artifact import Artifact
from ws_dsl.artifacts.finding import Finding
from ws_dsl.plan.node import Edge, Node
from ws_dsl.specs import types
from ws_dsl.specs.kind import Check, Gathered, Ref
from ws_dsl.steps.cell import Cell, Context
from ws_dsl.steps.check._cells import told

if TYPE_CHECKING:
    from ws_dsl.artifacts.estimate import Estimate


class Searched(Check):
    """Families of tests."""

    severity: ClassVar[str] = "warn"
    labelled: ClassVar[bool] = True

    of: Ref[types.Estimate]
    family: list[list[str]]

    @classmethod
    def gather(cls, nodes: Sequence[Node]) -> Gathered | None:
        steps: dict[str, list[Node]] = {}
        for node in nodes:
            if types.Estimate in node.types and "family" in type(node.spec).model_fields and _tests(node):
                steps.setdefault(node.step, []).append(node)
        edges = [
            Edge(node, None, (place, index), tuple(node.labels.items()))
            for place, own in enumerate(steps.values())
            for index, node in enumerate(own)
        ]
        families = [own[0].params.get("family", []) for own in steps.values()]
        return Gathered({"of": edges}, {"family": families}) if edges else None


version = 1


def _tests(node: Node) -> bool:
    """Whether a cell gives a p."""
    return "p" in (type(node.spec).statistics(node.spec, {}) or ())


def run(cells: Sequence[Cell[Searched]], context: Context) -> Iterator[tuple[Cell[Searched], Artifact]]:
    """Counts the cells of every step."""
    for cell in cells:
        broken: list[tuple[str, int]] = []
        details: list[str] = []
        for step, family in enumerate(cell.spec.family):
            places = [at for at, one in enumerate(cell.inputs["of"]) if one.pooled[0] == step]
            labels: dict[str, set[str]] = {}
            least: list[float] = []
            for at in places:
                found: Estimate = cell.inputs["of"][at].open()
                least += [p for p in [found.stats["p"].value] if p is not None]
                for axis, label in cell.inputs["of"][at].labels.items():
                    labels.setdefault(axis, set()).add(label)
            along = {axis: len(own) for axis, own in labels.items() if len(own) > 1}
            axes = ", ".join(f"{count} along {axis}" for axis, count in along.items())
            smallest = f", least p {min(least):.2g}" if least else ""
            corrected = f"corrected over {', '.join(family)}" if family else "not corrected"
            details.append(f"{len(places)} cells{f' ({axes})' if axes else ''}{smallest}, {corrected}")
            if along and not family:
                broken += [("of", at) for at in places]
        statement = "where a p is given in several cells, it is corrected for a search over them"
        yield cell, Finding(not broken, statement, told(details), broken).to_artifact()
