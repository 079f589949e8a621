"""Variants: what a step's own `over` makes of its fields."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from ws_dsl.plan.relation import AxisError, Labels
from ws_dsl.specs.canonical import digest
from ws_dsl.specs.document import Path_
from ws_dsl.specs.kind import RESERVED


class Variant(NamedTuple):
    """One combination of a step's own labels.

    Attributes:
        labels: Label by own axis.
        fields: The step's fields under it, as written.
        origin: Path of each field in the document.
    """

    labels: Labels
    fields: dict[str, Any]
    origin: dict[str, Path_]


@dataclass
class Varied:
    """A step's variants.

    Attributes:
        variants: All combinations.
        axes: The axes they span: labels with what they stand for.
        targets: The fields that each axis varies.
    """

    variants: list[Variant]
    axes: dict[str, Labels]
    targets: dict[str, set[str]]


def expand(
    step: Mapping[str, Any], path: Path_, known: Callable[[str], bool], scope: Callable[[str], str | None]
) -> Varied:
    """All combinations of a step's `over`.

    Args:
        step: The step as written.
        path: Its path in the document.
        known: Whether a name is a field of the kind.
        scope: What a seed field varies, or None.

    Raises:
        AxisError: an `over` that cannot be read; its message starts with the entry.
    """
    fields = {name: value for name, value in step.items() if name not in ("kind", "over", "except", "pool", "until")}
    base = Variant({}, fields, {name: (*path, name) for name in fields})
    varied = Varied([], {}, {})
    varied.variants += _cross(base, step.get("over", {}), (*path, "over"), known, scope, varied)
    return varied


def _cross(
    base: Variant,
    over: Any,
    path: Path_,
    known: Callable[[str], bool],
    scope: Callable[[str], str | None],
    varied: Varied,
) -> Iterator[Variant]:
    if not isinstance(over, Mapping):
        raise AxisError("bad-over", "over: expected axes by field, as in over: {layer: [1, 2]}")
    variants = [base]
    for key, values in over.items():  # pyright: ignore[reportUnknownVariableType]
        target, axis = _names(str(key))  # pyright: ignore[reportUnknownArgumentType]
        patches = not known(target)
        labelled = _labelled(target, values, patches)
        here = (*path, str(key))  # pyright: ignore[reportUnknownArgumentType]
        made: list[Variant] = []
        for variant in variants:
            if axis in variant.labels:
                raise AxisError("axis-taken", f"over.{key}: there is an axis {axis!r} already")
            for label, value in labelled.items():
                what = digest([scope(target) or "", None if patches else target in RESERVED, _plain(value)])
                if varied.axes.setdefault(axis, {}).setdefault(label, what) != what:
                    raise AxisError("ambiguous-axis", f"over.{key}: label {label!r} stands for two things")
                labels = {**variant.labels, axis: label}
                place = (*here, label) if isinstance(values, Mapping) else (*here, list(labelled).index(label))
                if not patches:
                    patch: dict[str, Any] = {target: value}
                    origin: dict[str, Path_] = {target: place}
                    nested: Any = {}
                else:
                    patch = {name: item for name, item in value.items() if name != "over"}
                    origin = {name: (*place, name) for name in patch}
                    nested = value.get("over", {})
                varied.targets.setdefault(axis, set()).update(patch)
                inner = Variant(labels, {**variant.fields, **patch}, {**variant.origin, **origin})
                made += _cross(inner, nested, (*place, "over"), known, scope, varied)
        variants = made
    yield from variants


def _names(key: str) -> tuple[str, str]:
    target, _, axis = key.partition(" as ")
    return target.strip(), (axis or target).strip()


def _labelled(target: str, values: Any, patches: bool) -> dict[str, Any]:
    if isinstance(values, Mapping):
        if patches and not all(isinstance(v, Mapping) for v in values.values()):  # pyright: ignore[reportUnknownVariableType]
            raise AxisError("unknown-field", f"over.{target}: this is no field, so each label needs a patch {{field: value}}")
        return {str(label): value for label, value in values.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    if not isinstance(values, list):
        raise AxisError("bad-over", f"over.{target}: expected a list, or values by label")
    if patches:
        raise AxisError("unknown-field", f"over.{target}: there is no field {target!r}")
    labels = [_label(value) for value in values]  # pyright: ignore[reportUnknownVariableType]
    if len(set(labels)) < len(labels):
        raise AxisError("duplicate-label", f"over.{target}: a label is written twice")
    return dict(zip(labels, values, strict=True))  # pyright: ignore[reportUnknownArgumentType]


def _label(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "none"
    if isinstance(value, (str, int, float)):
        return str(value)
    raise AxisError("no-label", f"over: {value!r} needs a label; write {{label: value}}")


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]  # pyright: ignore[reportUnknownVariableType]
    return value
