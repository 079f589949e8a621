"""The ratio of two Estimates.

What it does
    Divides one statistic by another that rests on the same rows, draw by draw.

What it cannot show
    Anything where the denominator is at noise: if its 95 % interval contains 0, or it has none, the ratio is
    undefined and says why. A ratio of means is not the mean of ratios (see `removed_fraction`).

Inputs and output
    `of`, `base`: Estimates over one row set with the same resampled units. Of each, the picked statistic is
    taken (`effect.median`); where none is picked `value`, else `mean`, else the only one there is. An
    Estimate with `value`; `notes` carry numerator and denominator.

Reference
    Fieller, Some problems in interval estimation, JRSS B 16 (1954), for why a ratio over a denominator that
    may be 0 has no bounded interval.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from ws_dsl.artifacts.estimate import Estimate, Stat
from ws_dsl.specs import types
from ws_dsl.specs.kind import Kind, Ref

if TYPE_CHECKING:
    from ws_dsl.artifacts.artifact import Artifact
    from ws_dsl.steps.cell import Cell, Context


class Ratio(Kind[types.Estimate]):
    """One statistic over another."""

    of: Ref[types.Estimate]
    base: Ref[types.Estimate]

    @classmethod
    def statistics(cls, spec: Ratio, inputs: Mapping[str, Sequence[str] | None]) -> Sequence[str]:
        return ["value"]


version = 1


def run(cells: Sequence[Cell[Ratio]], context: Context) -> Iterator[tuple[Cell[Ratio], Artifact]]:
    for cell in cells:
        yield cell, ratio(cell).to_artifact()


def ratio(cell: Cell[Ratio]) -> Estimate:
    """The ratio, or the reason why there is none."""
    import numpy as np

    from ws_dsl.steps.analyse._paired import combine, default, notes_of, paired_draws, two, undefined

    of, base = two(cell, "of", "base")
    above, below = default(of), default(base)
    left, right = of.stats[above], base.stats[below]
    sides = {"numerator": left.value, "denominator": right.value, "unit": "ratio"}
    notes = notes_of(of, base, "of", "base") | sides
    draws: dict[str, np.ndarray] = {}
    if left.value is None or right.value is None:
        stat = undefined(left, right, "of", "base")
    elif at_noise(right):
        stat = Stat(
            None, None, None, None, min(left.n, right.n), "the denominator is at noise: its interval has 0"
        )
    else:
        drawn = paired_draws(
            of, base, above, below, lambda a, b: np.where(b == 0, np.nan, a / np.where(b == 0, 1, b))
        )
        stat = combine(left, right, left.value / right.value, drawn)
        if drawn is not None:
            draws["value"] = drawn
    return Estimate({"value": stat}, draws, of.units, of.row_set, notes)


def at_noise(stat: Stat) -> bool:
    """Whether a denominator cannot be told from 0; one without an interval cannot."""
    return stat.low is None or stat.high is None or stat.low <= 0 <= stat.high
