"""The cell with the largest, smallest or farthest statistic.

What it does
    Looks at all cells along some axes and notes which one has the extreme value. Written in brackets after
    another step, `score[best]`, the choice picks the same cell there: a layer and a coefficient are chosen on
    validation rows and reported on test rows.

What it cannot show
    How good the chosen cell is: the extreme of several noisy values is too extreme. Report it on rows that
    the choice was not made on.

Inputs and output
    `of`: an Estimate; `axes`: the axes along which one cell is chosen, which disappear; `statistic`: the one
    that decides; `take`: `max`, `min`, or `max_abs`, the farthest from zero. Undefined values are
    not chosen; of equal ones the first in declared order is. Gives a Choice.

Reference
    None: an argument of the maximum.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from ws_dsl.artifacts.choice import Choice
from ws_dsl.errors import MeasurementError
from ws_dsl.specs import types
from ws_dsl.specs.kind import Axis, Kind, Ref

if TYPE_CHECKING:
    from ws_dsl.artifacts.artifact import Artifact
    from ws_dsl.artifacts.estimate import Estimate
    from ws_dsl.specs.canonical import Json
    from ws_dsl.steps.cell import Cell, Context


class Choose(Kind[types.Choice]):
    """The cell with the extreme statistic."""

    labelled: ClassVar[bool] = True

    of: Ref[types.Estimate]
    axes: Annotated[list[Axis], Field(min_length=1)]
    statistic: str
    take: Literal["max", "min", "max_abs"]


version = 1

_ORDER: dict[str, Callable[[float], float]] = {"max": lambda x: x, "min": lambda x: -x, "max_abs": abs}


def run(cells: Sequence[Cell[Choose]], context: Context) -> Iterator[tuple[Cell[Choose], Artifact]]:
    for cell in cells:
        yield cell, _choose(cell).to_artifact()


def _choose(cell: Cell[Choose]) -> Choice:
    column, order = cell.spec.statistic, _ORDER[cell.spec.take]
    best: tuple[dict[str, str], float] | None = None
    row_sets: set[str] = set()
    candidates: list[Json] = []
    for one in sorted(cell.inputs["of"], key=lambda one: one.pooled):
        estimate: Estimate = one.open()
        if column not in estimate.stats:
            raise MeasurementError(
                f"there is no statistic {column!r}; the Estimate has {', '.join(estimate.stats)}"
            )
        value = estimate.stats[column].value
        row_sets.add(estimate.row_set)
        candidates.append({"labels": dict(one.labels), "value": value})
        if value is not None and (best is None or order(value) > order(best[1])):
            best = dict(one.labels), value
    if len(row_sets) > 1:
        raise MeasurementError("the candidates rest on different rows; compare what was measured on the same")
    if best is None:
        raise MeasurementError(f"{column} is undefined in all {len(candidates)} candidates")
    notes: dict[str, Json] = {"column": column, "take": cell.spec.take, "candidates": candidates}
    return Choice(*best, row_sets.pop(), notes)
