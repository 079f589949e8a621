"""Estimate: statistics of a cell, with intervals, and the draws that keep them paired."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from ws_dsl.artifacts.artifact import Artifact, Reader
from ws_dsl.specs.canonical import Json, canonical

if TYPE_CHECKING:
    import numpy as np


class Stat(NamedTuple):
    """One statistic.

    Attributes:
        value: The point estimate, or None where it is undefined.
        low: Lower end of the 95 % bootstrap interval, or None.
        high: Upper end, or None.
        sd: Standard deviation of the bootstrap draws (the standard error), or None.
        n: Rows it rests on.
        reason: Why the value, or its interval alone, is undefined; empty otherwise.
    """

    value: float | None
    low: float | None
    high: float | None
    sd: float | None
    n: int
    reason: str = ""


@dataclass(frozen=True)
class Estimate:
    """Statistics by name for one cell.

    Attributes:
        stats: Statistic by name, such as `mean` or `share_ge_0.5`.
        draws: Bootstrap draws by statistic, float64 of shape (draws,); alike for one row set, hence paired.
        units: Digest of the resampled units: draws pair only where these are equal.
        row_set: Digest of the rows that it rests on.
        notes: Facts that travel with it: excluded rows by status, clipping, the statistic's unit.
    """

    stats: dict[str, Stat]
    draws: dict[str, np.ndarray]
    units: str
    row_set: str
    notes: dict[str, Json] = field(default_factory=dict[str, Json])

    def to_artifact(self) -> Artifact:
        import numpy as np
        from safetensors.numpy import save

        record: dict[str, Json] = {
            "stats": {name: _plain(stat) for name, stat in self.stats.items()},
            "order": list(self.stats),
            "units": self.units,
            "row_set": self.row_set,
            "notes": self.notes,
        }
        draws = {name: np.ascontiguousarray(values, dtype=np.float64) for name, values in self.draws.items()}
        facts: dict[str, Json] = {
            "row_set": self.row_set,
            "n": max((s.n for s in self.stats.values()), default=0),
        }
        return Artifact({"estimate.json": canonical(record), "draws.safetensors": save(draws)}, facts)

    @classmethod
    def from_files(cls, read: Reader) -> Estimate:
        from safetensors.numpy import load

        record = json.loads(read("estimate.json"))
        draws = load(read("draws.safetensors"))
        return cls(stats_of(record), draws, record["units"], record["row_set"], record["notes"])


def stats_of(record: dict[str, Any]) -> dict[str, Stat]:
    """Statistics of a parsed `estimate.json`; needs no numpy, so that verdicts can be read quickly."""
    return {name: _stat(record["stats"][name]) for name in record["order"]}


def _stat(plain: dict[str, Any]) -> Stat:
    floats = {name: None if plain[name] is None else float(plain[name]) for name in Stat._fields[:4]}
    return Stat(n=plain["n"], reason=plain["reason"], **floats)


def _plain(stat: Stat) -> dict[str, Json]:
    for number in (stat.value, stat.low, stat.high, stat.sd):
        if number is not None and not math.isfinite(number):
            raise ValueError(f"a statistic is not finite: {stat}")
    return dict(stat._asdict())
