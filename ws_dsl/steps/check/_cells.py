"""Cells that a check looks at, matched by their labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from ws_dsl.steps.cell import Input

MOST_TOLD = 5
"""Broken cells that are told one by one; the others are counted."""

Labels = tuple[tuple[str, str], ...]
T = TypeVar("T")


def shown(labels: Labels) -> str:
    """Labels for a message."""
    return f"[{', '.join(f'{axis}={label}' for axis, label in labels)}]" if labels else "the only cell"


def told(messages: Sequence[str]) -> str:
    """The first messages, and the number of the others."""
    more = [f"and {len(messages) - MOST_TOLD} more"] if len(messages) > MOST_TOLD else []
    return "; ".join([*messages[:MOST_TOLD], *more])


def along(inputs: Sequence[Input], axis: str) -> dict[Labels, dict[str, int]]:
    """Places of the cells that differ only along an axis, by their label on it; those without it left out."""
    found: dict[Labels, dict[str, int]] = {}
    for place, one in enumerate(inputs):
        if axis in one.labels:
            rest = tuple((name, label) for name, label in one.labels.items() if name != axis)
            found.setdefault(tuple(sorted(rest)), {})[one.labels[axis]] = place
    return found


def partners(one: Input, others: Sequence[Input]) -> list[int]:
    """Places of the cells that agree with one on every axis that both have."""
    return [place for place, other in enumerate(others) if agree(one, other)]


def agree(one: Input, other: Input) -> bool:
    """Whether two cells have the same label on every axis that both have."""
    return all(one.labels[axis] == label for axis, label in other.labels.items() if axis in one.labels)
