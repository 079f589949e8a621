"""Members of a family: cells read together by one that corrects for their number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ws_dsl.specs.canonical import Json, digest

if TYPE_CHECKING:
    from ws_dsl.steps.cell import Cell, Input

Read = dict[str, "list[Input]"]
"""Inputs of one cell by field."""


@dataclass(frozen=True)
class Placed:
    """An input with the places that it has in its own cell."""

    source: Input
    pooled: tuple[int, ...]

    @property
    def digest(self) -> str:
        return self.source.digest

    @property
    def column(self) -> str | None:
        return self.source.column

    @property
    def labels(self) -> dict[str, str]:
        return self.source.labels

    @property
    def spec(self) -> Any:
        return self.source.spec

    def open(self) -> Any:
        return self.source.open()


def identity(read: Mapping[str, Sequence[Input]], fields: Sequence[str]) -> str:
    """What tells a member by what it reads: equal for a cell and for the same cell in its family."""
    found: list[Json] = [
        [field, [[one.digest, one.column, list(one.pooled)] for one in sorted(read[field], key=_place)]]
        for field in fields
        if read.get(field)
    ]
    return digest(found)


def members(cell: Cell[Any], fields: Sequence[str], axes: int) -> dict[str, Read]:
    """Inputs of every member by its identity.

    Args:
        cell: What reads a family: the places of its inputs begin with those along the family's axes, −1 where
            an input does not have one.
        fields: Fields that make a member.
        axes: Number of the family's axes.
    """
    found: dict[tuple[int, ...], Read] = {(-1,) * axes: {}}
    for field in fields:
        grouped: dict[tuple[int, ...], list[Input]] = {}
        for one in cell.inputs.get(field, []):
            grouped.setdefault(one.pooled[:axes], []).append(Placed(one, one.pooled[axes:]))
        if grouped:
            found = {
                tuple(map(max, place, other)): {**read, field: edges}
                for place, read in found.items()
                for other, edges in grouped.items()
                if all(
                    mine == theirs or -1 in (mine, theirs) for mine, theirs in zip(place, other, strict=True)
                )
            }
    return {identity(read, fields): read for read in found.values()}


def _place(one: Input) -> tuple[int, ...]:
    return one.pooled
