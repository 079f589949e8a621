"""How often shuffled labels are predicted as well, by one score and by the best of many.

What it does
    Shuffles labels 1999 times, within the strata of a row column where one is named, and asks of every score
    how far its AUROC within strata is from ½. Units change places as wholes (the `unit` of the rows), and
    rows within them: rows that vary together are not so many observations. `p` compares a score with its own
    shuffles; the value, p_max, compares it with the best of all the scores in each shuffle: the probability
    that a search over all of them would have found one as good, were there nothing to find.

What it cannot show
    That what is found holds for other rows: a score that was chosen by its p_max is judged on new ones. Of
    few units no p is small. Units of unequal size change places as well as they can: their labels run on into
    the next unit.

Inputs and output
    `score`: Tables, those of a family pooled; `label`: Tables over the same rows, 0 and 1 or −1 and 1;
    `within`: a row column; `family`: the axes that the scores were searched over; `seed` of the shuffling.
    Gives a Table with a row for every cell, named by a digest of what it reads: the value is p_max; `p`;
    `deviation`, |AUROC − ½|. `predictivity` reads it.

Reference
    Westfall & Young, Resampling-Based Multiple Testing (1993), for the maximum statistic; Phipson & Smyth
    (2010): the observed labels count as one of the permutations; Winkler et al. (2015) for blocks of rows
    that are exchanged as wholes and within.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, NamedTuple

from ws_dsl.artifacts.table import Table
from ws_dsl.errors import MeasurementError
from ws_dsl.specs import types
from ws_dsl.specs.kind import Axis, Column, Kind, Ref, Seed
from ws_dsl.steps.analyse._family import members

if TYPE_CHECKING:
    import numpy as np

    from ws_dsl.artifacts.artifact import Artifact
    from ws_dsl.artifacts.rows import Rows
    from ws_dsl.steps.analyse._auroc import Scored
    from ws_dsl.steps.analyse._observations import Id, Observations
    from ws_dsl.steps.cell import Cell, Context, Input

FIELDS = ("score", "label", "rows")


class LabelPermutations(Kind[types.Table]):
    """p values of scores, alone and as the best of many."""

    row_columns: ClassVar[bool] = True
    restricted: ClassVar[bool] = True

    score: Ref[types.Table]
    label: Ref[types.Table]
    within: Column | None = None
    family: list[Axis] = []
    seed: Annotated[int, Seed("sampling")]


version = 2


def run(
    cells: Sequence[Cell[LabelPermutations]], context: Context
) -> Iterator[tuple[Cell[LabelPermutations], Artifact]]:
    for cell in cells:
        behind = cell.get("row_columns")
        rows = behind.open() if behind else None
        read = members(cell, FIELDS, len(cell.spec.family))
        found = {name: labelled(one, cell.spec.within, rows).scored for name, one in read.items()}
        yield cell, table(found, cell.spec.seed).to_artifact()


class Labelled(NamedTuple):
    """Scores with labels over one row set.

    Attributes:
        keys: Names of the key columns.
        ids: Key tuple of every row, sorted.
        scored: The rows' scores, labels and strata.
        score: The scores as they were observed.
        label: The labels likewise.
    """

    keys: tuple[str, ...]
    ids: list[Id]
    scored: Scored
    score: Observations
    label: Observations


def labelled(read: Mapping[str, Sequence[Input]], within: str | None, behind: Rows | None) -> Labelled:
    """Rows of a cell with what is predicted of them.

    Raises:
        MeasurementError: other row sets, or labels that are neither 0 and 1 nor −1 and 1.
    """
    import numpy as np

    from ws_dsl.steps.analyse._auroc import Scored
    from ws_dsl.steps.analyse._bootstrap import unit_ids
    from ws_dsl.steps.analyse._contrast import same_keys
    from ws_dsl.steps.analyse._observations import observe, row_columns

    restriction: list[Rows] = [one.open() for one in read.get("rows", [])]
    score, label = (
        observe(read[field], restriction[0] if restriction else None) for field in ("score", "label")
    )
    same_keys(score, label, "score", "label")
    labels = label.per_row()
    values = set(labels[~np.isnan(labels)].tolist())
    if not (values <= {0.0, 1.0} or values <= {-1.0, 1.0}):
        shown = ", ".join(f"{value:g}" for value in sorted(values)[:5])
        raise MeasurementError(f"labels are 0 and 1, or −1 and 1, and these are {shown}")
    stratum = np.zeros(len(score.ids), dtype=np.int64)
    if within is not None:
        assert behind is not None
        names = [str(value) for (value,) in row_columns(score.keys, score.ids, behind, [within])]
        stratum = np.unique(names, return_inverse=True)[1].astype(np.int64)
    units = unit_ids(score.keys, score.ids, behind)
    of_unit = {one: place for place, one in enumerate(dict.fromkeys(units))}
    unit = np.array([of_unit[one] for one in units], dtype=np.int64)
    scored = Scored(score.per_row(), labels > 0, ~np.isnan(labels), stratum, unit)
    return Labelled(score.keys, score.ids, scored, score, label)


class Chances(NamedTuple):
    """Of every score, float64 of shape (scores,); NaN where it is undefined.

    Attributes:
        p: Share of shuffles that its own AUROC is as far from ½ in.
        p_max: Share of shuffles in which that of any score is as far.
        deviation: |AUROC within strata − ½|.
    """

    p: np.ndarray
    p_max: np.ndarray
    deviation: np.ndarray


def chances(cells: list[Scored], seed: int) -> Chances:
    """How often shuffled labels give as much."""
    import numpy as np

    from ws_dsl.steps.analyse._auroc import PERMUTATIONS, permuted_deviation

    observed, permuted = permuted_deviation(cells, seed)
    defined = ~np.isnan(observed)
    permuted = np.nan_to_num(permuted) + 1e-12
    best = permuted[:, defined].max(axis=1, initial=0.0)
    p = (1 + (permuted >= observed).sum(axis=0)) / (1 + PERMUTATIONS)
    p_max = (1 + (best[:, None] >= observed).sum(axis=0)) / (1 + PERMUTATIONS)
    return Chances(np.where(defined, p, np.nan), np.where(defined, p_max, np.nan), observed)


def table(cells: Mapping[str, Scored], seed: int) -> Table:
    """The chances of every cell by its name."""
    from ws_dsl.steps.analyse._contrast import nullable

    found = chances(list(cells.values()), seed)
    columns: dict[str, list[Any]] = {"cell": list(cells), "value": nullable(found.p_max)}
    columns["status"] = ["excluded" if value is None else "ok" for value in columns["value"]]
    columns |= {"p": nullable(found.p), "deviation": nullable(found.deviation)}
    return Table(("cell",), columns, {"unit": "p"})
