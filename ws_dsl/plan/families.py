"""Families: the cells of a step that differ only along axes which it takes whole and keeps.

Joint corrections read all cells of their family; what is made from the others reads all but its own. The axes
stay: there is a result for every cell.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from ws_dsl.plan.node import Edge
from ws_dsl.plan.relation import AxisError, Join, Joined, Labels

Whole = Mapping[str, list[Edge]]
"""By field, what all cells of a family read, each once.

Places along the family's axes, in the order in which they are named, come before the places that an edge has
already; −1 stands for an axis that the field's cells do not have.
"""


def check_kept(axes: Mapping[str, str], join: Join, gone: Sequence[str]) -> tuple[str, AxisError] | None:
    """The field that names an axis which cannot be taken whole and kept, and why; None where all can.

    Args:
        axes: Axes with the fields that name them.
        join: The step's cells.
        gone: Axes that the step pools or consumes.
    """
    for axis, field in axes.items():
        if axis in join.own:
            message = f"the step varies {axis!r} itself; vary it in a step that this one reads"
        elif axis in gone:
            message = f"{axis!r} is pooled, and {field} keeps its axes"
        elif axis not in join.axes:
            message = f"no input has an axis {axis!r} (axes: {', '.join(join.axes) or 'none'})"
        else:
            continue
        return field, AxisError("unknown-axis", message)
    return None


def families(join: Join, cells: Sequence[Joined], axes: Sequence[str]) -> Callable[[Joined], Whole]:
    """What the family of each cell reads; cells of one family share one answer.

    Args:
        join: The joined cells with their axes.
        cells: Those of them that are made.
        axes: The axes along which a family extends.
    """
    order = {axis: {label: place for place, label in enumerate(join.axes[axis])} for axis in axes}

    def rest(labels: Labels) -> tuple[tuple[str, str], ...]:
        return tuple(sorted((axis, label) for axis, label in labels.items() if axis not in order))

    found: dict[tuple[tuple[str, str], ...], dict[str, dict[tuple[int, ...], list[Edge]]]] = {}
    for cell in cells:
        whole = found.setdefault(rest(cell.labels), {})
        for field, edges in cell.inputs.items():
            brought = {axis: cell.labels[axis] for axis in axes if axis in cell.brought.get(field, ())}
            place = tuple(order[axis][brought[axis]] if axis in brought else -1 for axis in axes)
            placed = whole.setdefault(field, {})
            if place not in placed:
                placed[place] = [replace(edge, pooled=(*place, *edge.pooled)) for edge in edges]
    made: dict[tuple[tuple[str, str], ...], Whole] = {
        labels: {field: [e for edges in placed.values() for e in edges] for field, placed in whole.items()}
        for labels, whole in found.items()
    }
    return lambda cell: made[rest(cell.labels)]


def others(join: Join, cells: Sequence[Joined], axis: str) -> list[Joined]:
    """The cells, each reading what the others along an axis read; fields without the axis are as they were.

    Raises:
        AxisError: a cell is alone along the axis.
    """
    whole = families(join, cells, [axis])
    place = {label: place for place, label in enumerate(join.axes[axis])}
    found: list[Joined] = []
    for cell in cells:
        inputs = dict(cell.inputs)
        for field, brought in cell.brought.items():
            if axis in brought:
                own = place[cell.labels[axis]]
                inputs[field] = [edge for edge in whole(cell)[field] if edge.pooled[0] != own]
                if not inputs[field]:
                    labels = ", ".join(f"{name}={label}" for name, label in cell.labels.items())
                    raise AxisError(
                        "no-partner", f"[{labels}] is alone along {axis!r}: no other label is there"
                    )
        found.append(cell._replace(inputs=inputs))
    return found
