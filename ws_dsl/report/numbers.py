"""Numbers as they are printed: an estimate, its interval and its n, in digits that suit their neighbours."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ws_dsl.report.content import Labels, Quantity, Reading

_MINUS = "\N{MINUS SIGN}"


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
    """A number with a true minus sign; one that would round to zero is written with its exponent."""
    shown = f"{value:z.{digits}f}"
    if value and float(shown) == 0:
        mantissa, exponent = f"{value:.1e}".split("e")
        shown = f"{mantissa}e{int(exponent)}"
    return shown.replace("-", _MINUS)


def estimate(quantity: Quantity, digits: int) -> str:
    """`0.71 [0.64, 0.78]`, the interval left out where there is none."""
    if quantity.value is None:
        return f"undefined ({quantity.reason})" if quantity.reason else "undefined"
    shown = number(quantity.value, digits)
    if quantity.low is None or quantity.high is None:
        return shown
    return f"{shown} [{number(quantity.low, digits)}, {number(quantity.high, digits)}]"


def spread(low: int, high: int) -> str:
    """`193`, or `180 to 193`."""
    return str(low) if low == high else f"{low} to {high}"


def digits_of(quantities: Iterable[Quantity]) -> int:
    """Digits for estimates printed side by side, their intervals included."""
    return decimals(end for q in quantities for end in (q.value, q.low, q.high) if end is not None)


def reading(read: Reading) -> str:
    """What a rule read, in one line: one estimate, or the lowest and the highest of several, and n."""
    by_statistic: dict[str, list[Quantity]] = {}
    for _, quantity in read.cells:
        by_statistic.setdefault(quantity.statistic, []).append(quantity)
    return "; ".join(
        _of_one_statistic(name, quantities, read.unit) for name, quantities in by_statistic.items()
    )


def cell(labels: Labels) -> str:
    """`condition=neutral, paraphrase=is_it`."""
    return ", ".join(f"{axis}={label}" for axis, label in labels.items())


def _of_one_statistic(name: str, quantities: Sequence[Quantity], unit: str) -> str:
    digits = digits_of(quantities)
    defined = sorted((q for q in quantities if q.value is not None), key=lambda q: q.value or 0.0)
    if not defined:
        return f"{name} {estimate(quantities[0], digits)}"
    shown = estimate(defined[0], digits)
    if len(defined) > 1:
        shown = f"from {shown} to {estimate(defined[-1], digits)}"
    parts = [f"{name} {shown}{f' {unit}' if unit else ''}"]
    if len(quantities) > 1:
        missing = len(quantities) - len(defined)
        parts.append(f"{len(quantities)} cells{f' ({missing} undefined)' if missing else ''}")
    counts = [quantity.n for quantity in defined if quantity.n is not None]
    if counts:
        parts.append(f"n = {spread(min(counts), max(counts))}")
    return ", ".join(parts)
