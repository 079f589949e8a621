"""Repeats under several seeds are not all the same.

What it does
    Compares the replies, or the answers, of every row between cells that differ in the sampling seed alone.
    Where all are the same in all rows, nothing was sampled, and what is computed over seeds is no evidence: a
    reliability of 1, a spread of 0. Always on, as a warning, for all that is sampled under several seeds;
    named in a study for any cells that should differ.

What it cannot show
    That repeats are independent, or that they differ enough.

Inputs and output
    `of`: Prompts with replies, or Tables; `axis`: the axis of the repeats; without it, the cells of each
    reference are repeats of each other.

Reference
    A server that ignores `temperature` gives one reply under every seed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

from ws_dsl.artifacts.artifact import Artifact
from ws_dsl.artifacts.finding import Finding
from ws_dsl.plan.node import Edge, Node
from ws_dsl.specs import types
from ws_dsl.specs.canonical import digest
from ws_dsl.specs.kind import Axis, Check, Gathered, Ref, seed_scope
from ws_dsl.steps.cell import Cell, Context, Input
from ws_dsl.steps.check._cells import Labels, along, shown, told


class Distinct(Check):
    """Repeats that differ."""

    severity: ClassVar[str] = "warn"
    labelled: ClassVar[bool] = True

    of: Ref[types.Prompts | types.Table]
    axis: Axis | None = None

    @classmethod
    def gather(cls, nodes: Sequence[Node]) -> Gathered | None:
        groups: dict[str, list[Node]] = {}
        for node in nodes:
            seeds = [name for name in type(node.spec).model_fields if _sampled(node, name)]
            if seeds and node.kind.verb == "measure" and _spoken(node):
                fields = {name: value for name, value in node.params.items() if name not in seeds}
                read = [[field, [id(e.node) for e in edges]] for field, edges in node.inputs.items()]
                groups.setdefault(digest([node.step, fields, read]), []).append(node)
        several = [group for group in groups.values() if len({str(node.params) for node in group}) > 1]
        edges = [
            Edge(node, None, (place, index))
            for place, group in enumerate(several)
            for index, node in enumerate(group)
        ]
        return Gathered({"of": edges}, {}) if edges else None


version = 1


def _sampled(node: Node, field: str) -> bool:
    return seed_scope(type(node.spec), field) == "sampling"


def _spoken(node: Node) -> bool:
    return bool({types.Prompts, types.Table} & set(node.types))


def run(cells: Sequence[Cell[Distinct]], context: Context) -> Iterator[tuple[Cell[Distinct], Artifact]]:
    """Compares the repeats of every row."""
    for cell in cells:
        inputs = cell.inputs["of"]
        if cell.spec.axis is not None:
            groups = [(rest, list(found.values())) for rest, found in along(inputs, cell.spec.axis).items()]
        else:
            groups = _together(inputs)
        broken: list[tuple[str, int]] = []
        same: list[str] = []
        rows = differing = 0
        for rest, places in groups:
            said = [_said(inputs[place]) for place in places]
            found = [len({one.get(key) for one in said}) > 1 for key in said[0]]
            rows, differing = rows + len(found), differing + sum(found)
            if len(places) > 1 and not any(found):
                where = f"{shown(rest)}: " if rest else ""
                same.append(f"{where}{len(places)} repeats of {len(found)} rows are all the same")
                broken += [("of", place) for place in places]
        detail = f"{differing} of {rows} rows differ between repeats" + (f"; {told(same)}" if same else "")
        yield cell, Finding(not same, "repeats are not all the same", detail, broken).to_artifact()


def _together(inputs: Sequence[Input]) -> list[tuple[Labels, list[int]]]:
    """Cells by the first of their places, with the labels that all of them share."""
    found: dict[int, list[int]] = {}
    for place, one in enumerate(inputs):
        found.setdefault(one.pooled[0], []).append(place)
    return [(_shared([inputs[place].labels for place in places]), places) for places in found.values()]


def _shared(labels: Sequence[dict[str, str]]) -> Labels:
    return tuple(
        (axis, label)
        for axis, label in labels[0].items()
        if all(other.get(axis) == label for other in labels)
    )


def _said(one: Input) -> dict[Any, Any]:
    """Reply, or value, of every row by its key."""
    found = one.open()
    columns = found.columns
    said = columns["reply"] if "reply" in columns else columns[one.column or "value"]
    return dict(zip(found.ids(), said, strict=True))
