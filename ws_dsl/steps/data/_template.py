"""Prompt templates: `{{column}}` slots and nothing else, bytes kept as written."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ws_dsl.errors import MeasurementError

_SLOT = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
_NAME = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)?)\s*")


def slots(template: str) -> list[str]:
    """Columns that a template names.

    Raises:
        ValueError: a slot holds more than a column's name, or is not closed.
    """
    found: list[str] = []
    for inside in _SLOT.findall(template):
        match = _NAME.fullmatch(inside)
        if match is None:
            raise ValueError(
                f"{{{{{inside}}}}} is no column: slots hold a column's name; no filters, no logic"
            )
        found.append(match[1])
    if "{{" in _SLOT.sub("", template):
        raise ValueError("a {{ is not closed")
    return found


def fill(template: str, row: Mapping[str, Any]) -> str:
    """The template with a row's values; these are put in as they are, whatever they hold.

    Raises:
        MeasurementError: the row lacks a column.
    """

    def value(match: re.Match[str]) -> str:
        name = match[1].strip()
        if name not in row:
            raise MeasurementError(f"the rows have no column {name!r} (columns: {', '.join(row)})")
        return _text(row[name])

    return _SLOT.sub(value, template)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
