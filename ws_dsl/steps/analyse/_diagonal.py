"""Cells by whether their labels on several axes are the same."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import Field

from ws_dsl.errors import MeasurementError
from ws_dsl.specs import types
from ws_dsl.specs.kind import Axis, Kind, Ref

if TYPE_CHECKING:
    from ws_dsl.artifacts.table import Table
    from ws_dsl.steps.cell import Cell, Input


class OfSquare(Kind[types.Table]):
    """The mean of every row over some cells of a square of axes."""

    restricted: ClassVar[bool] = True
    labelled: ClassVar[bool] = True

    of: Ref[types.Table]
    axes: Annotated[list[Axis], Field(min_length=2)]


def on_diagonal(one: Input, axes: list[str]) -> bool:
    """Whether a cell has the same label on every axis."""
    return len({one.labels.get(axis) for axis in axes}) == 1


def averaged(cell: Cell[Any], chosen: list[Input], which: str) -> Table:
    """Mean of every row over the cells that are chosen.

    Raises:
        MeasurementError: there are none.
    """
    from ws_dsl.steps.analyse.average import average

    if not chosen:
        raise MeasurementError(f"{cell.name}: no cell is {which} the diagonal of {', '.join(cell.spec.axes)}")
    return average(replace(cell, inputs={**cell.inputs, "of": chosen}))
