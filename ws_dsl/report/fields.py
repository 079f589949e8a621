"""What a kind takes, said in words: the same for the page of the kind and for `explain`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, NamedTuple, Union, cast, get_args, get_origin

from pydantic import BaseModel

from ws_dsl.specs import types
from ws_dsl.specs.documentation import sections
from ws_dsl.specs.kind import Kind, Ref, marks, seed_scope
from ws_dsl.specs.kinds import KindModule

_NAMES = re.compile(r"`([a-z][a-z0-9_]*)`((?: \([^()]*\))?)(?:, or |, | and | or |)")
_USUAL = {
    "model": "The model; the study's own where nothing is said",
    "arm": "The intervention under which the model runs",
    "prompts": "What the model reads",
    "of": "What is read",
    "rows": "The items",
    "seed": "What is drawn follows from it",
    "during": "While it holds: as the prompt is read, as the reply is generated, or both",
    "system": "The system message, with `{{column}}` slots",
    "user": "What the user says, with `{{column}}` slots",
    "text": "The whole prompt as it is, without a chat template",
    "dtype": "Precision of the weights and of all that is computed",
}
"""Fields that mean the same in every kind whose docstring says no more than their type."""


class FieldView(NamedTuple):
    """One field of a kind.

    Attributes:
        name: As it is written in a study.
        type: What it takes.
        default: What stands where nothing is written; None for a required field, empty for an
            optional one.
        meaning: One sentence or less.
    """

    name: str
    type: str
    default: str | None
    meaning: str


def fields(kind: KindModule) -> list[FieldView]:
    """The fields of a kind, in the order in which it declares them."""
    said = meanings(sections(kind.documentation).get("Inputs and output", ""))
    return [_field(kind.spec, name, said) for name in kind.spec.model_fields]


def meanings(text: str) -> dict[str, str]:
    """What a paragraph says of each field.

    A clause that begins with names of fields is about these: "`top`: how many", "`key` (one column or
    several), `columns` (name to type)", "`plus`, `minus`: Prompts over the same rows".
    """
    found: dict[str, str] = {}
    for clause in _clauses(text):
        names: list[tuple[str, str]] = []
        at = 0
        while match := _NAMES.match(clause, at):
            names.append((match[1], match[2].strip(" ()")))
            at = match.end()
        rest = clause[at:].removeprefix(":").strip()
        for name, own in names:
            found.setdefault(name, _sentence(own or rest))
    return found


def _clauses(text: str) -> Iterator[str]:
    """Parts that end in a semicolon or a full stop outside brackets and code."""
    depth, code, start = 0, False, 0
    for at, letter in enumerate(text):
        code ^= letter == "`"
        depth += 0 if code else (letter in "([{") - (letter in ")]}")
        if not code and not depth and letter in ".;" and text[at + 1 : at + 2] in ("", " "):
            yield text[start:at].strip()
            start = at + 1
    yield text[start:].strip()


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _field(spec: type[Kind[Any]], name: str, said: dict[str, str]) -> FieldView:
    info = spec.model_fields[name]
    annotation: Any = info.annotation
    type_ = type_text(annotation, marks(spec, name))
    meaning = info.description or said.get(name, "")
    if meaning in ("", type_, f"{type_} or none"):
        meaning = _USUAL.get(name, meaning)
    scope = seed_scope(spec, name)
    if scope and f"`{scope}`" not in meaning:
        meaning = f"{meaning} (scope `{scope}`)"
    default = None if info.is_required() else _default(info.get_default(call_default_factory=True))
    return FieldView(info.alias or name, type_, default, meaning)


def _default(value: Any) -> str:
    reference = getattr(value, "reference", None)
    if reference is not None:
        return str(reference)
    if value is None or isinstance(value, bool):
        return {None: "", True: "true", False: "false"}[value]
    if isinstance(value, Enum):
        return str(value.value)
    return str(value)


def type_text(annotation: Any, marked: tuple[str, ...] = ()) -> str:
    """A type in words, such as `Prompts` or `list of text`; what is written as it is stands in backticks."""
    return _either(_alternatives(annotation, marked))


def _either(parts: list[str]) -> str:
    *first, last = dict.fromkeys(parts)
    return f"{', '.join(first)} or {last}" if first else last


def _alternatives(annotation: Any, marked: tuple[str, ...]) -> list[str]:
    origin, inside = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _alternatives(inside[0], tuple(getattr(mark, "name", "") for mark in inside[1:]))
    if origin in (Union, UnionType):
        parts = [part for one in inside if one is not NoneType for part in _alternatives(one, marked)]
        lists = [f"list of {_either(parts[:at])}" if at else "" for at in range(len(parts))]
        return [
            "a list of these" if part == these else part for part, these in zip(parts, lists, strict=True)
        ]
    if origin is Literal:
        return [f"`{str(value).lower()}`" for value in inside]
    if origin is Ref:
        return [_type_name(one) for one in (get_args(inside[0]) or inside)]
    if origin is list:
        return [f"list of {type_text(inside[0], marked)}"]
    if origin is tuple:
        return [f"[{', '.join(type_text(one) for one in inside)}]"]
    if origin is dict:
        return [f"mapping of {type_text(inside[0])} to {type_text(inside[1])}"]
    return _plain(annotation, marked)


_MARKED = {
    "axis": "axis",
    "family": "axis",
    "hold_out": "axis",
    "column": "row column",
    "file": "path of a file",
    "folder": "path of a folder",
}


def _plain(annotation: Any, marked: tuple[str, ...]) -> list[str]:
    for mark in marked:
        if mark in _MARKED:
            return [_MARKED[mark]]
    if annotation is bool:
        return ["`true`", "`false`"]
    if _is_model(annotation):
        parts = (f"{name}: {type_text(info.annotation)}" for name, info in annotation.model_fields.items())
        return [f"{{{', '.join(parts)}}}"]
    known: dict[Any, str] = {str: "text", int: "whole number", float: "number", Any: "anything"}
    return [known.get(annotation) or getattr(annotation, "__name__", str(annotation))]


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _type_name(one: Any) -> str:
    return "anything" if one is types.Type else str(cast("type", one).__name__)
