"""Two sides of a contrast over the same rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from ws_dsl.artifacts.vectors import Vectors
from ws_dsl.errors import MeasurementError
from ws_dsl.specs import types
from ws_dsl.specs.canonical import Json
from ws_dsl.specs.kind import Kind, Ref
from ws_dsl.steps.cell import Cell
from ws_dsl.steps.extract._stacked import Stacked, one_place, single, stacked

if TYPE_CHECKING:
    import numpy as np


class Contrasting(Kind[types.Vectors]):
    """A direction between two sides of a contrast over the same rows."""

    restricted = True

    plus: Ref[types.States]
    minus: Ref[types.States]


class Contrast(NamedTuple):
    """States of both sides, in one order of rows.

    Attributes:
        plus: The one side.
        minus: The other; the vector is of its model.
        mean_norm: Mean norm of all states of both sides.
        notes: Number of rows; model and arms where the sides differ in them.
    """

    plus: Stacked
    minus: Stacked
    mean_norm: float
    notes: dict[str, Json]

    def differences(self) -> Iterator[np.ndarray]:
        """Plus minus minus by row, float64 of shape (rows, width), some rows at a time."""
        for one, other in zip(self.plus.blocks(), self.minus.blocks(), strict=True):
            yield one - other

    def vectors(self, values: np.ndarray, method: str, **notes: Json) -> Vectors:
        """A direction, of shape (width,), as what a kind gives."""
        return Vectors(
            values=single(values),
            site=self.minus.site,
            at=self.minus.at,
            method=method,
            mean_norm=self.mean_norm,
            model=str(self.minus.source["model"]),
            labels=[""],
            made_on=[self.minus.row_set()],
            notes={**self.notes, **notes},
        )


def contrast(cell: Cell[Any]) -> Contrast:
    """The two sides of a cell, restricted to its `rows`.

    Raises:
        MeasurementError: sides over different rows or none, at different places, of unequal width, or of
            models with unlike tokenizers.
    """
    import numpy as np

    plus, minus = (stacked(cell.inputs[name], cell.get("rows")) for name in ("plus", "minus"))
    one_place([(side.site, side.at) for side in (plus, minus)])
    if plus.ids != minus.ids:
        raise MeasurementError("plus and minus are over different rows; a contrast needs the same ones")
    if plus.width != minus.width:
        raise MeasurementError(
            f"the states of plus are {plus.width} wide and those of minus {minus.width}: nothing to subtract"
        )
    _one_language(plus, minus)
    notes: dict[str, Json] = {"rows": len(minus.ids)}
    for name in ("model", "arm"):
        if plus.source[name] != minus.source[name]:
            notes |= {f"plus_{name}": plus.source[name], f"minus_{name}": minus.source[name]}
    mean_norm = float(np.concatenate([plus.norms(), minus.norms()]).mean())
    return Contrast(plus, minus, mean_norm, notes)


def _one_language(plus: Stacked, minus: Stacked) -> None:
    """Refuses sides that read rows as other tokens, and a side of several models."""
    for name, side in (("plus", plus), ("minus", minus)):
        if side.source["model"] is None:
            raise MeasurementError(f"{name} pools states of several models; a side is of one")
    if plus.source["model"] == minus.source["model"]:
        return
    if plus.source["tokenizer"] is None or plus.source["tokenizer"] != minus.source["tokenizer"]:
        raise MeasurementError(
            "plus and minus are of two models with unlike tokenizers: their tokens do not compare"
        )
