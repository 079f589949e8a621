"""The rows whose observations meet conditions.

What it does
    Keeps the rows of a Table for which every condition holds, with all their columns.

What it cannot show
    Results measured on rows chosen by their own outcome are conditional on it: say so beside the number. A
    row that is not `ok` meets no condition: missing evidence selects nothing.

Inputs and output
    `of`: a Table, or several pooled ones. `when`: conditions `[all_|any_]NAME_OP: number`, where NAME is
    `value`, `abs` (its absolute value) or a numeric column such as `pmass`, and OP is `ge gt le lt eq`; all
    must hold. Over pooled Tables each condition says `all_` (every repeat, all of them `ok`) or `any_`. Rows,
    in the order and with the columns of those behind the Table.

Reference
    The pressure study's responsive subset, |Δ| ≥ 0.1.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import AfterValidator, Field

from ws_dsl.errors import MeasurementError
from ws_dsl.specs import types
from ws_dsl.specs.condition import Condition, parse_condition
from ws_dsl.specs.kind import Kind, Ref

if TYPE_CHECKING:
    import numpy as np

    from ws_dsl.artifacts.artifact import Artifact
    from ws_dsl.artifacts.rows import Rows
    from ws_dsl.steps.cell import Cell, Context


def _named(text: str) -> str:
    if not parse_condition(text).statistic:
        raise ValueError(f"{text!r} does not say what is compared; write value_{text} or abs_{text}")
    return text


class Subset(Kind[types.Rows]):
    """Rows of a Table that meet every condition."""

    row_columns: ClassVar[bool] = True
    restricted: ClassVar[bool] = True

    of: Ref[types.Table]
    when: dict[Annotated[str, AfterValidator(_named)], float] = Field(min_length=1)


version = 1


def run(cells: Sequence[Cell[Subset]], context: Context) -> Iterator[tuple[Cell[Subset], Artifact]]:
    for cell in cells:
        yield cell, subset(cell).to_artifact()


def subset(cell: Cell[Subset]) -> Rows:
    """The rows that meet every condition."""
    from ws_dsl.steps.analyse._observations import observe, row_columns

    source: Rows = cell.open("row_columns")
    restriction = cell.get("rows")
    rows = restriction.open() if restriction else None
    observed = observe(cell.inputs["of"], rows)
    if observed.keys != source.keys:
        raise MeasurementError(
            f"{cell.name}: a table by {', '.join(observed.keys)} cannot choose rows by"
            f" {', '.join(source.keys)}"
        )
    kept = set(row_columns(observed.keys, observed.ids, source, source.keys))
    for text, bound in cell.spec.when.items():
        condition = parse_condition(text)
        column = None if condition.statistic in ("value", "abs") else condition.statistic
        values = observe(cell.inputs["of"], rows, column).flat()
        meets = _meets(abs(values) if condition.statistic == "abs" else values, condition, bound)
        kept &= {key for key, met in zip(observed.ids, meets.tolist(), strict=True) if met}
    return source.take([place for place, key in enumerate(source.ids()) if key in kept])


def _meets(values: np.ndarray, condition: Condition, bound: float) -> np.ndarray:
    """Which rows meet a condition, bool of shape (rows,); NaN compares false with everything."""
    import numpy as np

    from ws_dsl.steps.analyse._statistics import compare

    if condition.quantifier is None and values.shape[1] > 1:
        asked = f"{condition.statistic}_{condition.operator}"
        raise MeasurementError(
            f"{asked} is asked of {values.shape[1]} pooled tables: write all_{asked} or any_{asked}"
        )
    met = compare(condition.operator)(values, bound)
    return np.any(met, axis=1) if condition.quantifier == "any" else np.all(met, axis=1)
