"""Nodes for the joined cells of a step, and for the inputs that are derived from its fields."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

from ws_dsl.plan.families import Whole, families, others
from ws_dsl.plan.levels import levels
from ws_dsl.plan.node import Edge, Node, Unavailable
from ws_dsl.plan.params import params_of
from ws_dsl.plan.relation import Entry, Join, Joined, Labels, Relation
from ws_dsl.plan.variants import Variant, stands_for
from ws_dsl.specs import kinds, types
from ws_dsl.specs.canonical import Json, digest
from ws_dsl.specs.document import Document, Path_
from ws_dsl.specs.kind import Derived, Kind, gives, input_fields


class Step(NamedTuple):
    """A step under one variant, validated.

    Attributes:
        name: The step.
        kind: Its kind.
        spec: Its fields.
        references: Names of the fields that are references.
        variant: The variant.
        path: Where the step is written.
        resampled: Places, among the pooled axes of its first input, of those that vary a seed.
        family: Axes that a derived input takes whole.
        held_out: Axes along which a cell reads all but its own label.
        by: Row columns that make axes.
        bound: Seeds that are the label of an axis, with its name.
    """

    name: str
    kind: kinds.KindModule
    spec: Kind[Any]
    references: Iterable[str]
    variant: Variant
    path: Path_
    resampled: tuple[int, ...] = ()
    family: tuple[str, ...] = ()
    held_out: tuple[str, ...] = ()
    by: tuple[str, ...] = ()
    bound: Mapping[str, str] = {}


class Maker:
    """Makes nodes.

    Attributes:
        nodes: All nodes made; inputs come before what reads them.
        unavailable: Declared cells that their kinds cannot make.
    """

    def __init__(self, document: Document):
        self.document = document
        self.nodes: list[Node] = []
        self.unavailable: list[Unavailable] = []
        self._hidden: dict[str, Node] = {}
        self._levels: dict[tuple[Node | None, str], list[str]] = {}

    def make(
        self,
        written: Step,
        join: Join,
        targets: Mapping[str, set[str]],
        excepted: Callable[[Labels], bool],
        result: Relation,
    ) -> None:
        """Adds the cells of one variant to the relation of its step.

        Args:
            written: The step under the variant.
            join: Its cells with what they read.
            targets: The fields that each of the step's own axes varies.
            excepted: Whether a cell is left out.
            result: The relation that the cells are added to.

        Raises:
            AxisError: a cell is alone along an axis that is held out, or a column makes no axis.
        """
        for axis, labels in join.axes.items():
            result.axes.setdefault(axis, {}).update(labels)
        result.dropped += [{**written.variant.labels, **labels} for labels in join.dropped]
        params, named = params_of(written.kind.spec, written.spec, written.references)
        origin = written.variant.origin
        files = {f: self.document.resolve(value, origin.get(f, written.path)) for f, value in named.items()}
        made_by = [self._made(written, cell, result) for cell in join.cells]
        present = [
            cell
            for cell, made in zip(join.cells, made_by, strict=True)
            if not all(excepted({**cell.labels, **own}) for own in made)
        ]
        for axis in written.held_out:
            present = others(join, present, axis)
        read = {tuple(cell.labels.items()): cell for cell in present}
        whole = families(join, present if written.family else [], written.family)
        for cell, made in zip(join.cells, made_by, strict=True):
            for own in made:
                labels = {**cell.labels, **own}
                if excepted(labels):
                    result.dropped.append(labels)
                elif written.kind.spec.changes_nothing(written.spec):
                    result.entries.append(Entry(labels, None))
                else:
                    held = read[tuple(cell.labels.items())]
                    reason = written.kind.spec.unavailable(written.spec, held.inputs)
                    if reason is not None:
                        result.dropped.append(labels)
                        self.unavailable.append(Unavailable(written.name, labels, reason))
                        continue
                    node = self._node(written, held, own, params, files, targets, whole)
                    result.entries.append(Entry(node.labels, node))

    def _made(self, written: Step, cell: Joined, result: Relation) -> list[Labels]:
        """Labels of the axes that the kind makes in a cell; the axes are added to the relation."""
        made = written.kind.spec.made(written.spec)
        meaning = {axis: dict(zip(labels, labels, strict=True)) for axis, labels in made.items()}
        source = _rows_from(cell.inputs)
        for column in written.by:
            if (source, column) not in self._levels:
                self._levels[source, column] = levels(source, column, list(cell.labels))
            made = {**made, column: self._levels[source, column]}
            meaning[column] = {label: stands_for(label) for label in made[column]}
        for axis, labels in meaning.items():
            result.axes.setdefault(axis, {}).update(labels)
        return [dict(zip(made, labels, strict=True)) for labels in product(*made.values())]

    def _node(
        self,
        written: Step,
        cell: Joined,
        own: Labels,
        params: dict[str, Any],
        files: dict[str, Path],
        targets: Mapping[str, set[str]],
        whole: Callable[[Joined], Whole],
    ) -> Node:
        kind, seeds = written.kind, {field: int(cell.labels[axis]) for field, axis in written.bound.items()}
        written = written._replace(spec=written.spec.model_copy(update=seeds)) if seeds else written
        params = {**params, **seeds}
        inputs = {field: edges for field, edges in cell.inputs.items() if edges}
        for field, derived in kind.spec.derived.items():
            name = f"{written.name}/{field}"
            if not derived.across:
                inputs[field] = [Edge(self._derive(name, derived, written, cell, targets))]
            elif written.family:
                inputs[field] = [Edge(self._across(name, derived, written, cell, own, whole(cell)))]
        source = _rows_from(inputs)
        if kind.spec.looks_behind(written.spec) and source is not None:
            inputs["row_columns"] = [Edge(source)]
        inputs = {field: edges for field, edges in inputs.items() if field not in kind.spec.consumed}
        params = {**params, **told(kind, inputs)}
        node = Node(
            written.name,
            {**cell.labels, **own},
            kind,
            written.spec,
            {**params, "resampled": list(written.resampled)} if written.resampled else params,
            inputs,
            own,
            source,
            files,
            written.path,
            written.variant.origin,
            written.resampled,
        )
        if types.Rows in gives(kind.spec):
            node.rows_from = node
        self.nodes.append(node)
        return node

    def _derive(
        self, name: str, derived: Derived, written: Step, cell: Joined, targets: Mapping[str, set[str]]
    ) -> Node:
        """An input that the planner makes; the same one wherever it is needed again."""
        inputs = {field: cell.inputs[field] for field in derived.fields if cell.inputs.get(field)}
        axes = {axis for field in derived.fields for axis in cell.brought.get(field, ())}
        axes |= {axis for axis in written.variant.labels if targets[axis] & set(derived.fields)}
        labels = {axis: label for axis, label in cell.labels.items() if axis in axes}
        return self._shared(name, labels, derived, written, inputs, {})

    def _across(
        self, name: str, derived: Derived, written: Step, cell: Joined, own: Labels, whole: Whole
    ) -> Node:
        """An input that takes the family of a cell whole."""
        inputs = {field: whole[field] for field in (*derived.fields, "rows") if whole.get(field)}
        labels = {axis: label for axis, label in cell.labels.items() if axis not in written.family}
        levels = {column: own[column] for column in written.by}
        return self._shared(name, {**labels, **levels}, derived, written, inputs, levels)

    def _shared(
        self,
        name: str,
        labels: Labels,
        derived: Derived,
        written: Step,
        inputs: dict[str, list[Edge]],
        made: Labels,
    ) -> Node:
        kind = kinds.find(derived.kind)
        fields = {**derived.settings, **{field: getattr(written.spec, field) for field in derived.fields}}
        if derived.across:
            fields[derived.across] = list(written.family)
        inner = kind.spec.model_validate(fields)
        params, _ = params_of(kind.spec, inner, input_fields(kind.spec))
        return self.hidden(name, labels, kind, inner, params, inputs, made)

    def hidden(
        self,
        name: str,
        labels: Labels,
        kind: kinds.KindModule,
        spec: Kind[Any],
        params: dict[str, Any],
        inputs: Mapping[str, list[Edge]],
        made: Labels,
    ) -> Node:
        """A node that no step of the study is; the same one wherever it is needed again."""
        read = {f: [[id(e.node), e.column, list(e.pooled)] for e in edges] for f, edges in inputs.items()}
        identity = digest([kind.name, params, read, dict(made)])
        if identity not in self._hidden:
            source = _rows_from(inputs)
            if kind.spec.looks_behind(spec) and source is not None:
                inputs = {**inputs, "row_columns": [Edge(source)]}
            node = Node(name, labels, kind, spec, params, dict(inputs), made, source)
            self._hidden[identity] = node
            self.nodes.append(node)
        return self._hidden[identity]


def told(kind: kinds.KindModule, inputs: Mapping[str, list[Edge]]) -> dict[str, Json]:
    """The labels that a kind is told, as they enter its key."""
    if not kind.spec.labelled:
        return {}
    found: dict[str, Json] = {
        field: [[list(pair) for pair in edge.labels] for edge in edges]
        for field, edges in inputs.items()
        if any(edge.labels for edge in edges)
    }
    return {"labels": found}


def _rows_from(inputs: Mapping[str, list[Edge]]) -> Node | None:
    """Where the rows of a cell come from: its `rows`, else its first input that has any."""
    for edges in (inputs.get("rows", []), *inputs.values()):
        for edge in edges:
            if edge.node.rows_from is not None:
                return edge.node.rows_from
    return None
