"""How steadily a statistic follows the coefficient.

What it does
    Takes the statistic at all labels of an axis, which are numbers, together with no effect at 0, and gives
    Spearman's rank correlation of the two (`spearman`), the slope of the straight line through them
    (`slope`, per unit of the axis), and whether the signs follow: the share of labels whose statistic has the
    sign of the label (`signs`). Intervals are over the paired draws of the statistics.

What it cannot show
    A response that turns back: select the range in which it should be steady, and look at the rest beside
    it. With five points a rank correlation is 1 by chance once in 60 times.

Inputs and output
    `of`: an Estimate that is a difference from no intervention; `along`: the axis of coefficients, which
    disappears; `statistic`: the one that is read, `mean` by default. An Estimate; undefined where fewer than
    three labels have a value.

Reference
    Spearman, The Proof and Measurement of Association between Two Things, 1904.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from ws_dsl.artifacts.estimate import Estimate, Stat
from ws_dsl.errors import MeasurementError
from ws_dsl.specs import types
from ws_dsl.specs.kind import Axis, Kind, Ref

if TYPE_CHECKING:
    import numpy as np

    from ws_dsl.artifacts.artifact import Artifact
    from ws_dsl.steps.cell import Cell, Context


class DoseResponse(Kind[types.Estimate]):
    """How steadily a statistic follows the coefficient."""

    labelled: ClassVar[bool] = True

    of: Ref[types.Estimate]
    along: Axis
    statistic: str = "mean"

    @classmethod
    def statistics(cls, spec: DoseResponse, inputs: Mapping[str, Sequence[str] | None]) -> Sequence[str]:
        return ["spearman", "slope", "signs"]


version = 1


def run(
    cells: Sequence[Cell[DoseResponse]], context: Context
) -> Iterator[tuple[Cell[DoseResponse], Artifact]]:
    for cell in cells:
        yield cell, _response(cell).to_artifact()


def _response(cell: Cell[DoseResponse]) -> Estimate:
    import numpy as np

    from ws_dsl.steps.analyse._bootstrap import interval

    axis, name = cell.spec.along, cell.spec.statistic
    points: list[tuple[float, Estimate]] = []
    for one in cell.inputs["of"]:
        estimate: Estimate = one.open()
        if name not in estimate.stats:
            raise MeasurementError(f"no statistic {name!r}; the Estimate has {', '.join(estimate.stats)}")
        if estimate.stats[name].value is not None:
            points.append((_number(one.labels[axis], axis), estimate))
    points.sort(key=lambda point: point[0])
    estimates = [estimate for _, estimate in points]
    if len({estimate.row_set for estimate in estimates}) > 1:
        raise MeasurementError("the estimates rest on different rows; compare what was measured on the same")
    units = {estimate.units for estimate in estimates}
    row_set = estimates[0].row_set if estimates else ""
    if len(points) < 3:
        reason = f"{len(points)} coefficients have a value, and 3 are needed"
        stats = {key: Stat(None, None, None, None, len(points), reason) for key in _STATISTICS}
        return Estimate(stats, {}, "", row_set, {})
    doses = np.array([dose for dose, _ in points])
    values = np.array([[estimate.stats[name].value] for estimate in estimates], np.float64)
    paired = len(units) == 1 and all(name in estimate.draws for estimate in estimates)
    drawn = np.stack([estimate.draws[name] for estimate in estimates]) if paired else None
    found: dict[str, Stat] = {}
    draws: dict[str, np.ndarray] = {}
    for key, of in _STATISTICS.items():
        value = float(of(doses, values)[0])
        if drawn is None:
            found[key] = Stat(value, None, None, None, len(points), "the draws are not paired")
            continue
        draws[key] = of(doses, drawn)
        low, high, sd = interval(draws[key]) or (None, None, None)
        found[key] = Stat(value, low, high, sd, len(points))
    return Estimate(found, draws, units.pop() if draws else "", row_set, {"coefficients": doses.tolist()})


def _number(label: str, axis: str) -> float:
    try:
        return float(label)
    except ValueError:
        raise MeasurementError(f"the label {label!r} of {axis!r} is no number") from None


def _with_zero(doses: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Doses and values, of shape (doses, draws), with no effect at 0."""
    import numpy as np

    if 0.0 in doses:
        return doses, values
    return np.append(doses, 0.0), np.concatenate([values, np.zeros((1, values.shape[1]))])


def _spearman(doses: np.ndarray, values: np.ndarray) -> np.ndarray:
    import numpy as np
    from scipy.stats import rankdata

    x, y = _with_zero(doses, values)
    x, y = rankdata(x) - (len(x) + 1) / 2, rankdata(y, axis=0) - (len(y) + 1) / 2
    size = np.sqrt((x**2).sum() * (y**2).sum(0))
    return np.where(size > 0, (x[:, None] * y).sum(0) / np.where(size > 0, size, 1.0), 0.0)


def _slope(doses: np.ndarray, values: np.ndarray) -> np.ndarray:
    x, y = _with_zero(doses, values)
    x = x - x.mean()
    return (x[:, None] * (y - y.mean(0))).sum(0) / (x**2).sum()


def _signs(doses: np.ndarray, values: np.ndarray) -> np.ndarray:
    import numpy as np

    own = doses != 0
    return (np.sign(values[own]) == np.sign(doses[own])[:, None]).mean(0)


_STATISTICS: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "spearman": _spearman,
    "slope": _slope,
    "signs": _signs,
}
"""Of doses and an array of shape (doses, draws): float64 of shape (draws,)."""
