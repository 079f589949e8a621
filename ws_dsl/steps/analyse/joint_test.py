"""Tests of several Tables, corrected for their number.

What it does
    Asks of every Table whether its values are centred at 0. `sign`: the two-sided binomial test of how many
    units are positive. `permutation`: how often random flips of the units' signs give a mean as far from 0.
    The p of the family are then corrected: `holm` keeps the probability of any false finding, `bh` the
    expected share of false ones among the findings.

What it cannot show
    That an effect is large, or the same in all units. The permutation test holds for values that are
    symmetric about their centre; the sign test is of the median.

Inputs and output
    `of`: Tables, those of a family pooled; `by`: a row column, which makes an axis of its values; `test`:
    `sign` or `permutation`; `correction`: `holm` or `bh`; `family`: the axes corrected over. Gives a Table
    with a row for every cell, named by a digest of what it reads: the value is the corrected p, beside `p`.
    `summary` reads it.

Reference
    Holm, Scandinavian Journal of Statistics 6 (1979); Benjamini & Hochberg, JRSS B 57 (1995).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from ws_dsl.artifacts.table import Table
from ws_dsl.specs import types
from ws_dsl.specs.kind import Axis, Kind, Levels, Ref
from ws_dsl.steps.analyse._family import members
from ws_dsl.steps.analyse._tests import adjusted, permutation_test, sign_test

if TYPE_CHECKING:
    from ws_dsl.artifacts.artifact import Artifact
    from ws_dsl.artifacts.rows import Rows
    from ws_dsl.steps.analyse._observations import Observations
    from ws_dsl.steps.cell import Cell, Context, Input

FIELDS = ("of", "rows")


class JointTest(Kind[types.Table]):
    """p of Tables, alone and corrected for their number."""

    row_columns: ClassVar[bool] = True
    restricted: ClassVar[bool] = True

    of: Ref[types.Table]
    by: Levels | None = None
    test: Literal["sign", "permutation"]
    correction: Literal["holm", "bh"] = "holm"
    family: list[Axis] = []


version = 1


def run(cells: Sequence[Cell[JointTest]], context: Context) -> Iterator[tuple[Cell[JointTest], Artifact]]:
    for cell in cells:
        read = members(cell, FIELDS, len(cell.spec.family))
        behind = cell.get("row_columns")
        rows = behind.open() if behind else None
        level = cell.made.get(cell.spec.by) if cell.spec.by else None
        found = {name: _p(one, rows, cell.spec, level) for name, one in read.items()}
        yield cell, table(found, cell.spec.correction).to_artifact()


def _p(
    read: Mapping[str, Sequence[Input]], behind: Rows | None, spec: JointTest, level: str | None
) -> float | None:
    from ws_dsl.steps.analyse._observations import observe, restriction

    kept = restriction(read.get("rows", []))
    if level is not None and spec.by is not None:
        assert behind is not None
        kept = of_level(behind, spec.by, level)
    return p_of(observe(read["of"], kept), behind, spec.test)


def of_level(rows: Rows, column: str, level: str) -> Rows:
    """The rows with a value of a column."""
    from ws_dsl.plan.variants import label_of

    return rows.take([i for i, value in enumerate(rows.columns[column]) if label_of(value) == level])


def p_of(observed: Observations, behind: Rows | None, test: str) -> float | None:
    """P of one Table's rows, summed by unit; None where no row has a value."""
    import numpy as np

    from ws_dsl.specs.canonical import digest
    from ws_dsl.steps.analyse._bootstrap import unit_ids

    values = observed.per_row()
    by_unit: dict[Any, float] = {}
    for unit, value in zip(unit_ids(observed.keys, observed.ids, behind), values.tolist(), strict=True):
        if value == value:
            by_unit[unit] = by_unit.get(unit, 0.0) + value
    if not by_unit:
        return None
    units = sorted(by_unit, key=repr)
    sums = np.array([by_unit[unit] for unit in units])
    return sign_test(sums) if test == "sign" else permutation_test(sums, digest([list(u) for u in units]))


def table(found: Mapping[str, float | None], correction: str) -> Table:
    """P of every cell by its name; cells without a value are no tests."""
    defined = {name: p for name, p in found.items() if p is not None}
    corrected = dict(zip(defined, adjusted(list(defined.values()), correction), strict=True))
    columns: dict[str, list[Any]] = {"cell": list(found), "value": [corrected.get(name) for name in found]}
    columns["status"] = ["ok" if name in corrected else "excluded" for name in found]
    columns["p"] = list(found.values())
    return Table(("cell",), columns, {"unit": "p", "tests": len(defined)})
