"""What pydantic finds wrong, told with places and in the words of the grammar."""

# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false
# (what is written in a study is of any type until it is validated)

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, get_args

from pydantic import BaseModel, ValidationError

from ws_dsl.errors import Problem
from ws_dsl.specs.document import Document, Path_, short, subject

NAME = r"^[A-Za-z_][A-Za-z0-9_]*$"
KEBAB = r"^[a-z0-9]+(-[a-z0-9]+)*$"
DATE = r"^\d{4}-\d{2}-\d{2}$"

_CODES = {
    "missing": "missing-field",
    "extra_forbidden": "unknown-field",
    "literal_error": "not-allowed",
    "string_pattern_mismatch": "bad-text",
}
_EXPECTED = {
    "bool_parsing": "true or false",
    "bool_type": "true or false",
    "dict_type": "a mapping",
    "float_parsing": "a number",
    "float_type": "a number",
    "int_from_float": "a whole number",
    "int_parsing": "a whole number",
    "int_type": "a whole number",
    "list_type": "a list",
    "model_type": "a mapping",
    "none_required": "null",
    "string_type": "text",
    "tuple_type": "a list",
}
_PATTERNS = {
    NAME: "a name: letters, digits and _, not beginning with a digit",
    KEBAB: "kebab case: lower-case letters and digits, with single hyphens between",
    DATE: "a date such as 2026-11-21",
}


class _Mistake(NamedTuple):
    path: Path_
    code: str
    message: str
    expected: bool


def problems(
    error: ValidationError,
    document: Document,
    model: type[BaseModel],
    at: Path_ = (),
    origin: Mapping[str, Path_] | None = None,
    reserved: Sequence[str] = (),
) -> list[Problem]:
    """A pydantic error as problems with places, one for each path.

    Args:
        error: What pydantic found.
        document: Where the values were written.
        model: The class that they were validated against.
        at: Path of the validated mapping.
        origin: Path of each field that is written elsewhere.
        reserved: Fields that may be written beside those of the class.
    """
    found: dict[Path_, list[_Mistake]] = {}
    for item in error.errors(include_url=False):
        mistake = _mistake(item, document, model, at, origin or {}, reserved)
        found.setdefault(mistake.path, []).append(mistake)
    return [_told(path, mistakes, document) for path, mistakes in found.items()]


def loose(written: Any, validated: Any, path: Path_ = ()) -> Iterator[tuple[Path_, str]]:
    """Scalars that pydantic takes for another type than they are written as: `"1"` for 1, `true` for 1.0."""
    if isinstance(validated, BaseModel):
        validated = {name: getattr(validated, name) for name in type(validated).model_fields}
    if isinstance(written, Mapping) and isinstance(validated, Mapping):
        for key, value in written.items():
            if key in validated:
                yield from loose(value, validated[key], (*path, str(key)))
    elif isinstance(written, list) and isinstance(validated, (list, tuple)):
        for index, (one, other) in enumerate(zip(written, validated, strict=False)):
            yield from loose(one, other, (*path, index))
    elif isinstance(validated, bool) and not isinstance(written, bool):
        yield path, f"expected true or false (got {_shown(written)})"
    elif (
        isinstance(validated, (int, float)) and isinstance(written, (str, bool)) and written is not validated
    ):
        yield (
            path,
            f"expected a number (got {_shown(written)})"
            + (": without quotes" if isinstance(written, str) else ""),
        )


def _told(path: Path_, mistakes: list[_Mistake], document: Document) -> Problem:
    """Alternatives of a union are one mistake."""
    first = next((m for m in mistakes if not m.expected), mistakes[0])
    message = first.message
    if first.expected:
        wanted = dict.fromkeys(m.message.removeprefix("expected ").rpartition(" (got ")[0] for m in mistakes)
        message = f"expected {' or '.join(wanted)} (got {message.rpartition(' (got ')[2]}"
    return Problem(document.place(path), first.code, subject(path) or "file", message)


