"""Why a key is another than it was."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from ws_dsl.plan.keys import Derivation


def changes(
    old: Derivation, new: Derivation, name_of: Callable[[str], str] = lambda digest: digest[:12]
) -> list[str]:
    """Differences between two derivations, one sentence each.

    Args:
        old: What the earlier artifact was made from.
        new: What the present one is made from.
        name_of: A readable name for an input's content digest.
    """
    found: list[str] = []
    if old["kind"] != new["kind"]:
        return [f"it was a {old['kind']} and is a {new['kind']}"]
    if old["version"] != new["version"]:
        found.append(f"kind {new['kind']} went from version {old['version']} to {new['version']}")
    found += _params(old["params"], new["params"], "")
    for field in sorted({*old["inputs"], *new["inputs"]}):
        before, after = old["inputs"].get(field, []), new["inputs"].get(field, [])
        if len(before) != len(after):
            found.append(f"input {field} has {len(after)} cells, had {len(before)}")
            continue
        for was, now in zip(before, after, strict=True):
            if was["digest"] != now["digest"]:
                found.append(f"input {field} changed: {name_of(was['digest'])} → {name_of(now['digest'])}")
            elif was["column"] != now["column"]:
                found.append(f"input {field} reads column {now['column']}, read {was['column']}")
    for part, value in new["environment"].items():
        if old["environment"].get(part) != value:
            found.append(f"{part} {old['environment'].get(part)} → {value}")
    if old["made"] != new["made"]:
        found.append(f"label {old['made']} → {new['made']}")
    return found


def _params(old: Any, new: Any, path: str) -> list[str]:
    if isinstance(old, dict) and isinstance(new, dict):
        found: list[str] = []
        for name in sorted({*old, *new}):  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
            found += _params(old.get(name), new.get(name), f"{path}.{name}" if path else str(name))  # pyright: ignore[reportUnknownArgumentType, reportUnknownMemberType]
        return found
    if old == new:
        return []
    if _is_digest(old) and _is_digest(new):
        what = "the code of the kind" if path == "source" else f"the content of {path}"
        return [f"{what} changed: {old[:8]} → {new[:8]}"]
    return [f"{path}: {_short(old)} → {_short(new)}"]


def _is_digest(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch(r"[0-9a-f]{64}", value) is not None


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"
