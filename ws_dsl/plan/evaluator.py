"""Steps and references evaluated into relations of cells."""

# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false
# (what is written in a study is of any type until it is validated)

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ws_dsl.plan.cells import Maker, Step
from ws_dsl.plan.choices import chosen
from ws_dsl.plan.exceptions import read_exceptions
from ws_dsl.plan.families import check_kept
from ws_dsl.plan.fields import Written, bound, named, read_spec, references
from ws_dsl.plan.mistakes import Broken, Mistakes, accepted, axes_of, names, near
from ws_dsl.plan.node import Node
from ws_dsl.plan.relation import (
    MOST_CELLS,
    AxisError,
    Entry,
    Join,
    Joined,
    Labels,
    Relation,
    pool,
    seeds,
    view,
)
from ws_dsl.plan.stack import stack
from ws_dsl.plan.variants import Misplaced, Variant, expand
from ws_dsl.specs import kinds, types
from ws_dsl.specs.document import Path_
from ws_dsl.specs.kind import Inline, InputField, gives, seed_scope
from ws_dsl.specs.reference import Chosen, Reference, parse
from ws_dsl.specs.study import StudySpec

_RESERVED_NAMES = ("model", "none")


class Evaluator:
    """Evaluates every step once.

    Attributes:
        spec: The study.
        mistakes: What is wrong with it.
        relations: Cells by step; None of a step that is broken.
        maker: Makes the nodes.
        views: Cells behind every reference so far.
    """

    def __init__(self, spec: StudySpec, mistakes: Mistakes, broken: set[str]):
        self.spec = spec
        self.mistakes = mistakes
        self.relations: dict[str, Relation | None] = dict.fromkeys(broken)
        self.maker = Maker(mistakes.document)
        self._visiting: list[str] = []
        self._inline: dict[Path_, Relation] = {}
        self.views: dict[Reference, Relation] = {}

    @property
    def nodes(self) -> list[Node]:
        return self.maker.nodes

    # -- references -----------------------------------------------------------------------------------------

    def resolve(self, written: str | Reference, path: Path_) -> Relation:
        """The relation behind a reference.

        Raises:
            Broken: it means nothing, or what it names is broken.
        """
        try:
            reference = parse(written) if isinstance(written, str) else written
        except ValueError as error:
            raise self.mistakes.add(path, "bad-reference", str(error)) from None
        if reference in self.views:
            return self.views[reference]
        relation = self.relation(reference.name, path)
        try:
            found = view(relation, reference, lambda cells, item: self._chosen(cells, item, reference, path))
        except AxisError as error:
            raise self.mistakes.add(path, error.code, str(error)) from None
        if reference.column and not set(found.types) & {types.Rows, types.Table, types.Estimate}:
            message = f"{reference.name} is {names(found.types)}, which has no columns"
            raise self.mistakes.add(path, "wrong-type", message)
        if reference.column and types.Rows in found.types:
            found = Relation((types.Table,), found.axes, found.entries, found.dropped)
        self.views[reference] = found
        return found

    def cells(self, written: str, path: Path_) -> Relation:
        """The relation behind a view or a member of a stack, which are of whole cells.

        Raises:
            Broken: the reference means nothing, or names a column, which no reader of the cells would see.
        """
        found, reference = self.resolve(written, path), parse(written)
        if reference.column:
            message = (
                f"views and stacks are of whole cells: write {reference._replace(column=None)} here, and "
                f".{reference.column} where a step reads it"
            )
            raise self.mistakes.add(path, "bad-reference", message)
        return found

    def _chosen(self, cells: Relation, item: Chosen, reference: Reference, path: Path_) -> Relation:
        choices = self.relation(item.choice, path)
        return chosen(cells, choices, item.choice, reference.name, self.maker)

    def relation(self, name: str, path: Path_) -> Relation:
        """The cells of a step; evaluated once.

        Raises:
            Broken: there is no such step, it is broken, or it refers to itself.
        """
        if name == "none":
            return Relation((types.Arm,), {}, [Entry({}, None)])
        if name in self._visiting:
            circle = " → ".join([*self._visiting[self._visiting.index(name) :], name])
            raise self.mistakes.add(path, "cycle", f"steps refer to each other in a circle: {circle}")
        if name in self.relations:
            if (known := self.relations[name]) is None:
                raise Broken
            return known
        written = self.spec.model if name == "model" else self.spec.steps.get(name)
        if written is None:
            steps = ["model", *self.spec.steps]
            message = f"there is no step {name!r}.{near(name, steps)}\nsteps: {', '.join(steps)}"
            raise self.mistakes.add(path, "missing-reference", message)
        here: Path_ = ("model",) if name == "model" else ("steps", name)
        self.relations[name] = None
        self._visiting.append(name)
        try:
            found = self.cells(written, here) if isinstance(written, str) else self.step(name, written, here)
        finally:
            self._visiting.pop()
        self.relations[name] = found
        return found

    def all(self) -> None:
        """Evaluates the model and every step; what is broken is told."""
        for name in _RESERVED_NAMES:
            if name in self.spec.steps:
                self.mistakes.add(
                    ("steps", name), "reserved-name", f"{name!r} is a reserved name; choose another"
                )
        for name in ("model", *(step for step in self.spec.steps if step not in _RESERVED_NAMES)):
            path: Path_ = ("model",) if name == "model" else ("steps", name)
            try:
                found = self.relation(name, path)
            except Broken:
                continue
            if name == "model" and types.Model not in found.types:
                self.mistakes.add(path, "wrong-type", f"model takes Model, and this is {names(found.types)}")

    # -- steps ----------------------------------------------------------------------------------------------

    def kind(self, written: Mapping[str, Any], path: Path_) -> kinds.KindModule:
        """The kind that a step names.

        Raises:
            Broken: it names none, or one that does not exist or cannot be read.
        """
        if "kind" not in written:
            raise self.mistakes.add(
                path, "missing-field", f"a step needs a kind\nkinds: {', '.join(kinds.names())}"
            )
        try:
            return kinds.find(str(written["kind"]))
        except kinds.UnknownKind as error:
            raise self.mistakes.add((*path, "kind"), "unknown-kind", str(error)) from None
        except kinds.BrokenKind as error:
            raise self.mistakes.add((*path, "kind"), "broken-kind", str(error)) from None

    def step(self, name: str, written: Mapping[str, Any], path: Path_) -> Relation:
        """Evaluates a step into its relation, and makes its nodes.

        Raises:
            Broken: it has a mistake, which is told.
        """
        kind = self.kind(written, path)
        if kind.verb == "check":
            message = f"{kind.name!r} is a check; write it under checks"
            raise self.mistakes.add((*path, "kind"), "wrong-type", message)
        if kind.name == "stack":
            return stack(written, path, self.cells, self.mistakes)
        if "until" in written:
            raise self.mistakes.add((*path, "until"), "not-available", "loops are not available yet")
        fields = kind.spec.model_fields
        known = dict.fromkeys([*(field.alias or name for name, field in fields.items()), *fields, "rows"])
        try:
            varied = expand(written, path, known, lambda field: seed_scope(kind.spec, field))
        except Misplaced as error:
            raise self.mistakes.add(error.path, error.code, str(error)) from None
        exceptions = read_exceptions(written.get("except", []), (*path, "except"), self.mistakes)
        pooled = self._pooled(written.get("pool", []), (*path, "pool"))
        result = Relation((), dict(varied.axes))
        unused = set(pooled)
        broken = False
        for variant in varied.variants:
            try:
                self._variant(
                    name, kind, variant, pooled, path, result, unused, varied.targets, exceptions.matches
                )
            except Broken:
                broken = True
        if broken:
            raise Broken
        for place, axis in enumerate(pooled):
            if axis in unused:
                listed = isinstance(written["pool"], list)
                at: Path_ = (*path, "pool", place) if listed else (*path, "pool")
                self.mistakes.add(
                    at, "unknown-axis", f"no input has an axis {axis!r} ({axes_of(result.axes)})"
                )
                broken = True
        exceptions.check(result, self.mistakes)
        if broken:
            raise Broken
        lacking = dict.fromkeys(one.reason for one in self.maker.unavailable if one.step == name)
        if not result.entries and lacking:
            message = f"no cell of this step can be made: {'; '.join(lacking)}"
            raise self.mistakes.add((*path, "kind"), "empty-step", message)
        if not result.entries:
            raise self.mistakes.add((*path, "except"), "empty-step", "every cell of this step is excepted")
        return result

    def _pooled(self, value: Any, path: Path_) -> list[str]:
        axes: list[Any] = value if isinstance(value, list) else [value]
        if not all(isinstance(axis, str) for axis in axes):
            raise self.mistakes.add(path, "wrong-value", "expected names of axes")
        return axes

    def _variant(
        self,
        name: str,
        kind: kinds.KindModule,
        variant: Variant,
        pooled: list[str],
        path: Path_,
        result: Relation,
        unused: set[str],
        targets: dict[str, set[str]],
        excepted: Callable[[Labels], bool],
    ) -> None:
        """Adds the cells of one variant to the step's relation."""
        if len(self.nodes) > 5 * MOST_CELLS:
            raise self.mistakes.add(path, "too-large", f"the study has more than {5 * MOST_CELLS} cells")
        spec = read_spec(kind, variant, path, self.mistakes)
        refers = references(kind, spec, variant, self.mistakes)
        taken = named(spec, "axis")
        family, held_out, by = (named(spec, mark) for mark in ("family", "hold_out", "levels"))
        mine = {axis: {label: result.axes[axis][label]} for axis, label in variant.labels.items()}
        own = {axis: (result.axes[axis], label) for axis, label in variant.labels.items()}
        join = Join([Joined(variant.labels, {}, {})], mine, own)
        found: dict[str, Relation] = {}
        broken = False
        for field, (value, accepts) in refers.items():
            try:
                found[field] = self._input(
                    name, field, value, accepts, variant.origin.get(field, path), variant.labels
                )
            except Broken:
                broken = True
        if broken:
            raise Broken
        result.types = self._given(kind, refers, found, variant, path, result.types)
        has = {axis: None for relation in found.values() for axis in relation.axes}
        for axis, field in taken.items():
            if axis not in has:
                at = variant.origin.get(field, path)
                raise self.mistakes.add(at, "unknown-axis", f"no input has an axis {axis!r} ({axes_of(has)})")
        unused -= set(has)
        for field, relation in found.items():
            value = refers[field][0]
            column = value.column if isinstance(value, Reference) else None
            groups, axes = pool(relation, [*pooled, *taken], column, kind.spec.labelled)
            try:
                join.add(field, groups, axes, relation.dropped)
            except AxisError as error:
                raise self.mistakes.add(variant.origin.get(field, path), error.code, str(error)) from None
        if wrong := check_kept({**family, **held_out}, join, [*pooled, *taken]):
            field, error = wrong
            raise self.mistakes.add(variant.origin.get(field, path), error.code, str(error))
        first = next(iter(found.values()), None)
        resampled = seeds(first, [*pooled, *taken]) if first is not None else ()
        seeded = bound(kind, variant)
        self._check_bound(seeded, join, [*pooled, *taken], variant, path)
        step = Step(
            name,
            kind,
            spec,
            refers,
            variant,
            path,
            resampled,
            tuple(family),
            tuple(held_out),
            tuple(by),
            seeded,
        )
        try:
            self.maker.make(step, join, targets, excepted, result)
        except AxisError as error:
            field = next(iter({**by, **held_out}.values()))
            raise self.mistakes.add(variant.origin.get(field, path), error.code, str(error)) from None

    def _check_bound(
        self, seeded: Mapping[str, str], join: Join, gone: list[str], variant: Variant, path: Path_
    ) -> None:
        """Refuses a seed that follows an axis which not every cell has, or whose labels are no seeds.

        Raises:
            Broken: there is one, which is told.
        """
        for field, axis in seeded.items():
            at = variant.origin.get(field, path)
            if axis in gone or not all(axis in cell.labels for cell in join.cells):
                message = f"not every cell has the axis {axis!r} ({axes_of(join.axes)})"
                raise self.mistakes.add(at, "unknown-axis", message)
            for cell in join.cells:
                if not cell.labels[axis].isascii() or not cell.labels[axis].isdigit():
                    message = f"the label {cell.labels[axis]!r} of {axis!r} is no seed; seeds are 0, 1, 2, …"
                    raise self.mistakes.add(at, "wrong-value", message)

    def _given(
        self,
        kind: kinds.KindModule,
        refers: Mapping[str, tuple[Written, InputField]],
        found: Mapping[str, Relation],
        variant: Variant,
        path: Path_,
        before: tuple[type[types.Type], ...],
    ) -> tuple[type[types.Type], ...]:
        """What a step gives; where that follows its inputs, all of them are of one type."""
        given = gives(kind.spec)
        if len(given) == 1 and given[0] is not types.Type:
            return given
        for field, relation in found.items():
            if set(refers[field][1].accepts) != set(given):
                continue
            mine = relation.types if types.Type in given else tuple(t for t in relation.types if t in given)
            if before and not set(mine) & set(before):
                message = f"all inputs are of one type; this is {names(mine)}, another is {names(before)}"
                raise self.mistakes.add(variant.origin.get(field, path), "wrong-type", message)
            before = mine
        if "rows" in found and types.Estimate in before:
            message = f"rows restricts Tables, and {kind.name} reads Estimates; restrict those"
            raise self.mistakes.add(variant.origin["rows"], "wrong-type", message)
        return before or given

    def _input(
        self, name: str, field: str, value: Written, accepts: InputField, origin: Path_, own: Labels
    ) -> Relation:
        if isinstance(value, Reference):
            relation = self.resolve(value, origin)
        else:
            relation = self._inline_step(name, field, value, origin, own)
        if not accepted(relation.types, accepts.accepts):
            shown = repr(str(value)) if isinstance(value, Reference) else f"this {value.step.get('kind')}"
            message = f"{field!r} takes {names(accepts.accepts)}, and {shown} is {names(relation.types)}"
            raise self.mistakes.add(origin, "wrong-type", message)
        return relation

    def _inline_step(self, name: str, field: str, value: Inline, origin: Path_, own: Labels) -> Relation:
        """A step written in place, evaluated once; under a label of `over` the label is part of its name."""
        if origin not in self._inline:
            labels = [str(part) for part in origin if part in own.values()]
            self._inline[origin] = self.step("/".join([name, field, *labels]), value.step, origin)
        return self._inline[origin]
