"""Statistics of the rows of a Table, each with its interval.

What it does
    Takes any of `mean`, `median`, `sd` (divisor n − 1), `n`, `min`, `max`, `clipped_mean`, `share_ok`,
    `share_OP_NUMBER` (such as `share_ge_0.5`; OP is `gt ge lt le eq`) and `quantile_NUMBER` over rows.
    Repeats under pooled axes are averaged per row first; rows then weigh equally. Each statistic has a 95 %
    percentile bootstrap interval over units, crossed with the labels of pooled seed axes; other pooled axes
    are fixed.

What it cannot show
    More than its units: the interval is for new units like these, not for new prompts, models or seeds that
    were not pooled. Percentile intervals of small samples (below about 20 units) are too narrow. `min`, `max`
    and `n` have none: the bootstrap of an extreme is inconsistent.

Inputs and output
    `of`: a Table, or several pooled ones over one row set; `rows` restricts them; `stats`: the statistics;
    `clip` bounds the values that `clipped_mean` averages, and no other statistic. An Estimate; `n` counts the
    rows with a value, and `notes` the rows, units, repeats, exclusions by status and clipped values. A
    statistic without enough rows is undefined and says why.

Reference
    Efron & Tibshirani, An Introduction to the Bootstrap (1993), ch. 13; Hyndman & Fan (1996), type 7, for
    quantiles.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from ws_dsl.artifacts.estimate import Estimate
from ws_dsl.specs import types
from ws_dsl.specs.kind import Kind, Ref
from ws_dsl.steps.analyse._statistics import named

if TYPE_CHECKING:
    from ws_dsl.artifacts.artifact import Artifact
    from ws_dsl.specs.canonical import Json
    from ws_dsl.steps.analyse._observations import Observations
    from ws_dsl.steps.cell import Cell, Context


def _ordered(clip: tuple[float, float]) -> tuple[float, float]:
    if clip[0] >= clip[1]:
        raise ValueError(f"clip is [low, high] with low < high, not [{clip[0]:g}, {clip[1]:g}]")
    return clip


class Summary(Kind[types.Estimate]):
    """Statistics of the rows of a Table."""

    row_columns: ClassVar[bool] = True
    restricted: ClassVar[bool] = True

    of: Ref[types.Table]
    clip: Annotated[tuple[float, float], AfterValidator(_ordered)] | None = None
    stats: Annotated[list[str], Field(min_length=1)]

    @field_validator("stats")
    @classmethod
    def _known(cls, stats: list[str], info: ValidationInfo) -> list[str]:
        for name in stats:
            named(name, info.data.get("clip"))
        if len(set(stats)) < len(stats):
            raise ValueError("a statistic is named twice")
        return stats

    @classmethod
    def statistics(cls, spec: Summary, inputs: Mapping[str, Sequence[str] | None]) -> Sequence[str]:
        return spec.stats


version = 1


def run(cells: Sequence[Cell[Summary]], context: Context) -> Iterator[tuple[Cell[Summary], Artifact]]:
    for cell in cells:
        yield cell, summary(cell).to_artifact()


def summary(cell: Cell[Summary]) -> Estimate:
    """Every statistic asked for, with its interval and draws."""
    import numpy as np

    from ws_dsl.steps.analyse import _bootstrap as bootstrap
    from ws_dsl.steps.analyse._observations import observe

    restriction, behind = cell.get("rows"), cell.get("row_columns")
    observed = observe(cell.inputs["of"], restriction.open() if restriction else None)
    units = bootstrap.unit_ids(observed.keys, observed.ids, behind.open() if behind else None)
    asked = {name: named(name, cell.spec.clip) for name in cell.spec.stats}
    values = bootstrap.grouped(observed.values, units, cell.resampled)
    of_values = {name: one for name, one in asked.items() if not one.of_status}
    stats, draws = bootstrap.measure(values, of_values, int(np.sum(~np.isnan(observed.per_row()))))
    of_status = {name: one for name, one in asked.items() if one.of_status}
    if of_status:
        ok = bootstrap.grouped(observed.ok(), units, cell.resampled)
        found, drawn = bootstrap.measure(ok, of_status, len(observed.ids))
        stats, draws = stats | found, draws | drawn
    ordered = {name: stats[name] for name in cell.spec.stats}
    return Estimate(
        ordered, draws, values.units, observed.row_set(), notes(cell.spec, observed, len(set(units)))
    )


def notes(spec: Summary, observed: Observations, units: int) -> dict[str, Json]:
    """What travels with the statistics: rows, units, repeats, exclusions, clipping."""
    found: dict[str, Json] = {
        "rows": len(observed.ids),
        "units": units,
        "repeats": len(observed.repeats),
        "excluded": observed.excluded(),
    }
    if spec.clip is not None:
        low, high = spec.clip
        row_values = observed.per_row()
        found["clip"] = [low, high]
        found["clipped"] = int(((row_values < low) | (row_values > high)).sum())
    return found | observed.described()
