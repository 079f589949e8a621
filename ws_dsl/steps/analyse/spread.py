"""How a statistic varies along axes: paraphrases, seeds, layers.

What it does
    Takes one statistic of every cell along the named axes and gives its mean, standard deviation, smallest
    and largest value over these cells, and the share of cells whose sign is that of the mean. Intervals rest
    on the cells' own paired draws of units; along an axis of seeds, its labels are drawn too. Other labels
    (paraphrases, sites) are the ones there are.

What it cannot show
    What labels that are not there would give: the spread over five paraphrases is not that over all
    paraphrases. Over a single cell there is no spread, and none is given.

Inputs and output
    `of`: Estimates over the same rows, one statistic of each (pick it as `.median`; else `value` or `mean`);
    `across`: the axes. Gives an Estimate of `mean`, `sd` (divisor n − 1), `min`, `max` and `sign_agreement`;
    `n` counts cells. Cells without a value are left out and counted.

Reference
    Owen, The pigeonhole bootstrap, Annals of Applied Statistics 1 (2007), for crossed factors.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from ws_dsl.artifacts.estimate import Estimate, Stat
from ws_dsl.errors import MeasurementError
from ws_dsl.specs import types
from ws_dsl.specs.kind import Axis, Kind, Ref

if TYPE_CHECKING:
    import numpy as np

    from ws_dsl.artifacts.artifact import Artifact
    from ws_dsl.steps.cell import Cell, Context


class Spread(Kind[types.Estimate]):
    """Variation of a statistic along axes."""

    of: Ref[types.Estimate]
    across: Axis | list[Axis]

    @classmethod
    def statistics(cls, spec: Spread, inputs: Mapping[str, Sequence[str] | None]) -> Sequence[str]:
        return ["mean", "sd", "min", "max", "sign_agreement"]


version = 1


def run(cells: Sequence[Cell[Spread]], context: Context) -> Iterator[tuple[Cell[Spread], Artifact]]:
    for cell in cells:
        yield cell, spread(cell).to_artifact()


def spread(cell: Cell[Spread]) -> Estimate:
    """The variation with its interval and draws."""
    import numpy as np

    from ws_dsl.steps.analyse._bootstrap import interval, seed_labels
    from ws_dsl.steps.analyse._paired import default, picked

    sources = sorted(cell.inputs["of"], key=lambda one: one.pooled)
    estimates = [picked(one) for one in sources]
    if len({estimate.row_set for estimate in estimates}) > 1:
        raise MeasurementError(
            "the estimates rest on different row sets: name the rows that all have with `rows:`"
        )
    names = [default(estimate) for estimate in estimates]
    read = list(zip(estimates, names, sources, strict=True))
    known = [(estimate, name, one) for estimate, name, one in read if estimate.stats[name].value is not None]
    values = np.array([estimate.stats[name].value for estimate, name, _ in known], np.float64)
    paired = len({estimate.units for estimate, _, _ in known}) == 1
    drawn = None
    if len(known) > 1 and paired and all(name in estimate.draws for estimate, name, _ in known):
        drawn = np.stack([estimate.draws[name] for estimate, name, _ in known])
        if cell.resampled:
            drawn = seed_labels(drawn, [one.pooled for _, _, one in known], cell.resampled)
    stats: dict[str, Stat] = {}
    draws: dict[str, np.ndarray] = {}
    for name, of in _STATISTICS.items():
        if len(values) < (2 if name in ("sd", "sign_agreement") else 1):
            stats[name] = Stat(None, None, None, None, len(values), f"{len(values)} cells have no spread")
            continue
        found = None if drawn is None or name in ("min", "max") else interval(of(drawn))
        low, high, sd = found or (None, None, None)
        stats[name] = Stat(float(of(values[:, None])[0]), low, high, sd, len(values))
        if drawn is not None and found is not None:
            draws[name] = of(drawn)
    notes = {"cells": len(estimates), "undefined": len(estimates) - len(known), "statistic": names[0]}
    return Estimate(stats, draws, estimates[0].units if draws else "", estimates[0].row_set, dict(notes))


def _agreement(values: np.ndarray) -> np.ndarray:
    import numpy as np

    return (np.sign(values) == np.sign(values.mean(0))).mean(0)


_STATISTICS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "mean": lambda values: values.mean(0),
    "sd": lambda values: values.std(0, ddof=1),
    "min": lambda values: values.min(0),
    "max": lambda values: values.max(0),
    "sign_agreement": _agreement,
}
"""Of an array of shape (cells, draws): float64 of shape (draws,)."""
