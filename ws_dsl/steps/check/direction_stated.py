"""A score that predicts the other way round was not expected to do so after the fact.

What it does
    Looks at every `predictivity` of a score that vectors are behind, of which nothing in the study says which
    way it is expected to go: no rule and no `holds` compares its `auroc`, `auroc_within`, `r_pb` or
    `spearman`, or those of what was chosen or put together from it, with a number, and no choice takes the
    largest or the smallest of one. An `auroc_within` below ½ whose p, corrected where a family is named, is
    below 0.05 breaks it: p counts both ways, so that turned round this would be a find. Always on, as a
    warning.

What it cannot show
    What was tried before: the two sides of a vector exchanged after a look, or a coefficient negated.
    `ws-dsl lock` shows when a rule was written. Of pushes, `opposite_sign` compares both signs.

Inputs and output
    `of`: Estimates of predictivity that nothing reads one way, made by the planner.

Reference
    AUROCs near 0 and near 1 were both reported to predict; a sign is to be fixed on other rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from ws_dsl.artifacts.artifact import Artifact
from ws_dsl.artifacts.finding import Finding
from ws_dsl.plan.node import Edge, Node
from ws_dsl.specs import types
from ws_dsl.specs.condition import parse_condition
from ws_dsl.specs.kind import Check, Gathered, Ref
from ws_dsl.steps.cell import Cell, Context
from ws_dsl.steps.check._cells import shown, told

if TYPE_CHECKING:
    from ws_dsl.artifacts.estimate import Estimate

_DIRECTED = {"auroc", "auroc_within", "r_pb", "spearman"}


class DirectionStated(Check):
    """Predictions whose direction was said before."""

    severity: ClassVar[str] = "warn"
    labelled: ClassVar[bool] = True

    of: Ref[types.Estimate]

    @classmethod
    def gather(cls, nodes: Sequence[Node]) -> Gathered | None:
        stated = _stated(nodes)
        of_vectors: set[Node] = set()
        for node in nodes:
            if types.Vectors in node.types or any(edge.node in of_vectors for edge in node.edges()):
                of_vectors.add(node)
        edges = [
            Edge(node, None, (place,), tuple(node.labels.items()))
            for place, node in enumerate(nodes)
            if node.kind.name == "predictivity" and node.step not in stated
            if node.inputs["score"][0].node in of_vectors
        ]
        return Gathered({"of": edges}, {}) if edges else None


version = 1

_RARE = 0.05


def run(
    cells: Sequence[Cell[DirectionStated]], context: Context
) -> Iterator[tuple[Cell[DirectionStated], Artifact]]:
    """Looks for what is below ½ and would be a find above it."""
    for cell in cells:
        wrong: dict[int, str] = {}
        for place, one in enumerate(cell.inputs["of"]):
            found: Estimate = one.open()
            auroc, p = found.stats["auroc_within"].value, found.stats.get("p_max", found.stats["p"]).value
            if auroc is not None and auroc < 0.5 and p is not None and p < _RARE:
                wrong[place] = f"{shown(tuple(one.labels.items()))}: {auroc:.3g} with p = {p:.2g}"
        detail = f"{len(cell.inputs['of'])} cells with no direction stated, {len(wrong)} of them below ½"
        whole = f"{detail}: {told([*wrong.values()])}" if wrong else detail
        statement = f"where no direction is stated, no AUROC is below ½ with p < {_RARE:g}"
        yield cell, Finding(not wrong, statement, whole, [("of", place) for place in wrong]).to_artifact()


def _stated(nodes: Sequence[Node]) -> set[str]:
    """Steps of which a rule, a `holds` or a choice reads a statistic that has a direction."""
    waiting = [node for node in nodes if {_stem(name) for name in node.judged} & _DIRECTED]
    for node in nodes:
        spec: Any = node.spec
        compares = node.kind.name == "holds" and {_stem(name) for name in _compared(spec.when)} & _DIRECTED
        takes = node.kind.name == "choose" and spec.statistic in _DIRECTED and spec.take != "max_abs"
        if compares or takes:
            waiting += [edge.node for edge in node.inputs["of"]]
    seen: set[Node] = set()
    while waiting:
        node = waiting.pop()
        if node not in seen and types.Estimate in node.types:
            seen.add(node)
            waiting += [edge.node for edge in node.edges()]
    return {node.step for node in seen}


def _compared(when: Mapping[str, float]) -> Iterator[str]:
    for name in when:
        yield parse_condition(name).statistic or "value"


def _stem(statistic: str) -> str:
    """A statistic without the end of its interval."""
    return statistic.partition(".")[0]
