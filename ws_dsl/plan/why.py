"""Why a key is another than it was."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, cast

from ws_dsl.plan.keys import Derivation
from ws_dsl.plan.row_changes import row_changes, shown
from ws_dsl.specs.canonical import canonical

_DIGEST = re.compile("[0-9a-f]{64}")


def changes(
    old: Derivation,
    new: Derivation,
    name_of: Callable[[str], str] = lambda digest: digest[:12],
    files: Mapping[str, str] = {},
    content: Callable[[str], bytes | None] = lambda digest: None,
) -> list[str]:
    """Differences between two derivations, one sentence each; none only where they are the same.

    Args:
        old: What the earlier artifact was made from.
        new: What the present one is made from.
        name_of: A readable name for an input's content digest.
        files: Names of external files by the field that names them.
        content: Bytes of an external file by their digest, or None where they are gone.
    """
    found: list[str] = []
    if old["kind"] != new["kind"]:
        return [f"it was a {old['kind']} and is a {new['kind']}"]
    if old["version"] != new["version"]:
        found.append(f"kind {new['kind']} went from version {old['version']} to {new['version']}")
    found += _params(
        old["params"], new["params"], "", lambda path, was, now: _file(new, path, was, now, files, content)
    )
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
            elif was["pooled"] != now["pooled"]:
                found.append(f"input {field} is pooled at place {now['pooled']}, was at {was['pooled']}")
    if old["inputs"].keys() != new["inputs"].keys() and not found:
        fields = sorted(old["inputs"].keys() ^ new["inputs"].keys())
        found.append(f"the kind reads other fields: {', '.join(fields)}")
    for part in sorted({*old["environment"], *new["environment"]}):
        was, now = old["environment"].get(part), new["environment"].get(part)
        if was != now:
            found.append(f"{part} {was} → {now}")
    if old["made"] != new["made"]:
        found.append(f"label {old['made']} → {new['made']}")
    return found


def _params(old: object, new: object, path: str, file: Callable[[str, str, str], list[str]]) -> list[str]:
    if isinstance(old, dict) and isinstance(new, dict):
        found: list[str] = []
        before, after = cast("dict[str, Any]", old), cast("dict[str, Any]", new)
        for name in sorted({*before, *after}):
            below = f"{path}.{name}" if path else name
            found += _params(before.get(name, _ABSENT), after.get(name, _ABSENT), below, file)
        return found
    if _ABSENT not in (old, new) and canonical(cast("Any", old)) == canonical(cast("Any", new)):
        return []
    if isinstance(old, str) and isinstance(new, str) and _DIGEST.fullmatch(old) and _DIGEST.fullmatch(new):
        return file(path, old, new)
    return [f"{path}: {shown(old)} → {shown(new)}"]


class _Absent:
    def __repr__(self) -> str:
        return "nothing"


_ABSENT = _Absent()


def _file(
    new: Derivation,
    path: str,
    was: str,
    now: str,
    files: Mapping[str, str],
    content: Callable[[str], bytes | None],
) -> list[str]:
    """What changed in an external file; its rows where it has any and both states are there."""
    if path == "source":
        return [f"the code of the kind changed: {was[:8]} → {now[:8]}"]
    name = files.get(path, path)
    before, after = content(was), content(now)
    if before is not None and after is not None and name.endswith((".jsonl", ".csv")):
        key: str | list[str] = new["params"].get("key") or []
        if found := row_changes(name, before, after, [key] if isinstance(key, str) else key):
            return found
    return [f"the content of {name} changed: {was[:8]} → {now[:8]}"]
