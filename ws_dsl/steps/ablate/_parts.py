"""A part of a delta, kept or dropped."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from ws_dsl.artifacts.artifact import Artifact
from ws_dsl.artifacts.delta import Delta, Part
from ws_dsl.errors import MeasurementError
from ws_dsl.specs import types
from ws_dsl.specs.canonical import Json
from ws_dsl.specs.kind import Kind, Named, Ref
from ws_dsl.steps.cell import Cell, Context

if TYPE_CHECKING:
    import numpy as np

CellT = TypeVar("CellT")

AS_TRAINED = ("modules", "layers", "equal_norms")
"""Ablations after which a change still has the form that its family trains."""


class Ablating(Kind[types.Delta]):
    """A part of a delta, kept or dropped."""

    delta: Ref[types.Delta]
    part: Literal["keep", "drop"]
    model: Ref[types.Model] = Named("model")


@dataclass
class Whole:
    """A delta that is to be taken apart.

    Attributes:
        delta: The delta.
        weights: The model's matrix at an address.
        energies: Squared Frobenius norms of its changes by address, as far as they were asked for.
    """

    delta: Delta
    weights: Callable[[str], np.ndarray]
    energies: dict[str, float] = field(default_factory=dict[str, float])

    def weight(self, address: str) -> np.ndarray | None:
        """The model's matrix at an address where its change is not factored, else None."""
        return None if self.delta.parts[address].factored else self.weights(address)

    def energy(self, parts: Mapping[str, Part]) -> float:
        """Squared Frobenius norm of changes of the delta's matrices, all together; biases do not count."""
        return sum(self._energy(address, part) for address, part in sorted(parts.items()))

    def _energy(self, address: str, part: Part) -> float:
        from ws_dsl.models.spectra import energy, has_matrix

        if not has_matrix(part):
            return 0.0
        if part is not self.delta.parts[address]:
            return energy(part, None if part.factored else self.weights(address))
        if address not in self.energies:
            self.energies[address] = energy(part, self.weight(address))
        return self.energies[address]


def opened(cell: Cell[Any], context: Context, field: str = "delta") -> Whole:
    """The delta that a cell names, with the weights of the model that it changes.

    Raises:
        MeasurementError: it changes another model than the cell's.
    """
    delta: Delta = cell.open(field)
    model = cell.one("model")
    if delta.model != model.digest:
        raise MeasurementError("the delta changes another model; its parts mean nothing in this one")

    def weights(address: str) -> np.ndarray:
        from ws_dsl.models.deltas import weight

        return weight(context.model(model), address)

    return Whole(delta, weights)


def wholes(cells: Sequence[Cell[CellT]], context: Context) -> Iterator[tuple[Cell[CellT], Whole]]:
    """Cells with what they take apart; those of one delta come together and share it."""
    by_delta: dict[str, list[Cell[CellT]]] = {}
    for cell in cells:
        by_delta.setdefault(f"{cell.one('delta').digest} {cell.one('model').digest}", []).append(cell)
    for group in by_delta.values():
        whole = opened(group[0], context)
        for cell in group:
            yield cell, whole


def ablated(
    cell: Cell[Any],
    whole: Whole,
    kept: Mapping[str, Part],
    about: Mapping[str, Json],
    dropped: Mapping[str, Part] | None = None,
    made_on: Sequence[str] = (),
) -> Artifact:
    """The part of a delta that a cell asks for.

    Args:
        cell: The cell; its spec is `Ablating`.
        whole: The delta.
        kept: What `keep` keeps, by address; the very same part where all of it is kept.
        about: What else is to be noted.
        dropped: What `drop` leaves, where that is not the remainder of what is kept.
        made_on: Row sets that the choice of the part rests on, beside those of the delta.
    """
    delta = whole.delta
    left = kept if cell.spec.part == "keep" else _remainders(delta, kept) if dropped is None else dropped
    parts = {address: part for address, part in sorted(left.items()) if _changes(part)}
    total = whole.energy(delta.parts)
    share = whole.energy(parts) / total if total else None
    earlier = delta.notes.get("ablations", [])
    notes: dict[str, Json] = {
        **({"family": delta.notes["family"]} if "family" in delta.notes else {}),
        "ablations": [*(earlier if isinstance(earlier, list) else []), f"{kind_of(cell)} {cell.spec.part}"],
        "energy_share": share,
        "frobenius_share": None if share is None else share**0.5,
        **about,
    }
    return Delta(parts, delta.model, sorted({*delta.made_on, *made_on}), notes).to_artifact()


def _remainders(delta: Delta, kept: Mapping[str, Part]) -> dict[str, Part]:
    """What is left of every change."""
    from ws_dsl.models.spectra import remainder

    return {
        address: remainder(part, kept[address]) if address in kept else part
        for address, part in delta.parts.items()
        if kept.get(address) is not part
    }


def kind_of(cell: Cell[Any]) -> str:
    """The name of a cell's kind."""
    return type(cell.spec).__module__.rpartition(".")[2]


def _changes(part: Part) -> bool:
    return any(term is not None and term.size for term in astuple(part))
