"""Coefficients that stand side by side have one unit.

What it does
    Looks at every figure and table that shows arms along an axis of coefficients, and says what a coefficient
    of 1 is in each arm: the mean norm of activations, the vector or the weight difference as it is (`raw`,
    which is something else for every way of making one), or the strength that `calibrate` found for a
    divergence. Where one axis holds several of these, equal coefficients are not equal pushes. Always on, as
    a warning.

What it cannot show
    That arms of one unit are equally strong: two seeds of one family are of one unit here. Coefficients whose
    labels are words are not looked at, since nobody reads them as numbers.

Inputs and output
    `of`: the cells that are shown; `units`: the axis and what 1 is on it for each; `shown`: the figures and
    tables. All are made by the planner, of views that mix units.

Reference
    The coefficient of one side effect was 0.78 for one family of adapters and 35 for another.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, ClassVar, NamedTuple

from ws_dsl.artifacts.artifact import Artifact
from ws_dsl.artifacts.finding import Finding
from ws_dsl.plan.node import Edge, Node
from ws_dsl.specs import types
from ws_dsl.specs.canonical import Json
from ws_dsl.specs.kind import Check, Gathered, Ref
from ws_dsl.steps.cell import Cell, Context
from ws_dsl.steps.check._cells import told


class OneUnit(Check):
    """Units of coefficients that are shown together."""

    severity: ClassVar[str] = "warn"

    of: Ref[types.Table | types.Estimate]
    units: list[str]
    shown: list[str]

    @classmethod
    def gather(cls, nodes: Sequence[Node]) -> Gathered | None:
        behind = _behind(nodes)
        views: dict[str, list[tuple[Node, str]]] = {}
        for node in nodes:
            for own in sorted(behind[node]):
                if node.labels.get(own.axis) == own.label:
                    for view in sorted(node.shown):
                        views.setdefault(f"{view} along {own.axis}", []).append((node, own.unit))
        mixed = {view: found for view, found in views.items() if len({unit for _, unit in found}) > 1}
        if not mixed:
            return None
        settings: dict[str, Json] = {
            "units": [unit for found in mixed.values() for _, unit in found],
            "shown": [view for view, found in mixed.items() for _ in found],
        }
        return Gathered({"of": [Edge(node) for found in mixed.values() for node, _ in found]}, settings)


version = 1


def run(cells: Sequence[Cell[OneUnit]], context: Context) -> Iterator[tuple[Cell[OneUnit], Artifact]]:
    """Tells of every view what 1 is in it; all that was gathered mixes units."""
    for cell in cells:
        views: dict[str, dict[str, None]] = {}
        for unit, view in zip(cell.spec.units, cell.spec.shown, strict=True):
            views.setdefault(view, {})[unit] = None
        wrong = [f"{view}: 1 is {', or '.join(units)}" for view, units in views.items()]
        broken = [("of", place) for place in range(len(cell.inputs["of"]))]
        statement = "coefficients that are shown side by side have one unit"
        yield cell, Finding(False, statement, told(wrong), broken).to_artifact()


class _Coefficient(NamedTuple):
    """A label that is a coefficient, and what 1 is."""

    axis: str
    label: str
    unit: str


def _behind(nodes: Sequence[Node]) -> dict[Node, set[_Coefficient]]:
    """Coefficients of the arms behind each cell; inputs come before what reads them."""
    axes = _axes(nodes)
    behind: dict[Node, set[_Coefficient]] = {}
    for node in nodes:
        if _is_arm(node):
            behind[node] = {
                _Coefficient(axis, node.labels[axis], _unit(node))
                for axis in axes[node.step] & {*node.labels}
            }
        else:
            behind[node] = {own for edge in node.edges() for own in behind.get(edge.node, ())}
    return behind


def _is_arm(node: Node) -> bool:
    return types.Arm in node.types and "coeff" in type(node.spec).model_fields


def _axes(nodes: Iterable[Node]) -> dict[str, set[str]]:
    """Axes by step along which the coefficient differs and is what the label says."""
    arms: dict[str, list[Node]] = {}
    for node in nodes:
        if _is_arm(node):
            arms.setdefault(node.step, []).append(node)
    return {
        step: {
            axis
            for axis in own[0].labels
            if len({_coeff(arm) for arm in own}) > 1
            and all(_number(arm.labels.get(axis, "")) == _coeff(arm) for arm in own)
        }
        for step, own in arms.items()
    }


def _coeff(arm: Node) -> float:
    spec: Any = arm.spec
    return spec.coeff


def _number(label: str) -> float | None:
    try:
        return float(label)
    except ValueError:
        return None


def _unit(arm: Node) -> str:
    """What a coefficient of 1 is."""
    spec: Any = arm.spec
    if arm.kind.name == "calibrate":
        return f"a divergence of {spec.p95_kl:g} nats"
    if arm.kind.name == "add_vector":
        own = _made_by(arm.inputs["vector"][0].node)
        return f"the vector as it is ({own})" if spec.unit == "raw" else "the mean norm of activations"
    if scale := arm.inputs.get("scale"):
        return _unit(_unchosen(scale[0].node))
    return f"the weight difference as it is ({_made_by(arm.inputs['delta'][0].node)})"


def _made_by(node: Node) -> str:
    """The kind that a vector is of, or the families that a weight difference was trained in."""
    node = _unchosen(node)
    # What is drawn to be like another is as long.
    source = node.inputs.get("like") or node.inputs.get("delta")
    if source:
        return _made_by(source[0].node)
    trained: list[Any] = [
        one.spec
        for one in (_unchosen(edge.node) for edge in node.edges())
        if one.kind.name == "train_adapter"
    ]
    families = {spec.family.kind for spec in trained}
    return " and ".join(sorted(families)) or node.kind.name


def _unchosen(node: Node) -> Node:
    """The cell itself, or the first candidate of a choice."""
    while node.kind.name == "chosen":
        node = node.inputs["of"][0].node
    return node
