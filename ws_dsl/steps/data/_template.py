"""Prompt templates: `{{column}}` slots and nothing else, bytes kept as written."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

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
    """The template with a row's values."""
    return _SLOT.sub(lambda match: _text(row[match[1].strip()]), template)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
