"""Vectors are added at a length that the model is used to.

What it does
    Compares, for every arm that adds a vector, the length of what is added with the mean norm of the
    activations at its place. Beyond half of it the model is hardly the one that was trained. Always on, as a
    warning.

What it cannot show
    What the arm does; `perturbation` measures the change it makes. Arms that were scaled or calibrated are
    not looked at.

Inputs and output
    `vector`: Vectors; `coeff` and `unit` of each arm. All are made by the planner, of all `add_vector`.

Reference
    The same coefficient of a unit vector turned one model's words and did nothing to another, whose
    activations were many times as long. Rimsky et al. (2023) equalise norms for this reason.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar, Literal

from ws_dsl.artifacts.artifact import Artifact
from ws_dsl.artifacts.finding import Finding
from ws_dsl.artifacts.vectors import Vectors
from ws_dsl.plan.node import Edge, Node
from ws_dsl.specs import types
from ws_dsl.specs.canonical import Json
from ws_dsl.specs.kind import Check, Gathered, Ref
from ws_dsl.steps.cell import Cell, Context
from ws_dsl.steps.check._cells import shown, told


class AddedNorm(Check):
    """Length of what is added, relative to activations."""

    severity: ClassVar[str] = "warn"
    labelled: ClassVar[bool] = True

    vector: Ref[types.Vectors]
    coeff: list[float]
    unit: list[Literal["mean_norm", "raw"]]

    @classmethod
    def gather(cls, nodes: Sequence[Node]) -> Gathered | None:
        # What is only calibrated is measured at another coefficient.
        read = {edge.node for node in nodes if node.kind.name != "calibrate" for edge in node.edges()}
        arms = [node for node in nodes if node.kind.name == "add_vector" and node in read]
        if not arms:
            return None
        edges = [
            Edge(arm.inputs["vector"][0].node, None, (place,), tuple(arm.labels.items()))
            for place, arm in enumerate(arms)
        ]
        settings: dict[str, Json] = {name: [arm.params[name] for arm in arms] for name in ("coeff", "unit")}
        return Gathered({"vector": edges}, settings)


version = 1

_MOST = 0.5


def run(cells: Sequence[Cell[AddedNorm]], context: Context) -> Iterator[tuple[Cell[AddedNorm], Artifact]]:
    """Compares every arm's length with that of activations."""
    for cell in cells:
        shares: list[float] = []
        broken: list[tuple[str, int]] = []
        wrong: list[str] = []
        given = zip(cell.inputs["vector"], cell.spec.coeff, cell.spec.unit, strict=True)
        for place, (one, coeff, unit) in enumerate(given):
            share = _share(one.open(), coeff, unit)
            shares += [] if share is None else [share]
            if share is None or share > _MOST:
                how = "how long activations are is not known" if share is None else f"{share:.3g}"
                wrong.append(f"{shown(tuple(one.labels.items()))}: {how}")
                broken.append(("vector", place))
        span = f"{min(shares):.3g} to {max(shares):.3g}" if shares else "unknown"
        detail = f"{len(cell.spec.coeff)} arms add {span} of the mean norm of activations"
        statement = f"no arm adds more than {_MOST:g} of the mean norm of activations"
        whole = f"{detail}; {told(wrong)}" if wrong else detail
        yield cell, Finding(not wrong, statement, whole, broken).to_artifact()


def _share(vector: Vectors, coeff: float, unit: str) -> float | None:
    """Length of what is added over the mean norm; None where that is not known."""
    if unit == "mean_norm":
        return abs(coeff)
    return float(abs(coeff) * vector.norms()[0] / vector.mean_norm) if vector.mean_norm else None
