"""The fields of a step under one variant, validated."""

# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false
# (what is written in a study is of any type until it is validated)

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from ws_dsl.plan.mistakes import Broken, Mistakes
from ws_dsl.plan.variants import Variant
from ws_dsl.specs import types
from ws_dsl.specs.document import Path_
from ws_dsl.specs.kind import (
    Inline,
    InputField,
    Kind,
    Named,
    input_fields,
    marks,
    seed_scope,
)
from ws_dsl.specs.kinds import KindModule
from ws_dsl.specs.mistakes import loose, problems
from ws_dsl.specs.reference import Reference, parse

_ROWS = InputField((types.Rows,), True, False)

Written = Reference | Inline


STEP_FIELDS = ("over", "except", "pool", "rows")
"""Fields that every step takes, for messages; `until` is not available yet."""


def read_spec(
    kind: KindModule, variant: Variant, path: Path_, mistakes: Mistakes, beside: Sequence[str] = STEP_FIELDS
) -> Kind[Any]:
    """The kind's validated fields; `beside` may be written too, and are read elsewhere.

    Raises:
        Broken: they are not valid, which is told.
    """
    own = "rows" in kind.spec.model_fields
    fields = {
        name: _from_file(value, variant.origin.get(name, path), mistakes)
        for name, value in variant.fields.items()
        if own or name != "rows"
    }
    # A seed that follows an axis is another number in every cell; here any will do.
    fields |= dict.fromkeys(bound(kind, variant), 0)
    try:
        spec = kind.spec.model_validate(fields)
    except ValidationError as error:
        reserved = [name for name in beside if name not in kind.spec.model_fields]
        mistakes.found += problems(error, mistakes.document, kind.spec, path, variant.origin, reserved)
        raise Broken from None
    found = list(loose(fields, spec))
    for (name, *rest), message in found:
        mistakes.add((*variant.origin.get(str(name), (*path, name)), *rest), "wrong-value", message)
    if found:
        raise Broken
    _check_paths(spec, variant, path, mistakes)
    return spec


def bound(kind: KindModule, variant: Variant) -> dict[str, str]:
    """Seeds that follow an inherited axis, `{axis: NAME}`, with its name."""
    return {
        name: str(value["axis"])
        for name, value in variant.fields.items()
        if seed_scope(kind.spec, name) is not None and isinstance(value, Mapping) and set(value) == {"axis"}
    }


def _check_paths(spec: Kind[Any], variant: Variant, path: Path_, mistakes: Mistakes) -> None:
    """Files lie in the project; a checkpoint may be anywhere.

    Raises:
        Broken: one does not, or no file can have its name.
    """
    for name in type(spec).model_fields:
        written, origin = getattr(spec, name), variant.origin.get(name, path)
        try:
            if written is not None and "file" in marks(type(spec), name):
                mistakes.document.input_file(written, origin)
            elif written is not None and "folder" in marks(type(spec), name):
                mistakes.document.resolve(written, origin)
        except ValueError as error:
            raise mistakes.add(origin, "bad-path", str(error)) from None


def references(
    kind: KindModule, spec: Kind[Any], variant: Variant, mistakes: Mistakes
) -> dict[str, tuple[Written, InputField]]:
    """What the fields refer to, with what they accept; `rows` last where the kind has no such field itself.

    Raises:
        Broken: `rows` is no reference, or the kind takes none.
    """
    found: dict[str, tuple[Written, InputField]] = {}
    for field, accepts in input_fields(kind.spec).items():
        value = getattr(spec, field)
        if isinstance(value, Named):
            value = value.reference
        if isinstance(value, (Reference, Inline)):
            found[field] = (value, accepts)
    if "rows" in variant.fields and "rows" not in kind.spec.model_fields:
        written, origin = variant.fields["rows"], variant.origin["rows"]
        if not kind.spec.restricted:
            raise mistakes.add(
                origin, "unknown-field", f"{kind.name} cannot be restricted to rows; restrict what reads it"
            )
        try:
            found["rows"] = (Inline(written) if isinstance(written, Mapping) else parse(str(written)), _ROWS)
        except ValueError as error:
            raise mistakes.add(origin, "bad-reference", str(error)) from None
    return found


def named(spec: Kind[Any], mark: str) -> dict[str, str]:
    """Axes or columns that fields with a mark name, with these fields."""
    found: dict[str, str] = {}
    for field in type(spec).model_fields:
        if mark in marks(type(spec), field):
            named = getattr(spec, field)
            found |= dict.fromkeys([named] if isinstance(named, str) else named or [], field)
    return found


def _from_file(value: Any, path: Path_, mistakes: Mistakes) -> Any:
    """The text of `{file: path}`, bytes kept as they are; anything else as written."""
    if not (isinstance(value, Mapping) and set(value) == {"file"}):
        return value
    written = str(value["file"])
    try:
        return mistakes.document.input_file(written, path).read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise mistakes.add(path, "missing-file", f"{written}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise mistakes.add(path, "unreadable", f"{written}: not UTF-8 at byte {error.start}") from None
    except ValueError as error:
        raise mistakes.add(path, "bad-path", str(error)) from None
