"""What figures of single rows share: how many there are, and how much of a long tail is shown."""

from __future__ import annotations

from typing import NamedTuple

from ws_dsl.report.frame import Frame, Roles

_QUANTILE = 0.01
_REACH = 0.25


class Window(NamedTuple):
    """The part of an axis that is shown, and how many values lie beyond it."""

    low: float
    high: float
    beyond: int


def window(values: list[float]) -> Window:
    """Limits that keep the bulk readable.

    All values where tails are short; else the 1 % to 99 % quantiles and a quarter of their distance to
    either side. Ratios with small denominators need this: one row can be a hundred times all others.
    """
    if not values:
        return Window(0.0, 1.0, 0)
    ordered = sorted(values)
    last = len(ordered) - 1
    inner_low, inner_high = (ordered[round(_QUANTILE * last)], ordered[round((1 - _QUANTILE) * last)])
    reach = _REACH * (inner_high - inner_low)
    low, high = max(ordered[0], inner_low - reach), min(ordered[-1], inner_high + reach)
    margin = 0.04 * (high - low) or 0.5
    beyond = sum(value < low or value > high for value in ordered)
    return Window(low - margin, high + margin, beyond)


def counts(part: Frame, roles: Roles) -> list[int]:
    """Rows of every colour in a panel."""
    parts = (
        [part.where(roles.colour, label) for label in part.levels(roles.colour)] if roles.colour else [part]
    )
    return [len(group.numbers(roles.of)) for group in parts]


def notes(whole: Frame, column: str, n: str) -> list[str]:
    """What an axis must say: n, and how many values it leaves out."""
    beyond = window(whole.numbers(column)).beyond
    return [note for note in (n, f"{beyond} beyond the axis" if beyond else "") if note]


def label(whole: Frame, column: str, n: str) -> str:
    """Name, unit, n, and how many values the axis leaves out."""
    return ", ".join([whole.title(column), *notes(whole, column, n)])
