"""How two Tables vary together over rows.

What it does
    `pearson`: the product-moment correlation of the values. `spearman`: that of their ranks, ties given their
    average rank. Repeats under pooled axes are averaged per row first. The interval resamples units, rows
    kept whole.

What it cannot show
    Agreement: two raters one of whom is always twice as high correlate perfectly. A restricted range lowers
    it, and a few extreme rows can make it (compare the two methods). Pooled repeats count as fixed.

Inputs and output
    `x`, `y`: Tables over one row set (`rows` restricts both first). `methods`: `pearson`, `spearman`
    or both. Rows that are `ok` on both sides count. An Estimate with a statistic for each method, undefined
    for fewer than 3 rows or where a side is constant.

Reference
    Efron & Tibshirani, An Introduction to the Bootstrap (1993), ch. 6; `scipy.stats.pearsonr`, `spearmanr`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
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
    restricted: ClassVar[bool] = True

    x: Ref[types.Table]
    y: Ref[types.Table]
    methods: Annotated[list[Literal["pearson", "spearman"]], Field(min_length=1, max_length=2)]

    @classmethod
    def statistics(cls, spec: Correlation, inputs: Mapping[str, Sequence[str] | None]) -> Sequence[str]:
        return spec.methods


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
    methods = {
        "pearson": Named(lambda samples: pearson(samples[..., :2]), least=3),
        "spearman": Named(lambda samples: pearson(average_ranks(samples[..., 2:])), least=3),
    }
    sample = bootstrap.grouped(np.concatenate([pairs, levels(pairs)], axis=1), units)
    asked = {name: methods[name] for name in cell.spec.methods}
    stats, draws = bootstrap.measure(sample, asked, n, axes=1)
    notes: dict[str, Json] = {"rows": len(both.ids), "units": len(set(units)), "excluded": both.excluded()}
    return Estimate(stats, draws, sample.units, both.row_set(), notes)


def pearson(samples: np.ndarray) -> np.ndarray:
    """Product-moment correlation of (samples, rows, 2), of shape (samples,); NaN where a side is constant.

    A row is missing on both sides or on none.
    """
    import numpy as np

    present = ~np.isnan(samples[..., 0])
    x, y = (_centred(np.ascontiguousarray(samples[..., side]), present) for side in (0, 1))
    scale = np.sqrt((x**2).sum(axis=1)) * np.sqrt((y**2).sum(axis=1))
    varies = scale > 0
    return np.where(varies, np.clip((x * y).sum(axis=1) / np.where(varies, scale, 1.0), -1, 1), np.nan)


def _centred(side: np.ndarray, present: np.ndarray) -> np.ndarray:
    """Deviations from the mean of every sample, 0 where missing or where all values are equal."""
    import numpy as np

    held = np.where(present, side, 0.0)
    mean = held.sum(axis=1) / np.maximum(present.sum(axis=1), 1)
    low = np.where(present, side, np.inf).min(axis=1)
    constant = low >= np.where(present, side, -np.inf).max(axis=1)
    return np.where(present, held - np.where(constant, low, mean)[:, None], 0.0)


def levels(pairs: np.ndarray) -> np.ndarray:
    """Place of every value among the distinct values of its column; NaN where missing.

    Ranks of any resample follow from these by counting, without sorting it.
    """
    import numpy as np

    found = np.full_like(pairs, np.nan)
    for column in range(pairs.shape[1]):
        present = ~np.isnan(pairs[:, column])
        found[present, column] = np.unique(pairs[present, column], return_inverse=True)[1]
    return found


def average_ranks(samples: np.ndarray) -> np.ndarray:
    """Ranks of levels within every sample of (samples, rows, columns), ties given their average rank."""
    import numpy as np

    missing = np.isnan(samples)
    lines = np.where(missing, samples.shape[1], samples).astype(np.int64).transpose(0, 2, 1)
    width = samples.shape[1] + 1
    offset = np.arange(lines.shape[0] * lines.shape[1]).reshape(*lines.shape[:2], 1) * width
    counts = np.bincount((lines + offset).ravel(), minlength=lines.shape[0] * lines.shape[1] * width)
    counts = counts.reshape(*lines.shape[:2], width)
    average = np.cumsum(counts, axis=-1) - (counts - 1) / 2
    ranks = np.take_along_axis(average, lines, axis=-1).transpose(0, 2, 1)
    return np.where(missing, np.nan, ranks)
