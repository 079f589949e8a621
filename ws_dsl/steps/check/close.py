"""Two results agree.

What it does
    Compares every cell with those on the other side that agree with it on all axes that both have: Tables row
    by row, Estimates by the statistic that is picked, else `value` or `mean`. No difference may be above a
    bound.

What it cannot show
    Which side is right.

Inputs and output
    `of`, `to`: Tables or Estimates; `atol`: the largest difference, in the unit of the values.

Reference
    Two ways to one number, such as two backends, agree to the precision of both.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Any, ClassVar

from pydantic import Field

from ws_dsl.artifacts.artifact import Artifact
from ws_dsl.artifacts.estimate import Estimate
from ws_dsl.artifacts.finding import Finding
from ws_dsl.artifacts.rows import show
from ws_dsl.specs import types
from ws_dsl.specs.kind import Check, Ref
from ws_dsl.steps.cell import Cell, Context, Input
from ws_dsl.steps.check._cells import partners, shown, told


class Close(Check):
    """Results that agree within a bound."""

    labelled: ClassVar[bool] = True

    of: Ref[types.Table | types.Estimate]
    to: Ref[types.Table | types.Estimate]
    atol: Annotated[float, Field(ge=0)]


version = 1


def run(cells: Sequence[Cell[Close]], context: Context) -> Iterator[tuple[Cell[Close], Artifact]]:
    """Compares every cell with its partners."""
    for cell in cells:
        one_side, other_side = cell.inputs["of"], cell.inputs["to"]
        broken: list[tuple[str, int]] = []
        wrong: list[str] = []
        largest = 0.0
        compared = 0
        for place, one in enumerate(one_side):
            name = shown(tuple(one.labels.items()))
            found = partners(one, other_side)
            apart = [] if found else [f"{name} has no partner"]
            for other in found:
                compared += 1
                gap, where = _gap(_numbers(one), _numbers(other_side[other]))
                largest = max(largest, gap or 0.0)
                if gap is None or gap > cell.spec.atol:
                    apart.append(f"{name}: {where}")
            wrong += apart
            broken += [("of", place)] if apart else []
        detail = f"{compared} pairs, largest difference {largest:.3g}" + (f"; {told(wrong)}" if wrong else "")
        statement = f"both sides agree within {cell.spec.atol:g}"
        yield cell, Finding(bool(compared) and not wrong, statement, detail, broken).to_artifact()


def _numbers(one: Input) -> dict[Any, float | None]:
    """Values by row, or the statistic; None where undefined."""
    from ws_dsl.steps.analyse._paired import default, picked

    found = one.open()
    if isinstance(found, Estimate):
        estimate = picked(one)
        return {(default(estimate),): estimate.stats[default(estimate)].value}
    return dict.fromkeys(found.ids()) | found.series(one.column or "value")


def _gap(one: dict[Any, float | None], other: dict[Any, float | None]) -> tuple[float | None, str]:
    """The largest difference with its place; None where one side alone has a value."""
    for key in one.keys() | other.keys():
        if (one.get(key) is None) != (other.get(key) is None) or (key in one) != (key in other):
            return None, f"{show(key)} has a value on one side alone"
    pairs = {key: (mine, other[key]) for key, mine in one.items() if mine is not None}
    gaps = {key: abs(mine - theirs) for key, (mine, theirs) in pairs.items() if theirs is not None}
    if not gaps:
        return 0.0, "no values"
    key = max(gaps, key=lambda key: gaps[key])
    mine, theirs = pairs[key]
    return gaps[key], f"{mine:.6g} and {theirs:.6g} at {show(key)}"
