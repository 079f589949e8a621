"""Plus minus minus.

What it does
    Of two Tables, subtracts row by row: the paired difference of every item. Of two Estimates, subtracts
    statistic by statistic and draw by draw: since both resampled the same units, the interval is that of the
    paired difference, narrower than two intervals laid side by side suggest. Repeats under pooled axes are
    averaged per row before subtracting.

What it cannot show
    Which side moved. A difference of two Estimates whose excluded rows differ compares two slightly different
    sets of rows: `n` is the smaller, and `notes` lists the exclusions of both.

Inputs and output
    `plus`, `minus`: two Tables over one row set, or two Estimates over one row set with the same resampled
    units; anything else is refused with the ids that differ. `rows` restricts both Tables first. A Table
    gains the columns `plus` and `minus`; a row has a value where both sides are `ok`, otherwise the status of
    the first side that is not. An Estimate has the statistics that both have, or `value` where one is picked
    on each side.

Reference
    The pressure study: Δ = score_pressured − score_neutral per claim; D_drop = D_pressured − D_neutral.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from ws_dsl.artifacts.estimate import Estimate
from ws_dsl.errors import MeasurementError
from ws_dsl.specs import types
from ws_dsl.specs.kind import Kind, Ref

if TYPE_CHECKING:
    from ws_dsl.artifacts.artifact import Artifact
    from ws_dsl.artifacts.table import Table
    from ws_dsl.steps.cell import Cell, Context


class Difference(Kind[types.TableOrEstimate]):
    """Plus minus minus, row by row or statistic by statistic."""

    restricted: ClassVar[bool] = True

    plus: Ref[types.Table | types.Estimate]
    minus: Ref[types.Table | types.Estimate]

    @classmethod
    def statistics(cls, spec: Difference, inputs: Mapping[str, Sequence[str] | None]) -> Sequence[str] | None:
        plus, minus = inputs["plus"], inputs["minus"]
        return None if plus is None or minus is None else [name for name in plus if name in minus]


version = 1


def run(cells: Sequence[Cell[Difference]], context: Context) -> Iterator[tuple[Cell[Difference], Artifact]]:
    for cell in cells:
        opened = {isinstance(one.open(), Estimate) for name in ("plus", "minus") for one in cell.inputs[name]}
        if len(opened) > 1:
            raise MeasurementError(f"{cell.name}: a Table and an Estimate cannot be subtracted")
        made = of_estimates(cell) if opened == {True} else of_tables(cell)
        yield cell, made.to_artifact()


def of_tables(cell: Cell[Difference]) -> Table:
    """The paired difference of every row."""
    from ws_dsl.steps.analyse._contrast import contrast, table

    both = contrast(cell, "plus", "minus")
    sides = {"plus": both.left, "minus": both.right}
    return table(both.keys, both.ids, both.left - both.right, both.status, both.notes, **sides)


def of_estimates(cell: Cell[Difference]) -> Estimate:
    """The difference of every statistic that both have."""
    from ws_dsl.steps.analyse._paired import combine, notes_of, paired_draws, two, undefined

    plus, minus = two(cell, "plus", "minus")
    names = [name for name in plus.stats if name in minus.stats]
    if not names:
        raise MeasurementError(
            f"plus has {', '.join(plus.stats)} and minus {', '.join(minus.stats)}: no statistic in common"
        )
    stats, draws = {}, {}
    for name in names:
        left, right = plus.stats[name], minus.stats[name]
        if left.value is None or right.value is None:
            stats[name] = undefined(left, right, "plus", "minus")
            continue
        drawn = paired_draws(plus, minus, name, name, lambda a, b: a - b)
        stats[name] = combine(left, right, left.value - right.value, drawn)
        if drawn is not None:
            draws[name] = drawn
    return Estimate(stats, draws, plus.units, plus.row_set, notes_of(plus, minus, "plus", "minus"))
