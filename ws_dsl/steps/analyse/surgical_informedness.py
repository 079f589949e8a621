"""How precisely an arm turns rows both ways: what is meant is turned, and the rest left alone.

What it does
    Rows are right or wrong by the sign of their score without intervention (right is above 0). `forward`: of
    the wrong rows, the share that the plus arm fixes, minus twice the share of the right rows that it breaks.
    `reverse`: of the right rows, the share that the minus arm turns, minus twice the share of the wrong rows
    that it turns against its direction. The value is 100 times the mean of the two, times the square of the
    smaller of both arms' mean probability mass on the answers: an arm that stops answering earns nothing.
    `value_k1`, `forward_k1` and `reverse_k1` weigh collateral once rather than twice.

What it cannot show
    How far scores move, and whether rows that were turned had been close to 0. The scale is its own: 100 is
    an arm that turns all rows as meant and no others, −100 (weighed twice) one that does the opposite on
    right rows alone; comparisons across data with other shares of right rows are of unlike things.

Inputs and output
    `base`, `plus`, `minus`: Tables of signed scores with `pmass`, over one row set (`rows` restricts all):
    without intervention, with the arm in its direction, and with the opposite one. Rows are aligned by key.
    Repeats under pooled axes are averaged per row first. An Estimate of `value`, `forward`, `reverse`, their
    `_k1`, and `pmass`, the smaller mean, with intervals over units. Undefined where no row is right, or none
    wrong, at the base.

Reference
    The weight-steering study's surgical informedness, SI = 100 · mean(si_fwd, si_rev) · min(pmass₊, pmass₋)²;
    informedness: Powers, Journal of Machine Learning Technologies 2 (2011).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from ws_dsl.artifacts.estimate import Estimate
from ws_dsl.specs import types
from ws_dsl.specs.kind import Kind, Ref
from ws_dsl.steps.analyse._flips import over

if TYPE_CHECKING:
    import numpy as np

    from ws_dsl.artifacts.artifact import Artifact
    from ws_dsl.specs.canonical import Json
    from ws_dsl.steps.cell import Cell, Context

_SIDES = ("base", "plus", "minus")


class SurgicalInformedness(Kind[types.Estimate]):
    """Turned rows of both directions, against collateral ones."""

    row_columns: ClassVar[bool] = True
    restricted: ClassVar[bool] = True

    base: Ref[types.Table]
    plus: Ref[types.Table]
    minus: Ref[types.Table]

    @classmethod
    def statistics(
        cls, spec: SurgicalInformedness, inputs: Mapping[str, Sequence[str] | None]
    ) -> Sequence[str]:
        return [*_STATISTICS]


version = 1


def run(
    cells: Sequence[Cell[SurgicalInformedness]], context: Context
) -> Iterator[tuple[Cell[SurgicalInformedness], Artifact]]:
    for cell in cells:
        yield cell, surgical_informedness(cell).to_artifact()


def surgical_informedness(cell: Cell[SurgicalInformedness]) -> Estimate:
    """Every statistic with its interval and draws."""
    import numpy as np

    from ws_dsl.steps.analyse import _bootstrap as bootstrap
    from ws_dsl.steps.analyse._contrast import same_keys
    from ws_dsl.steps.analyse._flips import one_sided
    from ws_dsl.steps.analyse._observations import observe
    from ws_dsl.steps.analyse._statistics import Named

    restriction, behind = cell.get("rows"), cell.get("row_columns")
    rows = restriction.open() if restriction else None
    scores = [observe(cell.inputs[side], rows) for side in _SIDES]
    masses = [observe(cell.inputs[side], rows, "pmass") for side in _SIDES[1:]]
    for side, one in zip(_SIDES[1:], scores[1:], strict=True):
        same_keys(scores[0], one, "base", side)
    columns = np.stack([one.per_row() for one in (*scores, *masses)], axis=1)
    columns[np.isnan(columns).any(axis=1)] = np.nan
    n = int((~np.isnan(columns[:, 0])).sum())
    units = bootstrap.unit_ids(scores[0].keys, scores[0].ids, behind.open() if behind else None)
    sample = bootstrap.grouped(columns, units)
    stats, draws = bootstrap.measure(sample, {name: Named(of) for name, of in _STATISTICS.items()}, n, axes=1)
    if n and (reason := one_sided(columns[:, :1].repeat(2, axis=1))):
        stats = {
            name: stat._replace(reason=reason) if stat.value is None else stat for name, stat in stats.items()
        }
    notes: dict[str, Json] = {
        "rows": len(scores[0].ids),
        "units": len(set(units)),
        "excluded": {side: one.excluded() for side, one in zip(_SIDES, scores, strict=True)},
    }
    return Estimate(stats, draws, sample.units, scores[0].row_set(), notes | scores[0].described())


def _directed(samples: np.ndarray, side: int, weight: int) -> np.ndarray:
    """Share of rows that one arm turns its way, minus `weight` times the share that it turns the other way.

    Args:
        samples: (samples, rows, columns), of which the first three are the scores of base, plus and minus.
        side: 1 for the plus arm, whose way is from wrong to right; 2 for the minus arm, whose way is back.
        weight: Of the collateral.
    """
    from ws_dsl.steps.analyse._flips import turned

    found = turned(samples[..., [side, 0]])
    fixed, broken = over(found.fixed, found.wrong), over(found.broken, found.right)
    return fixed - weight * broken if side == 1 else broken - weight * fixed


def _mass(samples: np.ndarray) -> np.ndarray:
    """The smaller mean mass of both arms."""
    import numpy as np

    from ws_dsl.steps.analyse._statistics import mean

    return np.minimum(mean(samples[..., 3]), mean(samples[..., 4]))


def _value(samples: np.ndarray, weight: int) -> np.ndarray:
    both = (_directed(samples, 1, weight) + _directed(samples, 2, weight)) / 2
    return 100 * both * _mass(samples) ** 2


_STATISTICS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "value": partial(_value, weight=2),
    "forward": partial(_directed, side=1, weight=2),
    "reverse": partial(_directed, side=2, weight=2),
    "value_k1": partial(_value, weight=1),
    "forward_k1": partial(_directed, side=1, weight=1),
    "reverse_k1": partial(_directed, side=2, weight=1),
    "pmass": _mass,
}
