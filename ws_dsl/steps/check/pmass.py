"""The model gives one of the scored answers.

What it does
    For every table of answer scores or distributions of answers measured without an intervention, and for the
    grades of a model that judges, compares the mean probability on the scored answers with a floor, and
    reports the share of rows below one half. Always on. Answers that the model would not give say nothing,
    however large their logit difference is. Interventions are not held to the floor, but their lowest mean is
    reported.

What it cannot show
    That the answers are right, or that the model means them.

Inputs and output
    `tables`: Tables with a column `pmass`, made by the planner; `floor`: lowest mean that passes. Token sets
    after the first that a study audits on the same states (such as lower-case spellings) are judged by the
    best of them.

Reference
    Low mass on the scored answers has turned published effects into noise.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated

from pydantic import Field

from ws_dsl.artifacts.artifact import Artifact
from ws_dsl.artifacts.finding import Finding
from ws_dsl.plan.node import Edge, Node
from ws_dsl.specs import types
from ws_dsl.specs.kind import Check, Gathered, Ref
from ws_dsl.steps.cell import Cell, Context


class Pmass(Check):
    """A floor under the probability of the scored answers."""

    tables: Ref[types.Table]
    floor: Annotated[float, Field(gt=0, le=1)] = 0.5

    @classmethod
    def gather(cls, nodes: Sequence[Node]) -> Gathered | None:
        edges: list[Edge] = []
        groups: dict[int, int] = {}
        for node in nodes:
            scored = "tokens" in node.kind.spec.model_fields or node.kind.name == "answer_distribution"
            if scored and "states" in node.inputs:
                states = node.inputs["states"][0].node
                group = groups.setdefault(id(states), len(groups))
                edges.append(Edge(node, "pmass", (group, int("arm" in states.inputs))))
            elif node.kind.name == "judge" and "model" in node.inputs:
                edges.append(Edge(node, "pmass", (groups.setdefault(id(node), len(groups)), 0)))
        return Gathered({"tables": edges}, {}) if edges else None


version = 1


def run(cells: Sequence[Cell[Pmass]], context: Context) -> Iterator[tuple[Cell[Pmass], Artifact]]:
    """Compares the best-covered token set of every unintervened state with the floor."""
    for cell in cells:
        best: dict[int, tuple[float, float, int]] = {}
        intervened: list[float] = []
        for index, one in enumerate(cell.inputs["tables"]):
            masses = [mass for mass in one.open().columns["pmass"] if mass is not None]
            if not masses:
                continue
            mean = sum(masses) / len(masses)
            low = sum(not mass >= 0.5 for mass in masses) / len(masses)
            if one.pooled[1]:
                intervened.append(mean)
            elif one.pooled[0] not in best or mean > best[one.pooled[0]][0]:
                best[one.pooled[0]] = (mean, low, index)
        broken = [("tables", index) for mean, _, index in best.values() if not mean >= cell.spec.floor]
        details: list[str] = []
        if best:
            details.append(f"lowest mean mass {min(mean for mean, _, _ in best.values()):.3f}")
            details.append(
                f"largest share of rows below one half {max(low for _, low, _ in best.values()):.3f}"
            )
        if intervened:
            details.append(f"under interventions lowest mean mass {min(intervened):.3f}")
        least = f"at least {cell.spec.floor:g}"
        statement = f"without intervention, the scored answers have a mean probability of {least}"
        yield cell, Finding(not broken, statement, "; ".join(details), broken).to_artifact()
