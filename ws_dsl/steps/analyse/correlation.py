"""How two Tables vary together over rows.

What it does
    `pearson`: the product-moment correlation of the values. `spearman`: that of their ranks, ties given their
    average rank. Repeats under pooled axes are averaged per row first. The interval resamples units, rows
    kept whole.

What it cannot show
    Agreement: two raters one of whom is always twice as high correlate perfectly. A restricted range lowers
    it, and a few extreme rows can make it (compare the two methods). Pooled repeats count as fixed.

Inputs and output
    `x`, `y`: Tables over one row set (`rows` restricts both first). Rows that are `ok` on both sides count.
    An Estimate with a statistic per method, undefined for fewer than 3 rows or where a side is constant.

Reference
    Efron & Tibshirani, An Introduction to the Bootstrap (1993), ch. 6; `scipy.stats.pearsonr`, `spearmanr`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from ws_dsl.artifacts.estimate import Estimate
from ws_dsl.specs import types
from ws_dsl.specs.kind import Kind, Ref

if TYPE_CHECKING:
    import numpy as np

    from ws_dsl.artifacts.artifact import Artifact
    from ws_dsl.specs.canonical import Json
    from ws_dsl.steps.cell import Cell, Context


class Correlation(Kind[types.Estimate]):
    """Correlation of two Tables over rows."""

    row_columns: ClassVar[bool] = True

    x: Ref[types.Table]
    y: Ref[types.Table]
    methods: Annotated[list[Literal["pearson", "spearman"]], Field(min_length=1, max_length=2)]


version = 1


def run(cells: Sequence[Cell[Correlation]], context: Context) -> Iterator[tuple[Cell[Correlation], Artifact]]:
    for cell in cells:
        yield cell, correlation(cell).to_artifact()


def correlation(cell: Cell[Correlation]) -> Estimate:
    """Every method's coefficient with its interval and draws."""
    import numpy as np

    from ws_dsl.steps.analyse import _bootstrap as bootstrap
    from ws_dsl.steps.analyse._contrast import contrast
    from ws_dsl.steps.analyse._statistics import Named

    both = contrast(cell, "x", "y")
    behind = cell.get("row_columns")
    units = bootstrap.unit_ids(both.keys, both.ids, behind.open() if behind else None)
    pairs = np.stack([both.left, both.right], axis=1)
    pairs[np.isnan(pairs).any(axis=1)] = np.nan
    n = int((~np.isnan(pairs[:, 0])).sum())
    methods = {"pearson": pearson, "spearman": spearman}
    asked = {name: Named(methods[name], least=3) for name in cell.spec.methods}
    sample = bootstrap.grouped(pairs, units)
    stats, draws = bootstrap.measure(sample, asked, n, axes=1)
    notes: dict[str, Json] = {"rows": len(both.ids), "units": len(set(units)), "excluded": both.excluded()}
    return Estimate(stats, draws, sample.units, both.row_set(), notes)


def pearson(samples: np.ndarray) -> np.ndarray:
    """Product-moment correlation of (samples, rows, 2), of shape (samples,); NaN where a side is constant."""
    import numpy as np

    present = ~np.isnan(samples)
    n = np.maximum(present.sum(axis=1, keepdims=True), 1)
    held = np.where(present, samples, 0.0)
    centred = np.where(present, samples - held.sum(axis=1, keepdims=True) / n, 0.0)
    x, y = centred[..., 0], centred[..., 1]
    scale = np.sqrt((x**2).sum(axis=1)) * np.sqrt((y**2).sum(axis=1))
    varies = ~_constant(samples)
    return np.where(varies, np.clip((x * y).sum(axis=1) / np.where(varies, scale, 1.0), -1, 1), np.nan)


def spearman(samples: np.ndarray) -> np.ndarray:
    """Product-moment correlation of average ranks; missing rows rank above all others and are left out."""
    import numpy as np
    from scipy.stats import rankdata

    missing = np.isnan(samples)
    ranks = rankdata(np.where(missing, np.inf, samples), axis=1)
    return pearson(np.where(missing, np.nan, ranks))


def _constant(samples: np.ndarray) -> np.ndarray:
    """Whether either side of (samples, rows, 2) takes one value only, so that deviations are rounding."""
    import numpy as np

    missing = np.isnan(samples)
    low = np.where(missing, np.inf, samples).min(axis=1)
    high = np.where(missing, -np.inf, samples).max(axis=1)
    return (low >= high).any(axis=1)
