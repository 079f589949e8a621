"""Cells that run together: those that share inputs, as many at once as memory should hold."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

from ws_dsl.specs.kind import Kind
from ws_dsl.steps.cell import Cell

SpecT = TypeVar("SpecT", bound=Kind)

ROWS = 1024
"""Rows of all cells of a lot, where one cell does not have more."""


def by_inputs(cells: Sequence[Cell[SpecT]], *fields: str) -> Iterator[list[Cell[SpecT]]]:
    """Cells grouped by what they read in the fields."""
    groups: dict[tuple[str, ...], list[Cell[SpecT]]] = {}
    for cell in cells:
        groups.setdefault(tuple(cell.one(field).digest for field in fields), []).append(cell)
    yield from groups.values()


def lots(cells: Sequence[Cell[SpecT]], field: str) -> Iterator[list[Cell[SpecT]]]:
    """Cells in order, cut where the rows that they read in the field become too many."""
    lot: list[Cell[SpecT]] = []
    rows = 0
    for cell in cells:
        lot.append(cell)
        rows += len(cell.open(field))
        if rows >= ROWS:
            yield lot
            lot, rows = [], 0
    if lot:
        yield lot


def slices(sizes: Sequence[int], most: int) -> Iterator[slice]:
    """Consecutive rows whose sizes together stay within a bound; a row that passes it alone.

    Args:
        sizes: Size of every row.
        most: The bound.
    """
    start, held = 0, 0
    for place, size in enumerate(sizes):
        if place > start and held + size > most:
            yield slice(start, place)
            start, held = place, 0
        held += size
    if sizes:
        yield slice(start, len(sizes))
