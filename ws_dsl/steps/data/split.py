"""Rows in parts.

What it does
    Divides rows at random into named parts of given shares, on the unit of resampling, so that no unit is
    in two parts. With `stratify`, every combination of those columns is divided in the same shares.

What it cannot show
    That the parts are alike in columns that were not stratified.

Inputs and output
    `of`: Rows; `into`: share by part, together 1; `stratify`: columns; `seed` (scope `data`). Makes the
    axis `split`, one label per part; gives Rows.

Reference
    Every stratum's shares are rounded down or up; remainders carry over to the next stratum, so that the
    parts have their shares as a whole. Units in the order of a SHA-256 of seed and unit: the order of
    rows plays no part.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Sequence
from typing import Annotated, Any

from pydantic import Field, field_validator

from ws_dsl.artifacts.artifact import Artifact
from ws_dsl.artifacts.rows import Rows
from ws_dsl.errors import MeasurementError
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
        columns = inspection.columns("of") or {}
        for name in spec.stratify if columns else []:
            if name not in columns:
                yield Complaint(
                    "stratify",
                    "unknown-column",
                    f"there is no column {name!r} (columns: {', '.join(columns)})",
                )


version = 1


def run(cells: Sequence[Cell[Split]], context: Context) -> Iterator[tuple[Cell[Split], Artifact]]:
    """Gives each part."""
    for cell in cells:
        rows: Rows = cell.open("of")
        yield cell, rows.take(divide(rows, cell.spec)[cell.made["split"]]).to_artifact()


def divide(rows: Rows, spec: Split) -> dict[str, list[int]]:
    """Places of the rows of every part, in their order.

    Raises:
        MeasurementError: a unit has rows in several strata.
    """
    units = list(zip(*(rows.columns[name] for name in rows.unit), strict=True))
    stratum_of: dict[tuple[Any, ...], tuple[Any, ...]] = {}
    for index, unit in enumerate(units):
        stratum = tuple(rows.columns[name][index] for name in spec.stratify)
        if stratum_of.setdefault(unit, stratum) != stratum:
            raise MeasurementError(
                f"unit {unit} has rows of {stratum_of[unit]} and of {stratum}: "
                f"it cannot be stratified by {', '.join(spec.stratify)}"
            )
    strata: dict[tuple[Any, ...], list[tuple[Any, ...]]] = {}
    for unit in sorted(stratum_of, key=lambda unit: _draw(spec.seed, unit)):
        strata.setdefault(stratum_of[unit], []).append(unit)
    part_of: dict[tuple[Any, ...], str] = {}
    owed = dict.fromkeys(spec.into, 0.0)
    for stratum in sorted(strata, key=lambda stratum: _draw(spec.seed, stratum)):
        start = 0
        for part, count in _counts(spec.into, len(strata[stratum]), owed).items():
            part_of.update(dict.fromkeys(strata[stratum][start : start + count], part))
            start += count
    return {part: [i for i, unit in enumerate(units) if part_of[unit] == part] for part in spec.into}


def _draw(seed: int, value: tuple[Any, ...]) -> bytes:
    """A random place in an order, the same whatever else is in it."""
    return hashlib.sha256(repr((seed, value)).encode()).digest()


def _counts(into: dict[str, float], total: int, owed: dict[str, float]) -> dict[str, int]:
    """Units of one stratum by part: each share rounded down or up.

    Rounding up goes to the parts that are owed most by this stratum and those before it; what remains owed is
    kept in `owed`, so that the parts as a whole have their shares too.
    """
    exact = {part: share * total for part, share in into.items()}
    counts = {part: math.floor(units + 1e-9) for part, units in exact.items()}
    for part in into:
        owed[part] += exact[part] - counts[part]
    fractional = [part for part in into if exact[part] - counts[part] > 1e-9]
    for part in sorted(fractional, key=lambda part: -owed[part])[: total - sum(counts.values())]:
        counts[part] += 1
        owed[part] -= 1
    return counts
