"""Variants: what a step's own `over` makes of its fields."""

# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false
# (what is written in a study is of any type until it is validated)

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from ws_dsl.plan.mistakes import near
from ws_dsl.plan.relation import MOST_CELLS, SEED, AxisError, Labels
from ws_dsl.specs.canonical import digest
from ws_dsl.specs.document import Path_
from ws_dsl.specs.kind import RESERVED
from ws_dsl.specs.mistakes import NAME

NO_LABEL = r"[,|=\[\]\x00-\x1f\x7f]"
"""What no label holds, since references could not name it."""

_LONGEST_LABEL = 100
_NOT_A_FIELD = ("kind", "over", "except", "pool", "until")


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


class Misplaced(AxisError):
    """An `over` that cannot be read, with the path of the entry."""

    def __init__(self, path: Path_, code: str, message: str):
        self.path = path
        super().__init__(code, message)


def expand(
    step: Mapping[str, Any], path: Path_, known: Collection[str], scope: Callable[[str], str | None]
) -> Varied:
    """All combinations of a step's `over`.

    Args:
        step: The step as written.
        path: Its path in the document.
        known: Fields of the kind.
        scope: What a seed field varies, or None.

    Raises:
        Misplaced: an `over` that cannot be read.
    """
    fields = {name: value for name, value in step.items() if name not in _NOT_A_FIELD}
    base = Variant({}, fields, {name: (*path, name) for name in fields})
    reader = _Reader(known, scope)
    variants = list(reader.cross(base, step.get("over", {}), (*path, "over")))
    return Varied(variants, {axis: reader.labels_of(axis) for axis in reader.meanings}, reader.targets)


def label_of(value: Any) -> str | None:
    """The label of a scalar that labels itself; None of anything else."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "none"
    return str(value) if isinstance(value, (str, int, float)) else None


def stands_for(value: Any, scope: str = "", reserved: bool = False) -> str:
    """Digest of what a label stands for; labels join where it is equal."""
    return digest([scope, reserved, _plain(value)])


class _Reader:
    def __init__(self, known: Collection[str], scope: Callable[[str], str | None]):
        self.known = known
        self.scope = scope
        self.meanings: dict[str, dict[str, dict[str, None]]] = {}
        self.targets: dict[str, set[str]] = {}

    def labels_of(self, axis: str) -> Labels:
        """Labels of an axis; one that is nested under several others may mean something else under each."""
        return {
            label: next(iter(found)) if len(found) == 1 else digest(sorted(found))
            for label, found in self.meanings[axis].items()
        }

    def cross(self, base: Variant, over: Any, path: Path_) -> Iterator[Variant]:
        """Variants of `base` under every combination of the entries of an `over`."""
        if not isinstance(over, Mapping):
            raise Misplaced(path, "bad-over", "expected axes by field, as in over: {layer: [1, 2]}")
        variants = [base]
        for key, values in over.items():
            here = (*path, str(key))
            target, axis = self._names(here)
            labelled = self._labelled(target, values, here)
            if len(variants) * len(labelled) > MOST_CELLS:
                raise Misplaced(
                    here, "too-large", f"with this axis the step has more than {MOST_CELLS} cells"
                )
            variants = [
                inner
                for variant in variants
                for label, (value, place) in labelled.items()
                for inner in self._one(variant, target, axis, label, value, place)
            ]
        yield from variants

    def _one(
        self, base: Variant, target: str, axis: str, label: str, value: Any, place: Path_
    ) -> Iterator[Variant]:
        if axis in base.labels:
            raise Misplaced(
                place[:-1], "axis-taken", f"there is an axis {axis!r} already; write: {target} as other"
            )
        patches = target not in self.known
        patch: dict[str, Any] = (
            {name: v for name, v in value.items() if name != "over"} if patches else {target: value}
        )
        scopes = "+".join(found for name in sorted(patch) if (found := self.scope(name)))
        what = stands_for(value, scopes, not patches and target in RESERVED)
        if scopes and not patches:
            what = SEED + what
        self.meanings.setdefault(axis, {}).setdefault(label, {})[what] = None
        self.targets.setdefault(axis, set()).update(patch)
        origin = {name: (*place, name) for name in patch} if patches else {target: place}
        inner = Variant({**base.labels, axis: label}, {**base.fields, **patch}, {**base.origin, **origin})
        yield from self.cross(inner, value.get("over", {}) if patches else {}, (*place, "over"))

    def _names(self, path: Path_) -> tuple[str, str]:
        target, _, axis = str(path[-1]).partition(" as ")
        target, axis = target.strip(), (axis or target).strip()
        if re.fullmatch(NAME, axis) is None:
            message = f"{axis!r} is no name of an axis: letters, digits and _, as in {target} as paraphrase"
            raise Misplaced(path, "bad-name", message)
        if axis == "round":
            raise Misplaced(
                path, "not-available", "the axis 'round' is reserved for loops, which are not available yet"
            )
        return target, axis

    def _labelled(self, target: str, values: Any, path: Path_) -> dict[str, tuple[Any, Path_]]:
        """Values by label, with their places."""
        patches = target not in self.known
        if isinstance(values, Mapping):
            if patches and not all(isinstance(v, Mapping) for v in values.values()):
                raise self._unknown(target, path, "no field, so each label needs a patch {field: value}")
            found = {str(label): (value, (*path, str(label))) for label, value in values.items()}
            if long := next((label for label in found if len(label) > _LONGEST_LABEL), None):
                message = f"a label has at most {_LONGEST_LABEL} characters"
                raise Misplaced((*path, long), "no-label", message)
        elif not isinstance(values, list):
            raise Misplaced(path, "bad-over", "expected a list of values, or values by label")
        elif patches:
            raise self._unknown(target, path, "no field of this kind")
        else:
            found = self._listed(values, path)
        if not found:
            raise Misplaced(path, "bad-over", "an axis needs at least one label")
        for label, (_, place) in found.items():
            if not label.strip() or label != label.strip() or re.search(NO_LABEL, label):
                message = f"{label!r} cannot be a label: references could not name it; write {{label: value}}"
                raise Misplaced(place, "no-label", message)
        return found

    def _listed(self, values: list[Any], path: Path_) -> dict[str, tuple[Any, Path_]]:
        found: dict[str, tuple[Any, Path_]] = {}
        for index, value in enumerate(values):
            label = label_of(value)
            if label is None:
                raise Misplaced((*path, index), "no-label", "this value needs a label; write {label: value}")
            if label in found:
                raise Misplaced((*path, index), "duplicate-label", f"label {label!r} is written twice")
            found[label] = (value, (*path, index))
        return found

    def _unknown(self, target: str, path: Path_, what: str) -> Misplaced:
        message = f"{target!r} is {what}.{near(target, self.known)}\nfields: {', '.join(sorted(self.known))}"
        return Misplaced(path, "unknown-field", message)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value
