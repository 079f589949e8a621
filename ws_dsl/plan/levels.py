"""Levels: values of a row column that become the labels of an axis, known before anything is computed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from ws_dsl.errors import DataError
from ws_dsl.plan.node import Node
from ws_dsl.plan.relation import MOST_CELLS, AxisError
from ws_dsl.plan.variants import NO_LABEL
from ws_dsl.specs.mistakes import NAME


def data_behind(node: Node) -> Node | None:
    """The data that the rows of a cell are taken from, or None."""
    source = node.rows_from
    while source is not None and source.kind.name != "dataset":
        of = source.inputs.get("of", [])
        source = of[0].node.rows_from if of else None
    return source


def levels(source: Node | None, column: str, taken: Sequence[str]) -> list[str]:
    """Labels of the axis that a column of the rows makes, in order.

    Args:
        source: Where the rows of a cell come from.
        column: The column, after which the axis is named.
        taken: Axes that there are.

    Raises:
        AxisError: there is such an axis already, or the column has no levels.
    """
    if column in taken:
        raise AxisError("axis-taken", f"there is an axis {column!r} already")
    if re.fullmatch(NAME, column) is None:
        raise AxisError("bad-name", f"the column {column!r} cannot name an axis: letters, digits and _")
    data = data_behind(source) if source is not None else None
    if data is None:
        raise AxisError("unknown-column", f"no rows are known here, whose column {column!r} could be an axis")
    files = data.files
    try:
        found = data.kind.spec.levels(data.spec, column, lambda field: files[field].read_bytes())
    except (DataError, OSError) as error:
        raise AxisError("unreadable", f"the values of {column!r} cannot be read: {error}") from None
    if found is None:
        spec: Any = data.spec
        message = f"an axis is made of a column that is a category, bool or sign, not of {column!r}"
        raise AxisError("unknown-column", f"{message} (columns: {', '.join(spec.columns)})")
    if len(found) > MOST_CELLS:
        raise AxisError("too-large", f"{column!r} has {len(found)} values, too many for an axis")
    for label in found:
        if not label.strip() or label != label.strip() or re.search(NO_LABEL, label):
            raise AxisError("no-label", f"the value {label!r} of {column!r} cannot be a label")
    return found
