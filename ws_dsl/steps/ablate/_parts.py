"""A part of a delta, kept or dropped."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import astuple
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from ws_dsl.artifacts.artifact import Artifact
from ws_dsl.artifacts.delta import Delta, Part
from ws_dsl.errors import MeasurementError
from ws_dsl.specs import types
from ws_dsl.specs.canonical import Json
from ws_dsl.specs.kind import Kind, Named, Ref
from ws_dsl.steps.cell import Cell, Context

if TYPE_CHECKING:
    import numpy as np

AS_TRAINED = ("modules", "layers", "equal_norms")
"""Ablations after which a change still has the form that its family trains."""


class Ablating(Kind[types.Delta]):
    """A part of a delta, kept or dropped."""

    delta: Ref[types.Delta]
    part: Literal["keep", "drop"]
    model: Ref[types.Model] = Named("model")


class Whole(NamedTuple):
    """A delta that is to be taken apart.

    Attributes:
        delta: The delta.
        weight: The model's matrix at an address, which is read where its change is not factored; else None.
    """

    delta: Delta
    weight: Callable[[str], np.ndarray | None]


def opened(cell: Cell[Any], context: Context, field: str = "delta") -> Whole:
    """The delta that a cell names, with the weights of the model that it changes.

    Raises:
        MeasurementError: it changes another model than the cell's.
    """
    delta: Delta = cell.open(field)
    model = cell.one("model")
    if delta.model != model.digest:
        raise MeasurementError("the delta changes another model; its parts mean nothing in this one")

    def weight(address: str) -> np.ndarray | None:
        from ws_dsl.models.deltas import weight

        return None if delta.parts[address].factored else weight(context.model(model), address)

    return Whole(delta, weight)


def ablated(
    cell: Cell[Any],
    whole: Whole,
    kept: Mapping[str, Part],
    about: Mapping[str, Json],
    dropped: Mapping[str, Part] | None = None,
) -> Artifact:
    """The part of a delta that a cell asks for.

    Args:
        cell: The cell; its spec is `Ablating`.
        whole: The delta.
        kept: What `keep` keeps, by address; the very same part where all of it is kept.
        about: What else is to be noted.
        dropped: What `drop` leaves, where that is not the remainder of what is kept.
    """
    from ws_dsl.models.spectra import energy, has_matrix, remainder

    delta, parts = whole.delta, dict(kept)
    if cell.spec.part == "drop":
        parts = {
            address: remainder(part, kept[address]) if address in kept else part
            for address, part in delta.parts.items()
            if kept.get(address) is not part
        }
        parts = parts if dropped is None else dict(dropped)
    parts = {address: part for address, part in sorted(parts.items()) if _changes(part)}

    def energy_of(of: Mapping[str, Part]) -> float:
        return sum(
            energy(part, _weight(part, whole, address)) for address, part in of.items() if has_matrix(part)
        )

    total = energy_of(delta.parts)
    share = energy_of(parts) / total if total else None
    earlier = delta.notes.get("ablations", [])
    notes: dict[str, Json] = {
        **({"family": delta.notes["family"]} if "family" in delta.notes else {}),
        "ablations": [*(earlier if isinstance(earlier, list) else []), f"{kind_of(cell)} {cell.spec.part}"],
        "energy_share": share,
        "frobenius_share": None if share is None else share**0.5,
        **about,
    }
    return Delta(parts, delta.model, delta.made_on, notes).to_artifact()


def kind_of(cell: Cell[Any]) -> str:
    """The name of a cell's kind."""
    return type(cell.spec).__module__.rpartition(".")[2]


def _weight(part: Part, whole: Whole, address: str) -> np.ndarray | None:
    return None if part.factored else whole.weight(address)


def _changes(part: Part) -> bool:
    return any(term is not None and term.size for term in astuple(part))
