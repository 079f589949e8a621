"""Addresses: cells as they are written and shown."""

from __future__ import annotations

from collections.abc import Mapping


def address(step: str, labels: Mapping[str, str]) -> str:
    """A cell as text: `score[arm=none, tokens=spaced]`."""
    return step + (f"[{', '.join(f'{axis}={label}' for axis, label in labels.items())}]" if labels else "")
