"""Rows in parts.

What it does
    Divides rows at random into named parts of given shares, on the unit of resampling, so that no unit is in two
    parts. With `stratify`, every combination of those columns is divided in the same shares.

What it cannot show
    That the parts are alike in columns that were not stratified.

Inputs and output
    `of`: Rows; `into`: share by part, together 1; `stratify`: columns; `seed` (scope `data`). Makes the axis
    `split`, one label per part; gives Rows.

Reference
    Largest-remainder rounding within each stratum; units in the order of a SHA-256 of seed and unit.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Annotated, Any

from pydantic import Field, field_validator

from ws_dsl.artifacts.artifact import Artifact
from ws_dsl.artifacts.rows import Rows
from ws_dsl.specs import types
from ws_dsl.specs.inspection import Complaint, Inspection
from ws_dsl.specs.kind import Column, Kind, Ref, Seed
from ws_dsl.steps.cell import Cell, Context


class Split(Kind[types.Rows]):
    """Disjoint parts of rows."""

    of: Ref[types.Rows]
    into: dict[str, Annotated[float, Field(gt=0, lt=1)]]
    stratify: list[Column] = []
    seed: Annotated[int, Seed("data")] = 0

    @field_validator("into")
    @classmethod
    def _whole(cls, into: dict[str, float]) -> dict[str, float]:
        if abs(sum(into.values()) - 1) > 1e-9:
            raise ValueError(f"shares add up to {sum(into.values()):g}, not to 1")
        return into

    @classmethod
    def made(cls, spec: Any) -> dict[str, list[str]]:
        return {"split": list(spec.into)}

    @classmethod
    def inspect(cls, spec: Any, inspection: Inspection) -> Iterator[Complaint]:
        columns = inspection.columns("of")
        for name in spec.stratify if columns is not None else []:
            if name not in columns:
                yield Complaint("stratify", "unknown-column", f"there is no column {name!r} (columns: {', '.join(columns)})")


version = 1


def run(cells: Sequence[Cell[Split]], context: Context) -> Iterator[tuple[Cell[Split], Artifact]]:
    """Gives each part."""
    for cell in cells:
        rows: Rows = cell.open("of")
        yield cell, rows.take(divide(rows, cell.spec)[cell.made["split"]]).to_artifact()


def divide(rows: Rows, spec: Split) -> dict[str, list[int]]:
    """Places of the rows of every part, in their order."""
    units = list(zip(*(rows.columns[name] for name in rows.unit), strict=True))
    strata: dict[tuple[Any, ...], dict[tuple[Any, ...], None]] = {}
    for index, unit in enumerate(units):
        stratum = tuple(rows.columns[name][index] for name in spec.stratify)
        strata.setdefault(stratum, {})[unit] = None
    part_of: dict[tuple[Any, ...], str] = {}
    for members in strata.values():
        order = sorted(members, key=lambda unit: hashlib.sha256(repr((spec.seed, unit)).encode()).digest())
        start = 0
        for part, count in _counts(spec.into, len(order)).items():
            part_of.update(dict.fromkeys(order[start : start + count], part))
            start += count
    return {part: [i for i, unit in enumerate(units) if part_of[unit] == part] for part in spec.into}


def _counts(into: dict[str, float], total: int) -> dict[str, int]:
    counts = {part: int(share * total) for part, share in into.items()}
    by_remainder = sorted(into, key=lambda part: counts[part] - into[part] * total)
    for part in by_remainder[: total - sum(counts.values())]:
        counts[part] += 1
    return counts
