"""Numbers as they are printed: an estimate, its interval and its n, in digits that suit their neighbours."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias

from ws_dsl.report.quantity import Labels, Quantity, Reading

_MINUS = "\N{MINUS SIGN}"
_MOST_DIGITS = 5
"""Digits after the point that two significant ones may need; a smaller number has an exponent."""


def decimals(values: Iterable[float]) -> int:
    """Digits after the point that keep three significant ones in the largest of these values, two at least.

    Args:
        values: Numbers that are printed side by side.
    """
    largest = max((abs(value) for value in values), default=0.0)
    if largest >= 100:
        return 1
    if largest >= 1 or largest == 0:
        return 2
    return 3 if largest >= 0.1 else 4


def number(value: float, digits: int) -> str:
    """A number with a true minus sign; of one that would round to zero two significant digits are kept."""
    shown = f"{value:z.{digits}f}"
    return _small(value, digits) if value and float(shown) == 0 else shown.replace("-", _MINUS)


def probability(value: float, digits: int) -> str:
    """A p with two significant digits at least, since 0.0475 and 0.0515 beside 1.00 are not both 0.05.

    One that float64 holds as 0 is told as smaller than what it holds.
    """
    if value == 0:
        return f"< {_with_exponent(sys.float_info.min)}"
    return _small(value, max(digits, decimals([value])))


def point(quantity: Quantity, digits: int) -> str:
    """`0.71`, or that it is undefined and why."""
    if quantity.value is None:
        return f"undefined ({quantity.reason})" if quantity.reason else "undefined"
    return _of(quantity)(quantity.value, digits)


def interval(quantity: Quantity, digits: int) -> str:
    """`[0.64, 0.78]`, or nothing where there is no interval."""
    if quantity.value is None or quantity.low is None or quantity.high is None:
        return ""
    shown = _of(quantity)
    return f"[{shown(quantity.low, digits)}, {shown(quantity.high, digits)}]"


def estimate(quantity: Quantity, digits: int) -> str:
    """`0.71 [0.64, 0.78]`, the interval left out where there is none."""
    return f"{point(quantity, digits)} {interval(quantity, digits)}".rstrip()


def spread(low: int, high: int) -> str:
    """`193`, or `180 to 193`."""
    return str(low) if low == high else f"{low} to {high}"


def digits_of(quantities: Iterable[Quantity]) -> int:
    """Digits for estimates printed side by side, their intervals included."""
    return decimals(end for q in quantities for end in (q.value, q.low, q.high) if end is not None)


Show: TypeAlias = Callable[[Quantity, int], str]
"""How an estimate is printed in some digits."""


def reading(read: Reading, show: Show = estimate) -> str:
    """What a rule read, in one line: one estimate, or the lowest and the highest of several, and n."""
    by_statistic: dict[str, list[Quantity]] = {}
    for _, quantity in read.cells:
        by_statistic.setdefault(quantity.statistic, []).append(quantity)
    return "; ".join(
        _of_one_statistic(name, quantities, read.unit, show) for name, quantities in by_statistic.items()
    )


def cell(labels: Labels) -> str:
    """`condition=neutral, paraphrase=is_it`."""
    return ", ".join(f"{axis}={label}" for axis, label in labels.items())


def _of(quantity: Quantity) -> Callable[[float, int], str]:
    return probability if re.match(r"p(_|$)", quantity.statistic) else number


def _small(value: float, digits: int) -> str:
    """A number with two significant digits at least."""
    significant = 1 - math.floor(math.log10(abs(value)))
    if significant > _MOST_DIGITS:
        return _with_exponent(value)
    return f"{value:.{max(digits, significant)}f}".replace("-", _MINUS)


def _with_exponent(value: float) -> str:
    mantissa, exponent = f"{value:.1e}".split("e")
    return f"{mantissa}e{int(exponent)}".replace("-", _MINUS)


def _of_one_statistic(name: str, quantities: Sequence[Quantity], unit: str, show: Show) -> str:
    digits = digits_of(quantities)
    defined = sorted((q for q in quantities if q.value is not None), key=lambda q: q.value or 0.0)
    if not defined:
        return f"{name} {show(quantities[0], digits)}"
    shown = show(defined[0], digits)
    if len(defined) > 1:
        shown = f"from {shown} to {show(defined[-1], digits)}"
    parts = [f"{name} {shown}{f' {unit}' if unit else ''}"]
    if len(quantities) > 1:
        missing = len(quantities) - len(defined)
        parts.append(f"{len(quantities)} cells{f' ({missing} undefined)' if missing else ''}")
    counts = [quantity.n for quantity in defined if quantity.n is not None]
    if counts:
        parts.append(f"n = {spread(min(counts), max(counts))}")
    return ", ".join(parts)
