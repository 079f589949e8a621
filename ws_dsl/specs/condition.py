"""Conditions on statistics: `[all_|any_]STAT_OP`, such as `all_mean.low_gt`."""

from __future__ import annotations

import re
from typing import NamedTuple

_PATTERN = re.compile(r"(?:(all|any)_)?(?:(.+)_)?(ge|gt|le|lt|eq)")

OPERATORS = ("ge", "gt", "le", "lt", "eq")


class Condition(NamedTuple):
    """A comparison of a statistic with a number.

    Attributes:
        quantifier: `all`, `any`, or None where one cell is read.
        statistic: Such as `median` or `mean.low`; empty for the value itself.
        operator: `ge`, `gt`, `le`, `lt` or `eq`.
    """

    quantifier: str | None
    statistic: str
    operator: str

    def holds(self, number: float | None, bound: float) -> bool:
        """Whether the comparison is true; an undefined number makes it false."""
        if number is None:
            return False
        return {
            "ge": number >= bound,
            "gt": number > bound,
            "le": number <= bound,
            "lt": number < bound,
            "eq": number == bound,
        }[self.operator]


def parse_condition(text: str) -> Condition:
    """Reads a condition.

    Raises:
        ValueError: it does not end in an operator.
    """
    match = _PATTERN.fullmatch(text)
    if match is None:
        raise ValueError(
            f"{text!r} is no condition; write [all_|any_]STATISTIC_OPERATOR with {', '.join(OPERATORS)}"
        )
    return Condition(match[1], match[2] or "", match[3])
