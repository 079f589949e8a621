"""The mean of one group of rows minus that of another.

What it does
    D = E[value | plus] − E[value | minus], groups by a column of the rows behind the Table: with true and
    false claims, how far a score tells them apart. The interval resamples units within each group (units with
    rows in both are a group of their own), so that no group vanishes from a draw and group sizes stay as
    designed.

What it cannot show
    Whether the two groups can be told apart row by row: a gap in means says nothing of overlap, and it grows
    with the scale of the values. Groups that differ in more than the column confound it.

Inputs and output
    `of`: a Table, or several pooled ones, whose repeats are averaged per row first; `by`: a row column;
    `plus`, `minus`: its values. Rows of neither are left out and counted. An Estimate with `value`; `notes`
    carry both means and counts. Undefined where a group has no row with a value.

Reference
    The pressure study: D = E[score | true] − E[score | false]. Davison & Hinkley, Bootstrap Methods and their
    Application (1997), §3.2, for several samples.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from pydantic import StrictBool, StrictFloat, StrictInt, StrictStr

from ws_dsl.artifacts.estimate import Estimate, Stat
from ws_dsl.errors import MeasurementError
from ws_dsl.specs import types
from ws_dsl.specs.inspection import Complaint, Inspection
from ws_dsl.specs.kind import Column, Kind, Ref

if TYPE_CHECKING:
    import numpy as np

    from ws_dsl.artifacts.artifact import Artifact
    from ws_dsl.artifacts.rows import Rows
    from ws_dsl.specs.canonical import Json
    from ws_dsl.steps.cell import Cell, Context


class GroupGap(Kind[types.Estimate]):
    """Mean of the plus group minus mean of the minus group."""

    row_columns: ClassVar[bool] = True
    restricted: ClassVar[bool] = True

    of: Ref[types.Table]
    by: Column
    plus: StrictBool | StrictInt | StrictFloat | StrictStr
    minus: StrictBool | StrictInt | StrictFloat | StrictStr

    @classmethod
    def inspect(cls, spec: GroupGap, inspection: Inspection) -> Iterator[Complaint]:
        columns = inspection.columns("of")
        if columns is not None and spec.by not in columns:
            yield Complaint(
                "by", "unknown-column", f"no column {spec.by!r}; the rows have {', '.join(columns)}"
            )
        if columns is not None and columns.get(spec.by) == "bool":
            for field, group in (("plus", spec.plus), ("minus", spec.minus)):
                if not isinstance(group, bool):
                    yield Complaint(field, "wrong-label", f"{spec.by!r} is true or false, never {group!r}")
        if _same(spec.plus, spec.minus):
            yield Complaint(
                "minus", "equal-groups", f"plus and minus are both {spec.plus!r}: the gap is 0 by definition"
            )

    @classmethod
    def statistics(cls, spec: GroupGap, inputs: Mapping[str, Sequence[str] | None]) -> Sequence[str]:
        return ["value"]


version = 1


def run(cells: Sequence[Cell[GroupGap]], context: Context) -> Iterator[tuple[Cell[GroupGap], Artifact]]:
    for cell in cells:
        yield cell, group_gap(cell).to_artifact()


def group_gap(cell: Cell[GroupGap]) -> Estimate:
    """The gap with its interval and draws."""
    import numpy as np

    from ws_dsl.steps.analyse import _bootstrap as bootstrap
    from ws_dsl.steps.analyse._observations import observe, row_columns
    from ws_dsl.steps.analyse._statistics import Named, mean

    restriction = cell.get("rows")
    behind: Rows = cell.open("row_columns")
    observed = observe(cell.inputs["of"], restriction.open() if restriction else None)
    labels = [label for (label,) in row_columns(observed.keys, observed.ids, behind, [cell.spec.by])]
    groups = (cell.spec.plus, cell.spec.minus)
    for group in groups:
        if not any(_same(label, group) for label in behind.columns[cell.spec.by]):
            found = ", ".join(sorted({repr(label) for label in behind.columns[cell.spec.by]}))
            raise MeasurementError(f"{cell.name}: no row has {cell.spec.by} = {group!r}; there are {found}")
    flags = [tuple(_same(label, group) for group in groups) for label in labels]
    member = np.array(flags, dtype=bool).reshape(-1, 2)
    sides = np.where(_before(member, observed.values.ndim), observed.values[..., None], np.nan)
    units = bootstrap.unit_ids(observed.keys, observed.ids, behind)
    sample = bootstrap.grouped(sides, units, cell.resampled, strata=flags)
    gap = Named(lambda samples: mean(samples[..., 0]) - mean(samples[..., 1]), least=2)
    means = np.where(member, observed.per_row()[:, None], np.nan)
    plus, minus = (means[:, place][~np.isnan(means[:, place])] for place in (0, 1))
    empty = [str(group) for group, found in zip(groups, (plus, minus), strict=True) if len(found) == 0]
    if empty:
        reason = f"no row with {cell.spec.by} = {' or '.join(empty)} has a value"
        stats, draws = {"value": Stat(None, None, None, None, len(plus) + len(minus), reason)}, {}
    else:
        stats, draws = bootstrap.measure(sample, {"value": gap}, len(plus) + len(minus), axes=1)
    notes: dict[str, Json] = {
        "rows": len(observed.ids),
        "units": len(set(units)),
        "repeats": len(observed.repeats),
        "excluded": observed.excluded(),
        "neither": int((~member.any(axis=1)).sum()),
        "n_plus": len(plus),
        "n_minus": len(minus),
        "mean_plus": float(plus.mean()) if len(plus) else None,
        "mean_minus": float(minus.mean()) if len(minus) else None,
    }
    return Estimate(stats, draws, sample.units, observed.row_set(), notes | observed.described())


def _same(label: object, group: object) -> bool:
    """Equality that keeps true apart from 1."""
    return isinstance(label, bool) is isinstance(group, bool) and label == group


def _before(member: np.ndarray, dimensions: int) -> np.ndarray:
    """(rows, groups) with axes for the pooled repeats in between."""
    return member.reshape(len(member), *[1] * (dimensions - 1), 2)
