"""States of single prompts, each with a label or a score."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from ws_dsl.artifacts.rows import row_set, show
from ws_dsl.artifacts.vectors import Vectors
from ws_dsl.errors import MeasurementError
from ws_dsl.specs.canonical import Json
from ws_dsl.steps.analyse._observations import observe
from ws_dsl.steps.cell import Cell
from ws_dsl.steps.extract._stacked import Stacked, single, stacked

if TYPE_CHECKING:
    import numpy as np


class Labelled(NamedTuple):
    """States with a number each.

    Attributes:
        states: States of all rows, those without a number included.
        rows: Indices of the rows that have one.
        numbers: float64 of shape (rows,).
        excluded: How many rows have none.
    """

    states: Stacked
    rows: np.ndarray
    numbers: np.ndarray
    excluded: int

    def scaled(self) -> tuple[np.ndarray, np.ndarray, float]:
        """The states of the rows, moved and scaled as one, so that a penalty means the same at every place.

        Returns:
            Deviations from the mean, float64 of shape (rows, width), in units of their root mean square over
            all entries; the mean, of shape (width,); that root mean square.
        """
        import numpy as np

        values = self.states.read(self.rows)
        centre = values.mean(axis=0)
        values -= centre
        scale = float(np.sqrt((values**2).mean()))
        if scale == 0:
            raise MeasurementError("all states are equal: no direction tells them apart")
        values /= scale
        return values, centre, scale

    def vectors(self, values: np.ndarray, method: str, **notes: Json) -> Vectors:
        """A direction, of shape (width,), as what a kind gives."""
        states = self.states
        if states.source["model"] is None:
            raise MeasurementError("the states are of several models; a direction is of one")
        return Vectors(
            values=single(values),
            site=states.site,
            at=states.at,
            method=method,
            mean_norm=float(states.norms().mean()),
            model=str(states.source["model"]),
            labels=[""],
            made_on=[row_set([states.ids[row] for row in self.rows.tolist()])],
            notes={"rows": len(self.rows), "excluded": self.excluded, **notes},
        )


class Classes(NamedTuple):
    """Two classes of rows.

    Attributes:
        plus: Whether a row is of the class with the larger label, of shape (rows,).
        counts: Rows of both classes, and their labels.
    """

    plus: np.ndarray
    counts: dict[str, Json]


def labelled(cell: Cell[Any], field: str) -> Labelled:
    """The states of a cell, restricted to its `rows`, with the numbers of another field by row.

    Raises:
        MeasurementError: states of rows that the other field lacks, at several places, or of no rows.
    """
    import numpy as np

    states = stacked(cell.inputs["states"], cell.get("rows"))
    found = observe(cell.inputs[field])
    if not set(found.keys) <= set(states.keys):
        raise MeasurementError(
            f"{field} has the key {', '.join(found.keys)} and the states have {', '.join(states.keys)}: "
            f"rows cannot be matched"
        )
    places = [states.keys.index(key) for key in found.keys]
    known = dict(zip(found.ids, found.per_row().tolist(), strict=True))
    try:
        numbers = np.array([known[tuple(key[place] for place in places)] for key in states.ids])
    except KeyError as error:
        raise MeasurementError(
            f"{field} has no row {show(error.args[0])}; name the rows that both have with `rows:`"
        ) from None
    rows = np.flatnonzero(~np.isnan(numbers))
    return Labelled(states, rows, numbers[rows], len(numbers) - len(rows))


def classes(found: Labelled) -> Classes:
    """The two classes that labels make; the larger label is plus.

    Raises:
        MeasurementError: there are not two labels.
    """
    import numpy as np

    labels = np.unique(found.numbers)
    if len(labels) != 2:
        told = ", ".join(f"{label:g}" for label in labels[:5].tolist()) or "none"
        raise MeasurementError(
            f"two labels make two classes, and there are {len(labels)}: {told}; "
            f"`ridge_direction` takes a score"
        )
    low, high = labels.tolist()
    plus = found.numbers == high
    counts: dict[str, Json] = {
        "plus": int(plus.sum()),
        "minus": int((~plus).sum()),
        "plus_label": high,
        "minus_label": low,
    }
    return Classes(plus, counts)
