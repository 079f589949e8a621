"""Singular directions of weight differences, matrix by matrix."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from ws_dsl.artifacts.delta import Delta, Part
from ws_dsl.errors import MeasurementError
from ws_dsl.specs.matrix import Matrix
from ws_dsl.steps.cell import Cell, Context

if TYPE_CHECKING:
    from ws_dsl.models.spectra import Spectrum


def changed(
    cell: Cell[Any], context: Context, modules: Sequence[Matrix]
) -> dict[str, dict[str, Callable[[], Spectrum]]]:
    """By address, how to decompose the changes that a cell's deltas (`of`) make, by the deltas' digests.

    Raises:
        MeasurementError: deltas of another model than the cell's, or none that changes such a matrix.
    """
    from ws_dsl.models.deltas import weight, where
    from ws_dsl.models.spectra import has_matrix, spectrum

    model = cell.one("model")

    def decomposed(address: str, part: Part) -> Spectrum:
        return spectrum(part, None if part.factored else weight(context.model(model), address))

    found: dict[str, dict[str, Callable[[], Spectrum]]] = {}
    for one in cell.inputs["of"]:
        delta: Delta = one.open()
        if delta.model != model.digest:
            raise MeasurementError("a delta changes another model; its directions mean nothing in this one")
        for address, part in sorted(delta.parts.items()):
            if where(address)[1] in modules and has_matrix(part):
                found.setdefault(address, {})[one.digest] = lambda a=address, p=part: decomposed(a, p)
    if not found:
        raise MeasurementError(f"no delta changes {', '.join(modules)}; name other modules")
    return found
