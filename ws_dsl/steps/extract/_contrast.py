"""Two sides of a contrast as arrays over the same rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from ws_dsl.artifacts.rows import row_set
from ws_dsl.artifacts.states import States
from ws_dsl.errors import MeasurementError
from ws_dsl.specs import types
from ws_dsl.specs.canonical import Json
from ws_dsl.specs.kind import Kind, Ref
from ws_dsl.steps.cell import Cell, Input

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
        plus: float64 of shape (rows, width); repeats along pooled axes averaged per row.
        minus: Likewise.
        site: Address of the place.
        at: Position in the row.
        mean_norm: Mean norm of all states of both sides.
        model: Digest of the model.
        made_on: Digest of the row set.
    """

    plus: np.ndarray
    minus: np.ndarray
    site: str
    at: Json
    mean_norm: float
    model: str
    made_on: str


def contrast(cell: Cell[Any]) -> Contrast:
    """The two sides of a cell, restricted to its `rows`.

    Raises:
        MeasurementError: sides over different rows, at different places, of different models, or no rows.
    """
    import numpy as np

    within = cell.get("rows")
    wanted = set(within.open().ids()) if within else None
    places: set[tuple[str, str, str]] = set()
    notes: dict[str, Json] = {}
    norms: list[np.ndarray] = []
    sides = [_side(cell.inputs[name], wanted, places, notes, norms) for name in ("plus", "minus")]
    if len(places) > 1:
        told = "; ".join(f"{site} at {at}" for site, at, _ in sorted(places))
        raise MeasurementError(f"the states are of different places or models: {told}")
    if set(sides[0]) != set(sides[1]):
        raise MeasurementError("plus and minus are over different rows; a contrast needs the same ones")
    keys = sorted(sides[0], key=repr)
    if not keys:
        raise MeasurementError("there is no contrast over no rows")
    plus, minus = (np.stack([side[key] for key in keys]) for side in sides)
    mean_norm = float(np.concatenate(norms).mean())
    ((site, _, model),) = places
    return Contrast(plus, minus, site, notes["at"], mean_norm, model, row_set(keys))


def _side(
    inputs: list[Input],
    wanted: set[tuple[Any, ...]] | None,
    places: set[tuple[str, str, str]],
    notes: dict[str, Json],
    norms: list[np.ndarray],
) -> dict[tuple[Any, ...], np.ndarray]:
    """Mean state of every row over the pooled repeats."""
    import numpy as np

    found: dict[tuple[Any, ...], list[np.ndarray]] = {}
    for one in inputs:
        states: States = one.open()
        ((site, values),) = states.tensors.items()
        notes["at"] = states.notes["at"]
        places.add((site, repr(states.notes["at"]), str(states.notes["model"])))
        kept = [(key, row) for row, key in enumerate(states.ids()) if wanted is None or key in wanted]
        norms.append(np.linalg.norm(values[[row for _, row in kept]].astype(np.float64), axis=1))
        for key, row in kept:
            found.setdefault(key, []).append(values[row].astype(np.float64))
    return {key: np.mean(repeats, axis=0) for key, repeats in found.items()}
