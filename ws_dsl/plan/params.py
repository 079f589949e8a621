"""A spec's fields as they enter its key."""

# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false
# (what is written in a study is of any type until it is validated)

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel

from ws_dsl.specs.canonical import Json
from ws_dsl.specs.kind import Kind, Presentation, marks, since


def params_of(
    kind: type[Kind[Any]], spec: Kind[Any], references: Iterable[str]
) -> tuple[dict[str, Json], dict[str, str]]:
    """Validated fields that are no references, and the external files among them.

    Presentation fields are left out, and fields added later while they equal their compatibility value.
    External files (and what `Kind.external` names) are replaced by their content digests in the key.
    """
    read = set(references)
    params: dict[str, Json] = {}
    files: dict[str, str] = {}
    for name in kind.model_fields:
        value = getattr(spec, name)
        found = marks(kind, name)
        if name in read or "presentation" in found:
            continue
        added = since(kind, name)
        if added is not None and value == added.compatible:
            continue
        if ("file" in found or "folder" in found) and value is not None:
            files[name] = value
            continue
        params[name] = _plain(value)
    return params, {**files, **kind.external(spec)}


def _plain(value: Any) -> Json:
    if isinstance(value, BaseModel):
        fields = type(value).model_fields.items()
        return {
            name: _plain(getattr(value, name)) for name, info in fields if Presentation not in info.metadata
        }
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise TypeError(f"{type(value).__name__} has no place in a key")
