"""The share of an effect that an intervention removes, row by row.

What it does
    removed = (base − of) / base per row, where `base` is the effect without and `of` the effect with the
    intervention: 1 removes it all, 0 leaves it, above 1 overshoots past the baseline, below 0 enlarges it.

What it cannot show
    Anything on rows with next to no effect: the fraction explodes as the denominator shrinks, and a few such
    rows can carry a mean. Restrict to a responsive subset with `rows`, prefer the median and shares, clip a
    mean and say so. A component that removes the effect need not be the only one that can.

Inputs and output
    `of`, `base`: Tables over one row set (`rows` restricts both first). A Table with the columns `numerator`
    (base − of) and `denominator` (base); where the denominator is exactly 0 the row is `excluded`, never 0 or
    1; where a side is not `ok` the row has that side's status.

Reference
    The pressure study: removed_frac = (Δ − Δ_fix) / Δ on rows with |Δ| ≥ 0.1.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, ClassVar

from ws_dsl.specs import types
from ws_dsl.specs.kind import Kind, Ref

if TYPE_CHECKING:
    from ws_dsl.artifacts.artifact import Artifact
    from ws_dsl.artifacts.table import Table
    from ws_dsl.steps.cell import Cell, Context


class RemovedFraction(Kind[types.Table]):
    """(base − of) / base, row by row."""

    restricted: ClassVar[bool] = True

    of: Ref[types.Table]
    base: Ref[types.Table]


version = 1


def run(
    cells: Sequence[Cell[RemovedFraction]], context: Context
) -> Iterator[tuple[Cell[RemovedFraction], Artifact]]:
    for cell in cells:
        yield cell, removed_fraction(cell).to_artifact()


def removed_fraction(cell: Cell[RemovedFraction]) -> Table:
    """The fraction of every row with its numerator and denominator."""
    import numpy as np

    from ws_dsl.steps.analyse._contrast import contrast, table

    both = contrast(cell, "of", "base")
    removed, base = both.right - both.left, both.right
    fraction = np.divide(removed, base, out=np.full_like(base, np.nan), where=base != 0)
    status = [
        "excluded" if s == "ok" and b == 0 else s for s, b in zip(both.status, base.tolist(), strict=True)
    ]
    notes = {**both.notes, "unit": "fraction"}
    return table(both.keys, both.ids, fraction, status, notes, numerator=removed, denominator=base)