def _mistake(
    item: Any,
    document: Document,
    model: type[BaseModel],
    at: Path_,
    origin: Mapping[str, Path_],
    reserved: Sequence[str],
) -> _Mistake:
    kind, loc = item["type"], item["loc"]
    start = origin.get(str(loc[0])) if loc else None
    path = _written((start or (*at, loc[0])) if loc else at, loc[1:], document, kind == "missing")
    if kind == "missing" and start is None and loc:
        path = (*at, *path[len(at) :])
    code = _CODES.get(kind, "wrong-value")
    name = str(loc[-1]) if loc else ""
    if kind in ("extra_forbidden", "missing"):
        owner = _model_at(model, loc[:-1])
        fields = sorted(f.alias or n for n, f in owner.model_fields.items()) if owner else []
        listing = f"\nfields: {', '.join(fields)}" if fields else ""
        beside = [*reserved] if owner is model else []
        listing += f"\nit also takes {', '.join(beside)}" if beside else ""
        if kind == "missing":
            return _Mistake(path, code, f"{name!r} is required{listing}", False)
        near = difflib.get_close_matches(name, [*fields, *beside], n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        if " " in name:
            hint += " Inside braces, text that has a comma needs quotes."
        return _Mistake(path, code, f"there is no field {short(name)!r} here.{hint}{listing}", False)
    # A whole mapping that is at odds with itself is no news to who wrote it.
    own = kind == "value_error" and isinstance(item["input"], Mapping)
    got = "" if own else f" (got {_shown(item['input'])})"
    if kind in _EXPECTED:
        return _Mistake(path, code, f"expected {_EXPECTED[kind]}{got}", True)
    if kind == "string_pattern_mismatch" and item["ctx"]["pattern"] in _PATTERNS:
        return _Mistake(path, code, f"expected {_PATTERNS[item['ctx']['pattern']]}{got}", False)
    if kind == "string_too_long":
        return _Mistake(path, code, f"at most {item['ctx']['max_length']} characters{got}", False)
    if kind == "too_short":
        least = item["ctx"]["min_length"]
        return _Mistake(path, code, f"at least {least} {'entry' if least == 1 else 'entries'}{got}", False)
    message = item["msg"].removeprefix("Value error, ")
    message = (
        f"expected {message.removeprefix('Input should be ')}" if "Input should be" in message else message
    )
    return _Mistake(
        path, code, f"{message[0].lower()}{message[1:]}{got}", bool(got) and message.startswith("expected")
    )


def _written(start: Path_, loc: Sequence[str | int], document: Document, missing: bool) -> Path_:
    """Leaves out the union tags that pydantic puts between the parts of a path."""
    value: Any = document.at(start)
    path = list(start)
    for index, part in enumerate(loc):
        known: Any = range(len(value)) if isinstance(value, list) else value
        if isinstance(value, (dict, list)) and part in known:
            value = value[part]  # pyright: ignore[reportCallIssue, reportArgumentType]
        elif not (missing and index == len(loc) - 1):
            continue
        path.append(part)
    return tuple(path)


def _model_at(model: type[BaseModel], loc: Sequence[str | int]) -> type[BaseModel] | None:
    """The class whose fields are written at a place, where there is one."""
    here: list[Any] = [model]
    for part in loc:
        inner: list[Any] = []
        for annotation in here:
            if isinstance(annotation, type) and issubclass(annotation, BaseModel):
                field = annotation.model_fields.get(str(part))
                inner += _members(field.annotation) if field else []
            else:
                inner += [member for argument in get_args(annotation)[-1:] for member in _members(argument)]
        here = inner or here
    return next((a for a in here if isinstance(a, type) and issubclass(a, BaseModel)), None)


def _members(annotation: Any) -> list[Any]:
    """Members of a union, an annotated type, or the type itself."""
    arguments = get_args(annotation)
    if not arguments or getattr(annotation, "__origin__", None) in (dict, list, tuple):
        return [annotation]
    if hasattr(annotation, "__metadata__"):
        return _members(arguments[0])
    return [member for argument in arguments for member in _members(argument)]


def _shown(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (str, int, float)):
        return short(repr(value))
    if value in ([], {}):
        return "an empty list" if isinstance(value, list) else "an empty mapping"
    return {"dict": "a mapping", "list": "a list"}.get(type(value).__name__, type(value).__name__)
