"""Numbers of a page: statistics with what is needed to doubt them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

Labels: TypeAlias = Mapping[str, str]
"""Label by axis, in the order of the axes; empty for a step without axes."""


@dataclass(frozen=True)
class Quantity:
    """One statistic with its interval.

    Attributes:
        statistic: Its name, such as `median`.
        value: The point estimate, or None where it is undefined.
        low: Lower end of the 95 % interval, or None.
        high: Upper end, or None.
        n: Rows it rests on, or None where it rests on none.
        reason: Why it is undefined; empty otherwise.
        key: Key of the artifact that holds it; empty for derived numbers.
    """

    statistic: str
    value: float | None
    low: float | None = None
    high: float | None = None
    n: int | None = None
    reason: str = ""
    key: str = ""


@dataclass(frozen=True)
class Reading:
    """What a rule reads under one name: the same statistic in one or more cells.

    Attributes:
        name: The name in the rule's `read`, such as `n`.
        reference: The reference as written, such as `share[site=neuron]`.
        unit: Unit of the values, such as `share` or `logits`; empty where there is none.
        cells: Labels and statistics of every cell read, in the order of the plan.
    """

    name: str
    reference: str
    unit: str
    cells: tuple[tuple[Labels, Quantity], ...]
