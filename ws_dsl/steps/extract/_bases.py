"""Bases from the singular directions of weight differences."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from ws_dsl.artifacts.delta import Delta
from ws_dsl.errors import MeasurementError
from ws_dsl.specs.matrix import Matrix
from ws_dsl.steps.cell import Cell, Context

if TYPE_CHECKING:
    import numpy as np

    from ws_dsl.models.spectra import Spectrum

Matrices: TypeAlias = "dict[str, list[Spectrum]]"


def spectra(cell: Cell[Any], context: Context, modules: Sequence[Matrix]) -> Matrices:
    """Singular coordinates of the changes that a cell's deltas (`of`) make, by address.

    Raises:
        MeasurementError: deltas of another model than the cell's, or none that changes such a matrix.
    """
    from ws_dsl.models.deltas import weight, where
    from ws_dsl.models.spectra import has_matrix, spectrum

    model = cell.one("model")
    found: Matrices = {}
    for one in cell.inputs["of"]:
        delta: Delta = one.open()
        if delta.model != model.digest:
            raise MeasurementError("a delta changes another model; its directions mean nothing in this one")
        for address, part in sorted(delta.parts.items()):
            if where(address)[1] in modules and has_matrix(part):
                matrix = None if part.factored else weight(context.model(model), address)
                found.setdefault(address, []).append(spectrum(part, matrix))
    if not found:
        raise MeasurementError(f"no delta changes {', '.join(modules)}; name other modules")
    return found


def columns(found: Matrices, pick: Callable[[list[Spectrum]], np.ndarray]) -> dict[str, np.ndarray]:
    """Orthonormal columns by address, float32."""
    import numpy as np

    return {address: pick(own).astype(np.float32) for address, own in sorted(found.items())}


def made_on(deltas: Sequence[Delta]) -> list[str]:
    """Row sets that any of the deltas was made on."""
    return sorted({rows for delta in deltas for rows in delta.made_on})
