"""Two Estimates of the same units, combined draw by draw."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ws_dsl.artifacts.estimate import Estimate, Stat
from ws_dsl.errors import MeasurementError
from ws_dsl.steps.analyse._bootstrap import interval

if TYPE_CHECKING:
    import numpy as np

    from ws_dsl.steps.cell import Cell, Input


def two(cell: Cell[Any], left: str, right: str) -> tuple[Estimate, Estimate]:
    """The Estimates of two fields; where a statistic is picked, with that alone, named `value`.

    Raises:
        MeasurementError: a field is pooled, the picked statistic does not exist, or the Estimates rest on
            different rows or differently resampled units.
    """
    first, second = (picked(_only(cell, name)) for name in (left, right))
    if first.row_set != second.row_set:
        raise MeasurementError(
            f"{left} and {right} rest on different row sets: name the rows that both have with `rows:`"
        )
    if first.units != second.units:
        raise MeasurementError(f"{left} and {right} resample different units: their draws cannot be paired")
    return first, second


def combine(left: Stat, right: Stat, value: float, drawn: np.ndarray | None) -> Stat:
    """A statistic made of two, with the interval of its paired draws."""
    n = min(left.n, right.n)
    found = None if drawn is None else interval(drawn)
    if found is None:
        return Stat(value, None, None, None, n, left.reason or right.reason)
    return Stat(value, *found, n)


def undefined(left: Stat, right: Stat, left_name: str, right_name: str) -> Stat:
    """What becomes of two statistics of which at least one is undefined."""
    sides = ((left_name, left), (right_name, right))
    reason = "; ".join(f"{name}: {stat.reason}" for name, stat in sides if stat.value is None)
    return Stat(None, None, None, None, min(left.n, right.n), reason)


def paired_draws(
    left: Estimate, right: Estimate, name: str, other: str, of: Callable[[np.ndarray, np.ndarray], np.ndarray]
) -> np.ndarray | None:
    """Draws of a combination of two statistics, or None where one of them has none."""
    if name not in left.draws or other not in right.draws:
        return None
    return of(left.draws[name], right.draws[other])


def notes_of(left: Estimate, right: Estimate, left_name: str, right_name: str) -> dict[str, Any]:
    """Notes that both share, and those of each side where they differ."""
    shared = {name: note for name, note in left.notes.items() if right.notes.get(name) == note}
    for side, estimate in ((left_name, left), (right_name, right)):
        own = {name: note for name, note in estimate.notes.items() if name not in shared}
        if own:
            shared[side] = own
    return shared


def default(estimate: Estimate) -> str:
    """The statistic that is meant where none is picked: `value`, `mean`, or the only one.

    Raises:
        MeasurementError: there are several others.
    """
    for name in ("value", "mean"):
        if name in estimate.stats:
            return name
    if len(estimate.stats) > 1:
        raise MeasurementError(
            f"which of {', '.join(estimate.stats)} is meant? Pick one, such as `.{min(estimate.stats)}`"
        )
    return next(iter(estimate.stats))


def _only(cell: Cell[Any], name: str) -> Input:
    if len(cell.inputs[name]) > 1:
        raise MeasurementError(
            f"{name} pools Estimates, which have no rows to average: pool where they are made"
        )
    return cell.one(name)


def picked(source: Input) -> Estimate:
    """An Estimate; where a statistic is picked, with that alone, named `value`."""
    estimate: Estimate = source.open()
    if source.column is None:
        return estimate
    if source.column not in estimate.stats:
        raise MeasurementError(
            f"no statistic {source.column!r} in an estimate with {', '.join(estimate.stats)}"
        )
    draws = {"value": estimate.draws[source.column]} if source.column in estimate.draws else {}
    return Estimate(
        {"value": estimate.stats[source.column]}, draws, estimate.units, estimate.row_set, estimate.notes
    )
