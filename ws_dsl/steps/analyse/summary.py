"""Statistics of the rows of a Table, each with its interval.

What it does
    Takes any of `mean`, `median`, `sd` (divisor n − 1), `n`, `min`, `max`, `clipped_mean`, `share_ok`,
    `share_OP_NUMBER` (such as `share_ge_0.5`; OP is `gt ge lt le eq`) and `quantile_NUMBER` over rows.
    Repeats under pooled axes are averaged per row first; rows then weigh equally. Each statistic has a 95 %
    percentile bootstrap interval over units, crossed with the labels of pooled seed axes; other pooled axes
    are fixed. Of a difference also `flips`, the share of rows whose sign turns, those `fixed` (wrong at the
    minus side, right at the plus side; right is above 0) and `broken` apart, and `informedness`: the share of
    the wrong rows that are fixed minus the share of the right ones that are broken. With `test` a p that the
    values are centred at 0, corrected over a `family` of cells.

What it cannot show
    More than its units: the interval is for new units like these, not for new prompts, models or seeds that
    were not pooled. Percentile intervals of small samples (below about 20 units) are too narrow. `min`, `max`
    and `n` have none: the bootstrap of an extreme is inconsistent. A p speaks of chance, never of size.

Inputs and output
    `of`: a Table, or several pooled ones over one row set; `rows` restricts them, and where it
    is pooled too each repeat has its own; `stats`: the statistics; `clip` bounds the values that
    `clipped_mean` averages, and no other statistic; `by`: a row column, whose values become an axis, each
    cell over its rows; `test`: `sign` (binomial, of the units above 0) or
    `permutation` (of flipped signs), which adds `p`; `family`: axes over which p is corrected, which adds
    `p_adjusted`; `correction`: `holm` (no false finding) or `bh` (their share). An Estimate; `n` counts the
    rows with a value, and `notes` the rows, units, repeats, exclusions by status and clipped values. A
    statistic without enough rows is undefined and says why.

Reference
    Efron & Tibshirani, An Introduction to the Bootstrap (1993), ch. 13; Hyndman & Fan (1996), type 7, for
    quantiles.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field, ValidationInfo, field_validator, model_validator

from ws_dsl.artifacts.estimate import Estimate, Stat
from ws_dsl.errors import MeasurementError
from ws_dsl.specs import types
from ws_dsl.specs.kind import Derived, Family, Kind, Levels, Ref, Since
from ws_dsl.steps.analyse._family import identity
from ws_dsl.steps.analyse._statistics import named
from ws_dsl.steps.analyse.joint_test import FIELDS, of_level, p_of

if TYPE_CHECKING:
    import numpy as np

    from ws_dsl.artifacts.artifact import Artifact
    from ws_dsl.artifacts.rows import Rows
    from ws_dsl.artifacts.table import Table
    from ws_dsl.specs.canonical import Json
    from ws_dsl.steps.analyse._observations import Observations, Restriction
    from ws_dsl.steps.cell import Cell, Context


def _ordered(clip: tuple[float, float]) -> tuple[float, float]:
    if clip[0] >= clip[1]:
        raise ValueError(f"clip is [low, high] with low < high, not [{clip[0]:g}, {clip[1]:g}]")
    return clip


class Summary(Kind[types.Estimate]):
    """Statistics of the rows of a Table."""

    row_columns: ClassVar[bool] = True
    restricted: ClassVar[bool] = True
    derived: ClassVar[Mapping[str, Derived]] = {
        "joint": Derived("joint_test", ("of", "by", "test", "correction"), across="family")
    }

    of: Ref[types.Table]
    clip: Annotated[tuple[float, float], AfterValidator(_ordered)] | None = None
    stats: Annotated[list[str], Field(min_length=1)]
    by: Annotated[Levels | None, Since(None)] = None
    test: Annotated[Literal["sign", "permutation"] | None, Since(None)] = None
    family: Annotated[list[Family], Since([])] = []
    correction: Annotated[Literal["holm", "bh"], Since("holm")] = "holm"

    @field_validator("stats")
    @classmethod
    def _known(cls, stats: list[str], info: ValidationInfo) -> list[str]:
        for name in stats:
            named(name, info.data.get("clip"))
        if len(set(stats)) < len(stats):
            raise ValueError("a statistic is named twice")
        return stats

    @model_validator(mode="after")
    def _tested(self) -> Summary:
        if self.family and self.test is None:
            raise ValueError("a family is corrected for its number of tests; say test: permutation or sign")
        return self

    @classmethod
    def statistics(cls, spec: Summary, inputs: Mapping[str, Sequence[str] | None]) -> Sequence[str]:
        return [*spec.stats, *(["p"] if spec.test else []), *(["p_adjusted"] if spec.family else [])]


version = 1


def run(cells: Sequence[Cell[Summary]], context: Context) -> Iterator[tuple[Cell[Summary], Artifact]]:
    for cell in cells:
        yield cell, summary(cell).to_artifact()


def summary(cell: Cell[Summary]) -> Estimate:
    """Every statistic asked for, with its interval and draws."""
    import numpy as np

    from ws_dsl.steps.analyse import _bootstrap as bootstrap
    from ws_dsl.steps.analyse._observations import observe

    behind = cell.get("row_columns")
    rows: Rows | None = behind.open() if behind else None
    kept = _restriction(cell, rows)
    observed = observe(cell.inputs["of"], kept)
    units = bootstrap.unit_ids(observed.keys, observed.ids, rows)
    asked = {name: named(name, cell.spec.clip) for name in cell.spec.stats}
    values = bootstrap.grouped(observed.values, units, cell.resampled)
    of_values = {name: one for name, one in asked.items() if not one.of_status and not one.of_sides}
    n = int(np.sum(~np.isnan(observed.per_row())))
    stats, draws = bootstrap.measure(values, of_values, n)
    of_status = {name: one for name, one in asked.items() if one.of_status}
    if of_status:
        ok = bootstrap.grouped(observed.ok(), units, cell.resampled)
        found, drawn = bootstrap.measure(ok, of_status, len(observed.ids))
        stats, draws = stats | found, draws | drawn
    of_sides = {name: one for name, one in asked.items() if one.of_sides}
    if of_sides:
        sides = _sides(cell, kept, observed)
        found, drawn = bootstrap.measure(bootstrap.grouped(sides, units, cell.resampled), of_sides, n, axes=1)
        stats, draws = stats | _with_reason(found, sides), draws | drawn
    ordered = {name: stats[name] for name in cell.spec.stats} | _tests(cell, observed, rows, n)
    return Estimate(
        ordered, draws, values.units, observed.row_set(), notes(cell.spec, observed, len(set(units)))
    )


def _restriction(cell: Cell[Summary], behind: Rows | None) -> Restriction:
    """The rows that are summed up: those of a level, else those that are named, else all."""
    from ws_dsl.steps.analyse._observations import restriction

    if cell.spec.by is not None:
        assert behind is not None
        return of_level(behind, cell.spec.by, cell.made[cell.spec.by])
    return restriction(cell.inputs.get("rows", []))


def _sides(cell: Cell[Summary], kept: Restriction, observed: Observations) -> np.ndarray:
    """Both sides of a difference, float64 of shape (rows, *pooled, 2).

    Raises:
        MeasurementError: the Tables are no differences.
    """
    import numpy as np

    from ws_dsl.steps.analyse._observations import observe

    columns = cell.inputs["of"][0].open().columns
    if observed.column != "value" or not {"plus", "minus"} <= set(columns):
        raise MeasurementError(
            f"{cell.name}: flips are of a difference, whose rows have a plus and a minus side;"
            f" this is {observed.column} of a table with {', '.join(columns)}"
        )
    sides = [observe(cell.inputs["of"], kept, side).values for side in ("plus", "minus")]
    return np.stack(sides, axis=-1)


def _with_reason(stats: dict[str, Stat], sides: np.ndarray) -> dict[str, Stat]:
    """Says which rows are not there where informedness is undefined."""
    from ws_dsl.steps.analyse._bootstrap import row_means
    from ws_dsl.steps.analyse._flips import one_sided

    found = stats.get("informedness")
    if found is None or found.value is not None or found.n == 0:
        return stats
    return stats | {"informedness": found._replace(reason=one_sided(row_means(sides)))}


def _tests(cell: Cell[Summary], observed: Observations, behind: Rows | None, n: int) -> dict[str, Stat]:
    """`p` where there is a test, `p_adjusted` where there is a family."""
    if cell.spec.test is None:
        return {}
    if cell.spec.family:
        joint: Table = cell.open("joint")
        place = joint.columns["cell"].index(identity(cell.inputs, FIELDS))
        found = {"p": joint.columns["p"][place], "p_adjusted": joint.columns["value"][place]}
    else:
        found = {"p": p_of(observed, behind, cell.spec.test)}
    reasons = {name: "" if value is not None else "no row has a value" for name, value in found.items()}
    return {name: Stat(value, None, None, None, n, reasons[name]) for name, value in found.items()}


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
