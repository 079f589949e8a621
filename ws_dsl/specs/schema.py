"""JSON Schema of studies, for editors: completes kinds, their fields, and the parts of a study."""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter

from ws_dsl.specs import kinds
from ws_dsl.specs.documentation import sections
from ws_dsl.specs.kind import Kind, input_fields, seed_scope
from ws_dsl.specs.study import StudySpec

_REFERENCE: dict[str, Any] = {
    "anyOf": [
        {"type": "string", "description": "step, step[axis=label] or step.column"},
        {"$ref": "#/$defs/step"},
    ]
}
_COMMON: dict[str, Any] = {
    "over": {"type": "object", "description": "Axes: field (or field as axis) to values by label."},
    "except": {"type": "array", "items": {"type": "object"}, "description": "Partial cells not to make."},
    "pool": {
        "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}],
        "description": "Inherited axes that are taken whole.",
    },
    "rows": {"type": "string", "description": "Restricts to these Rows."},
}


_FOLLOWED: dict[str, Any] = {
    "type": "object",
    "properties": {"axis": {"type": "string"}},
    "required": ["axis"],
    "additionalProperties": False,
    "description": "The label of an inherited axis.",
}
"""What a seed may be beside a number."""


def study_schema() -> dict[str, Any]:
    """Schema of a study in the draft that the YAML language server reads (draft 7)."""
    outside = StudySpec.model_json_schema()
    definitions: dict[str, Any] = outside.pop("$defs")
    steps: list[Any] = []
    checks: list[Any] = []
    for name in kinds.names():
        kind = kinds.find(name)
        is_check = kind.verb == "check"
        definitions[name] = _kind_schema(name, kind, is_check, definitions)
        (checks if is_check else steps).append({"$ref": f"#/$defs/{name}"})
    definitions["step"] = _chosen(steps, [name for name in kinds.names() if kinds.verb(name) != "check"])
    definitions["check"] = _chosen(checks, [name for name in kinds.names() if kinds.verb(name) == "check"])
    properties = outside["properties"]
    properties["steps"] = {
        "type": "object",
        "additionalProperties": _REFERENCE,
        "description": "Steps by name.",
    }
    properties["model"] = _REFERENCE
    properties["checks"] = {"type": "object", "additionalProperties": {"$ref": "#/$defs/check"}}
    properties["extends"] = {"type": "string", "description": "A study file that this one starts from."}
    outside["required"] = [name for name in outside["required"] if name not in ("model", "steps", "question")]
    return {"$schema": "http://json-schema.org/draft-07/schema#", **outside, "$defs": definitions}


def _chosen(members: list[Any], names: list[str]) -> dict[str, Any]:
    """One of several kinds, told apart by `kind`."""
    return {
        "type": "object",
        "required": ["kind"],
        "properties": {"kind": {"enum": names}},
        "allOf": [
            {"if": {"properties": {"kind": {"const": name}}, "required": ["kind"]}, "then": member}
            for name, member in zip(names, members, strict=True)
        ],
    }


def _kind_schema(
    name: str, kind: kinds.KindModule, is_check: bool, definitions: dict[str, Any]
) -> dict[str, Any]:
    properties: dict[str, Any] = {"kind": {"const": name}}
    references = input_fields(kind.spec)
    for field, info in kind.spec.model_fields.items():
        if field in references:
            literal = {"type": "array"}
            properties[field] = (
                {"anyOf": [_REFERENCE, literal]} if is_check or references[field].literal else _REFERENCE
            )
        else:
            schema = _plain(kind.spec, field)
            definitions.update(schema.pop("$defs", {}))
            properties[field] = schema
        if info.description:
            properties[field] = {**properties[field], "description": info.description}
    common = {"severity": {"enum": ["fail", "warn"]}} if is_check else _COMMON
    return {
        "description": sections(kind.documentation)["What it does"],
        "properties": {**common, **properties},
        "additionalProperties": False,
    }


def _plain(kind: type[Kind[Any]], field: str) -> dict[str, Any]:
    info = kind.model_fields[field]
    annotation: Any = info.annotation
    schema: dict[str, Any] = TypeAdapter(annotation).json_schema(ref_template="#/$defs/{model}")
    if seed_scope(kind, field) is not None:
        schema = {"anyOf": [schema, _FOLLOWED]}
    default: Any = info.default
    if not info.is_required() and isinstance(default, (str, int, float, bool, type(None), list)):
        schema["default"] = default
    return schema
